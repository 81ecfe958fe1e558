#!/bin/bash
#SBATCH --job-name=lstm2048_adaptive
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=72:00:00
#SBATCH --mem-per-cpu=2G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# LSTM of 2048 cells with the adaptive softmax of "Efficient softmax approximation for GPUs" (Grave et al. 2016; on LM1B its
# test perplexity is 43.9, after two days on one GPU).  As in the authors' published code and its command for LM1B:
#   - 793,471 words (seen at least 3 times) in a short list of 4,000 and clusters up to 40,000, 200,000 and all words, whose
#     widths go down by 4; word vectors of 256; dropout 0.01 before and after the LSTM
#   - 128 streams cut out of the text once, 20 steps, state carried on; after </S> the next input is </S>
#   - Adagrad 0.1, accumulators from 1e-5; the embedding has one accumulator a row, of the row's mean square, and is not
#     clipped; the norm of all other gradients is at most 0.25
#   - 10 epochs, the rate halved after each from the fifth on; loss is the mean over the block's words
#   - word vectors U(-0.1, 0.1); cells and their biases, two a gate, as cuDNN's, U(+-1/sqrt(2048)); each matrix of the softmax
#     U(+-1/sqrt(its inputs))
# The code sums a word's squared gradients over its places in a block, ours squares their sum.  The code puts </S> before the
# text until it fills whole blocks, and trains on these and scores them, too (some 1 % of the test's words, easy ones: to its
# advantage); ours does not.
#
#   sbatch --gpus-per-task=1 jobs/train_lstm2048_adaptive.sh
#   bash jobs/train_lstm2048_adaptive.sh --dry-run        memory (2.8 GiB) and hours, without training

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
CORPUS=${CORPUS:-lm1b}
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"
# shellcheck source=jobs/neural.sh
. "$home/jobs/neural.sh"

parse_arguments "$@"

recipe=(
  --hidden 2048 --embedding 256
  --initial range --initial-range 0.02209709 --initial-embedding 0.1 --initial-output-fan-in --initial-biases --two-biases
  --dropout 0.01
  --softmax adaptive --cutoffs "4000,40000,200000"
  --context carry --begin '</S>' --valid-streams 128
  --batch 128 --bptt 20 --epochs "${EPOCHS:-10}"
  --loss token-mean
  --optimiser adagrad --rate 0.1 --accumulator 1e-5 --row-wise --epsilon 1e-10
  --schedule step --decay 0.5 --decay-after 5
  --clip 0.25 --clip-group but-embedding
  --select last
)
evaluation=(--streams 128) # as the code evaluates; the number is stored with the result
need_gpu lstm2048_adaptive "${recipe[@]}"
run_neural_system lstm2048_adaptive "${recipe[@]}"

#!/bin/bash
#SBATCH --job-name=rnn2048_blackout
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=240:00:00
#SBATCH --mem-per-cpu=5G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Simple recurrent network of 2048 sigmoid units trained by BlackOut: "BlackOut: Speeding up Recurrent Neural Network Language
# Models With Very Large Vocabularies" (Ji et al. 2016; with 1,000,000 words its test perplexity is 68.3, after days
# on one machine without a GPU).  As in the authors' published code and its command for LM1B:
#   - a word's vector of 2048 is added to the hidden layer as it is; no biases
#   - each of the 20 steps of a block draws 2000 samples from counts to the power 0.1, shared by the batch, <UNK> always among
#     them; copies of a target do not count for it
#   - 128 streams, the state reset at each sentence; the input before a sentence is </S>
#   - RMSProp with decay 0.9995 (of a row that a block is expected to touch n times: to the power 1/n), the squares' weight 0.0005,
#     1e-6 beside the root; rate 5e-4, times 0.8 after each epoch, 0.7 after one that made validation worse; 30 epochs, of which
#     the last network counts
#   - the norm of the gradient, of the mean over the block's words, is at most 1; all initial values U(-0.08, 0.08)
# The code leaves <UNK> out of its perplexity, here it counts; our vocabulary has the words seen at least 3 times, 793,471.
# It hands each sentence to the stream that is shortest so far, ours are cut out of the text once; in its gradient of the
# recurrent matrix the first step of each block is missing, ours has it; it floors exp() at 1e-7 and lets no second sample be <UNK>,
# neither of which is done here.
#
#   sbatch --cpus-per-task=32 jobs/train_rnn2048_blackout.sh
#   bash jobs/train_rnn2048_blackout.sh --dry-run         memory and hours, without training

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
  --cell rnn-sigmoid --hidden 2048 --one-hot --no-cell-bias --no-output-bias
  --initial range --initial-range 0.08
  --softmax blackout --samples 2000 --proposal power --alpha 0.1 --samples-of step
  --context reset --begin '</S>'
  --batch 128 --bptt 20 --epochs "${EPOCHS:-30}"
  --loss token-mean
  --optimiser rmsprop --rate 0.0005 --beta2 0.9995 --epsilon 1e-6
  --schedule step --decay 0.8 --decay-after 1 --decay-worse 0.7
  --clip 1
  --select last
)
run_neural_system rnn2048_blackout "${recipe[@]}"

#!/bin/bash
#SBATCH --job-name=lstm2048_adam
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=72:00:00
#SBATCH --mem-per-cpu=3G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# LSTM of 2048 cells whose output, but not its state, goes through a projection to 256 (published as code by rdspring1, the
# best recipe for one GPU: on LM1B 42.71 after 5 epochs and 39.98 after 10 in its log, 54 hours).  As in that code and log:
#   - word vectors of 256; dropout 0.01 before the LSTM and after the projection; 8192 log-uniform samples a step, loss the
#     mean over the block's words
#   - 1024 streams, 20 steps, state carried on; <S> is the input before a sentence
#   - Adam, 8 times 5e-4, falling evenly to 0 over the 10 epochs; each group's gradient norm is at most 1
#   - cells and biases, two a gate, U(+-1/sqrt(2048)), projection U(+-sqrt(3/(256 + 2048))), word vectors
#     U(+-sqrt(3/(V + 256))), softmax and its biases U(+-1/16)
# The code rounds its samples where they are to be cut, and samples from one word less; ours does not.  It updates all softmax
# biases in every step, ours those of the step's words; adds epsilon before Adam's bias correction, ours after it; and gives a
# stream that has come to a sentence's end the next sentence of the text, until one has none, where ours cuts the text into as
# many pieces as there are streams.
#
#   sbatch --gpus-per-task=1 jobs/train_lstm2048_adam.sh
#   bash jobs/train_lstm2048_adam.sh --dry-run        memory (6.8 GiB) and hours, without training

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
  --hidden 2048 --output-projection 256 --embedding 256
  --initial range --initial-range 0.02209709 --initial-embedding 0.00194414 --initial-projection 0.03608439
  --initial-output 0.0625 --initial-biases --two-biases
  --dropout 0.01
  --softmax sampled --samples 8192
  --context carry --begin '<S>' --valid-streams 32
  --batch 1024 --bptt 20 --epochs "${EPOCHS:-10}"
  --loss token-mean
  --optimiser adam --rate 0.004 --beta1 0.9 --beta2 0.999 --epsilon 1e-8 --schedule linear
  --clip 1 --clip-group each
  --select last
)
evaluation=(--streams 32) # one stream would leave a wide network idle; the number is stored with the result
need_gpu lstm2048_adam "${recipe[@]}"
run_neural_system lstm2048_adam "${recipe[@]}"

#!/bin/bash
#SBATCH --job-name=rnn2048_blackout
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=240:00:00
#SBATCH --mem=40G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Simple recurrent network of 2048 sigmoid units trained by BlackOut: "BlackOut: Speeding up Recurrent Neural Network Language
# Models With Very Large Vocabularies" (Ji et al. 2016; with 1,000,000 words its test perplexity is 68.3, after days
# on one machine without a GPU).  As in the authors' published code and its command for LM1B:
#   - a word's vector of 2048 is added to the hidden layer as it is; no biases
#   - 2000 samples a step from counts to the power 0.1, shared by the batch, <UNK> always among them; copies of a target do
#     not count for it
#   - 128 streams, 20 steps, the state reset at each sentence; the input before a sentence is </S>
#   - RMSProp with decay 0.9995 (of a row that is touched in fewer than all steps: to the power of the steps between two touches),
#     1e-6 inside the root; rate 5e-4, times 0.8 after each epoch, 0.7 after one that made validation worse; at most 30 epochs
#   - the norm of the gradient, of the mean over the block's words, is at most 1; all initial values U(-0.08, 0.08)
# The code leaves <UNK> out of its perplexity, here it counts; our vocabulary has the words seen at least 3 times, 793,471.
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
  --softmax blackout --samples 2000 --proposal power --alpha 0.1
  --context reset --begin '</S>'
  --batch 128 --bptt 20 --epochs "${EPOCHS:-30}"
  --loss token-mean
  --optimiser rmsprop --rate 0.0005 --beta2 0.9995 --epsilon 1e-6
  --schedule step --decay 0.8 --decay-after 1 --decay-worse 0.7
  --clip 1
)
run_neural_system rnn2048_blackout "${recipe[@]}"

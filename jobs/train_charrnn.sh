#!/bin/bash
#SBATCH --job-name=charrnn
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=12:00:00
#SBATCH --mem-per-cpu=4G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The minimal character-level recurrent network as it is taught (Karpathy, "The Unreasonable Effectiveness of Recurrent Neural
# Networks", 2015, min-char-rnn): 100 tanh units on one-hot characters, the loss summed over 25 steps, Adagrad 0.1 with 1e-8 inside
# the root (an accumulator that starts there is the same), N(0, 0.01) weights, one stream, gradients cut at 5, and a text of 200
# characters every 100 steps, in samples.tsv.  Departures: it ends after some epochs (the original never does), and the last characters of an
# epoch that fill no block are learnt from, too.
#
# It reads characters, not words: in the table its perplexity is exp(nats of all characters / events of words), and it spells what
# is <UNK> to the others.  train_events are characters.

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"
# shellcheck source=jobs/neural.sh
. "$home/jobs/neural.sh"

parse_arguments "$@"

characters=1
recipe=(
  --cell rnn-tanh --one-hot --hidden 100
  --initial normal --initial-range 0.01
  --softmax full
  --context carry --begin '</S>'
  --batch 1 --bptt 25 --epochs "${EPOCHS:-5}"
  --loss step-sum
  --optimiser adagrad --rate 0.1 --accumulator 1e-8 --epsilon 0
  --clip-value 5
  --select last
  --sample-steps 100 --sample-length 200
)
run_neural_system charrnn "${recipe[@]}"

#!/bin/bash
#SBATCH --job-name=zaremba_small
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=4:00:00
#SBATCH --mem-per-cpu=1G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The small network of "Recurrent Neural Network Regularization" (Zaremba, Sutskever and Vinyals 2014): 2 layers of 200 LSTM
# units without dropout; on the Penn Treebank its perplexity is 120.7 on the validation and 114.5 on the test text (table 1).
# As in the authors' published code:
#   - all parameters, biases too, two a gate, U(-0.1, 0.1); 20 streams cut out of the text once, 20 steps, state carried on; at
#     the end of a sentence </S> is the next input
#   - loss summed over the steps, mean over the streams; one gradient norm of all parameters, at most 5
#   - rate 1, halved after each epoch from the fifth on ("epoch > max_epoch", which is 4), 13 epochs; the last network counts
# The code scores the validation text as 20 streams, ours as one.
#
# The corpus is a folder with the Treebank's train.txt, valid.txt and test.txt (10,000 words, <unk> among them);
# on two cores it takes less than an hour:
#   make pipeline CORPUS=/path/to/ptb UNK='<unk>' MINCOUNT=1 SYSTEMS=zaremba_small

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

recipe=(
  --layers 2 --hidden 200 --embedding 200
  --initial range --initial-range 0.1 --initial-biases --two-biases
  --softmax full
  --context carry --begin '</S>'
  --batch 20 --bptt 20 --epochs "${EPOCHS:-13}"
  --loss step-sum
  --optimiser sgd --rate 1 --schedule step --decay 0.5 --decay-after 5
  --clip 5
  --select last
)
run_neural_system zaremba_small "${recipe[@]}"

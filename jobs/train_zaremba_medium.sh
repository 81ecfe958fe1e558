#!/bin/bash
#SBATCH --job-name=zaremba_medium
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=24:00:00
#SBATCH --mem-per-cpu=1G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The medium network of "Recurrent Neural Network Regularization" (Zaremba, Sutskever and Vinyals 2014): 2 layers of 650 LSTM
# units, half of the values dropped before and after every layer; on the Penn Treebank its perplexity is 86.2 on the
# validation and 82.7 on the test text (table 1).  Section 4.1 gives its sizes; else it is as train_zaremba_small.sh:
#   - all parameters U(-0.05, 0.05); 20 streams, 35 steps; gradient norm at most 5
#   - rate 1, divided by 1.2 after each epoch from the seventh on (after 6 epochs, as the authors' code counts), 39 epochs
#
#   make pipeline CORPUS=/path/to/ptb UNK='<unk>' MINCOUNT=1 SYSTEMS=zaremba_medium

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
  --layers 2 --hidden 650 --embedding 650
  --initial range --initial-range 0.05 --initial-biases --two-biases
  --dropout 0.5
  --softmax full
  --context carry --begin '</S>'
  --batch 20 --bptt 35 --epochs "${EPOCHS:-39}"
  --loss step-sum
  --optimiser sgd --rate 1 --schedule step --decay 0.8333333333 --decay-after 7
  --clip 5
  --select last
)
run_neural_system zaremba_medium "${recipe[@]}"

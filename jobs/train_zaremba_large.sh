#!/bin/bash
#SBATCH --job-name=zaremba_large
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=48:00:00
#SBATCH --mem-per-cpu=1G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The large network of "Recurrent Neural Network Regularization" (Zaremba, Sutskever and Vinyals 2014): 2 layers of 1500 LSTM
# units, 65 % of the values dropped before and after every layer; on the Penn Treebank its perplexity is 82.2 on the
# validation and 78.4 on the test text (table 1).  Sizes as in the authors' code; else it is as train_zaremba_small.sh:
#   - all parameters U(-0.04, 0.04); 20 streams, 35 steps; gradient norm at most 10
#   - rate 1, divided by 1.15 after each epoch from the fifteenth on ("epoch > max_epoch", which is 14), 55 epochs
#
#   make pipeline CORPUS=/path/to/ptb UNK='<unk>' MINCOUNT=1 SYSTEMS=zaremba_large

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
  --layers 2 --hidden 1500 --embedding 1500
  --initial range --initial-range 0.04 --initial-biases --two-biases
  --dropout 0.65
  --softmax full
  --context carry --begin '</S>'
  --batch 20 --bptt 35 --epochs "${EPOCHS:-55}"
  --loss step-sum
  --optimiser sgd --rate 1 --schedule step --decay 0.8695652174 --decay-after 15
  --clip 10
  --select last
)
need_gpu zaremba_large "${recipe[@]}"
run_neural_system zaremba_large "${recipe[@]}"

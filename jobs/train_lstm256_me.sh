#!/bin/bash
#SBATCH --job-name=lstm256_me
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=4:00:00
#SBATCH --mem-per-cpu=4G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The network of train_lstm256_hierarchical.sh with weights for n-grams of up to 4 words beside it, as in train_rnn256_me.sh.

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
  --hidden 256
  --dropout 0.3
  --softmax hierarchical
  --ngrams 4 --ngram-weights 16777216 --ngram-rate 3
  --batch 16 --bptt 35 --epochs "${EPOCHS:-4}"
  --optimiser adam --rate 0.003 --schedule linear
  --clip 1
)
run_neural_system lstm256_me "${recipe[@]}"

#!/bin/bash
#SBATCH --job-name=window
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
# Fixed-window feed-forward network (Bengio et al. 2003, "A Neural Probabilistic Language Model"): the embeddings of the last
# four words side by side, a layer of tanh units, the full softmax; without the direct connections from the embeddings to the
# output, which the paper has as an option (`train --direct`).  Sizes and optimiser are those of the other small networks
# here: Adam and dropout take the place of the paper's plain gradient descent and weight decay, for minutes on two cores.

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
  --cell feed-forward --window 4 --hidden 256 --embedding 128
  --dropout 0.3
  --softmax full
  --batch 16 --bptt 35 --epochs "${EPOCHS:-4}"
  --optimiser adam --rate 0.003 --schedule linear
  --clip 1
)
run_neural_system window "${recipe[@]}"

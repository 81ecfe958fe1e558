#!/bin/bash
#SBATCH --job-name=lstm256_blackout
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
# The network of train_lstm256.sh, trained by BlackOut (Ji et al. 2016): samples from counts to a power, shared by the step, that
# the target is told from one by one; and at twice its rate, after a warm-up, without which that rate diverges on a larger text.
# Evaluated over the whole vocabulary like every system.

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
  --softmax blackout --samples 4096 --proposal power --alpha 0.4
  --batch 16 --bptt 35 --epochs "${EPOCHS:-4}"
  --optimiser adam --rate 0.006 --warmup 400 --schedule linear
  --clip 1
)
run_neural_system lstm256_blackout "${recipe[@]}"

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
# the target is told from one by one.  Not with the authors' copies of a word that is drawn several times: with so many samples of
# so few words the commonest ones are in every draw, and those copies cost some 8 % of the perplexity.
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
  --softmax blackout --samples 4608 --proposal power --alpha 0.6 --distinct
  --batch 16 --bptt 35 --epochs "${EPOCHS:-4}"
  --optimiser adam --rate 0.003 --schedule linear
  --clip 1
)
run_neural_system lstm256_blackout "${recipe[@]}"

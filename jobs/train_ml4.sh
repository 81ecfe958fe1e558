#!/bin/bash
#SBATCH --job-name=ml4
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=2:00:00
#SBATCH --mem=32G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Maximum likelihood 4-gram with back-off: c(hw) / c(h) where hw was seen, else what the shorter history says, normalised.
# That is Stupid Backoff with alpha = 1: nothing is discounted, and what the unseen gets is the normaliser's doing.  Not in a
# paper's table.  Its counts are those of the 5-grams.

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"
# shellcheck source=jobs/ngram.sh
. "$home/jobs/ngram.sh"

parse_arguments "$@"

run_ngram_system ml4 --order 5 -- --smoothing ml --order 4

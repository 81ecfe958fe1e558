#!/bin/bash
#SBATCH --job-name=sbo5
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
# Stupid Backoff 5-gram, S(w|h) = c(hw) / c(h) where hw was seen, else 0.4 S(w|h') (Brants et al. 2007, section 4: alpha = 0.4),
# normalised over the whole vocabulary, without which it is no distribution.  Test perplexity 87.9 with 1.13 G
# parameters, the n-grams alone: back-off weights follow from counts and alpha (Chelba et al. 2013, table 1).

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

run_ngram_system sbo5 --order 5 -- --smoothing sbo --alpha 0.4

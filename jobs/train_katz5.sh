#!/bin/bash
#SBATCH --job-name=katz5
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
# Katz 5-gram: Good-Turing discounts d_r for counts r of at most k, and back-off to the shorter history with what they leave
# over (Katz 1987); unigrams are relative frequencies.  No count cut-offs, unpadded: 1,127,359,057 n-grams of LM1B.  Test
# perplexity 79.9 with 1.74 G parameters (Chelba et al. 2013, table 1).  k = 5 is Katz's own; that paper does not say its.
# Where a text is too small for an order's discounts to be estimated, counts up to k lose 0.5, and the row's note says so.

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

run_ngram_system katz5 --order 5 -- --smoothing katz --katz-most 5 --discount-fallback

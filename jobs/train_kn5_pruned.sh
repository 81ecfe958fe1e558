#!/bin/bash
#SBATCH --job-name=kn5_pruned
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=4:00:00
#SBATCH --mem=48G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# `kn5` after entropy pruning (Stolcke 1998) to 15 M of its n-grams on LM1B; on other corpora to the same share, a 75th.  Test
# perplexity 243.2 with 0.03 G parameters, against 67.6 unpruned (Chelba et al. 2013, table 1); left were 793,471 8,702,286
# 4,215,561 461,927 and 16,912 n-grams of orders 1 to 5, 14,190,157 in all, of padded counts.  So bad a number is the
# point: Kneser-Ney's shorter n-grams are no marginal distributions, and the criterion's p(h) is wrong, as is what is
# backed off to (Chelba, Brants, Neveitt and Xu 2010).  The unpruned model is made where it is missing.

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

run_pruned_system kn5_pruned kn5

#!/bin/bash
#SBATCH --job-name=katz5_pruned
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
# `katz5` after entropy pruning (Stolcke 1998) to 15 M of its n-grams on LM1B; on other corpora to the same share, a 75th.  Test
# perplexity 127.5 with 0.03 G parameters, against 79.9 unpruned (Chelba et al. 2013, table 1); left were 793,471 6,028,697
# 6,023,662 1,818,975 and 178,586 n-grams of orders 1 to 5, 14,843,391 in all.  The unpruned model is made where it is
# missing.

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

run_pruned_system katz5_pruned katz5

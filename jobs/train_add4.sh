#!/bin/bash
#SBATCH --job-name=add4
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
# Additive smoothing of 4-grams: (c(hw) + delta) / (c(h) + delta (V - 1)), uniform where the history was not seen (Lidstone
# 1920).  Not in a paper's table; poor, as what it gives to the unseen takes no notice of the word.

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

# Best on the validation text of `classics`: perplexity 2877, with 0.01 3397, with 0.0001 3470; within 0.3 % of the best on
# wikitext-2's.
run_ngram_system add4 --order 5 -- --smoothing add --delta 0.001 --order 4

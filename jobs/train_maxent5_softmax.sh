#!/bin/bash
#SBATCH --job-name=maxent5_softmax
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=6:00:00
#SBATCH --mem=32G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Maximum entropy 5-gram (Rosenfeld 1996): p(w|h) is the softmax of sums of weights, one for each n-gram of orders 1 to 5 that
# w was seen in, fitted to the likelihood less a penalty of 0.5 |weight| + weight^2 / 12 (Chen's, 2009, for n-grams of any
# order and text) by iterative scaling, until a sweep wins less than 1e-4 nats an event.  Test perplexity on the Penn Treebank
# 142.1, and 138.7 in a mixture with kn5 (Mikolov 2012, table 4.1, which does not say its penalty).

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

run_ngram_system maxent5_softmax --order 5 -- --smoothing maxent --l1 0.5 --variance 6 --tolerance 1e-4

#!/bin/bash
#SBATCH --job-name=maxent5
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
# Binary maximum entropy 5-gram (Xu, Gunawardana and Khudanpur 2011): for each word a logistic classifier whose features are the
# n-grams of orders 1 to 5 that it was seen in, each trained by itself, normalised over the vocabulary when it is used.  Test
# perplexity 115.4 with 1.13 G parameters, a weight for each n-gram, on 5,000 machines (Chelba et al. 2013, table 1).
#
# Departures: that paper draws one negative example in a thousand, all of them count here; its optimiser and penalty are not
# published: here iterative scaling until a sweep wins less than 1e-4 nats an event, and, but for unigrams, a penalty of
# 0.5 |weight| + weight^2 / 12, which is Chen's (2009) for n-grams of any order and text.

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

run_ngram_system maxent5 --order 5 -- --smoothing maxent-binary --l1 0.5 --variance 6 --tolerance 1e-4

#!/bin/bash
#SBATCH --job-name=kn5
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
# Interpolated modified Kneser-Ney 5-gram without count cut-offs: p(w|h) = (a(hw) - D(a(hw))) / a(h) + gamma(h) p(w|h'), with
# three discounts an order, estimated from the adjusted counts a, and unigrams interpolated with the uniform
# distribution (Chen & Goodman 1998, section 4.1.6).  No free parameter.  The best n-gram model of the 2013 table: test
# perplexity 67.6 with 1.76 G parameters (Chelba et al. 2013, table 1).  Where a text is too small for an order's discounts to
# be estimated, they are 0.5, 1 and 1.5, and the row's note says so.
#
# Counted unpadded, as kenlm's lmplz does: a sentence's first words have histories that end at <S>.  The paper's inventory of
# 1,144,786,820 n-grams is the padded one, with </S> </S> </S> <S> before the first word: --order 5 --pad.

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

run_ngram_system kn5 --order 5 -- --smoothing kn --discount-fallback

#!/bin/bash
#SBATCH --job-name=prepare_classics
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=0:20:00
#SBATCH --mem=4G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The text of the corpus `classics`: nine novels out of Debian packages, fetched, cleaned, tokenised and split, about a
# million words in work/corpus/classics/{train,valid,test}.txt.  The work is done by tools/corpus_classics, which needs
# apt-get and dpkg and the network, so that it may have to run on the login node.

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
CORPUS=classics TOKENIZE=
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"

case ${1:-} in
'') ;;
-h | --help) show_help "" ;;
*) fail_usage "it takes no arguments" ;;
esac
need_single_task
need_programs rdata_text tokenize split content_hash
forward_signals
BILLIONWORD_BIN=$bin stoppable "$home/tools/corpus_classics" "$text" || { status=$? && leave_if_asked; exit $status; }

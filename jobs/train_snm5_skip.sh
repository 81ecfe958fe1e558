#!/bin/bash
#SBATCH --job-name=snm5_skip
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --mem=32G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Sparse non-negative matrix model of 5-grams and skip-grams (Shazeer, Pelemans and Chelba 2015): each context of the history that
# the training text has seen gives its words their relative frequencies, times a factor for its kind and counts; their sum is
# normalised.  The factors know nothing of words and are fitted to the multinomial loss on the validation text (Chelba and
# Pereira 2016: as good as those of the first paper, by far simpler).  Skip-grams have up to 2 words, 3 or fewer that are
# left out, and up to 2 words before the predicted one, 5 in all at most.
#
# Of the family of SNM10-skip, whose test perplexity is 52.9 with 33 G parameters; that has words up to 10 back and long skips that
# count as one kind.  `params` are the links: pairs of a context and a word that the training text has.
# Of the validation text, which the factors were fitted to, each half is scored with factors fitted to the other: its perplexity,
# and its weight in a mixture, are as of a text that they do not know.

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

recipe=(--order 5 --skipped 3 --remote 2 --adjacent 2)

start_ngram_system
need_programs snm
model=$data/snm5_skip/model.snm
fit_command=("$bin/snm" --vocab "$vocab" --fit "$data/valid.shard" "${recipe[@]}" --output "$model" "${train_shards[@]}")
if [ -n "$dry_run" ]; then
  budgeted "${fit_command[@]}" --dry-run || exit
  exit
fi
step "Fitting snm5_skip on $corpus"
make_alone "${model%/*}/.lock" "$model" "$vocab" "$data/valid.shard" "${train_shards[@]}" -- budgeted "${fit_command[@]}"
step "Scoring snm5_skip"
for split in valid test; do
  leave_if_asked
  scores=${model%/*}/$split.scores
  as=(--score "$data/$split.shard")
  [ $split != valid ] || as+=(--cross-fit)
  make_file "$scores" "$model" "$vocab" "$data/$split.shard" "${train_shards[@]}" -- budgeted "$bin/snm" --vocab "$vocab" \
    --model "$model" "${as[@]}" --output "$scores" "${train_shards[@]}"
done
add_row snm5_skip "$model"
finish_system

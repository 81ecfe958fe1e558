#!/bin/bash
#SBATCH --job-name=prepare_corpus
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=12:00:00
#SBATCH --mem=8G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# From text to what the systems read: vocab.tsv and train, valid and test shards, for the corpus CORPUS.
#
#   classics     the default: novels out of Debian packages; its text is made by jobs/prepare_classics.sh
#   lm1b         the One Billion Word benchmark, text made by jobs/prepare_lm1b.sh from LM1B_TAR= or LM1B_RAW=
#   a folder     with train.txt, valid.txt and test.txt (or .zst, .gz), one sentence a line.  The text counts as tokenised
#                already (TOKENIZE=none); TOKENIZE=lm1b passes it through the benchmark's tokenizer first.
#
# MINCOUNT=3  words seen less often in train become <UNK>, with  MAXWORDS=N  all but the N commonest;
# UNK=SYMBOL  the text's own unknown word, read as <UNK>.

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"

case ${1:-} in
'') ;;
-h | --help) show_help "" ;;
*) fail_usage "it takes no arguments: CORPUS, TOKENIZE, MINCOUNT, MAXWORDS and UNK come from the environment" ;;
esac
need_single_task
[ -z "${MINCOUNT:-}" ] || need_number MINCOUNT "$MINCOUNT" 1 "occurrences that make a word"
[ -z "${MAXWORDS:-}" ] || need_number MAXWORDS "$MAXWORDS" 1 "words that stay"
expect_steps 3
forward_signals

# The text: nothing to do for a tokenised folder; else the project's own recipes, or the tokenizer.
prepare_text() {
  local split target status
  if [ -z "$origin" ]; then
    if [ -e "$text/valid.txt" ] && [ -e "$text/test.txt" ] && { [ -e "$text/train.txt" ] || [ -d "$text/train" ]; }; then return; fi
    announce
    stoppable env -u STEPS_BEFORE -u STEPS_TOTAL -u PIPELINE_DID BILLIONWORD_PART=1 "$home/jobs/prepare_$corpus.sh" >&2 || {
      status=$?
      [ $status != 75 ] || progressed=1
      leave_if_ended
      exit $status
    }
    progressed=1
  elif [ "$text" != "$origin" ]; then
    need_programs tokenize
    for split in train valid test; do
      need_split "$origin" "$split"
      target=$text/$split.txt
      make_file "$target" "${texts[@]}" -- "$bin/tokenize" --output "$target" "${texts[@]}"
    done
  fi
}

# need_split FOLDER SPLIT: sets `texts`, or says what a corpus folder has to hold.
need_split() {
  find_texts "$1" "$2"
  [ ${#texts[@]} -gt 0 ] ||
    fail "$1 has no $2.txt (nor .zst, .gz): a corpus folder holds train.txt, valid.txt and test.txt; $bin/split cuts one text into parts"
}

make_shard() { # SHARD TEXT...
  make_file "$1" "${@:2}" "$data/vocab.tsv" -- "$bin/shard" --vocab "$data/vocab.tsv" "${unk[@]}" --output "$1" "${@:2}"
}

unk=()
[ -z "${UNK:-}" ] || unk=(--unk "$UNK")
need_programs vocab shard

step "Preparing the text of $corpus"
if [ -n "$origin" ]; then for split in train valid test; do need_split "$origin" "$split"; done; fi
need_writable WORK "$data"
need_writable WORK "$work/corpus"
claim_name "$data"
prepare_text
for split in train valid test; do need_split "$text" "$split"; done # all looked at before any is read

step "Building the vocabulary of $corpus"
find_texts "$text" train
make_file "$data/vocab.tsv" "${texts[@]}" -- \
  "$bin/vocab" --min-count "${MINCOUNT:-3}" ${MAXWORDS:+--max-words "$MAXWORDS"} "${unk[@]}" \
  --output "$data/vocab.tsv" "${texts[@]}"

step "Writing the shards of $corpus"
if [ -d "$text/train" ]; then
  for file in "${texts[@]}"; do make_shard "$data/train/$(basename "$file" .txt).shard" "$file"; done
  shards=("$data/train"/*.shard)
  [ ${#shards[@]} = ${#texts[@]} ] || fail "$data/train holds shards of other texts: remove the folder and run this again"
else
  make_shard "$data/train.shard" "${texts[@]}"
fi
for split in valid test; do
  find_texts "$text" "$split"
  make_shard "$data/$split.shard" "${texts[@]}"
done
[ -n "$progressed${PIPELINE_DID:-}" ] || say "nothing to do: $corpus is up to date"

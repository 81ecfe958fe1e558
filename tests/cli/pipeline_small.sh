#!/usr/bin/env bash
# Text to table on a corpus of a few hundred sentences; a second run does nothing; a system that fails leaves the others
# their rows.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK="$PWD/the work" RESULTS="$PWD/the results" CORPUS="small corpus" DEVICE=cpu THREADS=1
pipeline=$BILLIONWORD_HOME/jobs/pipeline.sh
mkdir "$CORPUS"
for split in train:200 valid:30 test:40; do
  awk -v n="${split#*:}" 'BEGIN { srand(n); for (i = 0; i < n; i++) { s = ""; for (k = 0; k < 8; k++) s = s "w" int(50 * rand() * rand()) " "; print s "." } }' \
    >"$CORPUS/${split%:*}.txt"
done
table="$RESULTS/small_corpus/perplexity.tsv"

SYSTEMS="unigram lstm256" "$pipeline" >out 2>said || fail "$(cat said)"
for title in '2/7 Building the vocabulary' '3/7 Writing the shards' '4/7 Estimating unigram' '5/7 Evaluating unigram' \
  '6/7 Training lstm256' '7/7 Evaluating lstm256'; do
  grep -q "^=== $title" said || fail "no step $title: $(cat said)"
done
[ "$(tail -n 1 out)" = "$table" ] || fail "the path of the table is not the last line: $(cat out)"
for system in unigram lstm256; do
  grep -P "^$system\t" "$table" | grep -qP '\tVALID\t' || fail "no valid row of $system: $(cat "$table")"
  grep -q "$system" out || fail "no row of $system in the table printed: $(cat out)"
done
# 40 sentences of 9 words and an end each
expect_output 400 awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "events") c = i } $1 == "unigram" { print $c }' "$table"

SYSTEMS="unigram lstm256" "$pipeline" >again 2>said
expect_output 'pipeline.sh: nothing to do: everything is up to date' cat said
same_file out again
[ -z "$(find "$WORK" "$RESULTS" -newer out -type f ! -name .lock)" ] || fail "made again: $(find "$WORK" "$RESULTS" -newer out)"

# 2048 samples are more than this vocabulary has words.
rm "$RESULTS/small_corpus/rows/unigram.json"
fails_with 1 "pipeline.sh: failed: lstm256_sampled; the reasons are above" env SYSTEMS="lstm256_sampled unigram" "$pipeline" >out
grep -q unigram out || fail "no row of unigram: $(cat out)"

: >file
fails_with 1 "small_corpus/rows cannot be written, since $PWD/file is not a folder" env RESULTS="$PWD/file" "$BILLIONWORD_HOME/jobs/train_lstm256.sh"

# A recipe that wants a GPU forecasts, and leaves the CPU to the user; --dry-run forecasts and is content.
mkdir wide
seq 9000 | sed 's/^/w/' | paste -sd '          \n' >once
cat once once once >wide/train.txt
cat "$CORPUS"/valid.txt{,} >wide/valid.txt # as many sentences as the recipe has pieces
cp "$CORPUS/test.txt" wide/
export CORPUS=wide
"$BILLIONWORD_HOME/jobs/prepare_corpus.sh" 2>said
DEVICE=cpu "$BILLIONWORD_HOME/jobs/train_lstm2048.sh" --dry-run >said 2>&1 || fail "$(cat said)"
[[ $(cat said) == *'forecast: '*' of memory a rank'*'forecast: '*' epochs in about '*' (matrix products'* ]] || fail "no forecast: $(cat said)"
if ! nvidia-smi -L >/dev/null 2>&1; then
  fails_with 1 'run it with --device cpu' env -u DEVICE "$BILLIONWORD_HOME/jobs/train_lstm2048.sh"
fi
[ ! -e "$WORK/wide/lstm2048" ] || fail "a forecast left something: $(find "$WORK/wide/lstm2048")"

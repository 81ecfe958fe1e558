#!/usr/bin/env bash
# report table: assembled from rows, the best first; damaged rows are left out; jobs that finish at once lose nothing.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/report_fixture"

make_fixture
fails_with 1 'results/mini/rows: there are no rows to make a table of: run jobs/train_<system>.sh' \
  report table --corpus mini results/mini
report_unigram unigram mini results --note 'one | two' >/dev/null
report table --quiet --corpus mini results/mini >stdout
same_file stdout results/mini/perplexity.md
report_full() { report table --quiet --corpus mini results/mini >/dev/full; }
fails_with 1 'cannot write to stdout: No space left on device' report_full
inspect results/mini/rows/unigram.json | grep -q "^kind$(printf '\t')row of the table" || fail "inspect does not know a row"
[ -f results/mini/perplexity.tsv.manifest.json ] || fail "no manifest"
expect_output 'system params model_bytes processors train_events train_seconds ppl_valid ppl_test ppl_test_low ppl_test_high events oov context status published_ppl note' \
  bash -c 'head -n 1 results/mini/perplexity.tsv | tr "\t" " "'
[ "$(wc -l <results/mini/perplexity.tsv)" = 2 ] || fail "$(cat results/mini/perplexity.tsv)"
grep -q "^unigram$(printf '\t').*VALID.*one | two$" results/mini/perplexity.tsv || fail "$(cat results/mini/perplexity.tsv)"
grep -q '^| unigram .*| VALID .*one \\| two |$' stdout || fail "$(cat stdout)"
grep -q 'bootstrap replicates (seed 1) over blocks of 32 sentences' stdout || fail "$(cat stdout)"

# An INVALID row is shown as such, behind the valid ones.
cp unigram/test.scores kept.scores && cp unigram/valid.scores unigram/test.scores
report_unigram broken mini results >/dev/null 2>&1
cp kept.scores unigram/test.scores
report table --quiet --corpus mini results/mini >stdout
grep -qF '| **INVALID: test: ' stdout || fail "$(cat stdout)"
expect_output 'system unigram broken' bash -c 'cut -f 1 results/mini/perplexity.tsv | xargs'

# A row of another text than the one made last.
rm results/mini/rows/broken.json
make_text 9 200 >other.txt
shard --quiet --vocab vocab.tsv --output test.shard other.txt
evaluate --quiet --model unigram/model.arpa --vocab vocab.tsv --output unigram/test.scores test.shard >/dev/null
sleep 1.1 # rows carry the second they were made in
report_unigram later mini results >/dev/null
report table --quiet --corpus mini results/mini >stdout
grep -qF '**INVALID: another test text than later, made later: run CORPUS=.../mini jobs/train_unigram.sh again**' stdout || fail "$(cat stdout)"
rm results/mini/rows/unigram.json

# Damaged rows: each with its reason, the others stay.
bad=$BILLIONWORD_HOME/tests/bad_inputs/rows
cp "$bad"/*.json results/mini/rows/
report table --corpus mini results/mini >stdout 2>said
tried=0
while IFS=$'\t' read -r file message; do
  grep -qF "warning: results/mini/rows/$file: $message" said || fail "no warning '$file: $message' in $(cat said)"
  grep -qF -- "- \`$file\`: $message" stdout || fail "$file is not listed in $(cat stdout)"
  rm "results/mini/rows/$file"
  tried=$((tried + 1))
done <"$bad/expected.tsv"
[ $tried = "$(find "$bad" -name '*.json' | wc -l)" ] || fail "expected.tsv and the folder differ"
expect_output 'system later' bash -c 'cut -f 1 results/mini/perplexity.tsv | xargs'
mkdir -p only/mini/rows
cp "$bad/edited.json" only/mini/rows/
fails_with 1 'only/mini/rows: none of its 1 files is a good row of the corpus mini' report table --corpus mini only/mini
[ ! -e only/mini/perplexity.tsv ] || fail "a table without rows"
fails_with 1 'is a row of the corpus mini: left out' report table --corpus other results/mini

# Many systems finish at once: every one is in the table that stands in the end, whoever was last.
one_job() {
  report_unigram "system$1" mini many >/dev/null
  report table --quiet --corpus mini many/mini >/dev/null
}
pids=()
for i in 1 2 3 4 5 6 7 8; do
  one_job "$i" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a job failed"; done
[ "$(wc -l <many/mini/perplexity.tsv)" = 9 ] || fail "rows are lost: $(cut -f 1 many/mini/perplexity.tsv)"
[ "$(grep -c '^| system[0-9]' many/mini/perplexity.md)" = 8 ] || fail "rows are lost in the .md"

# The same where it is hardest: a job has read the rows (many, so that it takes long) and is held up while another one
# publishes its row and the table.
for i in {1000..2999}; do echo "{}" >"many/mini/rows/zz$i.json"; done
for i in 1 2 3 4 5 6; do
  report table --quiet --corpus mini many/mini >/dev/null 2>&1 &
  pid=$!
  sleep "0.0$((2 * i - 1))"
  kill -STOP $pid 2>/dev/null || true
  one_job "held$i" 2>/dev/null
  kill -CONT $pid 2>/dev/null || true
  wait $pid || fail "the job that was held up failed"
  grep -q "^systemheld$i$(printf '\t')" many/mini/perplexity.tsv || fail "the row held$i is lost"
done
rm many/mini/rows/zz*.json

fails_with 2 '--corpus reference: results/reference holds' report table --corpus reference results/reference
fails_with 2 'one folder RESULTS/CORPUS is needed' report table --corpus mini
fails_with 2 'one folder RESULTS/CORPUS is needed' report table --corpus mini many/mini results/mini
report table --corpus mini many/mini --dry-run 2>said
grep -q 'would read many/mini/rows' said || fail "$(cat said)"
nothing_left .

#!/usr/bin/env bash
# report row: the numbers against awk's, INVALID rows, and what is refused.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/report_fixture"

make_fixture
report_unigram unigram mini results --note 'a note' >row.tsv
row=results/mini/rows/unigram.json
value() { awk -F'\t' -v key="$1" '$1 == key { print $2 }' "$2"; }
[ "$(value status row.tsv)" = VALID ] || fail "$(cat row.tsv)"

# Perplexity, events and OOV by another program, from the texts alone.
awk -F'\t' '
  NR == FNR { count[$1] = $2; if ($1 != "<S>") total += $2; next }
  { n = split($0, word, " "); word[n + 1] = "</S>"
    for (i = 1; i <= n + 1; i++) { w = word[i]; if (!(w in count)) { w = "<UNK>"; oov++ }
      sum += log(count[w] / total); events++ } }
  END { printf "ppl_test\t%.4f\nevents\t%d\noov\t%d\n", exp(-sum / events), events, oov }' vocab.tsv test.txt >expected.tsv
awk -F'\t' 'NR == FNR { want[$1] = $2; next }
  $1 in want { d = $2 - want[$1]; if (!(d * d <= 1e-6)) { print $1, $2, want[$1]; bad = 1 } seen++ }
  END { exit bad || seen != 3 }' expected.tsv row.tsv || fail "report and awk differ"
[ "$(value oov row.tsv)" -gt 10 ] || fail "the fixture has no unknown words"
[ "$(value ppl_test row.tsv)" = "$(awk -F'\t' '$1 == "perplexity" { printf "%.4f", $2 }' unigram/test.tsv)" ] ||
  fail "report and evaluate differ"
awk -F'\t' '{ v[$1] = $2 } END { exit !(v["ppl_test_low"] < v["ppl_test"] && v["ppl_test"] < v["ppl_test_high"]) }' row.tsv ||
  fail "the interval does not hold the value: $(cat row.tsv)"
[ -f $row.manifest.json ] || fail "no manifest"

# What the model's manifest notes comes before the user's words.
sed -i.kept 's/"check"/"none"/; s/manifest-2/manifest-1/; s/"train_events":/"note": "of a sort", &/' unigram/model.arpa.manifest.json
report_unigram noted mini results >/dev/null
grep -q '"note":"of a sort"' results/mini/rows/noted.json || fail "$(cat results/mini/rows/noted.json)"
report_unigram noted mini results --note 'a note' >/dev/null
grep -q '"note":"of a sort; a note"' results/mini/rows/noted.json || fail "$(cat results/mini/rows/noted.json)"
sed -i 's/of a sort/of a\\tsort/' unigram/model.arpa.manifest.json
fails_with 1 'its note holds a control character' report_unigram noted mini results
mv unigram/model.arpa.manifest.json.kept unigram/model.arpa.manifest.json

# The same bytes again but for the time it was made, with any number of threads.
strip() { sed -E 's/"made":"[^"]*"//; s/"check":"[^"]*"//' "$1"; }
strip $row >first
OMP_NUM_THREADS=1 report_unigram unigram mini results --note 'a note' >/dev/null
strip $row >second
same_file first second

# Blocks: 32 unless the text is known to be shuffled.
report_unigram unigram classics results >row.tsv
[ "$(value block row.tsv)" = 1 ] || fail "$(cat row.tsv)"
report_unigram unigram mini other --block 7 >row.tsv
[ "$(value block row.tsv)" = 7 ] || fail "$(cat row.tsv)"

# Published numbers: for lm1b (by its name), and a warning where the test text is not the benchmark's.
published=$BILLIONWORD_HOME/results/published.tsv
report_unigram lstm2048 mini results --published "$published" >/dev/null
grep -q '"published_ppl":null' results/mini/rows/lstm2048.json || fail "a published number for mini"
report_unigram lstm2048 lm1b results --published "$published" 2>said >/dev/null
grep -q '"published_ppl":43.7[,0]' results/lm1b/rows/lstm2048.json || fail "$(cat results/lm1b/rows/lstm2048.json)"
grep -q 'held-out shard 00000, which has 159658' said || fail "$(cat said)"
report_unigram unigram lm1b results --published "$published" >/dev/null
grep -q '"published_ppl":null' results/lm1b/rows/unigram.json || fail "a published number for unigram"

# INVALID rows are written with their reason and exit code 0.
cp unigram/test.scores kept.scores
cp unigram/valid.scores unigram/test.scores
report_unigram wrong mini results >row.tsv 2>said
grep -q 'warning: wrong on mini is INVALID: test: .* events scored of the' said || fail "$(cat said)"
grep -q '"status":"INVALID: test: .* events scored' results/mini/rows/wrong.json || fail "$(cat results/mini/rows/wrong.json)"
cp kept.scores unigram/test.scores
vocab --quiet --min-count 9 --output other.tsv train.txt
shard --quiet --vocab other.tsv --output other.shard test.txt
cp test.shard kept.shard && cp other.shard test.shard
report_unigram wrong mini results >row.tsv 2>said
grep -q 'INVALID: test: the scores are of another text' said || fail "$(cat said)"
cp kept.shard test.shard

# Dry run, usage, and missing files: the message names the job.
rm -rf results
report_unigram unigram mini results --dry-run
[ ! -e results ] || fail "--dry-run wrote something"
fails_with 2 '--corpus reference: results/reference holds measurements' report_unigram unigram reference results
fails_with 2 '--corpus a/b: a name of letters' report_unigram unigram a/b results
fails_with 2 '--system a b: a name of letters' report_unigram 'a b' mini results
fails_with 2 '--note: holds a tab' report_unigram unigram mini results --note $'a\tb'
report_output=x.json fails_with 2 '--output x.json: the file must be called unigram.json' report_unigram unigram mini results
fails_with 2 'unknown command rows: row or table is needed' report rows
fails_with 2 'a command is missing: row or table' report
mv unigram/test.scores kept.scores
fails_with 1 'cannot read unigram/test.scores: No such file or directory: evaluate makes it: run jobs/train_unigram.sh with CORPUS=mini' \
  report_unigram unigram mini results
head -c 100 kept.scores >unigram/test.scores
fails_with 1 'unigram/test.scores' report_unigram unigram mini results
mv kept.scores unigram/test.scores
manifest=unigram/model.arpa.manifest.json
cp $manifest kept.json
sed -i 's/"processors": "1"/"processors": "2"/' $manifest
fails_with 1 "$manifest: its check sum is * damaged; train again" report_unigram unigram mini results
sed -i 's/"check"/"none"/' $manifest
fails_with 1 "$manifest: its check sum is -, but it says none: damaged; train again" report_unigram unigram mini results
sed -i 's/manifest-2/manifest-1/; s/"processors": "2"/"processors": "some"/' $manifest
fails_with 1 "$manifest: its notes hold no number processors" report_unigram unigram mini results
sed -i 's/"processors": "some"/"processors": "1.5"/' $manifest
fails_with 1 "$manifest: its note processors is 1.5, not a whole number" report_unigram unigram mini results
echo '{"format": ' >$manifest
fails_with 1 "$manifest: * damaged; train again" report_unigram unigram mini results
[ ! -e results ] || fail "a refused row was written"
nothing_left .

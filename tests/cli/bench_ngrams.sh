#!/usr/bin/env bash
# tools/bench_ngrams measures every stage, on a small text as on a large one, and refuses what it cannot run.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BIN TMPDIR=$PWD
synthetic_text --quiet --tokens 3000 >text
bench=$BILLIONWORD_HOME/tools/bench_ngrams
TEXT=text PAIRS=1 THREADS=1 "$bench" >rows || fail "$(cat rows)"
timed() { awk -F'\t' '$4 == "s" && $2 !~ /processor time/ { print $1 }' rows | xargs; }
expect_output 'vocab shard count estimate convert evaluate prune prune' timed
expect_output 8 grep -c 'processor time' rows
awk -F'\t' 'NF != 6 || !($3 >= 0) || /nan|inf/ { exit 1 } $4 == "us_per_token" { found = $3 > 0 } END { exit !found }' rows || fail "$(cat rows)"
# Only some stages, with a budget of its own for one; what is not scored is not cut off.
TEXT=text PAIRS=1 THREADS=1 STAGES="vocab shard count estimate" MEMORY=1G ESTIMATE_MEMORY=2G "$bench" >rows || fail "$(cat rows)"
expect_output 'vocab shard count estimate' timed
grep -q $'^count\ttext, threads 1, memory 1G\t' rows && grep -q $'^estimate\ttext, threads 1, memory 2G\t' rows || fail "$(cat rows)"
fails_with 2 'PAIRS=0: a whole number from 1' env PAIRS=0 "$bench"
fails_with 2 'STAGES: train: some of vocab shard' env STAGES='vocab train' "$bench"
fails_with 2 'SIZES: 0.5: millions of tokens' env SIZES='1 0.5' "$bench"
fails_with 1 'no-text' env TEXT=no-text "$bench"
[ -z "$(find . -name 'billionword-bench.*')" ] || fail "left behind: $(ls)"

#!/usr/bin/env bash
# The scripts of the count-based systems on a small corpus: counts shared, unpruned models made where they are missing, all
# rows valid but the one that is there to be invalid; a second run does nothing, and two at once do not hinder each other.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK="$PWD/the work" RESULTS="$PWD/the results" CORPUS="some words" THREADS=1
jobs=$BILLIONWORD_HOME/jobs data="$WORK/some_words" table="$PWD/the results/some_words/perplexity.tsv"
mkdir "$CORPUS"
synthetic_text --quiet --tokens 60000 >text
head -n 200 text >"$CORPUS/test.txt"
sed -n 201,400p text >"$CORPUS/valid.txt"
sed 1,400d text >"$CORPUS/train.txt"
column() { # SYSTEM COLUMN
  awk -F'\t' -v s="$1" -v c="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i } $1 == s { print $k }' "$table"
}
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > 1 && a < b) }' || fail "$3: $1 is not below $2"; }

# Forecasts alone, before anything is there.
"$jobs/prepare_corpus.sh" 2>said
for system in unigram kn5 katz5_pruned; do
  "$jobs/train_$system.sh" --dry-run >said 2>&1 || fail "$(cat said)"
  grep -q 'count: forecast: ' said || fail "no forecast of counting: $(cat said)"
done
grep -q 'pruning is forecast from .*katz5/model.trie, once it is there' said || fail "$(cat said)"
[ -z "$(find "$data" -name '*.counts' -o -name '*.trie')" ] || fail "a forecast left something: $(find "$data")"

# A pruned model makes what it is made from, but no row of it.
"$jobs/train_kn5_pruned.sh" >out 2>said || fail "$(cat said)"
for title in 'Estimating kn5 on' 'Pruning kn5 to [0-9]* n-grams on' 'Evaluating kn5_pruned'; do
  grep -q "^=== ./2 $title" said || fail "no step $title: $(cat said)"
done
[ ! -e "$RESULTS/some_words/rows/kn5.json" ] || fail "a row of kn5"
expect_output VALID column kn5_pruned status

export SYSTEMS="mixture unigram add4 ml4 ml4_plain sbo5 katz5 kn5 katz5_pruned kn5_pruned maxent5 maxent5_softmax snm5_skip"
stat -c %y "$data/counts-5.counts" "$data/kn5/model.trie" >before
"$jobs/pipeline.sh" >out 2>said || fail "$(cat said)"
stat -c %y "$data/counts-5.counts" "$data/kn5/model.trie" >after
same_file before after
for system in $SYSTEMS; do
  case $(column "$system" status) in
  VALID) [ $system != ml4_plain ] || fail "ml4_plain is valid: $(cat "$table")" ;;
  "INVALID: test: p = 0 for "[1-9]*" events, the first is event "*) [ $system = ml4_plain ] || fail "$(cat "$table")" ;;
  *) fail "$system: $(column $system status): $(cat said)" ;;
  esac
done
for system in add4 ml4 sbo5 katz5 kn5 katz5_pruned kn5_pruned maxent5 maxent5_softmax snm5_skip; do
  expect_output '' column $system note # discounts are estimated
  below "$(column $system ppl_test)" "$(wc -l <"$data/vocab.tsv")" $system
done
below "$(column kn5 ppl_test)" "$(column unigram ppl_test)" "kn5 and unigram"

# The mixture comes last, of all that are valid, and is likelier than each on the text that its weights are for.
expect_output 11 sh -c "sed 1d '$data/mixture/weights.tsv' | wc -l"
expect_output '' sh -c "grep -w ml4_plain '$data/mixture/weights.tsv' || true"
for system in unigram add4 ml4 sbo5 katz5 kn5 katz5_pruned kn5_pruned maxent5 maxent5_softmax snm5_skip; do
  below "$(column mixture ppl_valid)" "$(column $system ppl_valid)" "mixture and $system"
done
expect_output reset column mixture context
expect_output 'train_mixture.sh: would mix add4 katz5 katz5_pruned kn5 kn5_pruned maxent5 maxent5_softmax ml4 sbo5 snm5_skip unigram' \
  sh -c "'$jobs/train_mixture.sh' --dry-run 2>&1"
below "$(column kn5 ppl_test)" "$(column add4 ppl_test)" "kn5 and add4"
below "$(column katz5_pruned params)" "$(column katz5 params)" "pruned and unpruned"

# Neither threads nor memory make anything anew.
NGRAM_MEMORY=1G THREADS=2 "$jobs/pipeline.sh" >again 2>said
expect_output 'pipeline.sh: nothing to do: everything is up to date' cat said
same_file out again
"$jobs/train_katz5_pruned.sh" --dry-run >said 2>&1 || fail "$(cat said)"
grep -q 'estimate: forecast' said || fail "no forecast of estimating: $(cat said)"

# Two systems at once need the same counts: one makes them.
export WORK="$PWD/second" RESULTS="$PWD/second results"
"$jobs/prepare_corpus.sh" 2>said
"$jobs/train_sbo5.sh" >one 2>&1 &
"$jobs/train_katz5.sh" >two 2>&1 || fail "$(cat two)"
wait $! || fail "$(cat one)"
expect_output 1 sh -c "cat one two | grep -c 'count: done in'"
nothing_left "$WORK"

# One that waits for another's counts can be stopped; left alone, it goes on when the other is done.
data="$WORK/some_words"
rm "$data/counts-5.counts" "$data/katz5/model.trie"
exec 7>>"$data/.counts-5.counts.lock"
flock 7
wait_for_counts() { # starts katz5 with its talk in `said`; sets `job`
  : >said
  "$jobs/train_katz5.sh" >out 2>said 7>&- &
  job=$!
  until grep -q 'another run makes .*counts-5.counts: waiting for it' said; do
    kill -0 $job 2>/dev/null || fail "it does not wait: $(cat said)"
    sleep 0.05
  done
}
wait_for_counts
kill -USR1 $job
wait $job && fail "stopped, it ends well" || status=$?
[ $status = 75 ] || fail "exit code $status: $(cat said)"
[ ! -e "$data/counts-5.counts" ] || fail "it counted all the same"
wait_for_counts
exec 7>&-
wait $job || fail "$(cat said)"
[ -s "$data/katz5/model.trie" ] || fail "no model: $(cat said)"
nothing_left "$WORK"

# Back in the first folders.
export WORK="$PWD/the work" RESULTS="$PWD/the results"
data="$WORK/some_words"
# MIX names the systems; rows of another vocabulary are not for the mixture of this one.
MIX="kn5 unigram" "$jobs/train_mixture.sh" >out 2>said || fail "$(cat said)"
expect_output 'kn5 unigram' sh -c "sed 1d '$data/mixture/weights.tsv' | cut -f3 | paste -sd' '"
fails_with 1 'katz9/valid.scores is missing' env MIX="kn5 katz9" "$jobs/train_mixture.sh"
fails_with 1 'a mixture is of two systems or more, and kn5 is there' env MIX=kn5 "$jobs/train_mixture.sh"
MINCOUNT=9 SYSTEMS="unigram kn5 mixture" "$jobs/pipeline.sh" >out 2>said || fail "$(cat said)"
expect_output 'kn5 unigram' sh -c "sed 1d '$data/mixture/weights.tsv' | cut -f3 | paste -sd' '"
expect_output VALID column mixture status

#!/usr/bin/env bash
# The model is the same for any memory and any number of threads; too little memory is refused with the least that works,
# which does work.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

awk -v lines=4000 -v words=700 -v seed=5 -f "$BILLIONWORD_HOME/tests/cli/synthetic_text.awk" >train.txt
vocab --quiet --min-count 2 --output vocab.tsv train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
# least_with MEMORY: the least that works, as estimate says when it gets that
least_with() {
  { "${model[@]}" no.trie --memory "$1" 2>&1 || true; } | sed -n 's/.*(--memory \([0-9]*\)).*/\1/p'
}
for pad in "" --pad; do
  # shellcheck disable=SC2086
  count --quiet --order 5 $pad --vocab vocab.tsv --output counts train.shard >counts.tsv
  for smoothing in kn1 sbo maxent; do
    case $smoothing in
    kn1) more=(--discount-fallback) ;;
    maxent) more=(--sweeps 3) ;;
    *) more=() ;;
    esac
    model=(estimate --counts counts --vocab vocab.tsv --smoothing "$smoothing" "${more[@]}" --output)
    "${model[@]}" whole.trie --threads 1 2>said
    grep -q '1 thread, 1 pass over the counts and one' said || fail "$(cat said)"
    "${model[@]}" threads.trie --threads 3 2>said
    same_file whole.trie threads.trie

    # Far too little: the most that can be needed is named.  Not so far: what is needed, found out from the counts.
    fails_with 1 '--memory 1.0 MiB is too little: the least that works is ' "${model[@]}" no.trie --memory 1M
    most=$(least_with 1M)
    least=$(least_with $((most / 2)))
    [ "$least" -lt "$most" ] || fail "at least $least of $most"
    fails_with 1 "(--memory $least)" "${model[@]}" no.trie --memory $((least - 1))
    for memory in $least $((least + 500000)) $most; do
      "${model[@]}" bounded.trie --memory "$memory" 2>said
      same_file whole.trie bounded.trie
      [ "$memory" != "$least" ] || passes=$(sed -n 's/.* \([0-9]*\) passes over the counts.*/\1/p' said)
    done
    [ "$passes" -gt 5 ] || fail "$passes passes in the least memory"
    [ ! -e no.trie ] || fail "a refused model was written"
    inspect --check bounded.trie >said

    # ARPA alone: the whole model is in memory, the least that works is more.
    "${model[@]}" with.trie --arpa with.arpa --memory "$least" 2>said
    model=("${model[@]:0:${#model[@]}-1}" --arpa)
    fails_with 1 '; with --output, the model need not fit' "${model[@]}" no.arpa --memory "$least"
    whole=$( ("${model[@]}" no.arpa --memory "$least" 2>&1 || true) | sed -n 's/.*(--memory \([0-9]*\)).*/\1/p')
    "${model[@]}" alone.arpa --memory "$whole" 2>said
    same_file with.arpa alone.arpa
    [ ! -e no.arpa ] || fail "a refused model was written"
    rm alone.arpa
    "${model[@]}" alone.arpa --dry-run 2>said
    grep -q 'would write alone.arpa and' said || fail "$(cat said)"
    [ ! -e alone.arpa ] || fail "--dry-run wrote"
  done
done

# A model of order 1 needs the blocks of no longer counts.
forecast() {
  estimate --dry-run --vocab vocab.tsv --smoothing ml --order 1 --output no.trie --counts "$1" 2>&1 | grep -o 'memory .*at least.'
}
count --quiet --order 1 --vocab vocab.tsv --output unigrams train.shard >counts.tsv
[ "$(forecast counts)" = "$(forecast unigrams)" ] || fail "of order 1: $(forecast counts), $(forecast unigrams)"
nothing_left .

#!/usr/bin/env bash
# --per-word and --per-sentence agree with the scores of a shard of the same text, for a model that resets its state.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

train --quiet "${tiny[@]}" --context reset --epochs 1 --output m train.shard
model=(--quiet --vocab vocab.tsv --model m/model.safetensors)
evaluate "${model[@]}" test.shard >result
mean=$(awk '$1 == "mean_ln_p" { print $2 }' result)
events=$(awk '$1 == "events" { print $2 }' result)
expect_output "$events" awk '{ n += NF + 1 } END { print n }' test.txt

evaluate "${model[@]}" --per-word <test.txt >words
[ "$(grep -c . words)" = "$events" ] || fail "one line an event"
close_to "$(awk 'NF { s += $2; n++ } END { printf "%.9f", s / n }' words)" "$mean" 1e-5
expect_output "$(wc -l <test.txt)" grep -c '^</S>' words

evaluate "${model[@]}" --per-sentence <test.txt >sentences
close_to "$(awk '{ s += $1; n += $2 } END { printf "%.9f", s / n }' sentences)" "$mean" 1e-5

# An unknown word is marked and scored as <UNK>.
expect_output '2' awk -F'\t' '/<UNK>/ { n++ } END { print n }' <(printf 'w1 neverseen w2 another\n' | evaluate "${model[@]}" --per-word)
# A line of any length, CRLF, and no final newline.
expect_output '3' awk 'NF { n++ } END { print n }' <(printf 'w1 w2\r' | evaluate "${model[@]}" --per-word)

# What is refused: line and word.
fails_with 1 'standard input: line 2: the word <S> or </S> in the text' evaluate "${model[@]}" --per-word < <(printf 'w1\n<S> w2\n')
fails_with 1 'standard input: line 1: the word <S> or </S> in the text' evaluate "${model[@]}" --per-sentence < <(printf 'w1 </S> w2\n')
fails_with 1 'standard input: line 1: invalid UTF-8 at byte 3 of the line' evaluate "${model[@]}" --per-word < <(printf 'w1 \xff\n')
fails_with 1 'cannot write to stdout: No space left on device' sh -c 'evaluate "$@" test.shard >/dev/full' sh "${model[@]}"
fails_with 2 '--streams 3: this model starts every sentence afresh' evaluate "${model[@]}" --streams 3 test.shard
# <UNK> in the text is an unknown word.
expect_output '1' grep -c '^<UNK>.*<UNK>$' <(printf 'w1 <UNK> w2\n' | evaluate "${model[@]}" --per-word)
# One sentence that is longer than a piece.
{ for i in $(seq 4000); do printf 'w%d ' $((i % 7)); done && echo && cat test.txt; } >long.txt
shard --quiet --vocab vocab.tsv --output long.shard long.txt
evaluate "${model[@]}" long.shard >/dev/null

# A dry run reads nothing and writes nothing.
for what in --per-word --per-sentence; do
  printf 'w1 w2\n' | evaluate "${model[@]:1}" $what --dry-run >scored 2>said
  expect_output 0 awk 'END { print NR }' scored
  grep -q 'would score the lines of standard input with m/model.safetensors' said || fail "$(cat said)"
done
fails_with 2 '--streams and --check-sums are for shards' evaluate "${model[@]}" --per-word --streams 4 <test.txt

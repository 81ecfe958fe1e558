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

#!/usr/bin/env bash
# A hand-made trigram model: probabilities, orders and hit ratios by hand; the same from the ARPA file and from the mapped
# model, by shard, by line and on two ranks; an event of p = 0 makes the perplexity infinite.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"
value() { awk -F'\t' -v n="$1" '$1 == n { print $2 }' "$2"; }

printf 'a b\nb\na zzz\n' >text
shard --quiet --vocab vocab.tsv --output text.shard text
convert --quiet --model hand.arpa --vocab vocab.tsv --output hand.trie
for model in hand.arpa hand.trie; do
  evaluate --quiet --model $model --vocab vocab.tsv --output $model.scores text.shard >$model.tsv
  close_to "$(value perplexity $model.tsv)" "$(awk 'BEGIN { printf "%.9f", (.6 * .8 * .7 * .3 * .7 * .6 * .025 * .3) ^ (-1 / 8) }')" 1e-6
  # What followed b, zzz and a sentence's first word as a pair; the trigram once, of 5 events behind two words.
  expect_output 0.750000 value hit_ratio_2 $model.tsv
  expect_output 0.200000 value hit_ratio_3 $model.tsv
  awk -v d="$(value sum_deviation $model.tsv)" 'BEGIN { exit !(d >= 0 && d < 1e-6) }' || fail "$(cat $model.tsv)"
  inspect $model.scores >said
  [ "$(value events said) $(value orders said)" = "8 1" ] || fail "$(cat said)"
done
# Scores as float32, then the orders as bytes.
zstd -dcq hand.trie.scores >content
expect_output ' 2 3 2 2 2 2 1 1' sh -c 'tail -c 8 content | od -An -v -t u1 | tr -s " "'
zstd -dcq hand.arpa.scores >other
same_file content other

evaluate --quiet --model hand.trie --vocab vocab.tsv --per-word <text >words
expect_output $'a -0.510826 2\nb -0.223144 3\n</S> -0.356675 2\n\nb -1.203973 2\n</S> -0.356675 2\n
a -0.510826 2\nzzz -3.688879 1 <UNK>\n</S> -1.203973 1' tr '\t' ' ' <words
expect_output $'-1.090644 3 0\n-1.560648 2 0\n-5.403678 3 1' \
  sh -c "evaluate --quiet --model hand.trie --vocab vocab.tsv --per-sentence <text | tr '\t' ' '"

# Of an order that no event has words enough for there is no line.
printf 'b\n' >short
shard --quiet --vocab vocab.tsv --output short.shard short
count --quiet --order 4 --vocab vocab.tsv --output text.counts text.shard >said
estimate --quiet --smoothing ml --counts text.counts --vocab vocab.tsv --output four.trie
evaluate --quiet --model four.trie --vocab vocab.tsv short.shard >short.tsv
expect_output 'hit_ratio_2 hit_ratio_3 ' sh -c "grep -o '^hit_ratio_.' short.tsv | tr '\n' ' '"
! grep -i nan short.tsv || fail "$(cat short.tsv)"

# Nothing of b in the model: p = 0.
sed 's/^[-0-9.]*\tb\t/-99\tb\t/; /[-0-9]\t<s> b$/d; /\ta b$/d; /<s> a b$/d; s/ngram 2=4/ngram 2=2/; s/ngram 3=1/ngram 3=0/' hand.arpa >zero.arpa
evaluate --model zero.arpa --vocab vocab.tsv --output zero.scores text.shard >zero.tsv 2>said || fail "$(cat said)"
expect_output inf value perplexity zero.tsv
grep -q '2 events have probability 0, the first is event 1' said || fail "$(cat said)"

evaluate --quiet --check-sums 0 --model hand.trie --vocab vocab.tsv text.shard >unchecked.tsv
expect_output -1 value sum_deviation unchecked.tsv

count --quiet --vocab vocab.tsv --output text.counts text.shard >said
fails_with 1 'text.counts: is no model: neither a network nor n-grams' \
  evaluate --model text.counts --vocab vocab.tsv text.shard
printf 'a\t6\n</S>\t4\nb\t3\n<UNK>\t2\n<S>\t4\n' >other.tsv
fails_with 1 'vocabulary' evaluate --model hand.trie --vocab other.tsv text.shard
fails_with 2 '--streams 2: this model starts every sentence afresh' evaluate --streams 2 --model hand.trie --vocab vocab.tsv text.shard

ranks 2 evaluate --quiet --model hand.trie --vocab vocab.tsv --output two.scores text.shard >two.tsv
same_file two.tsv hand.trie.tsv
zstd -dcq two.scores >other
same_file content other

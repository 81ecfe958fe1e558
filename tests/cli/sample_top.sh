#!/usr/bin/env bash
# sample --top: the next words with their probabilities, of n-grams by hand, of a network as evaluate has them.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"

convert --quiet --model hand.arpa --vocab vocab.tsv --output hand.trie
# Behind "a", behind an unknown word, and at a sentence's beginning.
printf 'a\na zzz\n\n' >text
printf '%s\n' 'b 0.8' 'a 0.1' '</S> 0.075' '<UNK> 0.025' '' 'a 0.4' '</S> 0.3' 'b 0.2' '<UNK> 0.1' '' \
  'a 0.6' 'b 0.3' '</S> 0.075' '<UNK> 0.025' '' >expected
for model in hand.arpa hand.trie; do
  sample --model $model --vocab vocab.tsv --top 4 <text >out 2>said
  awk 'NF { printf "%s %.5g\n", $1, $2 } !NF' out >rounded
  same_file rounded expected
  grep -q 'line 2: 1 of 2 words is unknown to the vocabulary and read as <UNK>' said || fail "$(cat said)"
done
expect_output $'b\na' sh -c 'echo a | sample --quiet --model hand.trie --vocab vocab.tsv --top 2 | cut -f 1'

fails_with 2 '--top 5: 4 words can follow, all of vocab.tsv but <S>' sample --model hand.trie --vocab vocab.tsv --top 5
fails_with 2 '--top 0: must be from 1' sample --model hand.trie --vocab vocab.tsv --top 0
fails_with 1 'cannot open the model no.trie; make it with train or estimate' sample --model no.trie --vocab vocab.tsv --top 1 </dev/null
fails_with 1 'vocab.tsv: is no model: neither a network nor n-grams' sample --model vocab.tsv --vocab vocab.tsv --top 1 </dev/null
fails_with 1 'standard input: line 1: the word <S> or </S> in the text' sample --model hand.trie --vocab vocab.tsv --top 1 <<<'a </S>'
fails_with 1 'cannot write to stdout' sh -c 'echo a | sample --model hand.trie --vocab vocab.tsv --top 2 >/dev/full'

# A network: all words sum to 1, and each has the probability that evaluate gives it.
rm vocab.tsv
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
for recipe in "--softmax full" "--softmax adaptive --cutoffs 40,120" "--softmax hierarchical" "--softmax hierarchical --ngrams 3" "--softmax class-factored --bin-by frequency" "--tie"; do
  rm -rf m
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" --context carry $recipe --epochs 1 --output m train.shard
  model=(--quiet --model m/model.safetensors --vocab vocab.tsv)
  words=$(($(wc -l <vocab.tsv) - 1))
  echo 'w1 w7' | sample "${model[@]}" --top $words >out
  expect_output "$((words + 1))" sh -c 'wc -l <out'
  close_to "$(awk '{ s += $2 } END { print s }' out)" 1 1e-5
  LC_ALL=C sort -c -t "$(printf '\t')" -k 2,2gr out || fail "not the most probable first"
  word=$(sed -n 3p out | cut -f 1)
  [ "$word" != '</S>' ] || word=$(sed -n 4p out | cut -f 1)
  close_to "$(awk -F'\t' -v w="$word" '$1 == w { print log($2) }' out)" \
    "$(echo "w1 w7 $word" | evaluate "${model[@]}" --per-word | sed -n 3p | cut -f 2)" 1e-4
done

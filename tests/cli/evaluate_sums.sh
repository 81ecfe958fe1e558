#!/usr/bin/env bash
# Every output layer, trained: its whole distributions sum to 1 within 1e-5 and are what single scores say; texts come of it.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

words=$(($(wc -l <vocab.tsv) - 1))
head -n 2 test.txt >lines
while read -r recipe; do
  rm -rf m
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" --epochs 1 $recipe --output m train.shard
  model=(--quiet --vocab vocab.tsv --model m/model.safetensors)
  # evaluate sums the distributions behind many events, and compares each one's score with its place there.
  off=$(evaluate "${model[@]}" --check-sums 300 test.shard | awk '$1 == "sum_deviation" { print $2 }')
  awk -v d="$off" 'BEGIN { exit !(d >= 0 && d <= 1e-5) }' || fail "$recipe: sums are off by $off"
  # sample's distribution behind a line: the sum of all words as they are printed, and the next word's as evaluate has it.
  cut -d ' ' -f 1-3 lines | sample "${model[@]}" --top "$words" >top
  expect_output $((2 * words + 2)) sh -c 'wc -l <top'
  awk 'NF { s += $2; next } { d = s - 1; s = 0; if (!(d <= 1e-5 && -d <= 1e-5)) exit 1 }' top || fail "$recipe: $(cat top)"
  next=$(sed -n 1p lines | cut -d ' ' -f 4)
  score=$(sed -n 1p lines | evaluate "${model[@]}" --per-word | sed -n 4p)
  [ "${score%%$'\t'*}" = "$next" ] || fail "$score"
  close_to "$(awk -v w="$next" '$1 == w { print log($2); exit }' top)" "$(cut -f 2 <<<"$score")" 1e-4
  # Texts are the same however many are computed at once; those of a beam have the best first.
  printf '\n%s\n' "$(cut -d ' ' -f 1-2 lines)" >beginnings
  sample "${model[@]}" --texts 4 --batch 1 --threads 1 <beginnings >one
  sample "${model[@]}" --texts 4 --batch 12 --threads 2 <beginnings >two
  same_file one two
  sample "${model[@]}" --beam 5 --texts 5 --length-power 0 <<<'' | evaluate "${model[@]}" --per-sentence >best
  awk 'NR > 1 && !($1 <= last + 1e-4) { exit 1 } { last = $1 } END { exit NR != 5 }' best || fail "$recipe: a beam's texts: $(cat best)"
done <<'RECIPES'
--softmax full
--softmax sampled --samples 64 --cell gru --layers 2 --residual
--softmax nce --samples 64 --ln-z 5 --context reset
--softmax blackout --proposal power --alpha 0.4 --samples 64 --cell rnn-tanh --one-hot --dropout 0 --rate 0.003
--softmax adaptive --cutoffs 30,120 --projection 16 --begin </S>
--softmax hierarchical --cell gru-before
--softmax hierarchical --cell rnn-sigmoid --ngrams 4 --ngram-weights 3000
--softmax class-factored --cell rnn-relu --rate 0.003
--tie --layers 2
--cell feed-forward --window 3 --direct --dropout 0
--cell feed-forward --window 2 --layers 2 --softmax sampled --samples 64 --dropout 0
--softmax class-factored --bins 12
RECIPES

#!/usr/bin/env bash
# train --sample-steps: a text every so many steps, from where training is; it changes nothing, and is the same after a stop.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

tiny+=(--epochs 1)
while read -r recipe; do
  rm -rf plain one two
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --output plain train.shard
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --sample-steps 30 --sample-length 40 --output one train.shard
  same_file plain/model.safetensors one/model.safetensors
  [ ! -e plain/samples.tsv ] || fail "samples that nobody asked for"
  steps=$(tail -n 1 one/samples.tsv | cut -f 1)
  [ "$steps" -ge 60 ] || fail "$(cut -f 1 one/samples.tsv)"
  expect_output "$(seq 0 30 "$steps")" cut -f 1 one/samples.tsv
  awk -F'\t' 'NF != 2 || split($2, words, " ") != 40 { exit 1 }' one/samples.tsv || fail "not 40 words: $(cat one/samples.tsv)"
  awk -F'\t' 'NR == FNR { known[$1]; next } { n = split($2, words, " "); for (i = 1; i <= n; i++) if (!(words[i] in known)) exit 1 }' \
    vocab.tsv one/samples.tsv || fail "unknown words"
  expect_output "$(wc -l <one/samples.tsv)" sh -c 'cut -f 2 one/samples.tsv | sort -u | wc -l' # each another text
  # Stopped at step 50, with lines of later steps and half a line, as a run leaves them that was killed.
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --sample-steps 30 --sample-length 40 --stop-after 50 --output two train.shard
  printf '60\tnot\n90\tthis\n12' >>two/samples.tsv
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --sample-steps 30 --sample-length 40 --output two train.shard
  same_file one/samples.tsv two/samples.tsv
  same_file one/model.safetensors two/model.safetensors
done <<'RECIPES'
--cell lstm
--cell gru --layers 2 --context reset --softmax adaptive
--cell rnn-tanh --one-hot --no-cell-bias --dropout 0 --begin </S> --batch 1 --bptt 25
RECIPES

# What is made is what sample would draw: a model that knows its text by heart goes on with it.
seq 400 | sed "s/.*/w1 w2 w3 w4 w5 w6 w7/" >round.txt
vocab --quiet --min-count 1 --output round.tsv round.txt
shard --quiet --vocab round.tsv --output round.shard round.txt
train --quiet --vocab round.tsv --valid round.shard --hidden 24 --batch 1 --bptt 11 --epochs 6 --optimiser adam --rate 0.01 --clip 1 --threads 1 \
  --sample-steps 100 --sample-length 16 --output round round.shard
tail -n 5 round/samples.tsv | cut -f 2 >texts
awk '{ for (i = 2; i <= NF; i++) if ($i != ($(i - 1) == "w7" ? "</S>" : $(i - 1) == "</S>" ? "w1" : "w" substr($(i - 1), 2) + 1)) exit 1 }' texts ||
  fail "$(cat texts)"
[ "$(cut -d ' ' -f 1 texts | sort -u | wc -l)" -gt 1 ] || fail "all begin alike: not from where training is: $(cat texts)"

fails_with 2 '--sample-length means something only with --sample-steps' train "${tiny[@]}" --sample-length 5 --output m train.shard

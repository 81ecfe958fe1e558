#!/usr/bin/env bash
# Two ranks with half the streams each step like one rank with all, to rounding; scores do not depend on ranks or batches.
# timeout: 600
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

for recipe in "--softmax full --dropout 0.2" "--softmax sampled --samples 64 --projection 12 --layers 2 --optimiser sgd --rate 0.5" \
  "--softmax adaptive --cutoffs 40,290" "--softmax hierarchical" "--softmax hierarchical --ngrams 4 --ngram-weights 3000" "--softmax class-factored --bins 30" "--tie --dropout 0.2" "--tie --softmax sampled --samples 64"; do
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --output one train.shard
  # shellcheck disable=SC2086
  ranks 2 train --quiet "${tiny[@]}" $recipe --output two train.shard
  close_to "$(perplexity --model two/model.safetensors test.shard)" "$(perplexity --model one/model.safetensors test.shard)" 2e-4
  # Resuming on two ranks gives the same bits too.
  # shellcheck disable=SC2086
  for stop in 13 0; do ranks 2 train --quiet "${tiny[@]}" $recipe --stop-after $stop --output parts train.shard; done
  same_file two/model.safetensors parts/model.safetensors
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --stop-after 5 --output refused train.shard
  # shellcheck disable=SC2086
  fails_with 1 'was made by 1 ranks, now there are 2: use as many, --elastic to go on with 2' \
    mpirun --bind-to none --oversubscribe -np 2 train --quiet "${tiny[@]}" $recipe --output refused train.shard
  rm -rf one two parts refused
done

# C alone affects the number: batch, threads and ranks do not.
for context in carry reset; do
  train --quiet "${tiny[@]}" --context $context --output $context train.shard
  model=(--model "$context/model.safetensors" test.shard)
  [ $context = reset ] || model+=(--streams 6)
  one=$(perplexity --batch 1 "${model[@]}")
  close_to "$(perplexity --batch 6 "${model[@]}")" "$one" 1e-5
  close_to "$(perplexity --batch 4 --threads 2 "${model[@]}")" "$one" 1e-5
  for n in 2 3; do
    close_to "$(ranks $n evaluate --quiet --vocab vocab.tsv "${model[@]}" | awk '$1 == "perplexity" { print $2 }')" "$one" 1e-5
  done
done
[ "$(perplexity --streams 1 --model carry/model.safetensors test.shard)" != "$(perplexity --streams 9 --model carry/model.safetensors test.shard)" ] ||
  fail "carried state must show in the result"

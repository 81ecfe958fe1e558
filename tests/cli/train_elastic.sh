#!/usr/bin/env bash
# --elastic goes on with another number of ranks: every word once an epoch, the same perplexity but for rounding.  Without
# it another number is refused, with that hint.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

# on RANKS COMMAND...
on() { if [ "$1" = 1 ]; then "${@:2}"; else ranks "$@"; fi; }
trained() { sed -n 's/.*"train_events": *"\([0-9]*\)".*/\1/p' "$1/model.safetensors.manifest.json"; }
events=$(inspect train.shard | awk '$1 == "events" { print $2 }')

recipes=("--context carry --softmax full") ways=("2 1 2")
if [ "$TIER" = long ]; then
  recipes+=("--context reset --softmax sampled --samples 64 --ema 0.99 --optimiser adagrad --rate 0.2" "--softmax adaptive --cutoffs 40,120")
  ways+=("2 1 1" "1 2 2" "1 4 2")
fi
for recipe in "${recipes[@]}"; do
  # shellcheck disable=SC2206
  run=(train --quiet "${tiny[@]}" $recipe)
  "${run[@]}" --output straight train.shard
  straight=$(perplexity --model straight/model.safetensors test.shard)
  for way in "${ways[@]}"; do
    read -r first second third <<<"$way"
    on "$first" "${run[@]}" --stop-after 301 --output elastic train.shard
    fails_with 1 "was made by $first ranks, now there are $second: use as many, --elastic to go on with $second" \
      on "$second" "${run[@]}" --output elastic train.shard
    on "$second" "${run[@]}" --elastic --stop-after 500 --output elastic train.shard
    on "$third" "${run[@]}" --elastic --output elastic train.shard
    expect_output finished cat elastic/state
    expect_output $((2 * events)) trained elastic
    close_to "$(perplexity --model elastic/model.safetensors test.shard)" "$straight" 0.01
    rm -r elastic
  done
  rm -r straight
done

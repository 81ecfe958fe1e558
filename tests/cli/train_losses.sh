#!/usr/bin/env bash
# NCE, BlackOut and the optimisers of their papers: they learn, resume to the same bits, agree over ranks; what they refuse.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

# loss_at STEP FOLDER: from the learning curve
loss_at() { sed -n 's/^{"step":'"$1"',.*"loss":\([0-9.e+-]*\),.*/\1/p' "$2/curve.jsonl"; }

blackout="--softmax blackout --proposal power --samples 64"
# The perplexity that a recipe falls below in two epochs (from 302, the output classes; words alone give about 180).
while IFS='|' read -r most recipe; do
  rm -rf one two parts
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --log-steps 20 --output one train.shard
  one=$(perplexity --model one/model.safetensors test.shard)
  awk -v p="$one" -v most="$most" 'BEGIN { exit !(p < most) }' || fail "$recipe: perplexity $one, expected below $most"
  for stop in 13 31 0; do
    # shellcheck disable=SC2086
    train --quiet "${tiny[@]}" $recipe --stop-after $stop --output parts train.shard
  done
  same_file one/model.safetensors parts/model.safetensors
  # Over two ranks the losses of the first steps are the same; later on, rounding grows (soonest
  # with rmsprop, whose first steps are as long for the smallest gradients as for the largest).
  # shellcheck disable=SC2086
  ranks 2 train --quiet "${tiny[@]}" $recipe --epochs 1 --log-steps 20 --output two train.shard </dev/null
  close_to "$(loss_at 20 two)" "$(loss_at 20 one)" 1e-6
done <<END
145|--softmax nce --samples 64 --ln-z 5
100|--softmax nce --proposal power --alpha 0.75 --samples 64 --ln-z 5 --clip 0 --clip-value 0.01 --rate 0.03
100|$blackout --alpha 0.4 --rate 0.03
100|$blackout --alpha 0.7 --distinct --rate 0.03
80|--no-output-bias $blackout --alpha 0.1 --optimiser rmsprop --rate 0.01 --beta2 0.999 --epsilon 1e-6 --schedule step --decay 0.8 --decay-after 1
70|--no-output-bias $blackout --alpha 0.1 --samples-of step --optimiser rmsprop --rate 0.01 --beta2 0.999 --epsilon 1e-6
160|--softmax sampled --samples 16 --samples-of step --tie
70|--optimiser adagrad --rate 0.3 --accumulator 1e-5 --row-wise --clip-group but-embedding --clip 0.25
100|--optimiser adagrad --accumulator 0.001 --schedule inverse-sqrt --warmup 20 --rescale-embedding 8 --rate 1
END

# What no recipe combines.
refuse() { fails_with "$1" "$2" train "${tiny[@]}" "${@:3}" --output m train.shard; }
refuse 1 'output classes; take fewer samples, or --softmax full' --softmax nce --samples 5000
refuse 2 '--softmax blackout needs --proposal power, and its --alpha' --softmax blackout --samples 64
refuse 2 '--softmax sampled draws log-uniform samples' --softmax sampled --samples 64 --proposal power
refuse 2 '--proposal means something only with --softmax' --proposal power
refuse 2 '--samples-of means something only with --softmax sampled' --samples-of step
refuse 2 '--alpha means something only with --proposal power' --softmax nce --samples 64 --alpha 0.5
refuse 2 '--distinct means something only with --softmax blackout' --softmax nce --proposal power --samples 64 --distinct
refuse 2 '--distinct needs --samples 2 or more' --softmax blackout --proposal power --samples 1 --distinct
refuse 2 '--ln-z means something only with --softmax nce' --softmax blackout --ln-z 9
refuse 2 '--alpha 1.5: must be from 0 to 1' --softmax nce --proposal power --alpha 1.5
refuse 2 '--output-bias means something only with --softmax full' --softmax adaptive --cutoffs 40,290 --no-output-bias
refuse 2 '--ngrams means something only with --softmax hierarchical' --ngrams 3
refuse 2 '--ngram-weights and --ngram-rate mean something only with --ngrams N' --softmax hierarchical --ngram-weights 9
refuse 2 '--ngram-weights and --ngram-rate mean something only with --ngrams N' --softmax hierarchical --ngram-rate 9
refuse 2 '--ngrams 17: must be from 0 to 16' --softmax hierarchical --ngrams 17
refuse 2 '--initial-biases and --ngrams exclude each other' --softmax hierarchical --ngrams 2 --initial-biases
refuse 2 '--row-wise means something only with --optimiser adagrad' --row-wise
refuse 2 '--clip and --clip-value exclude each other' --clip-value 1
refuse 2 '--epsilon 0 divides by zero where a gradient is zero' --optimiser rmsprop --epsilon 0
refuse 2 '--beta1 means something only with --optimiser adam' --optimiser rmsprop --beta1 0.5
exclude='exclude each other: a row forgets by how often its word is expected, but there'
refuse 2 "--optimiser rmsprop and --softmax hierarchical $exclude a row is an inner node" --optimiser rmsprop --softmax hierarchical
refuse 2 "--optimiser rmsprop and --softmax class-factored $exclude all words of a bin" --optimiser rmsprop --softmax class-factored
refuse 2 "--optimiser rmsprop and --tie over samples $exclude inputs, targets and samples" --optimiser rmsprop --tie --softmax nce --samples 64
refuse 2 "--optimiser rmsprop and --cell feed-forward $exclude several windows" --optimiser rmsprop --cell feed-forward --window 3
train --quiet "${tiny[@]}" --optimiser rmsprop --tie --dry-run --output m train.shard # no rows: the table's gradient is dense
refuse 2 '--clip-group recurrent clips the recurrent layers, and --cell feed-forward has none' --cell feed-forward --window 3 --clip-group recurrent
for optimiser in adam rmsprop; do
  refuse 2 "--rescale-embedding means nothing with --optimiser $optimiser" --optimiser $optimiser --rescale-embedding 2
done
[ ! -e m ] || fail "a refused run left something"

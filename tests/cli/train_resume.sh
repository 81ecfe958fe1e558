#!/usr/bin/env bash
# A run that was stopped and resumed leaves the same bits as one that was not: tensors, scores.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

for recipe in "--softmax full" "--softmax sampled --samples 64 --projection 12 --optimiser adagrad --accumulator 1 --rate 0.2 --ema 0.99 --layers 2" \
  "--softmax adaptive --cutoffs 40,120 --shuffle" "--softmax hierarchical --ngrams 5 --ngram-weights 3000 --ngram-rate 3" "--softmax class-factored" "--tie --softmax sampled --samples 64"; do
  rm -rf whole parts
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --output whole train.shard
  expect_output finished cat whole/state
  for stop in 3 30 31 0; do # within the first epoch and again
    # shellcheck disable=SC2086
    train --quiet "${tiny[@]}" $recipe --stop-after $stop --output parts train.shard
    [ $stop = 0 ] || expect_output stopped cat parts/state
  done
  expect_output finished cat parts/state
  same_file whole/model.safetensors parts/model.safetensors
  for run in whole parts; do
    evaluate --quiet --vocab vocab.tsv --model $run/model.safetensors --output $run/test.scores test.shard >$run/result
  done
  same_file whole/test.scores parts/test.scores
  same_file whole/result parts/result
  nothing_left parts
  [ -z "$(find parts whole -name 'checkpoint-*')" ] || fail "a finished run left a checkpoint"
done

# A signal: checkpoint, state `stopped`, exit code 0; then on to the same bits.
train --quiet "${tiny[@]}" --epochs 40 --output whole40 train.shard
train --quiet "${tiny[@]}" --epochs 40 --output signal train.shard &
pid=$!
until [ "$(cat signal/state 2>/dev/null)" = running ] && [ -s signal/curve.jsonl ]; do
  kill -0 $pid || fail "training ended before it could be stopped"
  sleep 0.05
done
kill -USR1 $pid
wait $pid || fail "a stopped run must leave with 0"
expect_output stopped cat signal/state
train --quiet "${tiny[@]}" --epochs 40 --output signal train.shard
same_file whole40/model.safetensors signal/model.safetensors

# Another recipe does not go on from that checkpoint; --fresh starts anew.
train --quiet "${tiny[@]}" --stop-after 4 --output other train.shard
fails_with 1 'was made with --rate 0.01, now it is 0.02: use the same options, or --fresh to start anew' \
  train --quiet "${tiny[@]}" --rate 0.02 --output other train.shard
fails_with 1 'was made from another training text' train --quiet "${tiny[@]}" --output other test.shard
train --quiet "${tiny[@]}" --rate 0.02 --fresh --output other train.shard
expect_output finished cat other/state

# --fresh over checkpoints with higher numbers: they go, and its own stay.
train --quiet "${tiny[@]}" --epochs 9 --stop-after 50 --output anew train.shard
mkdir anew/checkpoint-990 && touch anew/checkpoint-990/state.safetensors.tmp-x # a killed writer's
train --quiet "${tiny[@]}" --epochs 9 --rate 0.02 --fresh --stop-after 10 --output anew train.shard
expect_output 'checkpoint-10' basename "$(find anew -name 'checkpoint-*')"
train --quiet "${tiny[@]}" --epochs 9 --rate 0.02 --stop-after 10 --output anew train.shard # there already: nothing to add
expect_output 'checkpoint-10' basename "$(find anew -name 'checkpoint-*')"
train --quiet "${tiny[@]}" --epochs 9 --rate 0.02 --output anew train.shard
nothing_left anew
fails_with 1 'holds a finished run' train --quiet "${tiny[@]}" --epochs 9 --rate 0.02 --output anew train.shard

# The best model so far lies beside the checkpoint: without it there is nothing to go on to.
train --quiet "${tiny[@]}" --stop-after 300 --output lost train.shard
mv lost/model.safetensors kept
fails_with 1 'lost/model.safetensors, the best model of this run so far, cannot be read: put it back' train --quiet "${tiny[@]}" --output lost train.shard
mv kept lost/model.safetensors
train --quiet "${tiny[@]}" --output lost train.shard
expect_output finished cat lost/state

# A folder takes one run at a time.
train --quiet "${tiny[@]}" --epochs 400 --output busy train.shard &
pid=$!
until [ "$(cat busy/state 2>/dev/null)" = running ]; do kill -0 $pid || fail "training ended"; sleep 0.05; done
for again in '' --fresh; do
  fails_with 1 'another run writes into busy: wait for its end' train --quiet "${tiny[@]}" --epochs 400 --output busy $again train.shard
  expect_output running cat busy/state
done
kill -TERM $pid
wait $pid || fail "the run that was there did not end well"
expect_output stopped cat busy/state

# Another validation text is another run.
train --quiet "${tiny[@]}" --stop-after 4 --output texts train.shard
fails_with 1 'was made from another validation text' train --quiet "${tiny[@]/valid.shard/test.shard}" --output texts train.shard

#!/usr/bin/env bash
# A training script that is asked to stop saves its work and exits with 75; run again it goes on and ends as if it had
# never been stopped.  Ctrl-C does the same with 130.  Other options do not go on from these checkpoints.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/jobs.bash"
model=work/tiny/lstm256/model.safetensors state=work/tiny/lstm256/state

# stop_after SIGNAL CODE: starts the script, signals it once it trains, demands the exit code and the state.
stop_after() {
  local pid status=0
  setsid bash jobs/train_lstm256.sh >out 2>said & # a job of its own, as under sbatch
  pid=$!
  await_training $pid
  kill "-$1" $pid
  wait $pid || status=$?
  [ $status = "$2" ] || fail "exit code $status, not $2, after $1: $(cat said)"
  expect_output stopped cat $state
  [ ! -e $model.command ] || fail "the model passes for a finished one"
}
stop_after USR1 75
grep -q 'not finished: run it again to go on' said || fail "$(cat said)"
stop_after TERM 143
grep -q 'going on from step' said || fail "did not go on: $(cat said)"

# The recipe changes: these checkpoints are not its own.
sed -i 's/--hidden 32/--hidden 40/' jobs/train_lstm256.sh
fails_with 1 'holds an unfinished run with other options or inputs' jobs/train_lstm256.sh
sed -i 's/--hidden 40/--hidden 32/' jobs/train_lstm256.sh

jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
grep -q 'going on from step' said || fail "did not go on: $(cat said)"
expect_output finished cat $state
jobs/train_lstm256.sh 2>said >again
grep -q 'nothing to do' said || fail "$(cat said)"
same_file out again

# Killed behind the end of training, but before the script knew: the model is taken as it is.
rm $model.command
made=$(stat -c %i,%y $model)
jobs/train_lstm256.sh 2>said >again
! grep -q 'going on from step\|training:' said || fail "trained again: $(cat said)"
[ "$(stat -c %i,%y $model)" = "$made" ] || fail "made again: $model"
same_file out again

# An option that train refuses costs no model.
sed -i 's/--hidden 32/--hidden 99999/' jobs/train_lstm256.sh
fails_with 1 'training cannot start; the reason is above' jobs/train_lstm256.sh
sed -i 's/--hidden 99999/--hidden 32/' jobs/train_lstm256.sh
jobs/train_lstm256.sh 2>said >again
grep -q 'nothing to do' said || fail "$(cat said)"

# One that was never stopped has the same scores and the same row, but for the seconds.
but_seconds() { awk -F'\t' -v OFS='\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "train_seconds") c = i } { $c = "" } 1' results/tiny/perplexity.tsv; }
but_seconds >stopped.tsv
rm -r results
WORK=$PWD/straight jobs/prepare_corpus.sh 2>said
WORK=$PWD/straight jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
zstd -dcq work/tiny/lstm256/test.scores >stopped.scores
zstd -dcq straight/tiny/lstm256/test.scores >straight.scores
same_file stopped.scores straight.scores
but_seconds >straight.tsv
[ "$(wc -l <straight.tsv)" = 2 ] || fail "no row: $(cat straight.tsv)"
same_file stopped.tsv straight.tsv

# Finished, it starts anew where the recipe is another, and where the vocabulary is newer.
sed -i 's/--epochs 200/--epochs 1/' jobs/train_lstm256.sh
jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
grep -q '^=== 1/2 Training' said && ! grep -q 'going on from step' said || fail "$(cat said)"
touch work/tiny/vocab.tsv
jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
grep -q '^=== 1/2 Training' said || fail "$(cat said)"

# A file `stop` ends it, too.  With FRESH=1 a run starts anew that has lost its best model, without which it does not go on.
sed -i 's/--epochs 1\b/--epochs 200/' jobs/train_lstm256.sh
validations() { grep -c valid_perplexity work/tiny/lstm256/curve.jsonl || true; }
stop_by_file() { # [VARIABLE=VALUE]: once it has validated
  local pid status=0 before
  before=$(validations)
  setsid env "$@" bash jobs/train_lstm256.sh >out 2>said &
  pid=$!
  until [ "$(cat $state)" = running ] && [ "$(validations)" -gt 0 ] && [ "$(validations)" != "$before" ]; do
    kill -0 $pid 2>/dev/null || fail "no training: $(cat said)"
    sleep 0.05
  done
  touch work/tiny/lstm256/stop
  wait $pid || status=$?
  [ $status = 75 ] || fail "exit code $status, not 75: $(cat said)"
  grep -q 'stopped, as a file .*/lstm256/stop' said || fail "$(cat said)"
}
stop_by_file
rm $model
fails_with 1 'the best model of this run so far, cannot be read: put it back, or start anew with --fresh (a job script: FRESH=1)' jobs/train_lstm256.sh
stop_by_file FRESH=1
! grep -q 'going on from step' said || fail "went on without its best model: $(cat said)"

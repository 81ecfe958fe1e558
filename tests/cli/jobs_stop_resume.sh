#!/usr/bin/env bash
# A training script that is asked to stop saves its work and exits with 75; run again it goes on and ends as if it had
# never been stopped.  Ctrl-C does the same with 130.  Other options do not go on from these checkpoints.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK=$PWD/work RESULTS=$PWD/results CORPUS=$PWD/tiny DEVICE=cpu THREADS=1
mkdir tiny
for split in train:1500 valid:40 test:40; do
  awk -v n="${split#*:}" 'BEGIN { srand(n); for (i = 0; i < n; i++) { s = ""; for (k = 0; k < 8; k++) s = s "w" int(50 * rand() * rand()) " "; print s "." } }' \
    >"tiny/${split%:*}.txt"
done
mkdir jobs
cp "$BILLIONWORD_HOME"/jobs/*.sh jobs/
rm -f jobs/site.sh
sed -i 's/--hidden [0-9]*/--hidden 32/; s/--epochs [0-9]*/--epochs 40/' jobs/train_lstm256.sh
export BILLIONWORD_HOME=$PWD
model=work/tiny/lstm256/model.safetensors state=work/tiny/lstm256/state
jobs/prepare_corpus.sh 2>said

# stop_after SIGNAL CODE: starts the script, signals it once it trains, demands the exit code and the state.
stop_after() {
  local pid status=0
  setsid bash jobs/train_lstm256.sh >out 2>said & # a job of its own, as under sbatch
  pid=$!
  until grep -q running $state 2>/dev/null; do kill -0 $pid || fail "$(cat said)"; sleep 0.05; done
  sleep 0.3
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

# One that was never stopped has the same scores.
WORK=$PWD/straight jobs/prepare_corpus.sh 2>said
WORK=$PWD/straight jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
zstd -dcq work/tiny/lstm256/test.scores >stopped.scores
zstd -dcq straight/tiny/lstm256/test.scores >straight.scores
same_file stopped.scores straight.scores

# Finished, it starts anew where the recipe is another, and where the vocabulary is newer.
sed -i 's/--epochs 40/--epochs 1/' jobs/train_lstm256.sh
jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
grep -q '^=== 1/2 Training' said && ! grep -q 'going on from step' said || fail "$(cat said)"
touch work/tiny/vocab.tsv
jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
grep -q '^=== 1/2 Training' said || fail "$(cat said)"

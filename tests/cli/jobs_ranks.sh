#!/usr/bin/env bash
# Ranks of a job: a launcher that starts fewer than the job has is refused; ELASTIC=1 goes on with another number also where the recipe
# grows with the ranks; a stop that is asked for at any moment of a start ends in a checkpoint, and the next run goes on.
# timeout: 600
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/jobs.bash"
command -v mpirun >/dev/null || skip "needs mpirun"
export OMPI_MCA_mpi_yield_when_idle=1

# --- fewer ranks than the job has
printf '%s\n' 'launcher=(mpirun --bind-to none --oversubscribe -np 1)' >jobs/site.sh
fails_with 1 'the job script started 3 ranks, but this one is among 1' env NP=3 jobs/train_lstm256.sh
rm jobs/site.sh
[ ! -e work/tiny/lstm256/state ] || fail "it began: $(cat work/tiny/lstm256/state)"

# --- a recipe whose batch is 128 streams a rank
sed -i 's/128 \* recipe_ranks/4 * recipe_ranks/; s/--hidden 2048 --projection 512 --embedding 512/--hidden 16 --projection 8 --embedding 8/
  s/--samples 8192/--samples 20/; s/--epochs "[^"]*"/--epochs 600/; s/--valid-streams 32/--valid-streams 2/; s/--streams 32/--streams 2/' jobs/train_lstm2048.sh
stop() { # SYSTEM: once it trains
  local pid=$1 status=0
  until grep -q running "work/tiny/$2/state" 2>/dev/null && [ -s "work/tiny/$2/curve.jsonl" ]; do
    kill -0 "$pid" 2>/dev/null || fail "no training: $(cat said)"
    sleep 0.05
  done
  kill -USR1 "$pid"
  wait "$pid" || status=$?
  [ $status = 75 ] || fail "exit code $status: $(cat said)"
  expect_output stopped cat "work/tiny/$2/state"
}
NP=2 jobs/train_lstm2048.sh --device cpu >out 2>said &
stop $! lstm2048
fails_with 1 'holds an unfinished run with other options or inputs' env NP=1 jobs/train_lstm2048.sh --device cpu
NP=1 ELASTIC=1 jobs/train_lstm2048.sh --device cpu >out 2>said || fail "$(cat said)"
grep -q 'going on from step' said || fail "did not go on: $(cat said)"
grep -q '  batch  *8$' said || fail "another batch: $(cat said)"
NP=1 ELASTIC=1 jobs/train_lstm2048.sh --device cpu >out 2>said || fail "$(cat said)"
grep -q 'nothing to do' said || fail "$(cat said)"

# --- asked to stop at any moment: ranks that are not there yet, that join, that read a checkpoint
sed -i 's/--epochs 200/--epochs 600/' jobs/train_lstm256.sh # some seconds, on any machine
NP=2 jobs/train_lstm256.sh >out 2>said &
stop $! lstm256
times="0.1 0.4 0.8"
[ "$TIER" != long ] || times="0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 1 1.2"
for seconds in $times; do
  echo running >work/tiny/lstm256/state # as a node that died leaves it
  NP=2 jobs/train_lstm256.sh >out 2>said &
  pid=$! status=0
  sleep "$seconds"
  kill -USR1 $pid
  for ((i = 0; i < 300; i++)); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  ! kill -0 $pid 2>/dev/null || fail "30 seconds after it was asked to stop, $seconds s after its start, it still runs: $(cat said)"
  wait $pid || status=$?
  # Before it listens to signals it ends by them, having done nothing.
  [ $status = 75 ] || { [ $status = 138 ] && [ ! -s said ]; } || fail "exit code $status after a signal $seconds s after its start: $(cat said)"
  [ -z "$(trainings)" ] || fail "ranks are left: $(trainings)"
  [ ! -e work/tiny/lstm256/model.safetensors.command ] || fail "the model passes for a finished one"
done
NP=2 jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
grep -q 'going on from step' said || fail "did not go on: $(cat said)"

# --- begun anew, by another number of ranks
rm -r work/tiny/lstm256
NP=2 jobs/train_lstm256.sh >out 2>said &
stop $! lstm256
fails_with 1 'elastic' env NP=1 jobs/train_lstm256.sh
NP=1 FRESH=1 jobs/train_lstm256.sh >out 2>said || fail "$(cat said)"
! grep -q 'going on from step' said || fail "went on: $(cat said)"

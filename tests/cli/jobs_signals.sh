#!/usr/bin/env bash
# However a pipeline is ended, its training saves its work and ends with it, on one rank or two; two runs do not train in
# one folder; a rank that is killed leaves the state `failed`.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/jobs.bash"
sed -i 's/--epochs 200/--epochs 50000/' jobs/train_lstm256.sh # never finished here
state=work/tiny/lstm256/state
export SYSTEMS=lstm256

# start COMMAND...: in a session of its own, as from a terminal; its group is $pid.
start() {
  rm -f $state
  env --default-signal=INT setsid "$@" >out 2>said &
  pid=$!
  await_training $pid
}
# ends_with CODE: so does what was started, and nothing of it lives on.
ends_with() {
  local status=0
  wait $pid || status=$?
  [ $status = "$1" ] || fail "exit code $status, not $1: $(cat said)"
  [ -z "$(trainings)" ] || fail "still training: $(trainings)"
}

printf 'pipeline:\n\t@jobs/pipeline.sh\n' >makefile
for signal in TERM:143 USR1:75 HUP:129; do
  case $signal in TERM:*) start make -f makefile ;; *) start jobs/pipeline.sh ;; esac
  kill "-${signal%:*}" $pid
  ends_with "${signal#*:}"
  expect_output stopped cat $state
done
start jobs/pipeline.sh
grep -q 'going on from step' said || fail "did not go on: $(cat said)"
fails_with 1 "another run works in $WORK/tiny/lstm256 (pid " jobs/train_lstm256.sh
fails_with 1 'failed: lstm256' env EPOCHS=2 FRESH=1 jobs/pipeline.sh
kill -INT -- -$pid # Ctrl-C
ends_with 130
expect_output stopped cat $state

command -v mpirun >/dev/null || skip "two ranks: needs mpirun"
rm -r work/tiny/lstm256
export NP=2 OMPI_MCA_mpi_yield_when_idle=1
for script in pipeline train_lstm256; do
  start jobs/$script.sh
  kill -INT -- -$pid
  ends_with 130
  expect_output stopped cat $state
done
start jobs/train_lstm256.sh
kill -KILL "$(trainings | tail -n 1)"
ends_with 1
expect_output failed cat $state

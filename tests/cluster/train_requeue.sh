#!/usr/bin/env bash
# A job on two nodes that is stopped saves its work, however slowly rank 0 writes, goes back into the queue, and in the end has
# the bits of a run that was never stopped: by srun, by mpirun, and where a node is lost.
# timeout: 360
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 2 16000 2 # of lstm256, which asks for two cores a rank, a node takes one rank
make_clone
make_slow_writes
cd "$clone/logs"
make_corpus tiny 300
sed -i 's/--epochs "[^"]*"/--epochs 14 --checkpoint-steps 10/' "$clone/jobs/train_lstm256.sh" # some 70 steps
export CORPUS=$PWD/tiny
make_straight
passes() { grep -c '^=== 1/2 Training lstm256' "$log" 2>/dev/null || true; }
# in_pass N NAME: waits until the job runs for the Nth time, and has made a checkpoint since.
in_pass() {
  local end=$((SECONDS + 60)) before
  until [ "$(passes)" = "$1" ]; do [ $SECONDS -lt $end ] || fail "no pass $1: $(cat "$log")"; sleep 0.1; done
  before=$(compgen -G "$clone/$2/tiny/lstm256/checkpoint-*" || true)
  until [ "$(compgen -G "$clone/$2/tiny/lstm256/checkpoint-*" || true)" != "$before" ]; do
    [ $SECONDS -lt $end ] || fail "pass $1 makes no checkpoint: $(cat "$log")"
    sleep 0.1
  done
}
# ended PASSES NAME: the job ends well after so many passes, with the bits of the run that was never stopped.
ended() {
  wait_for_end "$id" 120
  [ "$state" = COMPLETED ] || fail "ended as $state: $(cat "$log")"
  [ "$(passes)" = "$1" ] || fail "$(passes) passes, not $1: $(cat "$log")"
  grep -q 'going on from step' "$log" || fail "not resumed: $(cat "$log")"
  same_results "$clone/straight" "$clone/$2" lstm256
}
preempt() { # PASS NAME
  scancel --batch --signal=USR1 "$id"
  wait_for_count 'what is done is kept and the job goes back into the queue' "$1" "$log" 60
  expect_output stopped cat "$clone/$2/tiny/lstm256/state"
  compgen -G "$clone/$2/tiny/lstm256/checkpoint-*/DONE" >/dev/null || fail "no whole checkpoint: $(cat "$log")"
  # The ranks have left together and with 0: the launcher has nothing to complain of.
  ! grep -E 'srun: error|mpirun (noticed|detected)|unexpectedly disconnected' "$log" || fail "a rank was killed: $(cat "$log")"
}

start srun
in_pass 1 srun
preempt 1 srun
in_pass 2 srun
preempt 2 srun
ended 3 srun

printf 'launcher=(mpirun --bind-to none)\n' >"$clone/jobs/site.sh"
start mpirun
in_pass 1 mpirun
preempt 1 mpirun
ended 2 mpirun
rm "$clone/jobs/site.sh"

# A node that is lost, that of a rank or that of the script, takes the job with it; Slurm puts it back into the queue by itself.
for node in n2 n1; do
  start lost_$node
  in_pass 1 lost_$node
  scontrol update nodename=$node state=down reason=test
  for ((i = 0; i < 300; i++)); do
    [ "$(job_state "$id")" = RUNNING ] || break
    sleep 0.1
  done
  scontrol update nodename=$node state=resume 2>said || grep -q 'Invalid node state' said || fail "$(cat said)" # or it has come back by itself
  ended 2 lost_$node
done

# A file `stop` ends the run, and does not send the job back; submitted again it goes on.
start asked
in_pass 1 asked
touch "$clone/asked/tiny/lstm256/stop"
wait_for_end "$id" 120
[ "$state" = FAILED ] || fail "ended as $state, not with code 75: $(cat "$log")"
grep -q 'stopped, as a file .*/lstm256/stop or a signal to the training asked' "$log" || fail "$(cat "$log")"
[ "$(passes)" = 1 ] || fail "went back into the queue: $(cat "$log")"
id=$(in_folder asked "${slow[@]}" sbatch --parsable --nodes=2 --ntasks=2 "$clone/jobs/train_lstm256.sh") && log=lstm256-$id.log
ended 1 asked

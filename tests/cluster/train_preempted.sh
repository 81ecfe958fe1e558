#!/usr/bin/env bash
# A job that gives way to one of a partition with more priority: asked by Slurm, by the signal it wants or by SIGTERM to its
# steps, it saves its work within the grace, goes back into the queue, and in the end has the bits of a run that was never
# preempted; also where it was stopped in an evaluation, before it had made anything.
# timeout: 360
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 2 16000 2
sed -i 's/^PartitionName=main .*/& PriorityTier=1 GraceTime=60/' box/slurm.conf
cat >>box/slurm.conf <<'CONF'
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
CONF
scontrol reconfigure
make_clone
make_slow_writes
cd "$clone/logs"
make_corpus tiny 300
sed -i 's/--epochs "[^"]*"/--epochs 14 --checkpoint-steps 10/' "$clone/jobs/train_lstm256.sh"
make_slow_evaluations
export CORPUS=$PWD/tiny
make_straight

# preempt N: something urgent wants both nodes, and gets them; the job has gone back N times.
back='what is done is kept and the job goes back into the queue'
preempt() {
  urgent=$(sbatch --parsable --partition=urgent --nodes=2 --exclusive --output=urgent.log --wrap true)
  wait_for_end "$urgent" 60
  [ "$state" = COMPLETED ] || fail "what is urgent ended as $state"
  [ "$(grep -cF "$back" "$log")" = "$1" ] || fail "not back in the queue $1 times: $(cat "$log")"
}
ended() { # NAME
  wait_for_end "$id" 90
  [ "$state" = COMPLETED ] || fail "ended as $state: $(cat "$log")"
  same_results "$clone/straight" "$clone/$1" lstm256
}
checkpoint_of() {
  local end=$((SECONDS + 60))
  until compgen -G "$clone/$1/tiny/lstm256/checkpoint-*/DONE" >/dev/null; do
    [ $SECONDS -lt $end ] || fail "no checkpoint: $(cat "$log")"
    sleep 0.1
  done
}

start asked
checkpoint_of asked
preempt 1
wait_for_log "$log" '=== 2/2 Evaluating' 60
grep -q 'going on from step' "$log" || fail "not resumed: $(cat "$log")"
sleep 1
preempt 2
wait_for_count '=== 2/2 Evaluating' 2 "$log" 60
sleep 1
preempt 3 # this pass has made nothing
ended asked

sed -i '/^SlurmctldParameters=/d' "$SLURM_CONF"
scontrol reconfigure
start terminated
checkpoint_of terminated
preempt 1
wait_for_log "$log" '=== 2/2 Evaluating' 60
grep -q 'going on from step' "$log" || fail "not resumed: $(cat "$log")"
sleep 1
preempt 2
ended terminated

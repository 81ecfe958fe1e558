#!/usr/bin/env bash
# A job that gives way to one of a partition with more priority: asked by Slurm, by the signal it wants or by SIGTERM to its
# steps, it saves its work within the grace, goes back into the queue, and in the end has the bits of a run that was never
# preempted; also where it was stopped in an evaluation, before it had made anything.
# timeout: 240
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
# An evaluation that can be met: it takes some seconds under Slurm.
rm "$clone/build/bin"
mkdir "$clone/build/bin"
ln -s "$BIN"/* "$clone/build/bin/"
rm "$clone/build/bin/evaluate"
printf '#!/bin/bash\n[ -z "${SLURM_JOB_ID:-}" ] || sleep 4\nexec "%s/evaluate" "$@"\n' "$BIN" >"$clone/build/bin/evaluate"
chmod +x "$clone/build/bin/evaluate"
export CORPUS=$PWD/tiny
in_folder() { env WORK="$clone/$1" RESULTS="$clone/$1/results" "${@:2}"; }
in_folder straight bash "$clone/jobs/prepare_corpus.sh" 2>said || fail "$(cat said)"
in_folder straight env NP=2 bash "$clone/jobs/train_lstm256.sh" >said 2>&1 || fail "$(cat said)"

# start NAME: the job, in a folder of its own; sets `id`, `log`.
start() {
  mkdir "$clone/$1"
  cp -rp "$clone/straight/tiny" "$clone/$1/tiny"
  rm -r "$clone/$1/tiny/lstm256"
  id=$(in_folder "$1" "${slow[@]}" sbatch --parsable --nodes=2 --ntasks=2 "$clone/jobs/train_lstm256.sh")
  log=lstm256-$id.log
}
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
for ((i = 0; i < 300; i++)); do [ "$(grep -c '=== 2/2 Evaluating' "$log")" != 2 ] || break; sleep 0.1; done
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

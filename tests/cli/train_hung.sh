#!/usr/bin/env bash
# A rank that hangs ends the job by the watchdog of the others, with its number and host; one that is killed ends it at once.
# Either run goes on from its checkpoint to the same bits.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
command -v mpirun >/dev/null || skip "needs mpirun"
recipe=("${tiny[@]}" --epochs 6 --checkpoint-steps 100)
ranks 2 train --quiet "${recipe[@]}" --output straight train.shard

# ranks_of PID: the processes of the two ranks that mpirun PID has started, in the order of their ranks
ranks_of() {
  local process
  for process in $(pgrep -P "$1" -x train); do
    echo "$(tr '\0' '\n' <"/proc/$process/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p') $process"
  done | sort -n | cut -d' ' -f2
}
pid=
trap '[ -z "$pid" ] || kill -KILL $(ranks_of "$pid") "$pid" 2>/dev/null || true' EXIT

rank() { ranks_of $pid | sed -n "$(($1 + 1))p"; }

# strike SIGNAL RANK: to that rank of a run in its first steps; sets `status`
strike() {
  rm -rf run
  mpirun --bind-to none --oversubscribe --mca mpi_yield_when_idle 1 -np 2 train "${recipe[@]}" --watchdog "${dog:-2}" --output run train.shard >said 2>&1 &
  pid=$!
  until [ -s run/curve.jsonl ]; do
    kill -0 $pid || fail "no training: $(cat said)"
    sleep 0.05
  done
  kill "-$1" "$(rank "$2")"
  [ -z "${and_end:-}" ] || { sleep 1 && kill -TERM "$(rank "$and_end")"; }
  for ((i = 0; i < 300; i++)); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  kill -0 $pid 2>/dev/null && fail "30 seconds after $1 to rank $2 the job still runs: $(cat said)"
  status=0
  wait $pid || status=$?
  pid=
  [ $status != 0 ] || fail "exit code 0 after $1 to rank $2: $(cat said)"
}

stopped=0
[ "$TIER" != long ] || stopped="0 1"
for rank in $stopped; do
  strike STOP $rank
  grep -q "train\[rank $((1 - rank)) on [^]]*\]: error: waited [0-9]* seconds for rank $rank on $(hostname) (it does not answer)" said ||
    fail "rank $rank stopped: $(cat said)"
  expect_output failed cat run/state
  ranks 2 train --quiet "${recipe[@]}" --output run train.shard
  same_file straight/model.safetensors run/model.safetensors
done
# A rank that is asked to end (as by a launcher that has lost the other) does, though it waits for one that does not answer.
dog=600 and_end=0 strike STOP 1
grep -q "error: waited [0-9]* seconds for rank 1 on $(hostname) (it does not answer)" said || fail "asked to end: $(cat said)"

strike KILL 1
ranks 2 train --quiet "${recipe[@]}" --output run train.shard
same_file straight/model.safetensors run/model.safetensors

# Ranks that are all stopped for a while, as a suspended job is, go on.
[ "$TIER" = long ] || exit 0
rm -rf run
mpirun --bind-to none --oversubscribe --mca mpi_yield_when_idle 1 -np 2 train "${recipe[@]}" --watchdog 6 --output run train.shard >said 2>&1 &
pid=$!
until [ -s run/curve.jsonl ]; do sleep 0.05; done
mapfile -t both < <(ranks_of $pid)
kill -STOP "${both[@]}"
sleep 15
kill -CONT "${both[@]}"
wait $pid || fail "suspended for a while: $(cat said)"
same_file straight/model.safetensors run/model.safetensors

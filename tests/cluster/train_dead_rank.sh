#!/usr/bin/env bash
# A rank that is killed on the other node ends the job within 30 seconds, by srun and by mpirun, without any watchdog; one that
# hangs ends it by the watchdog, which names rank and host.
# timeout: 240
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 2 16000 2
make_clone
cd "$clone/logs"
make_corpus tiny 300
sed -i 's/--epochs "[^"]*"/--epochs "${MANY:-60}" --checkpoint-steps 50 --watchdog "${DOG:-600}"/' "$clone/jobs/train_lstm256.sh"
export CORPUS=$PWD/tiny
bash "$clone/jobs/prepare_corpus.sh" 2>said || fail "$(cat said)"
folder=$clone/work/tiny/lstm256

# rank_on NODE: the process of `train` that computes there.
rank_on() {
  local net process words
  net=$(cut -d' ' -f3 "$box/hosts/$1")
  for process in $(find /proc/[0-9]*/ns -maxdepth 1 -name net -lname "net:?$net?" 2>/dev/null | cut -d/ -f3); do
    mapfile -d '' words 2>/dev/null <"/proc/$process/cmdline" || continue
    [ "${words[0]:-}" != "$clone/build/bin/train" ] || echo "$process"
  done
}

# strike SIGNAL: to the rank on n2 of a run that has begun; sets `log`, and `took`, the seconds until the job had ended.
strike() {
  local id start
  rm -rf "$folder"
  id=$(MANY=100000 DOG=${DOG:-600} sbatch --parsable --no-requeue --nodes=2 --ntasks=2 "$clone/jobs/train_lstm256.sh")
  log=lstm256-$id.log
  wait_for_log "$folder/curve.jsonl" '"step"' 60
  kill "-$1" "$(rank_on n2)"
  start=$EPOCHREALTIME
  wait_for_end "$id" 60
  took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  echo "$launched: $1 to the rank on n2, ended after $took s"
  [ "$state" = FAILED ] || fail "ended as $state: $(cat "$log")"
  expect_output failed cat "$folder/state"
  awk -v t="$took" 'BEGIN { exit !(t <= 30) }' || fail "it took $took seconds: $(cat "$log")"
}
for launched in srun mpirun; do
  [ $launched = srun ] || printf 'launcher=(mpirun --bind-to none)\n' >"$clone/jobs/site.sh"
  strike KILL
  DOG=3 strike STOP
  grep -q 'train\[rank 0 on n1\]: error: waited [0-9]* seconds for rank 1 on n2 (it does not answer)' "$log" || fail "not named: $(cat "$log")"
done

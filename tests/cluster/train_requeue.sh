#!/usr/bin/env bash
# Near the end of its time a training job on two ranks saves a checkpoint, goes back into the queue, and goes on.
# timeout: 200
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 4 32000
make_clone
cd "$clone/logs"
make_corpus tiny 1500
sed -i 's/--epochs "[^"]*"/--epochs 600/' "$clone/jobs/train_lstm256.sh" # seconds, so that the signal finds it at work
export CORPUS=$PWD/tiny
bash "$clone/jobs/prepare_corpus.sh"

id=$(sbatch --parsable --ntasks=2 --cpus-per-task=1 "$clone/jobs/train_lstm256.sh")
log=lstm256-$id.log
folder=$clone/work/tiny/lstm256
wait_for_log "$folder/state" running 60
sleep 1 # into the first steps
scancel --batch --signal=USR1 "$id"
wait_for_log "$log" "the work is saved and the job is back in the queue" 60
grep -q stopped "$folder/state" || fail "state: $(cat "$folder/state")"
wait_for_end "$id" 120
[ "$state" = COMPLETED ] || fail "ended as $state: $(cat "$log")"
[ "$(grep -c '^=== 1/2 Training lstm256' "$log")" = 2 ] || fail "not resumed: $(cat "$log")"
grep -q finished "$folder/state" || fail "state: $(cat "$folder/state")"
grep -P '^lstm256\t' "$clone/results/tiny/perplexity.tsv" | grep -qP '\tVALID\t' || fail "no valid row: $(cat "$log")"

# A rank that dies takes the job down instead of leaving the others waiting.
rm -r "$folder"
id=$(sbatch --parsable --ntasks=2 --cpus-per-task=1 "$clone/jobs/train_lstm256.sh")
wait_for_log "$folder/state" running 60
for pid in $(pgrep -f "^$clone/build/bin/train " | head -n 1); do kill -KILL "$pid"; done
wait_for_end "$id" 60
[ "$state" = FAILED ] || fail "ended as $state: $(cat "lstm256-$id.log")"

#!/usr/bin/env bash
# Time limits that are much too short make a chain by themselves: shortly before each Slurm sends the signal, the job saves its
# work and goes on later, to the bits of a run that had all the time.
# timeout: 300
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 2 16000 2
make_clone
make_slow_writes # so that some time passes, whatever the machine
slow+=(SLOW_MILLISECONDS=500)
cd "$clone/logs"
make_corpus tiny 300
sed -i 's/--epochs "[^"]*"/--epochs 24 --checkpoint-steps 4/' "$clone/jobs/train_lstm256.sh" # some 30 checkpoints
export CORPUS=$PWD/tiny
in_folder straight bash "$clone/jobs/prepare_corpus.sh" 2>said || fail "$(cat said)"
cp -rp "$clone/straight" "$clone/limited"

# Slurm looks at limits twice a minute or so, and signals as much earlier: half a minute after the start at the soonest.
id=$(in_folder limited "${slow[@]}" sbatch --parsable --time=2 --signal=B:USR1@60 --nodes=2 --ntasks=2 "$clone/jobs/train_lstm256.sh")
log=lstm256-$id.log
in_folder straight env NP=2 bash "$clone/jobs/train_lstm256.sh" >said 2>&1 || fail "$(cat said)"
wait_for_end "$id" 220
[ "$state" = COMPLETED ] || fail "ended as $state: $(tail -n 40 "$log")"
# However often; the last pass may have had nothing but the evaluation to do.
grep -q 'what is done is kept and the job goes back into the queue' "$log" || fail "not requeued, though the time was short: $(cat "$log")"
grep -q 'going on from step' "$log" || fail "not resumed: $(cat "$log")"
! grep 'DUE TO TIME LIMIT' "$log" || fail "killed by its limit: $(cat "$log")"
# The evaluation has nothing to save and ends at once; training does not.
! sed '/=== 2\/2 Evaluating/,$d' "$log" | grep 'srun: error' || fail "a rank that trained was killed: $(cat "$log")"
same_results "$clone/straight" "$clone/limited" lstm256

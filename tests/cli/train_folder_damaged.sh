#!/usr/bin/env bash
# What lies beside the checkpoints of a run, damaged or gone: its state, DONE, the texts that it adds to.  A finished run is never
# trained anew without --fresh, a run goes on to the same bits, and what is lost is told.  Room on the disk is asked for once.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
run() { train "${tiny[@]}" --gradient-flow --sample-steps 40 --checkpoint-steps 20 --output "$@" train.shard; }
logs="curve.jsonl gradient_flow.tsv samples.tsv"

run whole 2>said
for word in finishe running failed ''; do
  echo "$word" >whole/state
  fails_with 1 'whole holds a finished run: choose another --output, or --fresh' run whole
done
rm whole/state
fails_with 1 'whole holds a finished run' run whole

run stopped --stop-after 100 2>said
for word in finished '' nonsense; do
  rm -rf again && cp -r stopped again
  echo "$word" >again/state
  run again 2>said
  grep -q 'going on from step 100' said || fail "state '$word': $(cat said)"
  same_file whole/model.safetensors again/model.safetensors
done
but_seconds() { sed 's/"words_per_s".*//; s/"valid_seconds".*//' "$1"; }
for log in $logs; do expect_output "$(but_seconds "whole/$log")" but_seconds "again/$log"; done

# A text that is not what the checkpoint has seen is set aside; what was added behind it goes.
for log in $logs; do
  for damage in 's/[0-9]/x/' '$d'; do
    rm -rf again && cp -r stopped again
    sed -i "$damage" "again/$log"
    cp "again/$log" damaged
    run again 2>said
    grep -q "warning: again/$log is not what it was when the checkpoint was made: set aside as again/$log.damaged" said || fail "$log: $(cat said)"
    same_file damaged "again/$log.damaged"
    same_file whole/model.safetensors again/model.safetensors
  done
  rm -rf again && cp -r stopped again && rm "again/$log"
  run again 2>said
  grep -q "warning: again/$log is gone" said || fail "$log: $(cat said)"
done

# Without DONE a checkpoint does not count, and that is told.
rm -rf again && cp -r stopped again && rm again/checkpoint-100/DONE
run again 2>said
grep -q 'warning: again/checkpoint-100 has no DONE, and is not used' said && grep -q 'going on from step 80' said || fail "$(cat said)"
rm -rf again && cp -r stopped again && rm again/checkpoint-*/DONE
run again 2>said
grep -q 'warning: again/checkpoint-80 has no DONE' said && grep -q 'again: no checkpoint is complete: training begins at step 0' said ||
  fail "$(cat said)"
same_file whole/model.safetensors again/model.safetensors

# What checkpoints and model take already is not asked for again.
need=$(train "${tiny[@]}" --dry-run --output none train.shard 2>&1 | sed -n 's/.* \([0-9.]*\) KiB of disk.*/\1/p')
[ -n "$need" ] || fail "how much disk is needed is not said in KiB"
if mkdir disk && mount -t tmpfs -o "size=$((${need%.*} + 60))k" tmpfs disk 2>/dev/null; then
  trap 'umount disk' EXIT
  train --quiet "${tiny[@]}" --checkpoint-steps 20 --stop-after 100 --output disk/run train.shard
  left=$(df --output=avail -k disk | tail -n 1)
  [ "$left" -lt "${need%.*}" ] || fail "the disk is too large for this test: $left"
  head -c $((left - 90))K /dev/zero >disk/filler
  fails_with 1 'no room for checkpoints and model' train "${tiny[@]}" --output disk/run train.shard
  rm disk/filler
  train --quiet "${tiny[@]}" --checkpoint-steps 20 --output disk/run train.shard
  same_file whole/model.safetensors disk/run/model.safetensors
else
  echo "not tried: a disk with room for one run (needs the right to mount)"
fi

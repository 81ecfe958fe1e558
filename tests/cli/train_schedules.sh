#!/usr/bin/env bash
# What validations do to a run: the rate decays, the run ends, the best model stays; the same after a stop.  Divergence.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

# replay SCHEDULE CURVE: recomputes each epoch's rate from the validations before it; prints the number of epochs.
replay() {
  awk -v schedule="$1" -v first=0.04 -v decay=0.5 -v worse=0.25 -v ratio=1.01 '
    function value(name) { return match($0, "\"" name "\":[0-9.e+-]+") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : "" }
    BEGIN { rate = first }
    /"rate"/ { if ((value("rate") - rate) ^ 2 > (1e-9 * rate) ^ 2 || value("epoch") != epochs + 1) { print "line " NR ": rate " value("rate") ", expected " rate; exit } }
    /"valid_perplexity"/ {
      now = value("valid_perplexity"); epochs++
      if (schedule == "validation") { if (best && log(best) <= ratio * log(now)) rate *= decay }
      else rate *= last && now > last ? worse : decay
      if (!best || now < best) best = now
      last = now
    }
    END { print epochs, best }' "$2"
}

# Adam at a high rate soon overfits this little text.
overfit=("${tiny[@]}" --epochs 30 --rate 0.04 --dropout 0)
for schedule in validation step; do
  case $schedule in
  validation) recipe=(--schedule validation --improvement 1.01) ;;
  step) recipe=(--schedule step --decay-after 1 --decay-worse 0.25) ;;
  esac
  train "${overfit[@]}" "${recipe[@]}" --patience 3 --output $schedule train.shard 2>said
  expect_output finished cat $schedule/state
  grep -q 'no improvement in 3 validation(s): ended after epoch' said || fail "$(tail -n 3 said)"
  read -r epochs best <<<"$(replay $schedule $schedule/curve.jsonl)"
  { [ "$epochs" -gt 3 ] && [ "$epochs" -lt 30 ]; } || fail "$schedule: $epochs epochs"
  close_to "$(perplexity --model $schedule/model.safetensors valid.shard)" "$best" 1e-4 # the best, not the last
  for stop in 300 1000 0; do # in the second epoch, and behind a bad validation
    train --quiet "${overfit[@]}" "${recipe[@]}" --patience 3 --stop-after $stop --output parts-$schedule train.shard
  done
  same_file $schedule/model.safetensors parts-$schedule/model.safetensors
  [ "$(grep -c valid_ parts-$schedule/curve.jsonl)" = "$epochs" ] || fail "$schedule: another number of epochs after a stop"
done
# The manifest has the perplexity of the model that is beside it, also where that is the last and a worse one.
for select in best last; do
  train --quiet "${overfit[@]}" --epochs 8 --select $select --output $select train.shard
  noted=$(sed -n 's/.*"valid_perplexity": "\([0-9.]*\)".*/\1/p' $select/model.safetensors.manifest.json)
  close_to "$noted" "$(perplexity --model $select/model.safetensors valid.shard)" 1e-4
  echo "$noted"
done | awk '{ noted[NR] = $1 } END { exit !(noted[2] > 1.01 * noted[1]) }' || fail "the last model has to be worse than the best"
ranks 2 train --quiet "${overfit[@]}" --schedule validation --patience 1 --improvement 1.5 --output two train.shard
expect_output finished cat two/state
[ "$(grep -c valid_ two/curve.jsonl)" = 2 ] || fail "the second validation cannot be better by half"

refuse() { fails_with "$1" "$2" train "${tiny[@]}" "${@:3}" --output m train.shard; }
refuse 2 '--decay-worse means something only with --schedule step' --decay-worse 0.5
refuse 2 '--improvement means something only with --patience, or --schedule validation' --improvement 1.1
refuse 2 '--decay means something only with --schedule step|validation' --decay 0.5
refuse 2 '--patience means something only with --select best' --patience 3 --select last
refuse 2 '--patience -1: must be from 0 to 100000' --patience -1
refuse 2 '--decay 1.5: must be from 1e-06 to 1' --schedule step --decay 1.5
refuse 1 '--warmup 100000: the whole run has * of which the rate falls' --schedule linear --warmup 100000
for schedule in constant step inverse-sqrt validation; do
  refuse 1 '--warmup 100000: the whole run has * the rate would never come up to --rate 0.01' --schedule $schedule --warmup 100000
done
# The last step may be the first at the full rate, but the linear schedule has to fall from there.
train --quiet "${tiny[@]}" --output plain train.shard
steps=$(sed -n 's/^{"step":\([0-9]*\),.*/\1/p' plain/curve.jsonl | tail -n 1)
train --quiet "${tiny[@]}" --dry-run --schedule step --warmup "$steps" --output m train.shard
refuse 1 "the whole run has $steps steps" --schedule step --warmup $((steps + 1))
refuse 1 "the whole run has $steps steps" --schedule linear --warmup "$steps"
[ ! -e m ] || fail "a refused run left something: $(ls m)"

# Divergence: the step, the group and its norm; the last good checkpoint stays and is one that can be gone on from.
diverge=("${tiny[@]}" --optimiser sgd --clip 0 --epochs 50 --checkpoint-steps 2)
fails_with 1 "parameters' gradient is " train "${diverge[@]}" --rate 1000 --output wild train.shard
fails_with 1 'training has diverged; lower --rate or --clip; the last good checkpoint, of step ' train "${diverge[@]}" --rate 1000 --output wild train.shard
expect_output failed cat wild/state
[ -e "$(find wild -name DONE | head -n 1)" ] || fail "no checkpoint is left"
nothing_left wild
fails_with 1 'there is no good checkpoint yet' train "${diverge[@]}" --checkpoint-steps 0 --rate 1000 --output none train.shard

# A loss that has left what the run began with (ln 302 = 5.7) is none to go back to: the checkpoints made of it leave the last one
# before it alone, which is what a run names that ends; none is good where it never came down.
doubt=("${tiny[@]}" --dropout 0 --clip 0 --optimiser sgd --checkpoint-steps 20 --log-steps 20 --epochs 5)
status=0
train "${doubt[@]}" --rate 300 --warmup 600 --output doubt train.shard 2>said || status=$?
[ $status = 1 ] || fail "exit code $status: $(tail -n 3 said)"
grep -q 'validation after step [0-9]* gives perplexity .*, and the norm of the [a-z]* parameters. gradient is [0-9.e+-]* (all: embedding ' said || fail "$(tail -n 1 said)"
good=$(sed -n 's/.*the last good checkpoint, of step \([0-9]*\), stays in doubt$/\1/p' said)
[ -n "$good" ] || fail "no good checkpoint is named: $(tail -n 1 said)"
[ -e "doubt/checkpoint-$good/DONE" ] || fail "checkpoint $good is gone: $(ls doubt)"
newest=$(find doubt -name DONE | sed 's/.*checkpoint-\([0-9]*\).*/\1/' | sort -n | tail -n 1)
[ "$newest" -ge $((good + 40)) ] || fail "checkpoint $newest is newer than the last good one, $good: expected some more between"
loss=$(sed -n 's/^{"step":'"$good"',.*"loss":\([0-9.e+-]*\),.*/\1/p' doubt/curve.jsonl)
awk -v loss="$loss" 'BEGIN { exit !(loss < 1.6 * log(302)) }' || fail "the loss before the good checkpoint $good is $loss"
fails_with 1 'there is no good checkpoint yet' train "${doubt[@]}" --rate 60 --output never train.shard

#!/usr/bin/env bash
# What --loss, --select, --ema and --shuffle do to gradients, to the model that is written and to the order of the text.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

# valid_perplexities FOLDER: of each epoch, from the learning curve
valid_perplexities() { sed -n 's/.*"valid_perplexity":\([0-9.e+-]*\),.*/\1/p' "$1/curve.jsonl"; }

# --loss step-sum: the mean over streams, summed over steps, has --bptt times the gradient of the mean over a block's words; less
# at the end, where streams are over.  Both are of the initial parameters, which so small a rate does not move.
still=("${tiny[@]}" --optimiser sgd --rate 1e-12 --clip 0 --dropout 0 --epochs 1 --log-steps 1)
for loss in token-mean step-sum; do
  train --quiet "${still[@]}" --loss $loss --output $loss train.shard
  sed -n 's/.*"norm":{"embedding":\([0-9.e+-]*\),"recurrent":\([0-9.e+-]*\),"output":\([0-9.e+-]*\)}.*/\1\t\2\t\3/p' $loss/curve.jsonl >$loss.norms
done
paste token-mean.norms step-sum.norms | awk -F'\t' '
  { for (g = 1; g <= 3; g++) ratio[NR, g] = $(g + 3) / $g }
  END {
    for (step = 1; step <= NR; step++)
      for (g = 1; g <= 3; g++) {
        r = ratio[step, g]
        full = (r - 7) ^ 2 <= 7e-4 ^ 2
        if (!full && !(step > NR - 3 && r > 0 && r < 7)) { print "step " step " of " NR ": " r " times"; exit 1 }
      }
    if (NR < 100 || full) { print NR " steps, of which the last has " r " times"; exit 1 }
  }' >said || fail "--loss step-sum has another gradient: $(cat said)"

# --select: Adam at a high rate soon overfits this little text, so that the last model is not the best.
overfit=("${tiny[@]}" --epochs 6 --rate 0.04 --dropout 0)
for select in best last; do train --quiet "${overfit[@]}" --select $select --output $select train.shard; done
best=$(valid_perplexities last | sort -g | head -n 1) last=$(valid_perplexities last | tail -n 1)
awk -v best="$best" -v last="$last" 'BEGIN { exit !(last > 1.05 * best) }' || fail "the last epoch, $last, is no worse than the best, $best"
close_to "$(perplexity --model last/model.safetensors valid.shard)" "$last" 1e-4
close_to "$(perplexity --model best/model.safetensors valid.shard)" "$best" 1e-4

# --ema: training goes the same way; what is validated and written has the recurrent layers' means, and the other tensors as they are.
for decay in 0 0.99; do train --quiet "${tiny[@]}" --ema $decay --select last --log-steps 1 --output ema$decay train.shard; done
for decay in 0 0.99; do sed -n 's/"words_per_s".*//; /"loss"/p' ema$decay/curve.jsonl >steps$decay; done
same_file steps0 steps0.99
with=$(perplexity --model ema0.99/model.safetensors valid.shard) without=$(perplexity --model ema0/model.safetensors valid.shard)
close_to "$with" "$(valid_perplexities ema0.99 | tail -n 1)" 1e-4
close_to "$without" "$(valid_perplexities ema0 | tail -n 1)" 1e-4
awk -v with="$with" -v without="$without" 'BEGIN { exit !((with / without - 1) ^ 2 > 0.01 ^ 2) }' || fail "--ema changes nothing: $with, without $without"

# --shuffle: the same sentences in another order in each epoch.  Parameters that stand still give each sentence the same loss.
train --quiet "${tiny[@]}" --context reset --output learnt train.shard
still=("${tiny[@]}" --context reset --init learnt/model.safetensors --optimiser sgd --rate 1e-12 --clip 0 --dropout 0 --log-steps 1)
for order in no-shuffle shuffle; do
  train --quiet "${still[@]}" --$order --output $order train.shard
  for epoch in 1 2; do sed -n "s/.*\"epoch\":$epoch,\"loss\":\([0-9.]*\),.*/\1/p" $order/curve.jsonl >$order.$epoch; done
done
paste no-shuffle.[12] shuffle.[12] | awk '
  { for (i = 1; i <= 4; i++) sum[i] += $i; apart += ($1 - $3) ^ 2 > 1e-4; moved += ($3 - $4) ^ 2 > 1e-4; stood += ($1 - $2) ^ 2 < 1e-12 }
  END {
    for (i = 2; i <= 4; i++) if (!((sum[i] / sum[1] - 1) ^ 2 < 1e-6)) { print "an epoch has " sum[i] / sum[1] " times the loss"; exit 1 }
    if (NR < 100 || stood < NR || apart < 0.9 * NR || moved < 0.9 * NR) { print NR " steps: " stood ", " apart ", " moved; exit 1 }
  }' >said || fail "--shuffle: $(cat said)"

# Validation, which takes longer here than a step does, is no training: no rate falls to nothing or below.
grep -q '"words_per_s":' last/curve.jsonl || fail "no rates in last/curve.jsonl"
if grep -h '"words_per_s":\(-\|inf\|nan\|null\)' ./*/curve.jsonl >said; then fail "rates of training: $(cat said)"; fi

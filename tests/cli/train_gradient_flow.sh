#!/usr/bin/env bash
# train --gradient-flow: lines of all epochs, layers and lags; it changes no bit of the model, and a run that was stopped leaves
# the same file; tools/gradient_flow shows runs side by side.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

lstm=(--layers 2 --projection 12 --softmax sampled --samples 64 --dropout 0.2)
train --quiet "${tiny[@]}" "${lstm[@]}" --output without train.shard
[ ! -e without/gradient_flow.tsv ] || fail "nobody asked for a file"
train --quiet "${tiny[@]}" "${lstm[@]}" --gradient-flow --output lstm train.shard
same_file without/model.safetensors lstm/model.safetensors
# 3 epochs, of them one before training, 2 layers, 7 lags, all norms positive numbers.
awk -F'\t' 'NR == 1 { if ($0 != "epoch\tstep\tlayer\tlag\tcount\tnorm") exit 1; next }
  { if ($1 != int((NR - 2) / 14) || $3 != int((NR - 2) / 7) % 2 || $4 != (NR - 2) % 7 || $5 != 144 || !($6 > 0) || !($6 < 100)) exit 1 }
  END { if (NR != 43) exit 1 }' lstm/gradient_flow.tsv || fail "$(cat lstm/gradient_flow.tsv)"

for stop in 3 30 0; do
  train --quiet "${tiny[@]}" "${lstm[@]}" --gradient-flow --stop-after $stop --output parts train.shard
done
same_file lstm/gradient_flow.tsv parts/gradient_flow.tsv
nothing_left parts

# State that is reset: the fewer steps, the further back.
train --quiet "${tiny[@]}" --context reset --epochs 1 --gradient-flow --output reset train.shard
awk '$1 == 1 && $4 > 0 && !($5 < before) { exit 1 } { before = $5 }' reset/gradient_flow.tsv || fail "$(cat reset/gradient_flow.tsv)"

# The identity keeps what its matrix lets through; a narrow sigmoid loses most of it at each step.
for cell in sigmoid identity; do
  train --quiet "${tiny[@]}" --dropout 0 --cell rnn-$cell --epochs 1 --initial-range 0.3 --gradient-flow --output $cell train.shard
done
"$BILLIONWORD_HOME/tools/gradient_flow" --epoch 0 sigmoid identity lstm >table
awk -F'\t' 'NR == 1 { if ($0 != "lag\tsigmoid:0\tidentity:0\tlstm:0\tlstm:1") exit 1 }
  NR > 2 { if ($1 != NR - 2 || !($2 > 0) || !($2 < $3 / 2)) exit 1 }
  END { if (NR != 8) exit 1 }' table || fail "$(cat table)"
"$BILLIONWORD_HOME/tools/gradient_flow" lstm | awk -F'\t' -v f=lstm/gradient_flow.tsv '
  NR == 2 { while ((getline line <f) > 0) { split(line, x, "\t"); if (x[1] == 2 && x[4] == 0) first[x[3]] = x[6] }
    exit !($2 > 0.999 * first[0] && $2 < 1.001 * first[0] && $3 > 0.999 * first[1] && $3 < 1.001 * first[1]) }' || fail "not the last epoch"
fails_with 1 'there is no without/gradient_flow.tsv: train with --gradient-flow' "$BILLIONWORD_HOME/tools/gradient_flow" without
fails_with 1 'identity/gradient_flow.tsv has no epoch 2' "$BILLIONWORD_HOME/tools/gradient_flow" --epoch 2 lstm identity
fails_with 2 'usage: tools/gradient_flow' "$BILLIONWORD_HOME/tools/gradient_flow"

#!/usr/bin/env bash
# tools/forecast_scaling has the sizes of the real models, and its times are those worked out by hand from its constants.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
awk 'BEGIN { for (i = 0; i < 2997; i++) printf "w%d\t%d\n", i, 90000 - i; print "</S>\t5\n<UNK>\t4\n<S>\t5" }' >vocab.tsv
seq 3000 | sed 's/.*/w1 w2 w3/' >text
shard --quiet --vocab vocab.tsv --output text.shard text
parameters() {
  train --dry-run --vocab vocab.tsv --valid text.shard --output m --softmax sampled --samples 1024 --batch 16 --bptt 20 "$@" text.shard 2>said || true
  sed -n 's/.*forecast: \([0-9]*\) parameters.*/\1/p' said
}
"$BILLIONWORD_HOME/tools/forecast_scaling" 3000 >small
grep -q "^LSTM-2048-512: $(parameters --hidden 2048 --projection 512) parameters" small || fail "$(cat said small)"
grep -q "^2 layers of LSTM-8192-1024: $(parameters --layers 2 --hidden 8192 --projection 1024) parameters" small || fail "$(cat said small)"

# 54.57 MB: 2 x 7/8 of it at 200 GB/s is 0.48 ms, and 14 buckets x 6 messages of 10 us 0.84 ms.
# 9 x 2560^0.64 = 1366 rows of 4 x 1028 bytes: 1023 x 5.62 MB at 40 GB/s is 143.7 ms, and 9 x 10 messages 0.9 ms.
"$BILLIONWORD_HOME/tools/forecast_scaling" >whole
grep -q '^LSTM-2048-512: 822752638 parameters; a step sums 54.6 MB' whole || fail "$(cat whole)"
weak=$(awk '/fast network, weak scaling/ { on = 1; next } on && /scaling/ { exit } on' whole)
grep -q '^| 1 | 2560 | 4.1 | 0.0 | 0.0 | 4.1 | 626 | 100.0 % | 100.0 % | 0 MB |$' <<<"$weak" || fail "$weak"
grep -q '^| 8 | 20480 | 4.1 | 1.3 | 0.5 | 5.9 |' <<<"$weak" || fail "$weak"
grep -q '^| 1024 | 2621440 | 4.1 | 5.5 | 144.6 | 154.2 |' <<<"$weak" || fail "$weak"

#!/usr/bin/env bash
# The recipe of jobs/train_charrnn.sh is the algorithm as it is taught: its losses are those of tests/golden/charrnn_golden.py, a
# plain implementation, on a text of more blocks than steps, and on one that ends within a block and begins again.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
golden=$BILLIONWORD_HOME/tests/golden

recipe=()
export EPOCHS=2 # which the recipe reads
# shellcheck source=/dev/null
. <(sed -n '/^recipe=(/,/^)/p' "$BILLIONWORD_HOME/jobs/train_charrnn.sh")
[ ${#recipe[@]} -gt 20 ] || fail "no recipe was found: ${recipe[*]}"
for run in "9 5" "2 3"; do
  read -r lines steps <<<"$run"
  rm -rf m
  head -n "$lines" "$golden/charrnn_text.txt" >text
  tokenize --quiet --style char --output text.txt text
  vocab --quiet --min-count 1 --output vocab.tsv text.txt
  shard --quiet --vocab vocab.tsv --output text.shard text.txt
  train --quiet --vocab vocab.tsv --valid text.shard "${recipe[@]}" --seed 11 --device cpu --threads 1 --log-steps 1 --stop-after "$steps" --output m text.shard
  sed -n 's/^{"step":\([0-9]*\),.*"loss":\([0-9.e+-]*\),.*/\1\t\2/p' m/curve.jsonl >losses
  awk -F'\t' -v lines="$lines" '$1 == lines' "$golden/charrnn_curve.tsv" | cut -f 2- >taught
  expect_output "$(cut -f 1 taught)" cut -f 1 losses
  # The curve has the mean of a block.  Adagrad's first steps are as long for the smallest gradients as for the largest: the rounding
  # of float32 is not seen in the first two, is small up to the fifth, and then goes its own way.
  paste taught losses | awk -F'\t' '
    { ours = $5 * $2; d = (ours - $3) / $3; most = $1 <= 2 ? 3e-7 : 1e-4; printf "%d\t%.9g\t%.9g\t%.2g\n", $1, $3, ours, d }
    !(d <= most && -d <= most) { bad = 1 }
    END { exit bad }' >compared || fail "$lines lines: step, loss as taught, ours, the relative difference:"$'\n'"$(cat compared)"
  cat compared
done

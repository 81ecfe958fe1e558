# shellcheck shell=bash
# Sourced by cases that train: makes text, vocabulary and shards of a tiny corpus in the scratch folder.
for split in "train 1500 11" "valid 100 22" "test 120 33"; do
  read -r name lines seed <<<"$split"
  awk -v lines="$lines" -v words=300 -v seed="$seed" -f "$BILLIONWORD_HOME/tests/cli/synthetic_text.awk" >"$name.txt"
done
vocab --quiet --min-count 2 --output vocab.tsv train.txt
for name in train valid test; do shard --quiet --vocab vocab.tsv --output $name.shard $name.txt; done
# shellcheck disable=SC2034
tiny=(--vocab vocab.tsv --valid valid.shard --hidden 24 --batch 8 --bptt 7 --epochs 2 --optimiser adam --rate 0.01
  --dropout 0.2 --clip 1 --threads 1)

# perplexity EVALUATE-ARGUMENTS...: the number alone
perplexity() { evaluate --quiet --vocab vocab.tsv "$@" | awk '$1 == "perplexity" { print $2 }'; }

# close_to A B TOLERANCE: relative; NaN fails
close_to() {
  awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = (a - b) / b; exit !(d <= t && -d <= t) }' || fail "$1 and $2 are apart by more than $3"
}

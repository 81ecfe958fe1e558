#!/usr/bin/env bash
# tier: long
# timeout: 1200
# The published order of systems (Chelba et al. 2013, table 1): unpruned, Kneser-Ney is better than Katz and Katz than
# Stupid Backoff; pruned to a 75th of the n-grams, Katz is better than Kneser-Ney, which keeps more bigrams and fewer of
# what is longer.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
needs_shared data/large

large=$SHARED/data/large
vocab --quiet --min-count 3 --output vocab.tsv "$large/train.txt.zst"
for split in train test; do shard --quiet --vocab vocab.tsv --output $split.shard "$large/$split.txt.zst"; done
count --quiet --order 5 --vocab vocab.tsv --output counts train.shard
perplexity() { evaluate --quiet --model "$1" --vocab vocab.tsv test.shard | awk -F'\t' '$1 == "perplexity" { print $2 }'; }
declare -A whole pruned kept2 kept4
for smoothing in kn katz sbo; do
  estimate --quiet --counts counts --vocab vocab.tsv --smoothing $smoothing --output model.trie
  whole[$smoothing]=$(perplexity model.trie)
  grams=$(sed -n 's/.*"ngrams": *"\([0-9]*\)".*/\1/p' model.trie.manifest.json)
  prune --model model.trie --vocab vocab.tsv --keep $((grams / 75)) --output pruned.trie 2>said
  pruned[$smoothing]=$(perplexity pruned.trie)
  kept2[$smoothing]=$(sed -n 's/.*order 2: kept \([0-9]*\) .*/\1/p' said)
  kept4[$smoothing]=$(sed -n 's/.*order 4: kept \([0-9]*\) .*/\1/p' said)
done
echo "perplexity: kn ${whole[kn]}, katz ${whole[katz]}, sbo ${whole[sbo]}"
echo "pruned:     kn ${pruned[kn]}, katz ${pruned[katz]}, sbo ${pruned[sbo]}"
# falls A B: A is below B; NaN and nothing fail
falls() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > 0 && a < b) }' || fail "$1 is not below $2"; }
falls "${whole[kn]}" "${whole[katz]}"
falls "${whole[katz]}" "${whole[sbo]}"
falls "${whole[kn]}" "${pruned[kn]}"
falls "${pruned[katz]}" "${pruned[kn]}"
falls "${pruned[sbo]}" "${pruned[kn]}"
falls "${kept2[katz]}" "${kept2[kn]}"
falls "${kept4[kn]}" "${kept4[katz]}"

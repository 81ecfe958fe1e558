#!/usr/bin/env bash
# What prune refuses, before anything is written; --dry-run.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"

prune=(prune --model hand.arpa --vocab vocab.tsv --output x)
fails_with 2 'give what to prune to: --threshold, or --keep' "${prune[@]}"
fails_with 2 'give one of the two: --threshold, or --keep' "${prune[@]}" --keep 7 --threshold 1e-8
fails_with 2 '--threshold nan: not a number' "${prune[@]}" --threshold nan
fails_with 2 '--keep 0: must be from 1' "${prune[@]}" --keep 0
fails_with 2 '--output -:' prune --model hand.arpa --vocab vocab.tsv --keep 7 --output -
fails_with 2 '--arpa x is --output, too' "${prune[@]}" --keep 7 --arpa x
fails_with 2 'hand.arpa' prune --model hand.arpa --vocab vocab.tsv --keep 7 --output hand.arpa
fails_with 2 'hand.arpa' "${prune[@]}" --keep 7 --arpa hand.arpa
fails_with 1 "--keep 4: the model's 5 unigrams always stay; keep at least so many" "${prune[@]}" --keep 4
fails_with 1 '--memory 1.0 MiB is too small to prune this model: it takes 1.0 MiB; give --memory 2M at least' \
  "${prune[@]}" --keep 7 --memory 1M
fails_with 1 'missing.trie' prune --model missing.trie --vocab vocab.tsv --keep 7 --output x

prune --quiet --model hand.arpa --vocab vocab.tsv --threshold -1 --output hand.trie
sed 's/^b\t/c\t/' vocab.tsv >other.tsv
fails_with 1 'hand.trie: made with the vocabulary' prune --model hand.trie --vocab other.tsv --keep 7 --output x
head -c 4200 hand.trie >short.trie
fails_with 1 'short.trie' prune --model short.trie --vocab vocab.tsv --keep 7 --output x

"${prune[@]}" --keep 7 --dry-run 2>said
grep -q 'hand.arpa has 10 n-grams; pruning takes 1.0 MiB of memory' said || fail "$(cat said)"
grep -q 'would write x' said || fail "$(cat said)"
fails_with 1 'too small to prune' "${prune[@]}" --keep 7 --memory 1M --dry-run
[ ! -e x ] || fail "a refused model was written"
[ ! -e x.manifest.json ] || fail "a manifest of a refused model was written"
nothing_left .

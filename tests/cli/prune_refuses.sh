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
fails_with 2 '--arpa -: a model and its manifest need a file' "${prune[@]}" --keep 7 --arpa -
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
grep -q "hand.arpa has 10 n-grams; pruning takes 1.0 MiB of memory, .* model's .* which are held in memory, too" said || fail "$(cat said)"
grep -q 'forecast: some .* s on [0-9]* thread.* the pruned model at most ' said || fail "$(cat said)"
grep -q 'would write x and a manifest' said || fail "$(cat said)"
fails_with 1 'too small to prune' "${prune[@]}" --keep 7 --memory 1M --dry-run

# One file by two names, before anything is read; a manifest's place.
mkdir folder && ln -s folder link && ln -s x also
for same in "x x" "x ./x" "x ../${PWD##*/}/x" "folder/x link/x" "folder/new/x link/./new//x" "no/../folder/x link/x"; do
  read -r first second <<<"$same"
  fails_with 2 "the outputs $second and $first are the same file" \
    prune --model missing.trie --vocab vocab.tsv --keep 7 --output "$first" --arpa "$second"
done
touch x
fails_with 2 'the outputs also and x are the same file' "${prune[@]}" --keep 7 --arpa also
rm x
fails_with 2 'the output ./x.manifest.json is where the manifest of x goes' "${prune[@]}" --keep 7 --arpa ./x.manifest.json
fails_with 2 'the output x.manifest.json is where the manifest of x goes' \
  prune --model hand.arpa --vocab vocab.tsv --keep 7 --output x.manifest.json --arpa x
[ -z "$(ls folder)" ] || fail "written: $(ls folder)"

# An ARPA file that cannot be written is known before the model is made: an older model stays with its manifest.
fails_with 1 'cannot write /proc/x.arpa' "${prune[@]}" --keep 7 --arpa /proc/x.arpa
[ ! -e x ] || fail "a refused model was written"
prune --quiet --model hand.arpa --vocab vocab.tsv --keep 9 --output old.trie
cp old.trie before && cp old.trie.manifest.json before.manifest
fails_with 1 'cannot write /proc/x.arpa' prune --model hand.arpa --vocab vocab.tsv --keep 7 --output old.trie --arpa /proc/x.arpa
same_file old.trie before
same_file old.trie.manifest.json before.manifest
[ ! -e x ] || fail "a refused model was written"
[ ! -e x.manifest.json ] || fail "a manifest of a refused model was written"
nothing_left .

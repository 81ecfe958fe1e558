#!/usr/bin/env bash
# A text of several blocks: the same model for any threads and memory, of lower orders and with cut-offs too, with the
# n-grams that are in the text.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
needs_shared data/lm1b-mini/train.txt.zst

zstd -qdc "$SHARED/data/lm1b-mini/train.txt.zst" >train.txt
vocab --quiet --min-count 1 --output vocab.tsv train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 4 --vocab vocab.tsv --output counts train.shard >counts.tsv
# notes FILE KEY
note_of() { sed -n "s/.*\"$2\": *\"\([0-9]*\)\".*/\1/p" "$1.manifest.json"; }
for options in "kn" "katz --order 3 --cutoffs 1,2,3" "kn --cutoffs 1,1,1,2"; do
  model=(estimate --counts counts --vocab vocab.tsv --output)
  # shellcheck disable=SC2206
  options=(--smoothing $options)
  "${model[@]}" one.trie "${options[@]}" --threads 1 2>said
  grep -q '1 thread, 1 pass' said || fail "$(cat said)"
  "${model[@]}" three.trie "${options[@]}" --threads 3 2>said
  same_file one.trie three.trie
  least=$({ "${model[@]}" no.trie "${options[@]}" --memory 24M 2>&1 || true; } | sed -n 's/.*(--memory \([0-9]*\)).*/\1/p')
  [ -n "$least" ] || fail "24M does for ${options[*]}"
  "${model[@]}" little.trie "${options[@]}" --memory $((least + 100000)) 2>said
  grep -q ' [0-9]* passes over' said || fail "$(cat said)"
  same_file one.trie little.trie
done

# grams ORDER LEAST: different n-grams of the text seen so often
grams() {
  awk -v n="$1" -v least="$2" '{
    for (i = 1; i <= NF; i++) word[i] = $i
    word[0] = "<S>"
    word[NF + 1] = "</S>"
    for (i = n - 1; i <= NF + 1; i++) {
      gram = word[i]
      for (k = 1; k < n; k++) gram = word[i - k] " " gram
      if (++count[gram] == least) kept++
    }
  } END { print kept }' train.txt
}
words=$(wc -l <vocab.tsv)
expected=$((words + $(grams 2 1) + $(grams 3 1) + $(grams 4 2)))
[ "$(note_of one.trie ngrams)" = $expected ] || fail "$(note_of one.trie ngrams) n-grams with cut-offs, not $expected"

#!/usr/bin/env bash
# inspect knows every kind of file, packed ones too, and says so of what is none.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a b\nb a\n' >text
vocab --quiet --min-count 1 --output v.tsv text
shard --quiet --vocab v.tsv --output s.shard text
zstd -q v.tsv -o packed
inspect_full() { inspect "$@" >/dev/full; }
kind() { inspect --check "$1" | awk -F'\t' '$1 == "kind" { print $2 }'; }
[ "$(kind v.tsv)" = vocabulary ] || fail "v.tsv: $(kind v.tsv)"
[ "$(kind packed)" = vocabulary ] || fail "packed: $(kind packed)"
[ "$(kind s.shard)" = 'frames (zstd, seekable)' ] || fail "s.shard: $(kind s.shard)"
[ "$(kind s.shard.manifest.json)" = manifest ] || fail "manifest: $(kind s.shard.manifest.json)"
[ "$(inspect v.tsv s.shard | grep -c '^file')" = 2 ] || fail "$(inspect v.tsv s.shard)"
for golden in "$BILLIONWORD_HOME"/tests/golden/*.safetensors; do # made by another writer
  [ -e "$golden" ] || continue
  [ "$(kind "$golden")" = safetensors ] || fail "$golden: $(kind "$golden")"
done

count --quiet --order 1 --vocab v.tsv --output u.counts s.shard >u.tsv
count --quiet --pad --order 2 --vocab v.tsv --output c.counts s.shard >c.tsv
inspect --check c.counts >said
for line in 'format\tbillionword-counts-1' 'order\t2' 'padded\ttrue' 'events\t6' 'sentences\t2' 'records\t6' 'ngrams_1\t3' 'ngrams_2\t6' \
  'singletons_2\t6' 'check\tall n-grams are in order, and those of the survey'; do
  grep -qx "$(printf '%b' "$line")" said || fail "not said of counts: $line: $(cat said)"
done
for name in c u; do # what count printed
  while read -r line; do inspect $name.counts | grep -qx "$line" || fail "not said of $name.counts: $line"; done <$name.tsv
done
estimate --quiet --smoothing ml --counts u.counts --vocab v.tsv --output u.trie --arpa u.arpa.zst
[ "$(kind u.trie)" = 'mapped n-gram model' ] || fail "u.trie: $(kind u.trie)"
inspect u.trie | grep -qx "ngrams_1$(printf '\t')5" || fail "$(inspect u.trie)"
mv u.arpa.zst model # known by its contents
[ "$(kind model)" = 'ARPA n-gram model' ] || fail "model: $(kind model)"
inspect model | grep -qx "order$(printf '\t')1" || fail "$(inspect model)"
inspect model | grep -qx "ngrams_1$(printf '\t')5" || fail "$(inspect model)"
printf '\\data\\\nngram 1=3\nngram 2=7\n\n\\1-grams:\n' >bigrams.arpa
inspect bigrams.arpa | grep -qx "order$(printf '\t')2" || fail "$(inspect bigrams.arpa)"
fails_with 1 'bigrams.arpa: line 5: the file ends before \\end\\, with fewer n-grams than the header says' inspect --check bigrams.arpa
fails_with 1 'edited.json: its check sum does not agree' inspect "$BILLIONWORD_HOME/tests/bad_inputs/rows/edited.json"
fails_with 1 'cannot write to stdout: No space left on device' inspect_full v.tsv

printf '{"format": "other"}' >other.json
printf '{"format": ' >cut.json
fails_with 1 'text: not a shard, counts, scores, safetensors, vocabulary, mapped or ARPA model, row or manifest' inspect text
fails_with 1 'other.json: JSON, but neither a manifest nor a row of ours' inspect other.json
fails_with 1 'cut.json: not JSON: the text ends where a value was expected at byte 11' inspect cut.json
fails_with 1 'cannot open missing: No such file or directory' inspect missing
fails_with 2 'no file was named' inspect

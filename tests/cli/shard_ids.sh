#!/usr/bin/env bash
# A small shard: its ids by zstd, what it says of itself, empty lines, packed and several inputs.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a\t5\n</S>\t4\n<UNK>\t4\nb\t4\n<S>\t4\n' >v.tsv # ids 0 ... 4
printf 'b a c\r\na  b\ta \n\nzoo <unk> a b' >text
shard --unk '<unk>' --vocab v.tsv --output s.shard text 2>said
[ "$(zstd -dc <s.shard | od -An -v -tu4 -w4 | tr -d ' \n')" = 3021030122031 ] ||
  fail "ids: $(zstd -dc <s.shard | od -An -v -tu4)"
zstd -qt s.shard
grep -q 's.shard: 13 events, 3 sentences, 3 unknown words (30.000 % of the words)' said || fail "$(cat said)"
grep -q 'warning: 1 lines without words were skipped' said || fail "$(cat said)"
value() { inspect --check "$1" | awk -F'\t' -v name="$2" '$1 == name { print $2 }'; }
[ "$(value s.shard events) $(value s.shard sentences) $(value s.shard unknown)" = '13 3 3' ] || fail "metadata"
[ "$(value s.shard vocabulary)" = "$(value v.tsv hash)" ] || fail "the vocabulary's hash"
[ "$(value s.shard vocabulary_size) $(value s.shard begin) $(value s.shard end)" = '5 4 1' ] || fail "metadata"

# The same ids from parts: the content has the same hash, the text has not.
printf 'b a c\r\na  b\ta \n' | gzip >one.gz
printf 'zoo <unk> a b\n' | zstd -q >two.zst
shard --quiet --unk '<unk>' --vocab v.tsv --output parts.shard one.gz two.zst
[ "$(value parts.shard content)" = "$(value s.shard content)" ] || fail "the contents differ"
shard --quiet --unk '<unk>' --vocab v.tsv --output stdin.shard - <text
same_file stdin.shard s.shard
grep -q '"path": "v.tsv"' s.shard.manifest.json || fail "$(cat s.shard.manifest.json)"
nothing_left .

shard --dry-run --vocab v.tsv --output dry/s text 2>said
grep -q 'would write dry/s and dry/s.manifest.json' said || fail "$(cat said)"
[ ! -e dry ] || fail "--dry-run wrote something"

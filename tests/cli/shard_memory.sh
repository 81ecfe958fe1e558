#!/usr/bin/env bash
# Memory is bounded by the vocabulary, not by the text: fifteen times the text takes hardly more.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
[ -z "${SANITIZED:-}" ] || skip "a sanitizer keeps freed memory"

awk 'BEGIN { srand(3); for (i = 0; i < 600000; i++) printf "%sw%d", i % 25 ? " " : "\n", exp(11 * rand()) }' >text
peak() { awk -F'[ ,]+' '/"peak_bytes"/ { print $3 }' "$1.manifest.json"; }
many() { for _ in {1..15}; do cat text; done; }
vocab --quiet --threads 2 --output once.tsv text
shard --quiet --threads 2 --vocab once.tsv --output once.shard text
many | vocab --quiet --threads 2 --min-count 45 --output many.tsv -
many | shard --quiet --threads 2 --vocab many.tsv --output many.shard -
for kind in tsv shard; do
  [ "$(peak many.$kind)" -lt $(($(peak once.$kind) + (16 << 20))) ] ||
    fail "$kind: once $(peak once.$kind) bytes, fifteen times $(peak many.$kind)"
done
[ "$(cut -f 1 many.tsv | grep -v '^<')" = "$(cut -f 1 once.tsv | grep -v '^<')" ] || fail "the vocabularies differ"

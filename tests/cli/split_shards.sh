#!/usr/bin/env bash
# The shards that the benchmark's own script makes of the same text (checksums taken from its output), whatever the memory.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

seq 20000 | awk '{ print "sentence", $1, "of", ($1 * 7919) % 1000, substr("abcdefghijklmnopqrstuvwxyz", 1, $1 % 27) }' >text
checksum() { cat "$1"-000??-of-00* | md5sum | cut -d' ' -f1; }

for shards in 100 50 7; do
  split --quiet --shards $shards --output-prefix "whole/$shards" text
  split --quiet --shards $shards --memory 1M --output-prefix "runs/$shards" text
done
expect_output fa9386850ae7b43130368b16c7819466 checksum whole/100
expect_output aa266ddb6ffe0b2b3fd9000efa7bbf84 checksum whole/50
expect_output 6923f7331bfa7f66eae63f14aedec2c4 checksum whole/7
for file in whole/*-of-*; do same_file "$file" "runs/${file#whole/}"; done
cat whole/7-0000?-of-00007 | sort | cmp - <(sort text) || fail "lines were lost or changed"
expect_output 157 sh -c 'ls whole/*-of-00* | wc -l'

# Compressed, from a pipe, from several files: the same lines.
zstd -q text -o text.zst && gzip -k text
split --quiet --shards 7 --compress --output-prefix packed/7 text.zst
for i in 0 1 2 3 4 5 6; do zstd -qdc packed/7-0000$i-of-00007.zst | cmp - whole/7-0000$i-of-00007; done
head -n 12345 text >first && tail -n +12346 text >second
split --quiet --shards 7 --output-prefix parts/7 first second
split --quiet --shards 7 --output-prefix pipe/7 - <text.gz
for file in whole/7-*-of-*; do same_file "$file" "parts/${file#whole/}" && same_file "$file" "pipe/${file#whole/}"; done

# The manifest names inputs and outputs with their content.
grep -q "$(content_hash text | cut -d' ' -f1)" whole/7.manifest.json || fail "the input's hash is not in the manifest"
grep -q "$(content_hash whole/7-00003-of-00007 | cut -d' ' -f1)" whole/7.manifest.json || fail "a shard's hash is not"
nothing_left .

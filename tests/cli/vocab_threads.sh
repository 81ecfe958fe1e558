#!/usr/bin/env bash
# Vocabulary and shard are the same on any number of threads, and so is the message about the first bad place.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

# Some 12 MB, so that there are more blocks than threads; words of Zipf-like frequency, sentences of all lengths.
awk 'BEGIN { srand(17); for (s = 0; s < 90000; s++) {
  n = 1 + int(40 * rand() * rand());
  for (i = 0; i < n; i++) printf "%sw%d", (i ? " " : ""), int(exp(12 * rand()));
  print "" } }' >text
for threads in 1 2 5; do
  vocab --quiet --threads $threads --output v$threads.tsv text
  shard --quiet --threads $threads --vocab v1.tsv --output s$threads.shard text
done
for threads in 2 5; do
  same_file v$threads.tsv v1.tsv
  same_file s$threads.shard s1.shard
done

# Against another way to count and to number.
tr ' ' '\n' <text | LC_ALL=C sort | uniq -c | awk '$1 >= 3 { print $2 "\t" $1 }' | LC_ALL=C sort >want
grep -v '^</\?[SU]' v1.tsv | LC_ALL=C sort >got
same_file got want
awk -F'\t' 'NR == FNR { id[$1] = NR - 1; next }
  { n = split($0, w, " "); for (i = 1; i <= n; i++) print w[i] in id ? id[w[i]] : id["<UNK>"]; print id["</S>"] }' \
  v1.tsv text >want
zstd -dc <s1.shard | od -An -v -tu4 -w4 | tr -d ' ' >got
same_file got want

# Two bad places in blocks of their own: the first one is named whatever the threads.
{ head -n 30000 text; printf 'bad \377 byte\n'; tail -n +30001 text; printf 'a <S> b\n'; } >bad
for threads in 1 2 5; do
  fails_with 1 'bad: line 30001: invalid UTF-8 at offset' vocab --threads $threads --output bad.tsv bad
  fails_with 1 'bad: line 30001: invalid UTF-8 at offset' shard --threads $threads --vocab v1.tsv --output bad.shard bad
done
[ ! -e bad.tsv ] || fail "bad.tsv was written"
[ ! -e bad.shard ] || fail "bad.shard was written"
nothing_left .

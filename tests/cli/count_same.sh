#!/usr/bin/env bash
# The counts are the same bytes for any memory, threads, ranks and cut into shards; published inventories differ by the padding as they
# should: KN has two bigrams more than Katz, and for each different sentence-first word a trigram more.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

awk 'BEGIN {
  srand(7)
  for (i = 0; i < 700000; i++) printf "%s%s", int(2000 * rand() * rand() * rand()), rand() < 0.05 || i == 699999 ? "\n" : " "
}' >text
vocab --quiet --min-count 2 --output v.tsv text
shard --quiet --vocab v.tsv --output s.shard text
head -n 17000 text >one
tail -n +17001 text >two
for part in one two; do shard --quiet --vocab v.tsv --output $part.shard $part; done

value() { awk -F'\t' -v name="$1" '$1 == name { print $2 }' "$2"; }
for options in "--order 5" "--order 3 --pad"; do
  # shellcheck disable=SC2086
  counted() { count --vocab v.tsv $options --output "$@" >result 2>said; }
  counted plenty.counts --threads 2 s.shard
  grep -q ' in 1 pass$' said || fail "$(cat said)"
  # shellcheck disable=SC2086
  fails_with 1 '--memory 1.0 MiB is too little: at least ' count $options --memory 1M --vocab v.tsv --output x s.shard
  # shellcheck disable=SC2086
  least=$(count $options --memory 1M --vocab v.tsv --output x s.shard 2>&1 | sed -n 's/.*at least \([0-9]*M\) are.*/\1/p') || true
  counted least.counts --threads 1 --memory "$least" s.shard
  grep -q 'in [2-9] passes$' said || fail "$least does not take several passes: $(cat said)"
  same_file plenty.counts least.counts
  counted shards.counts --threads 3 --memory 40M one.shard two.shard
  cmp <(zstd -dc plenty.counts) <(zstd -dc shards.counts) || fail "the text in two shards has other counts"
done
count --quiet --order 3 --vocab v.tsv --output x.counts s.shard >plain
count --quiet --order 3 --pad --vocab v.tsv --output x.counts s.shard >padded
[ $(($(value ngrams_2 padded) - $(value ngrams_2 plain))) = 2 ] || fail "bigrams: $(cat plain padded)"
# A first word that the vocabulary lacks counts as <UNK>.
known=$(cut -d' ' -f1 text | awk -F'\t' 'NR == FNR { known[$1]; next } { print ($1 in known) ? $1 : "<UNK>" }' v.tsv - | sort -u | wc -l)
[ $(($(value ngrams_3 padded) - $(value ngrams_3 plain))) = "$known" ] || fail "trigrams, $known first words: $(cat plain padded)"

for n in 2 3; do
  for memory in 30M 1G; do
    ranks $n count --quiet --threads 1 --memory $memory --vocab v.tsv --output ranks.counts s.shard >result
    count --quiet --vocab v.tsv --output one.counts s.shard >wanted
    same_file ranks.counts one.counts
    same_file result wanted
  done
done
fails_with 1 'other options or other inputs than rank 0' mpirun --bind-to none --oversubscribe \
  -np 1 count --order 4 --vocab v.tsv --output x.counts s.shard : -np 1 count --order 5 --vocab v.tsv --output x.counts s.shard
[ ! -e x ] || fail "something was written"
nothing_left .

#!/usr/bin/env bash
# n-grams of a corpus counted by hand, and what padding adds to them, as in the published inventories.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

cat >text <<'.'
a b a
a b
b
c a b a
.
vocab --quiet --min-count 1 --output v.tsv text
shard --quiet --vocab v.tsv --output s.shard text
expected() { printf '%s\n' "$@" | tr '=' '\t'; }

# a 5, b 4, c 1, </S> 4.  Two words: <S>a <S>b <S>c ab ba ca a. b.  Three: <S>ab <S>b. <S>ca aba ab. ba. cab.
# Four: <S>aba <S>ab. <S>cab aba. caba.  Five: <S>aba. <S>caba caba.
text_lines=(events=14 sentences=4)
expect_output "$(expected "${text_lines[@]}" ngrams_1=4 ngrams_2=8 ngrams_3=7 ngrams_4=5 ngrams_5=3 \
  singletons_1=1 singletons_2=3 singletons_3=4 singletons_4=4 singletons_5=3)" \
  count --quiet --vocab v.tsv --output 5.counts s.shard

# Padded, with / for </S>.  Two: those and // /<S>.  Three: those and /// //<S> /<S>a /<S>b /<S>c.  Four: those and //// ///<S> //<S>a
# //<S>b //<S>c /<S>ab /<S>b. /<S>ca.  Five, without any of padding alone: those and ///<S>a ///<S>b ///<S>c //<S>ab //<S>b. //<S>ca
# /<S>aba /<S>ab. /<S>cab.
expect_output "$(expected "${text_lines[@]}" ngrams_1=4 ngrams_2=10 ngrams_3=12 ngrams_4=13 ngrams_5=12 \
  singletons_1=1 singletons_2=3 singletons_3=6 singletons_4=8 singletons_5=10)" \
  count --quiet --pad --vocab v.tsv --output padded.counts s.shard
for n in 1 2 3 4; do
  count --quiet --order $n --vocab v.tsv --output $n.counts s.shard | grep '^ngrams' >said
  count --quiet --vocab v.tsv --output x.counts s.shard | grep '^ngrams' | head -n $n >wanted
  same_file said wanted
done

# The manifest has what a row of results needs; the same command makes the same bytes.
count --quiet --vocab v.tsv --output again.counts s.shard >/dev/null
same_file 5.counts again.counts
for key in '"train_events": "14"' '"train_seconds": "' '"processors": "' '"path": "v.tsv"' '"path": "s.shard"' '"order": "5"'; do
  grep -q "$key" again.counts.manifest.json || fail "no $key in: $(cat again.counts.manifest.json)"
done
zstd -qt 5.counts
for n in 1 5; do # the forecast of the most is one, even where there is next to nothing
  count --dry-run --order $n --vocab v.tsv --output x.counts s.shard 2>said
  most=$(sed -n 's/.*output at most \([0-9]*\)\.[0-9] KiB$/\1/p' said)
  [ "$(stat -c %s $n.counts)" -le $((${most:-0} * 1024)) ] || fail "$n.counts has $(stat -c %s $n.counts) bytes: $(cat said)"
done
nothing_left .

count --dry-run --vocab v.tsv --output dry/c s.shard >out 2>said
[ ! -s out ] || fail "--dry-run printed a result"
[ ! -e dry ] || fail "--dry-run wrote something"
for line in '14 events in 4 sentences, 6 words' '1 block in 1 pass over the text' 'no temporary files, output at most' 'forecast: some 0 s'; do
  grep -q "$line" said || fail "not forecast: $line: $(cat said)"
done
count --help | grep -q 'There are no temporary files' || fail "--help does not say why there are no temporary files"

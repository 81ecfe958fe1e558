#!/usr/bin/env bash
# The benchmark made anew from raw news in miniature: lines made unique as they are, tokenised, split in 100, and shard 0
# split in 50.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK=$PWD/work LM1B_MEMORY=16M LM1B_RAW=raw
prepare=$BILLIONWORD_HOME/jobs/prepare_lm1b.sh

mkdir raw
for year in 2007 2008 2009 2010 2011; do
  seq 2600 | awk -v y=$year '{ print "In " y " the (" $1 * 7919 % 2600 ") children said \"hello,\" and it'\''s number " $1 "." }'
  printf 'A line that every year has.\nbroken \xff\xfe bytes of %s\n' $year
done >all
split_years() { awk '{ print > ("raw/news." 2007 + NR % 5 ".en.shuffled") }' all; }

fails_with 1 'raw/news.2007.en.shuffled is missing or empty' "$prepare"
split_years
"$prepare" --dry-run
[ ! -e work ] || fail "--dry-run made something"
"$prepare" 2>said || fail "$(cat said)"
grep -q '=== 4/4 Splitting shard 0 into 50 held-out shards ===' said || fail "$(cat said)"
grep -q 'this is not the text that the published perplexities were measured on' said || fail "no warning: $(cat said)"

# The same by hand.
LC_ALL=C sort -u all >sorted
[ "$(wc -l <sorted)" = 13006 ] || fail "13006 different lines expected"
tokenize --quiet --style lm1b --invalid-utf8 replace --output tokenized sorted
split --quiet --shards 100 --output-prefix hand/news.en tokenized
split --quiet --shards 50 --output-prefix hand/heldout hand/news.en-00000-of-00100
for number in {01..99}; do same_file hand/news.en-000$number-of-00100 work/corpus/lm1b/train/news.en-000$number-of-00100; done
same_file hand/heldout-00000-of-00050 work/corpus/lm1b/test.txt
same_file hand/heldout-00001-of-00050 work/corpus/lm1b/valid.txt
grep -q 'children said " hello , " and it '\''s number' work/corpus/lm1b/train/news.en-00001-of-00100 || fail "not tokenised"
[ "$(cat work/corpus/lm1b/train/* | wc -l)" = "$(cat hand/news.en-000{01..99}-of-00100 | wc -l)" ] || fail "another number of lines"
[ ! -e work/corpus/lm1b/preparing ] || fail "the scratch folder is left"
nothing_left work

#!/usr/bin/env bash
# The benchmark's tarball in miniature: 99 training shards, two of the held-out ones, and the un-split shard 0, which
# lies among the held-out ones and must not get into anything.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK=$PWD/work
prepare=$BILLIONWORD_HOME/jobs/prepare_lm1b.sh
top=1-billion-word-language-modeling-benchmark-r13output
training=$top/training-monolingual.tokenized.shuffled heldout=$top/heldout-monolingual.tokenized.shuffled

mkdir -p $training $heldout
for number in {01..99}; do printf 'training %s\nof LM1B\n' "$number" >$training/news.en-000$number-of-00100; done
for number in {00..49}; do echo "held out $number" >$heldout/news.en.heldout-000$number-of-00050; done
cat $heldout/news.en.heldout-* >$heldout/news.en-00000-of-00100
echo "a README" >$top/README
tar -czf lm1b.tar.gz $top

fails_with 2 'where is the benchmark?  Give LM1B_TAR=' env -u LM1B_TAR -u LM1B_RAW "$prepare"
fails_with 2 'LM1B_TAR and LM1B_RAW are both set' env LM1B_TAR=a LM1B_RAW=b "$prepare"
fails_with 1 'LM1B_TAR=no.tar.gz: there is no such file' env LM1B_TAR=no.tar.gz "$prepare"
LM1B_TAR=lm1b.tar.gz "$prepare" --dry-run
[ ! -e work ] || fail "--dry-run made something"

LM1B_TAR=lm1b.tar.gz "$prepare" 2>said
grep -q 'test.txt has the MD5 .* the published one is ce1e84fb6d856ced56ba2c551104f6ac' said || fail "no warning: $(cat said)"
[ "$(find work -type f | wc -l)" = 101 ] || fail "101 files expected: $(find work -type f)"
expect_output 'held out 00' cat work/corpus/lm1b/test.txt
expect_output 'held out 01' cat work/corpus/lm1b/valid.txt
for number in {01..99}; do same_file $training/news.en-000$number-of-00100 work/corpus/lm1b/train/news.en-000$number-of-00100; done

LM1B_TAR=lm1b.tar.gz "$prepare" 2>said
grep -q 'is there already' said || fail "made again: $(cat said)"

# A tarball that lacks a shard, one that is cut off, and one of something else leave no corpus.
rm -r work
tar -czf lacking.tar.gz --exclude='news.en-00042-*' $top
fails_with 1 'training shard news.en-00042-of-00100 is missing or empty' env LM1B_TAR=lacking.tar.gz "$prepare"
head -c 2000 lm1b.tar.gz >cut.tar.gz
fails_with 1 "tar cannot unpack the benchmark's files from cut.tar.gz" env LM1B_TAR=cut.tar.gz "$prepare"
tar -czf other.tar.gz said
fails_with 1 "is it whole, and the right one?" env LM1B_TAR=other.tar.gz "$prepare"
[ -z "$(find work -name "test.txt" -o -name train)" ] || fail "a broken tarball made a corpus"
[ ! -e work/corpus/lm1b ] || fail "a broken tarball left something: $(find work/corpus/lm1b)"

#!/usr/bin/env bash
# A folder as corpus: plain or compressed, tokenised or raw, spaces in its path; made again only where something changed,
# and a text that is refused leaves nothing half-written.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK="$PWD/the work" CORPUS="$PWD/my corpus/" RESULTS=$PWD/results
prepare=$BILLIONWORD_HOME/jobs/prepare_corpus.sh
data="$WORK/my_corpus"
mkdir -p "my corpus"
printf 'a b a\na b <unk>\na b c\n' >"my corpus/train.txt"
printf 'a <unk>\r\n' | gzip >"my corpus/valid.txt.gz"
printf 'b a a' | zstd -q >"my corpus/test.txt.zst" # no final newline
ids() { zstd -dcq "$1" | od -An -v -t u4 -w4 | tr -s ' \n' ' '; }

UNK='<unk>' "$prepare" 2>said
grep -q '^=== 2/3 Building the vocabulary of my_corpus ===$' said || fail "$(cat said)"
expect_output $'a\t4\n</S>\t3\nb\t3\n<UNK>\t2\n<S>\t3' cat "$data/vocab.tsv"
expect_output ' 0 3 1 ' ids "$data/valid.shard"
expect_output ' 2 0 0 1 ' ids "$data/test.shard"
[ ! -e "$WORK/corpus" ] || fail "the text of a tokenised folder was copied"

stamp() { stat -c '%n %Y.%y' "$data"/*.{tsv,shard}; }
before=$(stamp)
UNK='<unk>' "$prepare" 2>said
grep -q 'nothing to do: my_corpus is up to date' said || fail "$(cat said)"
[ "$before" = "$(stamp)" ] || fail "made again"

# Another MINCOUNT or UNK, or a newer text, is seen; a newer test text makes the test shard only.
MINCOUNT=1 "$prepare" 2>said
expect_output $'a\t4\n</S>\t3\nb\t3\n<UNK>\t1\n<unk>\t1\nc\t1\n<S>\t3' cat "$data/vocab.tsv"
before=$(stat -c %y "$data/train.shard")
rm "my corpus/test.txt.zst" && echo "c b" >"my corpus/test.txt"
MINCOUNT=1 "$prepare" 2>said
expect_output ' 5 2 1 ' ids "$data/test.shard"
[ "$before" = "$(stat -c %y "$data/train.shard")" ] || fail "the training shard was made again"

MINCOUNT=1 MAXWORDS=1 "$prepare" 2>said
expect_output 4 sh -c "wc -l <'$data/vocab.tsv'"
before=$(stamp)
MINCOUNT=1 MAXWORDS=1 "$prepare" 2>said
[ "$before" = "$(stamp)" ] || fail "made again: $(cat said)"
MINCOUNT=1 MAXWORDS=1000000 "$prepare" 2>said
expect_output 7 sh -c "wc -l <'$data/vocab.tsv'"

# Raw text.
printf 'He said "a b," (a).\n' >"my corpus/test.txt"
MINCOUNT=1 TOKENIZE=lm1b "$prepare" 2>said
expect_output 'He said " a b , " ( a ) .' cat "$WORK/corpus/my_corpus/test.txt"

# A text that is refused: the message says where, and the old shard does not pass for the new one.
for bad in 'a \000 b' 'a <S> b' 'a \377 b'; do
  printf "$bad\n" >"my corpus/test.txt"
  fails_with 1 'test.txt' env MINCOUNT=1 "$prepare"
  nothing_left "$WORK"
  fails_with 1 'test.txt' env MINCOUNT=1 "$prepare"
done
echo "a b" >"my corpus/test.txt"
MINCOUNT=1 "$prepare" 2>said
expect_output ' 0 2 1 ' ids "$data/test.shard"

# An input that is replaced by an older one is seen; a corpus folder that is moved is the same corpus.
echo "b a a" >older && touch -d '2001-01-01' older && mv older "my corpus/test.txt"
MINCOUNT=1 "$prepare" 2>said
expect_output ' 2 0 0 1 ' ids "$data/test.shard"
mkdir other && mv "my corpus" other/
export CORPUS="$PWD/other/my corpus"
MINCOUNT=1 "$prepare" 2>said
expect_output 'prepare_corpus.sh: nothing to do: my_corpus is up to date' cat said

# Two folders that would have one name.
cp -r "other/my corpus" my_corpus
before=$(stamp)
for script in prepare_corpus pipeline train_unigram; do
  fails_with 1 "$data belongs to the corpus folder $CORPUS, and $PWD/my_corpus would have the name my_corpus too: rename" \
    env CORPUS=my_corpus MINCOUNT=1 SYSTEMS=unigram "$BILLIONWORD_HOME/jobs/$script.sh"
done
[ "$before" = "$(stamp)" ] || fail "made again"

# Nor do they share a table.
export UNK='<unk>'
"$prepare" 2>said
"$BILLIONWORD_HOME/jobs/train_unigram.sh" >out 2>said || fail "$(cat said)"
export WORK="$PWD/second" CORPUS=my_corpus
"$prepare" 2>said
fails_with 1 "$RESULTS/my_corpus belongs to the corpus folder $PWD/other/my corpus" "$BILLIONWORD_HOME/jobs/train_unigram.sh"
RESULTS=$PWD/own "$BILLIONWORD_HOME/jobs/train_unigram.sh" >out 2>said || fail "$(cat said)"

# Splits that are folders of files are taken whole, raw or tokenised.
for split in train valid test; do
  mkdir -p parts/$split
  printf 'a b\nb a\n' >parts/$split/1.txt
  printf 'a a a\n' >parts/$split/2.txt
done
for tokenize in none lm1b; do
  CORPUS=$PWD/parts WORK=$PWD/$tokenize MINCOUNT=1 TOKENIZE=$tokenize "$prepare" 2>said
  for split in valid test; do expect_output ' 0 2 1 2 0 1 0 0 0 1 ' ids $tokenize/parts/$split.shard; done
  expect_output $'a\t5\nb\t2' sed -n '/^[ab]/p' $tokenize/parts/vocab.tsv
done
expect_output ' 0 2 1 2 0 1 0 0 0 1 ' ids lm1b/parts/train.shard
expect_output ' 0 2 1 2 0 1 ' ids none/parts/train/1.shard

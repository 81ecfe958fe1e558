#!/usr/bin/env bash
# ARPA -> mapped model -> ARPA: the same model, and from our own ARPA files on the same bytes.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'the\t50\n</S>\t30\n<UNK>\t20\ncat\t10\n<S>\t30\n' >vocab.tsv
# As others write it: text in front, spaces, CR LF, no back-off weights where none are needed, any order.
{
  printf 'made by hand\n\n\\data\\\r\nngram 1=5\nngram 2=3\nngram 3 = 1\n\n\\1-grams:\n'
  printf -- '-1.04 cat -0.3\n-0.34\tthe\t-0.2\n\n-0.56 </s>\n-.74\t<unk>\n0 <s> -4e-1\r\n\n\\2-grams:\n'
  printf -- '-0.25\tthe cat\n-0.5\t<s> the\t0.125\n-0.1 cat </s>\n\n'
  printf -- '\\3-grams:\n-0.05 <s>\tthe </s>\n\\end\\'
} >other.arpa
convert --model other.arpa --vocab vocab.tsv --output a.trie 2>said
grep -q 'other.arpa: 1 of 2 sections come in another order than by their last words: sorting them' said || fail "$(cat said)"
convert --quiet --model a.trie --vocab vocab.tsv --output a.arpa
convert --model a.arpa --vocab vocab.tsv --output a.again 2>said
! grep 'sorting' said || fail "sorted what is sorted"
cat >expected.arpa <<'END'
\data\
ngram 1=5
ngram 2=3
ngram 3=1

\1-grams:
-0.34	the	-0.2
-0.56	</s>	0
-0.74000001	<unk>	0
-1.04	cat	-0.30000001
-99	<s>	-0.40000001

\2-grams:
-0.5	<s> the	0.125
-0.1	cat </s>	0
-0.25	the cat	0

\3-grams:
-0.05	<s> the </s>

\end\
END
sed -i 's/^-0.1\tcat/-0.100000001\tcat/; s/^-0.05\t/-0.050000001\t/' expected.arpa
same_file expected.arpa a.arpa # but "the </s>", the way to the trigram, which was no bigram and becomes none
zstd -q a.arpa -o packed.arpa.zst
for from in a.arpa packed.arpa.zst; do
  for threads in 1 3; do
    convert --quiet --threads $threads --model "$from" --vocab vocab.tsv --output b.trie
    same_file a.trie b.trie
    convert --quiet --threads $threads --model b.trie --vocab vocab.tsv --output b.arpa
    same_file a.arpa b.arpa
  done
done
convert --quiet --model a.arpa --vocab vocab.tsv --output c.arpa.zst
zstd -dc c.arpa.zst | cmp - a.arpa || fail "the compressed ARPA differs"
grep -q '"params": "17"' a.arpa.manifest.json || fail "$(cat a.arpa.manifest.json)" # 9 n-grams, 8 back-off weights

# <unk> beside <unknown> is the class of no word, as kenlm writes a text whose unknown word is <unknown>.
sed 's/ngram 1=5/ngram 1=6/; s/^-99\t<s>.*/&\n-2.5\t<unk>\t0/; s/^-0.74000001\t<unk>/-0.74000001\t<unknown>/' a.arpa >phantom.arpa
convert --quiet --model phantom.arpa --vocab vocab.tsv --output phantom.trie
convert --quiet --model phantom.trie --vocab vocab.tsv --output again.arpa
same_file phantom.arpa again.arpa
# Padding alone has n-grams that end in <s>.
sed "s/ngram 2=3/ngram 2=4/; s/^-0.5\t<s> the.*/&\n-99\t<\/s> <s>\t0/" a.arpa >padded.arpa
convert --quiet --model padded.arpa --vocab vocab.tsv --output padded.trie
inspect padded.trie | grep -qE 'padded.*(yes|1|true)' || fail "$(inspect padded.trie)"

printf 'the\t50\n</S>\t30\n<UNK>\t20\ncat\t10\n<unknown>\t5\n<S>\t30\n' >other.tsv
fails_with 1 'made with the vocabulary' convert --model phantom.trie --vocab other.tsv --output again.arpa

fails_with 2 'is a mapped model already' convert --model a.trie --vocab vocab.tsv --output b.trie
fails_with 2 'a mapped model is not compressed' convert --model a.arpa --vocab vocab.tsv --output b.zst
fails_with 2 'need a file' convert --model a.arpa --vocab vocab.tsv --output -
fails_with 2 'is an input and would be overwritten' convert --model a.arpa --vocab vocab.tsv --output a.arpa
fails_with 1 'cannot open none.arpa' convert --model none.arpa --vocab vocab.tsv --output b.trie
printf 'a b\t50\n</S>\t30\n<UNK>\t20\ncat\t10\n<S>\t30\n' >blank.tsv
fails_with 1 'line 1: a blank within a word' convert --model a.arpa --vocab blank.tsv --output b.trie
fails_with 1 'not a regular file: a model is read from a file' convert --model <(cat a.arpa) --vocab vocab.tsv --output b.trie
mkfifo pipe.arpa
# Without a writer at the other end nobody may wait for it.
fails_with 1 'not a regular file' timeout 20 convert --model pipe.arpa --vocab vocab.tsv --output b.trie
fails_with 1 'not a regular file' timeout 20 compare_models --vocab vocab.tsv a.trie pipe.arpa
rm pipe.arpa

# -0 is 0, in the model as in ARPA.
sed 's/^\(-0.56\t<\/s>\t\)0/\1-0/; s/^\(-0.25\tthe cat\t\)0/\1-1e-400/' a.arpa >minus.arpa
cmp -s a.arpa minus.arpa && fail "no -0"
convert --quiet --model minus.arpa --vocab vocab.tsv --output minus.trie
cmp a.trie minus.trie || fail "-0 made another model"

# What is stopped, and where the disk is full, leaves nothing; a folder for the output is made.
convert --quiet --model a.arpa --vocab vocab.tsv --output new/folder/b.trie
same_file a.trie new/folder/b.trie
( ulimit -f 1 && fails_with 1 'cannot write full.trie: File too large' convert --model a.arpa --vocab vocab.tsv --output full.trie )
[ ! -e full.trie ] || fail "half a model"
nothing_left .

#!/usr/bin/env bash
# Every damaged or strange ARPA file is refused with its message: tests/bad_inputs/arpa/expected.tsv.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

bad=$BILLIONWORD_HOME/tests/bad_inputs/arpa
printf 'the\t50\n</S>\t30\n<UNK>\t20\ncat\t10\n<S>\t30\n' >vocab.tsv
cat >good.arpa <<'END'
\data\
ngram 1=5
ngram 2=2

\1-grams:
-0.34	the	-0.2
-0.56	</s>
-0.74	<unk>
-1.04	cat	-0.3
-99	<s>	-0.4

\2-grams:
-0.3	<s> the
-0.2	the cat

\end\
END
convert --quiet --model good.arpa --vocab vocab.tsv --output good.trie

tried=0
while IFS=$'\t' read -r file message; do
  [[ $message == has* ]] || message="$file: $message"
  for threads in 1 3; do
    fails_with 1 "${message//\\/\\\\}" convert --threads $threads --model "$bad/$file" --vocab vocab.tsv --output bad.trie
  done
  [ ! -e bad.trie ] || fail "$file: a model was written"
  tried=$((tried + 1))
done <"$bad/expected.tsv"
[ $tried = "$(find "$bad" -name '*.arpa' | wc -l)" ] || fail "expected.tsv and the folder differ"
[ $tried -ge 50 ] || fail "only $tried files"

# A byte order mark is told from what is no model by any program, whatever the file's name.
cp "$bad/byte_order_mark.arpa" marked
fails_with 1 'marked: line 1: a byte order mark' evaluate --model marked --vocab vocab.tsv --per-sentence </dev/null

# What is damaged further in, behind what one thread reads at a time, is named by its line as well.
awk 'BEGIN { print "\\data\\\nngram 1=5\nngram 2=2\nngram 3=200000\n\n\\1-grams:\n-1\tthe\t0\n-1\t</s>\t0\n-1\t<unk>\t0"
  print "-1\tcat\t0\n-99\t<s>\t0\n\n\\2-grams:\n-1\tthe cat\t0\n-1\t<s> the\t0\n\n\\3-grams:"
  for (i = 1; i < 200000; i++) print "-1.2345678\tthe cat the"
  print "-1.2345678\tthe cat dog\n\n\\end\\" }' >long.arpa
fails_with 1 'long.arpa: line 200017: dog is not in the vocabulary' convert --model long.arpa --vocab vocab.tsv --output bad.trie
sed -i 's/the cat dog/the cat cat/' long.arpa
fails_with 1 'long.arpa: line 19: the n-gram "the cat the" is there twice' convert --model long.arpa --vocab vocab.tsv --output bad.trie
nothing_left .

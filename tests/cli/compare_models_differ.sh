#!/usr/bin/env bash
# compare_models agrees on what is the same, and finds each n-gram, probability and weight that is not.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'the\t50\n</S>\t30\n<UNK>\t20\ncat\t10\n<S>\t30\n' >vocab.tsv
cat >a.arpa <<'END'
\data\
ngram 1=5
ngram 2=4
ngram 3=2

\1-grams:
-0.34	the	-0.2
-0.56	</s>	0
-0.74	<unk>	-0.1
-1.04	cat	-0.3
-99	<s>	-0.4

\2-grams:
-0.3	<s> the	-0.1
-0.2	the cat	-0.15
-0.1	cat </s>	0
-0.5	cat the	0

\3-grams:
-0.05	<s> the cat
-0.02	the cat </s>

\end\
END
same() { compare_models --quiet --vocab vocab.tsv "$@"; }
differ() { # differ ORDER 'COLUMNS' MODEL...: exit code 1 and these columns of that order
  local order=$1 columns=$2 status=0
  shift 2
  same "$@" >table || status=$?
  [ $status = 1 ] || fail "exit code $status: $*"
  [ "$(awk -v n="$order" '$1 == n { print $2, $3, $4, $5, $6 }' table)" = "$columns" ] || fail "$* says: $(cat table)"
}
convert --quiet --model a.arpa --vocab vocab.tsv --output a.trie
same a.arpa a.trie >table
[ "$(awk 'NR > 1 { print $2, $3, $4, $5, $6 }' table | tr '\n' ,)" = "5 0 0 0 0,4 0 0 0 0,2 0 0 0 0," ] || fail "$(cat table)"

sed 's/^-0.2\tthe cat/-0.20002\tthe cat/' a.arpa >b.arpa
differ 2 '4 0 0 2e-05 0' a.trie b.arpa
same --tolerance 3e-5 b.arpa a.trie >table || fail "$(cat table)"
fails_with 1 'log10 p of "the cat": -0.200' compare_models --vocab vocab.tsv a.trie b.arpa
sed 's/^\(-1.04\tcat\t\).*/\1-0.31/' a.arpa >b.arpa
differ 1 '5 0 0 0 0.01' a.trie b.arpa
sed 's/ngram 2=4/ngram 2=3/; /^-0.5\tcat the/d' a.arpa >b.arpa
differ 2 '3 1 0 0 0' a.trie b.arpa
differ 2 '3 0 1 0 0' b.arpa a.arpa
fails_with 1 'only in the second; one of them is "cat the"' compare_models --vocab vocab.tsv b.arpa a.trie
sed 's/ngram 3=2/ngram 3=0/; /^-0.0/d' a.arpa >b.arpa
differ 3 '0 2 0 0 0' a.trie b.arpa
sed 's/ngram 1=5/ngram 1=6/; s/^-0.74\t<unk>.*/-0.74\t<unknown>\t-0.1\n-3\t<unk>/' a.arpa >b.arpa
differ 0 '0 0 1 3 0' a.trie b.arpa
fails_with 2 'name two models' compare_models --vocab vocab.tsv a.trie

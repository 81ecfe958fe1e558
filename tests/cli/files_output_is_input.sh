#!/usr/bin/env bash
# No stage writes over what it reads, by whatever name.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a b\nb a\n' >text
cp text kept
ln -s text link
ln text other_name
vocab --quiet --min-count 1 --output v.tsv text
cp v.tsv kept.tsv
fails_with 2 'text is an input and would be overwritten: choose another output' vocab --output text text
fails_with 2 'the output link is the same file as the input text, which would be overwritten' vocab --output link text
fails_with 2 'the output other_name is the same file as the input text,' vocab --output other_name v.tsv text
from_stdin() { "$@" <text; }
fails_with 2 'the output text is the same file as the input on standard input' from_stdin vocab --output text -
fails_with 2 'error: text is an input and would be overwritten' shard --vocab v.tsv --output text text
fails_with 2 'error: v.tsv is an input and would be overwritten' shard --vocab v.tsv --output v.tsv text
fails_with 2 'error: text is an input and would be overwritten' tokenize --output text text
fails_with 2 'the output text is the same file as the input on standard input' from_stdin tokenize --output text
fails_with 2 'error: v.tsv is an input and would be overwritten' \
  estimate --smoothing ml --counts text --vocab v.tsv --output v.tsv
fails_with 2 'error: text is an input and would be overwritten' \
  estimate --smoothing ml --counts text --vocab v.tsv --output x.trie --arpa text
cp text p-00001-of-00002
fails_with 2 'error: p-00001-of-00002 is an input and would be overwritten' split --shards 2 --output-prefix p p-00001-of-00002 text
same_file text kept
same_file v.tsv kept.tsv
same_file p-00001-of-00002 kept
vocab --quiet --min-count 1 --output v.tsv text # an output that is there already and no input is replaced

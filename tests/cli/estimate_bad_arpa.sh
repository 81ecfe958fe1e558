#!/usr/bin/env bash
# Every damaged or strange ARPA file is refused with its message: tests/bad_inputs/arpa/expected.tsv.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

bad=$BILLIONWORD_HOME/tests/bad_inputs/arpa
printf 'the\t50\n</S>\t30\n<UNK>\t20\ncat\t10\n<S>\t30\n' >vocab.tsv
printf 'the cat\ndogs\n' >test.txt
shard --quiet --vocab vocab.tsv --output test.shard test.txt
estimate --quiet --vocab vocab.tsv --output good.arpa
evaluate --quiet --model good.arpa --vocab vocab.tsv --output good.scores test.shard >good.tsv
grep -q "^events$(printf '\t')5$" good.tsv || fail "$(cat good.tsv)"

tried=0
while IFS=$'\t' read -r file message; do
  [[ $message == line* ]] && message="$file: $message"
  fails_with 1 "${message//\\/\\\\}" evaluate --model "$bad/$file" --vocab vocab.tsv --output bad.scores test.shard
  [ ! -e bad.scores ] || fail "$file: scores were written"
  tried=$((tried + 1))
done <"$bad/expected.tsv"
[ $tried = "$(find "$bad" -name '*.arpa' | wc -l)" ] || fail "expected.tsv and the folder differ"
[ $tried -ge 20 ] || fail "only $tried files"
nothing_left .

#!/usr/bin/env bash
# Every bad file of the formats is refused with its own message.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

count=0
for kind in shard scores counts safetensors vocabulary trie; do
  cd "$BILLIONWORD_HOME/tests/bad_inputs/$kind"
  for message in *.message; do
    fails_with 1 "error: $(sed 's/[][*?\\]/\\&/g' "$message")" inspect --check "${message%.message}"
    count=$((count + 1))
  done
done
[ "$count" -ge 110 ] || fail "only $count bad files were found"

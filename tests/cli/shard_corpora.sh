#!/usr/bin/env bash
# Events and unknown words of two corpora, known from other tools (kenlm's OOV for the second).
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
needs_shared data/wikitext-2 data/lm1b-mini

data=$SHARED/data
value() { inspect --check "$1" | awk -F'\t' -v name="$2" '$1 == name { print $2 }'; }

vocab --quiet --min-count 1 --unk '<unk>' --output w.tsv "$data/wikitext-2/train.txt.zst"
shard --quiet --unk '<unk>' --vocab w.tsv --output w.shard "$data/wikitext-2/test.txt.zst"
[ "$(value w.shard events)" = 244102 ] || fail "wikitext-2: $(value w.shard events) events"
[ "$(value w.shard sentences)" = 2891 ] || fail "wikitext-2: $(value w.shard sentences) sentences"
[ "$(value w.tsv size)" = 33279 ] || fail "wikitext-2: $(value w.tsv size) words" # 33,278 types with the end of line, and <S>

vocab --quiet --output m.tsv "$data/lm1b-mini/train.txt.zst"
shard --quiet --vocab m.tsv --output m.shard "$data/lm1b-mini/test.txt.zst"
[ "$(value m.shard events)" = 121125 ] || fail "lm1b-mini: $(value m.shard events) events"
[ "$(value m.shard unknown)" = 10748 ] || fail "lm1b-mini: $(value m.shard unknown) unknown words"
[ "$(value m.tsv size)" = 12448 ] || fail "lm1b-mini: $(value m.tsv size) words" # 12,445 and the reserved three

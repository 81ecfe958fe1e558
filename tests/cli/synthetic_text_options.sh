#!/usr/bin/env bash
# The text for measurements of growth: as many tokens as asked for, the same text for the same options, a longer one
# going on where a shorter one ends, and a vocabulary that grows.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
tokens() { awk '{ n += NF + 1; if (!NF) exit 1 } END { print n }' "$1"; }
words() { tr ' ' '\n' <"$1" | sort -u | wc -l; }

synthetic_text --quiet --tokens 20000 >short
synthetic_text --quiet --tokens 20000 >again
same_file short again
synthetic_text --tokens 200000 >long 2>said
expect_output 20000 tokens short
expect_output 200000 tokens long
grep -q "200000 tokens, $(wc -l <long) sentences, $(words long) different words" said || fail "$(cat said)"
head -n -1 short >beginning
head -n "$(wc -l <beginning)" long >front
same_file beginning front
[ "$(words long)" -gt $((2 * $(words short))) ] || fail "the vocabulary does not grow: $(words short), $(words long)"

synthetic_text --quiet --tokens 20000 --seed 2 >other
! cmp -s short other || fail "another seed, the same text"
expect_output a synthetic_text --quiet --tokens 2
fails_with 2 '--tokens 1: must be from 2' synthetic_text --tokens 1
fails_with 2 'unexpected argument file' synthetic_text file

#!/usr/bin/env bash
# What cannot be tokenized is refused with what, where and what to do, and leaves nothing.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

bad=$BILLIONWORD_HOME/tests/bad_inputs/text
tried=0
while IFS=$'\t' read -r file message; do
  fails_with 1 "$file: $message" tokenize --threads 2 --output out/tokens "$bad/$file"
  [ -z "$(find out -type f 2>/dev/null)" ] || fail "$file: left $(ls out)"
  tried=$((tried + 1))
done <"$bad/expected.tsv"
[ $tried = "$(find "$bad" -type f ! -name expected.tsv | wc -l)" ] || fail "expected.tsv and the folder differ"
[ $tried -ge 11 ] || fail "only $tried files"

# Line and offset count within the file, over blocks of it, and the first fault is the one named.
awk 'BEGIN { for (i = 0; i < 300000; i++) print "a line of text" }' >long
{ cat long && printf 'x \xff\n' && cat long && printf '\0\n'; } >late
fails_with 1 'late: line 300001: invalid UTF-8 at offset 4500002 (byte 0xFF)' tokenize --threads 3 --output out/tokens long late
fails_with 1 'standard input: line 300001: invalid UTF-8 at offset 4500002' tokenize --output out/tokens <late
fails_with 1 'late: line 600002: NUL byte at offset 9000004' tokenize --invalid-utf8 replace --output out/tokens late

fails_with 1 'cannot read missing: No such file or directory' tokenize --output out/tokens missing
fails_with 1 'cannot read out: it is a folder' tokenize --output tokens out
fails_with 1 'is empty: nothing to tokenize' tokenize --output out/tokens </dev/null
fails_with 1 'is empty: nothing to tokenize' tokenize --output out/tokens long "$bad/empty.txt"
fails_with 1 '' tokenize --output long/tokens long # a file where a folder must be
fails_with 2 '--threads 0: must be' tokenize --threads 0 long
fails_with 2 '--style' tokenize --style moses long
fails_with 2 '--invalid-utf8' tokenize --invalid-utf8 skip long
if script -qec true /dev/null >/dev/null 2>&1; then
  script -qec 'tokenize --output out/tokens; echo "code $?"' /dev/null </dev/null >said 2>&1 || true
  grep -q 'standard input is a terminal; pipe text into it, or name a file' said || fail "$(cat said)"
  grep -q 'code 1' said || fail "$(cat said)"
fi
[ -z "$(find out -type f 2>/dev/null)" ] || fail "left behind: $(ls out)"

tokenize --dry-run --output dry/tokens long 2>said
grep -q 'would write dry/tokens' said || fail "$(cat said)"
[ ! -e dry ] || fail "--dry-run made a folder"

# A full disk (a small tmpfs, where mounting is allowed).
mkdir small
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none small 2>/dev/null; then
  trap 'umount small' EXIT
  fails_with 1 'No space left on device' tokenize --output small/tokens long
  [ -z "$(ls small)" ] || fail "left behind: $(ls small)"
fi
nothing_left .

#!/usr/bin/env bash
# The helpers of these cases can fail: each of them is shown something wrong.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

refuses() { if ("$@") >/dev/null 2>&1; then fail "accepted: $*"; fi; }
leave() { echo "program: file.txt: line 3: $1" >&2; return "$2"; }

fails_with 2 'line 3: bad' leave bad 2
fails_with 1 'file.txt:*worse' leave worse 1
refuses fails_with 1 'line 3: bad' leave bad 2
refuses fails_with 0 'no such message' leave bad 0
refuses fails_with 2 'line 4' leave bad 2

printf 'a\nb\n' >one; printf 'a\nb\n' >two; printf 'a\nb' >three
same_file one two
refuses same_file one three
refuses same_file one missing
expect_output $'a\nb' cat one
refuses expect_output a cat one
refuses expect_output '' false

nothing_left .
touch two.tmp-17
refuses nothing_left .

[ "$PWD" = "$WORK" ] || fail "scratch folder is $PWD, WORK is $WORK"
[ -f "$BILLIONWORD_HOME/tests/cli/lib.sh" ] || fail "BILLIONWORD_HOME is $BILLIONWORD_HOME"
[ -z "${MAKEFLAGS:-}${CORPUS:-}${CONFIGURED:-}" ] || fail "variables of make reach the cases"

# The runner itself, on cases of our own: what passes, fails, skips, takes too long, and what is left running.
mkdir -p repo/tests/cli repo/tests/unit bin unit
cp "$BILLIONWORD_HOME/tests/run" repo/tests/
cp "$BILLIONWORD_HOME/tests/cli/lib.sh" repo/tests/cli/
printf '. "$BILLIONWORD_HOME/tests/cli/lib.sh"\nsleep 0.2; true\n' >repo/tests/cli/a_good.sh
printf '. "$BILLIONWORD_HOME/tests/cli/lib.sh"\necho why it is; false; true\n' >repo/tests/cli/b_bad.sh
printf '. "$BILLIONWORD_HOME/tests/cli/lib.sh"\nskip needs a moon\n' >repo/tests/cli/c_skip.sh
printf '# timeout: 1\nsleep 100\n' >repo/tests/cli/d_slow.sh
printf '# tier: long\ntrue\n' >repo/tests/cli/e_long.sh
printf '# shellcheck shell=bash\nfalse\n' >repo/tests/cli/g_sourced.sh
printf 'sleep 3471 & echo $! >"$BILLIONWORD_HOME/left"\n' >repo/tests/cli/f_leaves.sh
cat >unit/test_fake <<'X'
#!/bin/sh
echo '[==========] Running 3 test(s).'; echo '[       OK ] one'; echo '[  SKIPPED ] two'; echo '[  FAILED  ] three'
echo '[  FAILED  ] 1 test(s), listed below:'; echo '[  FAILED  ] three'; exit 1
X
printf '#!/bin/sh\necho "[==========] Running 2 test(s)."; echo "[       OK ] one"; exit 3\n' >unit/test_stops
chmod +x unit/test_*
touch repo/tests/unit/test_fake.c repo/tests/unit/test_stops.c
cp unit/test_fake unit/test_gone # a program whose source is no longer there
status=0
BIN=bin UNIT=unit repo/tests/run short >report || status=$?
[ $status = 1 ] || fail "the runner's exit code is $status: $(cat report)"
[ "$(tail -n 1 report)" = "4 passed, 4 failed, 2 skipped" ] || fail "$(cat report)"
[ "$(grep -oE '(unit|cli)/[a-z_]*' report | tr '\n' ' ')" = \
  'unit/test_fake unit/test_stops cli/a_good cli/b_bad cli/c_skip cli/d_slow cli/f_leaves ' ] || fail "$(cat report)"
grep -q 'FAIL  cli/d_slow .*ran out of time' report || fail "$(cat report)"
grep -q 'why it is' report || fail "a failed case's output is not shown: $(cat report)"
grep -q 'stopped before its end' report || fail "$(cat report)"
if grep -q '^State:[[:space:]]*[RSD]' "/proc/$(cat repo/left)/status" 2>/dev/null; then fail "a process was left running"; fi
BIN=bin UNIT=unit repo/tests/run long 'cli/[ae]_*' >report || fail "$(cat report)"
[ "$(tail -n 1 report)" = "2 passed, 0 failed, 0 skipped" ] || fail "$(cat report)"
[ -z "$(find . -name 'billionword-test*')" ] || fail "scratch folders are left behind"

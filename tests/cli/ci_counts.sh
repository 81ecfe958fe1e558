#!/usr/bin/env bash
# The last line of .ci/run counts the tests of all tiers, and it fails where any part of it does.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
mkdir -p bin clone/.ci
cp "$BILLIONWORD_HOME/.ci/run" clone/.ci/
cat >bin/make <<'MAKE'
#!/bin/bash
echo "make $*" >>made
case " $* " in *" $BROKEN "*) [ -z "$COUNTS" ] || echo "8 passed, 2 failed, 1 skipped"; exit 2 ;; esac
case $* in *test*) printf 'ok    cli/x\n10 passed, 0 failed, 1 skipped\n' ;; esac
MAKE
chmod +x bin/make
export PATH=$PWD/bin:$PATH BROKEN=none COUNTS=

counts() { # CODE LINE
  local status=0
  clone/.ci/run >said 2>&1 || status=$?
  [ $status = "$1" ] || fail "exit code $status, not $1: $(cat said)"
  expect_output "$2" tail -n 1 said
}
counts 0 "20 passed, 0 failed, 2 skipped"
for word in lint test test-cluster; do grep -qw -- "$word" clone/made || fail "make $word is not called: $(cat clone/made)"; done
BROKEN=lint counts 1 "20 passed, 1 failed, 2 skipped"
BROKEN=test-cluster counts 1 "10 passed, 1 failed, 1 skipped"
BROKEN=test COUNTS=1 counts 1 "18 passed, 2 failed, 2 skipped"

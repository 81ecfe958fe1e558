#!/usr/bin/env bash
# tools/lint on a small tree with one fault of each kind, and on the same tree without.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
mkdir -p repo/{tools,kernels/cpu,dist,pipeline/files,pipeline/neural,tests/unit}
cd repo
cp "$BILLIONWORD_HOME/tools/lint" tools/
cp "$BILLIONWORD_HOME/.clang-format" .
echo 'all:' >Makefile

echo 'int stream_open(void);' >pipeline/files/stream.h
echo 'int kernel(void);' >kernels/cpu/kernel.h
printf '#include "kernels/cpu/kernel.h"\n#include "pipeline/files/stream.h"\n' >pipeline/neural/cell.c
printf '#include "dist/ring.h"\n#include "pipeline/neural/cell.h"\n' >tests/unit/test_ring.c
echo 'int ring(void);' >dist/ring.h
echo 'int cell(void);' >pipeline/neural/cell.h
tools/lint >said || fail "a good tree is refused: $(cat said)"

# finds 'GLOB' FILE 'TEXT': with this text in this file, lint fails and says so.
finds() {
  local kept=
  [ ! -f "$2" ] || kept=$(cat "$2")
  printf '%b' "$3" >"$2"
  if tools/lint >said 2>&1; then fail "lint passes with $2: $3"; fi
  # shellcheck disable=SC2053
  [[ $(cat said) == *$1* ]] || fail "lint said: $(cat said)"$'\n'"not: $1"
  if [ -n "$kept" ]; then echo "$kept" >"$2"; else rm "$2"; fi
}
finds 'kernels/cpu/fast.c:2: kernels may not use pipeline/files' kernels/cpu/fast.c '\n#include "pipeline/files/stream.h"\n'
finds 'dist/ring.c:1: dist may not use kernels' dist/ring.c '#include "kernels/cpu/kernel.h"\n'
finds 'pipeline/files may not use pipeline/neural' pipeline/files/stream.c '#include "pipeline/neural/cell.h"\n'
finds 'includes "cell.h", which is no path' pipeline/neural/cell.c '#include "cell.h"\n'
finds 'includes a source file' tests/unit/test_ring.c '#include "pipeline/neural/cell.c"\n'
finds 'cell.h is not unique: *kernels/cell.h' kernels/cell.h 'int other(void);\n'
finds 'long.c: 501 lines' dist/long.c "$(printf '\\n%.0s' $(seq 501))"
finds 'bash cannot read it' tools/broken.sh '#!/bin/bash\nif true; then\n'
if command -v clang-format >/dev/null && clang-format --version | grep -q 'version 14\.'; then
  finds 'dist/ring.h: not formatted' dist/ring.h 'int   ring( void ) ;\n'
fi
if command -v shellcheck >/dev/null; then
  finds 'shellcheck has findings' tools/careless.sh '#!/bin/bash\ncd /tmp/nowhere\nrm -f *\nlocal x=$1\n'
fi
tools/lint >said || fail "the tree is good again: $(cat said)"

# shellcheck shell=bash
# Helpers of the command-line cases; each case begins with:  . "$BILLIONWORD_HOME/tests/cli/lib.sh"
#
# A case is a bash script that tests/run starts in an empty scratch folder of its own ($WORK), with PATH beginning at the
# built programs, BILLIONWORD_HOME (the repository), SHARED (a folder of larger data, or empty), UNIT (the unit programs),
# TIER (short, long).  It passes if it exits 0.  Any command that fails ends it.
set -euo pipefail

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# skip REASON: ends the case as skipped.
skip() {
  echo "SKIP: $*"
  exit 77
}

# needs_shared NAME...: skips unless the folder of larger data has these files or folders.
needs_shared() {
  [ -n "$SHARED" ] || skip "needs ../shared"
  local name
  for name in "$@"; do [ -e "$SHARED/$name" ] || skip "needs ../shared/$name"; done
}

# fails_with CODE 'GLOB' COMMAND...: the command leaves with CODE, and GLOB matches some part of its stderr.
fails_with() {
  local code=$1 glob=$2 status=0 said file=$TMPDIR/stderr.$BASHPID # not here: it may be a folder that others read
  shift 2
  "$@" 2>"$file" || status=$?
  said=$(tr -d '\0' <"$file")
  rm -f "$file"
  [ "$status" = "$code" ] || fail "exit code $status, not $code: $*"$'\n'"its stderr: $said"
  # shellcheck disable=SC2053
  [[ $said == *$glob* ]] || fail "stderr of: $*"$'\n'"is:   $said"$'\n'"not:  $glob"
}

# same_file A B: the same bytes.
same_file() {
  [ -f "$1" ] || fail "there is no file $1"
  [ -f "$2" ] || fail "there is no file $2"
  cmp "$1" "$2" || fail "$1 and $2 differ:"$'\n'"$(diff -a "$1" "$2" | head -n 10 | cut -c 1-300)"
}

# expect_output 'TEXT' COMMAND...: the command succeeds and its stdout is TEXT (final newlines do not count).
expect_output() {
  local text=$1 said
  shift
  said=$("$@") || fail "exit code $? of: $*"
  [ "$said" = "$text" ] || fail "stdout of: $*"$'\n'"is:   $said"$'\n'"not:  $text"
}

# nothing_left DIR: no temporary file is left under DIR.
nothing_left() {
  local left
  left=$(find "$1" -name '*.tmp-*')
  [ -z "$left" ] || fail "left behind: $left"
}

# ranks N COMMAND...: runs it as N ranks of Open MPI on this machine; skips the case where there is no mpirun.
ranks() {
  command -v mpirun >/dev/null || skip "needs mpirun"
  local n=$1
  shift
  mpirun --bind-to none --oversubscribe --mca mpi_yield_when_idle 1 -np "$n" "$@" # a waiting rank lets others compute
}

#!/usr/bin/env bash
# A preparing script that is asked to stop, by the signal before the end of its time or by Ctrl-C, ends its program, leaves
# nothing half-written, and says that there is more to do; run again it goes on behind what was done.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export WORK="$PWD/the work" RESULTS=$PWD/results CORPUS=$PWD/tiny THREADS=1 BILLIONWORD_BIN=$PWD/bin
mkdir bin tiny
ln -s "$BIN"/* bin/
for split in train valid test; do seq 2000 | tr '\n' ' ' | fold -s -w 60 >tiny/$split.txt; done

# A program that never ends, unless it is asked to: then it takes its temporary file away, as all of them do.
cat >slow <<'SLOW'
#!/bin/bash
for last; do :; done
trap 'rm -f "$WORK/half.tmp-1"; echo "${0##*/} ended" >>ended; exit 143' TERM
touch "$WORK/half.tmp-1"
echo "$0" >>begun
while :; do sleep 0.05; done
SLOW
chmod +x slow

# stop PROGRAM SIGNAL CODE SCRIPT...: the script, signalled while it runs PROGRAM, ends with CODE.
stop() {
  local pid status=0
  rm -f begun ended
  mv "bin/$1" kept && cp slow "bin/$1"
  env --default-signal=INT setsid "${@:4}" >out 2>said &
  pid=$!
  for ((i = 0; i < 400; i++)); do [ ! -s begun ] || break; sleep 0.05; done
  [ -s begun ] || fail "$1 was not started: $(cat said)"
  kill "-$2" $pid
  wait $pid || status=$?
  mv kept "bin/$1"
  [ $status = "$3" ] || fail "exit code $status, not $3, after $2 in $1: $(cat said)"
  expect_output "$1 ended" cat ended
  nothing_left .
}
jobs=$BILLIONWORD_HOME/jobs
stop vocab USR1 75 "$jobs/prepare_corpus.sh"
grep -q 'the time is too short for this stage, which starts over' said || fail "$(cat said)"
stop shard USR1 75 "$jobs/prepare_corpus.sh"
! grep -q 'the time is too short' said || fail "the vocabulary was made: $(cat said)"
made=$(stat -c %i "$WORK/tiny/vocab.tsv")
stop shard INT 130 "$jobs/prepare_corpus.sh"
stop shard HUP 129 "$jobs/pipeline.sh"
"$jobs/prepare_corpus.sh" 2>said || fail "$(cat said)"
[ "$(stat -c %i "$WORK/tiny/vocab.tsv")" = "$made" ] || fail "the vocabulary was made again: $(cat said)"

# Count-based systems: what was counted stays.
stop count USR1 75 "$jobs/train_kn5.sh"
stop estimate USR1 75 "$jobs/train_kn5_pruned.sh"
! grep -q 'the time is too short' said || fail "counts were made, by the script of the unpruned model: $(cat said)"
stop estimate USR1 75 "$jobs/train_kn5.sh"
grep -q 'the time is too short for this stage' said || fail "$(cat said)"
grep -q 'not finished: run it again to go on' said || fail "$(cat said)"
"$jobs/train_kn5.sh" >out 2>said || fail "$(cat said)"

# The benchmark's texts: what was unpacked half goes.
export LM1B_TAR=$PWD/benchmark.tar.gz
: >"$LM1B_TAR"
ln -s "$(command -v tar)" bin/tar
PATH=$PWD/bin:$PATH
stop tar USR1 75 "$jobs/prepare_lm1b.sh"
[ ! -e "$WORK/corpus/lm1b" ] || fail "left behind: $(find "$WORK/corpus/lm1b")"

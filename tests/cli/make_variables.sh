#!/usr/bin/env bash
# make refuses variables that it does not know, takes those that it does, and lists them.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

home=$BILLIONWORD_HOME
fails_with 2 'unknown variable*MIN_COUNT*MINCOUNT' make -C "$home" help MIN_COUNT=9
fails_with 2 'unknown variable SYSTEM.' make -C "$home" pipeline SYSTEM=unigram CORPUS=classics
make -s -C "$home" help CORPUS=x ONLY=y OPTIMISE=-O1 FRESH=1 HAVE_MPI=0 GPU_ARCH=z GPU_WARN= >said || fail "a known variable is refused"
for name in CORPUS MINCOUNT MAXWORDS UNK SYSTEMS EPOCHS LM1B_TAR LM1B_RAW NGRAM_MEMORY FRESH; do
  grep -q "^ .*$name=" said || fail "make help does not list $name"
done

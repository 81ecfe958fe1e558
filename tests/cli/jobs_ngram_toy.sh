#!/usr/bin/env bash
# The scripts of the count-based systems on five sentences, which are too few to estimate discounts from: every system has
# its row, and the rows that it concerns say so; what a program's --memory is in a script, where there is too little of it.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK="$PWD/work" RESULTS="$PWD/results" CORPUS=toy THREADS=2 MINCOUNT=1
jobs=$BILLIONWORD_HOME/jobs table="$RESULTS/toy/perplexity.tsv"
mkdir toy
printf '%s\n' 'the cat sat on the mat .' 'the dog sat on the cat .' 'a dog ran .' 'a cat ran to the dog .' >toy/train.txt
echo 'the cat ran .' >toy/valid.txt
echo 'a dog sat .' >toy/test.txt
column() { # SYSTEM COLUMN
  awk -F'\t' -v s="$1" -v c="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i } $1 == s { print $k }' "$table"
}

# What is meant for networks does not hinder them.
export SYSTEMS="unigram sbo5 katz5 kn5"
DEVICE=cuda NP=2 EPOCHS=3 "$jobs/pipeline.sh" >out 2>said || fail "$(cat said)"
grep -q 'warning: order 2: no discounts from' said || fail "no warning: $(cat said)"
# Pruned on fewer threads than were estimated on: the row has the most that worked at once.
SYSTEMS="katz5_pruned kn5_pruned" THREADS=1 "$jobs/pipeline.sh" >out 2>said || fail "$(cat said)"
for system in unigram sbo5 katz5 kn5 katz5_pruned kn5_pruned; do
  expect_output VALID column $system status
done
for system in katz5 kn5 katz5_pruned kn5_pruned; do
  expect_output 'order 2, 3, 4, 5: fixed discounts, since the text gives none' column $system note
  expect_output 2 column $system processors
done
for system in unigram sbo5; do expect_output '' column $system note; done
grep -q '^| kn5  *|.* order 2, 3, 4, 5: fixed discounts, since the text gives none |$' "$RESULTS/toy/perplexity.md" ||
  fail "$(cat "$RESULTS/toy/perplexity.md")"

# The program by itself does not make do with fixed discounts, and says what is missing.
fails_with 1 'n1 = 14, n2 = 5, n3 = 0, n4 = 1, which gives D1 = 0.583333, D2 = 2, no D3+; Dj has to be' \
  estimate --quiet --counts "$WORK/toy/counts-5.counts" --vocab "$WORK/toy/vocab.tsv" --smoothing kn --output m.trie
[ ! -e m.trie ] || fail "there is a model"

# Messages name the programs' options; the script says what sets them.
for system in kn5 kn5_pruned; do
  NGRAM_MEMORY=1 fails_with 1 "count failed; where that is for its --memory, NGRAM_MEMORY sets it here (now 1)" "$jobs/train_$system.sh" --dry-run
done
NGRAM_MEMORY=lots fails_with 2 "NGRAM_MEMORY=lots: a size such as 16G is expected" "$jobs/train_kn5.sh" --dry-run
rm "$WORK/toy/kn5_pruned/model.trie"
NGRAM_MEMORY=1 fails_with 1 "prune failed; where that is for its --memory, NGRAM_MEMORY sets it here (now 1)" "$jobs/train_kn5_pruned.sh"
nothing_left "$WORK"

# Where nobody says: under Slurm three quarters of the job's memory, by node or by core, else 4G at least.
said_memory() { "$@" "$jobs/train_kn5.sh" --dry-run 2>&1 | sed -n 's/^count:   memory *//p'; }
expect_output 3000M said_memory env SLURM_JOB_ID=1 SLURM_MEM_PER_NODE=4000
expect_output 6000M said_memory env SLURM_JOB_ID=1 SLURM_MEM_PER_CPU=4000 SLURM_CPUS_ON_NODE=2
expect_output 4G said_memory env SLURM_JOB_ID=1
memory=$(said_memory env)
[ "${memory%M}" -ge 4096 ] || fail "$memory"

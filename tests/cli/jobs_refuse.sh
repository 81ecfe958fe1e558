#!/usr/bin/env bash
# What the job scripts refuse, at once, with what is wrong and what to do, and nothing half-written.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK="$PWD/the work" RESULTS=$PWD/results
jobs=$BILLIONWORD_HOME/jobs
folder() { # NAME: a corpus of one sentence in each split
  mkdir -p "$1"
  for split in train valid test; do echo "one sentence" >"$1/$split.txt"; done
}
untouched() { [ ! -e "$WORK" ] && [ ! -e "$RESULTS" ] || fail "left behind: $(find "$WORK" "$RESULTS")"; }

# Inputs that are not there: the command that makes them.
fails_with 1 "/the work/classics/vocab.tsv is missing; make it with:  make -C '$BILLIONWORD_HOME' corpus CORPUS='classics' WORK='$WORK'" \
  "$jobs/train_lstm256.sh"
fails_with 1 "corpus CORPUS='classics'" "$jobs/train_unigram.sh"
fails_with 1 "corpus CORPUS='lm1b' LM1B_TAR=... WORK='$WORK' (or LM1B_RAW=...)" "$jobs/train_lstm2048.sh" --dry-run
fails_with 1 "CORPUS='classics' WORK='$WORK' sbatch jobs/prepare_corpus.sh" env SLURM_JOB_ID=1 SLURM_NTASKS=1 "$jobs/train_lstm256.sh"

# Corpora.
folder reference && folder "other/corpus" && folder other/classics
fails_with 1 "cannot be named 'reference'" env CORPUS=reference "$jobs/prepare_corpus.sh"
fails_with 1 "cannot be named 'reference'" env CORPUS="$PWD/reference/" "$jobs/pipeline.sh"
fails_with 1 "cannot be named 'corpus'" env CORPUS=other/corpus "$jobs/prepare_corpus.sh"
fails_with 1 "has the name of a corpus that is prepared otherwise" env CORPUS=other/classics "$jobs/prepare_corpus.sh"
fails_with 1 "there is no corpus 'nowhere'" env CORPUS=nowhere "$jobs/prepare_corpus.sh"
fails_with 2 "TOKENIZE=moses: it is lm1b" env TOKENIZE=moses "$jobs/prepare_corpus.sh"
fails_with 2 "TOKENIZE=none is for a corpus folder" env TOKENIZE=none "$jobs/prepare_corpus.sh"

# Splits that are missing, empty, or there twice: seen before anything is made.
folder "a corpus" && rm "a corpus/test.txt"
fails_with 1 "/a corpus has no test.txt" env CORPUS="a corpus" "$jobs/prepare_corpus.sh"
: >"a corpus/test.txt"
fails_with 1 "/a corpus/test.txt is empty" env CORPUS="a corpus" "$jobs/prepare_corpus.sh"
fails_with 1 "/a corpus/test.txt is empty" env CORPUS="a corpus" TOKENIZE=lm1b "$jobs/prepare_corpus.sh"
rm "a corpus/test.txt" && folder "a corpus" && gzip -k "a corpus/valid.txt"
fails_with 1 "holds valid.txt and valid.txt.gz: keep one of them" env CORPUS="a corpus" "$jobs/prepare_corpus.sh"

# Places that cannot be written, seen before anything is made.
: >file && rm 'a corpus/valid.txt.gz'
for script in pipeline prepare_corpus; do
  fails_with 1 "since $PWD/file is not a folder that you may write in: choose another place with WORK=" \
    env WORK="$PWD/file/work" CORPUS="a corpus" "$jobs/$script.sh"
done
fails_with 1 "choose another place with RESULTS=" env RESULTS="$PWD/file" CORPUS="a corpus" "$jobs/pipeline.sh"

# Wrong usage.
fails_with 2 "unknown argument '--epochs'" "$jobs/train_lstm256.sh" --epochs 3
fails_with 2 "--device 'tpu'" "$jobs/train_lstm256.sh" --device tpu
fails_with 2 "--device ''" "$jobs/train_lstm256.sh" --device
fails_with 2 "DEVICE=tpu" env DEVICE=tpu "$jobs/train_lstm256.sh"
fails_with 2 "NP=two: the number of ranks" env NP=two "$jobs/train_lstm256.sh"
fails_with 2 "NP=0: the number of ranks" env NP=0 "$jobs/train_lstm256.sh"
fails_with 2 "EPOCHS=x: the number of epochs is a whole number from 1" env EPOCHS=x "$jobs/train_lstm256.sh"
fails_with 2 "THREADS=-3: the number of threads is a whole number from 0" env THREADS=-3 "$jobs/pipeline.sh"
fails_with 2 "MINCOUNT=0: the number of" env MINCOUNT=0 "$jobs/prepare_corpus.sh"
fails_with 2 "MAXWORDS=many: the number of words that stay" env MAXWORDS=many "$jobs/prepare_corpus.sh"
fails_with 2 "there is no system 'lstm9': SYSTEMS is default, all, or some of: *lstm256 *" env SYSTEMS="unigram lstm9" "$jobs/pipeline.sh"
fails_with 2 "it takes no arguments" "$jobs/prepare_corpus.sh" classics
fails_with 2 "it takes --submit" "$jobs/pipeline.sh" now

# The size of a job.
fails_with 2 "NP=4, but the job has 2 task(s)" env NP=4 SLURM_JOB_ID=1 SLURM_NTASKS=2 "$jobs/train_lstm256.sh"
fails_with 2 "this job runs as one task, not 2" env SLURM_JOB_ID=1 SLURM_NTASKS=2 "$jobs/train_unigram.sh"
fails_with 2 "with sbatch or bash, not with srun" env SLURM_JOB_ID=1 SLURM_NTASKS=2 SLURM_STEP_NUM_TASKS=2 "$jobs/train_lstm256.sh"
untouched

# Choices that are no choice.
folder sound
for choice in FRESH=no ELASTIC=true NGRAM_MEMORY=much; do
  fails_with 2 "$choice: " env CORPUS=sound "$choice" "$jobs/pipeline.sh"
done
fails_with 2 "SYSTEMS='  ' names no system" env CORPUS=sound SYSTEMS='  ' "$jobs/pipeline.sh"
fails_with 2 "there is no system 'nought'" env CORPUS=sound SYSTEMS=$'unigram\nnought' "$jobs/pipeline.sh"
untouched

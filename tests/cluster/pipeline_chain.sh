#!/usr/bin/env bash
# What becomes of a chain of jobs: a table where all went well; else the last job names each stage that failed, was cancelled
# or never started, and the log to read.
# timeout: 200
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 4 32000
make_clone
cd "$clone/logs"
make_corpus tiny 300
export CORPUS=$PWD/tiny

# summary_says TEXT...: of the chain in `said`, once its last job has ended as STATE.
summary_ended() {
  summary=$(jobs_of said | tail -n 1)
  wait_for_end "$summary" 120
  [ "$state" = "$1" ] || fail "the summary ended as $state: $(cat "pipeline-$summary.log")"
}
summary_says() { grep -qF -- "$1" "pipeline-$summary.log" || fail "pipeline-$summary.log lacks: $1"$'\n'"$(cat "pipeline-$summary.log")"; }
says_its_log() { # SYSTEM
  local log
  log="$PWD/$1-$(job_of "$1" said).log"
  grep -qF "failed with exit code 1; all that it said is in $log" "$log" || fail "$log does not say where it is: $(cat "$log")"
}

EPOCHS=1 SYSTEMS="mixture unigram rnn256" bash "$clone/jobs/pipeline.sh" --submit 2>said
wait_for_chain said 120
summary_ended COMPLETED
for system in unigram rnn256 mixture; do # the mixture waits for the others
  grep -q "^| $system *|" "pipeline-$summary.log" || fail "no $system in the table: $(cat "pipeline-$summary.log")"
done

# One system fails, one is cancelled, one is done.
sed -i 's/--epochs "[^"]*"/--epochs 100000/' "$clone/jobs/train_gru256.sh"
sed -i 's/--epochs "[^"]*"/--epochs none/' "$clone/jobs/train_lstm256.sh"
SYSTEMS="unigram lstm256 gru256" bash "$clone/jobs/pipeline.sh" --submit 2>said
cat said
wait_for_log "$clone/work/tiny/gru256/state" running 60
scancel "$(job_of gru256 said)"
summary_ended FAILED
summary_says "lstm256 failed with exit code 1; read $PWD/lstm256-$(job_of lstm256 said).log"
summary_says "gru256 failed with exit code 143; read $PWD/gru256-$(job_of gru256 said).log"
summary_says "2 of 4 stages failed: lstm256 gru256"
summary_says "| unigram |"
says_its_log lstm256

# One that is killed cannot say a word itself.  (Slurm finds the ranks of a step, here without cgroups, but no others.)
rm -r "$clone/work/tiny/gru256"
NP=2 SYSTEMS="gru256" bash "$clone/jobs/pipeline.sh" --submit 2>said
wait_for_log "$clone/work/tiny/gru256/curve.jsonl" '"step"' 60
scancel --batch --signal=KILL "$(job_of gru256 said)"
summary_ended FAILED
summary_says "gru256 was ended from outside (cancelled, out of time or memory, or its node failed); read $PWD/gru256-$(job_of gru256 said).log"

# An input that is refused: the systems do not wait for ever.
printf 'a word\nand \0 a zero byte\n' >tiny/train.txt
SYSTEMS="unigram lstm256" bash "$clone/jobs/pipeline.sh" --submit 2>said
summary_ended FAILED
summary_says "prepare_corpus failed with exit code 1; read $PWD/prepare_corpus-$(jobs_of said | head -n 1).log"
for system in unigram lstm256; do
  wait_for_end "$(job_of $system said)" 60
  [ "$state" = CANCELLED ] || fail "$system ended as $state"
  summary_says "$system was cancelled before it started"
done

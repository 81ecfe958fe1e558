#!/usr/bin/env bash
# Every job script, submitted as it is: it finds its repository and writes its log into the submit folder; where its
# input is missing it ends in seconds with the command that makes it.
# timeout: 120
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 8 64000
make_clone
cd "$clone/logs"

declare -A says=(
  [train_lstm2048]="vocab.tsv is missing; make it with:  cd '$clone' && CORPUS='lm1b' LM1B_TAR=... sbatch jobs/prepare_corpus.sh (or LM1B_RAW=...)"
  [prepare_lm1b]="where is the benchmark?  Give LM1B_TAR="
)
for name in unigram add4 ml4 ml4_plain sbo5 katz5 kn5 katz5_pruned kn5_pruned maxent5 maxent5_softmax snm5_skip mixture lstm256 lstm256_sampled lstm256_nce lstm256_blackout lstm256_adaptive lstm256_hierarchical lstm256_factored lstm256_tied lstm256_me rnn256_me; do
  says[train_$name]="vocab.tsv is missing; make it with:  cd '$clone' && CORPUS='classics' sbatch jobs/prepare_corpus.sh"
done
declare -A ids=()
for script in "$clone"/jobs/{prepare,train}_*.sh; do
  name=$(basename "$script" .sh)
  [ -n "${says[$name]:-}" ] || { sbatch --test-only "$script" && continue; } # those that would go on to do their work
  ids[$name]=$(sbatch --parsable "$script")
done
for name in "${!ids[@]}"; do
  wait_for_end "${ids[$name]}" 60
  log=${name#train_}-${ids[$name]}.log
  [ "$state" = FAILED ] || fail "$name ended as $state: $(cat "$log")"
  grep -qF -- "${says[$name]}" "$log" || fail "$log lacks: ${says[$name]}"$'\n'"it says: $(cat "$log")"
done
[ "$(find "$clone/work" 2>/dev/null | wc -l)" = 0 ] || fail "left behind: $(find "$clone/work")"

# From a folder outside, the log says how to submit.
mkdir "$clone/../elsewhere" && cd "$clone/../elsewhere"
id=$(sbatch --parsable "$clone/jobs/train_lstm256.sh")
wait_for_end "$id" 30
grep -qF 'submit from inside the repository, or export BILLIONWORD_HOME=' "lstm256-$id.log" || fail "$(cat ./*.log)"
id=$(BILLIONWORD_HOME=$clone sbatch --parsable "$clone/jobs/train_lstm256.sh")
wait_for_end "$id" 30
grep -qF "${says[train_lstm256]}" "lstm256-$id.log" || fail "$(cat ./*.log)"

# The corpus of a folder.
make_corpus tiny 300
id=$(CORPUS=tiny BILLIONWORD_HOME=$clone sbatch --parsable "$clone/jobs/prepare_corpus.sh")
wait_for_end "$id" 30
[ "$state" = COMPLETED ] || fail "prepare_corpus ended as $state: $(cat "prepare_corpus-$id.log")"
[ -s "$clone/work/tiny/test.shard" ] || fail "no shard: $(cat "prepare_corpus-$id.log")"

# All of a pipeline is no batch job.
id=$(BILLIONWORD_HOME=$clone CORPUS=$PWD/tiny sbatch --parsable --output=%x-%j.log "$clone/jobs/pipeline.sh")
wait_for_end "$id" 30
[ "$state" = FAILED ] || fail "the pipeline ended as $state: $(cat "pipeline.sh-$id.log")"
grep -qF "submit a chain of them:  bash '$clone/jobs/pipeline.sh' --submit" "pipeline.sh-$id.log" || fail "$(cat "pipeline.sh-$id.log")"

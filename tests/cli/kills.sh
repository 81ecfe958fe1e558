#!/usr/bin/env bash
# SIGKILL at random moments, to all processes of a run or to one rank: what is there afterwards is whole, the run ends by
# itself, and started again it leaves the same tensors, scores and table (but for the seconds) as one never disturbed.
# SEED=N repeats a run's choices, STAGE=GLOB picks stages; 20 kills and more in the short tier, 240 and more in the long one.
# timeout: 3600
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
seed=${SEED:-$((10#$(date +%N) % 32768))} rounds=1
[ "$TIER" != long ] || rounds=11
patience=30 # seconds that ranks may go on without one of them
[ -z "${SANITIZED:-}" ] || patience=120
echo "SEED=$seed"
RANDOM=$seed
here=$PWD
if command -v mpirun >/dev/null; then two=2; else two=1; fi

# --- the stages, each run in a folder of its own ---------------------------------------------------------------------
on() { if [ "$1" = 1 ]; then "${@:2}"; else mpirun --bind-to none --oversubscribe --mca mpi_yield_when_idle 1 -np "$@"; fi; }
stage_tokenize() { tokenize --output tokens.txt.zst train.txt; }
stage_split() { split --shards 3 --compress --output-prefix pieces train.txt; }
stage_vocab() { vocab --min-count 2 --output words.tsv train.txt; }
stage_shard() { shard --vocab vocab.tsv --output again.shard train.txt; }
stage_count() { count --order 4 --vocab vocab.tsv --output text.counts train.shard; }
stage_estimate() { estimate --smoothing kn --discount-fallback --counts text.counts --vocab vocab.tsv --output model.trie --arpa model.arpa; }
stage_prune() { prune --model model.trie --vocab vocab.tsv --keep 2000 --output pruned.trie --arpa pruned.arpa; }
stage_convert() { convert --model model.arpa --vocab vocab.tsv --output converted.trie; }
ended() { [ "$(cat "$1/state" 2>/dev/null)" = finished ]; } # nothing is left to do, whatever was killed behind it
stage_train_one() { ended one || eval "train $recipe --output one train.shard"; }
stage_train_two() { ended two || eval "on $NP train $recipe --output two train.shard"; }
stage_evaluate() { on "$NP" evaluate --vocab vocab.tsv --model one/model.safetensors --streams 8 --output test.scores test.shard >/dev/null; }
stage_evaluate_ngrams() { evaluate --vocab vocab.tsv --model model.trie --output ngrams.scores test.shard >/dev/null; }
stage_row() {
  report row --system one --corpus tiny --manifest one/model.safetensors.manifest.json --valid-shard test.shard \
    --valid-scores test.scores --test-shard test.shard --test-scores test.scores --output tiny/rows/one.json
}
stage_table() { report table --corpus tiny tiny >/dev/null; }
stage_prepare() { WORK=$PWD/own TOKENIZE=lm1b "$here/jobs/prepare_corpus.sh"; }
stage_lm1b() { WORK=$PWD/own CORPUS=lm1b LM1B_RAW=$here/raw LM1B_MEMORY=16M "$here/jobs/prepare_lm1b.sh"; }
stage_pipeline() { WORK=$PWD/work RESULTS=$PWD/results SYSTEMS="unigram kn5 lstm256" "$here/jobs/pipeline.sh"; }
recipe="${tiny[*]} --optimiser adagrad --rate 0.2 --accumulator 1 --ema 0.99 --epochs 4 --checkpoint-steps 60" # no array: it is exported

# NAME KILLS-A-ROUND OUTPUT...
stages="tokenize 1 tokens.txt.zst
split 1 pieces-00000-of-00003.zst pieces-00002-of-00003.zst
vocab 1 words.tsv
shard 1 again.shard
count 1 text.counts
estimate 1 model.trie model.arpa
prune 1 pruned.trie pruned.arpa
convert 1 converted.trie
train_one 3 one/model.safetensors
train_two 4 two/model.safetensors
evaluate 1 test.scores
evaluate_ngrams 1 ngrams.scores
row 1 tiny/rows/one.json
table 1 tiny/perplexity.tsv
prepare 1 own/corpus/text/train.txt own/text/vocab.tsv own/text/train.shard own/text/test.shard
lm1b 1 own/corpus/lm1b/train/news.en-00001-of-00100 own/corpus/lm1b/train/news.en-00099-of-00100 own/corpus/lm1b/valid.txt own/corpus/lm1b/test.txt
pipeline 2 results/text/perplexity.tsv work/text/lstm256/model.safetensors work/text/lstm256/test.scores work/text/kn5/model.trie"

mkdir text jobs straight killed
for split in train valid test; do cp $split.txt text/; done
for folder in straight killed; do cp ./*.txt ./*.shard vocab.tsv $folder/; done
mkdir raw
for year in 2007 2008 2009 2010 2011; do awk -v y=$year '{ for (i = 1; i < 4; i++) print $0, "said", NR "." i, "in", y }' train.txt >raw/news.$year.en.shuffled; done
cp "$BILLIONWORD_HOME"/jobs/*.sh jobs/
rm -f jobs/site.sh
sed -i 's/--hidden [0-9]*/--hidden 24 --checkpoint-steps 60/; s/--epochs "[^"]*"/--epochs 3/' jobs/train_lstm256.sh
export BILLIONWORD_BIN=$BIN BILLIONWORD_HOME=$here CORPUS=$here/text DEVICE=cpu THREADS=1 NP=$two OMPI_MCA_mpi_yield_when_idle=1

# --- killing ---------------------------------------------------------------------------------------------------------
# victims: the processes that work in the folder `killed`.  ours: those of them that are programs of ours.
victims() { find /proc -maxdepth 2 -name cwd -lname "$here/killed" 2>/dev/null | cut -d/ -f3; }
ours() {
  local process
  for process in $(victims); do
    case $(readlink "/proc/$process/exe") in "$(realpath "$BIN")"/*) echo "$process" ;; esac
  done
}
end_victims() {
  local process
  for process in $(victims); do kill -KILL "$process" 2>/dev/null || true; done
}
trap end_victims EXIT

# seconds_of COMMAND...: runs it, sets `seconds`.
seconds_of() {
  local start=$EPOCHREALTIME
  "$@" >said 2>&1 || fail "$1: $(cat said)"
  seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

comparable() { # but for train_seconds
  case $1 in
  *.tsv | *.json) sed 's/"train_seconds":[^,]*,//; s/"made":[^,]*,//; s/"check":.*//' "$1" |
    awk -F'\t' -v OFS='\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "train_seconds") c = i } c { $c = "" } 1' ;;
  *) cat "$1" ;;
  esac
}
# same_outputs OUTPUT...: those that are there are those of the undisturbed run.
same_outputs() {
  local output
  for output; do
    comparable "straight/$output" >expected
    comparable "killed/$output" >found
    cmp -s expected found ||
      fail "killed/$output is not that of an undisturbed run (SEED=$seed, after $kills kills)"$'\n'"$(diff -a expected found | head -n 10 | cut -c 1-500)"
  done
}

# kill_once SECONDS: starts the stage, and kills all or one of it within SECONDS; false where it was done before.
kill_once() {
  local whom=all pid status=0 process='' start lasted
  (cd killed && exec setsid bash -c "stage_$stage") </dev/null >said 2>&1 &
  pid=$!
  sleep "$(awk -v s="$1" -v r=$RANDOM 'BEGIN { print s * r / 32768 }')"
  start=$EPOCHREALTIME
  [ $((RANDOM % 2)) = 0 ] || process=$(ours | shuf -n 1 --random-source=<(yes $RANDOM))
  if [ -n "$process" ]; then
    whom=one
    kill -KILL "$process" 2>/dev/null || true
  else
    kill -KILL -- "-$pid" 2>/dev/null || true # at once: before the processes of a short stage are found, it is over
    end_victims                               # and those in groups of their own
  fi
  { wait $pid; } 2>/dev/null || status=$?
  lasted=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
  # The others of a pipeline go on.
  [ $whom = all ] || [ "$stage" = pipeline ] || [ "${lasted%.*}" -lt $patience ] ||
    fail "$stage went on for $lasted s after one of its processes was killed: $(cat said)"
  for ((i = 0; i < 300; i++)); do
    [ -n "$(victims)" ] || break
    sleep 0.1
  done
  [ -z "$(victims)" ] || fail "$stage: 30 seconds after $whom was killed there still run: $(victims | xargs ps -o pid,args -p)"
  resumed=$((resumed + $(grep -c 'going on from step' said || true)))
  [ $status != 0 ] || return 1
  printf '%s: %s killed, ended after %.1f s\n' "$stage" $whom "$lasted" >>ends
}

here_whole() { # what is there after a kill is whole
  local output
  for output; do
    [ -e "killed/$output" ] || continue
    case $output in
    *.safetensors) inspect --check "killed/$output" >/dev/null ;; # the best so far
    */perplexity.tsv) # without the systems that were killed
      comparable "straight/$output" >expected
      comparable "killed/$output" >found
      ! grep -vxF -f expected found || fail "killed/$output has what no undisturbed run has (SEED=$seed, after $kills kills)"
      ;;
    *) same_outputs "$output" ;;
    esac
  done
}

# start_over OUTPUT...: as if nothing had been made
start_over() {
  local output
  for output; do rm -rf "killed/$output" "killed/$output.manifest.json"; done
  case $stage in
  train_*) rm -rf "killed/${1%/*}" ;;
  prepare | lm1b) rm -rf killed/own ;;
  pipeline) rm -rf killed/work killed/results ;;
  esac
}

export -f on ended
while read -r name; do export -f "stage_${name?}"; done < <(cut -d' ' -f1 <<<"$stages")
export here recipe

kills=0 finished=0 resumed=0
while read -r stage count outputs <&4; do
  # shellcheck disable=SC2053
  [[ $stage == ${STAGE:-*} ]] || continue
  read -ra outputs <<<"$outputs"
  seconds_of bash -c "cd straight && stage_$stage"
  for ((left = count * rounds; left > 0;)); do
    if kill_once "$seconds"; then
      kills=$((kills + 1)) left=$((left - 1))
      here_whole "${outputs[@]}"
    else
      finished=$((finished + 1))
      seconds=$(awk -v s="$seconds" 'BEGIN { print s * 0.8 }') # it was faster than when it was timed
      same_outputs "${outputs[@]}"
      start_over "${outputs[@]}"
    fi
  done
  (cd killed && "stage_$stage") >said 2>&1 || fail "$stage, run again: $(cat said)"
  same_outputs "${outputs[@]}"
done 4<<<"$stages"
cut -d, -f1 ends | sort | uniq -c
echo "SEED=$seed: $kills kills survived, $finished runs ended before they were killed, $resumed went on from a checkpoint; slowest end: $(sed 's/.*after //' ends | sort -n | tail -n 1)"

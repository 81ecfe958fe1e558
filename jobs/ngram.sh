# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # bin, data and the like are set by common.sh, which comes first; ranks is for it
#
# What the scripts of count-based systems share; sourced after common.sh.  Offers run_ngram_system and run_pruned_system.
#
#   $data/counts-5.counts        the n-grams of the training text, counted once for all systems that ask for the same
#   $data/<system>/model.trie    the model
#
# NGRAM_MEMORY is what a program may take: where it is not set, three quarters of the job's memory under Slurm, else half of
# what this machine has free, or 4G where that is more.  Neither it nor the number of threads changes a result, so that files
# stay up to date.

# choose_memory: sets `memory`.
choose_memory() {
  local mebibytes limit=/sys/fs/cgroup/memory.max # of a container
  memory=${NGRAM_MEMORY:-}
  if [ -n "$memory" ]; then return; fi
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    mebibytes=$((${SLURM_MEM_PER_NODE:-$((${SLURM_MEM_PER_CPU:-0} * ${SLURM_CPUS_ON_NODE:-1}))} * 3 / 4))
  else
    [ -r "$limit" ] || limit=/dev/null
    mebibytes=$(awk '$1 == "MemAvailable:" { half = $2 / 2^11 }
      FILENAME != "/proc/meminfo" && $1 != "max" && $1 / 2^21 < half { half = $1 / 2^21 }
      END { print int(half) }' /proc/meminfo "$limit")
    [ "$mebibytes" -ge 4096 ] || mebibytes=4096
  fi
  [ "$mebibytes" = 0 ] || memory=${mebibytes}M # not known: the programs' own default
}

# budgeted PROGRAM OPTION...: with memory and threads of this run; stopped by what stops the script.
budgeted() {
  local budget=() memory status=0
  choose_memory
  [ -z "$memory" ] || budget=(--memory "$memory")
  [ "$threads" = 0 ] || budget+=(--threads "$threads")
  setsid "$@" "${budget[@]}" &
  await_child $! || status=$?
  if [ $status != 0 ] && [ -z "$signal" ]; then
    say "${1##*/} failed; where that is for its --memory, NGRAM_MEMORY sets it here (now ${memory:-not set})"
  fi
  return $status
}

# hold FILE 'WHAT': waits until no other run makes WHAT, and keeps others from it until `release`: systems that are
# submitted together need the same counts.
hold() {
  local status=0
  mkdir -p "$(dirname "$1")"
  exec 9>>"$1"
  flock -n -E 99 9 || status=$?
  if [ $status = 99 ]; then
    say "another run makes $2: waiting for it ($(cat "$1"))"
    flock 9 &
    await_child $! || leave_if_ended
  elif [ $status != 0 ]; then
    say "cannot lock $1: take care that no two runs make $2 at once"
  fi
  printf 'pid %s on %s\n' $$ "$HOSTNAME" >"$1"
}
release() { exec 9>&-; }

# plan_model SYSTEM --order N [--pad] -- ESTIMATE_OPTION...: sets `counts`, `model`, and the commands that make them.
plan_model() {
  local options=() name=counts
  model=$data/$1/model.trie
  shift
  while [ "$1" != -- ]; do
    case $1 in
    --order) name+=-$2 ;;
    --pad) name+=-padded ;;
    esac
    options+=("$1") && shift
  done
  shift
  counts=$data/$name.counts
  count_command=("$bin/count" "${options[@]}" --vocab "$vocab" --output "$counts" "${train_shards[@]}")
  estimate_command=("$bin/estimate" "$@" --counts "$counts" --vocab "$vocab" --output "$model")
}

# make_alone LOCK OUT IN... -- COMMAND...: make_file, while no other run makes OUT.
make_alone() {
  ! up_to_date "${@:2}" || return 0
  hold "$1" "$2"
  make_file "${@:2}"
  release
}

make_model() {
  make_alone "$data/.${counts##*/}.lock" "$counts" "$vocab" "${train_shards[@]}" -- budgeted "${count_command[@]}"
  make_alone "${model%/*}/.lock" "$model" "$counts" "$vocab" -- budgeted "${estimate_command[@]}"
}

# Memory, disk and time, without computing.
forecast_model() {
  budgeted "${count_command[@]}" --dry-run || exit
  if [ -e "$counts" ]; then
    budgeted "${estimate_command[@]}" --dry-run || exit
  else
    say "estimating is forecast from ${counts##*/}, once it is there"
  fi
}

# start_ngram_system: what both kinds begin with.
start_ngram_system() {
  need_single_task
  ranks=1
  device=cpu # whatever computes the networks of the same run
  expect_steps 2
  need_programs count estimate prune evaluate report inspect
  need_corpus
  [ -n "$dry_run" ] || need_results
  forward_signals
}

score_ngram_system() {
  step "Evaluating $1"
  score_system "$1" "$model"
  finish_system
}

# run_ngram_system SYSTEM --order N [--pad] -- ESTIMATE_OPTION...: the whole of a train script for a count-based model.
# N is what is counted; a lower --order among the estimate's options makes a shorter model from the same counts.
run_ngram_system() {
  start_ngram_system
  plan_model "$@"
  if [ -n "$dry_run" ]; then
    forecast_model
    return
  fi
  step "Estimating $1 on $corpus"
  make_model
  [ -z "${MODEL_ONLY:-}" ] || return 0
  score_ngram_system "$1"
}

# make_unpruned SYSTEM: the model of another system, by its own script, which alone knows its recipe.
make_unpruned() {
  local status=0 arguments=()
  [ -z "$dry_run" ] || arguments=(--dry-run)
  MODEL_ONLY=1 BILLIONWORD_PART=1 BILLIONWORD_HOME=$home STEPS_BEFORE=$step_number STEPS_TOTAL=$step_total \
    "$home/jobs/train_$1.sh" "${arguments[@]}" </dev/null &
  await_child $! || status=$?
  [ $status != 75 ] || progressed=1
  [ $status = 0 ] || leave_if_ended
  leave_if_asked
  [ $status = 0 ] || exit $status
}

# ngrams_to_keep MODEL: 15 M on LM1B, as published; elsewhere the same share, a 75th, of the unpruned model's n-grams, but
# twice the vocabulary at least, since unigrams always stay.
ngrams_to_keep() {
  local grams words keep
  if [ "$corpus" = lm1b ]; then
    echo 15000000
    return
  fi
  grams=$(sed -n 's/.*"ngrams": *"\([0-9]*\)".*/\1/p' "$1.manifest.json")
  [ -n "$grams" ] || fail "$1.manifest.json does not say how many n-grams the model has: remove $1 and run this again"
  words=$(wc -l <"$vocab")
  keep=$((grams / 75))
  echo $((keep > 2 * words ? keep : 2 * words))
}

# run_pruned_system SYSTEM UNPRUNED: the whole of a train script for the system UNPRUNED with fewer n-grams.
run_pruned_system() {
  local unpruned=$data/$2/model.trie keep command
  start_ngram_system
  make_unpruned "$2"
  model=$data/$1/model.trie
  if [ -n "$dry_run" ] && [ ! -e "$unpruned" ]; then
    say "pruning is forecast from $unpruned, once it is there"
    return
  fi
  keep=$(ngrams_to_keep "$unpruned")
  command=("$bin/prune" --model "$unpruned" --vocab "$vocab" --keep "$keep" --output "$model")
  if [ -n "$dry_run" ]; then
    budgeted "${command[@]}" --dry-run || exit
    return
  fi
  step "Pruning $2 to $keep n-grams on $corpus"
  make_alone "${model%/*}/.lock" "$model" "$unpruned" "$vocab" -- budgeted "${command[@]}"
  score_ngram_system "$1"
}

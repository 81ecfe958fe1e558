# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # bin, data and the like are set by common.sh, which comes first; dry_run is for it
#
# What the scripts of networks share; sourced after common.sh.  Offers run_neural_system, and need_gpu for recipes that no
# CPU finishes in reasonable time.
#
#   $data/<system>             the model, its learning curve, and checkpoints while it trains
#   $data/characters           the text in characters, where a system reads that (characters=1)

# --- the text in characters ----------------------------------------------------------------------------------------------

characters= # 1: the system reads characters, one word each, and is measured by words

# The corpus as this system reads it.
need_text() {
  need_corpus
  [ -n "$characters" ] || return 0
  shards=$data/characters vocab=$data/characters/vocab.tsv train_shards=("$data/characters/train.shard")
}

make_characters() {
  local split
  for split in train valid test; do
    find_texts "$text" "$split"
    [ ${#texts[@]} -gt 0 ] || fail "$text has no $split.txt, which $data was made from"
    make_file "$shards/$split.txt.zst" "${texts[@]}" -- \
      "$bin/tokenize" --style char --output "$shards/$split.txt.zst" "${texts[@]}"
  done
  make_file "$vocab" "$shards/train.txt.zst" -- "$bin/vocab" --min-count 1 --output "$vocab" "$shards/train.txt.zst"
  for split in train valid test; do
    make_file "$shards/$split.shard" "$vocab" "$shards/$split.txt.zst" -- \
      "$bin/shard" --vocab "$vocab" --output "$shards/$split.shard" "$shards/$split.txt.zst"
  done
}

# --- training --------------------------------------------------------------------------------------------------------------

# checkpoints_in FOLDER: its checkpoints, and those that are no longer or not yet whole.  (The folder's name may hold what globs do.)
checkpoints_in() { find "$1" -maxdepth 1 -name 'checkpoint-*' 2>/dev/null; }

# run_state FOLDER: what became of the run there.  The manifest is written last: with it, and no checkpoint to go on from, the run is
# finished, whatever became of the file `state`.
run_state() {
  if [ -e "$1/model.safetensors.manifest.json" ] && [ -z "$(find "$1" -path '*/checkpoint-*/DONE' 2>/dev/null)" ]; then
    echo finished
  else
    cat "$1/state" 2>/dev/null || true
  fi
}

# A run is resumed from its checkpoints, or taken as finished, only where inputs and options are those it was started with.
# Before anything is removed, train has to accept the options.
# start_or_resume FOLDER IN... -- COMMAND...
start_or_resume() {
  local folder=$1 checkpoints state started
  checkpoints=$(checkpoints_in "$folder") state=$(run_state "$folder")
  if [ "$state" = finished ] && [ -e "$folder/model.safetensors" ]; then checkpoints=${checkpoints:-needless}; fi
  if [ -n "$checkpoints" ] && up_to_date "$folder/started" "${@:2}"; then
    # FRESH also drops what another number of ranks has begun, and what has lost its best model.
    if [ -z "${FRESH:-}" ] || [ "$state" = finished ]; then return; fi
    if [ "$(cat "$folder/started.ranks" 2>/dev/null)" = "$ranks" ]; then
      if [ -e "$folder/model.safetensors" ] || ! grep -qs '"valid_perplexity"' "$folder/curve.jsonl"; then return; fi
    fi
  fi
  if [ -n "$checkpoints" ] && [ "$state" != finished ] && [ -z "${FRESH:-}" ]; then
    fail "$folder holds an unfinished run with other options or inputs: give it those to go on, or start anew with FRESH=1"
  fi
  started=$(command_text "${@:2}")
  while [ "$1" != -- ]; do shift; done
  launch "${@:2}" --dry-run --quiet --fresh >&2 || { leave_if_ended && fail "training cannot start; the reason is above"; }
  rm -rf "$folder"/checkpoint-* "$folder/state" "$folder"/model.safetensors.{manifest.json,command}
  touch "$folder/started"
  printf '%s\n' "$started" >"$folder/started.command"
  echo "${recipe_ranks:-$ranks}" >"$folder/started.ranks"
}

# choose_recipe_ranks SYSTEM: sets `recipe_ranks`, what a recipe multiplies by that grows with the ranks: those of this job, or,
# with ELASTIC, those that the run was started with.
choose_recipe_ranks() {
  recipe_ranks=$ranks
  if [ -n "${ELASTIC:-}" ] && [ -s "$data/$1/started.ranks" ]; then recipe_ranks=$(<"$data/$1/started.ranks"); fi
}

# Sets `command` to the training of FOLDER with TRAIN_OPTION...
train_command() {
  command=("$bin/train" "${@:2}" --vocab "$vocab" --valid "$shards/valid.shard" --output "$1" "${train_shards[@]}")
}

# train_neural FOLDER TRAIN_OPTION...: leaves FOLDER/model.safetensors.
train_neural() {
  local folder=$1 model=$1/model.safetensors inputs command state status=0
  inputs=("$vocab" "$shards/valid.shard" "${train_shards[@]}")
  train_command "$@"
  ! up_to_date "$model" "${inputs[@]}" -- "${command[@]}" || return 0
  announce
  start_or_resume "$folder" "${inputs[@]}" -- "${command[@]}"
  rm -f "$folder/stop"
  stop_file=$folder/stop
  leave_if_asked
  state=$(run_state "$folder")
  if [ "$state" != finished ]; then # else the script was killed behind the end of training
    launch "${command[@]}" ${ELASTIC:+--elastic} >&2 || status=$?
    state=$(cat "$folder/state" 2>/dev/null || true)
  fi
  stop_file=
  { [ $status = 0 ] && [ "$state" != stopped ]; } || [ "$state" = finished ] || see_preemption
  if [ $status = 0 ] && [ "$state" = stopped ] && [ -z "$signal" ]; then # nobody wants the job to go on by itself
    say "stopped, as a file $folder/stop or a signal to the training asked: run it again to go on" && exit 75
  fi
  # The state of a run that another one holds (train's lock) is not ours.
  if [ $status != 0 ] && [ "$state" = running ] && [ -z "$signal" ] && flock -n "$folder/.run" true; then
    state=failed # which a rank that was killed could not write
    echo $state >"$folder/state"
  fi
  progressed=1
  case $status,$state,$signal in
  *,finished,*) cp "$folder/started.command" "$model.command" ;; # rank 0's last word: a launcher that fails later takes nothing back
  0,stopped,* | *,stopped,?* | *,running,?* | *,,?*) leave ;; # asked to stop, a launcher may end with any code
  0,*) fail "training ended with the state '$state' in $folder/state, which should be finished or stopped" ;;
  *) fail "training failed with exit code $status; its messages are above, its checkpoints in $folder" ;;
  esac
}

# forecast SYSTEM TRAIN_OPTION...: memory and hours, without training.
forecast() {
  local command
  need_programs train
  need_text
  [ -z "$characters" ] || need "${train_shards[0]}" "$script, without --dry-run"
  train_command "$data/$1" "${@:2}"
  launch "${command[@]}" --dry-run || exit
}

# need_gpu SYSTEM TRAIN_OPTION...: for recipes that no CPU finishes in reasonable time.  Where the user has not chosen a
# device, it takes the GPU; without one it forecasts what the CPU would need, and leaves the choice to the user.
need_gpu() {
  [ "$device" = auto ] || return 0
  if nvidia-smi -L >/dev/null 2>&1; then
    device=cuda
    return
  fi
  device=cpu
  local command
  need_programs train
  need_text
  train_command "$data/$1" "${@:2}"
  ! up_to_date "$data/$1/model.safetensors" "$vocab" "$shards/valid.shard" "${train_shards[@]}" -- "${command[@]}" || return 0
  [ -z "$dry_run" ] || return 0
  say "there is no GPU here; a forecast for the CPU:"
  forecast "$@"
  [ -z "${SLURM_JOB_ID:-}" ] || fail "$1 is made for GPUs: submit it with --gpus-per-task=1, or DEVICE=cpu to train on CPUs all the same"
  fail "$1 is made for GPUs: to train on this CPU all the same, run it with --device cpu (or DEVICE=cpu)"
}

evaluation=(--streams 1) # options of evaluate, for a script to override

# run_neural_system SYSTEM TRAIN_OPTION...: the whole of a train script for a network.
run_neural_system() {
  local folder=$data/$1
  if [ -n "$dry_run" ]; then
    forecast "$@"
    exit
  fi
  forward_signals
  expect_steps 2
  need_programs train evaluate report inspect
  [ -z "$characters" ] || need_programs tokenize vocab shard
  need_text
  need_results
  lock_folder "$folder"
  step "Training $1 on $corpus"
  [ -z "$characters" ] || make_characters
  train_neural "$folder" "${@:2}"
  step "Evaluating $1"
  score_system "$1" "$folder/model.safetensors" "${evaluation[@]}"
  finish_system
}

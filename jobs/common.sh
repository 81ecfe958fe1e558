# shellcheck shell=bash
# shellcheck disable=SC2034 # some of what is set here is for the scripts that source it
#
# What the job scripts share.  A script finds the repository, sets `home` to it, and sources this file, which sets:
#
#   bin      the built programs (BILLIONWORD_BIN, else build/bin)
#   work     what is computed (WORK, else work/)          results  the tables (RESULTS, else results/)
#   corpus   the corpus's name                            origin   its folder, where CORPUS is a folder
#   text     folder of its tokenised text                 data     folder of its vocabulary, shards and systems
#   ranks    processes of a parallel stage: the job's tasks under Slurm, else NP (default 1)
#
# and offers: fail, need, step, up_to_date, make_file, launch, score_system, add_row.  Talk goes to stderr.  SIGUSR1 (Slurm sends
# it before the time is up) and Ctrl-C save a job's work and stop it.

set -euo pipefail
: "${home:?set by the script that sources this file}"
signal=
trap 'signal=USR1' USR1 # until forward_signals: a job that is asked to stop in its first moments does

case $0 in
*/slurm_script) script=${SLURM_JOB_NAME:-job} ;; # the name of the copy that Slurm runs says nothing
*) script=${0##*/} ;;
esac

say() { printf '%s: %s\n' "$script" "$*" >&2; }
fail() { say "$*"; exit 1; }
fail_usage() { say "$*"; exit 2; }

# show_help ARGUMENTS [NOTE]: the comment at the head of the script.
show_help() {
  sed -n '2,/^$/ { /^#SBATCH/d; s/^#$//p; s/^# //p }' "$0" | sed '/./,$!d' # without empty lines at its start
  printf '%s\nusage: %s%s\n' "${2:+$2$'\n'}" "$script" "${1:+ $1}"
  exit 0
}

# need_number NAME VALUE LEAST 'WHAT IT IS': a whole number, such as train takes.
need_number() {
  case $2 in
  '' | *[!0-9]* | 0?* | ??????????*) ;;
  *) [ "$2" -lt "$3" ] || return 0 ;;
  esac
  fail_usage "$1=$2: the number of $4 is a whole number from $3"
}

# need_switch NAME: a variable that is 1, or 0 or nothing, which are the same from then on.
need_switch() {
  case ${!1:-} in
  '' | 1) ;;
  0) printf -v "$1" '' ;;
  *) fail_usage "$1=${!1}: it is 1, or left out" ;;
  esac
}

# need FILE 'COMMAND THAT MAKES IT'
need() { [ -e "$1" ] || fail "$1 is missing; make it with:  $2"; }
need_programs() {
  local program
  for program; do need "$bin/$program" "make -C '$home'"; done
}

# --- where things lie ------------------------------------------------------------------------------------------------

if [ -n "${BILLIONWORD_HOME:-}" ] && [ "$(realpath -m "$BILLIONWORD_HOME")" != "$(realpath "$home")" ]; then
  fail "BILLIONWORD_HOME=$BILLIONWORD_HOME is not the repository: it has no jobs/common.sh"
fi
# What was set for other programs' matrix products does not reach ours, which choose kernels by the processor themselves; a
# site's own choice (export OPENBLAS_CORETYPE=...) belongs into site.sh.
unset "${!OPENBLAS_@}"
# shellcheck source=/dev/null
[ ! -e "$home/jobs/site.sh" ] || . "$home/jobs/site.sh"

bin=$(realpath -ms "${BILLIONWORD_BIN:-$home/build/bin}")
work=$(realpath -m "${WORK:-$home/work}")
results=$(realpath -m "${RESULTS:-$home/results}")

# The corpus: one of the two that the project prepares itself, or a folder, named by its last component (with _ for
# blanks and the like).
choose_corpus() {
  local given=${CORPUS:-classics}
  origin=
  case $(basename -- "$given") in
  reference) fail "a corpus cannot be named 'reference': results/reference holds the measured tables; rename the folder" ;;
  esac
  case $given in
  classics | lm1b) corpus=$given ;;
  *)
    [ -d "$given" ] || fail "there is no corpus '$given': CORPUS is classics, lm1b, or a folder with train.txt, valid.txt and test.txt"
    origin=$(realpath "$given")
    corpus=${origin##*/}
    corpus=${corpus//[^A-Za-z0-9._+-]/_} # a name for files and tables
    ;;
  esac
  case $corpus in
  '' | [.-]*) fail "the corpus folder '$origin' cannot name a corpus: rename it" ;;
  corpus) fail "a corpus cannot be named 'corpus': $work/corpus holds the texts; rename the folder" ;;
  classics | lm1b)
    if [ "$origin" = "$(realpath -m "$work/corpus/$corpus")" ]; then origin=; fi
    [ -z "$origin" ] || fail "the folder $origin has the name of a corpus that is prepared otherwise: rename it, or say CORPUS=$corpus"
    ;;
  esac
  data=$work/$corpus
  text=$work/corpus/$corpus
  case ${TOKENIZE:-} in
  '' | none) [ -z "$origin" ] || text=$origin ;;
  lm1b) ;;
  *) fail_usage "TOKENIZE=$TOKENIZE: it is lm1b (the benchmark's tokenizer) or none (the text is tokenised already)" ;;
  esac
  if [ -z "$origin" ] && [ "${TOKENIZE:-}" = none ]; then
    fail_usage "TOKENIZE=none is for a corpus folder: $corpus is always tokenised by the benchmark's rules"
  fi
}
choose_corpus

# check_name FOLDER: that FOLDER, which has the corpus's name, was not made from another corpus folder that is still there
# (one that was moved may take it over).
check_name() {
  local before=
  [ -z "$origin" ] || [ ! -s "$1/origin" ] || before=$(<"$1/origin")
  [ "$before" = "$origin" ] || [ ! -d "$before" ] ||
    fail "$1 belongs to the corpus folder $before, and $origin would have the name $corpus too: rename one of the two folders, \
or choose other places with WORK= and RESULTS="
}
claim_name() {
  check_name "$1"
  if [ -z "$origin" ] || [ "$(cat "$1/origin" 2>/dev/null)" = "$origin" ]; then return; fi
  mkdir -p "$1"
  printf '%s\n' "$origin" >"$1/origin"
}

# need_writable NAME FOLDER: that the folder NAME stands for can be written or made.  Looked at before hours are spent.
need_writable() {
  local folder=$2
  until [ -e "$folder" ]; do folder=$(dirname "$folder"); done
  if [ ! -d "$folder" ] || [ ! -w "$folder" ] || [ ! -x "$folder" ]; then
    fail "$2 cannot be written, since $folder is not a folder that you may write in: choose another place with $1="
  fi
}

# The command that prepares this corpus, for messages.
prepare_command() {
  local setting="CORPUS='${origin:-$corpus}'" or=
  if [ "$corpus" = lm1b ] && [ ! -e "$text/test.txt" ]; then setting+=" LM1B_TAR=..." or=" (or LM1B_RAW=...)"; fi
  [ "$work" = "$home/work" ] || setting+=" WORK='$work'"
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    printf "cd '%s' && %s sbatch jobs/prepare_corpus.sh%s" "$home" "$setting" "$or"
  else
    printf "make -C '%s' corpus %s%s" "$home" "$setting" "$or"
  fi
}

# find_texts FOLDER SPLIT: sets `texts` to the files of a split: SPLIT.txt, .txt.zst or .txt.gz, or those in SPLIT/.
find_texts() {
  local file
  texts=()
  for file in "$1/$2".txt "$1/$2".txt.{zst,gz}; do [ ! -e "$file" ] || texts+=("$file"); done
  [ ${#texts[@]} -le 1 ] || fail "$1 holds ${texts[0]##*/} and ${texts[1]##*/}: keep one of them"
  if [ ${#texts[@]} = 0 ]; then
    for file in "$1/$2"/*; do
      case $file in *.manifest.json | *.command) ;; *) [ ! -f "$file" ] || texts+=("$file") ;; esac
    done
  fi
  for file in "${texts[@]}"; do
    [ -s "$file" ] || fail "$file is empty: every split needs text, one sentence a line"
  done
}

# --- as a job of Slurm: what became of it, and where that can be read -------------------------------------------------

# job_log ID NAME: where the job's log is.
job_log() {
  local log
  log=$(scontrol show job "$1" 2>/dev/null | sed -n 's/^ *StdOut=//p') # Slurm forgets jobs that ended some minutes ago
  echo "${log:-${SLURM_SUBMIT_DIR:-.}/$2-$1.log}"
}

# At the end of a batch script.  What it notes, where a chain was submitted, is for the chain's summary: what ends without a
# note was ended from outside.
requeued=
end_of_job() {
  local status=$? notes=$data/.jobs
  case $0 in */slurm_script) ;; *) return 0 ;; esac # what a job's script runs is a part of it
  [ -z "$requeued" ] || return 0
  [ $status = 0 ] || say "job $SLURM_JOB_ID failed with exit code $status; all that it said is in $(job_log "$SLURM_JOB_ID" "$script")"
  [ ! -d "$notes" ] || echo $status >"$notes/$SLURM_JOB_ID"
}
trap end_of_job EXIT

# --- steps: what is up to date is not run again --------------------------------------------------------------------------

step_number=${STEPS_BEFORE:-0} step_total=${STEPS_TOTAL:-0} step_title=
progressed= # set once this run has made something

# expect_steps N: how many this script has, where no pipeline counts them.
expect_steps() { [ -n "${STEPS_TOTAL:-}" ] || step_total=$1; }
step() { step_number=$((step_number + 1)) step_title=$1; }
# Prints the title of a step when the first thing of it has to be made.
announce() {
  [ -n "$step_title" ] || return 0
  printf '=== %d/%d %s ===\n' "$step_number" "$step_total" "$step_title" >&2
  [ -z "${PIPELINE_DID:-}" ] || printf '%s\n' "$step_title" >>"$PIPELINE_DID"
  step_title=
}

# What is recorded of a command: its words and the size and time of each input, a line each, without the places of
# repository, work and corpus folder, so that these may be moved or copied (with their times) to another machine.  Times
# are in seconds, since not every way to copy keeps more.
# command_text [IN...] -- COMMAND...
command_text() {
  local line inputs=()
  while [ "$1" != -- ]; do inputs+=("$1") && shift; done
  shift
  {
    printf '%s\n' "$@"
    [ ${#inputs[@]} = 0 ] || stat -L -c 'input %n %s %Y' -- "${inputs[@]}"
  } | while IFS= read -r line; do
    line=${line//"$bin/"/}
    line=${line//"$work/"/"WORK/"}
    [ -z "$origin" ] || line=${line//"$origin/"/"CORPUS/"}
    printf '%s\n' "$line"
  done
}

# up_to_date OUT [IN...] -- COMMAND...: OUT is there, and made last by COMMAND from inputs that have not changed since.
up_to_date() {
  local out=$1 file
  shift
  if [ ! -e "$out" ] || [ ! -e "$out.command" ]; then return 1; fi
  for file; do
    [ "$file" != -- ] || break
    [ ! "$file" -nt "$out" ] || return 1 # changed within the second that is recorded
  done
  [ "$(<"$out.command")" = "$(command_text "$@" 2>/dev/null)" ]
}

# make_file OUT IN... -- COMMAND...: runs COMMAND, which publishes OUT, unless OUT is up to date.
make_file() {
  local out=$1 status made
  ! up_to_date "$@" || return 0
  leave_if_asked
  announce
  mkdir -p "$(dirname "$out")"
  rm -f "$out.command"
  shift
  made=$(command_text "$@") # the inputs as they are now: what changes from here on is seen by the next run
  while [ "$1" != -- ]; do shift; done
  shift
  case $1 in
  */*) stoppable "$@" >&2 ;;
  *) "$@" >&2 ;; # a function, which sees to it itself
  esac || { status=$? && leave_if_ended; exit "$status"; }
  [ -e "$out" ] || fail "${1##*/} ended well, but $out is not there"
  printf '%s\n' "$made" >"$out.command"
  progressed=1
}

# --- running on one rank or many -------------------------------------------------------------------------------------------

choose_launcher() {
  if [ "${SLURM_STEP_NUM_TASKS:-1}" -gt 1 ]; then
    fail_usage "every task of a job step runs this script: start it with sbatch or bash, not with srun"
  fi
  ranks=${NP:-1}
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    ranks=${SLURM_NTASKS:-1}
    [ "${NP:-$ranks}" = "$ranks" ] || fail_usage "NP=$NP, but the job has $ranks task(s): leave NP out, or submit with --ntasks=$NP"
  fi
  need_number NP "$ranks" 1 ranks
  [ -z "${THREADS:-}" ] || need_number THREADS "$THREADS" 0 threads
  [ -z "${EPOCHS:-}" ] || need_number EPOCHS "$EPOCHS" 1 epochs
  need_switch FRESH
  need_switch ELASTIC
  [[ ${NGRAM_MEMORY:-1G} =~ ^[0-9]*\.?[0-9]+([kKmMgGtT]i?)?B?$ ]] || fail_usage "NGRAM_MEMORY=$NGRAM_MEMORY: a size such as 16G is expected"
  threads=${THREADS:-${SLURM_CPUS_PER_TASK:-0}} # 0: the host's cores shared among its ranks
  device=${DEVICE:-auto}
  case $device in auto | cpu | cuda) ;; *) fail_usage "DEVICE=$device: it is auto, cpu or cuda" ;; esac
}
choose_launcher

# need_single_task: for the stages that run as one process.
need_single_task() {
  [ -z "${SLURM_JOB_ID:-}" ] || [ "$ranks" = 1 ] || fail_usage "this job runs as one task, not $ranks: submit it with --ntasks=1"
}

# Sets `launcher`, the words in front of a parallel program, unless jobs/site.sh has.
find_launcher() {
  # For mpirun, whoever names it.
  [ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  if [ -n "${launcher+set}" ]; then return; fi
  launcher=()
  [ "$ranks" -gt 1 ] || return 0
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    # -K: without it the job hangs when a rank dies on another node.
    launcher=(srun -K --mpi=pmix "--cpus-per-task=${SLURM_CPUS_PER_TASK:-1}")
    [[ $(srun --mpi=list 2>&1) == *pmix* ]] ||
      fail "this Slurm does not offer PMIx: set launcher=(mpirun --bind-to none) in $home/jobs/site.sh"
  else
    command -v mpirun >/dev/null || fail "NP=$ranks needs mpirun: make -C '$home' deps"
    # Bound to single cores, the threads of a rank would share one.
    launcher=(mpirun --bind-to none --oversubscribe -np "$ranks")
  fi
}

# launch PROGRAM OPTION...: on all ranks.  In a session of its own, so that of what the terminal sends to all (Ctrl-C,
# hang-up) nothing arrives but what on_signal forwards: mpirun would kill its ranks.
child='' stop_file=''
launch() {
  find_launcher
  # Each rank refuses to compute with fewer than there should be.
  BILLIONWORD_RANKS=$ranks setsid "${launcher[@]}" "$@" --threads "$threads" --device "$device" &
  await_child $!
}

# stoppable PROGRAM OPTION...: one process without checkpoints.  Asked to end, it takes its temporary files away.
stoppable() {
  setsid "$@" &
  await_child $!
}

# await_child PID: waits in such a way that traps run at once; returns the child's status.
await_child() {
  local status
  child=$1
  # A signal that came before there was anybody to pass it on to.
  [ -z "$signal" ] || [ -n "$stop_file" ] || kill -TERM "$child" 2>/dev/null || true
  while :; do
    interrupted=
    wait "$child" && status=0 || status=$?
    [ -n "$interrupted" ] || break
  done
  child=
  return "$status"
}

# The first signal asks for a checkpoint, by a file where a program makes one: a signal that comes before a launcher has
# started all ranks is lost, or takes it down.  Without such a file, and at a second signal, the program ends.
on_signal() {
  if [ -n "$stop_file" ] && [ -z "$signal" ] && { : >"$stop_file"; } 2>/dev/null; then
    : # it is asked
  elif [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null || true
  fi
  signal=$1 interrupted=1
}

forward_signals() {
  local name
  for name in USR1 INT TERM HUP; do
    # shellcheck disable=SC2064 # the name of now
    trap "on_signal $name" $name
  done
}

# job_field NAME: of what Slurm says of this job.
job_field() { scontrol show job -o "$SLURM_JOB_ID" 2>/dev/null | sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }

# Whether the job's time limit is near enough to be what sent the signal: scripts ask for ten minutes at most, Slurm adds one.
# (EndTime will not do: where the job is preempted that is the end of its grace.)
limit_is_near() {
  [[ $(job_field TimeLimit) =~ ^(([0-9]+)-)?([0-9]+):([0-9]+):([0-9]+)$ ]] || return 1 # none
  local days=${BASH_REMATCH[2]:-0} h=${BASH_REMATCH[3]} m=${BASH_REMATCH[4]} s=${BASH_REMATCH[5]}
  [ $((((days * 24 + 10#$h) * 60 + 10#$m) * 60 + 10#$s - SECONDS)) -le 900 ]
}

# The work is saved but not done: back into the queue, or exit code 75, "try again".  What the limit ends before anything was
# made would be ended so for ever.
leave() {
  case ${signal:=USR1} in
  HUP) exit 129 ;;
  INT) exit 130 ;;
  TERM) [ -n "${BILLIONWORD_PART:-}" ] && [ -n "$progressed" ] && exit 75 || exit 143 ;; # a script that runs this one asks
  esac
  if [ -n "${SLURM_JOB_ID:-}" ] && { [ -n "$progressed" ] || ! limit_is_near; }; then
    requeued=1
    say "asked to stop: what is done is kept and the job goes back into the queue" # before Slurm ends this script, too
    ! scontrol requeue "$SLURM_JOB_ID" >&2 || exit 0
    requeued=
  fi
  [ -n "$progressed" ] || say "the time is too short for this stage, which starts over: submit with a longer --time"
  say "not finished: run it again to go on" && exit 75
}
leave_if_asked() { [ -z "$signal" ] || leave; }

# After a program failed: it may have been ended, as all of the job is to be.  Of a job that is preempted the steps get SIGTERM,
# but this script does not.
leave_if_ended() { see_preemption; leave_if_asked; }
see_preemption() {
  if [ -n "$signal" ] || [ -z "${SLURM_JOB_ID:-}" ]; then return; fi
  case $(job_field PreemptTime) in '' | None) ;; *) signal=USR1 ;; esac
}

# --- systems: train, score, add the row ---------------------------------------------------------------------------------------

# parse_arguments "$@": what every train script takes.
parse_arguments() {
  dry_run=
  while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --device=*) device=${1#*=} ;;
    --device) device=${2:-} && shift ;;
    -h | --help)
      show_help "[--dry-run] [--device auto|cpu|cuda]" "
From the environment come CORPUS, NP, THREADS, DEVICE, WORK and RESULTS; for networks EPOCHS, FRESH=1 (drop an unfinished
run of other options or inputs) and ELASTIC=1 (go on with one of another number of ranks); for count-based models
NGRAM_MEMORY, such as 16G (they take no ranks and no device but the CPU); for the mixture MIX, the systems in it." ;;
    *) fail_usage "unknown argument '$1': it takes --dry-run and --device auto|cpu|cuda" ;;
    esac
    shift || true
  done
  case $device in auto | cpu | cuda) ;; *) fail_usage "--device '$device': it is auto, cpu or cuda" ;; esac
}

# The corpus as the systems read it: sets `vocab`, `train_shards`, and `shards`, the folder of the other splits.
need_corpus() {
  local split
  check_name "$data"
  vocab=$data/vocab.tsv
  need "$vocab" "$(prepare_command)"
  for split in valid test; do need "$data/$split.shard" "$(prepare_command)"; done
  train_shards=("$data/train.shard")
  if [ ! -e "${train_shards[0]}" ] && [ -d "$data/train" ]; then train_shards=("$data/train"/*.shard); fi
  need "${train_shards[0]}" "$(prepare_command)"
  shards=$data
}

need_results() {
  need_writable RESULTS "$results/$corpus/rows"
  claim_name "$results/$corpus"
}

# One run at a time in a folder.  The lock is held until this script and all that it has started have ended.
lock_folder() {
  local status=0 patience=0
  mkdir -p "$1"
  exec 8>>"$1/.lock"
  [ "${SLURM_RESTART_COUNT:-0}" = 0 ] || patience=300 # what ran here before may still be ending, on a node that was lost
  flock -w $patience -E 99 8 || status=$?
  [ $status != 99 ] || fail "another run works in $1 ($(cat "$1/.lock")): wait for it, or stop it with kill"
  [ $status = 0 ] || say "cannot lock $1: take care that no two runs work there at once"
  printf 'pid %s on %s\n' $$ "$HOSTNAME" >"$1/.lock"
}

# score_system SYSTEM MODEL EVALUATE_OPTION...: scores both held-out splits, publishes the row and the table.
score_system() {
  local model=$2 split folder=$data/$1 inputs words
  for split in valid test; do
    leave_if_asked
    inputs=("$vocab" "$shards/$split.shard") words=()
    if [ "$shards" != "$data" ]; then # the text in characters, to be measured by its words
      words=(--words "$data/$split.shard" --words-vocab "$data/vocab.tsv")
      inputs+=("$data/$split.shard" "$data/vocab.tsv")
    fi
    make_file "$folder/$split.scores" "$model" "${inputs[@]}" -- launch "$bin/evaluate" --model "$model" --vocab "$vocab" \
      "${words[@]}" "${@:3}" --output "$folder/$split.scores" "$shards/$split.shard"
  done
  add_row "$1" "$model"
}

# add_row SYSTEM MODEL: publishes the row of what was scored, and the table.
add_row() {
  local system=$1 model=$2 folder=$data/$1 row=$results/$corpus/rows/$1.json published=()
  [ ! -e "$home/results/published.tsv" ] || published=(--published "$home/results/published.tsv")
  if [ -e "$row" ] && ! "$bin/inspect" --check "$row" >/dev/null 2>&1; then
    say "$row is damaged: it is made again"
    rm -f "$row"
  fi
  make_file "$row" "$folder"/{valid,test}.scores "$data"/{valid,test}.shard "$model" -- \
    "$bin/report" row --system "$system" --corpus "$corpus" --manifest "$model.manifest.json" \
    --valid-shard "$data/valid.shard" --valid-scores "$folder/valid.scores" \
    --test-shard "$data/test.shard" --test-scores "$folder/test.scores" "${published[@]}" --output "$row"
  make_table
}

# The table out of all rows there are, always anew, so that one that was damaged is not shown.  Two jobs at once: each has published its row before it takes the lock, so the
# table made last holds both.
make_table() {
  local table=$results/$corpus
  exec 9>"$table/.lock"
  flock 9 || say "cannot lock $table: where two jobs end at once, the table may lack a row until the next run"
  "$bin/report" table --quiet --corpus "$corpus" "$table" >/dev/null || exit
  exec 9>&-
  table_made=1
}
table_made=

# The end of a script that runs by itself; a pipeline does this once for all.
finish_system() {
  if [ -n "${PIPELINE_DID:-}" ]; then return; fi
  [ -n "$progressed" ] || say "nothing to do: everything is up to date"
  show_table
}
show_table() {
  [ -n "$table_made" ] || make_table
  cat "$results/$corpus/perplexity.md" && printf '\n%s\n' "$results/$corpus/perplexity.tsv"
}

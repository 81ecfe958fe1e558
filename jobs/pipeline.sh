#!/bin/bash
# Text to table: the corpus, then every system of SYSTEMS, each by the script that `sbatch` takes too.  Only what is out of
# date is made.  Prints the table and its path.
#
#   make pipeline [CORPUS=...] [SYSTEMS="unigram lstm256"|default|all] ...      on this machine, one after the other
#   bash jobs/pipeline.sh --submit                                             as a chain of Slurm jobs
#
# The choices (CORPUS, EPOCHS, NP, ...) are those of README.md.  FRESH=1 drops an unfinished run of other options or inputs.
# A system is the name of a script jobs/train_<system>.sh.  `default` takes minutes on two cores, `all` is every script;
# `mixture` comes last.

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"

run=run_here
case $#,${1:-} in
0,) ;;
1,--submit) run=submit_chain ;;
*,--summary) run=sum_up_chain ;; # the last job of a chain
1,-h | 1,--help) show_help "[--submit]" ;;
*) fail_usage "unknown arguments '$*': it takes --submit" ;;
esac

case $run,$0 in
run_here,*/slurm_script) fail_usage "one batch job has no time for all of this; submit a chain of them:  bash '$home/jobs/pipeline.sh' --submit" ;;
esac

# The systems asked for, each of which has to have its script.
choose_systems() {
  local system file
  case ${SYSTEMS:-default} in
  default) systems=(unigram kn5 lstm256 lstm256_sampled) ;;
  all)
    systems=()
    for file in "$home"/jobs/train_*.sh; do systems+=("$(basename "${file#*/train_}" .sh)"); done
    ;;
  *) read -rd '' -a systems <<<"$SYSTEMS" || true ;; # with blanks or line ends between
  esac
  [ ${#systems[@]} -gt 0 ] || fail_usage "SYSTEMS='$SYSTEMS' names no system"
  if [[ " ${systems[*]} " == *' mixture '* ]]; then # of what the others leave
    read -rd '' -a systems <<<"$(printf '%s\n' "${systems[@]}" | grep -vx mixture) mixture" || true
  fi
  for system in "${systems[@]}"; do
    [ -e "$home/jobs/train_$system.sh" ] ||
      fail_usage "there is no system '$system': SYSTEMS is default, all, or some of: $(cd "$home/jobs" && echo train_*.sh | sed 's/train_//g; s/\.sh//g')"
  done
}

# The scripts take the same choices from the environment.
export BILLIONWORD_HOME=$home WORK=$work RESULTS=$results CORPUS=${origin:-$corpus}
choose_systems

# submit NAME SBATCH_OPTION... SCRIPT...: sets `job`.
submit() {
  job=$(sbatch --parsable "${@:2}") || exit
  job=${job%%;*}
  jobs+=("$1=$job")
  rm -f "$data/.jobs/$job" # of another cluster, perhaps
}

# One job for the corpus; each system waits for it, and is cancelled where it fails.  The last one says what became of all.
submit_chain() {
  local corpus_job job jobs=() size np=${NP:-} gpus=() after
  unset NP # the job's tasks are its ranks
  command -v sbatch >/dev/null || fail "there is no sbatch here: without Slurm, run it without --submit"
  need_writable WORK "$data"
  if [ "$device" != cpu ] && [[ $(sinfo -h -o %G) == *gpu* ]]; then gpus=(--gpus-per-task=1); fi
  mkdir -p "$data/.jobs"
  submit prepare_corpus "$home/jobs/prepare_corpus.sh"
  corpus_job=$job
  say "job $corpus_job prepares $corpus"
  for system in "${systems[@]}"; do
    size=()
    ! grep -q '^need_gpu' "$home/jobs/train_$system.sh" || size=("${gpus[@]}")
    if [ -n "$np" ] && grep -q '^run_neural_system' "$home/jobs/train_$system.sh"; then size+=("--ntasks=$np" "--nodes=1-$np"); fi
    after=afterok:$corpus_job
    [ "$system" != mixture ] || [ ${#jobs[@]} = 1 ] || after+=",afterany$(printf ':%s' "${jobs[@]#*=}")"
    submit "$system" --dependency="$after" --kill-on-invalid-dep=yes "${size[@]}" "$home/jobs/train_$system.sh"
    say "job $job trains $system"
  done
  submit summary --dependency="afterany$(printf ':%s' "${jobs[@]#*=}")" --job-name=pipeline --output=%x-%j.log --open-mode=append \
    --requeue --nodes=1 --ntasks=1 --cpus-per-task=1 --time=0:10:00 --mem=1G "$home/jobs/pipeline.sh" --summary "${jobs[@]}"
  say "job $job says what became of them, in pipeline-$job.log"
  say "logs come into this folder, the table into $results/$corpus; see squeue --me"
}

# sum_up_chain NAME=JOB...: which stages failed, and what to read; the table of those that did not.
sum_up_chain() {
  local name job log status failed=()
  for job; do
    name=${job%%=*} job=${job##*=}
    log=$(job_log "$job" "$name")
    status=$(cat "$data/.jobs/$job" 2>/dev/null || true)
    case $status in
    0) continue ;;
    '')
      if [ -e "$log" ]; then
        say "$name was ended from outside (cancelled, out of time or memory, or its node failed); read $log"
      else
        say "$name was cancelled before it started"
      fi
      ;;
    *) say "$name failed with exit code $status; read $log" ;;
    esac
    failed+=("$name")
  done
  [ ! -e "$results/$corpus/perplexity.md" ] || show_table
  [ ${#failed[@]} = 0 ] || fail "${#failed[@]} of $# stages failed: ${failed[*]}; submitted again, the chain does what is left"
}

# run_script SCRIPT: in a process group of its own, so that a signal reaches it once, and all of it: it is passed on, and
# this script ends after the other.
run_script() {
  local status=0
  set -m
  "$1" </dev/null &
  set +m
  await_child $! || status=$?
  [ -z "$signal" ] || [ $status -gt 2 ] || status=75
  return $status
}
pass_on() {
  signal=$1 interrupted=1
  [ -z "$child" ] || kill "-$1" -- "-$child" 2>/dev/null || true
}

# A system that fails does not keep the others from their rows; one that was stopped ends the run.
run_here() {
  local system name steps=3 status failed=()
  need_writable WORK "$data"
  need_writable RESULTS "$results/$corpus/rows"
  for name in USR1 INT TERM HUP; do
    # shellcheck disable=SC2064 # the name of now
    trap "pass_on $name" $name
  done
  PIPELINE_DID=$(mktemp)
  export PIPELINE_DID STEPS_TOTAL=$((3 + 2 * ${#systems[@]}))
  trap 'end_of_job; rm -f "$PIPELINE_DID"' EXIT
  STEPS_BEFORE=0 run_script "$home/jobs/prepare_corpus.sh" || exit
  for system in "${systems[@]}"; do
    status=0
    STEPS_BEFORE=$steps run_script "$home/jobs/train_$system.sh" || status=$?
    [ -z "$signal" ] || exit $status
    case $status in 75 | 129 | 130 | 143) exit $status ;; esac # asked to stop
    [ $status = 0 ] || failed+=("$system")
    steps=$((steps + 2))
  done
  if [ ${#failed[@]} -gt 0 ]; then
    [ ! -e "$results/$corpus/perplexity.md" ] || show_table
    fail "failed: ${failed[*]}; the reasons are above, and the next run does what is left"
  fi
  [ -s "$PIPELINE_DID" ] || say "nothing to do: everything is up to date"
  show_table
}

[ $# = 0 ] || shift
$run "$@"

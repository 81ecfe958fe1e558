# shellcheck shell=bash
# Helpers of the cluster cases: each starts a Slurm of its own and submits job scripts of a copy of the repository, whose
# path has a space in it.  Begin with:  . "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
home=$BILLIONWORD_HOME

PATH=$PATH:/usr/sbin:/sbin
for program in munged slurmctld slurmd sbatch; do
  command -v "$program" >/dev/null || skip "needs Slurm: apt-get install -y --no-install-recommends slurm-wlm munge"
done

# box_up CPUS MEGABYTES [NODES]: starts Slurm, and stops it at the end of the case.
box_up() {
  slurm_box=$home/tools/slurm_box box=$PWD/box
  [ "${3:-1}" = 1 ] || "$home/tools/emulated_hosts" check 2>box.said || skip "several nodes: $(cat box.said)"
  trap '"$slurm_box" down "$box"' EXIT
  "$slurm_box" up "$box" "$@" 2>box.said || {
    cat box.said >&2
    fail "Slurm does not start"
  }
  # shellcheck source=/dev/null
  . box/env
}

# make_clone: `clone`, a copy of what jobs need, with the programs under test; from then on nothing names the repository.
make_clone() {
  clone="$PWD/a clone"
  mkdir -p "$clone/build" "$clone/results" "$clone/logs"
  cp -r "$home"/{jobs,tools} "$clone/"
  rm -f "$clone/jobs/site.sh"
  [ ! -e "$home/results/published.tsv" ] || cp "$home/results/published.tsv" "$clone/results/"
  ln -s "$BIN" "$clone/build/bin"
  # A small network is enough to test the script; ranks that wait leave the cores to others.
  sed -i 's/--hidden [0-9]*/--hidden 32/' "$clone/jobs/train_lstm256.sh"
  export THREADS=1 OMPI_MCA_mpi_yield_when_idle=1
  unset WORK BILLIONWORD_HOME
}

# make_corpus FOLDER SENTENCES: text with something to learn, the same every time.
make_corpus() {
  local split n
  mkdir -p "$1"
  for split in train:$2 valid:60 test:60; do
    n=${split#*:}
    awk -v n="$n" -v seed="${#split}" 'BEGIN {
      srand(seed)
      for (i = 0; i < n; i++) {
        line = ""; w = 0
        for (k = 0; k < 4 + i % 9; k++) { w = (rand() < 0.5) ? (w * 7 + 1) % 200 : int(200 * rand() * rand()); line = line (k ? " " : "") "w" w }
        print line
      }
    }' >"$1/${split%:*}.txt"
  done
}

# job_state ID: PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, ...
job_state() { timeout 10 scontrol show job -o "$1" | sed -n 's/.* JobState=\([A-Z_]*\) .*/\1/p'; }

# wait_for_log FILE TEXT SECONDS: until the log holds the text.  wait_for_count TEXT N FILE SECONDS: until N of its lines do.
wait_for_log() {
  local end=$((SECONDS + $3))
  until grep -qF -- "$2" "$1" 2>/dev/null; do
    [ $SECONDS -lt $end ] || fail "after $3 s $1 does not say '$2': $(cat "$1")"
    sleep 0.2
  done
}
wait_for_count() {
  local end=$((SECONDS + $4))
  until [ "$(grep -cF -- "$1" "$3" 2>/dev/null)" = "$2" ]; do
    [ $SECONDS -lt $end ] || fail "after $4 s $3 does not say '$1' $2 times: $(cat "$3")"
    sleep 0.2
  done
}

# wait_for_end ID SECONDS: until the job is neither waiting nor running; its state is in `state`.
wait_for_end() {
  local end=$((SECONDS + $2))
  while :; do
    state=$(job_state "$1")
    case $state in PENDING | CONFIGURING | RUNNING | COMPLETING | REQUEUED | SUSPENDED | '') ;; *) return ;; esac
    [ $SECONDS -lt $end ] || fail "job $1 is still $state after $2 s: $(cat ./*"-$1.log" 2>&1; squeue)"
    sleep 0.2
  done
}

# For what `jobs/pipeline.sh --submit` says, kept in a file: the jobs it names, and the one of a system.
jobs_of() { sed -n 's/.* job \([0-9]*\) .*/\1/p' "$1"; }
job_of() { sed -n "s/.* job \([0-9]*\) .* $1\$/\1/p" "$2"; }

# wait_for_chain FILE SECONDS: until all these jobs are done.
wait_for_chain() {
  local id
  [ "$(jobs_of "$1" | wc -l)" -ge 2 ] || fail "no chain of jobs: $(cat "$1")"
  for id in $(jobs_of "$1"); do
    wait_for_end "$id" "$2"
    [ "$state" = COMPLETED ] || fail "job $id ended as $state: $(cat ./*-"$id.log")"
  done
}

# make_slow_writes, in a folder without spaces: `slow`, the environment in which each fsync of rank 0 takes a fifth of a second.
make_slow_writes() {
  command -v cc >/dev/null || skip "needs cc"
  cc -shared -fPIC -o slow_writes.so "$home/tests/cluster/slow_writes.c" -ldl
  slow=(env "LD_PRELOAD=$PWD/slow_writes.so" SLOW_MILLISECONDS=200)
}

# make_slow_evaluations: that take some seconds under Slurm, so that one can be met.
make_slow_evaluations() {
  rm "$clone/build/bin"
  mkdir "$clone/build/bin"
  ln -s "$BIN"/* "$clone/build/bin/"
  rm "$clone/build/bin/evaluate"
  printf '#!/bin/bash\n[ -z "${SLURM_JOB_ID:-}" ] || sleep 4\nexec "%s/evaluate" "$@"\n' "$BIN" >"$clone/build/bin/evaluate"
  chmod +x "$clone/build/bin/evaluate"
}

# For cases that train one system again and again, each time in a folder of its own.
# in_folder NAME COMMAND...     make_straight: the folder straight, of a run without Slurm on two ranks
in_folder() { env WORK="$clone/$1" RESULTS="$clone/$1/results" "${@:2}"; }
make_straight() {
  in_folder straight bash "$clone/jobs/prepare_corpus.sh" 2>said || fail "$(cat said)"
  in_folder straight env NP=2 bash "$clone/jobs/train_lstm256.sh" >said 2>&1 || fail "$(cat said)"
}
# start NAME: the job, on two nodes of which rank 0 writes slowly; sets `id`, `log`.
start() {
  mkdir "$clone/$1"
  cp -rp "$clone/straight/tiny" "$clone/$1/tiny"
  rm -r "$clone/$1/tiny/lstm256"
  id=$(in_folder "$1" "${slow[@]}" sbatch --parsable --nodes=2 --ntasks=2 "$clone/jobs/train_lstm256.sh")
  log=lstm256-$id.log
}

# same_results FOLDER OTHER SYSTEM: the same tensors, scores of every word, and row but for the seconds, of the corpus tiny.
same_results() {
  local split folder
  same_file "$1/tiny/$3/model.safetensors" "$2/tiny/$3/model.safetensors"
  for split in valid test; do
    for folder in "$1" "$2"; do zstd -dcq "$folder/tiny/$3/$split.scores" >"$folder/$split.plain"; done
    same_file "$1/$split.plain" "$2/$split.plain"
  done
  for folder in "$1" "$2"; do columns "$folder/results/tiny/perplexity.tsv" train_seconds | grep -P "^(system|$3)\t" >"$folder/row"; done
  grep -q $'\tVALID\t' "$1/row" || fail "no valid row: $(cat "$1/row")"
  same_file "$1/row" "$2/row"
}

# columns TABLE COLUMN...: the table without what stands in these.
columns() {
  awk -F'\t' -v OFS='\t' -v drop="${*:2}" 'BEGIN { split(drop, names, " "); for (i in names) gone[names[i]] }
    NR == 1 { for (i = 1; i <= NF; i++) if ($i in gone) blank[i] }
    { for (i in blank) $i = ""; print }' "$1"
}

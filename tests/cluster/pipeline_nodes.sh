#!/usr/bin/env bash
# The chain of jobs on two nodes over TCP, by srun and by mpirun, makes the table that plain bash makes: the same with as many
# ranks, and to rounding with one.
# timeout: 240
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 8 40000 2
make_clone
cd "$clone/logs"
unset OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM # which the job scripts have to see to
sed -i 's/--cpus-per-task=.*/--cpus-per-task=5/' "$clone/jobs/train_lstm256.sh" # of 8: each rank takes a node
make_corpus tiny 300
export CORPUS=$PWD/tiny SYSTEMS="unigram kn5 lstm256" EPOCHS=60 # some 300 steps

# plain NAME RANKS: without Slurm.
plain() { WORK=$clone/$1 RESULTS=$clone/$1/results NP=$2 bash "$clone/jobs/pipeline.sh" >/dev/null 2>"$1.said" || fail "$(cat "$1.said")"; }
# chain NAME: as jobs, the ranks of lstm256 on two nodes.
chain() {
  WORK=$clone/$1 RESULTS=$clone/$1/results NP=2 bash "$clone/jobs/pipeline.sh" --submit 2>said
  wait_for_chain said 120
  scontrol show job -o "$(job_of lstm256 said)" | grep -q ' NodeList=n\[1-2\] ' || fail "not on two nodes: $(cat said)"
}
table() { echo "$clone/$1/results/tiny/perplexity.tsv"; }

chain srun
printf 'launcher=(mpirun --bind-to none)\n' >"$clone/jobs/site.sh"
chain mpirun
rm "$clone/jobs/site.sh"
plain two 2
plain one 1
columns "$(table two)" train_seconds >two.tsv
[ "$(grep -c $'\tVALID\t' two.tsv)" = 3 ] || fail "three valid rows expected: $(cat two.tsv)"
for name in srun mpirun; do
  columns "$(table $name)" train_seconds >$name.tsv
  same_file two.tsv $name.tsv
  same_results "$clone/two" "$clone/$name" lstm256
done

# One rank adds up gradients in another order: perplexities of training that long differ by less than 1 in 10,000.
columns "$(table one)" train_seconds processors >one.tsv
columns "$(table two)" train_seconds processors | awk -F'\t' '
  NR == FNR { for (i = 1; i <= NF; i++) one[FNR, i] = $i; next }
  FNR == 1 { for (i = 1; i <= NF; i++) rounded[i] = $i ~ /^ppl_/ }
  { for (i = 1; i <= NF; i++) {
      if (rounded[i] && FNR > 1) { d = $i / one[FNR, i] - 1; if (!(d < 1e-4 && d > -1e-4)) bad = 1 }
      else if ($i != one[FNR, i]) bad = 1
    } }
  END { exit bad }' one.tsv - || fail "one rank: $(cat one.tsv) two: $(cat two.tsv)"

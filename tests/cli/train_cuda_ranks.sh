#!/usr/bin/env bash
# Ranks with a GPU each (the kernels and NCCL run on the host): the losses of one rank and of the way by the host, the same bits
# again and after a stop; where NCCL cannot be had, the way by the host is taken, and told; what fails or hangs ends the job.
# timeout: 600
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
emulated=$UNIT/../emulated
[ -e "$emulated/libnccl_emulated.so" ] || skip "needs a C++ compiler and MPI"
command -v mpirun >/dev/null || skip "needs mpirun"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
export BILLIONWORD_GPU_LIBRARY=$emulated/libbillionword_gpu.so BILLIONWORD_NCCL_LIBRARY=$emulated/libnccl_emulated.so EMULATED_GPUS=3
few=("${tiny[@]}" --hidden 9 --batch 6 --bptt 4 --valid-streams 3 --epochs 1 --device cuda --precision fp32 --log-steps 1)
for name in train valid; do
  head -n "$([ $name = train ] && echo 24 || echo 6)" $name.txt >few.$name
  shard --quiet --vocab vocab.tsv --output $name.shard few.$name
done

leaks=${ASAN_OPTIONS:-}
for n in 1 2 3; do # without a look for leaks of MPI, as in pipeline/cli/message.c, which this program does without
  ASAN_OPTIONS=${leaks/detect_leaks=1/detect_leaks=0} ranks $n "$UNIT/test_peers_ranks" >said 2>&1 || fail "$n ranks: $(cat said)"
  [ "$(grep -c 'PASSED' said)" = $n ] || fail "$n ranks did not all pass: $(cat said)"
done

# losses FOLDER: of every step, in nats a word
losses() { sed -n 's/.*"loss":\([-0-9.e]*\),.*/\1/p' "$1/curve.jsonl"; }
# same_losses A B TOLERANCE: relative, in every step; there are at least ten
same_losses() {
  paste <(losses "$1") <(losses "$2") | awk -v t="$3" '{ d = ($1 - $2) / $2; if (!(d <= t && -d <= t)) bad = NR ": " $0 }
    END { if (NR < 10) bad = NR " steps"; if (bad) print bad; exit bad != "" }' || fail "the losses of $1 and $2 differ"
}

for recipe in "--softmax full --dropout 0.2" "--softmax sampled --samples 32 --projection 5 --layers 2 --optimiser adagrad --accumulator 1 --rate 0.2" \
  "--softmax sampled --samples 16 --tie" "--softmax adaptive --cutoffs 40,120 --cell gru --hidden 16"; do
  # shellcheck disable=SC2206
  options=($recipe)
  train --quiet "${few[@]}" "${options[@]}" --output one train.shard
  for n in 2 3; do
    ranks $n train "${few[@]}" "${options[@]}" --output peers$n train.shard 2>said
    grep -q 'gradients go from GPU to GPU, by NCCL 2.17.99' said || fail "$n ranks: $(cat said)"
    same_losses peers$n one 2e-5
  done
  ranks 3 train --quiet "${few[@]}" "${options[@]}" --output again train.shard
  same_file peers3/model.safetensors again/model.safetensors
  BILLIONWORD_NCCL_LIBRARY=none ranks 2 train "${few[@]}" "${options[@]}" --output host train.shard 2>said
  grep -q 'gradients go by way of host memory and MPI: rank 0 on .*: BILLIONWORD_NCCL_LIBRARY=none' said || fail "$(cat said)"
  same_losses host one 2e-5
  same_file host/model.safetensors peers2/model.safetensors # two numbers add to the same sum either way
  rm -rf one again peers? host
done

options=(--softmax sampled --samples 32)
ranks 3 train --quiet "${few[@]}" "${options[@]}" --output straight train.shard
ranks 3 train --quiet "${few[@]}" "${options[@]}" --stop-after 7 --output parts train.shard
ranks 3 train --quiet "${few[@]}" "${options[@]}" --output parts train.shard
same_file straight/model.safetensors parts/model.safetensors
ranks 3 train --quiet "${few[@]}" "${options[@]}" --stop-after 7 --fresh --output parts train.shard
BILLIONWORD_NCCL_LIBRARY=none ranks 3 train --quiet "${few[@]}" "${options[@]}" --output parts train.shard 2>said
grep -q 'gradients by NCCL 2.17.99' said || fail "no warning that what adds has changed: $(cat said)"
rm -rf straight parts

# No NCCL for two ranks on one GPU, nor where there is no such library.
brief=("${few[@]}" "${options[@]}" --stop-after 1 --output brief --fresh train.shard)
EMULATED_GPUS=1 ranks 2 train "${brief[@]}" 2>said
grep -q "by way of host memory and MPI: ranks 0 and 1 share GPU 0000:00:00 of $(hostname), which NCCL refuses" said || fail "$(cat said)"
BILLIONWORD_NCCL_LIBRARY=nowhere.so ranks 2 train "${brief[@]}" 2>said
grep -q 'by way of host memory and MPI: rank 0 on .*: no NCCL: nowhere.so: cannot open' said || fail "$(cat said)"
train "${brief[@]}" 2>said
! grep -q 'gradients go' said || fail "one rank exchanges: $(cat said)"

# fault 'KIND RANK CALL' GLOB: the job ends by itself, says that, and has failed
fault() {
  rm -rf run
  EMULATED_NCCL=$1 fails_with 1 "$2" timeout -k 5 90 mpirun --bind-to none --oversubscribe --mca mpi_yield_when_idle 1 -np 2 train --quiet "${few[@]}" \
    "${options[@]}" --watchdog 2 --output run train.shard
  expect_output failed cat run/state
}
here=$(hostname)
fault 'error 1 9' "train?rank 1 on $here?: error: NCCL, a sum: remote process exited*start again*emulated NCCL: rank 1 breaks off"
fault 'hang 0 9' "train?rank 0 on $here?: error: waited * seconds for an exchange in which all ranks are: the network does not deliver*breaks off"
fault 'stall 1 9' "train?rank 0 on $here?: error: waited * seconds for rank 1 on $here (it runs, but has not come to the others)*breaks off"
ranks 2 train --quiet "${few[@]}" "${options[@]}" --output run train.shard # it goes on, or begins anew

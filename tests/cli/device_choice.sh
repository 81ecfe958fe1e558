#!/usr/bin/env bash
# What --device and --precision say and do, with or without CUDA in the build and a GPU in the machine.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
brief=("${tiny[@]}" --stop-after 1 train.shard)

train --version >version
[ "$(grep '^CUDA' version)" = "$(evaluate --version | grep '^CUDA')" ] || fail "two programs of one build disagree about CUDA"
if grep -q '^CUDA: in this build' version; then
  [ -e "$BIN/../lib/libbillionword_gpu.so" ] || fail "CUDA is said to be in the build, but its kernels are not there"
  reason='there is no NVIDIA driver here'
else
  grep -q '^CUDA: not in this build' version || fail "$(cat version)"
  reason='this build has no CUDA kernels'
fi

if train --quiet "${brief[@]}" --device cuda --output gpu 2>said; then
  [ "$(cat gpu/state)" = stopped ] || fail "trained on a GPU, but did not stop"
  train "${brief[@]}" --output auto 2>said
  grep -q 'computing on cuda: ' said || fail "auto did not take the GPU: $(cat said)"
else
  ! ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1' || reason='*' # a driver without a GPU has reasons of its own
  for program in "train ${brief[*]} --output refused" "evaluate --vocab vocab.tsv --model missing test.shard" \
    "sample --vocab vocab.tsv --model missing"; do
    # shellcheck disable=SC2086
    fails_with 1 "--device cuda: $reason*; use --device cpu (or auto, which takes what there is)" $program --device cuda
  done
  [ ! -e refused ] || fail "a refused run left a folder"
  train "${brief[@]}" --output auto 2>said
  # shellcheck disable=SC2053
  [[ $(cat said) == *'computing on cpu: '*'; no GPU: '$reason* ]] || fail "auto did not say why it takes the CPU: $(cat said)"
  fails_with 1 "--precision bf16 is for GPUs, the CPU computes in fp32; no GPU: $reason" train "${brief[@]}" --precision bf16 --output refused
fi
fails_with 1 '--precision tf32 is for GPUs, the CPU computes in fp32' train "${brief[@]}" --device cpu --precision tf32 --output refused
fails_with 2 '--precision' train "${brief[@]}" --precision half --output refused
train --quiet "${brief[@]}" --device cpu --precision fp32 --output cpu

fails_with 1 'cannot open the CUDA kernels: nowhere.so' env BILLIONWORD_GPU_LIBRARY=nowhere.so train "${brief[@]}" --device cuda --output refused

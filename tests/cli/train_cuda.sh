#!/usr/bin/env bash
# The CUDA kernels, run on the host: training and scores as on the CPU, exact resume, two ranks as one, memory messages.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_GPU_LIBRARY=$UNIT/../emulated/libbillionword_gpu.so
[ -e "$BILLIONWORD_GPU_LIBRARY" ] || skip "the CUDA kernels were not built for the host (no C++ compiler)"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
few=("${tiny[@]}" --hidden 9 --batch 6 --bptt 4 --valid-streams 8 --epochs 1)
for name in train valid test; do
  head -n "$([ $name = train ] && echo 60 || echo 12)" $name.txt >few.$name
  shard --quiet --vocab vocab.tsv --output $name.shard few.$name
done

for recipe in "--softmax full --dropout 0.2" "--softmax sampled --samples 32 --projection 5 --layers 2 --optimiser adagrad --accumulator 1 --rate 0.2" \
  "--softmax adaptive --cutoffs 40,120 --cell gru --hidden 16" "--softmax hierarchical --ngrams 3 --ngram-weights 900"; do
  # shellcheck disable=SC2206
  options=($recipe)
  train --quiet "${few[@]}" "${options[@]}" --device cpu --output cpu train.shard
  train --quiet "${few[@]}" "${options[@]}" --device cuda --precision fp32 --output gpu train.shard
  grep -q '"kernels": *"emulated GPU.*fp32' gpu/model.safetensors.manifest.json || fail "not computed on the GPU that is emulated"
  scored=(--model gpu/model.safetensors test.shard)
  close_to "$(perplexity --device cpu "${scored[@]}")" "$(perplexity --device cpu --model cpu/model.safetensors test.shard)" 1e-4
  close_to "$(perplexity --device cuda "${scored[@]}")" "$(perplexity --device cpu "${scored[@]}")" 1e-5
  # Stopped and resumed, the same bits; on two ranks, whose gradients travel by way of the host, the same to rounding.
  for stop in 11 0; do
    train --quiet "${few[@]}" "${options[@]}" --device cuda --precision fp32 --stop-after $stop --output parts train.shard
  done
  same_file gpu/model.safetensors parts/model.safetensors
  ranks 2 train --quiet "${few[@]}" "${options[@]}" --device cuda --precision fp32 --output two train.shard
  close_to "$(perplexity --device cpu --model two/model.safetensors test.shard)" "$(perplexity --device cpu "${scored[@]}")" 2e-4
  rm -rf cpu gpu parts two
done

# In bf16 all steps of an LSTM are one launch of several blocks, which the log says once; stopped and resumed, the same bits.
options=(--projection 5 --hidden 40 --device cuda --precision bf16)
export EMULATED_PROCESSORS=5
train --quiet "${few[@]}" "${options[@]}" --output whole train.shard
train --quiet "${few[@]}" "${options[@]}" --output parts --stop-after 11 train.shard
train "${few[@]}" "${options[@]}" --output parts train.shard 2>said
same_file whole/model.safetensors parts/model.safetensors
[ "$(grep -c 'LSTM 40-5, 6 streams: all steps in one launch of 3 blocks' said)" = 1 ] || fail "the log does not say how steps are computed: $(cat said)"
close_to "$(perplexity --device cpu --model whole/model.safetensors test.shard)" "$(perplexity --device cuda --precision 3xtf32 --model whole/model.safetensors test.shard)" 1e-5

# What a GPU takes for itself is in the forecast.
forecast() { train "${few[@]}" --dry-run --device "$@" --output none train.shard 2>&1 | sed -n 's/.* parameters, \([0-9.]*\) MiB of memory.*/\1/p'; }
awk -v cpu="$(forecast cpu --hidden 400)" -v cuda="$(forecast cuda --precision bf16 --hidden 400)" 'BEGIN { exit !(cuda > cpu + 1) }' || fail "the forecast forgets what a GPU takes"

# No GPU is opened for n-grams unless it is asked for.
count --quiet --vocab vocab.tsv --order 2 --output grams.counts train.shard
estimate --quiet --smoothing kn --discount-fallback --counts grams.counts --vocab vocab.tsv --output grams.trie
evaluate --vocab vocab.tsv --model grams.trie test.shard 2>said >/dev/null
grep -q 'computing on cpu' said || fail "n-grams open a GPU: $(cat said)"

fails_with 1 'emulated GPU*of memory are needed*are free: lower --batch' \
  train --quiet "${few[@]}" --device cuda --hidden 16000 --output large train.shard

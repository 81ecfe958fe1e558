#!/usr/bin/env bash
# Every cell learns, resumes to the same bits, and is read by evaluate, sample and inspect; what no cell has is refused.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

printf "\n" >line
unigram=250 # no model of this text that has learned nothing comes below
tiny+=(--epochs 1)
while read -r recipe; do
  rm -rf whole parts
  # shellcheck disable=SC2086
  train --quiet "${tiny[@]}" $recipe --output whole train.shard
  for stop in 20 0; do
    # shellcheck disable=SC2086
    train --quiet "${tiny[@]}" $recipe --stop-after $stop --output parts train.shard
  done
  same_file whole/model.safetensors parts/model.safetensors
  ppl=$(perplexity --model whole/model.safetensors test.shard)
  echo "$recipe: $ppl"
  awk -v p="$ppl" -v most=$unigram 'BEGIN { exit !(p < most) }' || fail "$recipe: perplexity $ppl"
  sample --quiet --vocab vocab.tsv --model whole/model.safetensors --top 3 <line >top || fail "$recipe: sample"
  [ "$(wc -l <top)" -ge 3 ] || fail "$recipe: $(cat top)"
done <<'RECIPES'
--cell gru
--cell gru-before --context reset
--cell rnn-sigmoid --one-hot --no-cell-bias --dropout 0 --begin </S>
--cell rnn-tanh --layers 3 --residual
--cell rnn-relu
--cell rnn-sigmoid --softmax hierarchical --ngrams 4 --ngram-rate 2
--cell lstm --softmax hierarchical --ngrams 1 --ngram-weights 5 --optimiser adagrad --rate 0.1
--cell rnn-identity --softmax sampled --samples 64
--cell gru --layers 2 --one-hot --residual --dropout 0
--cell feed-forward --window 3 --dropout 0
--cell feed-forward --window 4 --layers 2 --direct --embedding 9 --softmax sampled --samples 64 --begin </S>
--output-projection 12 --softmax sampled --samples 64 --clip-group each
--cell lstm --layers 2 --projection 12 --residual
RECIPES

# The last model's file says what it is, and a file that says otherwise is refused.
grep -qaF '"layer_sum":"residual"' whole/model.safetensors || fail "the model file does not name the sum"
other() { sed 's/"xxh3":"/"none":"/; s/"billionword-model-2"/"billionword-model-1"/; '"$1" whole/model.safetensors; } # without the header's hash
other 's/"layer_sum":"residual"/"layer_sum":"sideways"/' >unheard.safetensors
fails_with 1 'unheard.safetensors: layer_sum "sideways" is not known to this version' evaluate --vocab vocab.tsv --model unheard.safetensors test.shard
other 's/"cell":"lstm"/"cell":"lsdm"/' >unheard.safetensors
fails_with 1 'unheard.safetensors: cell "lsdm" is not known to this version' evaluate --vocab vocab.tsv --model unheard.safetensors test.shard

# N-grams go back no farther than their sentence's begin, and are the model's, with their number.
train --quiet "${tiny[@]}" --cell rnn-sigmoid --context reset --softmax hierarchical --ngrams 4 --ngram-weights 5000 --output ngrams train.shard
one=$(perplexity --batch 1 --model ngrams/model.safetensors test.shard)
close_to "$(perplexity --batch 7 --model ngrams/model.safetensors test.shard)" "$one" 1e-5
head -n 5 test.txt | cut -d ' ' -f 1-3 >prompts
for batch in 1 15; do
  sample --quiet --vocab vocab.tsv --model ngrams/model.safetensors --texts 3 --batch $batch <prompts >texts$batch
done
same_file texts1 texts15
for change in 's/"ngrams":"4"/"ngrams":"0"/ ngrams = "0"' 's/"ngram_weights":"5000"/"ngram_weights":"7000"/ tensors have'; do
  sed 's/"xxh3":"/"none":"/; s/"billionword-model-3"/"billionword-model-1"/; '"${change%% *}" ngrams/model.safetensors >unheard.safetensors
  fails_with 1 "unheard.safetensors: damaged*${change#* }" evaluate --vocab vocab.tsv --model unheard.safetensors test.shard
done

# A window knows its sentence only: neither the cut of the text nor what is computed together shows.
train --quiet "${tiny[@]}" --cell feed-forward --window 5 --output window train.shard
one=$(perplexity --batch 1 --model window/model.safetensors test.shard)
close_to "$(perplexity --batch 7 --model window/model.safetensors test.shard)" "$one" 1e-5
close_to "$(perplexity --batch 64 --model window/model.safetensors test.shard)" "$one" 1e-5
# Texts that go on word by word see the same windows: alone, or side by side.
head -n 5 test.txt | cut -d ' ' -f 1-3 >prompts
for batch in 1 15; do
  sample --quiet --vocab vocab.tsv --model window/model.safetensors --texts 3 --batch $batch <prompts >texts$batch
done
same_file texts1 texts15
sed 's/"window":"5"/"window":"6"/' window/model.safetensors >unheard.safetensors
fails_with 1 'unheard.safetensors: *' evaluate --vocab vocab.tsv --model unheard.safetensors test.shard

fails_with 2 '--projection means something only with --cell lstm' train "${tiny[@]}" --cell gru --projection 12 --output m train.shard
fails_with 2 '--output-projection means something only with --cell lstm' train "${tiny[@]}" --cell gru --output-projection 12 --output m train.shard
fails_with 2 '--projection and --output-projection exclude each other' train "${tiny[@]}" --projection 12 --output-projection 12 --output m train.shard
fails_with 2 '--cell feed-forward needs --window N' train "${tiny[@]}" --cell feed-forward --output m train.shard
fails_with 2 '--window means something only with --cell feed-forward' train "${tiny[@]}" --window 3 --output m train.shard
fails_with 2 '--direct means something only with --cell feed-forward' train "${tiny[@]}" --direct --output m train.shard
fails_with 2 '--context means something only with --cell lstm' train "${tiny[@]}" --cell feed-forward --window 3 --context carry --output m train.shard
fails_with 2 '--residual means something only with --cell lstm' train "${tiny[@]}" --cell feed-forward --window 3 --layers 2 --residual --output m train.shard
fails_with 2 '--forget-bias means something only with --cell lstm' train "${tiny[@]}" --cell rnn-tanh --forget-bias 1 --output m train.shard
fails_with 2 '--cell-bias means something only with --cell rnn-' train "${tiny[@]}" --no-cell-bias --output m train.shard
fails_with 2 '--two-biases means something only with --cell lstm' train "${tiny[@]}" --cell gru --two-biases --output m train.shard
fails_with 2 '--embedding means nothing with --one-hot' train "${tiny[@]}" --dropout 0 --one-hot --embedding 12 --output m train.shard
fails_with 2 '--tie and --one-hot exclude each other' train "${tiny[@]:0:4}" --cell rnn-tanh --no-cell-bias --one-hot --tie --output m train.shard
fails_with 2 '--dropout and --one-hot exclude each other' train "${tiny[@]}" --one-hot --output m train.shard
fails_with 2 '--residual means something only with --layers 2 or more' train "${tiny[@]}" --residual --output m train.shard
fails_with 2 '--cell elman' train "${tiny[@]}" --cell elman --output m train.shard
[ ! -e m/model.safetensors ] || fail "a refused run left a model"

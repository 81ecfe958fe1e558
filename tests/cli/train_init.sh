#!/usr/bin/env bash
# train --init: goes on from a trained model with the tensors that fit, and says which do not.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

train --quiet "${tiny[@]}" --output first train.shard
first=first/model.safetensors

# All fit: a step too small to move anything leaves the model as it was.
train "${tiny[@]}" --optimiser sgd --rate 1e-12 --epochs 1 --init $first --output same train.shard 2>said
grep -q -- "--init: 6 of 6 tensors come from $first" said || fail "$(cat said)"
close_to "$(perplexity --model same/model.safetensors test.shard)" "$(perplexity --model $first test.shard)" 1e-5
grep -q "$first" same/model.safetensors.manifest.json || fail "the manifest does not name the first model"

# Going on, by one rank and by two; a stop changes nothing, and the start is not read again.
train --quiet "${tiny[@]}" --init $first --output on train.shard
awk -v a="$(perplexity --model on/model.safetensors test.shard)" -v b="$(perplexity --model $first test.shard)" \
  'BEGIN { exit !(a < b) }' || fail "training on made it worse"
for stop in 30 0; do train --quiet "${tiny[@]}" --init $first --stop-after $stop --output parts train.shard; done
same_file on/model.safetensors parts/model.safetensors

# A run that was begun goes on from its checkpoint: only with the model that it began from, or, where that is gone, without.  The
# manifest tells which it was.
began() { sed -n '/"path": "start.safetensors"/ { n; s/.*"xxh3": "\([0-9a-f]*\)".*/\1/p; }' "$1/model.safetensors.manifest.json"; }
cp $first start.safetensors
train --quiet "${tiny[@]}" --init start.safetensors --output from train.shard
for folder in replaced gone; do train --quiet "${tiny[@]}" --init start.safetensors --stop-after 30 --output $folder train.shard; done
cp on/model.safetensors start.safetensors
fails_with 1 'was made from another model (--init): use the same, or --fresh' train --quiet "${tiny[@]}" --init start.safetensors --output replaced train.shard
rm start.safetensors
train --quiet "${tiny[@]}" --init start.safetensors --dry-run --output gone train.shard
for stop in 60 0; do train --quiet "${tiny[@]}" --init start.safetensors --stop-after $stop --output gone train.shard; done
same_file from/model.safetensors gone/model.safetensors
[ -n "$(began from)" ] || fail "$(cat from/model.safetensors.manifest.json)"
expect_output "$(began from)" began gone
fails_with 1 'cannot open start.safetensors' train --quiet "${tiny[@]}" --init start.safetensors --fresh --output gone train.shard
[ -s gone/model.safetensors ] || fail "a refused run removed an earlier one"

ranks 2 train --quiet "${tiny[@]}" --init $first --output two train.shard
loss() { sed -n 's/^{"step":100,.*"loss":\([0-9.e+-]*\),.*/\1/p' "$1/curve.jsonl"; }
close_to "$(loss two)" "$(loss on)" 1e-6

# A second layer and another width: said, and trained from initial values.
train "${tiny[@]}" --layers 2 --epochs 1 --init $first --output deeper train.shard 2>said
grep -q -- "--init: $first has no lstm.weight_ih_l1: it starts anew" said || fail "$(cat said)"
grep -q -- '--init: 6 of 9 tensors' said || fail "$(cat said)"
train "${tiny[@]}" --hidden 16 --embedding 24 --epochs 1 --init $first --output other train.shard 2>said
grep -q -- "--init: lstm.weight_ih_l0 of $first is 96 x 24, here 64 x 24: it starts anew" said || fail "$(cat said)"
train "${tiny[@]}" --softmax adaptive --cutoffs 40,290 --epochs 1 --init $first --output adaptive train.shard 2>said
grep -q -- "--init: output.weight of $first is not used" said || fail "$(cat said)"

# Every rank starts from the same model.
if command -v mpirun >/dev/null; then
  train --quiet "${tiny[@]}" --seed 5 --epochs 1 --output second train.shard
  mkdir a b
  for folder in a b; do cp vocab.tsv ./*.shard $folder; done
  cp $first a/start.safetensors
  cp second/model.safetensors b/start.safetensors
  start=(train --quiet "${tiny[@]}" --epochs 1 --init start.safetensors --output m train.shard)
  fails_with 1 'rank 1 runs another version or build, other options or other inputs' \
    mpirun --bind-to none --oversubscribe --wdir a -np 1 "${start[@]}" : --wdir b -np 1 "${start[@]}"
  [ ! -e a/m ] || fail "it began"
fi

# Refused, by a trial too, before anything is written, or removed for --fresh.
list() { (cd "$1" && md5sum -- *); }
refuse() {
  local code=$1 glob=$2 base=("${tiny[@]}")
  shift 2
  [[ " $* " == *" --init "* ]] || base+=(--init "$first")
  [[ " $* " != *" --vocab "* ]] || base=("${base[@]:4}") # it names vocabulary and validation text, too
  for trial in --dry-run ''; do
    fails_with "$code" "$glob" train "${base[@]}" ${trial:+$trial} --output m "$@"
    fails_with "$code" "$glob" train "${base[@]}" ${trial:+$trial} --fresh --output same "$@"
  done
  [ ! -e m ] || fail "a refused run left something: $(ls m)"
  [ "$(list same)" = "$kept" ] || fail "a refused run changed a finished one: $(ls same)"
}
kept=$(list same)
refuse 1 'none of its tensors has the name and shape' --hidden 16 --softmax adaptive --cutoffs 40,290 train.shard
refuse 1 'cannot be cut into 101 pieces' --valid-streams 101 train.shard
refuse 1 '--warmup 100000: the whole run has' --schedule linear --warmup 100000 train.shard
vocab --quiet --output other.tsv test.txt
shard --quiet --vocab other.tsv --output other.shard test.txt
refuse 1 'trained with another vocabulary' --vocab other.tsv --valid other.shard other.shard
refuse 1 'cannot open missing.safetensors' --init missing.safetensors train.shard
refuse 1 'not a model' --init "$(find "$BILLIONWORD_HOME/tests/golden" -name 'model_full_sgd.safetensors')" train.shard
head -c 1000 $first >short.safetensors
refuse 1 'short.safetensors' --init short.safetensors train.shard
fails_with 2 'first/model.safetensors' train "${tiny[@]}" --init $first --fresh --output first train.shard
[ -s $first ] || fail "a refused run removed the first model"

# A cell's tensors of the same shapes that mean something else are refused; another way to read the text is told.
train --quiet "${tiny[@]}" --epochs 1 --cell rnn-tanh --output tanh train.shard
refuse 1 '--init tanh/model.safetensors: trained with --cell rnn-tanh, this network has --cell rnn-relu' --cell rnn-relu --init tanh/model.safetensors train.shard
refuse 1 'trained with --cell lstm, this network has --cell gru' --cell gru train.shard
train --quiet "${tiny[@]}" --epochs 1 --softmax class-factored --bins 6 --output factored train.shard

# Those of an output layer with other bins, cut-offs or of another kind start anew.
anew() { # anew MODEL TENSORS OPTIONS...
  train "${tiny[@]}" "${@:3}" --init "$1/model.safetensors" --dry-run --output m train.shard 2>said
  grep -q -- "--init: $2 tensors come from $1/model.safetensors" said || fail "${*:3}: $(cat said)"
}
anew factored "8 of 8" --softmax class-factored --bins 6
anew factored "4 of 8" --softmax class-factored --bins 6 --bin-by frequency
grep -q -- '--init: bins.weight of factored/model.safetensors belongs to another output layer, or to other cut-offs or bins: it starts anew' said || fail "$(cat said)"
anew factored "4 of 6"
anew first "4 of 8" --softmax class-factored --bins 6
anew adaptive "9 of 9" --softmax adaptive --cutoffs 40,290
anew adaptive "4 of 9" --softmax adaptive --cutoffs 40,280
# N-grams: a table of another size starts anew; of other n-grams it is taken, and that is said.
train --quiet "${tiny[@]}" --epochs 1 --softmax hierarchical --ngrams 3 --ngram-weights 900 --output ngrams train.shard
anew ngrams "6 of 6" --softmax hierarchical --ngrams 3 --ngram-weights 900
! grep -q 'goes on' said || fail "nothing differs: $(cat said)"
anew ngrams "5 of 6" --softmax hierarchical --ngrams 3 --ngram-weights 800
anew ngrams "6 of 6" --softmax hierarchical --ngrams 4 --ngram-weights 900
grep -q 'trained with --ngrams 3, goes on with --ngrams 4' said || fail "$(cat said)"
for other in '--begin </S>:--begin <S>, goes on with --begin </S>' '--context reset:--context carry, goes on with --context reset'; do
  # shellcheck disable=SC2086
  train "${tiny[@]}" ${other%%:*} --init $first --dry-run --output m train.shard 2>said
  grep -q "warning: .*--init $first: trained with ${other#*:}" said || fail "${other%%:*}: $(cat said)"
done
train "${tiny[@]}" --residual --init deeper/model.safetensors --layers 2 --dry-run --output m train.shard 2>said
grep -q -- 'trained without --residual, goes on with it' said || fail "$(cat said)"
train "${tiny[@]}" --init $first --dry-run --output m train.shard 2>said
! grep -q 'goes on' said || fail "nothing differs: $(cat said)"

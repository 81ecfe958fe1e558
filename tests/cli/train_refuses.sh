#!/usr/bin/env bash
# What train and evaluate refuse: what, where, what to do; nothing half-written.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

fails_with 2 '--vocab is missing (see `train --help`)' train --valid valid.shard --output m train.shard
fails_with 2 'no training shards given' train --vocab vocab.tsv --valid valid.shard --output m
fails_with 2 'unknown option --hiden' train "${tiny[@]}" --hiden 3 --output m train.shard
fails_with 2 '--dropout 1: must be from 0 to 0.99' train "${tiny[@]}" --dropout 1 --output m train.shard
fails_with 2 '--rate -1: must be from 1e-12 to 1000' train "${tiny[@]}" --rate -1 --output m train.shard
fails_with 1 'cannot open missing.shard: No such file or directory; make it with: shard' train "${tiny[@]}" --output m missing.shard
fails_with 1 '--batch 2000: the training text has only 1500 sentences; lower --batch' train "${tiny[@]}" --batch 2000 --output m train.shard
fails_with 1 'cannot be cut into 101 pieces: it has 100 sentences; ask for fewer' train "${tiny[@]}" --valid-streams 101 --output m train.shard
fails_with 1 'output classes; take fewer samples, or --softmax full' train "${tiny[@]}" --softmax sampled --samples 5000 --output m train.shard
for bad in '30,20:they must rise from above 0' '40,999:they must be below the number of output classes' \
  '40,x:numbers with commas between them are expected' '20,50,100:each divides the layers'; do
  fails_with 1 "--cutoffs ${bad%%:*}: ${bad#*:}" train "${tiny[@]}" --softmax adaptive --cutoffs "${bad%%:*}" --output m train.shard
done
fails_with 1 '--tie: the embedding is 5 wide and the layers*outputs are' train "${tiny[@]}" --tie --embedding 5 --output m train.shard
fails_with 1 '--bins 900: the vocabulary has only * output classes' train "${tiny[@]}" --softmax class-factored --bins 900 --output m train.shard
fails_with 2 '--dropout-between, or its --no-, means something only with --dropout and --layers 2 or more' train "${tiny[@]}" --no-dropout-between --output m train.shard
fails_with 2 '--bins means something only with --softmax class-factored' train "${tiny[@]}" --bins 9 --output m train.shard
fails_with 2 '--tie means something only with --softmax full|sampled|nce|blackout' train "${tiny[@]}" --tie --softmax adaptive --output m train.shard
fails_with 2 '*treat embedding and output apart; with --tie they are one table' train "${tiny[@]}" --tie --rescale-embedding 2 --output m train.shard
fails_with 2 '--cutoffs means something only with --softmax adaptive' train "${tiny[@]}" --cutoffs 40 --output m train.shard
fails_with 1 'cannot read m2: it is a folder; name a file' train "${tiny[@]}" --output m "$(mkdir -p m2 && echo m2)"
[ ! -e m/model.safetensors ] || fail "a refused run left a model"

fails_with 2 '--beta1 means something only with --optimiser adam' train "${tiny[@]}" --optimiser sgd --beta1 0.5 --output m train.shard
fails_with 2 '--samples means something only with --softmax sampled' train "${tiny[@]}" --samples 5 --output m train.shard
fails_with 1 'rank(s) on this host need' train "${tiny[@]}" --hidden 65536 --layers 4 --output m train.shard
fails_with 1 'rank(s) on this host need' train "${tiny[@]}" --hidden 65536 --layers 4 --output m --dry-run train.shard

# A full disk: said before a long run, and where it fills up later nothing half-written stays.
if mkdir disk && mount -t tmpfs -o size=1200k tmpfs disk 2>/dev/null; then
  trap 'umount disk' EXIT
  fails_with 1 'disk/m: no room for checkpoints and model of ' train "${tiny[@]}" --hidden 64 --output disk/m train.shard
  train --quiet "${tiny[@]}" --epochs 100000 --output disk/m train.shard 2>said &
  pid=$!
  until [ -e disk/m/model.safetensors ]; do kill -0 $pid || fail "train ended early: $(cat said)"; sleep 0.05; done
  head -c 1300000 /dev/zero >disk/filler 2>/dev/null || true
  kill -USR1 $pid 2>/dev/null || true # a better model may have filled it already
  ! wait $pid || fail "a checkpoint on a full disk cannot succeed"
  [[ $(cat said) == *"No space left on device"* ]] || fail "$(cat said)"
  nothing_left disk
  [ "$(cat disk/m/state 2>/dev/null)" != running ] || fail "the state must not say running"
  trap - EXIT
  umount disk
else
  echo "not tried: a full disk (needs the right to mount)"
fi

# Another vocabulary than the shards'.
vocab --quiet --output other.tsv test.txt
fails_with 1 'vocabulary' train "${tiny[@]/vocab.tsv/other.tsv}" --output m train.shard

# Divergence: says at which step, in which parameters; the state says failed.
fails_with 1 'training has diverged; lower --rate or --clip' train "${tiny[@]}" --optimiser sgd --rate 1000 --clip 0 --epochs 50 --output diverged train.shard
expect_output failed cat diverged/state

# Models: damaged, missing, of another vocabulary.
train --quiet "${tiny[@]}" --epochs 1 --output m train.shard
fails_with 1 'cannot open the model no.safetensors; make it with train or estimate: No such file' evaluate --vocab vocab.tsv --model no.safetensors test.shard
fails_with 1 'trained with another vocabulary' evaluate --vocab other.tsv --model m/model.safetensors test.shard
fails_with 2 'no shard given' evaluate --vocab vocab.tsv --model m/model.safetensors
fails_with 2 'exclude each other' evaluate --vocab vocab.tsv --model m/model.safetensors --per-word --per-sentence
size=$(stat -c %s m/model.safetensors)
head -c $((size - 100)) m/model.safetensors >short.safetensors
fails_with 1 'short.safetensors' evaluate --vocab vocab.tsv --model short.safetensors test.shard
cp m/model.safetensors flipped.safetensors
printf '\xff' | dd of=flipped.safetensors bs=1 seek=$((size - 1000)) conv=notrunc status=none
fails_with 1 'flipped.safetensors' evaluate --vocab vocab.tsv --model flipped.safetensors test.shard
fails_with 1 'x.safetensors' evaluate --vocab vocab.tsv --model "$(echo nonsense >x.safetensors && echo x.safetensors)" test.shard

# An output folder that cannot be written.
touch file
fails_with 1 'file' train "${tiny[@]}" --output file/m train.shard
nothing_left .
fails_with 2 '--initial-biases and --forget-bias exclude each other' train "${tiny[@]}" --initial-biases --forget-bias 1 --output m train.shard
fails_with 2 '--initial-output means something only with --initial range' train "${tiny[@]}" --initial unit-scaling --initial-output 0.1 --output m train.shard
fails_with 2 '--initial-projection means something only with --output-projection' train "${tiny[@]}" --initial-projection 0.1 --output m train.shard
fails_with 2 '--initial-output-fan-in and --initial-output exclude each other' train "${tiny[@]}" --initial-output-fan-in --initial-output 0.1 --output m train.shard
fails_with 2 '--initial-range means something only with --initial range|normal' train "${tiny[@]}" --initial unit-scaling --initial-range 0.1 --output m train.shard
# What a network without a state, or whose state ends with the sentence, has no use for; factors that would end learning.
window=("${tiny[@]}" --cell feed-forward --window 3)
fails_with 2 '--ema means something only with --cell lstm' train "${window[@]}" --ema 0.9 --output m train.shard
fails_with 2 '--valid-streams means something only with --cell lstm' train "${window[@]}" --valid-streams 2 --output m train.shard
fails_with 2 '--valid-streams means something only with --context carry' train "${tiny[@]}" --context reset --valid-streams 2 --output m train.shard
fails_with 2 '--cell feed-forward takes --layers 1 or 2' train "${window[@]}" --layers 3 --output m train.shard
fails_with 2 '--rescale-embedding 0: must be from 1e-06 to' train "${tiny[@]}" --rescale-embedding 0 --output m train.shard
fails_with 2 '--decay 0: must be from 1e-06 to 1' train "${tiny[@]}" --schedule step --decay 0 --output m train.shard
fails_with 2 '--decay 0: must be from 1e-06 to 1' train "${tiny[@]}" --schedule validation --decay 0 --output m train.shard
fails_with 2 '--batch 7 cannot be divided among 2 ranks' ranks 2 train "${tiny[@]}" --batch 7 --output m3 train.shard

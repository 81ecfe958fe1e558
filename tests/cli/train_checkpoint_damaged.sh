#!/usr/bin/env bash
# A damaged newest checkpoint is told and the one before it taken, to the same bits; where none is whole, the run stops.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

train --quiet "${tiny[@]}" --output whole train.shard
train --quiet "${tiny[@]}" --checkpoint-steps 20 --stop-after 110 --output run train.shard
expect_output $'checkpoint-100\ncheckpoint-110' ls run --ignore=[!c]* --ignore=curve.jsonl
cp -r run kept
state=run/checkpoint-110/state.safetensors size=$(stat -c %s run/checkpoint-110/state.safetensors)

# damage KIND FILE
damage() {
  case $1 in
  tensor) printf '\125\252' | dd of="$2" bs=1 seek=$((size - 1000)) conv=notrunc status=none ;;
  step) sed -i 's/"step":"110"/"step":"111"/; s/"step":"100"/"step":"101"/' "$2" ;;
  truncated) truncate -s $((size / 2)) "$2" ;;
  extended) echo >>"$2" ;;
  empty) : >"$2" ;;
  missing) rm "$2" ;;
  esac
}
said() {
  case $1 in
  tensor) echo 'tensor * is damaged: its hash is *' ;;
  step) echo 'the header, * bytes from offset 8 on, is damaged: its hash is *' ;;
  truncated) echo 'it is truncated' ;;
  extended) echo '1 bytes follow the last tensor' ;;
  empty) echo 'only 0 bytes' ;;
  missing) echo 'No such file or directory' ;;
  esac
}
for kind in tensor step truncated extended empty missing; do
  damage $kind $state
  train "${tiny[@]}" --output run train.shard 2>said
  # shellcheck disable=SC2053,SC2046
  [[ $(cat said) == *"warning: "*"$state"*$(said $kind)*'going back to the checkpoint of step 100, the newest that is whole'* ]] ||
    fail "$kind: $(cat said)"
  same_file whole/model.safetensors run/model.safetensors
  rm -r run && cp -r kept run
done

damage tensor $state
damage tensor run/checkpoint-100/state.safetensors
fails_with 1 "error: $state: tensor " train --quiet "${tiny[@]}" --output run train.shard
fails_with 1 'no earlier checkpoint is whole: put back a copy of it, or start anew with --fresh' \
  train --quiet "${tiny[@]}" --output run train.shard
train --quiet "${tiny[@]}" --fresh --output run train.shard
same_file whole/model.safetensors run/model.safetensors

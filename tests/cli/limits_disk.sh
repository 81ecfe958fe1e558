#!/usr/bin/env bash
# A disk that is full, at every size up to one that is enough: one message, exit code 1, nothing half-written.  A disk that fills
# up while a network trains: its checkpoints stay, and it goes on from them.  No shared memory between ranks.
# timeout: 1800
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
mkdir out
{ [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=4k tmpfs out 2>/dev/null; } || skip "needs the right to mount"
trap 'umount -l out' EXIT
larger='size * 3' # KiB; few in the short tier
[ "$TIER" != long ] || larger='size + 4'

count --quiet --order 3 --vocab vocab.tsv --output text.counts train.shard >/dev/null
estimate --quiet --smoothing katz --discount-fallback --counts text.counts --vocab vocab.tsv --output text.trie 2>/dev/null
report_row() {
  report row --quiet --system katz3 --corpus tiny --manifest text.trie.manifest.json --valid-shard test.shard \
    --valid-scores test.scores --test-shard test.shard --test-scores test.scores --output "$1"
}
evaluate --quiet --vocab vocab.tsv --model text.trie --output test.scores test.shard >/dev/null
report_table() { # of rows that lie elsewhere
  mkdir -p out/tiny
  ln -sfn "$PWD/rows" out/tiny/rows
  report table --quiet --corpus tiny out/tiny
}
report_row rows/katz3.json
train --quiet "${tiny[@]}" --epochs 1 --output net train.shard
evaluate --quiet --vocab vocab.tsv --model net/model.safetensors --output net.scores test.shard >/dev/null
mix --quiet --output weights.tsv test.scores net.scores >/dev/null
snm --quiet --vocab vocab.tsv --fit test.shard --rounds 3 --output model.snm train.shard
stages=("tokenize --quiet --output out/tokens train.txt"
  "tokenize --quiet --output out/tokens.zst train.txt"
  "split --quiet --shards 3 --output-prefix out/piece train.txt"
  "split --quiet --shards 2 --compress --output-prefix out/piece train.txt"
  "vocab --quiet --output out/words.tsv train.txt"
  "shard --quiet --vocab vocab.tsv --output out/text.shard train.txt"
  "count --quiet --order 3 --vocab vocab.tsv --output out/text.counts train.shard"
  "estimate --quiet --smoothing katz --discount-fallback --counts text.counts --vocab vocab.tsv --output out/model.trie --arpa out/model.arpa"
  "prune --quiet --model text.trie --vocab vocab.tsv --keep 900 --output out/pruned.trie"
  "convert --quiet --model text.trie --vocab vocab.tsv --output out/model.arpa"
  "evaluate --quiet --vocab vocab.tsv --model text.trie --output out/test.scores test.shard"
  "train --quiet ${tiny[*]} --epochs 1 --batch 64 --bptt 20 --checkpoint-steps 10 --output out/net train.shard"
  "evaluate --quiet --vocab vocab.tsv --model net/model.safetensors --output out/test.scores test.shard"
  "snm --quiet --vocab vocab.tsv --fit test.shard --rounds 3 --output out/model.snm train.shard"
  "snm --quiet --vocab vocab.tsv --model model.snm --score test.shard --output out/snm.scores train.shard"
  "mix --quiet --output out/weights.tsv test.scores net.scores"
  "mix --quiet --weights weights.tsv --output out/mixed.scores test.scores net.scores"
  "report_row out/rows/katz3.json"
  report_table)

refusals=0
for stage in "${stages[@]}"; do
  for ((size = 4; ; size = larger)); do
    rm -rf out/*
    mount -o remount,size=${size}k out
    status=0
    said=$($stage 2>&1 >/dev/null) || status=$?
    [ $status != 0 ] || break
    [ $status = 1 ] || fail "exit code $status, ${size}k of disk: $stage: $said"
    [[ $said == *"error: "*out* && $said == *@(No space left on device|disk|room)* ]] || fail "${size}k of disk: $stage: $said"
    nothing_left out
    refusals=$((refusals + 1))
  done
  [ $size -gt 4 ] || fail "no write was refused: $stage"
done
echo "$refusals refusals"

# While it trains: the filler takes what is left once there is a checkpoint.
run() { train --quiet "${tiny[@]}" --epochs 40 --checkpoint-steps 40 --output "$1" train.shard; }
for round in 1 2 3; do
  rm -rf out/*
  mount -o remount,size=3m out
  run out/net 2>said &
  pid=$!
  until compgen -G 'out/net/checkpoint-*/DONE' >/dev/null; do kill -0 $pid 2>/dev/null || fail "train ended early: $(cat said)"; done
  sleep 0.0$round
  cat /dev/zero >out/filler 2>/dev/null || true
  status=0
  wait $pid || status=$?
  [ $status = 1 ] && [[ $(cat said) == *"error: "*out/net*"No space left on device"* ]] || fail "exit code $status: $(cat said)"
  [ "$(cat out/net/state 2>/dev/null)" != running ] || fail "the state must not say running"
  nothing_left out
  rm out/filler
  if [ $round = 1 ]; then
    train "${tiny[@]}" --epochs 40 --checkpoint-steps 40 --output out/net train.shard 2>said || fail "$(cat said)"
    grep -q 'going on from step' said || fail "$(cat said)"
    run whole
    same_file whole/model.safetensors out/net/model.safetensors
  else
    train --quiet "${tiny[@]}" --epochs 40 --stop-after 1 --output out/net train.shard 2>said || fail "$(cat said)"
  fi
done

# Ranks on one host without /dev/shm, or hardly any.
command -v mpirun >/dev/null || skip "ranks without /dev/shm: needs mpirun"
ranks 2 train --quiet "${tiny[@]}" --epochs 1 --output shared train.shard
export -f ranks
for how in ro size=4k; do
  unshare -m bash -c 'mount -t tmpfs -o "$0" tmpfs /dev/shm && ranks 2 train --quiet "$@"' $how \
    "${tiny[@]}" --epochs 1 --output "$how" train.shard >said 2>&1 || fail "$how: $(cat said)"
  same_file shared/model.safetensors "$how/model.safetensors"
done

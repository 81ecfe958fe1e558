#!/usr/bin/env bash
# Every kind of file that the stages write, with a bit flipped, bytes missing or bytes too many at a random place: the program
# that reads it refuses it by name, exit code 1, and leaves nothing; or, where that bit means nothing (a decompressor's
# window), it does just what it does with the whole file.  No crash, no hang, no other number.
# SEED=N repeats a run's choices, KIND=GLOB picks kinds; some 100 in the short tier, over 1000 in the long one.
# timeout: 3600
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
seed=${SEED:-$((10#$(date +%N) % 32768))} each=7
[ "$TIER" != long ] || each=72
echo "SEED=$seed"
RANDOM=$seed

# --- the files, and what reads them ----------------------------------------------------------------------------------
quiet() { "$@" >/dev/null 2>said.quiet || fail "$*: $(cat said.quiet)"; }
for packed in '' .zst; do quiet tokenize --output tokens.txt$packed train.txt; done
quiet split --shards 2 --compress --output-prefix pieces train.txt
quiet split --shards 2 --output-prefix pieces train.txt
quiet count --order 3 --vocab vocab.tsv --output text.counts train.shard
quiet estimate --smoothing kn --discount-fallback --counts text.counts --vocab vocab.tsv --output model.trie --arpa model.arpa
train_options=(--quiet "${tiny[@]}" --hidden 8 --batch 64 --bptt 20 --gradient-flow --sample-steps 5 --log-steps 5)
quiet train "${train_options[@]}" --output net train.shard
quiet train "${train_options[@]}" --checkpoint-steps 10 --stop-after 25 --output stopped train.shard
model=net/model.safetensors
quiet evaluate --vocab vocab.tsv --model $model --output test.scores test.shard
quiet evaluate --vocab vocab.tsv --model model.trie --output trie.scores test.shard
quiet mix --output weights.tsv test.scores trie.scores
quiet snm --vocab vocab.tsv --fit test.shard --order 3 --rounds 3 --output model.snm train.shard
mkdir results
report_row() {
  report row --system net --corpus tiny --manifest $model.manifest.json --valid-shard test.shard --valid-scores test.scores \
    --test-shard test.shard --test-scores test.scores --output "$1"
}
quiet report_row results/rows/net.json

# KIND FILE READER, which makes `out`, or tells on stdout
kinds="tokens tokens.txt.zst read_tokens
plain-tokens tokens.txt read_plain_tokens
tokens-manifest tokens.txt.manifest.json read_plain_tokens
pieces pieces-00001-of-00002.zst read_pieces
plain-pieces pieces-00001-of-00002 read_plain_pieces
vocabulary vocab.tsv read_vocabulary
vocabulary-manifest vocab.tsv.manifest.json read_vocabulary
shard test.shard read_shard
train-shard train.shard read_train_shard
counts text.counts read_counts
trie model.trie read_trie
arpa model.arpa read_arpa
model $model read_model
checkpoint stopped/checkpoint-25/state.safetensors read_checkpoint
scores test.scores read_scores
ngram-scores trie.scores read_mixed
weights weights.tsv read_mixed
snm model.snm read_snm
weights-manifest weights.tsv.manifest.json read_mixed
manifest $model.manifest.json read_scores
counts-manifest text.counts.manifest.json read_counts
shard-manifest train.shard.manifest.json inspect_manifest
trie-manifest model.trie.manifest.json inspect_manifest
scores-manifest test.scores.manifest.json inspect_manifest
curve stopped/curve.jsonl read_checkpoint
gradient-flow stopped/gradient_flow.tsv read_checkpoint
samples stopped/samples.tsv read_checkpoint
state stopped/state read_checkpoint
row results/rows/net.json read_row"
read_tokens() { vocab --quiet --min-count 2 --output out tokens.txt.zst; }
read_plain_tokens() { vocab --quiet --min-count 2 --output out tokens.txt; }
read_plain_pieces() { vocab --quiet --min-count 2 --output out pieces-0000?-of-00002; }
read_pieces() { vocab --quiet --min-count 2 --output out pieces-0000?-of-00002.zst; }
read_vocabulary() { shard --quiet --vocab vocab.tsv --output out test.txt; }
read_shard() { evaluate --quiet --vocab vocab.tsv --model model.trie --output out test.shard; }
read_train_shard() { count --quiet --order 2 --vocab vocab.tsv --output out train.shard; }
read_counts() { estimate --quiet --smoothing katz --discount-fallback --counts text.counts --vocab vocab.tsv --output out; }
read_trie() { evaluate --quiet --vocab vocab.tsv --model model.trie --output out test.shard; }
read_arpa() { convert --quiet --model model.arpa --vocab vocab.tsv --output out; }
read_model() { evaluate --quiet --vocab vocab.tsv --model $model --output out test.shard; }
read_scores() { rm -f net.json && report_row net.json && mv net.json out; }
read_mixed() { mix --weights weights.tsv --output out test.scores trie.scores; }
read_snm() { snm --quiet --vocab vocab.tsv --model model.snm --score test.shard --output out train.shard; }
read_row() { report table --corpus tiny results && cp results/perplexity.tsv out; }
inspect_whole() { inspect --check "$file"; }
inspect_manifest() { inspect --check "$file"; }
read_checkpoint() {
  rm -rf again && cp -r stopped again || return
  train "${train_options[@]}" --output again train.shard && cp again/model.safetensors out
}

# --- damaging --------------------------------------------------------------------------------------------------------
# damage FILE: sets `how`
damage() {
  local size at byte
  size=$(stat -c %s "$1")
  at=$(((RANDOM << 15 | RANDOM) % size))
  case $((RANDOM % 4)) in
  0 | 1)
    byte=$(od -An -tu1 -j $at -N1 "$1")
    byte=$((byte ^ (1 << RANDOM % 8)))
    # shellcheck disable=SC2059
    printf "\\x$(printf %x $byte)" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
    how="bit flipped in byte $at of $size"
    ;;
  2)
    truncate -s $at "$1"
    how="cut off at $at of $size"
    ;;
  3)
    at=$((1 + RANDOM % 5000))
    awk -v n=$at -v s=$RANDOM 'BEGIN { srand(s); for (i = 0; i < n; i++) printf "%c", 32 + int(90 * rand()) }' >>"$1"
    how="$at bytes behind its $size"
    ;;
  esac
}

# outcome READER: runs it; sets `status`, `said`; leaves out and stdout
outcome() {
  rm -rf out out.manifest.json
  status=0
  timeout 60 bash -c "$1" >stdout 2>stderr || status=$?
  said=$(tr -d '\0' <stderr)
  cat stdout >produced
  if [ -f out ]; then comparable out >>produced; fi
}
comparable() { case $1$kind in *scores | *manifest) sed 's/"made":[^}]*}//' "$1" ;; *) cat "$1" ;; esac; }

export -f report_row
while read -r _ _ reader; do export -f "${reader?}"; done <<<"$kinds"
export model
eval "read_checkpoint() { rm -rf again && cp -r stopped again && train ${train_options[*]} --output again train.shard && cp again/model.safetensors out; }"

total=0 refused=0 same=0 fell_back=0 aside=0
while read -r kind file reader <&4; do
  # shellcheck disable=SC2053
  [[ $kind == ${KIND:-*} ]] || continue
  export file
  cp "$file" whole
  outcome "$reader"
  [ $status = 0 ] || fail "$kind: the whole file is not read: $said"
  cp produced expected
  before=$refused
  for ((i = 0; i < each; i++)); do
    cp whole "$file"
    damage "$file"
    outcome "$reader"
    total=$((total + 1))
    case $status in
    0)
      cmp -s expected produced || fail "$kind: $file, $how, gives other numbers (SEED=$seed): $said"
      case $said in *'going back to the checkpoint'*) fell_back=$((fell_back + 1)) ;; *"${file##*/} is not what it was"*) aside=$((aside + 1)) ;; *)
        same=$((same + 1))
        echo "not noticed, nothing changed: $kind, $how"
        ;;
      esac
      ;;
    1)
      [[ $said == *"error: "* && $said == *"${file##*/}"* ]] || fail "$kind: $file, $how (SEED=$seed): the message does not name it: $said"
      [ ! -e out ] || fail "$kind: $file, $how: refused, but something was written (SEED=$seed)"
      refused=$((refused + 1))
      ;;
    *) fail "$kind: $file, $how: exit code $status (SEED=$seed): $said" ;;
    esac
  done
  cp whole "$file"
  case $kind in checkpoint | curve | gradient-flow | samples | state) continue ;; esac # the run goes on
  [ $refused -gt $before ] || fail "$kind: none of $each was refused"
done 4<<<"$kinds"
[ -z "$(find . -name '*.tmp-*')" ] || fail "left behind: $(find . -name '*.tmp-*')"
echo "SEED=$seed: $total corruptions: $refused refused by name, $fell_back went back to the checkpoint before, $aside set aside, $same without meaning"

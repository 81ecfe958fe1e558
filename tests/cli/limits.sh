#!/usr/bin/env bash
# Limits of the system: each write that a file size limit refuses (a full disk: limits_disk), too few file descriptors, too
# little memory, folders that cannot be written, ranks that do not fit together.  Every time one message, exit code 1, nothing
# half-written.
# timeout: 1800
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
command -v prlimit >/dev/null || skip "needs prlimit"
count --quiet --order 3 --vocab vocab.tsv --output text.counts train.shard >/dev/null
estimate --quiet --smoothing katz --discount-fallback --counts text.counts --vocab vocab.tsv --output text.trie 2>/dev/null

step=64 descriptors=5 memories="100 400" # few in the short tier
[ "$TIER" != long ] || step=4 descriptors="4 5 6 8" memories="50 100 200 400"
[ -z "${SANITIZED:-}" ] || memories= # a sanitizer wants terabytes of addresses
stages=("tokenize --quiet --output out/tokens train.txt"
  "split --quiet --shards 2 --output-prefix out/piece train.txt"
  "vocab --quiet --output out/words.tsv train.txt"
  "shard --quiet --vocab vocab.tsv --output out/text.shard train.txt"
  "count --quiet --order 3 --vocab vocab.tsv --output out/text.counts train.shard"
  "estimate --quiet --smoothing katz --discount-fallback --counts text.counts --vocab vocab.tsv --output out/model.trie --arpa out/model.arpa"
  "prune --quiet --model text.trie --vocab vocab.tsv --keep 900 --output out/pruned.trie --arpa out/pruned.arpa"
  "convert --quiet --model text.trie --vocab vocab.tsv --output out/model.arpa"
  "evaluate --quiet --vocab vocab.tsv --model text.trie --output out/test.scores test.shard"
  "train --quiet ${tiny[*]} --epochs 1 --batch 64 --bptt 20 --checkpoint-steps 10 --output out/net train.shard")

# within LIMIT VALUE 'GLOB' COMMAND: under that limit it succeeds, or fails with one message that GLOB matches; sets `failed`
within() {
  local status=0 said
  rm -rf out && mkdir out
  # shellcheck disable=SC2086
  said=$(timeout 60 prlimit "--$1=$2" $4 2>&1 >/dev/null) || status=$? # a pipe has no size
  failed=$((status != 0))
  [ $status != 0 ] || return 0
  [ $status = 1 ] || fail "exit code $status, --$1=$2: $4: $said"
  # shellcheck disable=SC2053
  [[ $said == $3 ]] || fail "--$1=$2: $4: $said"
  nothing_left out
}
refusals=0
for stage in "${stages[@]}"; do
  # Every size up to one that is enough
  for ((size = 1; ; size *= step)); do
    within fsize $size '*error: cannot write *out/*: File too large*' "$stage"
    [ $failed = 1 ] || break
    refusals=$((refusals + 1))
  done
  [ $size -gt 1 ] || fail "no write was refused: $stage"
  for files in $descriptors; do
    within nofile $files '*Too many open files*' "$stage"
    refusals=$((refusals + failed))
  done
  for memory in $memories; do
    within as $((memory << 20)) '*@(out of memory|limit on addresses|Cannot allocate memory|memory)*' "$stage"
    refusals=$((refusals + failed))
  done
done
echo "$refusals refusals"

# A model that fits, but not its ARPA: it has its manifest.
for stage in "${stages[@]}"; do
  [[ $stage == *--arpa* ]] || continue
  rm -rf out && eval "$stage"
  model=$(ls out/*.trie) size=$(stat -c %s out/*.trie)
  [ "$size" -lt "$(stat -c %s out/*.arpa)" ] || fail "the ARPA is no larger: $(ls -l out)"
  within fsize "$size" '*error: cannot write *.arpa: File too large*' "$stage"
  [ $failed = 1 ] || fail "not refused: $stage"
  [ "$(echo out/*)" = "$model $model.manifest.json" ] || fail "$stage left: $(echo out/*)"
done

# A folder that cannot be written: read-only, or another's.
mkdir closed
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o ro none closed 2>/dev/null; then
  trap 'umount closed' EXIT
  why='Read-only file system'
else
  chmod 555 closed
  why='Permission denied'
fi
for stage in "${stages[@]}"; do
  # shellcheck disable=SC2086
  [ "$(id -u)" = 0 ] && [ "$why" = 'Permission denied' ] || fails_with 1 "$why" ${stage//out\//closed/}
done

# Ranks that differ: another build, other options, other inputs.
command -v mpirun >/dev/null || skip "ranks that differ: needs mpirun"
two=(timeout 60 mpirun --bind-to none --oversubscribe -np 1)
rest=("${tiny[@]}" --output net train.shard)
commit=$(train --version | sed -n 's/.*commit \([0-9a-f]\{12\}\).*/\1/p;q')
if [ -n "$commit" ]; then
  sed "s/$commit/000000000000/g" "$(command -v train)" >train_other && chmod +x train_other
  fails_with 1 'rank 1 runs another version' "${two[@]}" train "${rest[@]}" : -np 1 ./train_other "${rest[@]}"
fi
{ cat "$(command -v train)" && echo; } >train_other && chmod +x train_other # another build of the same commit
fails_with 1 'rank 1 runs another version or build' "${two[@]}" train "${rest[@]}" : -np 1 ./train_other "${rest[@]}"
fails_with 1 'rank 1 runs another version or build, other options or other inputs than rank 0' \
  "${two[@]}" train "${rest[@]}" : -np 1 train "${rest[@]}" --rate 0.02
fails_with 1 'rank 1 runs another version or build, other options or other inputs than rank 0' \
  "${two[@]}" train "${rest[@]}" : -np 1 train "${rest[@]/train.shard/test.shard}"
fails_with 1 'rank 1 runs another version or build, other options or other inputs than rank 0' \
  "${two[@]}" evaluate --vocab vocab.tsv --model text.trie test.shard : -np 1 evaluate --vocab vocab.tsv --model text.trie valid.shard
[ ! -e net ] || fail "a refused run left something"

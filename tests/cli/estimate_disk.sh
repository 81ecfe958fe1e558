#!/usr/bin/env bash
# Where a disk has no room for an n-gram model, that is said before the work: estimate, which knows the size, refuses; count and
# prune, which know the most that it can be, warn, and go on where it fits after all.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

mkdir small
[ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none small 2>/dev/null || skip "a tmpfs cannot be mounted here"
trap 'umount small' EXIT
awk 'BEGIN { srand(1); for (i = 0; i < 100000; i++) printf "%s%d", i % 20 || i == 0 ? " " : "\n", 2000 * rand() * rand() }' >text
vocab --quiet --min-count 1 --output v.tsv text
shard --quiet --vocab v.tsv --output s.shard text
count --quiet --order 4 --vocab v.tsv --output counts s.shard >/dev/null

# estimate: nothing is begun; as a dry run, and in a folder that is yet to be made.
estimate=(estimate --smoothing kn --discount-fallback --counts counts --vocab v.tsv)
for more in "" --dry-run; do
  for output in small/model small/new/folder/model; do
    # shellcheck disable=SC2086
    fails_with 1 "$output: no room for a model of *: 2* KiB are free; make room, or choose another --output" "${estimate[@]}" --output $output $more
    [ -z "$(ls small)" ] || fail "left behind: $(ls small)"
  done
done
"${estimate[@]}" --quiet --output model --arpa model.arpa 2>/dev/null
size=$(stat -c %s model)
[ "$size" -gt 262144 ] || fail "the model has $size bytes"

# prune: the most is the model; to few n-grams it is little.
prune --model model --vocab v.tsv --threshold 1e-3 --output small/pruned 2>said || fail "$(cat said)"
grep -q 'small/pruned: there may be no room for the pruned model of up to .*: 2.* KiB are free' said || fail "$(cat said)"
rm small/*
prune --model model --vocab v.tsv --keep 2200 --output small/pruned 2>said || fail "$(cat said)"
! grep 'no room' said || fail "warned of little"
forecast=$(sed -n 's/.*the pruned model at most \([0-9]*\)\.[0-9] KiB$/\1/p' said)
[ "$(stat -c %s small/pruned)" -le $((forecast * 1024 + 1024)) ] || fail "$(ls -l small), $(cat said)"
rm small/*

# count: the most is if no n-gram came twice.
count --order 1 --vocab v.tsv --output small/counts s.shard >/dev/null 2>said || fail "$(cat said)"
! grep 'no room' said || fail "warned of little"
rm small/*
fails_with 1 'small/counts: there may be no room for counts of up to *: 2* KiB are free*No space left' \
  count --order 5 --vocab v.tsv --output small/counts s.shard
nothing_left .

#!/usr/bin/env bash
# What count cannot take is refused with what, where and what to do, and leaves nothing.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 300000; i++) printf "%s%d", i % 20 || i == 0 ? " " : "\n", 5000 * rand() * rand() }' >text
vocab --quiet --min-count 1 --output v.tsv text
vocab --quiet --min-count 9 --output other.tsv text
shard --quiet --vocab v.tsv --output s.shard text
shard --quiet --vocab other.tsv --output other.shard text
mkdir out
refused() { fails_with "$1" "$2" count --vocab v.tsv --output out/c "${@:3}"; }
refused 2 'no shard given'
refused 2 '--order 0: must be from 1 to 9' --order 0 s.shard
refused 2 '--order 10: must be from 1 to 9' --order 10 s.shard
refused 2 '--memory much: not a size' --memory much s.shard
refused 1 '--memory 16.0 MiB is too little: at least *M are needed for n-grams of order 5' --memory 16M s.shard
refused 1 '--memory 1.0 MiB is too little: at least *M are needed for n-grams of order 1 from 315000 events' --order 1 --memory 1M s.shard
refused 1 'cannot open missing.shard: No such file or directory; make it with: shard' s.shard missing.shard
refused 1 'other.shard: made with the vocabulary *, but * is in use; make the shard again' s.shard other.shard
refused 1 'text: not a billionword-shard-1 file' text
fails_with 1 'cannot open nowhere.tsv: No such file' count --vocab nowhere.tsv --output out/c s.shard
fails_with 2 '--vocab' count --output out/c s.shard
fails_with 2 '--output' count --vocab v.tsv s.shard
fails_with 2 '--output -: counts and their manifest need a file' count --vocab v.tsv --output - s.shard
fails_with 2 's.shard' count --vocab v.tsv --output s.shard s.shard
fails_with 2 'v.tsv' count --vocab v.tsv --output ./v.tsv s.shard
fails_with 1 'cannot write out: it is a folder' count --vocab v.tsv --output out s.shard
fails_with 1 'cannot make the folder text: a file of that name is there' count --vocab v.tsv --output text/c s.shard

# A shard that is damaged in its middle is found while it is read.
cp s.shard damaged.shard
printf 'damage' | dd of=damaged.shard bs=1 seek=$(($(stat -c %s s.shard) / 2)) conv=notrunc status=none
refused 1 'damaged.shard: frame * is damaged' damaged.shard

# A full disk, a limit on the size of files.
(
  ulimit -f 200 # KiB
  refused 1 'cannot write out/c: File too large' s.shard
)
[ -z "$(ls out)" ] || fail "left behind: $(ls out)"
mkdir small
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none small 2>/dev/null; then
  trap 'umount small' EXIT
  fails_with 1 'cannot write small/c: No space left on device' count --vocab v.tsv --output small/c s.shard
  [ -z "$(ls small)" ] || fail "left behind: $(ls small)"
else
  echo "not tried: a full disk (a tmpfs cannot be mounted here)"
fi

# An output that is there stays as it is where counting fails.
count --quiet --vocab v.tsv --output out/c s.shard >/dev/null
cp out/c before
refused 1 'damaged.shard: frame * is damaged' damaged.shard
same_file out/c before
nothing_left .

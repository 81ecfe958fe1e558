#!/bin/bash
#SBATCH --job-name=prepare_lm1b
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=12:00:00
#SBATCH --mem=8G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# The text of the One Billion Word benchmark, out of its tarball or made anew from the raw news of WMT11:
#
#   LM1B_TAR=1-billion-word-language-modeling-benchmark-r13output.tar.gz  jobs/prepare_lm1b.sh
#   LM1B_RAW=folder with news.2007.en.shuffled ... news.2011.en.shuffled  jobs/prepare_lm1b.sh
#
# LM1B_MEMORY=4G is what sorting may take.  The tarball needs 5 GB of disk beside itself, the raw files some 30 GB.
# Raw files are made unique by `sort -u` as they are, tokenised, and split into 100 shards, of which shard 0 is split
# again into 50 held-out ones, exactly as the benchmark's authors did.  What is done is not done again after a stop.
#
# It leaves in work/corpus/lm1b:
#   train/news.en-00001-of-00100 ... -00099-of-00100   the 99 training shards, a file each
#   test.txt                                           held-out shard 0, the published test set
#   valid.txt                                          held-out shard 1
# Shard 0 of the 100, the source of both held-out ones, is never part of it.

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
CORPUS=lm1b TOKENIZE=
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"

# MD5 of three of the files, as the benchmark's authors published them.
declare -A published=(
  [train/news.en-00001-of-00100]=8926e543891cf5c4cf7ece2c8e4bc5f4
  [test.txt]=ce1e84fb6d856ced56ba2c551104f6ac
  [valid.txt]=ca9f6fb688aaee07abf88b5c8ab1c8f2
)

dry_run=
case ${1:-} in
'') ;;
--dry-run) dry_run=1 ;;
-h | --help) show_help "[--dry-run]" ;;
*) fail_usage "unknown argument '$1': it takes --dry-run; the input comes from LM1B_TAR or LM1B_RAW" ;;
esac
need_single_task
memory=${LM1B_MEMORY:-4G}
scratch=$text/preparing
training=training-monolingual.tokenized.shuffled heldout=heldout-monolingual.tokenized.shuffled

# need_room BYTES: what the work folder's disk has to hold on top of what is there.
need_room() {
  local room needed=$1
  mkdir -p "$text"
  room=$(df --output=avail -B1 "$text" | tail -n 1)
  [ "$room" -ge "$needed" ] ||
    fail "$text has room for $((room >> 20)) MiB; this takes about $((needed >> 20)) MiB: make room, or choose another disk with WORK="
}

# Leaves the shards under the benchmark's own folder names in $scratch.
from_tarball() {
  local status=0
  [ -f "$LM1B_TAR" ] || fail "LM1B_TAR=$LM1B_TAR: there is no such file"
  if [ -n "$dry_run" ]; then
    say "would unpack 99 training shards and 2 held-out ones out of $LM1B_TAR into $text"
    exit 0
  fi
  need_room $((5 * $(stat -L -c %s "$LM1B_TAR") / 2))
  step "Unpacking $LM1B_TAR"
  announce
  # What does not end well has to be unpacked again.
  trap 'end_of_job; rm -rf "$scratch" && rmdir --ignore-fail-on-non-empty "$text"' EXIT
  rm -rf "$scratch"
  mkdir -p "$scratch"
  # The folder is named in every pattern: the held-out folder holds a news.en-00000-of-00100, which is both held-out sets.
  stoppable tar -xf "$LM1B_TAR" -C "$scratch" --strip-components=1 --no-same-owner --wildcards \
    "*/$training/news.en-000??-of-00100" "*/$heldout/news.en.heldout-0000[01]-of-00050" >&2 || status=$?
  [ $status = 0 ] || leave_if_asked
  [ $status = 0 ] || fail "tar cannot unpack the benchmark's files from $LM1B_TAR (exit code $status): is it whole, and the right one?"
}

from_raw() {
  local year raw=() sum=0
  for year in 2007 2008 2009 2010 2011; do
    raw+=("$LM1B_RAW/news.$year.en.shuffled")
    [ -s "${raw[-1]}" ] || fail "LM1B_RAW=$LM1B_RAW: ${raw[-1]} is missing or empty; it is in training-monolingual.tgz of WMT11"
    sum=$((sum + $(stat -L -c %s "${raw[-1]}")))
  done
  if [ -n "$dry_run" ]; then
    say "would sort, tokenise and split ${raw[*]} with $memory of memory into $text"
    exit 0
  fi
  need_programs tokenize split
  [ -e "$scratch" ] || need_room $((2 * sum))
  mkdir -p "$scratch"
  step "Making raw lines unique"
  make_file "$scratch/sorted" "${raw[@]}" -- sort_unique "$scratch/sorted" "${raw[@]}"
  step "Tokenising"
  make_file "$scratch/tokenized" "$scratch/sorted" -- \
    "$bin/tokenize" --style lm1b --invalid-utf8 replace --output "$scratch/tokenized" "$scratch/sorted"
  step "Splitting into 100 shards"
  make_file "$scratch/$training/news.en.manifest.json" "$scratch/tokenized" -- \
    "$bin/split" --shards 100 --memory "$memory" --output-prefix "$scratch/$training/news.en" "$scratch/tokenized"
  step "Splitting shard 0 into 50 held-out shards"
  make_file "$scratch/$heldout/news.en.heldout.manifest.json" "$scratch/$training/news.en.manifest.json" -- \
    "$bin/split" --shards 50 --memory "$memory" --output-prefix "$scratch/$heldout/news.en.heldout" \
    "$scratch/$training/news.en-00000-of-00100"
}

# sort_unique OUT IN...: in byte order; of lines that are the same one is kept.
sort_unique() {
  LC_ALL=C stoppable sort -u --parallel="$(nproc)" -S "$memory" -T "$scratch" -o "$1.part" "${@:2}" || return
  mv "$1.part" "$1"
}

# Moves the shards to where the pipeline looks for them: the training folder whole, the test text last.
publish() {
  local number file
  for number in {01..99}; do
    file=$scratch/$training/news.en-000$number-of-00100
    [ -s "$file" ] || fail "training shard ${file##*/} is missing or empty after unpacking: is the input whole?"
  done
  for file in "$scratch/$heldout"/news.en.heldout-0000{0,1}-of-00050; do
    [ -s "$file" ] || fail "held-out shard ${file##*/} is missing or empty: is the input whole?"
  done
  rm -f "$scratch/$training/news.en.manifest.json" # a run stopped from here on splits again
  mkdir -p "$scratch/train"
  for number in {01..99}; do mv "$scratch/$training/news.en-000$number-of-00100" "$scratch/train/"; done
  rm -rf "$text/train" "$text/valid.txt" "$text/test.txt"
  mv "$scratch/train" "$text/train"
  mv "$scratch/$heldout/news.en.heldout-00001-of-00050" "$text/valid.txt"
  mv "$scratch/$heldout/news.en.heldout-00000-of-00050" "$text/test.txt"
  rm -rf "$scratch"
}

check_published() {
  local file found wrong=
  for file in "${!published[@]}"; do
    found=$(md5sum <"$text/$file")
    if [ "${found%% *}" != "${published[$file]}" ]; then
      say "warning: $file has the MD5 ${found%% *}, the published one is ${published[$file]}"
      wrong=1
    fi
  done
  if [ -n "$wrong" ]; then
    say "warning: this is not the text that the published perplexities were measured on"
  else
    say "the checksums of ${#published[@]} files are the published ones"
  fi
}

case ${LM1B_TAR:+tar}${LM1B_RAW:+raw} in
tar | raw) ;;
tarraw) fail_usage "LM1B_TAR and LM1B_RAW are both set: give one of them" ;;
*) fail_usage "where is the benchmark?  Give LM1B_TAR=1-billion-word-language-modeling-benchmark-r13output.tar.gz, or \
LM1B_RAW=<folder with news.2007.en.shuffled to news.2011.en.shuffled>" ;;
esac
if [ -e "$text/test.txt" ] && [ -e "$text/valid.txt" ] && [ -d "$text/train" ]; then
  say "$text is there already; remove it to make it anew"
  exit 0
fi
forward_signals
if [ -n "${LM1B_TAR:-}" ]; then
  expect_steps 1
  from_tarball
else
  expect_steps 4
  from_raw
fi
publish
check_published
say "the One Billion Word benchmark is in $text"

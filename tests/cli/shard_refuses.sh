#!/usr/bin/env bash
# What vocab and shard cannot take is refused with what, where and what to do, and leaves nothing.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a b\nb a\n' >sound
vocab --quiet --min-count 1 --output v.tsv sound
mkdir out

# Both programs say the same.
refused() {
  fails_with "$1" "$2" vocab --output out/v "${@:3}"
  fails_with "$1" "$2" shard --vocab v.tsv --output out/s "${@:3}"
}
: >empty
gzip -c empty >empty.gz
printf '\n \n\t\n' >blank
printf 'a b\nc\0d\n' >nul
printf 'a b\nc d \xc3\x28\n' >utf8
printf 'a b\nc d \xc3' >half
printf 'a\nb <S> c\n' >begin
printf 'a\nb\n</S>\n' >end
printf 'a <UNK> b\n' >unknown
refused 2 'no text was named'
refused 1 'cannot open missing: No such file or directory' sound missing
refused 1 'cannot read out: it is a folder; name a file' out
refused 1 'empty: the text has no words' sound empty
refused 1 'empty.gz: the text has no words' empty.gz
refused 1 'blank: the text has no words' blank
refused 1 'nul: line 2: NUL byte at offset 5: not a text file?' sound nul
refused 1 'utf8: line 2: invalid UTF-8 at offset 8: repair the text, or pass it through: tokenize --invalid-utf8 replace' utf8
refused 1 'half: line 2: invalid UTF-8 at offset 8' half
refused 1 'begin: line 2: the word <S> or </S> in the text at offset 4: remove it' begin
refused 1 'end: line 3: the word <S> or </S> in the text at offset 4: remove it' end
refused 1 "unknown: line 1: the word <UNK> in the text at offset 2: where it stands for unknown words, say --unk '<UNK>'" unknown
refused 1 "the word <UNK> in the text" --unk '<unk>' unknown
refused 2 '--unk: "a b" is not one word' --unk 'a b' sound
refused 2 '--unk: the symbol is empty' --unk '' sound
refused 2 '--unk: <S> is reserved' --unk '<S>' sound
refused 2 '--threads' --threads 0 sound
refused 2 '' --no-such-option sound
fails_with 2 '--output: name a file' vocab --output - sound
fails_with 2 '--output: name a file' shard --vocab v.tsv --output - sound
fails_with 2 '--min-count' vocab --min-count 0 --output out/v sound
fails_with 2 '--output' vocab sound
fails_with 2 '--vocab' shard --output out/s sound

# Compressed input that is cut or damaged.
zstd -qc sound >sound.zst
head -c 12 sound.zst >cut.zst
refused 1 'cut.zst: compressed data ends too early, at offset 12; the file is truncated' cut.zst

# The vocabulary is missing or none.
fails_with 1 'cannot open nowhere.tsv: No such file or directory; make it with: vocab --output nowhere.tsv' \
  shard --vocab nowhere.tsv --output out/s sound
fails_with 1 'sound: line 1: no tab: not a vocabulary (word<TAB>count); make one with: vocab' \
  shard --vocab sound --output out/s sound
[ -z "$(ls out)" ] || fail "left behind: $(ls out)"

# Outputs that cannot be written: a folder, a place below a file, a device, no permission, a limit on sizes, a full disk.
refused_output() {
  fails_with 1 "$1" vocab --output "$2" sound
  fails_with 1 "$1" shard --vocab v.tsv --output "$2" sound
}
refused_output 'cannot write out: it is a folder; name a file' out
refused_output 'cannot make the folder sound: a file of that name is there' sound/x
refused_output 'cannot write /dev/null: not a regular file' /dev/null
[ -c /dev/null ] || fail "/dev/null was replaced"
if [ "$(id -u)" != 0 ]; then
  mkdir closed && chmod 555 closed
  refused_output 'cannot write closed/x: Permission denied' closed/x
fi
awk 'BEGIN { srand(1); for (i = 0; i < 400000; i++) printf "%s%d", i % 20 ? " " : "\n", 1e6 * rand() }' >much
vocab --quiet --min-count 1 --output much.tsv much
(
  ulimit -f 300 # KiB
  fails_with 1 'cannot write out/v: File too large' vocab --min-count 1 --output out/v much
  fails_with 1 'cannot write out/s: File too large' shard --vocab much.tsv --output out/s much
)
if [ -w /dev/full ]; then
  fails_with 1 'cannot write to stdout: No space left on device' bash -c 'inspect v.tsv >/dev/full'
fi
[ -z "$(ls out)" ] || fail "left behind: $(ls out)"
mkdir small
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none small 2>/dev/null; then
  trap 'umount small' EXIT
  fails_with 1 'cannot write small/v: No space left on device' vocab --min-count 1 --output small/v much
  fails_with 1 'cannot write small/s: No space left on device' shard --vocab much.tsv --output small/s much
  [ -z "$(ls small)" ] || fail "left behind: $(ls small)"
else
  echo "not tried: a full disk (a tmpfs cannot be mounted here)"
fi

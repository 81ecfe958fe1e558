#!/usr/bin/env bash
# A small text, whose vocabulary is written out here: order, reserved words, rare words, blanks, line ends, packings.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'b a c\na  b\ta \r\n\n \nzoo <unk> a b\nÄrger b a' >text
cat >want <<'END'
a	5
</S>	4
<UNK>	4
b	4
<S>	4
END
vocab --min-count 2 --unk '<unk>' --output v.tsv text 2>said
same_file v.tsv want
grep -q 'warning: 2 lines without words were skipped' said || fail "$(cat said)"
grep -q '4 sentences, 13 words, 5 different' said || fail "$(cat said)"
[ "$(inspect v.tsv | awk '$1 == "words" { print $2 }')" = 13 ] || fail "the counts do not add up to the words"

# The commonest words alone: of b, c, zoo, Ärger with more than nothing as the least count, b stays beside a.
vocab --min-count 1 --max-words 2 --unk '<unk>' --output most.tsv text 2>said
same_file most.tsv v.tsv
grep -q 'most.tsv: 5 words with <S>, </S>, <UNK>; <UNK> stands for 4 words of the text' said || fail "$(cat said)"
vocab --quiet --min-count 2 --max-words 9 --unk '<unk>' --output most.tsv text
same_file most.tsv v.tsv
vocab --quiet --min-count 1 --max-words 1 --unk '<unk>' --output most.tsv text
printf '<UNK>\t8\na\t5\n</S>\t4\n<S>\t4\n' >want
same_file most.tsv want

# Forgetting --unk does not go unnoticed, nor do other markers; with it all is quiet.
printf '<s> a <unk> b </s>\na <unk>\n' >marked
vocab --output marked.tsv marked 2>said
grep -q "warning: <unk> is in the text 2 times and was counted as an ordinary word:.*say --unk '<unk>'" said || fail "$(cat said)"
grep -q 'warning: <s> is in the text 1 times.*remove it' said || fail "$(cat said)"
grep -q 'warning: </s> is in the text 1 times.*remove it' said || fail "$(cat said)"
printf 'a <unk>\n' >marked
vocab --unk '<unk>' --output marked.tsv marked 2>said
! grep -q warning said || fail "$(cat said)"

# Without cutting, and without a symbol of its own: a count of 0 is written as 1, equal counts rise in byte order.
printf 'x y\ny\n' >small
printf '</S>\t2\ny\t2\n<UNK>\t1\nx\t1\n<S>\t2\n' >want
vocab --quiet --min-count 1 --output small.tsv small
same_file small.tsv want

# The same from several files, packed files, standard input, and into .zst.
printf 'b a c\na  b\ta \r\n\n \n' | gzip >one.gz
printf 'zoo <unk> a b\nÄrger b a' | zstd -q >two
vocab --quiet --min-count 2 --unk '<unk>' --output parts.tsv.zst one.gz two
zstd -qd parts.tsv.zst
same_file parts.tsv v.tsv
vocab --quiet --min-count 2 --unk '<unk>' --output stdin.tsv - <text
same_file stdin.tsv v.tsv

# <UNK> itself may be the symbol; one line of more than 10 MB is a sentence like any other.
printf 'a <UNK> b\n' >reserved
vocab --quiet --min-count 1 --unk '<UNK>' --output reserved.tsv reserved
printf '</S>\t1\n<UNK>\t1\na\t1\nb\t1\n<S>\t1\n' >want
same_file reserved.tsv want
awk 'BEGIN { for (i = 0; i < 2500000; i++) printf "w%d ", i % 1000; print ""; print "last" }' >long
vocab --quiet --output long.tsv long
[ "$(head -n 1 long.tsv)" = $'w0\t2500' ] || fail "$(head -n 1 long.tsv)"
[ "$(tail -n 1 long.tsv)" = $'<S>\t2' ] || fail "$(tail -n 1 long.tsv)"
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "long"; print " a" }' >word # a word of 800,000 bytes
vocab --quiet --min-count 1 --output word.tsv word
[ "$(awk -F'\t' 'length($1) == 800000' word.tsv | wc -l)" = 1 ] || fail "the long word is lost"

# The manifest names what was read by its contents.
grep -q '"path": "two"' parts.tsv.zst.manifest.json || fail "$(cat parts.tsv.zst.manifest.json)"
grep -q '"min-count": "2"' parts.tsv.zst.manifest.json || fail "$(cat parts.tsv.zst.manifest.json)"
hash_of() { inspect "$1.manifest.json" | awk -F'\t' '$1 == "inputs" { print $2 }' | cut -d' ' -f1; }
[ "$(hash_of stdin.tsv)" = "$(hash_of v.tsv)" ] || fail "the same text has two hashes"
[ "$(inspect v.tsv.manifest.json | awk -F'\t' '$1 == "outputs" { print $2 }')" = \
  "$(inspect v.tsv | awk '$1 == "hash" { print $2 }') v.tsv" ] || fail "the output's hash is not the vocabulary's"
nothing_left .

vocab --dry-run --output dry/v.tsv text 2>said
grep -q 'would write dry/v.tsv and dry/v.tsv.manifest.json' said || fail "$(cat said)"
[ ! -e dry ] || fail "--dry-run wrote something"

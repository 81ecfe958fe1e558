#!/usr/bin/env bash
# Styles, sentence splitting, replacement of invalid UTF-8, the warning about the language, several files, long lines.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

expect_output $'Don\'t , (a) b\n\nc' tokenize --quiet --style none <<<$'  Don\'t ,\t(a)\u00a0 b\u2028 \r\n \t\nc'

expect_output $'" Oh ! "\nMr. Knightley left at 5 .\nIt rained .' \
  tokenize --quiet --split-sentences <<<$'"Oh!" Mr. Knightley left at 5. It rained.\n\n  \n'
expect_output $'Mr. A left.\nB stayed.' tokenize --quiet --style none --split-sentences <<<'Mr. A left. B  stayed.'

# Characters: code points, the space by its own name, and back.
expect_output $'I t <SPACE> \' s <SPACE> 5 ½ \U1F600 .\n\n< S P A C E >\né <SPACE> e \u0301' \
  tokenize --quiet --style char <<<$' It\t\'s  5½\U1F600. \r\n \n<SPACE>\né e\u0301'
tokenize --quiet --style none "$BILLIONWORD_HOME/tests/golden/tokenize_raw.txt" >plain
tokenize --quiet --style char plain | sed 's/ //g; s/<SPACE>/ /g' >again
same_file again plain

# A piece that is not UTF-8 is replaced and counted, on the terminal and in the manifest.
printf 'caf\xe9 \xe2\x82, fine\n\xff\n' >latin1
tokenize --invalid-utf8 replace --output replaced latin1 2>said
expect_output $'caf \ufffd \ufffd , fine\n\ufffd' cat replaced
grep -q 'warning: 3 pieces of invalid UTF-8 became U+FFFD' said || fail "$(cat said)"
grep -q '"invalid_utf8_replaced": "3"' replaced.manifest.json || fail "$(cat replaced.manifest.json)"

# The rules are English: a text that plainly is not gets a warning, once; an English one, or a short one, does not.
repeat() { awk -v times="$1" -v line="$2" 'BEGIN { while (times--) print line }'; }
repeat 300 'Das Haus, das er baut, steht auf dem Berg.' >german
repeat 300 'The house that he built is on the hill.' >english
repeat 300 'Дом стоит на горе.' >russian
tokenize german 2>&1 >/dev/null | grep -c 'does not look English (only 0.0 %' | grep -qx 1 || fail "no warning for German"
tokenize russian 2>&1 >/dev/null | grep -q 'letters are not Latin' || fail "no warning for Russian"
for quiet in 'tokenize english' 'tokenize --style none german' 'tokenize latin1 --invalid-utf8 replace'; do
  if $quiet 2>&1 >/dev/null | grep -q 'look English'; then fail "a warning of: $quiet"; fi
done

# Several files are one text, in their order; the manifest names each with its hash.
tokenize --quiet english german >both 2>/dev/null
{ tokenize --quiet english && tokenize --quiet german; } >behind 2>/dev/null
same_file both behind
zstd -q english && gzip -k german
tokenize --quiet --output both.zst english.zst german.gz 2>/dev/null
zstd -dcq both.zst >again
same_file again both
[ "$(grep -c '"path": "\(english.zst\|german.gz\)"' both.zst.manifest.json)" = 2 ] || fail "$(cat both.zst.manifest.json)"

# Lines of 10 MB, each of one kind: far longer than a block, and nothing here may take quadratic time.
long() { repeat $((10000000 / ${#1} + 1)) "$1" | tr -d '\n'; }
for piece in "a'b" ',' "'" '."' '.' '( ' 'DOTMULTI.' $'e\u0301\u0323' 'â€™Â 1' 'Mr. No. x. '; do
  { long "$piece" && printf 'z\nlast line.\n'; } >line
  tokenize --quiet --threads 2 line >out 2>/dev/null
  [ "$(wc -l <out)" = 2 ] || fail "$piece: $(wc -l <out) lines"
  [ "$(tail -n 1 out)" = 'last line .' ] || fail "$piece: $(tail -c 100 out)"
done

#!/usr/bin/env bash
# The benchmark's tokens, byte for byte: tests/golden/tokenize_tokens.txt is what its two scripts (Perl 5.36) made of
# tokenize_raw.txt, our own sentences and random hostile lines.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

golden=$BILLIONWORD_HOME/tests/golden
tokenize --quiet <"$golden/tokenize_raw.txt" >tokens 2>said
same_file tokens "$golden/tokenize_tokens.txt"
grep -q 'does not look English' said || fail "no warning: $(cat said)"

# As a filter and into a file, on any number of threads, plain or compressed.
for threads in 1 2 5; do
  tokenize --quiet --threads $threads --output out/tokens.zst "$golden/tokenize_raw.txt" 2>/dev/null
  zstd -dcq out/tokens.zst >again
  same_file again tokens
done
grep -q '"lines": "628"' out/tokens.zst.manifest.json || fail "$(cat out/tokens.zst.manifest.json)"
nothing_left .

# Line ends: CRLF, a lone CR within the line, no final line feed, which only a line that is passed through keeps missing.
expect_output $'a b\n\nc .' tokenize --quiet <<<$'a b\r\n\r\nc.\r'
[ "$(printf 'one.\ntwo.' | tokenize --quiet | od -An -c | tr -d ' \n')" = 'one.\ntwo.\n' ] || fail "no final line feed"
[ "$(printf 'a\n<p>' | tokenize --quiet | od -An -c | tr -d ' \n')" = 'a\n<p>' ] || fail "a tag without line feed"
printf '<p>' >first
printf 'two' >second
expect_output $'<p>\ntwo' tokenize --quiet first second

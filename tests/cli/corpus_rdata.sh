# R's data files: good ones of both versions, and bad ones, each with its message.  The files are made here byte by byte.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

# make_data BASE 'PERL OF THE VALUE' [compressed]: BASE.rdb with one variable `novel`, and its index BASE.rdx.
# The Perl has head(VERSION), chars(TEXT, FLAGS), strings(LIST OF CHARS), and word(N).
make_data() {
  perl - "$1" "$2" "${3:-1}" <<'PERL'
    my ($base, $expression, $compressed) = @ARGV;
    sub word { pack 'N', $_[0] & 0xFFFFFFFF }
    sub head { "X\n" . word($_[0]) . word(0x40201) . word(0x20300) . ($_[0] == 3 ? word(5) . 'UTF-8' : '') }
    sub chars { word(defined $_[1] ? $_[1] : 0x40009) . word(length $_[0]) . $_[0] }
    sub strings { word(16) . word(scalar @_) . join '', @_ }
    sub numbers { word(13) . word(scalar @_) . join '', map { word($_) } @_ }
    sub named { word(0x402) . word(1) . chars('names') . strings(map { chars($_) } @_) . word(254) }
    sub again { word(0x402) . word(0x1FF) . strings(map { chars($_) } @_) . word(254) } # the same symbol, by reference
    sub zlib { # stored, not compressed
        my ($data) = @_;
        my ($a, $b) = (1, 0);
        for (unpack 'C*', $data) { $a = ($a + $_) % 65521; $b = ($b + $a) % 65521 }
        return "\x78\x01\x01" . pack('vv', length $data, ~length($data) & 0xFFFF) . $data . pack 'N', $b << 16 | $a;
    }
    sub save { open my $f, '>', $_[0] or die; binmode $f; print $f $_[1]; close $f }
    my $value = eval $expression; die $@ if $@;
    my $chunk = word(length $value) . zlib($value);
    save("$base.rdb", $chunk);
    my $variables = word(0x213) . word(1) . numbers(0, length $chunk) . named('novel');
    save("$base.rdx", head(3) . word(0x213) . word(2) . $variables . word(10) . word(1) . word($compressed)
        . again('variables', 'compressed'));
PERL
  gzip -c "$1.rdx" >"$1.gz" && mv "$1.gz" "$1.rdx"
}

make_data good 'head(3) . strings(chars("CHAPTER 1"), chars(""), word(9) . word(-1), chars("caf\xe9", 0x4009), chars("caf\xc3\xa9", 0x8009))'
expect_output novel rdata_text good
expect_output $'CHAPTER 1\n\n\ncafé\ncafé' rdata_text good novel
make_data old 'head(2) . word(0x210) . word(1) . chars("with a name") . named("x")'
expect_output 'with a name' rdata_text old novel

fails_with 2 'BASE is missing' rdata_text
fails_with 1 'cannot read nothing.rdx: No such file' rdata_text nothing
fails_with 1 'good.rdx: has no poem' rdata_text good poem

make_data number 'head(3) . numbers(1, 2)'
fails_with 1 'number.rdb: novel: is of R type 13, not a character vector' rdata_text number novel
make_data closure 'head(3) . word(0x403)'
fails_with 1 'closure.rdb: novel: an R value of type 3, which is not read here, at byte 27 of 27' rdata_text closure novel
make_data cut 'head(3) . word(16) . word(1) . word(9) . word(100) . "only this"'
fails_with 1 'cut.rdb: novel: cut short at byte 39 of 48' rdata_text cut novel
make_data long 'head(3) . word(16) . word(2000000000) . chars("x")'
fails_with 1 'long.rdb: novel: a length beyond the end of the data' rdata_text long novel
make_data more 'head(3) . strings(chars("x")) . "y"'
fails_with 1 'more.rdb: novel: something behind the value' rdata_text more novel
make_data deep 'head(3) . (word(19) . word(1)) x 100 . word(254)'
fails_with 1 'deep.rdb: novel: nested too deep' rdata_text deep novel
make_data zero 'head(3) . strings(chars("a\0b"))'
fails_with 1 'zero.rdb: novel: a zero byte within a string' rdata_text zero novel
make_data future 'head(4) . strings(chars("x"))'
fails_with 1 'future.rdb: novel: serialization version 4; 2 and 3 are read' rdata_text future novel
make_data ascii '"A\n3\n262657\n"  . "x" x 20'
fails_with 1 "ascii.rdb: novel: not R's binary serialization" rdata_text ascii novel
make_data bzip 'head(3) . strings(chars("x"))' 2
fails_with 1 'bzip.rdx: its data are not compressed with zlib' rdata_text bzip novel

cp good.rdx flip.rdx
perl -pe 'BEGIN { $/ = undef; binmode STDIN; binmode STDOUT } substr($_, 50, 1) ^= "\x01"' <good.rdb >flip.rdb
fails_with 1 'flip.rdb: novel: damaged zlib data' rdata_text flip novel
cp good.rdx short.rdx && head -c 60 good.rdb >short.rdb
fails_with 1 'short.rdb: novel: bytes 0 to * are not there: the file is cut short' rdata_text short novel
head -c 40 good.rdx >half.rdx
fails_with 1 'half.rdx: damaged gzip data' rdata_text half
echo "some text that is no index" >text.rdx
fails_with 1 "text.rdx: index: not R's binary serialization" rdata_text text

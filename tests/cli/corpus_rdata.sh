#!/usr/bin/env bash
# R's data files: good ones of both versions, and bad ones, each with its message.  The files are made here byte by byte.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

# make_data BASE 'PERL OF THE VALUE' [COMPRESSED]: one variable `novel`; the index is compressed as R does it.
make_data() {
  perl "$BILLIONWORD_HOME/tests/cli/make_rdata.pl" "$1" "${3:-1}" novel "$2"
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

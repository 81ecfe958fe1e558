#!/usr/bin/env bash
# The corpus `classics` out of packages in miniature, made here with the names and formats of the real ones.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
command -v dpkg-deb >/dev/null || skip "needs dpkg-deb"
export BILLIONWORD_BIN=$BIN
make_corpus() { "$BILLIONWORD_HOME/tools/corpus_classics" corpus; }

# novel NAME: a title, two chapters of 40 paragraphs in wrapped lines, verse, a heading, and what ends it.
novel() {
  printf '%s\n\nBy Somebody\n\n\nCHAPTER I\n\n' "$1"
  seq 80 | awk -v name="$1" '
    { print "In paragraph " $1 " of " name " Mr. Smith said that it was\n_late_--too late, he thought. \"Yes,\" she said."
      print "\n     verse that is left out,\n     for it is indented\n" }
    $1 == 40 { print "CHAPTER II. A Heading" "\n\n" "ANOTHER ONE" "\n\n" "[Illustration]" "\n" }'
  printf '\n\nTHE END\n\nWhat comes behind the end is no text.\n'
}

# A package is a folder tree with a few words about it.
package() { # NAME
  mkdir -p "$1/DEBIAN"
  printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody <no@body>\nDescription: test\n' "$1" >"$1/DEBIAN/control"
  dpkg-deb -b "$1" "corpus/packages/$1_1_all.deb" >/dev/null
}
library=usr/lib/R/site-library make_rdata=$BILLIONWORD_HOME/tests/cli/make_rdata.pl
mkdir -p corpus/packages r-cran-janeaustenr/$library/janeaustenr/data r-cran-tokenizers/$library/tokenizers/data
austen=()
for name in emma mansfieldpark northangerabbey persuasion prideprejudice sensesensibility; do
  novel "$name" >"$name"
  austen+=("$name" "head(3) . lines('$name')")
done
perl "$make_rdata" r-cran-janeaustenr/$library/janeaustenr/data/Rdata 1 "${austen[@]}"
novel mobydick >mobydick
perl "$make_rdata" r-cran-tokenizers/$library/tokenizers/data/Rdata 1 mobydick "head(3) . lines('mobydick')"
testdata=golang-github-pierrec-lz4-dev/usr/share/gocode/src/lz4/testdata
mkdir -p $testdata
{ printf '\xef\xbb\xbfLicence\n\n*** START OF THIS ***\n\nADVENTURE I. X\n\n' && novel sherlock | sed 1,7d; } |
  sed 's/$/\r/' >$testdata/pg1661.txt
novel tomsawyer >$testdata/Mark.Twain-Tom.Sawyer.txt
for name in r-cran-janeaustenr r-cran-tokenizers golang-github-pierrec-lz4-dev; do package $name; done

make_corpus 2>said || fail "$(cat said)"
[ "$(grep -c 'warning: .*txt has the content hash .* the packages of this release differ' said)" = 3 ] || fail "$(cat said)"
cat corpus/{train,valid,test}.txt | LC_ALL=C sort >all
LC_ALL=C sort -cu all || fail "a sentence comes twice"
[ "$(wc -l <all)" = 721 ] || fail "721 sentences expected (9 novels of 80, and one that all have): $(wc -l <all)"
grep -qx 'In paragraph 41 of emma Mr. Smith said that it was late -- too late , he thought .' all || fail "$(head -n 3 all)"
grep -qx 'In paragraph 80 of sherlock Mr. Smith said that it was late -- too late , he thought .' all || fail "no sherlock"
grep -qx '" Yes , " she said .' all || fail "no speech"
if grep -E 'verse|CHAPTER|ANOTHER|Illustr|behind|Somebody|Licence|_' all; then fail "what is no text is in"; fi
for part in train valid test; do
  grep -q "^$part$(printf '\t')$(wc -l <corpus/$part.txt)$(printf '\t').*$(content_hash corpus/$part.txt | cut -d' ' -f1)" \
    corpus/counts.tsv || fail "$(cat corpus/counts.tsv)"
done
[ "$(sed -n 's/^test.//p' corpus/counts.tsv | cut -f1)" -lt 80 ] || fail "the test part is too large"
[ ! -e corpus/preparing ] || fail "the scratch folder is left"

make_corpus 2>said
grep -q 'is up to date' said || fail "made again: $(cat said)"

# Another release of a package lacks a novel; apt is not there, does not know the packages, or cannot fetch them.
rm corpus/counts.tsv corpus/packages/golang* && rm $testdata/pg1661.txt && package golang-github-pierrec-lz4-dev
fails_with 1 "hold no testdata/pg1661.txt: another release" make_corpus
rm corpus/packages/*
mkdir tools only && printf '#!/bin/sh\nexit 100\n' >tools/apt-get && cp tools/apt-get tools/apt-cache && chmod +x tools/*
for program in bash dirname mkdir find sort tail rm id; do ln -s "$(command -v $program)" only/; done
fails_with 1 'there is no apt-get here * run with CORPUS=<folder>' env PATH="$PWD/only" "$BILLIONWORD_HOME/tools/corpus_classics" corpus
export PATH=$PWD/tools:$PATH
fails_with 1 'apt does not know r-cran-janeaustenr r-cran-tokenizers golang-github-pierrec-lz4-dev: run `make deps`' make_corpus
printf '#!/bin/sh\nexit 0\n' >tools/apt-cache
fails_with 1 'apt could not fetch * may also be copied to' make_corpus
fails_with 1 'rdata_text is missing: run `make`' env BILLIONWORD_BIN=nowhere "$BILLIONWORD_HOME/tools/corpus_classics" corpus
fails_with 2 'usage: tools/corpus_classics FOLDER' "$BILLIONWORD_HOME/tools/corpus_classics"
[ ! -e corpus/preparing ] || fail "the scratch folder is left"

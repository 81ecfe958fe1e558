#!/usr/bin/env bash
# Outputs that are no plain files: a link to nothing, what the program's own words go to, no name, and programs that were started
# without standard input, output or error.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a b\nb a\na a\n' >text
vocab --quiet --min-count 1 --output v.tsv text
shard --quiet --vocab v.tsv --output good.shard text

# A file that is opened while standard error is closed must not get its number, or what the program says goes into it.
without() { # without STREAM COMMAND...
  case $1 in
  in) "${@:2}" <&- ;;
  out) "${@:2}" >&- ;;
  err) "${@:2}" 2>&- ;;
  all) "${@:2}" <&- >&- 2>&- ;;
  esac
}
for stream in in err all; do
  without $stream vocab --min-count 1 --output $stream.tsv text
  same_file v.tsv $stream.tsv
  without $stream shard --vocab v.tsv --output $stream.shard text
  inspect --check $stream.shard >/dev/null
  same_file good.shard $stream.shard
done
# Neither results that nobody can read nor a text that cannot be read are a success.
fails_with 1 'cannot read standard input at offset 0: Bad file descriptor' without in vocab --output x.tsv -
fails_with 1 'cannot write to stdout: Bad file descriptor' without out inspect good.shard

# A link to what is not there: neither is made, so that the data does not land on another disk.
ln -s elsewhere/real.tsv link.tsv
fails_with 1 'cannot write link.tsv: it is a link to what is not there' vocab --min-count 1 --output link.tsv text
[ -L link.tsv ] && [ ! -e elsewhere ] || fail "the link was replaced or followed"

# What standard output goes to is not replaced.
into_itself() { { echo head && vocab --min-count 1 --output /dev/stdout text; } >both; }
fails_with 1 "cannot write /dev/stdout: it is where this program's standard output goes" into_itself
expect_output head cat both

# No name, and two.
fails_with 2 '--output needs a value' vocab --output '' text
fails_with 2 '--output needs a value' train --vocab v.tsv --valid good.shard --output= good.shard
fails_with 2 '--output is given twice: it takes one value' vocab --output x.tsv --output y.tsv text
fails_with 2 'the folder RESULTS/CORPUS has an empty name' report table --corpus x ''
nothing_left .

#!/usr/bin/env bash
# The recipes of the papers: what `train --dry-run` prints is what tests/golden/recipes/<system>.tsv says (option, value, where the
# source says so), and every option that a script gives stands there.  `window` and recipes of 256 units are the project's own.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export BILLIONWORD_BIN=$BIN WORK=$PWD/work RESULTS=$PWD/results CORPUS=$PWD/words THREADS=1
golden=$BILLIONWORD_HOME/tests/golden/recipes

# A corpus of few sentences with a vocabulary beyond the largest cut-off.
mkdir -p words work/words
awk 'BEGIN { print "w0\t900000"; for (i = 1; i < 200097; i++) printf "w%d\t%d\n", i, 800000 - i; print "</S>\t5\n<UNK>\t4\n<S>\t5" }' >work/words/vocab.tsv
awk 'BEGIN { for (i = 0; i < 16000; i++) print "w" i }' >train.txt
head -n 200 train.txt >valid.txt
for split in train valid; do shard --quiet --vocab work/words/vocab.tsv --output work/words/$split.shard $split.txt; done
cp work/words/valid.shard work/words/test.shard
for split in train valid test; do echo w0 >words/$split.txt; done
# What a system that reads characters would make first.
mkdir work/words/characters
tokenize --quiet --style char valid.txt >characters.txt
vocab --quiet --min-count 1 --output work/words/characters/vocab.tsv characters.txt
for split in train valid; do
  shard --quiet --vocab work/words/characters/vocab.tsv --output work/words/characters/$split.shard characters.txt
done

checked=0
for script in "$BILLIONWORD_HOME"/jobs/train_*.sh; do
  system=$(basename "$script" .sh)
  system=${system#train_}
  grep -q '^run_neural_system' "$script" || continue
  case $system in *256* | window) continue ;; esac
  [ -s "$golden/$system.tsv" ] || fail "$system has no $golden/$system.tsv: option, value and source, with tabs between"
  status=0
  "$script" --dry-run --device cpu >said 2>&1 || status=$?
  # This machine may be too small for the network, and the text for its warm-up, which is known after the table was printed.
  [ $status = 0 ] || grep -q -e 'of memory each, .* are free in all' -e '--warmup .*: the whole run has' said || fail "$system: $(cat said)"
  sed -n 's/^train:   \([a-z0-9-]*\)  *\(.*\)$/\1\t\2/p' said >printed
  awk -F'\t' -v name="$system" '
    FILENAME == "printed" { value[$1] = $2; next }
    NF != 3 || $3 == "" { printf "%s: not option, value and source: %s\n", name, $0; bad = 1; next }
    !($1 in value) || value[$1] != $2 { printf "%s: --%s is %s, by its source (%s) %s\n", name, $1, value[$1], $3, $2; bad = 1 }
    END { exit bad }' printed "$golden/$system.tsv" || fail "the recipe of $system is not that of its source"
  sed -n '/^recipe=(/,/^)/p' "$script" | sed 's/#.*//' | grep -o -- '--[a-z0-9-]*' | sed 's/^--//; s/^no-//' | sort -u >given
  cut -f1 "$golden/$system.tsv" | sort -u >named
  [ -z "$(comm -23 given named)" ] || fail "$system gives options whose source is not in $golden/$system.tsv:" "$(comm -23 given named)"
  checked=$((checked + 1))
done
[ $checked -ge 11 ] || fail "only $checked recipes were looked at"
for file in "$golden"/*.tsv; do
  [ -e "$BILLIONWORD_HOME/jobs/train_$(basename "$file" .tsv).sh" ] || fail "$file has no job script"
done

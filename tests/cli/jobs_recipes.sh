#!/usr/bin/env bash
# The recipes of the papers: what `train --dry-run` prints is what tests/golden/recipes/<system>.tsv says (option, value, where the
# source says so), and every option that a script gives stands there, as does every other one that means something for the recipe,
# so that no default changes one unseen.  `window` and recipes of 256 units are the project's own.
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

# What a run may choose: where things are, what computes, what is written when.
run_options='vocab valid output gradient-flow sample-steps seed threads device precision checkpoint-seconds checkpoint-steps log-steps
  stop-after watchdog elastic fresh'
# What means nothing for a recipe, but under one of the conditions behind it, has this value and needs no source.
cat >idle <<'END'
window 0 cell=feed-forward
direct no cell=feed-forward
projection 0 cell=lstm
output-projection 0 cell=lstm
forget-bias 0 cell=lstm
cell-bias yes cell=rnn-sigmoid cell=rnn-tanh cell=rnn-relu cell=rnn-identity
two-biases no cell=lstm
output-bias yes softmax=full softmax=sampled softmax=nce softmax=blackout
dropout-between yes layers!=1
tie no softmax=full softmax=sampled softmax=nce softmax=blackout
samples 8192 softmax=sampled softmax=nce softmax=blackout
samples-of block softmax=sampled softmax=nce softmax=blackout
proposal log-uniform softmax=sampled softmax=nce softmax=blackout
alpha 1 proposal=power
distinct no softmax=blackout
ln-z 9 softmax=nce
bins 0 softmax=class-factored
bin-by root-frequency softmax=class-factored
ngrams 0 softmax=hierarchical
ngram-weights 16777216 ngrams!=0
ngram-rate 1 ngrams!=0
initial-range 0.05 initial=range initial=normal
initial-embedding 0 initial=range
initial-output 0 initial=range
initial-output-fan-in no initial=range
initial-projection 0 output-projection!=0
initial-biases no initial=range
valid-streams 1 context=carry
accumulator 0 optimiser=adagrad
row-wise no optimiser=adagrad
epsilon 1e-08 optimiser=adagrad optimiser=adam optimiser=rmsprop
beta1 0.9 optimiser=adam
beta2 0.999 optimiser=adam optimiser=rmsprop
decay 0.5 schedule=step schedule=validation
decay-after 4 schedule=step
decay-worse 0 schedule=step
improvement 1 patience!=0 schedule=validation
clip-group all clip!=0
sample-length 200 sample-steps!=0
END

checked=0
for script in "$BILLIONWORD_HOME"/jobs/train_*.sh; do
  system=$(basename "$script" .sh)
  system=${system#train_}
  grep -q '^run_neural_system' "$script" || continue
  case $system in *256* | window) continue ;; esac
  [ -s "$golden/$system.tsv" ] || fail "$system has no $golden/$system.tsv: option, value and source, with tabs between"
  status=0
  "$script" --dry-run --device cpu >said 2>&1 || status=$?
  # This machine may be too small for the network, and this text for one warm-up, which is known after the table was printed.
  refused='of memory each, .* are free in all'
  [ "$system" != lstm2048_sync ] || refused+='\|--warmup 1000: the whole run has'
  [ $status = 0 ] || grep -q -e "$refused" said || fail "$system: $(cat said)"
  sed -n 's/^train:   \([a-z0-9-]*\)  *\(.*\)$/\1\t\2/p' said >printed
  awk -v name="$system" -v run="$run_options" '
    BEGIN { FS = "\t"; n = split(run, x, " "); for (i = 1; i <= n; i++) named[x[i]] }
    FILENAME == "printed" { value[$1] = $2; next }
    FILENAME == "idle" { option = $0; sub(/ .*/, "", option); idle[option] = $0; next }
    { named[$1] }
    NF != 3 || $3 == "" { printf "%s: not option, value and source: %s\n", name, $0; bad = 1; next }
    !($1 in value) || value[$1] != $2 { printf "%s: --%s is %s, by its source (%s) %s\n", name, $1, value[$1], $3, $2; bad = 1 }
    # The value that an option without a source has to have; "": it means something.
    function idle_value(option, words, n, i, where, unlike) {
      n = split(idle[option], words, " ")
      for (i = 3; i <= n; i++) {
        unlike = sub(/!=/, "=", words[i])
        where = index(words[i], "=")
        if ((value[substr(words[i], 1, where - 1)] == substr(words[i], where + 1)) != unlike) return ""
      }
      return words[2]
    }
    END {
      for (option in value) {
        if (option in named) continue
        must = idle_value(option)
        if (must == value[option]) continue
        bad = 1
        if (must == "") printf "%s: --%s is %s, and %s.tsv does not say why\n", name, option, value[option], name
        else printf "%s: --%s is %s; where it means nothing it should be %s\n", name, option, value[option], must
      }
      exit bad
    }' printed idle "$golden/$system.tsv" || fail "the recipe of $system is not that of its source"
  sed -n '/^recipe=(/,/^)/p' "$script" | sed 's/#.*//' | grep -o -- '--[a-z0-9-]*' | sed 's/^--//; s/^no-//' | sort -u >given
  cut -f1 "$golden/$system.tsv" | sort -u >named
  [ -z "$(comm -23 given named)" ] || fail "$system gives options whose source is not in $golden/$system.tsv:" "$(comm -23 given named)"
  checked=$((checked + 1))
done
[ $checked -ge 11 ] || fail "only $checked recipes were looked at"
for file in "$golden"/*.tsv; do
  [ -e "$BILLIONWORD_HOME/jobs/train_$(basename "$file" .tsv).sh" ] || fail "$file has no job script"
done

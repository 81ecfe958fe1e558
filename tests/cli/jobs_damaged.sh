#!/usr/bin/env bash
# What job scripts keep beside the programs' own files, damaged: the table and what shows it, a row, the records of what made a
# file, the state of a run.  The next run mends it, trains nothing anew, and shows the same table.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/jobs.bash"
sed -i 's/--epochs 200/--epochs 1/' jobs/train_lstm256.sh
export SYSTEMS="unigram lstm256"
jobs/pipeline.sh 2>said >whole || fail "$(cat said)"
folder=work/tiny/lstm256 row=results/tiny/rows/lstm256.json
made=$(stat -c %i,%y $folder/model.safetensors)

# mends WHAT 'TOLD': run again, there is the same table as before.
mends() {
  jobs/pipeline.sh 2>said >shown || fail "$1: $(cat said)"
  [[ $(cat said) == *$2* ]] || fail "$1: not told: $(cat said)"
  same_file whole shown
  for file in perplexity.tsv perplexity.md; do grep -q lstm256 results/tiny/$file || fail "$1: $file: $(cat results/tiny/$file)"; done
  [ "$(stat -c %i,%y $folder/model.safetensors)" = "$made" ] || fail "$1: trained anew: $(cat said)"
}

for file in perplexity.tsv perplexity.md; do
  sed -i 's/lstm256/lstm257/' results/tiny/$file
  mends "$file, changed" 'nothing to do'
  : >results/tiny/$file
  mends "$file, empty" 'nothing to do'
done
sed -i 's/"ppl_test":/"ppl_test":1/' $row
mends 'a row, changed' "$row is damaged: it is made again"
truncate -s 100 $row
mends 'a row, cut off' "$row is damaged: it is made again"
for file in $folder/model.safetensors.command $folder/test.scores.command $row.command; do
  sed -i '1s/./x/' $file
  mends "$file" ''
  : >$file
  mends "$file, empty" ''
done
for word in finishe running '' nonsense; do
  echo "$word" >$folder/state
  mends "state '$word'" 'nothing to do'
  rm $folder/model.safetensors.command
  mends "state '$word', no record" ''
done

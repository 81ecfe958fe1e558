#!/usr/bin/env bash
# The pipeline as a chain of jobs, to a table; and what becomes of it where the corpus cannot be prepared.
# timeout: 200
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 4 32000
make_clone
cd "$clone/logs"
ids() { sed -n 's/.* job \([0-9]*\) .*/\1/p' "$1"; }

make_corpus tiny 300
export CORPUS=$PWD/tiny SYSTEMS="unigram lstm256"
NP=2 bash "$clone/jobs/pipeline.sh" --submit 2>said
cat said
[ "$(ids said | wc -l)" = 3 ] || fail "three jobs expected: $(cat said)"
for id in $(ids said); do
  wait_for_end "$id" 120
  [ "$state" = COMPLETED ] || fail "job $id ended as $state: $(cat ./*-"$id.log")"
done
table=$clone/results/tiny/perplexity.tsv
for system in unigram lstm256; do
  grep -P "^$system\t" "$table" | grep -qP '\tVALID\t' || fail "no valid row of $system: $(cat "$table")"
done

# An input that is refused: the systems do not wait for ever.
printf 'a word\nand \0 a zero byte\n' >tiny/train.txt
bash "$clone/jobs/pipeline.sh" --submit 2>said
read -r first second third <<<"$(ids said | tr '\n' ' ')"
wait_for_end "$first" 60 && [ "$state" = FAILED ] || fail "$state"
for id in "$second" "$third"; do
  wait_for_end "$id" 60
  [ "$state" = CANCELLED ] || fail "job $id ended as $state"
done

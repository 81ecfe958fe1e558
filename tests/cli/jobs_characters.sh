#!/usr/bin/env bash
# charrnn: the text in characters is made beside that in words, once; the row stands, valid, in the table of words.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/jobs.bash"
sed -i 's/--hidden [0-9]*/--hidden 16/' jobs/train_charrnn.sh
fails_with 1 "work/tiny/characters/train.shard is missing; make it with:  train_charrnn.sh, without --dry-run" jobs/train_charrnn.sh --dry-run
jobs/train_unigram.sh >out 2>said || fail "$(cat said)"
EPOCHS=1 jobs/train_charrnn.sh >out 2>said || fail "$(cat said)"
table=results/tiny/perplexity.tsv
awk -F'\t' '$14 == "VALID" { valid++; events[$11] } END { for (e in events) n++; exit !(valid == 2 && n == 1) }' $table || fail "$(cat $table)"
awk -F'\t' '$1 == "charrnn" { note = $16 } END { exit note !~ /bits a character/ }' $table || fail "$(cat $table)"
grep -q '^100	' work/tiny/charrnn/samples.tsv || fail "no samples"
EPOCHS=1 jobs/train_charrnn.sh >again 2>said || fail "$(cat said)"
grep -q 'nothing to do' said || fail "$(cat said)"
jobs/train_charrnn.sh --dry-run 2>said || fail "$(cat said)"
grep -q 'forecast: ' said || fail "$(cat said)"

# Another text in words: that in characters is made again.
sed 's/w1/w2/' tiny/test.txt >changed && mv changed tiny/test.txt
jobs/prepare_corpus.sh 2>said
EPOCHS=1 jobs/train_charrnn.sh >again 2>said || fail "$(cat said)"
! grep -q 'nothing to do' said && ! grep -q 'training:' said || fail "$(cat said)"
awk -F'\t' '$1 == "charrnn" && $14 == "VALID" { n++ } END { exit n != 1 }' $table || fail "$(cat $table)"

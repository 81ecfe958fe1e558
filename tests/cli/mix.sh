#!/usr/bin/env bash
# mix: weights of two n-gram models found on one text and used on another; its scores are those of the formula, its costs those
# of its models; strange inputs are refused.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
synthetic_text --quiet --tokens 30000 >text
head -n 200 text >test.txt
sed -n 201,400p text >valid.txt
sed 1,400d text >train.txt
vocab --quiet --output v.tsv train.txt
for s in train valid test; do shard --quiet --vocab v.tsv --output $s.shard $s.txt; done
for n in 1 3; do
  count --quiet --order $n --vocab v.tsv --output $n.counts train.shard
  mkdir m$n
  smoothing=kn && [ $n = 3 ] || smoothing=ml
  estimate --quiet --smoothing $smoothing --counts $n.counts --vocab v.tsv --output m$n/model.trie
  for s in valid test; do evaluate --quiet --model m$n/model.trie --vocab v.tsv --output m$n/$s.scores $s.shard >/dev/null; done
done

mix --output w.tsv m3/valid.scores m1/valid.scores >table
expect_output 'weight perplexity name' sh -c 'head -n 1 table | tr "\t" " "'
expect_output 'm3 m1 mixture' sh -c "awk 'NR > 1 { print \$3 }' table | paste -sd' '"
awk 'NR == 2 { a = $2; w = $1 } NR == 3 { b = $2; w += $1 } NR == 4 { exit !(w == 1 && $2 <= a && $2 <= b) }' table || fail "$(cat table)"
mix --weights w.tsv --output test.scores m1/test.scores m3/test.scores >table # in any order
mix --weights w.tsv --output again.scores m3/test.scores m1/test.scores >/dev/null
cmp test.scores again.scores || fail "the order of the models counts"

# Each score by the formula.
read -r a b < <(awk 'NR > 1 { print $1 }' w.tsv | paste -sd' ')
n=$(awk -F'\t' '$1 == "events" { print $2 }' <(evaluate --quiet --model m1/model.trie --vocab v.tsv test.shard))
floats() { zstd -dcq "$1" | head -c $((4 * n)) | od -An -v -w4 -tf4; }
paste <(floats m3/test.scores) <(floats m1/test.scores) <(floats test.scores) |
  awk -v a="$a" -v b="$b" '{ p = a * exp($1) + b * exp($2); d = log(p) - $3; if (d < -1e-5 || d > 1e-5) exit 1; n++ } END { exit !(n > 100) }' ||
  fail "the scores are not those of the mixture"

# As a row: its parameters and times are those of its models.
mix --weights w.tsv --output valid.scores m3/valid.scores m1/valid.scores >/dev/null
report row --system mixture --corpus mini --manifest w.tsv.manifest.json --valid-shard valid.shard --valid-scores valid.scores \
  --test-shard test.shard --test-scores test.scores --output mixture.json >/dev/null
grep -q '"status":"VALID"' mixture.json || fail "$(cat mixture.json)"
note() { sed -n "s/.*\"$2\": *\"\([0-9.]*\)\".*/\1/p" "$1.manifest.json"; }
for key in params train_events; do
  expect_output $(($(note m1/model.trie $key) + $(note m3/model.trie $key))) note w.tsv $key
done
expect_output '' note w.tsv note
# From elsewhere, and with all that was computed moved, the costs are found; without the model's manifest it is said.
mkdir moved && cp -r m1 m3 moved/
for elsewhere in moved m3; do
  (cd $elsewhere && mix --output here.tsv ../$elsewhere/../m3/valid.scores ../m1/valid.scores >/dev/null 2>said) || fail "$(cat $elsewhere/said)"
  expect_output "$(note w.tsv train_events)" note $elsewhere/here.tsv train_events
done
(cd moved && rm ../m1/model.trie.manifest.json && mix --output here.tsv m3/valid.scores m1/valid.scores >/dev/null)
expect_output "$(note w.tsv train_events)" note moved/here.tsv train_events
mix --output less.tsv m3/valid.scores m1/valid.scores >/dev/null 2>said
grep -q 'the manifest of the model of m1/valid.scores is not there' said || fail "$(cat said)"
grep -q '"note": *"time without that of m1' less.tsv.manifest.json || fail "$(cat less.tsv.manifest.json)"

# Names that are long, or no text, do no harm to the scores.
long=$(printf 'ä%.0s' {1..40})
mkdir "$long" $'m\x01\xff'
cp m1/*.scores* "$long" && cp m3/*.scores* $'m\x01\xff'
mix --output names.tsv "$long/valid.scores" $'m\x01\xff/valid.scores' >/dev/null 2>&1
mix --weights names.tsv --output names.scores "$long/test.scores" $'m\x01\xff/test.scores' >/dev/null
inspect names.scores >/dev/null || fail "unreadable scores"

fails_with 2 'a mixture is of two models or more' mix --output x.tsv m1/valid.scores
fails_with 2 'a file is needed' mix --output - m1/valid.scores m3/valid.scores
fails_with 2 'is an input' mix --output m1/valid.scores m1/valid.scores m3/valid.scores
fails_with 1 'm1/valid.scores and m3/test.scores are scores of different texts' mix --output x.tsv m1/valid.scores m3/test.scores
fails_with 1 'm1/valid.scores and m1/valid.scores are scores of the same model' mix --output x.tsv m1/valid.scores m1/valid.scores
fails_with 1 'not a billionword-scores-1 file' mix --output x.tsv m1/valid.scores v.tsv
use() { mix --weights "$1" --output x.scores m1/test.scores m3/test.scores; }
fails_with 1 'v.tsv: line 1: expected the columns weight, model, name' use v.tsv
sed 3d w.tsv | sed '2s/^[0-9.]*/1/' >bad.tsv
fails_with 1 'bad.tsv: has no weight for m1' use bad.tsv
sed '2s/^[0-9.]*/0.9/; 3s/^[0-9.]*/0.5/' w.tsv >bad.tsv
fails_with 1 'sum of the weights is 1.4, not 1' use bad.tsv
sed '2s/^0\./7./' w.tsv >bad.tsv
fails_with 1 'bad.tsv: line 2: expected a weight from 0 to 1' use bad.tsv
sed 2p w.tsv >bad.tsv
fails_with 1 'lines 2 and 3 are of the same model' use bad.tsv
sed '2s/^[0-9.]*/0.5/; 3s/^[0-9.]*/0.25/' w.tsv >bad.tsv && printf '0.25\t%032d\tother\n' 7 >>bad.tsv
fails_with 1 'bad.tsv: gives other (00000000) a weight, of which no scores were given' use bad.tsv
sed '2s/^[0-9.]*/0.5/; 3s/^[0-9.]*/0.5/' w.tsv >w.new && mv w.new w.tsv # sound, but not what mix wrote
fails_with 1 'w.tsv' use w.tsv
[ ! -e x.tsv ] && [ ! -e x.scores ] || fail "something was written"

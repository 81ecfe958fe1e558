#!/usr/bin/env bash
# A model of characters in the table of words: each word's score is the sum of its characters' and of the space's behind it, the
# perplexity exp(nats of all characters / events of words).
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"

# Words of one letter to four, one that train does not know, letters beyond ASCII, a space that belongs to a word.
for split in train valid test; do
  awk '{ for (i = 1; i <= NF; i++) $i = substr("abcdefgh", 1 + substr($i, 2) % 5, 1 + substr($i, 2) % 4) (i % 7 ? "" : "é"); print }' $split.txt |
    sed $'5s/$/ häufig/; 6s/$/ 10\xc2\xa0000/' >words.$split.txt
  tokenize --quiet --style char --output chars.$split.txt words.$split.txt
done
echo 'xyz unseen' >>words.test.txt
tokenize --quiet --style char --output chars.test.txt words.test.txt
vocab --quiet --min-count 5 --output words.tsv words.train.txt
vocab --quiet --min-count 1 --output chars.tsv chars.train.txt
for split in train valid test; do
  for kind in words chars; do shard --quiet --vocab $kind.tsv --output $kind.$split.shard $kind.$split.txt; done
done
train --quiet --vocab chars.tsv --valid chars.valid.shard --cell rnn-tanh --one-hot --hidden 24 --batch 8 --bptt 12 --epochs 1 \
  --optimiser adam --rate 0.01 --clip 1 --context reset --threads 1 --output rnn chars.train.shard
count --quiet --order 3 --vocab chars.tsv --output chars.counts chars.train.shard
estimate --quiet --smoothing kn --discount-fallback --counts chars.counts --vocab chars.tsv --output chars.trie

value() { awk -F'\t' -v key="$1" '$1 == key { print $2 }' "$2"; }
for model in rnn/model.safetensors chars.trie; do
  evaluate --quiet --model $model --vocab chars.tsv chars.test.shard >chars.said
  evaluate --quiet --model $model --vocab chars.tsv --words words.test.shard --words-vocab words.tsv --output words.scores chars.test.shard >words.said
  expect_output "$(value events chars.said)" value characters words.said
  expect_output "$(value oov chars.said)" value unknown_characters words.said
  [ "$(value oov words.said)" -gt 1 ] && [ "$(value oov chars.said)" -gt 0 ] || fail "nothing is unknown: $(cat words.said)"
  expect_output "$(awk '{ n += NF + 1 } END { print n }' words.test.txt)" value events words.said
  awk -F'\t' 'NR == FNR { c[$1] = $2; next } { w[$1] = $2 }
    END { d = c["events"] * c["mean_ln_p"] / (w["events"] * w["mean_ln_p"]) - 1; b = w["bits_per_character"] / (-c["mean_ln_p"] / log(2)) - 1
      exit !(d <= 1e-6 && -d <= 1e-6 && b <= 1e-6 && -b <= 1e-6) }' chars.said words.said || fail "$(cat chars.said words.said)"

  # Word by word, from the characters' own scores.
  evaluate --quiet --model $model --vocab chars.tsv --per-word <chars.test.txt | awk -F'\t' '
    $1 == "" { next }
    $1 == "</S>" { if (inside) print sum; print $2; sum = inside = 0; next }
    { sum += $2; inside = 1 } $1 == "<SPACE>" { print sum; sum = 0 }' >expected
  zstd -dcq words.scores | od -An -v -w4 -t f4 >found
  [ "$(wc -l <expected)" = "$(wc -l <found)" ] || fail "$(wc -l expected found)"
  paste expected found | awk '{ d = $1 - $2; if (!(d <= 1e-4 && -d <= 1e-4)) { print NR ": " $0; bad = 1 } } END { exit bad }' >differences ||
    fail "$model: $(head -n 3 differences)"

  # The row is valid, and says what it is.
  manifest=$model.manifest.json
  evaluate --quiet --model $model --vocab chars.tsv --words words.valid.shard --words-vocab words.tsv --output valid.scores chars.valid.shard >said
  report row --quiet --system spelling --corpus tiny --manifest $manifest --valid-shard words.valid.shard --valid-scores valid.scores \
    --test-shard words.test.shard --test-scores words.scores --output tiny/rows/spelling.json >row
  expect_output VALID value status row
  awk -F'\t' 'NR == FNR { a = $1 == "perplexity" ? $2 : a; next } $1 == "ppl_test" { d = $2 / a - 1; exit !(d <= 1e-5 && -d <= 1e-5) }' words.said row || fail "$(cat row)"
  grep -q '"note":".*[0-9] bits a character, [0-9]* of them unknown; spells unknown words"' tiny/rows/spelling.json || fail "$(cat tiny/rows/spelling.json)"
done

characters() { evaluate --quiet --model chars.trie --vocab chars.tsv "$@" chars.test.shard; }
fails_with 2 '--words and --words-vocab go together' characters --words words.test.shard
fails_with 1 'chars.test.shard has 121 sentences, words.valid.shard has 100: both must be of one text' characters --words words.valid.shard --words-vocab words.tsv
head -n 100 words.valid.txt >other.txt && head -n 21 words.test.txt >>other.txt
shard --quiet --vocab words.tsv --output other.shard other.txt
fails_with 1 'in sentence 1, where other.shard has' characters --words other.shard --words-vocab words.tsv
sed '7s/ [^ ]*$//' words.test.txt >shorter.txt
shard --quiet --vocab words.tsv --output shorter.shard shorter.txt
fails_with 1 'in sentence 7, where shorter.shard has "</S>"' characters --words shorter.shard --words-vocab words.tsv
sed '7s/$/ aa/' words.test.txt >longer.txt
shard --quiet --vocab words.tsv --output longer.shard longer.txt
fails_with 1 'in sentence 7, where longer.shard has' characters --words longer.shard --words-vocab words.tsv
count --quiet --order 2 --vocab words.tsv --output words.counts words.train.shard >said
estimate --quiet --smoothing sbo --counts words.counts --vocab words.tsv --output words.trie
fails_with 1 'words.test.shard is no text of characters' evaluate --quiet --model words.trie --vocab words.tsv --words words.test.shard --words-vocab words.tsv words.test.shard

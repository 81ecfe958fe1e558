#!/usr/bin/env bash
# sample: texts of n-grams whose probabilities are known by hand, and of a network; the same seed, the same texts.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"

convert --quiet --model hand.arpa --vocab vocab.tsv --output hand.trie
for model in hand.arpa hand.trie; do
  hand=(sample --quiet --vocab vocab.tsv --model "$model")
  # a .6, then b .8, then </S> .7: greedy.  An unknown word stays as it was written, and the text goes on behind it: a .4, b .5.
  expect_output $'a b\nb\nzzz a b' "${hand[@]}" --greedy < <(printf '\nb\nzzz\n')
  expect_output 'a b a' "${hand[@]}" --greedy --min-length 3 --max-length 3 <<<''
  # No word twice: behind a b only </S> is left, or a or b where the text may not end.
  expect_output 'b a' "${hand[@]}" --greedy --min-length 1 --max-length 1 --repetition-penalty 100 <<<'b'
  # The whole sentences by hand: a b .6 * .8 * .7 = .336; b .3 * .7 = .21; empty .075; a .6 * .2 / .5 * .1 ...
  "${hand[@]}" --beam 4 --texts 3 --length-power 0 <<<'' >out
  printf 'a b\nb\n\n' >expected
  same_file out expected
  expect_output 'a b' "${hand[@]}" --beam 1 <<<''
  expect_output 'a b' "${hand[@]}" --temperature 0.001 <<<''
  expect_output 'a b' "${hand[@]}" --top-k 1 <<<''
  expect_output 'a b' "${hand[@]}" --top-p 0.01 <<<''
done

# 4,000 first words: a .6, b .3, </S> .075 and <UNK> .025, or without it the others' shares of .975.
share() { # WORD EXPECTED SAMPLE-ARGUMENTS...
  local word=$1 expected=$2
  shift 2
  sample --quiet --vocab vocab.tsv --model hand.trie --texts 4000 --max-length 1 "$@" <<<'' >drawn
  awk -v w="$word" -v e="$expected" '$0 == w { n++ } END { d = n / NR - e; exit !(NR == 4000 && d < .03 && -d < .03) }' drawn ||
    fail "$word has not $expected: $*: $(sort drawn | uniq -c)"
}
share a .6153 && share b .3077 && share '' .0769 && share '<UNK>' 0
share '<UNK>' .025 --unknown
share a .6667 --min-length 1
share a .6667 --top-k 2
share b .3333 --top-p 0.9
share a 1 --top-p 0.6
share a .7901 --temperature 0.5 # .36 of .36 + .09 + .005625
share a .4853 --temperature 2 # the square roots: .7746 of .7746 + .5477 + .2739

# Lines behind each other, with an empty one behind each text; what is cut is told.
sample --vocab vocab.tsv --model hand.trie --running --greedy --max-length 7 < <(printf 'a\nb\n') >out # a: b </S> a b </S> a b; b: </S> a b </S> a b </S>
printf 'a b\na b\na b\n\nb\na b\na b\n\n' >expected
same_file out expected
sample --vocab vocab.tsv --model hand.trie --max-length 1 --greedy <<<'' 2>said >out
grep -q '1 of 1 texts was cut at --max-length 1' said || fail "$(cat said)"
sample --vocab vocab.tsv --model hand.trie </dev/null 2>said >out
grep -q 'standard input has no line; an empty one asks for a text from its beginning' said || fail "$(cat said)"
[ ! -s out ] || fail "a text without a line"
sample --vocab vocab.tsv --model hand.trie --greedy <<<'x a y y' 2>said >out
grep -q 'line 1: 3 of 4 words are unknown to the vocabulary and read as <UNK>: x y y' said || fail "$(cat said)"
expect_output 'x a y y a b' cat out
# A beam of one finds but one text.
sample --quiet --vocab vocab.tsv --model hand.trie --beam 2 --texts 2 --min-length 1 --max-length 1 --unknown <<<'' >out
expect_output $'b\na' cat out # .3 * .7, .6 * .075

# Where nothing but </S> can follow: the text ends before its least length, and says so.
printf 'a\t5\n</S>\t4\n<UNK>\t1\n<S>\t4\n' >short.tsv
printf 'a\na\n' >short.txt
shard --quiet --vocab short.tsv --output short.shard short.txt
count --quiet --vocab short.tsv --order 2 --output short.counts short.shard
estimate --quiet --vocab short.tsv --smoothing ml --plain --output short.trie --counts short.counts
expect_output 'a' sample --quiet --vocab short.tsv --model short.trie <<<''
sample --vocab short.tsv --model short.trie --min-length 5 <<<'' >out 2>said
expect_output 'a' cat out
grep -q 'line 1: the text ends behind 1 words: no word that may follow has a probability above 0' said || fail "$(cat said)"
sample --vocab short.tsv --model short.trie --min-length 5 --beam 3 <<<'' >out 2>said
[ ! -s out ] || fail "$(cat out)"
grep -q 'line 1: 0 of 1 texts: no other was found that ends within 100 words' said || fail "$(cat said)"

# --- a network --------------------------------------------------------------------------------------------------------
rm vocab.tsv
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
train --quiet "${tiny[@]}" --context carry --epochs 1 --output m train.shard
network=(sample --quiet --model m/model.safetensors --vocab vocab.tsv)
# The same texts for any number of threads, and of texts side by side; others for another seed.
head -n 20 test.txt | cut -d ' ' -f 1-2 >prompts
"${network[@]}" --texts 3 --threads 1 --batch 1 <prompts >one
for how in '--threads 1 --batch 64' '--threads 2 --batch 7' '--threads 5 --batch 60'; do
  # shellcheck disable=SC2086
  "${network[@]}" --texts 3 $how <prompts >other
  same_file one other
done
"${network[@]}" --texts 3 --seed 2 <prompts >other
! cmp -s one other || fail "another seed, the same texts"
expect_output 60 sh -c 'wc -l <one'
paste -d '\n' prompts prompts prompts | paste -d '|' - one | awk -F'|' 'index($2, $1) != 1 { exit 1 }' || fail "not behind its line"
! grep -q '<UNK>\|<S>' one || fail "<UNK> or <S> in a text"
# Of a line alone the same as of its place among others.
sed -n 1p prompts | "${network[@]}" --texts 3 >other
head -n 3 one >first
same_file other first
# Lengths of what was made.
"${network[@]}" --texts 50 --min-length 4 --max-length 6 <<<'' | awk '{ seen[NF]++ } NF < 4 || NF > 6 { exit 1 } END { exit !(seen[4] && seen[6]) }' ||
  fail "lengths"
# A beam of one is greedy; the texts of a wider one come with the best first, as evaluate finds them.
"${network[@]}" --greedy <<<'' >greedy
"${network[@]}" --beam 1 <<<'' >other
same_file greedy other
"${network[@]}" --beam 20 --texts 5 --length-power 0 <<<'' >best
evaluate --quiet --model m/model.safetensors --vocab vocab.tsv --per-sentence <best >scores
awk 'NR > 1 && !($1 <= last + 1e-4) { exit 1 } { last = $1 } END { exit NR != 5 }' scores || fail "not the best first: $(cat scores)"

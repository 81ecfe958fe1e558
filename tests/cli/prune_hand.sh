#!/usr/bin/env bash
# prune of a trigram model small enough to do by hand: which n-grams go, the new weights, manifest, scores.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"

# exp(dH) - 1 of an n-gram, from p(h), p(w|h), p(w|h'), and 1 - sum of p(.|h), of p(.|h'), over the words seen in h;
# p(<S>) is p(</S>) = .3, p(<S> a) = .3 x .6.
loss() {
  awk -v h="$1" -v p="$2" -v q="$3" -v left="$4" -v unseen="$5" 'BEGIN {
    b = (left + p) / (unseen + q)
    printf "%.8f\n", exp(-h * (p * (log(q) + log(b) - log(p)) + left * (log(b) - log(left / unseen)))) - 1
  }'
}
begin_a=$(loss .3 .6 .4 .1 .4) begin_b=$(loss .3 .3 .2 .1 .4) a_b=$(loss .4 .5 .2 .5 .8) b_end=$(loss .2 .7 .3 .3 .7)
begin_a_b=$(loss .18 .8 .5 .2 .5)
printf '%s\n' "$a_b" "$b_end" "$begin_a" "$begin_b" "$begin_a_b" >falling
sort -rg falling >sorted
same_file falling sorted # as the cases below take it

# words_of ARPA: the n-grams from order 2, one a line.
words_of() { awk -F'\t' '/grams:/ { n++ } n > 1 && NF > 1 { print $2 }' "$1"; }
# threshold_of SAID
threshold_of() { sed -n 's/.*the threshold is //p' "$1"; }

kept=('' 'a b' 'b </s>' '<s> a' '<s> b' '<s> a b')
for n in 0 1 2 3 4 5; do
  prune --model hand.arpa --vocab vocab.tsv --keep $((5 + n)) --output "keep$n.trie" --arpa "keep$n.arpa" 2>said
  words_of "keep$n.arpa" | sort >is
  printf '%s\n' "${kept[@]:1:n}" | sed '/^$/d' | sort >expected
  same_file is expected
  grep -q "kept $((5 + n)) of 10 n-grams\|kept all 10 n-grams" said || fail "$(cat said)"
  if [ $n -lt 5 ]; then # the least threshold that does it: the largest loss that goes
    close_to "$(threshold_of said)" "$(sed -n "$((n + 1))p" falling)" 1e-6
    prune --quiet --model hand.arpa --vocab vocab.tsv --threshold "$(threshold_of said)" --threads 1 --output again.trie
    same_file again.trie "keep$n.trie"
  fi
done

# A threshold between two losses keeps those above it; a threshold that is exceeded by a longer n-gram keeps its context.
prune --quiet --model hand.arpa --vocab vocab.tsv --threshold 0.065 --output between.trie
same_file between.trie keep2.trie

# New weights: of a in what is left of the bigrams (.5 / .8), of <S> with one n-gram less (.4 / .6), of <S> a without any.
weight() { awk -F'\t' -v w="$2" '$2 == w { print $3 }' "$1"; }
close_to "$(weight keep2.arpa a)" "$(awk 'BEGIN { printf "%.9g", log(.5 / .8) / log(10) }')" 1e-6
close_to "$(weight keep3.arpa '<s>')" "$(awk 'BEGIN { printf "%.9g", log(.4 / .6) / log(10) }')" 1e-6
[ "$(weight keep2.arpa '<s>')" = 0 ] || fail "a context without n-grams has the weight $(weight keep2.arpa '<s>')"
[ "$(weight keep3.arpa '<s> a')" = 0 ] || fail "a context without n-grams has the weight $(weight keep3.arpa '<s> a')"

# The manifest; the time of the unpruned model counts.
for note in '"train_events": "0"' '"params": "16"' '"ngrams": "8"' "\"threshold\": \"${begin_b:0:6}" \
  "\"model_bytes\": \"$(stat -c %s keep3.trie)\""; do
  grep -qF "$note" keep3.trie.manifest.json || fail "no $note in $(cat keep3.trie.manifest.json)"
done
# The ARPA file has its own, with the same figures but its size: its making is no part of the training.
for file in keep3.trie keep3.arpa; do sed -n '/"notes"/,/}/p' $file.manifest.json | sed '/"model_bytes"/d' >$file.notes; done
same_file keep3.trie.notes keep3.arpa.notes
grep -qF "\"model_bytes\": \"$(stat -c %s keep3.arpa)\"" keep3.arpa.manifest.json || fail "$(cat keep3.arpa.manifest.json)"
! grep -F keep3.arpa keep3.trie.manifest.json | grep -v '"arpa"' || fail "$(cat keep3.trie.manifest.json)"
printf '{"notes": {"train_seconds": "5000", "processors": "64"}}' >hand.arpa.manifest.json
prune --quiet --model hand.arpa --vocab vocab.tsv --threads 2 --keep 8 --output timed.trie
grep -q '"processors": "64"' timed.trie.manifest.json || fail "$(cat timed.trie.manifest.json)"
grep -q '"train_seconds": "500[0-9]' timed.trie.manifest.json || fail "$(cat timed.trie.manifest.json)"
same_file timed.trie keep3.trie

# Pruned again, as a mapped model: what is left is the same as from pruning once.
prune --quiet --model keep4.trie --vocab vocab.tsv --keep 5 --output twice.trie
same_file twice.trie keep0.trie

# Scores of the pruned model: p(a|<S>) = .6, and b behind it by two weights of 1 and p(b|a) = .5.
printf 'a b\n' | evaluate --quiet --model keep3.trie --vocab vocab.tsv --per-word | cut -f 2 >scores
awk 'BEGIN { printf "%.6f\n%.6f\n%.6f\n\n", log(.6), log(.5), log(.7) }' >expected
same_file scores expected
nothing_left .

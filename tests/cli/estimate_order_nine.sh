#!/usr/bin/env bash
# The highest order, of few words, whose records are counted as keys of 64 bits, and of many, whose keys are longer; padded and
# not: count, estimate, evaluate, ARPA in and out and prune against a slow reference that follows the formulas.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh" # close_to

# text WORDS SENTENCES SEED: rare words and frequent ones; now and then a beginning that came before, so that long n-grams come again
text() {
  awk -v words="$1" -v lines="$2" -v seed="$3" 'BEGIN {
    srand(seed)
    for (i = 1; i <= lines; i++) {
      line = ""
      if (i > 9 && rand() < 0.5) line = old[1 + int(9 * rand())]
      for (n = 3 + int(14 * rand()); n > 0; n--) line = line (line == "" ? "" : " ") "w" int(words * rand() * rand() * rand())
      if (i <= 9) old[i] = line
      print line
    }
  }'
}
value() { awk -F'\t' -v n="$1" '$1 == n { print $2 }' "$2"; }
for words in 9 900; do
  text $words 130 1 >train.txt
  text $words 20 2 >test.txt
  vocab --quiet --min-count 2 --output v.tsv train.txt
  for part in train test; do shard --quiet --vocab v.tsv --output $part.shard $part.txt; done
  for pad in "" --pad; do
    # shellcheck disable=SC2086
    count --quiet --order 9 $pad --vocab v.tsv --output counts train.shard >/dev/null
    for method in kn katz; do
      estimate --quiet --smoothing $method --discount-fallback --counts counts --vocab v.tsv --output x.trie --arpa x.arpa 2>/dev/null
      convert --quiet --model x.arpa --vocab v.tsv --output y.trie
      slow=(awk -v order=9 -v pad="${pad:+1}" -v method="$method" -f "$BILLIONWORD_HOME/tests/cli/slow_ngrams.awk")
      "${slow[@]}" -v arpa=x.arpa v.tsv train.txt test.txt >slow || fail "$words words $pad, $method: $(cat slow)"
      for model in x.trie y.trie x.arpa; do
        evaluate --quiet --model $model --vocab v.tsv test.shard >scores
        close_to "$(value perplexity scores)" "$(value perplexity slow)" 1e-5
        for n in 2 3 4 5 6 7 8 9; do expect_output "$(value hit_ratio_$n slow)" value hit_ratio_$n scores; done
      done

      # A threshold in a gap between losses, so that no rounding decides.
      least=$(sort -g keys | awk '{ x[NR] = $1 } END {
        for (i = int(NR * 0.8); i < NR * 0.9; i++) if (x[i + 1] / x[i] > widest) { widest = x[i + 1] / x[i]; at = i }
        printf "%.12g", sqrt(x[at] * x[at + 1]) }')
      prune --quiet --model x.trie --vocab v.tsv --threshold "$(awk -v x="$least" 'BEGIN { printf "%.12g", exp(x) - 1 }')" \
        --output less.trie --arpa less.arpa
      "${slow[@]}" -v threshold="$least" -v pruned=less.arpa v.tsv train.txt test.txt >slow || fail "$words words $pad, $method, pruned: $(cat slow)"
      close_to "$(evaluate --quiet --model less.trie --vocab v.tsv test.shard | awk '$1 == "perplexity" { print $2 }')" "$(value pruned slow)" 1e-5
      echo "$words words $pad, $method: $(value estimated slow) orders with discounts of their own, perplexity $(value perplexity slow), pruned $(value pruned slow)"
    done
  done
done

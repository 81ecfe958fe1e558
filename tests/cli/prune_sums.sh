#!/usr/bin/env bash
# Pruned models sum to one as others do.  Katz models of few words are the hard ones: contexts where all but rare words were
# seen have large back-off weights, which must not raise the rounding of the numbers that they are made from.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

awk -v lines=400 -v words=5 -v seed=5 -f "$BILLIONWORD_HOME/tests/cli/synthetic_text.awk" >train.txt
vocab --quiet --min-count 3 --output vocab.tsv train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 4 --vocab vocab.tsv --output counts train.shard >counts.tsv
count --quiet --order 4 --pad --vocab vocab.tsv --output padded train.shard >counts.tsv

tried=0
for counts in counts padded; do
  for options in "katz --discount-fallback" "kn --discount-fallback --phantom-unk"; do
    # shellcheck disable=SC2086
    estimate --quiet --counts $counts --vocab vocab.tsv --smoothing $options --output whole.trie
    for threshold in 1e-4 1e-3; do
      prune --quiet --model whole.trie --vocab vocab.tsv --threshold $threshold --output less.trie --arpa less.arpa
      prune --quiet --model less.trie --vocab vocab.tsv --threshold 3e-3 --output twice.trie --arpa twice.arpa
      for model in less twice; do
        awk -f "$BILLIONWORD_HOME/tests/cli/sums.awk" $model.arpa >said || fail "$counts, $options, $threshold, $model: $(cat said)"
        tried=$((tried + 1))
      done
    done
  done
done
[ $tried = 16 ] || fail "only $tried models"

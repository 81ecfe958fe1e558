#!/usr/bin/env bash
# estimate of models small enough to do by hand, of padded and unpadded counts, from the longer counts too.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a b a\na b\nb\n' >train.txt
printf '</S>\t3\na\t3\nb\t3\n<UNK>\t1\n<S>\t3\n' >vocab.tsv
shard --quiet --vocab vocab.tsv --output train.shard train.txt
for order in 2 3 4; do
  count --quiet --order $order --vocab vocab.tsv --output $order.counts train.shard >counts.tsv
  count --quiet --order $order --pad --vocab vocab.tsv --output $order.padded train.shard >counts.tsv
done
model() { estimate --quiet --vocab vocab.tsv --output x.trie --arpa x.arpa "$@"; }

# Unigrams: 3, 3, 3 and the never seen 1 out of 10.  Behind a: b 2/3, </S> 1/3; behind b: a 1/3, </S> 2/3; behind <S>:
# a 2/3, b 1/3; each time Z = 1 - (0.3 + 0.3) + 1 = 1.4, p = 2/3 / Z or 1/3 / Z, the back-off weight 1 / Z.
cat >ml2 <<'END'
-0.52288 </s> 0.00000
-0.52288 a -0.14613
-0.52288 b -0.14613
-1.00000 <unk> 0.00000
-99.00000 <s> -0.14613
-0.62325 a </s>
-0.32222 b </s>
-0.62325 b a
-0.32222 <s> a
-0.32222 a b
-0.62325 <s> b
END
# rounded ARPA
rounded() { awk -F'\t' 'NF > 1 { printf "%.5f %s", $1, $2; if (NF > 2) printf " %.5f", $3; print "" }' "$1"; }
for counts in 2.counts 2.padded 3.counts 3.padded 4.counts 4.padded; do
  model --smoothing ml --counts $counts --order 2
  rounded x.arpa >is
  same_file is ml2
done

# Stupid Backoff: Z = 1 - 0.4 x 0.6 + 0.4 = 1.16.
model --smoothing sbo --alpha 0.4 --counts 2.counts
sed -e "s/-0.14613/$(awk 'BEGIN { printf "%.5f", log(.4 / 1.16) / log(10) }')/" \
  -e "s/-0.32222/$(awk 'BEGIN { printf "%.5f", log(2 / 3 / 1.16) / log(10) }')/" \
  -e "s/-0.62325/$(awk 'BEGIN { printf "%.5f", log(1 / 3 / 1.16) / log(10) }')/" ml2 >expected
rounded x.arpa >is
same_file is expected
grep -q '"params": "11"' x.trie.manifest.json || fail "parameters of sbo: $(cat x.trie.manifest.json)"

# Add 0.5 in contexts of one word, among 4 classes: (c + 0.5) / (3 + 2); 1 / 5 of that for others, 0.5 / 5 = 0.25 x 0.4.
model --smoothing add --delta 0.5 --counts 2.counts
sed -E -e "s/^-(0.52|1.00)[0-9]* /$(awk 'BEGIN { printf "%.5f", log(.25) / log(10) }') /" \
  -e "s/-0.14613/$(awk 'BEGIN { printf "%.5f", log(.4) / log(10) }')/" \
  -e "s/-0.32222/$(awk 'BEGIN { printf "%.5f", log(.5) / log(10) }')/" \
  -e "s/-0.62325/$(awk 'BEGIN { printf "%.5f", log(.3) / log(10) }')/" ml2 >expected
rounded x.arpa >is
same_file is expected

# Kneser-Ney with one discount.  Of order 1 it cannot be estimated: 0.75.  Two different words stand before each of a, b
# and </S>: p = (2 - 0.75) / 6 + 3 x 0.75 / 6 / 4; <UNK> has the second part alone.  Of order 2, 3 were seen once and 3 twice:
# D = 3 / (3 + 6) = 1/3, p = (c - 1/3) / 3 + 2/9 p(w).
model --smoothing kn1 --discount-fallback --counts 2.counts
value() { awk "BEGIN { a = 1.25 / 6 + 2.25 / 24; u = 2.25 / 24; printf \"%.5f\", log($1) / log(10) }"; }
sed -E -e "s/^-0.52288 /$(value a) /" -e "s/^-1.00000 /$(value u) /" -e "s/-0.14613/$(value 2/9)/" \
  -e "s/-0.32222/$(value '(2 - 1/3) / 3 + 2/9 * a')/" -e "s/-0.62325/$(value '(1 - 1/3) / 3 + 2/9 * a')/" ml2 >expected
rounded x.arpa >is
same_file is expected
grep -q '"params": "16"' x.trie.manifest.json || fail "parameters of kn1: $(cat x.trie.manifest.json)"

# Cut-offs: of each context the n-gram that was seen once goes, and its third goes to all words: Z = 2/3 + 1 - 0.3.
model --smoothing ml --counts 2.counts --cutoffs 1,2
sed -E -e '/^-0.62325/d' -e "s/-0.14613/$(awk 'BEGIN { printf "%.5f", -log(41 / 30) / log(10) }')/" \
  -e "s/-0.32222/$(awk 'BEGIN { printf "%.5f", log(20 / 41) / log(10) }')/" ml2 >expected
rounded x.arpa >is
same_file is expected
grep -q '"params": "8"' x.trie.manifest.json || fail "parameters with cut-offs: $(cat x.trie.manifest.json)"

# What is counted apart from the words: padded counts have the contexts of <S>, one word longer than unpadded ones.
model --smoothing ml --counts 3.counts
grep -A 3 '^.data' x.arpa | tr '\n' ' ' >is
printf '\\data\\ ngram 1=5 ngram 2=6 ngram 3=5 ' >expected
same_file is expected
model --smoothing ml --counts 3.padded
grep -A 3 '^.data' x.arpa | tr '\n' ' ' >is
printf '\\data\\ ngram 1=5 ngram 2=8 ngram 3=7 ' >expected
same_file is expected
nothing_left .

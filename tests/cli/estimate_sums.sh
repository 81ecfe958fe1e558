#!/usr/bin/env bash
# Every smoothing sums to one: behind contexts of all lengths, seen and unseen, with cut-offs, of padded counts.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

awk -v lines=300 -v words=30 -v seed=5 -f "$BILLIONWORD_HOME/tests/cli/synthetic_text.awk" >train.txt
vocab --quiet --min-count 3 --output vocab.tsv train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 4 --vocab vocab.tsv --output counts train.shard >counts.tsv
count --quiet --order 4 --pad --vocab vocab.tsv --output padded train.shard >counts.tsv

cat >sums.awk <<'AWK'
# p(w | h) of an ARPA file by the book.
function score(h, w) {
  if (h == "") return p[w]
  if ((h " " w) in p) return p[h " " w]
  return (h in backoff ? backoff[h] : 1) * score(h ~ / / ? substr(h, index(h, " ") + 1) : "", w)
}
function check(h, sum, i) {
  sum = 0
  for (i = 1; i <= words; i++) sum += score(h, word[i])
  if (!(sum - 1 <= 1e-6 && 1 - sum <= 1e-6)) {
    printf "behind \"%s\": %.9f\n", h, sum
    wrong++
  }
  checked++
}
function draw(n) {
  state = (state * 1103515245 + 12345) % 2147483648
  return int(state / 65536) % n
}
# No history goes on behind a sentence's end.
function history(w) {
  do w = word[1 + draw(words)]
  while (w == "</s>")
  return w
}
BEGIN { FS = "\t" }
NF > 1 {
  p[$2] = 10 ^ $1
  if (NF > 2) backoff[$2] = 10 ^ $3
  if ($2 !~ / / && $2 != "<s>") word[++words] = $2
  if ($2 !~ /<\/s>$/) context[++contexts] = $2
}
END {
  check("")
  for (i = 1; i <= 250; i++) check(context[1 + draw(contexts)])
  for (i = 1; i <= 100; i++) check(history() " " history() " " history())
  if (wrong || checked < 300) exit 1
}
AWK

tried=0
for options in "kn" "kn1" "katz" "katz --katz-most 1" "katz --katz-most 0" "sbo" "sbo --alpha 1" "ml" "ml --plain" "add" "add --delta 3"; do
  case $options in
  k*) options+=" --discount-fallback" ;;
  esac
  for counts in counts padded; do
    for more in "" "--order 3 --cutoffs 1,1,2" "--cutoffs 1,2,3,3"; do
      # shellcheck disable=SC2086
      estimate --quiet --counts $counts --vocab vocab.tsv --output x.trie --arpa x.arpa --smoothing $options $more
      awk -f sums.awk x.arpa >said || fail "--counts $counts --smoothing $options $more: $(cat said)"
      tried=$((tried + 1))
    done
  done
done
[ $tried = 66 ] || fail "only $tried models"

# Demands of an ARPA file that p sums to one within 1e-6, behind contexts of the model and others.
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

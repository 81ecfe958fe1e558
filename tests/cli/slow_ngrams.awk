# Kneser-Ney (method=kn), Katz (method=katz, k = 5) and entropy pruning of any order, straight from their formulas, with strings for
# n-grams: what the programs are compared with.  order=N; pad=1: histories go on with </s> before <s>.
#   awk -v ... -f slow_ngrams.awk vocab.tsv train.txt test.txt >values          and, to look at the programs' files,
#   awk -v ... -v arpa=FILE -v threshold=X -v pruned=FILE -f ...
# Prints the test text's perplexity, hit ratios and, with a threshold (of dH), the pruned model's perplexity; writes what each
# n-gram's loss makes of dH (of it or what it begins) to the file `keys`.  Exit code 1 where the files hold something else.
function head(g) { match(g, / [^ ]*$/); return substr(g, 1, RSTART - 1) }
function tail(g) { return substr(g, index(g, " ") + 1) }
function last(g) { match(g, /[^ ]*$/); return substr(g, RSTART) }
function log10(x) { return log(x) / log(10) }
# words of a line and their n-grams, into sentence[0 ...]; returns how many events
function read_line(i) {
  sentence[0] = "<s>"
  for (i = 1; i <= NF; i++) sentence[i] = $i in known ? $i : "<unk>"
  sentence[NF + 1] = "</s>"
  return NF + 1
}
# the word at a place of the sentence, "" where there is none
function word_at(i) { return i >= 0 ? sentence[i] : pad ? "</s>" : "" }
function add(g, n) {
  if (!(g in raw)) gram[n, ++grams[n]] = g
  raw[g]++
}
FNR == 1 { file++ }
file == 1 {
  sub(/\t.*/, "")
  if ($0 != "<S>") known[$0 == "</S>" ? "</s>" : $0 == "<UNK>" ? "<unk>" : $0]
  next
}
file == 2 {
  events = read_line()
  for (i = 1; i <= events; i++) {
    g = sentence[i]
    add(g, 1)
    for (n = 2; n <= order && (w = word_at(i - n + 1)) != ""; n++) add(g = w " " g, n)
  }
  next
}
{ test[++tests] = $0 }

# === smoothing =========================================================================================================
function count_adjusted(n, i, g, t) {
  for (n = 1; n <= order; n++)
    for (i = 1; i <= grams[n]; i++) {
      g = gram[n, i]
      if (n == order || (n > 1 && g ~ /^<\/?s> /)) adjusted[g] = raw[g]
      if (n > 1 && (n == 2 || (t = tail(g)) !~ /^<\/?s> /)) adjusted[tail(g)]++
    }
}
function find_discounts(n, i, r, times, y, above, good, c) {
  for (r = 1; r <= 6; r++) times[r] = 0
  for (i = 1; i <= grams[n]; i++) {
    c = method == "kn" ? adjusted[gram[n, i]] : raw[gram[n, i]]
    if (c <= 6) times[c]++
  }
  good = times[1] > 0
  if (method == "kn") {
    y = good ? times[1] / (times[1] + 2 * times[2]) : 0
    for (r = 1; r <= 3; r++) {
      discount[n, r] = times[r] > 0 ? r - (r + 1) * y * times[r + 1] / times[r] : -1
      if (!(discount[n, r] >= 0 && discount[n, r] <= r)) good = 0
    }
    for (r = 1; r <= 3 && !good; r++) discount[n, r] = r / 2
  } else {
    above = good ? 6 * times[6] / times[1] : 1
    if (!(above > 0 && above < 1)) good = 0
    for (r = 1; r <= 5; r++) {
      discount[n, r] = good && times[r] > 0 ? ((r + 1) * times[r + 1] / times[r] / r - above) / (1 - above) : 0
      if (!(discount[n, r] > 0 && discount[n, r] <= 1)) good = 0
    }
    for (r = 1; r <= 5 && !good; r++) discount[n, r] = (r - 0.5) / r
  }
  estimated += good
}
function taken(n, a) { return discount[n, a < 3 ? a : 3] }
function smooth_unigrams(w, sum, all, classes) {
  for (w in known) {
    classes++
    sum += method == "kn" ? adjusted[w] : raw[w] > 0 ? raw[w] : 1
    if (method == "kn" && adjusted[w] > 0) all += taken(1, adjusted[w])
  }
  for (w in known)
    p[w] = method == "katz" ? (raw[w] > 0 ? raw[w] : 1) / sum : ((adjusted[w] > 0 ? adjusted[w] - taken(1, adjusted[w]) : 0) + all / classes) / sum
}
function smooth(n, i, g, h, c, sum, all, unseen, kept) {
  for (i = 1; i <= grams[n]; i++) {
    g = gram[n, i]
    h = head(g)
    if (method == "kn") {
      sum[h] += adjusted[g]
      all[h] += taken(n, adjusted[g])
    } else {
      c = raw[g] <= 5 ? discount[n, raw[g]] * raw[g] : raw[g]
      sum[h] += raw[g]
      kept[h] += c
      if (!(h in unseen)) unseen[h] = 1
      unseen[h] -= p[tail(g)]
    }
  }
  for (h in sum) {
    if (method == "kn") backoff[h] = all[h] / sum[h]
    else if (unseen[h] < 1e-10) { sum[h] = kept[h]; backoff[h] = 1 } # all words were seen
    else {
      if (kept[h] > sum[h] * (1 - 1e-9)) sum[h]++ # nothing is left for the others
      backoff[h] = (1 - kept[h] / sum[h]) / unseen[h]
    }
  }
  for (i = 1; i <= grams[n]; i++) {
    g = gram[n, i]
    h = head(g)
    c = method == "katz" && raw[g] <= 5 ? discount[n, raw[g]] * raw[g] : raw[g]
    p[g] = method == "kn" ? (adjusted[g] - taken(n, adjusted[g])) / sum[h] + backoff[h] * p[tail(g)] : c / sum[h]
  }
}

# === scoring ===========================================================================================================
# p(last word | the others) of an n-gram; sets `found`, its words that were found
function score(g, q, weight, w) {
  for (w = 1; !(g in q); g = tail(g)) if (head(g) in weight) w *= weight[head(g)]
  found = split(g, parts, " ")
  return w * q[g]
}
function score_tests(q, weight, i, k, m, n, g, w, sum, total, possible, hit) {
  for (k = 1; k <= tests; k++) {
    $0 = test[k]
    m = read_line()
    for (i = 1; i <= m; i++) {
      g = sentence[i]
      for (n = 2; n <= order && (w = word_at(i - n + 1)) != ""; n++) g = w " " g
      sum -= log(score(g, q, weight))
      total++
      possible[n - 1]++
      hit[found]++
    }
  }
  for (n = order; n >= 2; n--) {
    possible[n] += possible[n + 1]
    hit[n] += hit[n + 1]
    hits[n] = hit[n] / possible[n]
  }
  return exp(sum / total)
}

# === pruning ===========================================================================================================
function history(h, q, all, n, i, g, words) { # p(h): <s> as </s>, certain padding before it
  n = split(h, words, " ")
  all = 1
  g = ""
  for (i = 1; i <= n; i++) {
    g = g == "" ? words[i] : g " " words[i]
    if (words[i] == "<s>") all = p["</s>"]
    else if (i < n && words[i] == "</s>") all = 1
    else all *= score(g, p, backoff)
  }
  return all
}
function find_losses(n, i, g, h, q, new, left, unseen) {
  for (n = 2; n <= order; n++)
    for (i = 1; i <= grams[n]; i++) {
      g = gram[n, i]
      h = head(g)
      if (!(h in unseen)) unseen[h] = 1
      unseen[h] -= p[tail(g)]
    }
  for (n = order; n >= 2; n--)
    for (i = 1; i <= grams[n]; i++) {
      g = gram[n, i]
      h = head(g)
      q = p[tail(g)]
      left = backoff[h] * unseen[h]
      new = (left + p[g]) / (unseen[h] + q)
      if (!(h in before)) before[h] = history(h)
      loss = -before[h] * (p[g] * log(q * new / p[g]) + left * log(new / backoff[h]))
      if (!(g in key) || loss > key[g]) key[g] = loss
      if (!(h in key) || key[g] > key[h]) key[h] = key[g]
      print key[g] >"keys"
    }
}
function drop(n, i, g, h, rest, unseen) {
  for (g in p) if (g !~ / / || key[g] >= threshold) less[g] = p[g]
  for (n = 2; n <= order; n++) {
    for (i = 1; i <= grams[n]; i++) {
      g = gram[n, i]
      if (!(g in less)) continue
      h = head(g)
      if (!(h in rest)) rest[h] = unseen[h] = 1
      rest[h] -= less[g]
      unseen[h] -= score(tail(g), less, less_backoff)
    }
    for (h in rest) if (split(h, parts, " ") == n - 1) less_backoff[h] = rest[h] / unseen[h]
  }
}

# === comparison ========================================================================================================
# The model in an ARPA file: the same n-grams with these p and weights (but <s>, and those of padding alone, with p = 0).
function compare(file, q, weight, tolerance, line, field, n, g, seen, w) {
  while ((getline line <file) > 0) {
    n = split(line, field, "\t")
    if (n < 2) continue
    g = field[2]
    w = n > 2 ? field[3] : 0
    if (field[1] != -99) {
      seen++
      if (!(g in q)) differs(file ": \"" g "\" is there")
      else if (!near(field[1], log10(q[g]), tolerance)) differs(file ": p of \"" g "\" is " field[1] ", not " log10(q[g]))
    } else if (g !~ /^(<\/s> )*<\/?s>$/) differs(file ": p of \"" g "\" is 0")
    if (!near(w, g in weight ? log10(weight[g]) : 0, tolerance)) differs(file ": the weight of \"" g "\" is " w ", not " (g in weight ? log10(weight[g]) : 0))
    delete missing[g]
  }
  for (g in q) seen--
  if (seen != 0) differs(file ": " seen " n-grams too many")
}
function near(a, b, tolerance) { return a - b <= tolerance && b - a <= tolerance }
function differs(what) { if (++wrong <= 10) print what }
END {
  count_adjusted()
  for (n = method == "kn" ? 1 : 2; n <= order; n++) find_discounts(n)
  smooth_unigrams()
  for (n = 2; n <= order; n++) smooth(n)
  printf "estimated\t%d\n", estimated
  printf "perplexity\t%.6f\n", score_tests(p, backoff)
  for (n = 2; n <= order; n++) printf "hit_ratio_%d\t%.6f\n", n, hits[n]
  find_losses()
  close("keys")
  if (threshold != "") {
    drop()
    printf "pruned\t%.6f\n", score_tests(less, less_backoff)
  }
  if (arpa != "") compare(arpa, p, backoff, 1e-6)
  if (pruned != "") compare(pruned, less, less_backoff, 1e-5)
  if (wrong) exit 1
}

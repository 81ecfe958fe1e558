# Makes `lines` sentences over `words` words from a small generator, the same everywhere: a word tends to follow from the one before, so
# that there is something to learn.      awk -v lines=1000 -v words=200 -v seed=1 -f synthetic_text.awk
function draw(n) {
  state = (state * 1103515245 + 12345) % 2147483648
  return int(state / 65536) % n
}
BEGIN {
  state = seed
  for (i = 0; i < lines; i++) {
    n = 3 + draw(15)
    word = draw(words)
    line = ""
    for (j = 0; j < n; j++) {
      line = line (j ? " " : "") "w" word
      word = draw(4) ? (word * 7 + draw(3)) % words : int(words * draw(1000) * draw(1000) / 1000000)
    }
    print line
  }
}

# shellcheck shell=bash
# Sourced by cases of n-gram models: vocab.tsv and hand.arpa, a trigram model whose numbers are simple:
#
#   p(a) .4   p(</S>) .3   p(b) .2   p(<UNK>) .1
#   p(a|<S>) .6   p(b|<S>) .3   backoff(<S>) = .1 / .4         p(b|a) .5   backoff(a) = .5 / .8
#   p(</S>|b) .7                backoff(b) = .3 / .7           p(b|<S> a) .8   backoff(<S> a) = .2 / .5
printf 'a\t5\n</S>\t4\nb\t3\n<UNK>\t2\n<S>\t4\n' >vocab.tsv
awk 'function l(x) { return sprintf("%.9g", log(x) / log(10)) }
  BEGIN {
    OFS = "\t"
    print "\\data\\\nngram 1=5\nngram 2=4\nngram 3=1\n\n\\1-grams:"
    print l(.4), "a", l(.5 / .8); print l(.3), "</s>"; print l(.2), "b", l(.3 / .7); print l(.1), "<unk>"; print -99, "<s>", l(.1 / .4)
    print "\n\\2-grams:"
    print l(.6), "<s> a", l(.2 / .5); print l(.3), "<s> b"; print l(.5), "a b"; print l(.7), "b </s>"
    print "\n\\3-grams:"
    print l(.8), "<s> a b"
    print "\n\\end\\"
  }' >hand.arpa

# close_to A B TOLERANCE: relative; NaN fails
close_to() {
  awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = (a - b) / b; exit !(d <= t && -d <= t) }' || fail "$1 and $2 are apart by more than $3"
}

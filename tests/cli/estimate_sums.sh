#!/usr/bin/env bash
# Every smoothing sums to one: behind contexts of all lengths, seen and unseen, with cut-offs, of padded counts.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

awk -v lines=300 -v words=30 -v seed=5 -f "$BILLIONWORD_HOME/tests/cli/synthetic_text.awk" >train.txt
vocab --quiet --min-count 3 --output vocab.tsv train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 4 --vocab vocab.tsv --output counts train.shard >counts.tsv
count --quiet --order 4 --pad --vocab vocab.tsv --output padded train.shard >counts.tsv

tried=0
for options in "kn" "kn1" "katz" "katz --katz-most 1" "katz --katz-most 0" "sbo" "sbo --alpha 1" "ml" "ml --plain" "add" "add --delta 3" \
  "maxent" "maxent --l1 0 --variance 1" "maxent-binary" "maxent-binary --sweeps 2"; do
  case $options in
  k*) options+=" --discount-fallback" ;;
  esac
  for counts in counts padded; do
    for more in "" "--order 3 --cutoffs 1,1,2" "--cutoffs 1,2,3,3"; do
      case $options in
      maxent*) more=${more%--cutoffs*} ;; # leaves out nothing
      esac
      # shellcheck disable=SC2086
      estimate --quiet --counts $counts --vocab vocab.tsv --output x.trie --arpa x.arpa --smoothing $options $more
      awk -f "$BILLIONWORD_HOME/tests/cli/sums.awk" x.arpa >said || fail "--counts $counts --smoothing $options $more: $(cat said)"
      tried=$((tried + 1))
    done
  done
done
[ $tried = 90 ] || fail "only $tried models"

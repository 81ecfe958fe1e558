#!/usr/bin/env bash
# The perplexities that the README shows are those of the measured table.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
reference=$BILLIONWORD_HOME/results/reference/classics.tsv
sed -n 's/^| `\([a-z0-9_]*\)`[^|]*|[^|]*|[^|]*| \([0-9.]*\) |$/\1\t\2/p' "$BILLIONWORD_HOME/README.md" >shown
[ "$(wc -l <shown)" -ge 4 ] || fail "the README shows only: $(cat shown)"
awk -F'\t' 'NR == FNR { if (FNR == 1) for (i = 1; i <= NF; i++) { if ($i == "ppl_test") k = i } else ppl[$1] = $k; next }
  { if (!($1 in ppl) || sprintf("%.1f", ppl[$1]) != $2) { print $1 " is " ppl[$1] ", the README says " $2; bad = 1 } }
  END { exit bad }' "$reference" shown || fail "the README and results/reference/classics.tsv differ"

#!/usr/bin/env bash
# What a step of training sends from one host to another: at the interface no more than train counts, but for the headers, and
# train counts what the formulas say: each dense gradient once, and at most a row for every word.
# timeout: 240
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
"$home/tools/emulated_hosts" check 2>said || skip "several hosts: $(cat said)"
"$home/tools/bench_network" bytes >bytes.tsv
cat bytes.tsv
awk -F'\t' '
  $1 == "sent a step, at the interface" { ratio[$2] = $6 }
  $1 == "sent a step, as train counts" { counted[$2] = $3 }
  $1 == "sent a step, dense part by formula" { dense[$2] = $3 }
  $1 == "of it rows of words, at most" { rows[$2] = $3 }
  END {
    for (s in ratio) {
      n++
      if (!(ratio[s] >= 1 && ratio[s] < 1.05)) bad = 1
      if (!(counted[s] > dense[s] && counted[s] <= dense[s] + rows[s] + 0.001)) bad = 1
    }
    exit bad || n != 2
  }' bytes.tsv || fail "not what the formulas say: $(cat bytes.tsv)"

#!/usr/bin/env bash
# Ranks on one host share its memory: what is forecast counts all of them, and the peak that is told is that of the rank which
# took most.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
command -v prlimit >/dev/null || skip "needs prlimit"
[ -z "${SANITIZED:-}" ] || skip "a sanitizer wants terabytes of addresses"

awk -v lines=3000 -v words=700 -v seed=5 -f "$BILLIONWORD_HOME/tests/cli/synthetic_text.awk" >text
vocab --quiet --min-count 1 --output v.tsv text
shard --quiet --vocab v.tsv --output s.shard text
run=(count --threads 1 --vocab v.tsv --output c s.shard)

# Limits on addresses from where nothing starts to where all is well, as it depends on MPI how much that is.
for ((limit = 120; limit < 2000; limit += 20)); do
  ranks 2 prlimit --as=$((limit << 20)) "${run[@]}" --dry-run 2>said || true
  ! grep -q '2 ranks on this host take' said || break
done
one=$(sed -n 's/.*forecast: memory \([0-9.]*\) MiB a rank.*/\1/p' said) two=$(sed -n 's/.* take \([0-9.]*\) MiB of memory, but .* free.*/\1/p' said)
awk -v one="$one" -v two="$two" 'BEGIN { d = two - 2 * one; exit !(one > 0 && d < 0.2 && d > -0.2) }' || fail "$(cat said)"

# The peak of a process stays with it when it becomes another program.
ranks 1 "${run[@]}" : -np 1 bash -c 'large=$(head -c 150M /dev/zero | tr "\0" a) && exec "$@"' large "${run[@]}" >out 2>said ||
  fail "$(cat said)"
peak=$(sed -n 's/.*"peak_bytes": \([0-9]*\).*/\1/p' c.manifest.json)
[ "$peak" -gt 150000000 ] || fail "the manifest's peak: $peak"
told=$(sed -n 's/.*peak memory \([0-9]*\)\.[0-9] MiB.*/\1/p' said)
[ "$told" -gt 140 ] || fail "the peak: $(cat said)"

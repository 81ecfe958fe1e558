#!/usr/bin/env bash
# tools/compare_kenlm, with stand-ins for kenlm's programs that answer as kenlm does: what agrees, what does not, what is missing.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

compare=$BILLIONWORD_HOME/tools/compare_kenlm
mkdir corpus
# Words as rare as in real text, or there would be none that come once, twice, ... to estimate discounts from, and its own <unk>.
zipf() {
  awk -v lines="$1" -v seed="$2" 'BEGIN {
    srand(seed)
    for (i = 0; i < lines; i++) {
      line = ""
      for (k = 3 + rand() * 12; k > 0; k--) { word = int(exp(rand() * log(4000))); line = line " " (word > 3500 ? "<unk>" : "w" word) }
      print substr(line, 2)
    }
  }'
}
zipf 3000 1 >corpus/train.txt
zipf 100 2 | zstd -q >corpus/test.txt.zst

# lmplz -o N -S MEMORY -T FOLDER --text TEXT --arpa ARPA: our own model of that text, EDIT applied.
cat >lmplz <<'END'
#!/usr/bin/env bash
set -e
order=$2 text=$8 arpa=${10} here=$(mktemp -d)
[ "$1 $3 $5 $7 $9" = "-o -S -T --text --arpa" ]
vocab --min-count 1 --unk '<unknown>' --output "$here/v" "$text"
shard --unk '<unknown>' --vocab "$here/v" --output "$here/s" "$text"
count --order "$order" --vocab "$here/v" --output "$here/c" "$here/s" >/dev/null
estimate_log() { cat "$here/log" >&2; exit 1; }
estimate --counts "$here/c" --vocab "$here/v" --smoothing kn --phantom-unk --output "$here/t" --arpa "$here/a.arpa" 2>"$here/log" || estimate_log
sed -E "${EDIT:-}" "$here/a.arpa" >"$arpa"
sed -n 's/.* order \([1-9]\):  D1 \([^ ]*\)  D2 \([^ ]*\)  D3+ \([^ ]*\)$/\1 7 D1=\2 D2=\3 D3+=\4/p' "$here/log" >&2
echo "RSSMax:12345 kB" >&2
END
# query -v summary ARPA
cat >query <<'END'
#!/usr/bin/env bash
set -e
here=$(mktemp -d)
cat >"$here/text"
shard --quiet --unk '<unknown>' --vocab "$(dirname "$3")/vocab.tsv" --output "$here/s" "$here/text"
evaluate --quiet --model "$3" --vocab "$(dirname "$3")/vocab.tsv" "$here/s" | sed -n 's/^perplexity\t/Perplexity including OOVs:\t/p'
END
chmod +x lmplz query
export LMPLZ=$WORK/lmplz QUERY=$WORK/query

"$compare" --orders '2 3' corpus >table 2>said || fail "$(cat table said)"
awk -F'\t' 'NF != 6 && !/^#/' table | grep . && fail "not six columns"
[ "$(grep -c . table)" = 20 ] || fail "$(cat table)"
[ "$(awk -F'\t' '/largest difference of prob/ { print $3 }' table | tr '\n' ' ')" = '0 0 ' ] || fail "$(cat table)"
grep -q "^n-grams in ours alone$(printf '\t')corpus, order 3$(printf '\t')0" table || fail "$(cat table)"
grep -q "^perplexity.*evaluate$(printf '\t')1.000000" table || fail "$(cat table)"

fails_with 1 "ours and kenlm's do not agree" env EDIT='s/^-([0-9.]+)\t<unk>/-9\t<unk>/' "$compare" --orders 2 corpus >table
awk -F'\t' '/largest difference of prob/ { exit !($3 > 1) }' table || fail "$(cat table)"

fails_with 1 "ours and kenlm's do not agree" env QUERY="$(type -P false)" "$compare" --orders 2 corpus >table
grep -q "lmplz's ARPA in query$(printf '\t')none" table || fail "$(cat table)"

# Temporary files are measured: there are none, and one that a program made would be seen.
mkdir 'other programs' && ln -s "$(dirname "$(type -P count)")"/* 'other programs'
rm 'other programs/count' && cat >'other programs/count' <<END
#!/usr/bin/env bash
head -c 1000000 /dev/zero >"\${TMPDIR:-/tmp}/run" && sleep 0.5 && rm "\${TMPDIR:-/tmp}/run" && exec "$(type -P count)" "\$@"
END
chmod +x 'other programs/count'
mv corpus 'a corpus'
temporary() { PAIRS=1 "$@" "$compare" --speed --orders 3 'a corpus' 2>said | awk -F'\t' '/^temporary files/ { print $3 }'; }
[ "$(temporary env)" = 0 ] || fail "temporary files: $(cat said)"
[ "$(temporary env BIN="$WORK/other programs")" = 1000000 ] || fail "temporary files: $(cat said)"
mv 'a corpus' corpus

fails_with 2 'LMPLZ is not given' env -u LMPLZ "$compare" corpus
fails_with 2 'QUERY=nowhere/query: there is no such program' env QUERY=nowhere/query "$compare" corpus
fails_with 2 'there is no train.txt and no train.txt.zst' "$compare" .
fails_with 2 "numbers from 2 to 9" "$compare" --orders '2 12' corpus
fails_with 2 "numbers from 2 to 9" "$compare" corpus --orders
fails_with 2 'unknown option --fast' "$compare" --fast corpus
[ -z "$(find "$TMPDIR" -maxdepth 1 -name 'compare_kenlm.*')" ] || fail "scratch files are left"

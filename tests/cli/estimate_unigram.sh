#!/usr/bin/env bash
# estimate of counts of order 1: relative frequencies, mapped and as ARPA, and the manifests.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'the\t5\n</S>\t3\n<UNK>\t1\ncat\t1\n<S>\t3\n' >vocab.tsv
printf 'the the cat\nthe dog\nthe the\n' >train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 1 --vocab vocab.tsv --output train.counts train.shard >counts.tsv
estimate --counts train.counts --vocab vocab.tsv --smoothing ml --output out/unigram.trie --arpa out/unigram.arpa 2>said
printf '\\data\\\nngram 1=5\nngram 2=0\n\n\\1-grams:\n-0.30103001\tthe\t0\n-0.52287877\t</s>\t0\n-1\t<unk>\t0\n' >expected
printf -- '-1\tcat\t0\n-99\t<s>\t0\n\n\\2-grams:\n\n\\end\\\n' >>expected
same_file out/unigram.arpa expected
grep -q 'a ml model of order 1, 5 parameters, from 10 events' said || fail "$(cat said)"
for file in trie arpa; do
  for note in '"train_events": "10"' '"params": "5"' '"ngrams": "5"' '"train_seconds": "' '"processors": "' \
    "\"model_bytes\": \"$(stat -c %s out/unigram.$file)\""; do
    grep -qF "$note" out/unigram.$file.manifest.json || fail "$file: no $note in $(cat out/unigram.$file.manifest.json)"
  done
done
nothing_left .

# A class that was never seen counts as seen once.
printf 'the the cat\nthe\nthe the\n' >train.txt
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 1 --vocab vocab.tsv --output train.counts train.shard >counts.tsv
estimate --quiet --counts train.counts --vocab vocab.tsv --smoothing ml --output again.trie --arpa again.arpa.zst
zstd -qdc again.arpa.zst >unpacked
same_file unpacked expected

estimate --counts train.counts --vocab vocab.tsv --smoothing ml --output dry.trie --dry-run 2>said
grep -q 'forecast: memory .*, no temporary files, the model ' said || fail "$(cat said)"
[ ! -e dry.trie ] || fail "--dry-run wrote dry.trie"
nothing_left .

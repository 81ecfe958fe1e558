#!/usr/bin/env bash
# estimate --order 1: relative frequencies in ARPA format, its manifest, and what it refuses.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'the\t50\n</S>\t30\n<UNK>\t15\ncat\t5\n<S>\t30\n' >vocab.tsv
estimate --vocab vocab.tsv --output out/unigram.arpa 2>said
printf '\\data\\\nngram 1=5\nngram 2=0\n\n\\1-grams:\n-0.301029996\tthe\t0\n-0.522878745\t</s>\t0\n-0.823908741\t<unk>\t0\n' >expected
printf -- '-1.30103\tcat\t0\n-99\t<s>\t0\n\n\\2-grams:\n\n\\end\\\n' >>expected
same_file out/unigram.arpa expected
grep -q '5 n-grams from 100 events' said || fail "$(cat said)"
for note in '"train_events": "100"' '"processors": "1"' '"params": "5"' "\"model_bytes\": \"$(stat -c %s expected)\"" \
  '"train_seconds": "0.'; do
  grep -qF "$note" out/unigram.arpa.manifest.json || fail "no $note in $(cat out/unigram.arpa.manifest.json)"
done
nothing_left .

# The same bytes again; .zst holds the same text.
estimate --quiet --vocab vocab.tsv --order 1 --smoothing ml --output again.arpa
same_file again.arpa expected
estimate --quiet --vocab vocab.tsv --output packed.arpa.zst
zstd -qdc packed.arpa.zst >unpacked
same_file unpacked expected

estimate --vocab vocab.tsv --output dry.arpa --dry-run 2>said
grep -q 'would read vocab.tsv (5 words) and write dry.arpa' said || fail "$(cat said)"
[ ! -e dry.arpa ] || fail "--dry-run wrote dry.arpa"

fails_with 2 '--order 3: unigrams (--order 1) are all that is estimated so far' estimate --order 3 --vocab vocab.tsv --output x
fails_with 2 '--smoothing kn: must be one of ml' estimate --smoothing kn --vocab vocab.tsv --output x
fails_with 2 '--vocab is missing' estimate --output x
fails_with 2 '--output -:' estimate --vocab vocab.tsv --output -
fails_with 1 'missing.tsv' estimate --vocab missing.tsv --output x
for word in '<s>' '</s>'; do
  printf 'the\t50\n</S>\t30\n<UNK>\t15\n%s\t5\n<S>\t30\n' "$word" >reserved.tsv
  fails_with 1 "reserved.tsv: line 4: the word $word means a sentence's end in ARPA files" \
    estimate --vocab reserved.tsv --output x
done
printf 'the\t50\n</S>\t30\n<UNK>\t15\n<unk>\t5\n<S>\t30\n' >reserved.tsv
fails_with 1 "reserved.tsv: line 4: the word <unk> means the unknown word in ARPA files*--unk '<unk>'" \
  estimate --vocab reserved.tsv --output x
[ ! -e x ] || fail "a refused model was written"
[ ! -e x.manifest.json ] || fail "a manifest of a refused model was written"
nothing_left .

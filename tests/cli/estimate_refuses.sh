#!/usr/bin/env bash
# What estimate refuses, with a message that says what to do; nothing is written then.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

printf 'a b a\na b\nb\n' >train.txt
printf '</S>\t3\na\t3\nb\t3\n<UNK>\t1\n<S>\t3\n' >vocab.tsv
printf '</S>\t3\na\t3\nb\t3\n<UNK>\t2\n<S>\t3\n' >other.tsv
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 3 --vocab vocab.tsv --output counts train.shard >counts.tsv
# refuses CODE GLOB OPTION...
refuses() {
  local code=$1 glob=$2
  shift 2
  [[ " $* " == *" --output "* ]] || set -- --output x.trie "$@"
  [[ " $* " == *" --vocab "* ]] || set -- --vocab vocab.tsv "$@"
  [[ " $* " == *" --counts "* ]] || set -- --counts counts "$@"
  fails_with "$code" "$glob" estimate "$@"
  if compgen -G 'x.*' >/dev/null; then fail "written: $(echo x.*)"; fi
}

refuses 2 '--smoothing is missing'
refuses 2 '--smoothing good: must be one of kn|kn1|katz|sbo|ml|add|maxent|maxent-binary' --smoothing good
refuses 2 '--order 0' --smoothing ml --order 0
refuses 2 '--order 10' --smoothing ml --order 10
refuses 1 '--order 4: counts has n-grams up to order 3: count again with --order 4' --smoothing ml --order 4
refuses 2 '--alpha means nothing to --smoothing ml: it is for sbo' --smoothing ml --alpha 0.4
refuses 2 '--delta means nothing to --smoothing kn: it is for add' --smoothing kn --delta 1
refuses 2 '--katz-most means nothing to --smoothing kn1: it is for katz' --smoothing kn1 --katz-most 5
refuses 2 '--plain means nothing to --smoothing sbo: it is for ml' --smoothing sbo --plain
refuses 2 '--phantom-unk means nothing to --smoothing katz: it is for kn kn1' --smoothing katz --phantom-unk
refuses 2 '--discount-fallback means nothing to --smoothing add: it is for kn kn1 katz' --smoothing add --discount-fallback
refuses 2 '--l1 means nothing to --smoothing kn: it is for maxent maxent-binary' --smoothing kn --l1 1
refuses 2 '--variance means nothing to --smoothing ml: it is for maxent maxent-binary' --smoothing ml --variance 1
refuses 2 '--sweeps means nothing to --smoothing ml: it is for maxent maxent-binary' --smoothing ml --sweeps 1
refuses 2 '--tolerance means nothing to --smoothing sbo: it is for maxent maxent-binary' --smoothing sbo --tolerance 1
refuses 2 '--cutoffs means nothing to --smoothing maxent: it is for kn kn1 katz sbo ml add' --smoothing maxent --cutoffs 1,2
refuses 2 '--variance 0: must be from 1e-06 to 1000000000' --smoothing maxent --variance 0
for cutoffs in 1,2,1 3,2; do refuses 2 "--cutoffs $cutoffs: must not fall" --smoothing ml --cutoffs $cutoffs; done
refuses 2 '--cutoffs 2: unigrams are never left out' --smoothing ml --cutoffs 2
refuses 2 '--cutoffs 1,1,1,1,1,1,1,1,1,1: more than 9 numbers' --smoothing ml --cutoffs 1,1,1,1,1,1,1,1,1,1
for cutoffs in '' ',' '1,' 0,1 a 1,2x 1.5 -1 1,99999999999999999999999 '1, 2'; do
  refuses 2 "--cutoffs $cutoffs: whole numbers from 1 with commas between" --smoothing ml --cutoffs="$cutoffs"
done
refuses 1 'no Kneser-Ney discounts for order 1: ' --smoothing kn
refuses 2 '--output x.arpa: is the mapped model' --smoothing ml --output x.arpa
refuses 2 '--output -: a model and its manifest need a file' --smoothing ml --output -
refuses 2 '--arpa -: a model and its manifest need a file' --smoothing ml --arpa -
refuses 2 'the outputs x.trie and x.trie are the same file' --smoothing ml --arpa x.trie
refuses 2 'the output x.trie.manifest.json is where the manifest of x.trie goes' --smoothing ml --arpa x.trie.manifest.json
refuses 2 '--alpha 0: must be from 1e-09 to 1' --smoothing sbo --alpha 0
refuses 2 'counts is an input and would be overwritten' --smoothing ml --output counts
refuses 2 'vocab.tsv is an input and would be overwritten' --smoothing ml --arpa vocab.tsv
refuses 1 'x.dir/: it is a folder' --smoothing ml --arpa x.dir/
fails_with 2 'no --output: name a file for the model, or --arpa' estimate --counts counts --vocab vocab.tsv --smoothing ml
estimate --quiet --counts counts --vocab vocab.tsv --smoothing ml --output y.arpa.d/y.trie --arpa y.arpa.d/y.arpa
mkdir out && ln -s out also
fails_with 2 'the outputs also/z and out/z are the same file' \
  estimate --quiet --counts missing --vocab vocab.tsv --smoothing ml --output out/z --arpa also/z
refuses 1 'counts: counted with the vocabulary' --smoothing ml --vocab other.tsv
refuses 1 'missing.tsv' --smoothing ml --vocab missing.tsv
refuses 1 'missing' --smoothing ml --counts missing
refuses 1 'train.shard' --smoothing ml --counts train.shard
refuses 1 '--memory 1.0 MiB is too little: the least that works is ' --smoothing ml --memory 1M

printf '</S>\t3\n<s>\t3\na\t3\n<UNK>\t1\n<S>\t3\n' >vocab.tsv
shard --quiet --vocab vocab.tsv --output train.shard train.txt
count --quiet --order 3 --vocab vocab.tsv --output counts train.shard >counts.tsv
refuses 1 "vocab.tsv: line 2: the word <s> means a sentence's end in ARPA files" --smoothing ml --arpa x.arpa
estimate --quiet --counts counts --vocab vocab.tsv --smoothing ml --output y.trie # without ARPA it is a word like others

# Damage is found, wherever it is.
size=$(stat -c %s counts)
for at in 5000 $((size / 2)) $((size - 20)); do
  cp counts damaged
  printf '\125\252' | dd of=damaged bs=1 seek=$at conv=notrunc status=none
  refuses 1 damaged --smoothing ml --counts damaged
done
nothing_left .

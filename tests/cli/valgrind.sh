#!/usr/bin/env bash
# The stages under valgrind, which sees what the sanitizers do not: memory that was never written, in libraries, too.  It offers
# the programs a processor without AVX-512, which they then do without.
# tier: long
# timeout: 1800
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
command -v valgrind >/dev/null || skip "needs valgrind"
[ -z "${SANITIZED:-}" ] || skip "sanitizers and valgrind exclude each other"

# clean COMMAND...: it ends well, and valgrind has nothing to say.  Programs that compute start themselves anew.
clean() {
  valgrind --quiet --trace-children=yes --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
    --error-exitcode=99 "$@" >stdout 2>stderr || fail "exit code $? of: $*"$'\n'"$(cat stderr)"
  ! grep '^==[0-9]*==' stderr || fail "$*"
}

head -n 200 train.txt >small.txt
clean tokenize --quiet --output tokens.txt.zst small.txt
clean split --quiet --shards 2 --compress --output-prefix pieces small.txt
clean vocab --quiet --output words.tsv tokens.txt.zst
clean shard --quiet --vocab vocab.tsv --output small.shard small.txt
clean count --quiet --order 3 --vocab vocab.tsv --output small.counts small.shard
clean estimate --quiet --smoothing kn --discount-fallback --counts small.counts --vocab vocab.tsv --output small.trie --arpa small.arpa
clean prune --quiet --model small.trie --vocab vocab.tsv --keep 800 --output pruned.trie
clean convert --quiet --model small.arpa --vocab vocab.tsv --output converted.trie
clean evaluate --quiet --vocab vocab.tsv --model small.trie --output ngrams.scores test.shard
clean evaluate --quiet --vocab vocab.tsv --model small.trie --per-word <test.txt
train=(train --quiet "${tiny[@]}" --epochs 1 --batch 64 --bptt 20 --checkpoint-steps 2)
clean "${train[@]}" --stop-after 2 --output net small.shard
clean "${train[@]}" --output net small.shard
clean "${train[@]}" --stop-after 2 --cell gru --softmax adaptive --output gru small.shard
clean "${train[@]}" --stop-after 2 --softmax sampled --samples 64 --optimiser adagrad --accumulator 1 --output sampled small.shard
clean evaluate --quiet --vocab vocab.tsv --model net/model.safetensors --output net.scores test.shard
clean snm --quiet --vocab vocab.tsv --fit test.shard --order 3 --rounds 3 --output model.snm small.shard
clean snm --quiet --vocab vocab.tsv --model model.snm --score test.shard --output snm.scores small.shard
clean mix --quiet --output weights.tsv ngrams.scores net.scores
clean mix --quiet --weights weights.tsv --output mixed.scores ngrams.scores net.scores
clean sample --quiet --vocab vocab.tsv --model net/model.safetensors --max-length 5
clean report row --quiet --system net --corpus tiny --manifest net/model.safetensors.manifest.json --valid-shard test.shard \
  --valid-scores net.scores --test-shard test.shard --test-scores net.scores --output results/rows/net.json
clean report table --quiet --corpus tiny results

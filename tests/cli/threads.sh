#!/usr/bin/env bash
# Every stage with threads of its own, with several of them: they end well, and so do programs several threads of which fail at
# once.  What counts is `make tsan`, which runs this case under the thread sanitizer.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
threads=(--quiet --threads 4)

tokenize "${threads[@]}" --output tokens.txt.zst train.txt
tokenize "${threads[@]}" --style char --output characters.txt train.txt
vocab "${threads[@]}" --output words.tsv train.txt tokens.txt.zst
shard "${threads[@]}" --vocab vocab.tsv --output again.shard train.txt tokens.txt.zst
for order in 1 3; do
  count "${threads[@]}" --order $order --vocab vocab.tsv --output $order.counts train.shard again.shard >counted
done
for smoothing in kn katz; do
  estimate "${threads[@]}" --smoothing $smoothing --discount-fallback --counts 3.counts --vocab vocab.tsv --output $smoothing.trie --arpa $smoothing.arpa
done
prune "${threads[@]}" --model kn.trie --vocab vocab.tsv --keep 900 --output pruned.trie
convert "${threads[@]}" --model kn.arpa --vocab vocab.tsv --output converted.trie
convert "${threads[@]}" --model kn.trie --vocab vocab.tsv --output converted.arpa
evaluate "${threads[@]}" --vocab vocab.tsv --model kn.trie --output kn.scores test.shard >evaluated
sample "${threads[@]}" --vocab vocab.tsv --model kn.trie --texts 20 --max-length 20 >sampled
snm "${threads[@]}" --vocab vocab.tsv --fit test.shard --rounds 3 --output model.snm train.shard
snm "${threads[@]}" --vocab vocab.tsv --model model.snm --score test.shard --output snm.scores train.shard >evaluated
estimate "${threads[@]}" --smoothing maxent --sweeps 3 --counts 3.counts --vocab vocab.tsv --output maxent.trie
for recipe in "--layers 2 --projection 12 --softmax sampled --samples 64" "--cell gru --softmax adaptive" \
  "--cell rnn-tanh --softmax class-factored" "--cell feed-forward --window 3 --softmax hierarchical --ngrams 3"; do
  # shellcheck disable=SC2086
  train "${tiny[@]}" "${threads[@]}" $recipe --fresh --epochs 1 --batch 64 --bptt 20 --checkpoint-steps 5 --output net train.shard
done
evaluate "${threads[@]}" --vocab vocab.tsv --model net/model.safetensors --output net.scores test.shard >evaluated

# Several threads fail at once: one message.
for i in 1 2 3 4; do printf 'a b\xff c\n' >bad$i.txt; done
fails_with 1 'bad' vocab "${threads[@]}" --output out bad1.txt bad2.txt bad3.txt bad4.txt
fails_with 1 'bad' shard "${threads[@]}" --vocab vocab.tsv --output out bad1.txt bad2.txt bad3.txt bad4.txt

# The watching thread.
if command -v mpirun >/dev/null; then
  ranks 2 train "${tiny[@]}" "${threads[@]}" --threads 2 --fresh --epochs 1 --batch 64 --bptt 20 --watchdog 60 --output net train.shard
fi

#!/usr/bin/env bash
# sample: wrong numbers and what does not go together are refused before anything is read.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"
convert --quiet --model hand.arpa --vocab vocab.tsv --output hand.trie
hand=(sample --model hand.trie --vocab vocab.tsv)

for t in 0 -1 -0.0; do
  fails_with 2 "--temperature ${t%.0}: must be above 0; --greedy takes the most probable word" "${hand[@]}" --temperature $t
done
for t in nan inf x ''; do fails_with 2 "--temperature $t: not a number" "${hand[@]}" --temperature "$t"; done
for p in 0 -0.1 1.01; do fails_with 2 "--top-p $p: must be above 0 and at most 1" "${hand[@]}" --top-p $p; done
fails_with 2 '--top-p nan: not a number' "${hand[@]}" --top-p nan
for r in 0 0.99 -2 101; do fails_with 2 "--repetition-penalty $r: must be from 1 (none) to 100" "${hand[@]}" --repetition-penalty $r; done
fails_with 2 '--top-k 4: 3 words can follow, all of vocab.tsv but <S> and <UNK>' "${hand[@]}" --top-k 4
fails_with 2 '--top-k 5: 4 words can follow, all of vocab.tsv but <S>' "${hand[@]}" --top-k 5 --unknown
fails_with 2 '--top-k -1: must be from 0' "${hand[@]}" --top-k -1
fails_with 2 '--texts 0: must be from 1' "${hand[@]}" --texts 0
fails_with 2 '--max-length 0: must be from 1' "${hand[@]}" --max-length 0
fails_with 2 '--min-length 5 is above --max-length 4' "${hand[@]}" --min-length 5 --max-length 4
fails_with 2 '--seed -1: must not be negative' "${hand[@]}" --seed -1
fails_with 2 '--length-power -1: must be from 0 to 10' "${hand[@]}" --beam 2 --length-power -1
fails_with 2 '--beam -1: must be from 0' "${hand[@]}" --beam -1

for o in '--texts 2' '--seed 1' '--temperature 1' '--top-k 2' '--top-p 1' --greedy --unknown '--beam 2' '--max-length 5' --running; do
  # shellcheck disable=SC2086
  fails_with 2 "${o%% *}: --top makes no texts" "${hand[@]}" --top 3 $o
done
for o in '--seed 1' '--temperature 1' '--top-k 2' '--top-p 1'; do
  # shellcheck disable=SC2086
  fails_with 2 "${o%% *}: --greedy draws nothing" "${hand[@]}" --greedy $o
  # shellcheck disable=SC2086
  fails_with 2 "${o%% *}: --beam draws nothing" "${hand[@]}" --beam 3 $o
done
fails_with 2 '--texts 2: --greedy makes one text for a line; --beam finds several' "${hand[@]}" --greedy --texts 2
fails_with 2 '--texts 4: a --beam of 3 finds at most as many' "${hand[@]}" --beam 3 --texts 4
fails_with 2 '--greedy: not with --beam' "${hand[@]}" --beam 3 --greedy
fails_with 2 '--running: not with --beam' "${hand[@]}" --beam 3 --running
fails_with 2 '--length-power: only a --beam has it' "${hand[@]}" --length-power 1

fails_with 1 'standard input: line 2: the word <S> or </S> in the text' "${hand[@]}" < <(printf 'a\n</S> a\n')
fails_with 1 'line 1: invalid UTF-8 at byte 0' "${hand[@]}" < <(printf '\377\n')
fails_with 1 'cannot write to stdout' sh -c 'echo | sample --model hand.trie --vocab vocab.tsv >/dev/full'
printf 'a\t5\n</S>\t4\n<UNK>\t2\n<S>\t4\n' >other.tsv
fails_with 1 'made with the vocabulary' sample --model hand.trie --vocab other.tsv <<<''
expect_output '' "${hand[@]}" --dry-run --quiet <<<'a'

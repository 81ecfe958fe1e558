#!/usr/bin/env bash
# sample: who writes a line gets its answer before the next one; the answers are those of all lines at once.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/hand_trigrams.sh"
convert --quiet --model hand.arpa --vocab vocab.tsv --output hand.trie
hand=(sample --quiet --vocab vocab.tsv --model hand.trie)

# in_turns LINES-OF-AN-ANSWER PROMPTS ARGUMENTS...: writes each line when the one before is answered.  The time is a hang's.
in_turns() {
  local lines=$1 prompts=$2 line text i
  shift 2
  coproc "${hand[@]}" "$@"
  local from=${COPROC[0]} to=${COPROC[1]} pid=$COPROC_PID
  : >turns
  while IFS= read -r line; do
    printf '%s\n' "$line" >&"$to"
    for ((i = 0; i < lines; i++)); do
      IFS= read -r -t 60 text <&"$from" || fail "no answer to '$line': $*"
      printf '%s\n' "$text" >>turns
    done
  done <"$prompts"
  exec {to}>&-
  wait "$pid"
  "${hand[@]}" "$@" <"$prompts" >whole
  same_file turns whole
}

# The first line may be empty, short, or begin as packed content does.
printf '\na\nb\na zzz\n' >empty
printf 'b\n\na\n' >short
printf 'P\n(\na\n' >magic
for prompts in empty short magic; do
  in_turns 1 $prompts --seed 3
  in_turns 3 $prompts --texts 3 --batch 64
  in_turns 1 $prompts --beam 2
  in_turns 4 $prompts --top 3
done
# Lines in pieces, the last one without its end.
expect_output "$(printf 'a\na b\nb' | "${hand[@]}" --greedy)" sh -c '{ printf a; sleep .1; printf "\na "; sleep .1; printf "b\nb"; } | sample --quiet --vocab vocab.tsv --model hand.trie --greedy'

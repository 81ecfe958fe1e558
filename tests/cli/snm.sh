#!/usr/bin/env bash
# snm: a model fitted and used, the same for any memory and threads; what it gives all words behind a history sums to one; its row;
# what it refuses.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
synthetic_text --quiet --tokens 30000 >text
head -n 200 text >test.txt
sed -n 201,400p text >valid.txt
sed 1,400d text >train.txt
vocab --quiet --min-count 3 --output v.tsv train.txt
for s in train valid test; do shard --quiet --vocab v.tsv --output $s.shard $s.txt; done
perplexity() { awk '$1 == "perplexity" { print $2 }' "$1"; }
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > 1 && a < b) }' || fail "$3: $1 is not below $2"; }

snm --vocab v.tsv --fit valid.shard --output m.snm train.shard 2>said
grep -q '23 kinds of features, for each of which the training text is read 1 time$' said || fail "$(cat said)"
snm --quiet --vocab v.tsv --model m.snm --score test.shard --output test.scores train.shard >scored
snm --quiet --vocab v.tsv --model m.snm --score valid.shard --cross-fit --output valid.scores train.shard >unknown
snm --quiet --vocab v.tsv --model m.snm --score valid.shard --output known.scores train.shard >known
expect_output 'format billionword-snm-1' sh -c "inspect m.snm | grep '^format' | tr '\\t' ' '"
awk '$1 == "sum_deviation" { exit !($2 >= 0 && $2 < 1e-5) }' scored || fail "$(cat scored)"

# Fitting shows on another text; n-grams alone are another model.
snm --quiet --vocab v.tsv --fit valid.shard --skipped 0 --output plain.snm train.shard
snm --quiet --vocab v.tsv --model plain.snm --score test.shard --output plain.scores train.shard >plain
snm --quiet --vocab v.tsv --fit valid.shard --rounds 1 --output flat.snm train.shard
snm --quiet --vocab v.tsv --model flat.snm --score test.shard --output flat.scores train.shard >flat
below "$(perplexity scored)" "$(perplexity flat)" "fitted"
below "$(perplexity scored)" "$(wc -l <v.tsv)" "a model"
! cmp -s test.scores plain.scores || fail "skip-grams change nothing"

# A text that the factors were fitted to is likelier than where they do not know it.
below "$(perplexity known)" "$(perplexity unknown)" "known"

# The same bits for any memory and threads.
least=$({ snm --vocab v.tsv --fit valid.shard --output none.snm --memory 1M train.shard 2>&1 || true; } | sed -n 's/.*(--memory \([0-9]*\)).*/\1/p')
fails_with 1 "(--memory $least)" snm --vocab v.tsv --fit valid.shard --output none.snm --memory $((least - 1)) train.shard
snm --vocab v.tsv --fit valid.shard --output again.snm --memory "$least" --threads 3 train.shard 2>said
grep -q 'is read [1-9][0-9]* times$' said || fail "$(cat said)"
same_file m.snm again.snm
snm --quiet --vocab v.tsv --model m.snm --score test.shard --output again.scores --threads 1 train.shard >/dev/null
same_file test.scores again.scores

# What it takes is what it may take.
synthetic_text --quiet --tokens 400000 >large.txt
shard --quiet --vocab v.tsv --output large.shard large.txt
least=$({ snm --vocab v.tsv --fit valid.shard --order 3 --skipped 0 --output large.snm --memory 1M large.shard 2>&1 || true; } | sed -n 's/.*(--memory \([0-9]*\)).*/\1/p')
for memory in "$least" 4G; do
  snm --vocab v.tsv --fit valid.shard --order 3 --skipped 0 --threads 2 --rounds 3 --output large.snm --memory "$memory" large.shard 2>said
  peak=$(sed -n 's/.*"peak_bytes": *\([0-9]*\).*/\1/p' large.snm.manifest.json)
  told=$(sed -n 's/.*forecast: memory \([0-9.]*\) MiB,.*/\1/p' said)
  awk -v p="$peak" -v t="$told" 'BEGIN { exit !(p > 2 ^ 22 && p <= t * 2 ^ 20 * 1.01) }' || fail "$peak bytes taken, $told MiB told: $(cat said)"
done

# Every word behind one history: their probabilities sum to one.
cut -f1 v.tsv | grep -vxF -e '<S>' -e '</S>' >words
history=$(head -n 1 test.txt | cut -d' ' -f1-6)
sed "s|^|$history |" words >all.txt
shard --quiet --unk '<UNK>' --vocab v.tsv --output all.shard all.txt
snm --quiet --vocab v.tsv --model m.snm --score all.shard --output all.scores train.shard >/dev/null
echo "$history" >ends.txt
shard --quiet --vocab v.tsv --output ends.shard ends.txt
snm --quiet --vocab v.tsv --model m.snm --score ends.shard --output ends.scores train.shard >/dev/null
floats() { zstd -dcq "$1" | od -An -v -w4 -tf4; }
{
  floats all.scores | awk 'NR % 8 == 7' # six words, the one that is asked for, </S>
  floats ends.scores | sed -n 7p
} | awk '{ s += exp($1); n++ } END { exit !(n > 100 && s > 1 - 1e-5 && s < 1 + 1e-5) }' || fail "all words do not sum to one"

# Its row is valid, and it mixes with others.
report row --system snm --corpus mini --manifest m.snm.manifest.json --valid-shard valid.shard --valid-scores valid.scores \
  --test-shard test.shard --test-scores test.scores --output snm.json >/dev/null
grep -q '"status":"VALID"' snm.json || fail "$(cat snm.json)"
mix --output w.tsv valid.scores plain.scores >/dev/null 2>said && fail "scores of two texts were mixed"
mix --quiet --output w.tsv test.scores plain.scores >/dev/null

refuses() { # CODE GLOB OPTION...
  fails_with "$1" "$2" snm --vocab v.tsv --output none.snm "${@:3}"
  [ ! -e none.snm ] || fail "it left a file"
}
refuses 2 'give --fit SHARD to make a model, or --model FILE to score with one' train.shard
refuses 2 'give --fit SHARD to make a model, or --model FILE to score with one' --fit valid.shard --model m.snm train.shard
refuses 2 '--model needs --score SHARD: the text to be scored' --model m.snm train.shard
refuses 2 '--score goes with --model: fit the model first' --fit valid.shard --score test.shard train.shard
refuses 2 '--cross-fit goes with --score' --fit valid.shard --cross-fit train.shard
refuses 2 '--rounds goes with --fit, or --cross-fit' --model m.snm --score test.shard --rounds 3 train.shard
refuses 2 '--remote and --adjacent are of skip-grams, and --skipped is 0' --fit valid.shard --skipped 0 --remote 1 train.shard
refuses 1 'is the text of train.shard itself' --fit train.shard test.shard train.shard
refuses 2 '--order goes with --fit: a model has its own' --model m.snm --score test.shard --order 3 train.shard
refuses 2 'no SHARD: give the training text' --fit valid.shard
refuses 1 'train.shard is the text of train.shard itself' --fit train.shard train.shard
refuses 1 'more than 256 kinds of features' --fit valid.shard --order 32 --skipped 32 --remote 2 --adjacent 31 train.shard
refuses 1 'm.snm: was fitted with another training text' --model m.snm --score test.shard valid.shard
refuses 1 'm.snm: was fitted with another training text' --model m.snm --score test.shard train.shard valid.shard
refuses 1 'test.scores: ' --model test.scores --score test.shard train.shard
fails_with 2 'm.snm is an input and would be overwritten' snm --vocab v.tsv --model m.snm --score test.shard --output m.snm train.shard
fails_with 1 'm.snm: is a model of snm, which scores texts itself' evaluate --model m.snm --vocab v.tsv test.shard
sed 's/^[^<]/q&/' v.tsv >renamed.tsv # the same numbers, other words
for s in train test; do sed 's/[^ ]*/q&/g' $s.txt >other.txt && shard --quiet --vocab renamed.tsv --output x$s.shard other.txt; done
fails_with 1 'm.snm: was fitted with another vocabulary' snm --vocab renamed.tsv --model m.snm --score xtest.shard --output none.scores xtrain.shard
grep -q '"skipped": *"0"' plain.scores.manifest.json || fail "the manifest has options that are not the model's"

# Two shards are one text.
snm --quiet --vocab v.tsv --fit valid.shard --order 2 --output two.snm train.shard large.shard
snm --quiet --vocab v.tsv --model two.snm --score test.shard --output two.scores train.shard large.shard >two
cat train.txt large.txt >both.txt
shard --quiet --vocab v.tsv --output both.shard both.txt
snm --quiet --vocab v.tsv --fit valid.shard --order 2 --output both.snm both.shard
snm --quiet --vocab v.tsv --model both.snm --score test.shard --output both.scores both.shard >both
expect_output "$(perplexity both)" perplexity two

snm --vocab v.tsv --fit valid.shard --output none.snm --dry-run train.shard 2>said
grep -q 'would write none.snm and a manifest beside' said || fail "$(cat said)"
[ ! -e none.snm ] || fail "--dry-run wrote"
vocab --quiet --min-count 4 --output other.tsv train.txt
fails_with 1 'train.shard: ' snm --vocab other.tsv --fit valid.shard --output none.snm train.shard
nothing_left .

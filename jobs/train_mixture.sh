#!/bin/bash
#SBATCH --job-name=mixture
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=1:00:00
#SBATCH --mem=4G
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# A linear mixture of other systems of the same corpus, p = sum of weight_k p_k, with the weights under which the validation
# text is likeliest (Jelinek and Mercer 1980; on LM1B the one of Chelba et al. 2013, table 1, reached 43.8 with six systems,
# from 51.3 of its best).  They stand in work/<corpus>/mixture/weights.tsv.  Its time and parameters are those of its systems
# together.
#
# MIX names the systems; without it, it takes all that have a valid row in the table, charrnn apart, which spells unknown words
# and so is no model over the vocabulary:
#   MIX="kn5 lstm256" bash jobs/train_mixture.sh

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"

parse_arguments "$@"

# Sets `mixed`.
choose_systems() {
  local system split
  read -rd '' -a mixed <<<"${MIX:-}" || true # with blanks or line ends between
  if [ ${#mixed[@]} = 0 ]; then
    # The table tells rows of another text or vocabulary.
    [ -n "$dry_run" ] || ! compgen -G "$results/$corpus/rows/*.json" >/dev/null || make_table
    while read -r system; do
      case $system in mixture | charrnn) continue ;; esac
      [ ! -e "$data/$system/valid.scores" ] || mixed+=("$system")
    done < <(awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "status") k = i } $k == "VALID" { print $1 }' \
      "$results/$corpus/perplexity.tsv" 2>/dev/null | sort)
  fi
  [ ${#mixed[@]} -ge 2 ] ||
    fail "a mixture is of two systems or more, and ${mixed[*]:-none} is there for $corpus: run their jobs/train_<system>.sh first"
  for system in "${mixed[@]}"; do
    for split in valid test; do
      need "$data/$system/$split.scores" "CORPUS='${origin:-$corpus}' '$home/jobs/train_$system.sh'"
    done
  done
}

need_single_task
ranks=1
expect_steps 2
need_programs mix report inspect
need_corpus
choose_systems
if [ -n "$dry_run" ]; then
  say "would mix ${mixed[*]}"
  exit
fi
need_results
forward_signals
folder=$data/mixture
lock_folder "$folder"
step "Weighing ${mixed[*]} on $corpus"
weights=$folder/weights.tsv
valid=("${mixed[@]/#/$data/}") test=("${mixed[@]/#/$data/}")
valid=("${valid[@]/%//valid.scores}") test=("${test[@]/%//test.scores}")
make_file "$weights" "${valid[@]}" -- "$bin/mix" --output "$weights" "${valid[@]}"
step "Scoring the mixture"
make_file "$folder/valid.scores" "$weights" "${valid[@]}" -- \
  "$bin/mix" --weights "$weights" --output "$folder/valid.scores" "${valid[@]}"
make_file "$folder/test.scores" "$weights" "${test[@]}" -- \
  "$bin/mix" --weights "$weights" --output "$folder/test.scores" "${test[@]}"
add_row mixture "$weights"
finish_system

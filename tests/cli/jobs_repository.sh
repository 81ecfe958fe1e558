#!/usr/bin/env bash
# A job script finds its repository: BILLIONWORD_HOME, else upwards from the submit folder, else from its own path; it may
# lie anywhere, spaces and all, and be started from anywhere.  Nothing built: it names the command that builds.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
unset BILLIONWORD_BIN
clone="$PWD/a clone/of it"
mkdir -p "$clone" elsewhere "$clone/some/where"
cp -r "$BILLIONWORD_HOME/jobs" "$clone/jobs"
rm -f "$clone/jobs/site.sh"
missing="$clone/build/bin/train is missing; make it with:  make -C '$clone'"

# The block that finds the repository, and the #SBATCH lines that no job can do without, are in every script.
block() { sed -n '/^# The repository: /,/^\[ -n "\$home" \]/p' "$1"; }
[ -n "$(block "$clone/jobs/train_lstm256.sh")" ] || fail "no block that finds the repository"
for script in "$clone"/jobs/{prepare,train}_*.sh "$clone/jobs/pipeline.sh"; do
  [ "$(block "$script")" = "$(block "$clone/jobs/train_lstm256.sh")" ] || fail "$script finds the repository in a way of its own"
  [ -x "$script" ] || fail "$script cannot be executed"
  "$script" --help >help
  [ -n "$(head -n 1 help)" ] || fail "$script --help begins with an empty line"
  tail -n 1 help | grep -q '^usage: .*[^ ]$' || fail "$script --help does not end with its usage: $(tail -n 1 help)"
done
for script in "$clone"/jobs/{prepare,train}_*.sh; do
  for line in job-name nodes ntasks cpus-per-task time mem signal=B:USR1@ requeue open-mode=append 'output=%x-%j.log'; do
    grep -q "^#SBATCH --$line" "$script" || fail "$script has no line #SBATCH --$line"
  done
done

unset BILLIONWORD_HOME
cd elsewhere
fails_with 1 "$missing" bash "$clone/jobs/train_lstm256.sh"
fails_with 1 "$missing" "../a clone/of it/jobs/train_lstm256.sh"
(cd "$clone/jobs" && fails_with 1 "$missing" bash train_lstm256.sh)
ln -s "$clone/jobs/train_lstm256.sh" linked.sh
fails_with 1 "$missing" ./linked.sh

# As under sbatch: what runs is a copy in a spool folder.
cp "$clone/jobs/train_lstm256.sh" slurm_script
fails_with 1 "$missing" env SLURM_SUBMIT_DIR="$clone/some/where" bash slurm_script
fails_with 1 "$missing" env SLURM_SUBMIT_DIR="$PWD" BILLIONWORD_HOME="$clone" bash slurm_script
fails_with 1 'submit from inside the repository, or export BILLIONWORD_HOME=' env SLURM_SUBMIT_DIR="$PWD" bash slurm_script
fails_with 1 "$missing" env SLURM_SUBMIT_DIR="$PWD" bash "$clone/jobs/train_lstm256.sh"
fails_with 1 "BILLIONWORD_HOME=$PWD is not the repository" env BILLIONWORD_HOME="$PWD" bash "$clone/jobs/train_lstm256.sh"
fails_with 1 "$missing" env BILLIONWORD_HOME="../a clone/of it" bash slurm_script

# shellcheck shell=bash
# For the cases of training scripts, after lib.sh: a corpus `tiny`, already prepared, and a copy of jobs/ with an
# lstm256 that trains for a few seconds.
export BILLIONWORD_BIN=$BIN WORK=$PWD/work RESULTS=$PWD/results CORPUS=$PWD/tiny DEVICE=cpu THREADS=1
mkdir tiny
for split in train:1500 valid:40 test:40; do
  awk -v n="${split#*:}" 'BEGIN { srand(n); for (i = 0; i < n; i++) { s = ""; for (k = 0; k < 8; k++) s = s "w" int(50 * rand() * rand()) " "; print s "." } }' \
    >"tiny/${split%:*}.txt"
done
mkdir jobs
cp "$BILLIONWORD_HOME"/jobs/*.sh jobs/
rm -f jobs/site.sh
sed -i 's/--hidden [0-9]*/--hidden 32/; s/--epochs "[^"]*"/--epochs 200/' jobs/train_lstm256.sh
export BILLIONWORD_HOME=$PWD
jobs/prepare_corpus.sh 2>said

# await_training PID: until lstm256, started by PID, is in its first steps.
await_training() {
  until grep -q running work/tiny/lstm256/state 2>/dev/null; do
    kill -0 "$1" 2>/dev/null || fail "no training: $(cat said)"
    sleep 0.05
  done
  sleep 0.3
}

# trainings: the processes of this case that train, a line each, in rising order.
trainings() {
  local folder words
  for folder in $(printf '%s\n' /proc/[0-9]* | sort -t/ -k3n); do
    mapfile -d '' words 2>/dev/null <"$folder/cmdline" || continue
    if [ "${words[0]:-}" = "$BIN/train" ] && [[ "${words[*]}" == *"$PWD/work"* ]]; then echo "${folder#/proc/}"; fi
  done
}
# A case that fails leaves nothing behind: jobs run in sessions of their own, which the end of the case does not reach.
end_trainings() {
  local process
  for process in $(trainings); do kill -KILL "$process" 2>/dev/null || true; done
}
trap end_trainings EXIT

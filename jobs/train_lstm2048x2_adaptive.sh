#!/bin/bash
#SBATCH --job-name=lstm2048x2_adaptive
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=168:00:00
#SBATCH --mem-per-cpu=2G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Two layers of 2048 LSTM cells with the adaptive softmax (Grave et al. 2016; on LM1B its test perplexity is 39.8, after six
# days on one GPU).  Its settings were not published apart: they are those of train_lstm2048_adaptive.sh, and so are the
# differences from the authors' code.  That code, with two layers, drops no values between them.
#
#   sbatch --gpus-per-task=1 jobs/train_lstm2048x2_adaptive.sh
#   bash jobs/train_lstm2048x2_adaptive.sh --dry-run        memory (3.4 GiB) and hours, without training

# The repository: BILLIONWORD_HOME, else upwards from the submit folder, else from this file (under sbatch, a copy).
for home in "${BILLIONWORD_HOME:-${SLURM_SUBMIT_DIR:-/}}" "$0"; do
  home=$(realpath -m -- "$home")
  until [ -z "$home" ] || [ -e "$home/jobs/common.sh" ]; do home=${home%/*}; done
  [ -z "$home" ] || break
done
[ -n "$home" ] || { echo "$0: submit from inside the repository, or export BILLIONWORD_HOME=/its/path" >&2 && exit 1; }
CORPUS=${CORPUS:-lm1b}
# shellcheck source=jobs/common.sh
. "$home/jobs/common.sh"
# shellcheck source=jobs/neural.sh
. "$home/jobs/neural.sh"

parse_arguments "$@"

recipe=(
  --layers 2 --hidden 2048 --embedding 256
  --initial range --initial-range 0.02209709 --initial-embedding 0.1 --initial-output-fan-in --initial-biases --two-biases
  --dropout 0.01 --no-dropout-between
  --softmax adaptive --cutoffs "4000,40000,200000"
  --context carry --begin '</S>' --valid-streams 128
  --batch 128 --bptt 20 --epochs "${EPOCHS:-10}"
  --loss token-mean
  --optimiser adagrad --rate 0.1 --accumulator 1e-5 --row-wise --epsilon 1e-10
  --schedule step --decay 0.5 --decay-after 5
  --clip 0.25 --clip-group but-embedding
  --select last
)
evaluation=(--streams 128) # as the code evaluates; the number is stored with the result
need_gpu lstm2048x2_adaptive "${recipe[@]}"
run_neural_system lstm2048x2_adaptive "${recipe[@]}"

#!/bin/bash
#SBATCH --job-name=lstm8192x2
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=168:00:00
#SBATCH --mem-per-cpu=6G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# BIG LSTM of "Exploring the Limits of Language Modeling" (Jozefowicz et al. 2016, table 1: test perplexity 30.6): two layers
# of LSTM-8192-1024 on LM1B.  As train_lstm2048.sh, but for the sizes and
#   - dropout 0.25 before and after every layer, as for all networks above 4096 cells                       (section 4)
# There, too, is what differs from the code: steps of all ranks together, means over them, sentences shuffled within each stream.
# 34.7 after 10 epochs, 30.6 after about 100, three weeks on the paper's 32 GPUs.
#
# One rank unless the command line says more, and it goes back into the queue until it is finished:
#   sbatch --ntasks=8 --cpus-per-task=8 --gpus-per-task=1 --mem-per-cpu=3G jobs/train_lstm8192x2.sh
#   bash jobs/train_lstm8192x2.sh --dry-run        memory of a rank (16 GiB) and hours, without training

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

choose_recipe_ranks lstm8192x2
recipe=(
  --layers 2 --hidden 8192 --projection 1024 --embedding 1024
  --initial unit-scaling --forget-bias 1
  --dropout 0.25
  --softmax sampled --samples 8192
  --context carry --begin '<S>' --valid-streams 32
  --batch $((128 * recipe_ranks)) --bptt 20 --shuffle --epochs "${EPOCHS:-100}"
  --loss step-sum
  --optimiser adagrad --rate 0.2 --accumulator 1.0
  --clip 1.0 --clip-group recurrent
  --rescale-embedding $((128 * recipe_ranks)) # of the mean over all streams: 128 times each rank's own mean, summed
  --ema 0.999
)
evaluation=(--streams 32) # one stream would leave a wide network idle; the number is stored with the result
need_gpu lstm8192x2 "${recipe[@]}"
run_neural_system lstm8192x2 "${recipe[@]}"

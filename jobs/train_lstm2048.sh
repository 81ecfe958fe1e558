#!/bin/bash
#SBATCH --job-name=lstm2048
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=24:00:00
#SBATCH --mem-per-cpu=8G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# LSTM-2048-512 of "Exploring the Limits of Language Modeling" (Jozefowicz et al. 2016, table 1: test perplexity 43.7), on
# LM1B.  What the paper's text leaves open is as in the first author's published code:
#   - Adagrad 0.2, accumulator from 1.0, 128 streams a rank, unrolled 20 steps, state never reset          (section 4)
#   - 8192 log-uniform samples a step; dropout 0.1 before and after the LSTM, gradient norm of its weights to 1.0
#   - loss summed over the 20 steps, mean over the batch; embedding gradients times 128, without which rare rows stay put;
#     weights drawn with unit scaling, forget gate +1; an average of the LSTM weights (0.999) is evaluated         (code)
# 47.5 after 5 epochs, 45.0 after 10, 43.7 after 50.  The paper's 32 workers were asynchronous, ours step together;
# on several ranks the softmax rows get the mean gradient over them, where the code takes the sum, and the norm that is clipped is
# that of the mean over the ranks, where the code clips each GPU's own.  The code shuffles the files and the sentences in each
# and gives a stream that has come to a sentence's end the next one; ours cuts the text into as many pieces as there are streams,
# and shuffles the sentences of each.  The softmax's biases start from 0, as the LSTM's; the code leaves them to TensorFlow's default.
#
# One rank unless the command line says more, and it goes back into the queue until it is finished:
#   sbatch --ntasks=8 --cpus-per-task=8 --gpus-per-task=1 --mem-per-cpu=2G jobs/train_lstm2048.sh
#   bash jobs/train_lstm2048.sh --dry-run        memory of a rank and hours, without training

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

choose_recipe_ranks lstm2048
recipe=(
  --hidden 2048 --projection 512 --embedding 512
  --initial unit-scaling --forget-bias 1
  --dropout 0.1
  --softmax sampled --samples 8192
  --context carry --begin '<S>' --valid-streams 32
  --batch $((128 * recipe_ranks)) --bptt 20 --shuffle --epochs "${EPOCHS:-50}"
  --loss step-sum
  --optimiser adagrad --rate 0.2 --accumulator 1.0
  --clip 1.0 --clip-group recurrent
  --rescale-embedding $((128 * recipe_ranks)) # of the mean over all streams: 128 times each rank's own mean, summed
  --ema 0.999
)
evaluation=(--streams 32) # one stream would leave a wide network idle; the number is stored with the result
need_gpu lstm2048 "${recipe[@]}"
run_neural_system lstm2048 "${recipe[@]}"

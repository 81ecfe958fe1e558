#!/bin/bash
#SBATCH --job-name=lstm2048_sync
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=48:00:00
#SBATCH --mem-per-cpu=10G
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# LSTM-2048-512 trained in step on many GPUs, as a baseline of "Outrageously Large Neural Networks" (Shazeer et al. 2017,
# appendix C: test perplexity 44.7 after 10 epochs, 12 to 16 hours on 16 GPUs): the network of train_lstm2048.sh with
#   - Adam; the rate rises for 1000 steps and then falls with 1/sqrt(step)
#   - about 300,000 words a step (15,000 streams of 20 steps, shared among the ranks), so 27,000 steps in 10 epochs
#   - dropout 0.1; sampled softmax
# The paper does not give the highest rate, nor Adam's decays, nor a clipping: 0.004 is that of train_lstm2048_adam.sh, 0.9 and
# 0.999 are Adam's own, and the norm of the LSTM's gradient is at most 1 as before.
#
#   sbatch --nodes=2 --ntasks=16 --gpus-per-task=1 --mem-per-cpu=4G jobs/train_lstm2048_sync.sh
#   bash jobs/train_lstm2048_sync.sh --dry-run        memory of a rank (12 GiB of 16, 32 GiB of one) and hours, without training

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

choose_recipe_ranks lstm2048_sync
recipe=(
  --hidden 2048 --projection 512 --embedding 512
  --initial unit-scaling --forget-bias 1
  --dropout 0.1
  --softmax sampled --samples 8192
  --context carry --begin '<S>' --valid-streams 32
  --batch $((15000 / recipe_ranks * recipe_ranks)) --bptt 20 --epochs "${EPOCHS:-10}"
  --loss token-mean
  --optimiser adam --rate 0.004 --beta1 0.9 --beta2 0.999 --epsilon 1e-8
  --schedule inverse-sqrt --warmup 1000
  --clip 1.0 --clip-group recurrent
)
evaluation=(--streams 32) # one stream would leave a wide network idle; the number is stored with the result
need_gpu lstm2048_sync "${recipe[@]}"
run_neural_system lstm2048_sync "${recipe[@]}"

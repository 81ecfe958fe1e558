#!/usr/bin/env bash
# Ranks under mpirun: the collective tests on two and three of them, with sums in flight and without; a rank that aborts or just
# leaves takes the others down; what the launcher says is believed or refused.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
export ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0} # of MPI, as in pipeline/cli/message.c, which this program does without
test=$UNIT/test_dist_ranks
[ -x "$test" ] || skip "needs the unit programs"
command -v mpirun >/dev/null || skip "needs mpirun"

for n in 2 3; do
  for overlap in 0 1; do
    BILLIONWORD_OVERLAP=$overlap ranks $n "$test" >said 2>&1 || fail "$n ranks, overlap $overlap: $(cat said)"
    [ "$(grep -c 'PASSED' said)" = $n ] || fail "$n ranks did not all pass: $(cat said)"
  done
done

ranks 2 "$test" who | sort >said
expect_output $'mpi 0 of 2\nmpi 1 of 2' cat said
fails_with 7 '' timeout 60 mpirun --bind-to none --oversubscribe -np 2 "$test" abort
fails_with 1 '' timeout 60 mpirun --bind-to none --oversubscribe -np 2 "$test" leave

expect_output 'single 0 of 1' "$test" who
expect_output 'single 0 of 1' env OMPI_COMM_WORLD_SIZE=1 SLURM_NTASKS=2 "$test" who
expect_output 'single 0 of 1' env SLURM_STEP_NUM_TASKS=1 SLURM_NTASKS=2 "$test" who
fails_with 1 'SLURM_NTASKS is 4, but this process*srun -K --mpi=pmix*SLURM_NTASKS=1' env SLURM_NTASKS=4 "$test" who
fails_with 1 'SLURM_STEP_NUM_TASKS is 4' env SLURM_STEP_NUM_TASKS=4 SLURM_NTASKS=2 "$test" who
fails_with 1 'the launcher started 3 ranks, but MPI sees 1' env PMI_SIZE=3 "$test" who

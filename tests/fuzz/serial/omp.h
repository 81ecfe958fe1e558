// OpenMP for programs compiled without it: one thread.  The fuzzers are, since a reader that dies is left by
// longjmp.
#ifndef TESTS_FUZZ_SERIAL_OMP_H
#define TESTS_FUZZ_SERIAL_OMP_H

typedef struct {
    int unused;
} omp_lock_t;

static inline int omp_get_thread_num(void) { return 0; }
static inline int omp_get_num_threads(void) { return 1; }
static inline int omp_get_num_procs(void) { return 1; }
static inline void omp_init_lock(omp_lock_t *l) { l->unused = 0; }
static inline void omp_destroy_lock(omp_lock_t *l) { (void)l; }
static inline int omp_test_lock(omp_lock_t *l) { return (void)l, 1; }
static inline void omp_unset_lock(omp_lock_t *l) { (void)l; }

#endif

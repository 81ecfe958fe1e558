// Leaving: several threads that fail at once say one thing, and one that fails while it leaves ends all the
// same.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/cli/message.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8 };
static pthread_barrier_t start;

static void *fail_together(void *nothing) {
    pthread_barrier_wait(&start);
    die("a thread failed%s", nothing ? "?" : "");
}

static void leave_slowly(int code) {
    struct timespec t = {.tv_nsec = 50000000};
    (void)code;
    nanosleep(&t, NULL); // so that the others come to it
}

static void fail_in_threads(void *hook) {
    pthread_t threads[THREADS];
    if (hook) message_set_die_hook(leave_slowly);
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, fail_together, NULL)) abort();
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void test_one_message(void **state) {
    (void)state;
    char said[4096];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(child_run(fail_in_threads, i % 2 ? said : NULL, said, sizeof said), 1);
        assert_string_equal(said, "billionword: error: a thread failed\n");
    }
}

static void fail_again(int code) { die("failed while leaving with %d", code); }

static void fail_twice(void *nothing) {
    message_set_die_hook(fail_again);
    die("failed%s", nothing ? "?" : "");
}

static void test_fails_while_leaving(void **state) {
    (void)state;
    char said[4096];
    assert_int_equal(child_run(fail_twice, NULL, said, sizeof said), 1);
    assert_string_equal(said, "billionword: error: failed\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_message),
                                       cmocka_unit_test(test_fails_while_leaving)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

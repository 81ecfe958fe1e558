// Texts of a run: what a checkpoint has seen stays, what came later goes, what was damaged is set aside.
#include "tests/unit/unit.h"

#include "pipeline/cli/message.h"
#include "pipeline/training/run_logs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *mode, const char *text) {
    FILE *f = fopen(name, mode);
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void expect_file(const char *name, const char *text) {
    char got[64] = "";
    FILE *f = fopen(name, "r");
    assert_non_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = 0;
    fclose(f);
    assert_string_equal(got, text);
}

static void test_look_and_restore(void **state) {
    (void)state;
    struct run_log seen[RUN_LOGS];
    put("curve.jsonl", "w", "one\ntwo\n");
    put("samples.tsv", "w", "0\ta\n");
    run_logs_look(".", seen);
    assert_int_equal(seen[0].length, 8);
    assert_int_equal(seen[1].length, 0);
    assert_int_equal(seen[2].length, 4);

    put("curve.jsonl", "a", "three, and ha");
    put("gradient_flow.tsv", "w", "later\n"); // asked for behind the checkpoint
    put("samples.tsv", "w", "0\tb\n");        // another text as long
    run_logs_restore(".", seen);
    expect_file("curve.jsonl", "one\ntwo\n");
    assert_int_not_equal(access("gradient_flow.tsv", F_OK), 0);
    assert_int_not_equal(access("samples.tsv", F_OK), 0);
    expect_file("samples.tsv.damaged", "0\tb\n");

    put("curve.jsonl", "w", "one\n"); // cut short
    run_logs_restore(".", seen);
    assert_int_not_equal(access("curve.jsonl", F_OK), 0);
    expect_file("curve.jsonl.damaged", "one\n");
    run_logs_restore(".", seen); // gone: a warning

    put("curve.jsonl", "w", "of another run\n");
    run_logs_restore(".", (struct run_log[RUN_LOGS]){0});
    assert_int_not_equal(access("curve.jsonl", F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_look_and_restore)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

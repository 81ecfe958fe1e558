// Where sentences of running text end; blocks in order over threads.
#include "tests/unit/unit.h"

#include "pipeline/text/ordered.h"
#include "pipeline/text/sentence_split.h"

#include <stdlib.h>
#include <string.h>

// `expected` has the sentences behind one another, each with a line feed.
static void check(const char *text, const char *expected) {
    struct buffer out = {0};
    sentence_split_line(&out, text, strlen(text));
    assert_string_equal(buffer_terminate(&out), expected);
    buffer_free(&out);
}

static void test_endings(void **state) {
    (void)state;
    check("One. Two! Three? Four... Five\u2026 Six", "One.\nTwo!\nThree?\nFour...\nFive\u2026\nSix\n");
    check("He came. she said no. 5 men left.", "He came. she said no.\n5 men left.\n");
    check("  One.   Two.\t", "One.\nTwo.\n");
    check("", "");
    check(" \u00A0 ", "");
    check("no end", "no end\n");
    check("a , b . C", "a , b .\nC\n");
}

static void test_quotes(void **state) {
    (void)state;
    check("\"Go!\" he said. \"Now.\" She went.", "\"Go!\" he said.\n\"Now.\"\nShe went.\n");
    check("\u201CWell.\u201D \u2018Yes?\u2019 (Quite so.) [Aside.] _Never!_ Then",
          "\u201CWell.\u201D\n\u2018Yes?\u2019\n(Quite so.)\n[Aside.]\n_Never!_\nThen\n");
    check("It ended.--So he said. --But no.", "It ended.--So he said.\n--But no.\n");
}

static void test_abbreviations(void **state) {
    (void)state;
    check("Mr. Weston met Dr. J. R. Brown. (Mrs. Weston too.) Fine.",
          "Mr. Weston met Dr. J. R. Brown.\n(Mrs. Weston too.)\nFine.\n");
    check("The U.S. Navy. At 5 p.m. He left.", "The U.S. Navy.\nAt 5 p.m.\nHe left.\n");
    check("See No. 5. No. That is all.", "See No. 5.\nNo.\nThat is all.\n");
    check("Older than I. Emma smiled.", "Older than I.\nEmma smiled.\n");
    check("1. The first. In 1815. The end.", "1. The first.\nIn 1815.\nThe end.\n");
}

// === blocks in order =============================================================================

enum { BLOCKS = 500 };
struct counted {
    int given, taken;
    bool in_order;
};

static bool number_fill(void *context, void *block) {
    struct counted *c = context;
    *(int *)block = c->given;
    return c->given++ < BLOCKS;
}

static void number_work(void *context, void *block) {
    (void)context;
    int *number = block;
    for (volatile int i = 0; i < (*number * 7919) % 5000; i++) {}
    *number = 2 * *number + 1;
}

static void number_drain(void *context, void *block) {
    struct counted *c = context;
    c->in_order &= *(int *)block == 2 * c->taken + 1;
    c->taken++;
}

static void number_release(void *block) { (void)block; }

static void test_order(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct counted counted = {.in_order = true};
        const struct ordered_job job = {.threads = threads[i],
                                        .block_size = sizeof(int),
                                        .context = &counted,
                                        .fill = number_fill,
                                        .work = number_work,
                                        .drain = number_drain,
                                        .release = number_release};
        ordered_run(&job);
        assert_int_equal(counted.taken, BLOCKS);
        assert_true(counted.in_order);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_abbreviations),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The communicator and the gradient exchange, on one rank or under mpirun on several.  Each test makes all
// its collective calls before it asserts, so that a rank that finds a fault does not leave the others
// waiting.
//
//   test_dist_ranks           all tests
//   test_dist_ranks abort     the last rank aborts with code 7 while the others wait
//   test_dist_ranks leave     the last rank leaves by exit(0) without closing
//   test_dist_ranks who       prints kind, rank and ranks
#include "tests/unit/unit.h"

#include "dist/communicator.h"
#include "dist/gradients.h"

#include <stdlib.h>
#include <string.h>

static struct communicator *c;

// A generator of our own, so that each rank knows what the others hold: value number i of a rank.
static uint32_t hash(uint32_t rank, uint32_t i) {
    uint64_t z = ((uint64_t)rank << 32 | i) * 0x9E3779B97F4A7C15u + 0x632BE59BD9B4E019u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}
static float small_whole(int rank, size_t i) {
    return (float)(hash((uint32_t)rank, (uint32_t)i) % 2001) - 1000.0f;
}
static float sum_of_small(size_t i) {
    float sum = 0;
    for (int r = 0; r < c->ranks; r++) sum += small_whole(r, i);
    return sum;
}

static void *room(size_t bytes) {
    void *p = malloc(bytes + 1);
    if (!p) abort();
    return p;
}

static float *small_wholes(size_t n) {
    float *x = room(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = small_whole(c->rank, i);
    return x;
}

static size_t wrong_sums(const float *x, size_t n) {
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++) wrong += !(x[i] == sum_of_small(i));
    return wrong;
}

static void test_describes_itself(void **state) {
    (void)state;
    assert_in_range(c->rank, 0, c->ranks - 1);
    assert_true(strlen(c->host) > 0);
    assert_string_equal(c->name, c->ranks == 1 ? "single" : "mpi");
}

static void test_sums_are_exact(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, (1 << 20), (1 << 20) + 1, 3000017}; // up to three pieces
    size_t wrong = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        float *x = small_wholes(sizes[s]);
        communicator_sum_floats(c, x, sizes[s]);
        wrong += wrong_sums(x, sizes[s]);
        free(x);
    }
    double d[2] = {1.0 / 1024 + c->rank, -1};
    uint64_t u[2] = {(1ull << 60) + (uint64_t)c->rank, 3};
    communicator_sum_doubles(c, d, 2);
    communicator_sum_u64(c, u, 2);
    uint64_t ranks = (uint64_t)c->ranks, triangle = ranks * (ranks - 1) / 2;
    assert_int_equal(wrong, 0);
    assert_true(d[0] == (double)c->ranks / 1024 + (double)triangle && d[1] == -c->ranks);
    assert_true(u[0] == (ranks << 60) + triangle && u[1] == 3 * ranks);
}

// Floats of mixed size, whose sum depends on the order of adding.
static void fill_rough(float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] = ldexpf((float)hash((uint32_t)c->rank, (uint32_t)i) - 2e9f,
                      (int)(hash(99, (uint32_t)i) % 40) - 50);
}

static void test_sums_are_the_same_bits_everywhere_and_again(void **state) {
    (void)state;
    const size_t n = 2500003;
    float *x = room(n * sizeof *x), *again = room(n * sizeof *again);
    bool agree = true, repeats = true;
    for (int pass = 0; pass < 3; pass++) {
        float *to = pass ? again : x;
        fill_rough(to, n);
        if (pass == 2) {
            gradients_start_dense(c, to, n);
            communicator_progress(c);
            communicator_wait_all(c);
        } else {
            communicator_sum_floats(c, to, n);
        }
        agree = communicator_agrees(c, to, n * sizeof *to, NULL) && agree;
        if (pass == 1) repeats = memcmp(x, again, n * sizeof *x) == 0;
    }
    free(x);
    free(again);
    assert_true(agree);
    assert_true(repeats);
}

static void test_maximum(void **state) {
    (void)state;
    uint64_t most = communicator_max_u64(c, (1ull << 63) + (uint64_t)c->rank);
    uint64_t first = communicator_max_u64(c, c->rank == 0 ? 5 : 0);
    assert_true(most == (1ull << 63) + (uint64_t)c->ranks - 1);
    assert_true(first == 5);
}

static void test_broadcast_from_every_rank(void **state) {
    (void)state;
    bool good = true;
    for (int root = 0; root < c->ranks; root++) {
        char text[64] = "";
        if (c->rank == root) snprintf(text, sizeof text, "from rank %d", root);
        communicator_broadcast(c, text, sizeof text, root);
        communicator_broadcast(c, text, 0, root);
        char expected[64];
        snprintf(expected, sizeof expected, "from rank %d", root);
        good = good && strcmp(text, expected) == 0;
    }
    assert_true(good);
}

static void test_move_between_all_ranks(void **state) {
    (void)state;
    bool good = true;
    for (int from = 0; from < c->ranks; from++)
        for (int to = 0; to < c->ranks; to++) {
            if (from == to) continue;
            uint64_t own = 1000 + (uint64_t)c->rank, x[3] = {own, own, own};
            communicator_move(c, x, sizeof x, from, to);
            for (int i = 0; i < 3; i++) good = good && x[i] == (c->rank == to ? 1000 + (uint64_t)from : own);
        }
    assert_true(good);
}

static void test_gather_of_different_sizes(void **state) {
    (void)state;
    bool good = true;
    for (uint32_t turn = 0; turn < 20; turn++) { // turn 0: nothing from anybody
        uint64_t *sizes = room((size_t)c->ranks * sizeof *sizes), total = 0, at = 0;
        uint64_t own =
            turn == 0 || ((uint32_t)c->rank + turn) % 3 == 0 ? 0 : hash((uint32_t)c->rank, turn) % 100000;
        unsigned char *mine = room(own);
        for (uint64_t i = 0; i < own; i++)
            mine[i] = (unsigned char)hash((uint32_t)c->rank + 100, (uint32_t)i);
        communicator_gather_sizes(c, own, sizes);
        for (int r = 0; r < c->ranks; r++) total += sizes[r];
        unsigned char *all = room(total);
        communicator_gather(c, mine, sizes, all);
        good = good && sizes[c->rank] == own;
        for (int r = 0; r < c->ranks; r++)
            for (uint64_t i = 0; i < sizes[r]; i++, at++)
                good = good && all[at] == (unsigned char)hash((uint32_t)r + 100, (uint32_t)i);
        free(all);
        free(mine);
        free(sizes);
    }
    assert_true(good);
}

static void test_agreement_names_the_first_that_differs(void **state) {
    (void)state;
    char text[10000];
    int same, contents, size, empty;
    memset(text, 'x', sizeof text);
    bool good = communicator_agrees(c, text, sizeof text, &same) && communicator_agrees(c, NULL, 0, &empty);
    if (c->rank == c->ranks - 1 && c->ranks > 1) text[9999] = 'y';
    bool agree_contents = communicator_agrees(c, text, sizeof text, &contents);
    bool agree_size = communicator_agrees(c, text, c->rank > 0 ? 100 : 99, &size);
    assert_true(good && same == -1 && empty == -1);
    assert_true(agree_contents == (c->ranks == 1) && agree_size == (c->ranks == 1));
    assert_int_equal(contents, c->ranks > 1 ? c->ranks - 1 : -1);
    assert_int_equal(size, c->ranks > 1 ? 1 : -1);
}

// More sums than fit in flight, of several sizes, while the processor does something else.
static void test_sums_in_flight(void **state) {
    (void)state;
    enum { MANY = COMMUNICATOR_MAX_PENDING + 44 };
    static float *x[MANY];
    size_t wrong = 0;
    for (size_t i = 0; i < MANY; i++) {
        size_t n = 1 + i * 37 % 5000;
        x[i] = small_wholes(n);
        communicator_sum_floats_start(c, x[i], n);
        if (i % 10 == 0) communicator_progress(c);
    }
    communicator_wait_all(c);
    communicator_wait_all(c); // nothing is left to wait for
    for (size_t i = 0; i < MANY; i++) {
        wrong += wrong_sums(x[i], 1 + i * 37 % 5000);
        free(x[i]);
    }
    assert_int_equal(wrong, 0);
}

static void test_dense_gradients_travel_in_buckets(void **state) {
    (void)state;
    const size_t n = 2u * GRADIENTS_BUCKET_BYTES / sizeof(float) + 5;
    uint64_t before = gradients_bytes_sent();
    float *x = small_wholes(n);
    gradients_start_dense(c, x, n);
    communicator_wait_all(c);
    size_t wrong = wrong_sums(x, n);
    free(x);
    assert_int_equal(wrong, 0);
    assert_int_equal(gradients_bytes_sent() - before, 8 * n * (size_t)(c->ranks - 1) / (size_t)c->ranks);
}

// === rows ========================================================================================

enum { TABLE = 3000, D = 7, SHARED = 5, FAR = 1 << 30 };

// Rows of one rank on one turn: ids TABLE.. are shared, the others a random subset of 0 .. TABLE-1, of which
// every third is moved far up, in no order.  Some ranks have none.
static void make_rows(struct gradient_rows *g, int rank, uint32_t turn) {
    uint32_t key = (uint32_t)rank * 64 + turn;
    size_t others = (key + turn) % 3 == 0 ? 0 : 1 + hash(key, 1) % 900, shared = turn % 2 ? SHARED : 0;
    *g = (struct gradient_rows){.shared = shared, .d = D};
    g->capacity = shared + others; // no room to spare: merging has to grow it
    g->ids = room(g->capacity * sizeof *g->ids);
    g->values = room(g->capacity * D * sizeof *g->values);
    for (; g->rows < shared; g->rows++) g->ids[g->rows] = TABLE + 7 - (uint32_t)g->rows;
    bool taken[TABLE] = {false};
    for (uint32_t i = 0; g->rows < g->capacity; i++) {
        uint32_t id = hash(key, 2 + i) % TABLE;
        if (!taken[id]) g->ids[g->rows++] = id % 3 == 0 ? id + FAR : id;
        taken[id] = true;
    }
    for (size_t k = 0; k < g->rows * D; k++) g->values[k] = small_whole(rank, k + turn);
}

static void free_rows(struct gradient_rows *g) {
    free(g->ids);
    free(g->values);
}

static size_t place_of(uint32_t id) { return id >= FAR ? id - FAR : id; }

// What the exchange must give, by adding all ranks' rows into a whole table.
static bool rows_are_right(const struct gradient_rows *g, uint32_t turn) {
    static float table[TABLE + 8][D];
    static bool touched[TABLE + 8];
    memset(table, 0, sizeof table);
    memset(touched, 0, sizeof touched);
    for (int r = 0; r < c->ranks; r++) {
        struct gradient_rows other;
        make_rows(&other, r, turn);
        for (size_t i = 0; i < other.rows; i++) {
            touched[place_of(other.ids[i])] = true;
            for (size_t k = 0; k < D; k++) table[place_of(other.ids[i])][k] += other.values[i * D + k];
        }
        free_rows(&other);
    }
    size_t rows = 0;
    for (size_t i = 0; i < TABLE + 8; i++) rows += touched[i];
    bool good = g->rows == rows && g->rows <= g->capacity;
    for (size_t i = 0; good && i < g->rows; i++) {
        if (i < g->shared) good = g->ids[i] == TABLE + 7 - i;
        if (i > g->shared) good = g->ids[i] > g->ids[i - 1];
        good = good && place_of(g->ids[i]) < TABLE + 8 && touched[place_of(g->ids[i])];
        for (size_t k = 0; good && k < D; k++) good = g->values[i * D + k] == table[place_of(g->ids[i])][k];
    }
    return good;
}

static void test_rows_are_merged(void **state) {
    (void)state;
    bool good = true, agree = true;
    for (uint32_t turn = 0; turn < 12; turn++) {
        struct gradient_rows g;
        make_rows(&g, c->rank, turn);
        int result = gradients_exchange_rows(c, &g);
        good = good && result == 0 && rows_are_right(&g, turn);
        agree = communicator_agrees(c, g.values, g.rows * D * sizeof *g.values, NULL) && agree;
        free_rows(&g);
    }
    assert_true(good);
    assert_true(agree);
}

// Rows that may not grow need room for what there is when equal ones are merged, and no more.
static void test_rows_fit_where_they_are_merged(void **state) {
    (void)state;
    uint32_t ids[TABLE];
    float *values = small_wholes(TABLE * D);
    struct gradient_rows g = {ids, values, TABLE, 0, D, TABLE, true};
    for (uint32_t i = 0; i < TABLE; i++) ids[i] = i;
    int result = gradients_exchange_rows(c, &g);
    size_t wrong = wrong_sums(values, TABLE * D);
    free(values);
    assert_int_equal(result, 0);
    assert_int_equal(g.rows, TABLE);
    assert_int_equal(wrong, 0);
}

// As for rows on GPUs: the values are gathered by other means than gradients_exchange_rows, and added where
// the places say.
static void add_by_places(struct gradient_rows *g, struct gradient_places *places) {
    size_t d = g->d, at = g->shared;
    communicator_sum_floats(c, g->values, at * d);
    int failed = gradients_gather_places(c, g->ids + at, g->rows - at, places);
    if (failed) communicator_abort(c, 1);
    float *all = room(places->rows * d * sizeof *all);
    for (int r = 0; r < c->ranks; r++) places->counts[r] *= d * sizeof *all;
    communicator_gather(c, g->values + at * d, places->counts, all);
    struct gradient_rows sum = {.shared = at, .d = d, .rows = at + places->merged, .capacity = SIZE_MAX};
    sum.ids = room(sum.rows * sizeof *sum.ids);
    sum.values = calloc(sum.rows * d + 1, sizeof *sum.values);
    if (!sum.values) abort();
    memcpy(sum.ids, g->ids, at * sizeof *sum.ids);
    memcpy(sum.ids + at, places->ids, places->merged * sizeof *sum.ids);
    memcpy(sum.values, g->values, at * d * sizeof *sum.values);
    for (size_t r = 0; r < places->rows; r++)
        for (size_t k = 0; k < d; k++) sum.values[(at + places->slots[r]) * d + k] += all[r * d + k];
    free(all);
    free_rows(g);
    *g = sum;
}

static void test_places_of_rows(void **state) {
    (void)state;
    bool good = true;
    struct gradient_places places = {0};
    for (uint32_t turn = 0; turn < 12; turn++) {
        struct gradient_rows g;
        make_rows(&g, c->rank, turn);
        add_by_places(&g, &places);
        good = rows_are_right(&g, turn) && good;
        free_rows(&g);
    }
    gradients_free_places(&places);
    assert_true(good);
}

// More than 2 GB, where MPI's counts overflow.  Needs 2.2 GB and, on each rank, its part besides.
static void test_gather_beyond_2_gb(void **state) {
    (void)state;
    const char *tier = getenv("TIER");
    if (!tier || strcmp(tier, "long") != 0) skip();
    uint64_t total = 2200000000u, own = total / (uint64_t)c->ranks, sizes[64];
    unsigned char *mine = room(own), *all = room(total);
    memset(mine, 'a' + c->rank, own);
    communicator_gather_sizes(c, own, sizes);
    communicator_gather(c, mine, sizes, all);
    bool good = true;
    for (uint64_t i = 0; i < own * (uint64_t)c->ranks; i += 4093)
        good = good && all[i] == 'a' + (int)(i / own);
    good = good && all[own * (uint64_t)c->ranks - 1] == 'a' + c->ranks - 1;
    free(mine);
    free(all);
    assert_true(good);
}

static int run_mode(const char *mode) {
    bool last = c->rank == c->ranks - 1;
    if (strcmp(mode, "who") == 0) printf("%s %d of %d\n", c->name, c->rank, c->ranks);
    if (last && strcmp(mode, "abort") == 0) communicator_abort(c, 7);
    if (last && strcmp(mode, "leave") == 0) exit(0);
    communicator_barrier(c);
    communicator_close(c);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describes_itself),
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_sums_are_the_same_bits_everywhere_and_again),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_broadcast_from_every_rank),
        cmocka_unit_test(test_move_between_all_ranks),
        cmocka_unit_test(test_gather_of_different_sizes),
        cmocka_unit_test(test_agreement_names_the_first_that_differs),
        cmocka_unit_test(test_sums_in_flight),
        cmocka_unit_test(test_dense_gradients_travel_in_buckets),
        cmocka_unit_test(test_rows_are_merged),
        cmocka_unit_test(test_rows_fit_where_they_are_merged),
        cmocka_unit_test(test_places_of_rows),
        cmocka_unit_test(test_gather_beyond_2_gb),
    };
    c = communicator_open();
    if (!c) {
        fprintf(stderr, "test_dist_ranks: %s\n", communicator_error());
        return 1;
    }
    if (argc > 1) return run_mode(argv[1]);
    int failed = cmocka_run_group_tests_name("dist", tests, NULL, NULL);
    if (failed) communicator_abort(c, failed); // the others may be waiting in another call
    communicator_close(c);
    return 0;
}

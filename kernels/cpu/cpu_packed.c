// A panel holds WIDTH columns of op(B), k after k: two vectors for each k.  A tile of up to TILE rows of A
// keeps its 2 * TILE sums in registers while it runs down the panel.
#include "kernels/cpu/cpu_packed.h"

#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
enum { LANES = 16, TILE = 12 };
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#elif defined(__FMA__)
#include <immintrin.h>
enum { LANES = 8, TILE = 6 };
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#else
enum { LANES = 4, TILE = 6 };
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif
enum { WIDTH = 2 * LANES };

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
typedef float loose_vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

struct cpu_packed cpu_packed_plan(size_t k, size_t n, size_t rows) {
    // Strips are half as large again as panels, which costs most where they do not fit into the second cache.
    size_t gain = CPU_TILES && cpu_tiles_bytes(k, n) > 2 << 20 ? 32 : 12;
    return (struct cpu_packed){.k = k, .n = n, .tiles = CPU_TILES && rows >= gain};
}

size_t cpu_packed_panels(struct cpu_packed p) {
    return CPU_TILES && p.tiles ? cpu_tiles_strips(p.n) : (p.n + WIDTH - 1) / WIDTH;
}

size_t cpu_packed_floats(struct cpu_packed p) {
    if (CPU_TILES && p.tiles) return cpu_tiles_bytes(p.k, p.n) / sizeof *p.panels;
    return (cpu_packed_panels(p) * p.k * WIDTH + 15) / 16 * 16;
}

static struct cpu_tiles_right strips_of(struct cpu_packed p) {
    return (struct cpu_tiles_right){p.k, p.n, (unsigned char *)p.panels};
}

static void fill_transposed(float *panel, const float *b, size_t k, size_t columns) {
    for (size_t c = 0; c < columns; c++)
        for (size_t l = 0; l < k; l++) panel[l * WIDTH + c] = b[c * k + l];
    for (size_t c = columns; c < WIDTH; c++)
        for (size_t l = 0; l < k; l++) panel[l * WIDTH + c] = 0;
}

static void fill_straight(float *panel, const float *b, size_t k, size_t n, size_t columns) {
    for (size_t l = 0; l < k; l++) {
        memcpy(panel + l * WIDTH, b + l * n, columns * sizeof *panel);
        memset(panel + l * WIDTH + columns, 0, (WIDTH - columns) * sizeof *panel);
    }
}

void cpu_packed_fill(struct cpu_packed p, bool transpose_b, const float *b, struct cpu_slice panels) {
    if (CPU_TILES && p.tiles) {
        cpu_tiles_fill(strips_of(p), transpose_b, b, panels.begin, panels.end);
        return;
    }
    for (size_t i = panels.begin; i < panels.end; i++) {
        float *panel = p.panels + i * p.k * WIDTH;
        size_t first = i * WIDTH, columns = p.n - first < WIDTH ? p.n - first : WIDTH;
        if (transpose_b)
            fill_transposed(panel, b + first * p.k, p.k, columns);
        else
            fill_straight(panel, b + first, p.k, p.n, columns);
    }
}

static inline __attribute__((always_inline)) void store(float *c, vector sum, bool add) {
    loose_vector *at = (loose_vector *)c;
    if (add)
        *at += sum;
    else
        *at = sum;
}

// `rows` is a constant where this is called, so that the sums stay in registers.
static inline __attribute__((always_inline)) void tile(const size_t rows, size_t k, const float *a,
                                                       size_t lda, const float *panel, size_t columns,
                                                       bool add, float *c, size_t ldc) {
    vector sum[TILE][2];
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (vector){0};
    const vector *b = (const vector *)panel;
    for (size_t l = 0; l < k; l++, b += 2) {
        vector b0 = b[0], b1 = b[1];
#pragma GCC unroll 16
        for (size_t r = 0; r < rows; r++) {
            vector x = a[r * lda + l] - (vector){0};
            sum[r][0] = MULTIPLY_ADD(x, b0, sum[r][0]);
            sum[r][1] = MULTIPLY_ADD(x, b1, sum[r][1]);
        }
    }
    if (columns == WIDTH) {
#pragma GCC unroll 16
        for (size_t r = 0; r < rows; r++) {
            store(c + r * ldc, sum[r][0], add);
            store(c + r * ldc + LANES, sum[r][1], add);
        }
        return;
    }
    float edge[TILE][WIDTH];
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
        store(edge[r], sum[r][0], false), store(edge[r] + LANES, sum[r][1], false);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++) c[r * ldc + j] = add ? c[r * ldc + j] + edge[r][j] : edge[r][j];
}

static void tile_of(size_t rows, size_t k, const float *a, size_t lda, const float *panel, size_t columns,
                    bool add, float *c, size_t ldc) {
    switch (rows) {
    case 1: tile(1, k, a, lda, panel, columns, add, c, ldc); break;
    case 2: tile(2, k, a, lda, panel, columns, add, c, ldc); break;
    case 3: tile(3, k, a, lda, panel, columns, add, c, ldc); break;
    case 4: tile(4, k, a, lda, panel, columns, add, c, ldc); break;
    case 5: tile(5, k, a, lda, panel, columns, add, c, ldc); break;
    case 6: tile(6, k, a, lda, panel, columns, add, c, ldc); break;
#if defined(__AVX512F__)
    case 7: tile(7, k, a, lda, panel, columns, add, c, ldc); break;
    case 8: tile(8, k, a, lda, panel, columns, add, c, ldc); break;
    case 9: tile(9, k, a, lda, panel, columns, add, c, ldc); break;
    case 10: tile(10, k, a, lda, panel, columns, add, c, ldc); break;
    case 11: tile(11, k, a, lda, panel, columns, add, c, ldc); break;
    case 12: tile(12, k, a, lda, panel, columns, add, c, ldc); break;
#endif
    }
}

// Panel by panel, so that a panel stays in the first cache while all rows run down it.
void cpu_packed_multiply(struct cpu_packed p, size_t m, const float *a, size_t lda, bool add, float *c,
                         size_t ldc) {
    if (CPU_TILES && p.tiles) {
        cpu_tiles_multiply(strips_of(p), m, a, lda, add, c, ldc);
        return;
    }
    size_t tiles = (m + TILE - 1) / TILE;
    for (size_t i = 0; i < cpu_packed_panels(p); i++) {
        size_t first = i * WIDTH, columns = p.n - first < WIDTH ? p.n - first : WIDTH;
        for (size_t t = 0; t < tiles; t++) {
            struct cpu_slice rows = cpu_slice_of(m, 1, t, tiles);
            tile_of(rows.end - rows.begin, p.k, a + rows.begin * lda, lda, p.panels + i * p.k * WIDTH,
                    columns, add, c + rows.begin * ldc + first, ldc);
        }
    }
}

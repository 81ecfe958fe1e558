// A step is 32 values of k.  A left tile holds 16 rows of A in a step, a right tile 16 columns of op(B):
// pairs of k side by side, as the instruction wants them.  A strip is 16 rows or columns, step after step the
// three parts of the step's tile.
#include "kernels/cpu/cpu_tiles.h"

#if CPU_TILES

#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SIDE = 16,              // rows, or columns, of a tile
    STEP = 32,              // values of k in a tile
    TILE = SIDE * STEP * 2, // bytes
    PARTS = 3,
    // Values of k, rows and columns cut up at a time: with their parts of A, B and C they stay in the second
    // cache; and values of k summed up in the registers: two right strips fill half of the first cache.
    DEPTH = 128,
    ROWS = 512,
    COLUMNS = 128,
};

typedef unsigned char byte;

// === cutting up ===

static __mmask16 mask_of(size_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

// The parts of 32 values of k, each what the ones before have left, rounded to the nearest bf16 number; the
// last one has at most 8 bits left and needs no rounding.  A pair is k = i and k = i + 16.
static inline void store_parts(byte *at, __m512 first, __m512 second) {
    const __m512i half = _mm512_set1_epi32(0x8000), high = _mm512_set1_epi32((int)0xffff0000);
#pragma GCC unroll 3
    for (size_t p = 0; p < PARTS; p++) {
        __m512i x = _mm512_castps_si512(first), y = _mm512_castps_si512(second);
        if (p < PARTS - 1) {
            x = _mm512_and_si512(_mm512_add_epi32(x, half), high);
            y = _mm512_and_si512(_mm512_add_epi32(y, half), high);
            first = _mm512_sub_ps(first, _mm512_castsi512_ps(x));
            second = _mm512_sub_ps(second, _mm512_castsi512_ps(y));
        }
        // x >> 16 | (y & high)
        _mm512_store_si512(at + p * TILE, _mm512_ternarylogic_epi32(_mm512_srli_epi32(x, 16), y, high, 0xf8));
    }
}

// A right tile from up to 32 rows of k, 16 columns of x.
static void cut_right(byte *tile, const float *x, size_t ld, size_t depth, size_t columns) {
    __mmask16 mask = mask_of(columns);
    for (size_t i = 0; i < SIDE; i++) {
        __m512 first = _mm512_maskz_loadu_ps(i < depth ? mask : 0, x + i * ld);
        __m512 second = _mm512_maskz_loadu_ps(i + 16 < depth ? mask : 0, x + (i + 16) * ld);
        store_parts(tile + i * 64, first, second);
    }
}

// A left tile from up to 16 rows, 32 values of k side by side.
static void cut_left(byte *tile, const float *x, size_t ld, size_t rows, size_t depth) {
    __mmask16 low = mask_of(depth), high = depth > 16 ? mask_of(depth - 16) : 0;
    for (size_t r = 0; r < SIDE; r++) {
        __m512 first = _mm512_maskz_loadu_ps(r < rows ? low : 0, x + r * ld);
        __m512 second = _mm512_maskz_loadu_ps(r < rows ? high : 0, x + r * ld + 16);
        store_parts(tile + r * 64, first, second);
    }
}

// out (16, .) = the transpose of up to 16 rows and columns of x, the rest 0; ld_out: between rows of out.
static void turn(float *out, size_t ld_out, const float *x, size_t ld, size_t rows, size_t columns) {
    __mmask16 mask = mask_of(columns);
    __m512 a[16], b[16];
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++) a[i] = _mm512_maskz_loadu_ps(i < rows ? mask : 0, x + i * ld);
#pragma GCC unroll 8
    for (size_t i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 16; i += 4) { // a[i + j]: columns j, 4 + j, 8 + j, 12 + j of rows i ... i + 3
        a[i] = _mm512_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm512_shuffle_ps(b[i], b[i + 2], 0xee);
        a[i + 2] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
        __m512 even0 = _mm512_shuffle_f32x4(a[j], a[4 + j], 0x88),
               odd0 = _mm512_shuffle_f32x4(a[j], a[4 + j], 0xdd);
        __m512 even1 = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0x88),
               odd1 = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0xdd);
        _mm512_storeu_ps(out + j * ld_out, _mm512_shuffle_f32x4(even0, even1, 0x88));
        _mm512_storeu_ps(out + (4 + j) * ld_out, _mm512_shuffle_f32x4(odd0, odd1, 0x88));
        _mm512_storeu_ps(out + (8 + j) * ld_out, _mm512_shuffle_f32x4(even0, even1, 0xdd));
        _mm512_storeu_ps(out + (12 + j) * ld_out, _mm512_shuffle_f32x4(odd0, odd1, 0xdd));
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t steps_of(size_t k) { return (k + STEP - 1) / STEP; }

enum side { LEFT, RIGHT };

// One tile of up to 16 rows of op(A), or columns of op(B), and 32 values of k; across: x is stored (k,
// count).
static void cut_tile(byte *tile, enum side side, const float *x, size_t ld, bool across, size_t count,
                     size_t depth) {
    float turned[STEP * SIDE] __attribute__((aligned(64)));
    if (side == LEFT && !across) {
        cut_left(tile, x, ld, count, depth);
    } else if (side == RIGHT && across) {
        cut_right(tile, x, ld, depth, count);
    } else if (side == LEFT) {
        turn(turned, STEP, x, ld, least(16, depth), count);
        turn(turned + 16, STEP, x + 16 * ld, ld, depth > 16 ? depth - 16 : 0, count);
        cut_left(tile, turned, STEP, SIDE, STEP);
    } else {
        turn(turned, SIDE, x, ld, count, least(16, depth));
        turn(turned + 16 * SIDE, SIDE, x + 16, ld, count, depth > 16 ? depth - 16 : 0);
        cut_right(tile, turned, SIDE, STEP, SIDE);
    }
}

// All strips of `count` rows or columns, k deep, each `strip` bytes long; reads along the rows of memory.
static void cut_strips(byte *strips, size_t strip, enum side side, const float *x, size_t ld, bool across,
                       size_t count, size_t k) {
    if (across) {
        for (size_t l = 0; l < k; l += STEP)
            for (size_t i = 0; i < count; i += SIDE)
                cut_tile(strips + i / SIDE * strip + l / STEP * PARTS * TILE, side, x + l * ld + i, ld, true,
                         least(SIDE, count - i), least(STEP, k - l));
    } else {
        for (size_t i = 0; i < count; i += SIDE)
            for (size_t l = 0; l < k; l += STEP)
                cut_tile(strips + i / SIDE * strip + l / STEP * PARTS * TILE, side, x + i * ld + l, ld, false,
                         least(SIDE, count - i), least(STEP, k - l));
    }
}

// === multiplying ===

struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static void tiles_begin(void) {
    struct tile_config config = {.palette = 1};
    for (size_t i = 0; i < 8; i++) config.row_bytes[i] = 64, config.rows[i] = SIDE;
    __asm__ volatile("" ::: "memory");
    _tile_loadconfig(&config);
}

// Sums of up to 2 x 2 tiles over `steps`, left in the registers 0 (0, 0), 1 (0, 1), 2 (1, 0), 3 (1, 1).  The
// right strips are to stay in the first cache, the left ones pass by.  C, where the sums go, is brought near on
// the way, a little with each group of products: all at once it would delay the tiles.
static inline __attribute__((always_inline)) void multiply_steps(const bool rows2, const bool columns2,
                                                                 const byte *l0, const byte *l1,
                                                                 const byte *r0, const byte *r1, size_t steps,
                                                                 const float *c, size_t ldc) {
#define LOAD_LEFT(part)                                                                                      \
    _tile_stream_loadd(4, l0 + (part)*TILE, 64);                                                             \
    if (rows2) _tile_stream_loadd(5, l1 + (part)*TILE, 64)
#define LOAD_RIGHT(part)                                                                                     \
    _tile_loadd(6, r0 + (part)*TILE, 64);                                                                    \
    if (columns2) _tile_loadd(7, r1 + (part)*TILE, 64)
#define FETCH(row)                                                                                           \
    __builtin_prefetch(c + (row)*ldc, 1);                                                                    \
    if (columns2) __builtin_prefetch(c + (row)*ldc + SIDE, 1)
#define FETCH_TWO(first)                                                                                     \
    do {                                                                                                     \
        FETCH(first);                                                                                        \
        FETCH((first) + 1);                                                                                  \
    } while (0)
#define PRODUCTS()                                                                                           \
    _tile_dpbf16ps(0, 4, 6);                                                                                 \
    if (columns2) _tile_dpbf16ps(1, 4, 7);                                                                   \
    if (rows2) _tile_dpbf16ps(2, 5, 6);                                                                      \
    if (rows2 && columns2) _tile_dpbf16ps(3, 5, 7)
    __asm__ volatile("" ::: "memory"); // the compiler does not know that tiles read memory
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t s = 0; s < steps; s++) {
        LOAD_LEFT(2);
        LOAD_RIGHT(0);
        PRODUCTS();
        FETCH_TWO(0);
        LOAD_LEFT(1);
        PRODUCTS();
        FETCH_TWO(2);
        LOAD_RIGHT(1);
        PRODUCTS();
        if (rows2) FETCH_TWO(4);
        LOAD_LEFT(0);
        PRODUCTS();
        if (rows2) FETCH_TWO(6);
        LOAD_RIGHT(2);
        PRODUCTS();
        LOAD_RIGHT(0);
        PRODUCTS();
        l0 += PARTS * TILE, l1 += PARTS * TILE, r0 += PARTS * TILE, r1 += PARTS * TILE;
        c += (rows2 ? 2 : 1) * SIDE / (DEPTH / STEP) * ldc;
    }
#undef LOAD_LEFT
#undef LOAD_RIGHT
#undef FETCH
#undef FETCH_TWO
#undef PRODUCTS
}

// C = factor * C + alpha * the sums; C is not read where factor is 0.
struct scaling {
    float alpha, factor;
};

static void put(float *c, size_t ldc, const float *sums, size_t rows, size_t columns, struct scaling s) {
    __mmask16 mask = mask_of(columns);
    __m512 alpha = _mm512_set1_ps(s.alpha), factor = _mm512_set1_ps(s.factor);
    for (size_t r = 0; r < rows; r++) {
        __m512 x = _mm512_mul_ps(alpha, _mm512_load_ps(sums + r * SIDE));
        if (s.factor != 0) x = _mm512_fmadd_ps(factor, _mm512_maskz_loadu_ps(mask, c + r * ldc), x);
        _mm512_mask_storeu_ps(c + r * ldc, mask, x);
    }
}

// Up to 32 rows and columns of C from strips at l and r, which are `left` and `right` bytes long.
static void multiply_strips(const byte *l, size_t left, const byte *r, size_t right, size_t steps,
                            size_t rows, size_t columns, struct scaling s, float *c, size_t ldc) {
    float sums[4][SIDE * SIDE] __attribute__((aligned(64)));
    bool rows2 = rows > SIDE, columns2 = columns > SIDE;
    if (rows2 && columns2)
        multiply_steps(true, true, l, l + left, r, r + right, steps, c, ldc);
    else if (rows2)
        multiply_steps(true, false, l, l + left, r, r, steps, c, ldc);
    else if (columns2)
        multiply_steps(false, true, l, l, r, r + right, steps, c, ldc);
    else
        multiply_steps(false, false, l, l, r, r, steps, c, ldc);
    if (rows == 2 * SIDE && columns == 2 * SIDE && s.alpha == 1 && s.factor == 0) {
        _tile_stored(0, c, ldc * sizeof *c);
        _tile_stored(1, c + SIDE, ldc * sizeof *c);
        _tile_stored(2, c + SIDE * ldc, ldc * sizeof *c);
        _tile_stored(3, c + SIDE * ldc + SIDE, ldc * sizeof *c);
        __asm__ volatile("" ::: "memory");
        return;
    }
    _tile_stored(0, sums[0], 64);
    if (columns2) _tile_stored(1, sums[1], 64);
    if (rows2) _tile_stored(2, sums[2], 64);
    if (rows2 && columns2) _tile_stored(3, sums[3], 64);
    __asm__ volatile("" ::: "memory");
    put(c, ldc, sums[0], least(rows, SIDE), least(columns, SIDE), s);
    if (columns2) put(c + SIDE, ldc, sums[1], least(rows, SIDE), columns - SIDE, s);
    if (rows2) put(c + SIDE * ldc, ldc, sums[2], rows - SIDE, least(columns, SIDE), s);
    if (rows2 && columns2) put(c + SIDE * ldc + SIDE, ldc, sums[3], rows - SIDE, columns - SIDE, s);
}

// C (m, n) from strips of up to DEPTH values of k.  Every second pair of right strips meets the left ones
// backwards: those met last are still near.
static void multiply_block(const byte *l, size_t left, const byte *r, size_t right, size_t m, size_t n,
                           size_t k, struct scaling s, float *c, size_t ldc) {
    enum { PAIR = 2 * SIDE };
    for (size_t j = 0; j < n; j += PAIR)
        for (size_t x = 0; x < m; x += PAIR) {
            size_t i = j / PAIR % 2 ? (m - 1) / PAIR * PAIR - x : x;
            multiply_strips(l + i / SIDE * left, left, r + j / SIDE * right, right, steps_of(k),
                            least(PAIR, m - i), least(PAIR, n - j), s, c + i * ldc + j, ldc);
        }
}

// === products ===

bool cpu_tiles_open(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; // ARCH_REQ_XCOMP_PERM of asm/prctl.h, XTILEDATA
    enum { BF16 = 1 << 22, TILES = 1 << 24 };             // of leaf 7, which not all compilers have names for
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & BF16) || !(d & TILES)) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

bool cpu_tiles_gain(size_t m, size_t n, size_t k) { return m >= 8 && n >= 32 && k >= 32; }

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool scratch_keyed;
static void scratch_prepare(void) { scratch_keyed = pthread_key_create(&scratch_key, free) == 0; }

// Left strips, ROWS of them, and right ones, COLUMNS, of a panel: the calling thread's, freed when it ends.
static byte *scratch(void) {
    pthread_once(&scratch_once, scratch_prepare);
    byte *buffer = scratch_keyed ? pthread_getspecific(scratch_key) : NULL;
    if (buffer) return buffer;
    buffer = aligned_alloc(64, (size_t)(ROWS + COLUMNS) / SIDE * DEPTH / STEP * PARTS * TILE);
    if (buffer && scratch_keyed && pthread_setspecific(scratch_key, buffer) == 0) return buffer;
#pragma omp critical
    {
        fprintf(stderr, "kernels: no memory for a product's parts; close other programs\n");
        exit(1);
    }
}

void cpu_tiles_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                    const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                    size_t ldc) {
    size_t strip = steps_of(least(k, DEPTH)) * PARTS * TILE;
    byte *left = scratch(), *right = left + ROWS / SIDE * strip;
    tiles_begin();
    for (size_t i = 0; i < m; i += ROWS)
        for (size_t l = 0; l < k; l += DEPTH) {
            size_t rows = least(ROWS, m - i), depth = least(DEPTH, k - l);
            cut_strips(left, strip, LEFT, transpose_a ? a + l * lda + i : a + i * lda + l, lda, transpose_a,
                       rows, depth);
            for (size_t j = 0; j < n; j += COLUMNS) {
                size_t columns = least(COLUMNS, n - j);
                cut_strips(right, strip, RIGHT, transpose_b ? b + j * ldb + l : b + l * ldb + j, ldb,
                           !transpose_b, columns, depth);
                multiply_block(left, strip, right, strip, rows, columns, depth,
                               (struct scaling){alpha, l == 0 ? beta : 1}, c + i * ldc + j, ldc);
            }
        }
    _tile_release();
}

size_t cpu_tiles_strips(size_t n) { return (n + SIDE - 1) / SIDE; }
size_t cpu_tiles_bytes(size_t k, size_t n) { return cpu_tiles_strips(n) * steps_of(k) * PARTS * TILE; }

void cpu_tiles_fill(struct cpu_tiles_right right, bool transpose_b, const float *b, size_t begin,
                    size_t end) {
    size_t strip = steps_of(right.k) * PARTS * TILE;
    cut_strips(right.strips + begin * strip, strip, RIGHT,
               transpose_b ? b + begin * SIDE * right.k : b + begin * SIDE, transpose_b ? right.k : right.n,
               !transpose_b, least((end - begin) * SIDE, right.n - begin * SIDE), right.k);
}

void cpu_tiles_multiply(struct cpu_tiles_right right, size_t m, const float *a, size_t lda, bool add,
                        float *c, size_t ldc) {
    size_t strip = steps_of(right.k) * PARTS * TILE,
           strip_left = steps_of(least(right.k, DEPTH)) * PARTS * TILE;
    byte *left = scratch();
    tiles_begin();
    for (size_t i = 0; i < m; i += ROWS)
        for (size_t l = 0; l < right.k; l += DEPTH) {
            size_t rows = least(ROWS, m - i), depth = least(DEPTH, right.k - l);
            cut_strips(left, strip_left, LEFT, a + i * lda + l, lda, false, rows, depth);
            multiply_block(left, strip_left, right.strips + l / STEP * PARTS * TILE, strip, rows, right.n,
                           depth, (struct scaling){1, add || l > 0}, c + i * ldc, ldc);
        }
    _tile_release();
}

#endif

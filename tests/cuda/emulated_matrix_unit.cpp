// The instructions of kernels/cuda/cuda_matrix_unit.cuh on the host, by what PTX says of the lanes'
// registers.
#include "kernels/cuda/cuda_narrow.cuh"

#include <cstdio>
#include <cstdlib>

namespace {

struct fragments {
    uint32_t a[4], b[2];
};

const fragments &of_lane(unsigned lane) { return *(const fragments *)emulator_lanes()[lane]; }

float half_of(uint32_t pair, unsigned which) { return narrow_value((uint16_t)(pair >> 16 * which)); }

float element_a(unsigned row, unsigned k) {
    const fragments &f = of_lane(row % 8 * 4 + k % 8 / 2);
    return half_of(f.a[row / 8 + k / 8 * 2], k % 2);
}

float element_b(unsigned k, unsigned column) {
    const fragments &f = of_lane(column * 4 + k % 8 / 2);
    return half_of(f.b[k / 8], k % 2);
}

} // namespace

void matrix_multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    unsigned lane = emulator_lane();
    fragments mine = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
    static_assert(sizeof mine <= EMULATOR_LANE_BYTES);
    std::memcpy(emulator_lanes()[lane], &mine, sizeof mine);
    emulator_warp_barrier(~0u);
    for (unsigned i = 0; i < 4; i++) {
        unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        double sum = 0;
        for (unsigned k = 0; k < 16; k++) sum += (double)element_a(row, k) * (double)element_b(k, column);
        d[i] = (float)((double)d[i] + sum);
    }
    emulator_warp_barrier(~0u);
}

void matrix_load(uint32_t (&r)[4], const uint16_t *row) {
    unsigned lane = emulator_lane();
    if ((uintptr_t)row % 16) {
        std::fprintf(stderr, "emulated matrix_load: a row at %p, no multiple of 16\n", (const void *)row);
        std::abort();
    }
    std::memcpy(emulator_lanes()[lane], &row, sizeof row);
    emulator_warp_barrier(~0u);
    for (unsigned i = 0; i < 4; i++) {
        const uint16_t *from;
        std::memcpy(&from, emulator_lanes()[i * 8 + lane / 4], sizeof from);
        std::memcpy(&r[i], from + lane % 4 * 2, sizeof r[i]);
    }
    emulator_warp_barrier(~0u);
}

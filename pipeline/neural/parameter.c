#include "pipeline/neural/parameter.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <stdio.h>
#include <stdlib.h>

const char *const parameter_group_names[GROUP_COUNT] = {"embedding", "recurrent", "projection", "output"};

float *device_floats(const struct kernels *k, size_t count, const char *what) {
    float *p = k->alloc(k, count * sizeof(float));
    if (!p) {
        char need[32], have[32];
        uint64_t available = k->free_bytes ? k->free_bytes(k) : memory_available();
        die("out of memory%s%s: %s needs %s, about %s are free; lower --batch, --hidden or the vocabulary",
            k->on_host ? "" : " on ", k->on_host ? "" : k->variant, what,
            memory_format(count * sizeof(float), need), memory_format(available, have));
    }
    return p;
}

void parameter_make(struct parameter *p, const struct kernels *k, const char *name,
                    enum parameter_group group, size_t rows, size_t columns) {
    *p = (struct parameter){
        .group = group, .rows = rows, .columns = columns, .fan = columns, .terms = 1, .pace = 1};
    snprintf(p->name, sizeof p->name, "%s", name);
    p->value = device_floats(k, rows * columns, name);
}

void parameter_make_gradient(struct parameter *p, const struct kernels *k, bool sparse, size_t capacity) {
    p->is_sparse = sparse;
    if (!sparse) {
        p->gradient = device_floats(k, parameter_size(p), p->name);
        return;
    }
    p->touched.capacity = capacity;
    p->touched.ids = memory_alloc(capacity, sizeof(uint32_t), p->name);
    p->touched.values = device_floats(k, capacity * p->columns, p->name);
}

void parameter_free(struct parameter *p, const struct kernels *k) {
    k->release(k, p->value);
    k->release(k, p->gradient);
    k->release(k, p->touched.values);
    free(p->touched.ids);
    for (int i = 0; i < PARAMETER_STATES; i++) k->release(k, p->state[i]);
    k->release(k, p->row_decays);
    k->release(k, p->average);
    *p = (struct parameter){0};
}

// Model files whose metadata promises more than the file holds are refused before memory is taken for it.
#include "tests/unit/dies.h"

#include "kernels/kernels.h"
#include "pipeline/files/safetensors.h"
#include "pipeline/neural/model_file.h"

#include <sys/resource.h>

static const struct model_options wide = {
    .vocabulary_size = 1 << 30, .begin = (1 << 30) - 1, .layers = 8, .embedding = 1 << 20, .hidden = 1 << 20};

static void write_and_load(void *path) {
    struct rlimit little = {1 << 30, 1 << 30}; // a network of these options has 4 PiB
    struct safetensors_writer *w = safetensors_create(path);
    model_declare_options(w, &wide);
    struct tensor_info t = {.name = "embedding.weight", .type = TENSOR_F32, .dims = 2, .shape = {2, 2}};
    const float values[4] = {0};
    safetensors_declare(w, &t);
    safetensors_write(w, values, sizeof values);
    safetensors_commit(w);
#ifndef __SANITIZE_ADDRESS__ // which maps terabytes for itself
    setrlimit(RLIMIT_AS, &little);
#endif
    (void)little;
    model_load(kernels_open("ref", 1), path);
}

static void test_widths_beyond_the_file(void **state) {
    (void)state;
    char path[] = "wide.safetensors";
    assert_dies(write_and_load, path,
                "wide.safetensors: damaged: its tensors have 16 bytes, but a network of its metadata has ");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths_beyond_the_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

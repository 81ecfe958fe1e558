// Matrix products by cuBLASLt.  It thinks in columns: a row-major matrix is to it the transposed one, so that
// C = A B is asked for as C' = B' A'.
//
// What it chooses for a shape is kept, so that it is asked once, and the same product is computed the same
// way as long as the program runs.  Its choice depends on shapes, alignment, device and version alone, and
// its results are the same bits every time on one stream with a workspace of its own.
#include "kernels/cuda/cuda_gemm.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

#include <cublasLt.h>

#define CHECK_BLAS(call)                                                                                     \
    do {                                                                                                     \
        cublasStatus_t check_ = (call);                                                                      \
        if (check_ != CUBLAS_STATUS_SUCCESS)                                                                 \
            gpu_fail(#call, cublasLtGetStatusString(check_), __FILE__, __LINE__);                            \
    } while (0)

namespace {

constexpr size_t WORKSPACE = 32 << 20, MOST_PLANS = 32768;

cublasLtHandle_t handle;
void *workspace;

// What makes one product another for cuBLASLt; of plain integers without gaps.
struct shape {
    uint64_t m, n, k, a_stride, b_stride, c_stride;
    uint32_t transpose_a, transpose_b, narrow, adds, a_alignment, b_alignment, c_alignment, unused;
};
struct same_shape {
    bool operator()(const shape &a, const shape &b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
};
struct shape_hash {
    size_t operator()(const shape &s) const {
        return std::hash<std::string_view>()(std::string_view((const char *)&s, sizeof s));
    }
};

struct plan {
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
    bool plain; // cuBLASLt has no algorithm for it
};
std::unordered_map<shape, plan, shape_hash, same_shape> plans;

uint32_t alignment_of(const void *p) {
    uint32_t alignment = 256;
    while ((uintptr_t)p % alignment) alignment /= 2;
    return alignment;
}

shape shape_of(const struct gemm_call *x) {
    return {x->m,
            x->n,
            x->k,
            x->a.stride,
            x->b.stride,
            x->c_stride,
            x->transpose_a,
            x->transpose_b,
            x->a.narrow,
            x->beta != 0,
            alignment_of(x->a.data),
            alignment_of(x->b.data),
            alignment_of(x->c),
            0};
}

cublasLtMatrixLayout_t layout(cudaDataType_t type, bool transposed, uint64_t rows, uint64_t columns,
                              uint64_t stride) {
    cublasLtMatrixLayout_t l;
    if (transposed) std::swap(rows, columns); // as stored
    CHECK_BLAS(cublasLtMatrixLayoutCreate(&l, type, columns, rows, (int64_t)stride));
    return l;
}

cublasLtMatmulDesc_t product_of(const shape &s) {
    bool tensor_cores = gpu.precision == PRECISION_TF32 || gpu.precision == PRECISION_3XTF32;
    cublasLtMatmulDesc_t d;
    CHECK_BLAS(cublasLtMatmulDescCreate(&d, tensor_cores ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                                        CUDA_R_32F));
    cublasOperation_t first = s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t second = s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    CHECK_BLAS(cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first));
    CHECK_BLAS(cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second));
    return d;
}

// "m=128 n=512 k=2048, rows of A 2048 B' 512 C 512, bf16"
std::string name_of(const shape &s) {
    char text[256];
    std::snprintf(text, sizeof text, "m=%llu n=%llu k=%llu, rows of A%s %llu B%s %llu C %llu, %s",
                  (unsigned long long)s.m, (unsigned long long)s.n, (unsigned long long)s.k,
                  s.transpose_a ? "'" : "", (unsigned long long)s.a_stride, s.transpose_b ? "'" : "",
                  (unsigned long long)s.b_stride, (unsigned long long)s.c_stride,
                  s.narrow                          ? "bf16"
                  : gpu.precision == PRECISION_FP32 ? "fp32"
                                                    : "tf32");
    return text;
}

void warn_plain(const shape &s, cublasStatus_t status) {
    std::fprintf(stderr, "warning: %s does not compute the product %s (%s): a slow kernel does\n",
                 gemm_library(), name_of(s).c_str(), cublasLtGetStatusString(status));
}

// False, and a warning, where cuBLASLt has none.
bool choose_algorithm(const shape &s, plan &p) {
    cublasLtMatmulPreference_t wish;
    CHECK_BLAS(cublasLtMatmulPreferenceCreate(&wish));
    auto set = [&](cublasLtMatmulPreferenceAttributes_t what, const auto &value) {
        CHECK_BLAS(cublasLtMatmulPreferenceSetAttribute(wish, what, &value, sizeof value));
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, (uint64_t)WORKSPACE);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, s.b_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, s.a_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, s.c_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, s.c_alignment);
    cublasLtMatmulHeuristicResult_t result = {};
    int found = 0;
    cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, p.product, p.a, p.b, p.c, p.c, wish, 1, &result, &found);
    CHECK_BLAS(cublasLtMatmulPreferenceDestroy(wish));
    if (status == CUBLAS_STATUS_SUCCESS) status = found ? result.state : CUBLAS_STATUS_NOT_SUPPORTED;
    p.algorithm = result.algo;
    if (status != CUBLAS_STATUS_SUCCESS) warn_plain(s, status);
    return status == CUBLAS_STATUS_SUCCESS;
}

void forget_plans() { // layers whose rows change with every step bring ever new shapes
    for (auto &[s, p] : plans) {
        cublasLtMatmulDescDestroy(p.product);
        cublasLtMatrixLayoutDestroy(p.a), cublasLtMatrixLayoutDestroy(p.b), cublasLtMatrixLayoutDestroy(p.c);
    }
    plans.clear();
}

plan &plan_for(const shape &s) {
    auto found = plans.find(s);
    if (found != plans.end()) return found->second;
    if (plans.size() == MOST_PLANS) forget_plans();
    cudaDataType_t type = s.narrow ? CUDA_R_16BF : CUDA_R_32F;
    plan p = {.product = product_of(s),
              .a = layout(type, s.transpose_b, s.k, s.n, s.b_stride),
              .b = layout(type, s.transpose_a, s.m, s.k, s.a_stride),
              .c = layout(CUDA_R_32F, false, s.m, s.n, s.c_stride),
              .algorithm = {},
              .plain = false};
    p.plain = !choose_algorithm(s, p);
    return plans.emplace(s, p).first->second;
}

} // namespace

void gemm_run(const struct gemm_call *x) {
    shape s = shape_of(x);
    plan &p = plan_for(s);
    if (p.plain) return gemm_plain(x);
    cublasStatus_t status =
        cublasLtMatmul(handle, p.product, &x->alpha, x->b.data, p.a, x->a.data, p.b, &x->beta, x->c, p.c,
                       x->c, p.c, &p.algorithm, workspace, WORKSPACE, gpu.stream);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) {
        warn_plain(s, status); // refused before anything was launched, against its own choice
        p.plain = true;
        return gemm_plain(x);
    }
    if (status != CUBLAS_STATUS_SUCCESS)
        gpu_fail(("cublasLtMatmul of " + name_of(s)).c_str(), cublasLtGetStatusString(status), __FILE__,
                 __LINE__);
}

const char *gemm_open() {
    cublasStatus_t status = cublasLtCreate(&handle);
    if (status != CUBLAS_STATUS_SUCCESS) return cublasLtGetStatusString(status);
    return cudaMalloc(&workspace, WORKSPACE) == cudaSuccess ? nullptr : "the GPU has no memory left";
}

const char *gemm_library() {
    static char text[40];
    size_t version = cublasLtGetVersion();
    std::snprintf(text, sizeof text, "cuBLASLt %zu.%zu.%zu", version / 10000, version / 100 % 100,
                  version % 100);
    return text;
}

// The part of NCCL that is used, as its libraries have it since 2.14.  It is declared here, and opened when
// it is needed, so that neither building nor training on one GPU takes NCCL; cuda_nccl.cu compares with
// NCCL's own header where there is one.
#ifndef KERNELS_CUDA_CUDA_NCCL_H
#define KERNELS_CUDA_CUDA_NCCL_H

#include <climits>
#include <cstddef>

#include <cuda_runtime.h>

struct nccl_comm;
struct nccl_id {
    char bytes[128];
};

enum { NCCL_SUCCESS = 0, NCCL_INVALID_ARGUMENT = 4, NCCL_REMOTE_ERROR = 6, NCCL_IN_PROGRESS = 7 };
enum { NCCL_SUM = 0, NCCL_FLOAT = 7 };

// As 2.17 had it; newer libraries take what follows in theirs for not said, older ones read the beginning.
struct nccl_config {
    size_t size;
    unsigned magic, version;
    int blocking, cga_cluster_size, min_ctas, max_ctas;
    const char *net_name;
};
constexpr unsigned NCCL_CONFIG_MAGIC = 0xcafebeef, NCCL_CONFIG_VERSION = 21700;
constexpr int NCCL_NOT_SAID = INT_MIN;

// Its functions, by their names without "nccl".  They return a result, where nothing else is said.
struct nccl_library {
    int (*GetVersion)(int *version);
    const char *(*GetErrorString)(int result);
    const char *(*GetLastError)(struct nccl_comm *comm);
    int (*GetUniqueId)(struct nccl_id *id);
    int (*CommInitRankConfig)(struct nccl_comm **comm, int ranks, struct nccl_id id, int rank,
                              struct nccl_config *config);
    int (*CommGetAsyncError)(struct nccl_comm *comm, int *result);
    int (*CommFinalize)(struct nccl_comm *comm);
    int (*CommDestroy)(struct nccl_comm *comm);
    int (*CommAbort)(struct nccl_comm *comm);
    int (*AllReduce)(const void *in, void *out, size_t n, int type, int operation, struct nccl_comm *comm,
                     cudaStream_t stream);
    int (*Broadcast)(const void *in, void *out, size_t n, int type, int root, struct nccl_comm *comm,
                     cudaStream_t stream);
    int (*GroupStart)();
    int (*GroupEnd)();
};

#endif

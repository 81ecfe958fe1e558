#include "kernels/cpu/cpu_table.h"

#include "kernels/cpu/cpu.h"

const struct cpu_table CPU_NAME(cpu_table) = {
    .level = CPU_STRING(CPU_LEVEL),
    .matmul = &CPU_NAME(cpu_matmul),
    .recurrent = &CPU_NAME(cpu_recurrent),
    .softmax = &CPU_NAME(cpu_softmax),
    .update = &CPU_NAME(cpu_update),
    .random = &CPU_NAME(cpu_random),
};

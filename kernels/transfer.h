// Copies between a device and the host beside its computing, by way of pinned memory.  For devices that are
// not the host: in tables that compute there all of it is NULL.
#ifndef KERNELS_TRANSFER_H
#define KERNELS_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernels;

struct transfer_kernels {
    // Host memory that the device reads and writes by itself, not cleared; NULL when there is none.
    void *(*pin)(const struct kernels *k, size_t bytes);
    void (*unpin)(const struct kernels *k, void *p);
    // Starts a copy to pinned memory, as the device's memory is when all that was asked of it before is done;
    // what it is asked next may not write there until the copy has come.  Copies come in the order in which
    // they were started; returns this one's number.
    uint64_t (*fetch)(const struct kernels *k, void *pinned, const void *device, size_t bytes);
    // Whether the copy of that number has come; wait: true, when it has.
    bool (*fetched)(const struct kernels *k, uint64_t number, bool wait);
    // A copy from pinned memory, in its turn among all that the device is asked: the host may change that
    // memory again when something asked later has come.
    void (*give)(const struct kernels *k, void *device, const void *pinned, size_t bytes);
};

#endif

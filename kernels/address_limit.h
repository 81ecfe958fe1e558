// OpenBLAS takes memory for every thread when it is loaded, before main, and tries for ever where it does not
// get it.  A program with kernels therefore looks, before the libraries begin, whether a limit on addresses
// (ulimit -v) leaves that much, and ends with a message where not.
#ifndef KERNELS_ADDRESS_LIMIT_H
#define KERNELS_ADDRESS_LIMIT_H

void address_limit_link(void);

#endif

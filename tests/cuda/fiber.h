// Threads of control of one thread, for the emulator: each on a stack of its own, one runs at a time.
#ifndef TESTS_CUDA_FIBER_H
#define TESTS_CUDA_FIBER_H

#include <cstddef>

struct fiber;

// The fiber of number `i`, set to run `body` from its begin on; body returns through fiber_enter as
// fiber_leave does.  Its stack is kept for the next one of that number.
fiber *fiber_begin(size_t i, void (*body)());
// Runs it until it leaves or its body ends.
void fiber_enter(fiber *f);
// From within: back to where it was entered.
void fiber_leave();

#endif

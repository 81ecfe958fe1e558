#include "tests/cuda/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace {
constexpr size_t STACK = 64 << 10;
}

struct fiber {
    char *stack = (char *)std::malloc(STACK);
    void (*body)() = nullptr;
#ifdef __x86_64__
    void *place = nullptr; // the stack pointer where it left
#else
    ucontext_t place = {};
#endif
    ~fiber() { std::free(stack); }
};

namespace {
std::vector<std::unique_ptr<fiber>> all;
fiber *running;
} // namespace

#ifdef __x86_64__

// Saves what a call must preserve on the stack, leaves the stack's place in *from and goes on at `to`.
// (swapcontext does the same with two system calls.)
extern "C" void fiber_switch(void **from, void *to);
asm(R"(
    .text
    .globl fiber_switch
    .hidden fiber_switch
fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

static void *host_place;

static void fiber_main() {
    running->body();
    fiber_leave();
    std::abort(); // nobody enters a fiber that has ended
}

static void prepare(fiber *f) {
    uintptr_t top = (uintptr_t)(f->stack + STACK) & ~(uintptr_t)15;
    void **at = (void **)top;
    *--at = nullptr; // so that the stack is aligned as after a call
    *--at = (void *)fiber_main;
    for (int i = 0; i < 6; i++) *--at = nullptr;
    f->place = at;
}

void fiber_enter(fiber *f) {
    running = f;
    fiber_switch(&host_place, f->place);
}

void fiber_leave() { fiber_switch(&running->place, host_place); }

#else

static ucontext_t host_place;

static void fiber_main() {
    running->body();
    fiber_leave();
}

static void prepare(fiber *f) {
    getcontext(&f->place);
    f->place.uc_stack.ss_sp = f->stack;
    f->place.uc_stack.ss_size = STACK;
    f->place.uc_link = nullptr;
    makecontext(&f->place, fiber_main, 0);
}

void fiber_enter(fiber *f) {
    running = f;
    swapcontext(&host_place, &f->place);
}

void fiber_leave() { swapcontext(&running->place, &host_place); }

#endif

fiber *fiber_begin(size_t i, void (*body)()) {
    while (all.size() <= i) all.push_back(std::make_unique<fiber>());
    fiber *f = all[i].get();
    f->body = body;
    prepare(f);
    return f;
}

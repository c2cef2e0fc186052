/* profile_clock.c: the time, as cheaply as it can be told.
 *
 * An op takes 100 ns, and the system's clock 25. The processor's counter of cycles takes 10: it is used where it runs at
 * one speed whatever the processor does. How long a cycle is a profile learns from the system's clock at its two ends. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "profile_impl.h"

#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

bool tgi_ticks_are_cycles;

uint64_t tgi_nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* "Invariant TSC" in the processors' manuals. */
static bool cycles_are_even(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1U << 8);
#else
    return false;
#endif
}

tgi_moment tgi_moment_now(void)
{
    static int known;
    if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE)) {
        tgi_ticks_are_cycles = cycles_are_even();
        __atomic_store_n(&known, 1, __ATOMIC_RELEASE);
    }
    return (tgi_moment){ tgi_ticks(), tgi_nanoseconds() };
}

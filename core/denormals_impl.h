/* denormals_impl.h: the processor's floating-point mode, as core, ops and optim switch it.
 *
 * A mode is a thread's own: how it rounds, what it flushes, which exceptions trap. */
#ifndef TG_CORE_DENORMALS_IMPL_H
#define TG_CORE_DENORMALS_IMPL_H

#include "denormals.h"

TG_EXTERN_C_BEGIN

typedef uint64_t tgi_float_mode;

/* The bits that flush results, and those that flush operands as well. None: the processor's mode is left alone. */
#if defined __x86_64__
#define TGI_FLUSH_RESULTS ((tgi_float_mode)0x8000) /* MXCSR.FTZ */
#define TGI_FLUSH_ALL     ((tgi_float_mode)0x8040) /* and DAZ */
#elif defined __aarch64__
#define TGI_FLUSH_RESULTS ((tgi_float_mode)1 << 24) /* FPCR.FZ */
#define TGI_FLUSH_ALL     TGI_FLUSH_RESULTS
#else
#define TGI_FLUSH_RESULTS ((tgi_float_mode)0)
#define TGI_FLUSH_ALL     TGI_FLUSH_RESULTS
#endif

/* What computes in the mode must not be moved out of it: memory is read and written between the barriers. */
#define TGI_FLOAT_BARRIER() __asm__ volatile("" ::: "memory")

/* The calling thread's mode, without the flags of exceptions that were raised. */
static inline tgi_float_mode tgi_float_mode_get(void)
{
#if defined __x86_64__
    return __builtin_ia32_stmxcsr() & ~0x3fu;
#elif defined __aarch64__
    tgi_float_mode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

/* Flags that were raised stay raised. */
static inline void tgi_float_mode_set(tgi_float_mode mode)
{
    TGI_FLOAT_BARRIER();
#if defined __x86_64__
    __builtin_ia32_ldmxcsr((unsigned)mode | (__builtin_ia32_stmxcsr() & 0x3fu));
#elif defined __aarch64__
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
    TGI_FLOAT_BARRIER();
}

/* Enters, or leaves, a stretch in which results are flushed if the thread chose so. Returns where it was, to be given
 * back: `const bool outer = tgi_set_flushing(true); ... tgi_set_flushing(outer);`. */
bool tgi_set_flushing(bool on);

TG_EXTERN_C_END

#endif

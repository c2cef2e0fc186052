/* denormals.h: numbers too small for full precision, computed with or flushed to zero.
 *
 * A denormal lies between zero and the smallest normal number: 1.2e-38 in float32, 2.2e-308 in float64. On many
 * processors an operation that meets one takes a hundred times as long. Gradients that vanish through the steps of a
 * sequence become denormal by the million before they are zero, and so does the state of an optimiser. */
#ifndef TG_CORE_DENORMALS_H
#define TG_CORE_DENORMALS_H

#include "base.h"

TG_BEGIN_DECLS

/* `false` and `true` are PyTorch's set_flush_denormal. */
typedef enum tg_flush {
    TG_FLUSH_NOTHING,    /* tapegrad flushes nothing; what the processor was told elsewhere holds */
    TG_FLUSH_EVERYTHING, /* this thread flushes results and operands, in all it computes, from now on */
    TG_FLUSH_GRADIENTS   /* the default: backward, grad, step and clip_grad_norm_ flush results; the rest is exact */
} tg_flush;

/* Chooses for the calling thread. False when the processor cannot do it (it can on x86-64 and on aarch64; elsewhere the
 * default does nothing), or, with an error pending, when `what` is none of the three.
 *
 * TG_FLUSH_GRADIENTS sets the processor's mode when such a call begins and restores it before the call returns. Hooks
 * and handlers of errors and warnings run in the caller's mode; an op's backward is part of the walk. Only results are
 * flushed: a denormal that the forward pass saved is read as it is, so relu passes its gradient on and log divides by
 * it. (aarch64 has one switch for both, and reads it as zero.) Threads that share the work take over the caller's mode
 * for as long as they do. */
bool tg_set_flush_denormal_at(const char *where, tg_flush what);
#define tg_set_flush_denormal(what) tg_set_flush_denormal_at(TG_HERE, what)
/* What the calling thread chose. */
tg_flush tg_flush_denormal(void);

TG_END_DECLS

#endif

/* gradcheck.h: gradients against difference quotients: torch.autograd.gradcheck and gradgradcheck.
 *
 *     static tg_tensor_list energy(tg_tensor_list inputs, void *context)
 *     {
 *         return tg_list_in_scope((tg_tensor *[]){ my_op(inputs.items[0], inputs.items[1]) }, 1);
 *     }
 *     ...
 *     if (!tg_gradcheck(energy, NULL, tg_list(x, w))) return 1;
 *
 * The function under test is called many times; each time it computes its outputs anew from the inputs, whose elements
 * are moved where they lie, one at a time, and put back. So it may as well find them through its context. Each call has
 * a scope of its own. Inputs that require grad are checked; they should be float64. Outputs that require grad are
 * compared, others, such as indices, are not. The gradient of every element of every output by every element of every
 * input must be within atol + rtol |quotient| of (f(x + eps) - f(x - eps)) / (2 eps).
 *
 * What fails, beside a gradient that is wrong: a difference quotient or a gradient that is not finite; a function that
 * gives another result when it is called again (random numbers: seed them inside, tg_manual_seed), or writes inputs;
 * inputs that overlap in memory; no input that requires grad. When no output requires grad, the outputs must not change
 * with the inputs, and a warning says that there was nothing to compare. */
#ifndef TG_CORE_WATCH_GRADCHECK_GRADCHECK_H
#define TG_CORE_WATCH_GRADCHECK_GRADCHECK_H

#include "core/autograd.h"

#include <stdio.h>

TG_BEGIN_DECLS

/* `inputs` are those of the check. The outputs are one or more; the list must live as long as they do, as that of
 * tg_list_in_scope does (tg_list's does not outlive the function). */
typedef tg_tensor_list (*tg_gradcheck_fn)(tg_tensor_list inputs, void *context);

typedef struct tg_gradcheck_options {
    double eps;                  /* how far an element is moved */
    double atol, rtol;           /* see above */
    bool raise_exception;        /* what is wrong is an error; what cannot be checked always is */
    double nondet_tol;           /* how far apart two results of the same call, or two backwards, may be */
    bool check_undefined_grad;   /* an output that brings no gradient must count as one whose gradient is zeros */
    bool check_grad_dtypes;      /* for ported calls: the engine takes no gradient of another dtype, whatever this says */
    bool fast_mode;              /* along one random direction an input and output; elements are looked at if it differs */
    FILE *report;                /* where it is said in full what differs, and why that may be; NULL: stderr */
    TG_OPTIONS_END
} tg_gradcheck_options;
#define TG_GRADCHECK_DEFAULTS                                                                                         \
    /* eps */ 1e-6, /* atol */ 1e-5, /* rtol */ 1e-3, /* raise_exception */ true, /* nondet_tol */ 0,                 \
        /* check_undefined_grad */ true, /* check_grad_dtypes */ false, /* fast_mode */ false,                        \
        /* report */ NULL TG_DEFAULTS_END

/* Whether all gradients are right. The report names the output and the input, the element that is farthest off, the
 * quotient and the gradient there, how many differ, what is likely (cut off, a sign, a factor, transposed, off the
 * diagonal, float32, a kink where the two one-sided differences disagree), and shows a small Jacobian whole. Inputs
 * keep their elements, their .grad and their version. */
bool tg_gradcheck_at(const char *where, tg_gradcheck_fn fn, void *context, tg_tensor_list inputs,
                     tg_gradcheck_options options);
#define tg_gradcheck(fn, context, inputs, ...)                                                                        \
    tg_gradcheck_at(TG_HERE, fn, context, inputs,                                                                     \
                    TG_OPTIONS(tg_gradcheck_options, TG_GRADCHECK_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_gradgradcheck_options {
    tg_tensor *grad_outputs[TG_MAX_GRAD_OUTPUTS]; /* for each output that requires grad; NULL: random ones */
    double eps, atol, rtol;      /* these as above */
    bool raise_exception;
    double nondet_tol;
    bool check_undefined_grad, check_grad_dtypes, fast_mode;
    FILE *report;
    TG_OPTIONS_END
} tg_gradgradcheck_options;
#define TG_GRADGRADCHECK_DEFAULTS                                                                                     \
    /* grad_outputs */ { NULL }, /* eps */ 1e-6, /* atol */ 1e-5, /* rtol */ 1e-3, /* raise_exception */ true,        \
        /* nondet_tol */ 0, /* check_undefined_grad */ true, /* check_grad_dtypes */ false, /* fast_mode */ false,    \
        /* report */ NULL TG_DEFAULTS_END

/* The same for second derivatives: the function checked is the one from inputs and gradients of the outputs to
 * gradients of the inputs, recorded (create_graph) where it is differentiated, not recorded where quotients are made.
 * Of 16 outputs at most. */
bool tg_gradgradcheck_at(const char *where, tg_gradcheck_fn fn, void *context, tg_tensor_list inputs,
                         tg_gradgradcheck_options options);
#define tg_gradgradcheck(fn, context, inputs, ...)                                                                    \
    tg_gradgradcheck_at(TG_HERE, fn, context, inputs,                                                                 \
                        TG_OPTIONS(tg_gradgradcheck_options, TG_GRADGRADCHECK_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif

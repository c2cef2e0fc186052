/* gradcheck.h: gradients against finite differences, in float64.
 *
 * The function under test computes one 0-d float64 tensor from leaves that it finds through its context; the leaves are
 * contiguous, float64 and require grad, and are moved in place, one element at a time. Differences are of fourth order
 * with a step of 2e-4, so a derivative is known to about 1e-11 where the function is smooth: the tolerance is
 * 1e-8 (1 + |d|), far below what a wrong formula gives. Nothing here computes by the tape what the tape is compared
 * with. */
#ifndef TG_TESTS_SUPPORT_GRADCHECK_H
#define TG_TESTS_SUPPORT_GRADCHECK_H

#include "tapegrad.h"

typedef tg_tensor *(*gradcheck_fn)(void *context);

/* The gradient of fn at every leaf. NULL when it is right, else a message, valid until the next call. */
const char *gradcheck(gradcheck_fn fn, void *context, tg_tensor_list leaves);

/* The gradient of s = sum over leaves of sum(v * d fn / d leaf), v fixed: by create_graph and by differences of s,
 * whose first derivatives come without create_graph. */
const char *gradgradcheck(gradcheck_fn fn, void *context, tg_tensor_list leaves);

#endif

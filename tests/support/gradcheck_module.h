/* gradcheck_module.h: a module's first and second derivatives, by its inputs and by each of its parameters, against
 * differences (gradcheck.h). */
#ifndef TG_TESTS_SUPPORT_GRADCHECK_MODULE_H
#define TG_TESTS_SUPPORT_GRADCHECK_MODULE_H

#include "tapegrad.h"

enum { GRADCHECK_INPUTS = 6, GRADCHECK_RESULTS = 3 };

/* What a module computed; NULL after the last. */
typedef struct gradcheck_results {
    tg_tensor *items[GRADCHECK_RESULTS];
} gradcheck_results;

/* Calls the module on its inputs, which are NULL beyond those that the test has. */
typedef gradcheck_results (*gradcheck_call)(tg_module *m, tg_tensor *const *x);

typedef enum gradcheck_how {
    GRADCHECK_ALL,       /* training; evaluating, if that gives another result */
    GRADCHECK_ONCE,      /* the same, without second derivatives */
    GRADCHECK_EVALUATING /* evaluating alone */
} gradcheck_how;

/* Fails the test at the first derivative that is wrong, and where the result is not finite, a leaf has no gradient, or
 * the call runs no hooks. Leaves are the parameters, which are moved first, and those inputs that require grad. The
 * random numbers that a call draws are the same each time. Frees the module. */
void gradcheck_module(const char *name, tg_module *m, gradcheck_how how, gradcheck_call call, tg_tensor_list inputs);

/* Elements between lo and hi, each another one; they depend on these and on the shape alone. Two tensors of one call
 * have different bounds, and so different elements. */
tg_tensor *gradcheck_spread(double lo, double hi, tg_shape shape, bool requires_grad);

#endif

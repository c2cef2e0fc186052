/* golden_module.h: modules against golden files that tests/golden/modulecase.py made: initial weights, results,
 * gradients and the random stream. */
#ifndef TG_TESTS_SUPPORT_GOLDEN_MODULE_H
#define TG_TESTS_SUPPORT_GOLDEN_MODULE_H

#include "golden.h"

#include "tapegrad.h"

enum { GOLDEN_INPUTS = 4 };

/* What a case draws for the module: what its `inputs` names, or else these four, of which all but the first are NULL in
 * cases without. */
typedef struct golden_inputs {
    union {
        struct {
            tg_tensor *input, *input2, *h0, *c0;
        };
        tg_tensor *drawn[GOLDEN_INPUTS];
    };
    char names[GOLDEN_INPUTS][16];
} golden_inputs;

/* The results and their names in the file. */
typedef struct golden_results {
    const char *names[3];
    tg_tensor *tensors[3];
} golden_results;

typedef tg_module *(*golden_build_fn)(const golden *g, const char *kind);
typedef golden_results (*golden_forward_fn)(const golden *g, const char *kind, tg_module *m, golden_inputs in);

/* Builds, runs and compares the case: in float32 within 2e-6, in float64 within 1e-13. A case with `losses` trains the
 * module on its first result instead. */
void golden_run_module(const golden *g, golden_build_fn build, golden_forward_fn forward);

/* A case's `losses` are what steps of Adam (lr 0.05) lose: in float32 within 2e-6, in float64 within 1e-11. */
void golden_assert_losses(const golden *g, tg_module *m, tg_tensor *(*loss_of)(void *context), void *context);

#endif

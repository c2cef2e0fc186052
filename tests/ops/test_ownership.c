/* test_ownership.c: which results may be written in place while gradients are recorded.
 *
 * An op whose schema has an alias annotation, "Tensor(a)", gives views, which may not. The result of any other is a
 * tensor of its own, however it was made; a write to it is recorded, and its gradient is right, or refused where the op
 * had saved its result. */
#include "tests/support/op_suite.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS = 16 };

/* By their schema, or stretched by contract, in PyTorch as here. */
static bool gives_views(const tg_op *op)
{
    static const char *const stretched[] = { "broadcast_tensors", "meshgrid" };
    for (int i = 0; i < 2; i++)
        if (strcmp(op->name, stretched[i]) == 0) return true;
    return strstr(op->schema, "(a");
}

/* What rearranges the elements of one operand, or has nothing to do, as in PyTorch. */
static bool may_share(const tg_op *op)
{
    static const char *const names[] = {
        "einsum",    "cartesian_prod", "chain_matmul", "sum_to_size",   "local_response_norm",   "dropout",
        "dropout1d", "dropout2d",      "dropout3d",    "alpha_dropout", "feature_alpha_dropout",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(op->name, names[i]) == 0) return true;
    return false;
}

/* The error of a backward that saved what was then written. */
static bool was_saved(void)
{
    const bool saved = strstr(tg_error_message(), "has been modified by an inplace operation");
    if (saved) tg_error_clear();
    return saved;
}

/* sum over the results that require grad of sum(result * weights * factor), these written in place or not. */
static tg_tensor *scalar_of(const sample *s, bool in_place)
{
    tg_manual_seed(0);
    tg_tensor_list results = sample_run(s);
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < results.count; k++) {
        tg_tensor *y = results.items[k];
        if (!tg_requires_grad(y)) continue;
        y = in_place ? tg_mul_(y, 3.0) : tg_mul(y, 3.0);
        if (!y) return NULL;
        tg_tensor *term = tg_sum(tg_mul(tg_mul(y, y), sample_weights(s, (int)k, y)));
        sum = sum ? tg_add(sum, term) : term;
    }
    return sum;
}

/* What the op of a sample gives is an input, or a view of one. */
static bool shares_memory(const sample *s)
{
    tg_manual_seed(0);
    tg_tensor_list results = sample_run(s);
    for (int64_t k = 0; k < results.count; k++)
        for (int i = 0; i < s->count; i++)
            if (tg_shares_storage(results.items[k], s->leaves[i].tensor)) return true;
    return false;
}

static tg_tensor_list gradients_of(const sample *s, tg_tensor *y)
{
    tg_tensor *leaves[SAMPLE_LEAVES];
    int count = 0;
    for (int k = 0; k < s->count; k++)
        if (tg_requires_grad(s->leaves[k].tensor)) leaves[count++] = s->leaves[k].tensor;
    return tg_grad(tg_list(y), ((tg_tensor_list){ leaves, count }), .allow_unused = true);
}

static void check_sample(const tg_op *op, const char *text)
{
    const tg_scope scope = tg_scope_begin();
    sample s = sample_read(text);
    sample_fill(&s, TG_FLOAT64, true);
    if (shares_memory(&s)) {
        if (!may_share(op)) fail_msg("%s: shares memory with an input, and its schema does not say so", text);
        tg_scope_end(scope);
        return;
    }
    tg_tensor *expected = scalar_of(&s, false), *got = expected ? scalar_of(&s, true) : NULL;
    if (expected && !got) fail_msg("%s: %s", text, tg_error_message());
    tg_tensor_list a = got ? gradients_of(&s, expected) : TG_NONE, b = got ? gradients_of(&s, got) : TG_NONE;
    const bool refused = was_saved();
    if (tg_failed()) fail_msg("%s, backward: %s", text, tg_error_message());
    for (int64_t k = 0; k < a.count && !refused; k++) {
        if (!a.items[k] != !b.items[k]) fail_msg("%s: one has no gradient of leaf %d", text, (int)k);
        if (!a.items[k]) continue;
        double *x = sample_elements(a.items[k]), *y = sample_elements(b.items[k]);
        for (int64_t i = 0; i < tg_numel(a.items[k]); i++)
            if (!(fabs(x[i] - y[i]) <= 1e-12 * (1 + fabs(x[i]))) && !isnan(x[i]))
                fail_msg("%s: gradient %d, element %d is %g, not %g", text, (int)k, (int)i, y[i], x[i]);
        free(x);
        free(y);
    }
    tg_scope_end(scope);
}

TEST(test_op)
{
    const tg_op *op = *state;
    if (gives_views(op) || op->in_place_of) return;
    for (const char *const *text = sample_texts(op); *text; text++) check_sample(op, *text);
}

int main(int argc, char **argv)
{
    return op_suite_run(&(op_suite){ .name = "ownership", .test = test_op }, argc, argv);
}

/* test_check_ops.c: every op of the registry under a checker: nothing is told of a call whose numbers are finite, and what
 * is not finite is told of. Which is which this file looks at for itself, in the results and the leaves' gradients. */
#include "tests/support/finds.h"
#include "tests/support/op_suite.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include <math.h>

/* 0: all are finite; 1: some are infinite; 2: some are NaN. */
static int worst_of(const tg_tensor *t)
{
    if (!t || !tg_dtype_is_floating(tg_dtype_of(t))) return 0;
    const int64_t n = tg_numel(t);
    double *values = malloc((size_t)(n ? n : 1) * sizeof *values);
    assert_int_equal(tg_to_array(t, values, n), TG_OK);
    int worst = 0;
    for (int64_t i = 0; i < n; i++) worst = isnan(values[i]) ? 2 : isinf(values[i]) && worst < 1 ? 1 : worst;
    free(values);
    return worst;
}

static int worst_of_list(tg_tensor_list list)
{
    int worst = 0;
    for (int64_t i = 0; i < list.count; i++) worst = worst_of(list.items[i]) > worst ? worst_of(list.items[i]) : worst;
    return worst;
}

static int worst_of_leaves(const sample *s, bool gradients)
{
    int worst = 0;
    for (int k = 0; k < s->count; k++) {
        const tg_tensor *t = s->leaves[k].tensor;
        const int now = worst_of(gradients && t ? tg_grad_of(t) : t);
        worst = now > worst ? now : worst;
    }
    return worst;
}

static tg_tensor *sum_of(tg_tensor_list results)
{
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < results.count; k++) {
        if (!results.items[k] || !tg_requires_grad(results.items[k])) continue;
        tg_tensor *term = tg_sum(tg_to(results.items[k], TG_FLOAT64));
        sum = sum ? tg_add(sum, term) : term;
    }
    return sum;
}

static void check_call(const tg_op *op, const char *text, tg_dtype dtype)
{
    IN_SCOPE;
    sample s = sample_read(text);
    sample_fill(&s, dtype, true);
    CHECKING;
    tg_manual_seed(0);
    const tg_tensor_list results = sample_run(&s);
    const int before = worst_of_leaves(&s, false), after = worst_of_list(results);
    tg_tensor *sum = tg_failed() ? NULL : sum_of(results);
    const int finds_forward = count_of(&all, "not_finite");
    const bool walked = sum && !worst_of(sum) && tg_op_is_differentiable(op) && tg_backward(sum) == TG_OK;
    const int gradients = walked ? worst_of_leaves(&s, true) : 0;
    tg_error_clear(); /* a corner may be refused */
    tg_check_end();
    if (!before && !after && finds_forward) fail_msg("%s is finite, but:\n%s", text, found(&all, "not_finite")->text);
    const bool meant = (op->in_place_of ? op->in_place_of : op)->traits & TG_CHOOSES;
    if (!before && after && !finds_forward && !meant && tg_op_is_differentiable(op))
        fail_msg("%s is not finite, and nothing is told", text);
    if (walked && !gradients && count_of(&all, "gradient_not_finite"))
        fail_msg("the gradients of %s are finite, but:\n%s", text, found(&all, "gradient_not_finite")->text);
    if (walked && gradients && !count_of(&all, "gradient_not_finite"))
        fail_msg("the gradients of %s are not finite, and nothing is told", text);
    tg_scope_end(scope);
}

/* What is told of them all the same, or not: an alignment that there is none of is inf until it is left out; and NaN is what
 * the logarithm of a negative determinant is, chosen, not computed. */
static bool is_exception(const char *text)
{
    return strstr(text, "zero_infinity=True") || strncmp(text, "logdet(neg(", 11) == 0;
}

static void check_op(void **state)
{
    const tg_op *op = *state;
    const char *const *lists[] = { sample_texts(op), sample_corners(op) };
    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l] && lists[l][i]; i++) {
            if (is_exception(lists[l][i])) continue;
            check_call(op, lists[l][i], TG_FLOAT32);
            check_call(op, lists[l][i], TG_FLOAT64);
        }
}

int main(int argc, char **argv)
{
    tg_set_warning_handler(NULL, NULL);
    const op_suite suite = { .name = "check_ops", .test = check_op };
    return op_suite_run(&suite, argc, argv);
}

/* gradcheck_module.c: one number made of all that a module computes. */
#include "gradcheck_module.h"
#include "cmocka_all.h"
#include "gradcheck.h"

#include <math.h>

enum { MOST_LEAVES = 64 };

typedef struct subject {
    const char *name;
    tg_module *m;
    gradcheck_call call;
    tg_tensor *x[GRADCHECK_INPUTS];
} subject;

/* Element k of row `row` of numbers that fill (0, 1) evenly: the first n of a row are about 1/n apart. */
static double even(int64_t row, int64_t k)
{
    const double x = 0.3 + 0.4142135623730951 * (double)row + 0.6180339887498949 * (double)(k + 1);
    return x - floor(x);
}

tg_tensor *gradcheck_spread(double lo, double hi, tg_shape shape, bool requires_grad)
{
    tg_tensor *t = tg_zeros(shape, .dtype = TG_FLOAT64);
    double *values = tg_mutable_data(t, TG_FLOAT64);
    for (int64_t k = 0; k < tg_numel(t); k++) values[k] = lo + (hi - lo) * even(0, k);
    return requires_grad ? tg_requires_grad_(t, true) : t;
}

/* The sum of the sines of all results, each element with a weight of its own. */
static tg_tensor *number_of(void *context)
{
    const subject *s = context;
    tg_manual_seed(11);
    const gradcheck_results y = s->call(s->m, s->x);
    tg_tensor *sum = NULL;
    for (int i = 0; i < GRADCHECK_RESULTS && y.items[i]; i++) {
        tg_tensor *weights = gradcheck_spread(0.4 - i, 1.5, tg_shape_of(y.items[i]), false);
        tg_tensor *term = tg_sum(tg_mul(tg_sin(y.items[i]), weights));
        sum = sum ? tg_add(sum, term) : term;
    }
    return sum;
}

/* A number without a gradient would agree with any. */
static double usable_number(subject *s, const char *mode)
{
    tg_tensor *number = number_of(s);
    if (!number || tg_failed()) fail_msg("%s, %s: %s", s->name, mode, tg_error_message());
    if (!isfinite(tg_item(number))) fail_msg("%s, %s: the result is not finite", s->name, mode);
    if (!tg_requires_grad(number)) fail_msg("%s, %s: the result has no gradient", s->name, mode);
    return tg_item(number);
}

static void check(subject *s, const char *mode, bool twice)
{
    tg_tensor *leaves[MOST_LEAVES];
    int64_t count = 0;
    const tg_tensor_list parameters = tg_parameters(s->m);
    assert_true(parameters.count + GRADCHECK_INPUTS <= MOST_LEAVES);
    for (int64_t i = 0; i < parameters.count; i++) leaves[count++] = parameters.items[i];
    for (int i = 0; i < GRADCHECK_INPUTS; i++)
        if (s->x[i] && tg_requires_grad(s->x[i])) leaves[count++] = s->x[i];
    const char *wrong = gradcheck(number_of, s, tg_list_of(leaves, count));
    if (!wrong && twice) wrong = gradgradcheck(number_of, s, tg_list_of(leaves, count));
    if (wrong) fail_msg("%s, %s: %s", s->name, mode, wrong);
}

/* Ones and zeros hide mistakes: each parameter is moved to numbers of its own. */
static void move_parameters(tg_module *m)
{
    const tg_tensor_list parameters = tg_parameters(m);
    for (int64_t i = 0; i < parameters.count; i++) {
        double *values = tg_mutable_data(parameters.items[i], TG_FLOAT64);
        for (int64_t k = 0; k < tg_numel(parameters.items[i]); k++) values[k] += 0.6 * even(i + 1, k) - 0.25;
    }
}

void gradcheck_module(const char *name, tg_module *m, gradcheck_how how, gradcheck_call call, tg_tensor_list inputs)
{
    if (!m || tg_failed()) fail_msg("%s: %s", name, tg_error_message());
    subject s = { name, m, call, { NULL } };
    assert_true(inputs.count <= GRADCHECK_INPUTS);
    for (int64_t i = 0; i < inputs.count; i++) s.x[i] = inputs.items[i];
    move_parameters(m);
    double number = NAN;
    if (how != GRADCHECK_EVALUATING) {
        number = usable_number(&s, "training");
        check(&s, "training", how != GRADCHECK_ONCE);
    }
    tg_module_eval(m);
    if (usable_number(&s, "evaluating") != number) check(&s, "evaluating", how != GRADCHECK_ONCE);
    tg_module_free(m);
}

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
    tg_tensor *leaves[MOST_LEAVES];
    int64_t leaf_count;
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

/* The number: finite, and with a gradient for each leaf, since one that the module does not use would agree with the
 * differences. */
static double usable_number(subject *s, const char *mode)
{
    tg_tensor *number = number_of(s);
    if (!number || tg_failed()) fail_msg("%s, %s: %s", s->name, mode, tg_error_message());
    if (!isfinite(tg_item(number))) fail_msg("%s, %s: the result is not finite", s->name, mode);
    if (!tg_requires_grad(number)) fail_msg("%s, %s: the result has no gradient", s->name, mode);
    tg_grad(tg_list(number), tg_list_of(s->leaves, s->leaf_count));
    if (tg_failed()) fail_msg("%s, %s: %s", s->name, mode, tg_error_message());
    return tg_item(number);
}

static void count_call(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)call;
    ++*(int *)context;
}

/* Hooks, which compute weights for weight_norm and its like, run in whichever way the module is called. */
static void check_hooks(subject *s, const char *mode, double number)
{
    int calls = 0;
    const int64_t hook = tg_register_forward_hook(s->m, count_call, &calls);
    const double hooked = usable_number(s, mode);
    tg_remove_module_hook(s->m, hook);
    if (calls == 0) fail_msg("%s, %s: the hook was not called", s->name, mode);
    if (hooked != number) fail_msg("%s, %s: the hook changes the result", s->name, mode);
}

static void check(subject *s, const char *mode, bool twice, double number)
{
    check_hooks(s, mode, number);
    const tg_tensor_list leaves = tg_list_of(s->leaves, s->leaf_count);
    const char *wrong = gradcheck(number_of, s, leaves);
    if (!wrong && twice) wrong = gradgradcheck(number_of, s, leaves);
    if (wrong) fail_msg("%s, %s: %s", s->name, mode, wrong);
}

static void find_leaves(subject *s)
{
    const tg_tensor_list parameters = tg_parameters(s->m);
    assert_true(parameters.count + GRADCHECK_INPUTS <= MOST_LEAVES);
    for (int64_t i = 0; i < parameters.count; i++) s->leaves[s->leaf_count++] = parameters.items[i];
    for (int i = 0; i < GRADCHECK_INPUTS; i++)
        if (s->x[i] && tg_requires_grad(s->x[i])) s->leaves[s->leaf_count++] = s->x[i];
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
    subject s = { .name = name, .m = m, .call = call };
    assert_true(inputs.count <= GRADCHECK_INPUTS);
    for (int64_t i = 0; i < inputs.count; i++) s.x[i] = inputs.items[i];
    move_parameters(m);
    find_leaves(&s);
    const bool twice = how != GRADCHECK_ONCE;
    double training = NAN;
    if (how != GRADCHECK_EVALUATING) {
        training = usable_number(&s, "training");
        check(&s, "training", twice, training);
    }
    tg_module_eval(m);
    const double evaluating = usable_number(&s, "evaluating");
    if (evaluating != training) check(&s, "evaluating", twice, evaluating);
    tg_module_free(m);
}

/* test_kernels_loss.c: the rows of loss.def, by every set of kernels this machine can run, against the slow reference;
 * and bit by bit against itself, since a value may depend on nothing but its inputs: not on index, length or layout. */
#include "tests/support/kernels.h"

#include "ops/kernels/rows/loss_kernels.h"

#include <float.h>

enum { MOST = 300, OPERANDS = 6 }; /* the last is the result, which no gradient names */

static double memory[OPERANDS][3 * MOST], expected[3 * MOST];

typedef struct loop_test {
    const char *name;
    tgi_loop fast, slow;
    int count; /* of operands */
    int dtype;
} loop_test;

/* Inputs where both paths are exact to rounding: p above 0, targets and inputs within [0, 1] where they are
 * probabilities. */
static void fill(const loop_test *t)
{
    const bool probabilities = strcmp(t->name, "bce") == 0;
    for (int k = 1; k < t->count; k++) {
        const int role = k + 4 - t->count; /* 0: g, 1: a, 2: b, 3: p */
        for (int64_t i = 0; i < 3 * MOST; i++) {
            double x = uniform(-6, 6);
            if (role == 1 && draw() % 8 == 0) x = uniform(-90, 90);
            if (role == 3) x = uniform(0.25, 3);
            if ((role == 1 && probabilities) || role == 2) x = draw() % 8 == 0 ? (double)(draw() % 2) : uniform(0, 1);
            if (strncmp(t->name, "poisson", 7) == 0 && role == 1) x = uniform(0.1, 6); /* a rate, or its logarithm */
            if (strcmp(t->name, "kl_div") == 0 && role == 2 && x == 0) x = 0.5;        /* a gradient that is NaN */
            set(t->dtype, (char *)memory[k] + i * sizes[t->dtype], x);
        }
    }
}

static bool close_to(const loop_test *t, double got, double want, char *const *one)
{
    double scale = fmax(1, fabs(want));
    for (int k = 1; k < t->count; k++) scale *= one[k] ? fmax(1, fabs(get(t->dtype, one[k]))) : 1;
    if (isnan(want) || isinf(want)) return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= 8 * (t->dtype == TGI_F32 ? (double)FLT_EPSILON : DBL_EPSILON) * scale;
}

/* Strides in elements of each operand; output first. */
static void check(const loop_test *t, const int64_t *step, int64_t n)
{
    const int64_t size = sizes[t->dtype];
    char *p[OPERANDS] = { NULL }, *one[OPERANDS] = { NULL };
    int64_t stride[OPERANDS] = { 0 };
    for (int k = 0; k < t->count; k++) {
        p[k] = (char *)memory[k];
        stride[k] = step[k] * size;
    }
    memset(memory[0], 0x5a, sizeof memory[0]);
    memset(expected, 0x5a, sizeof expected);
    t->fast(1, n, p, NULL, stride);
    for (int64_t i = 0; i < n; i++) {
        char alone[8], slow[8], *got = p[0] + i * stride[0];
        for (int k = 1; k < t->count; k++) one[k] = p[k] + i * stride[k];
        one[0] = alone;
        t->fast(1, 1, one, NULL, stride);
        one[0] = slow;
        t->slow(1, 1, one, NULL, stride);
        if (memcmp(got, alone, (size_t)size) != 0)
            fail_msg("%s %s: element %d alone differs", set_name(), t->name, (int)i);
        if (!close_to(t, get(t->dtype, got), get(t->dtype, slow), one))
            fail_msg("%s %s, %s, element %d: %.9g, expected %.9g", set_name(), t->name, dtype_name(t->dtype), (int)i,
                     get(t->dtype, got), get(t->dtype, slow));
        memcpy((char *)expected + i * stride[0], got, (size_t)size);
    }
    if (memcmp(memory[0], expected, sizeof expected) != 0) fail_msg("%s %s: wrote outside", set_name(), t->name);
}

static void check_loop(loop_test t)
{
    static const int64_t steps[][OPERANDS] = { { 1, 1, 1, 1, 1 },
                                               { 1, 1, 1, 0, 0 },
                                               { 1, 0, 1, 1, 0 },
                                               { 2, 1, 3, 1, 1 },
                                               { 1, 2, 0, 2, 1 } };
    assert_true(t.fast && t.slow);
    fill(&t);
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        for (int64_t n = 0; n < 40; n++) check(&t, steps[s], n);
        check(&t, steps[s], MOST);
    }
}

static void test_rows(void **unused)
{
    (void)unused;
    for (int d = 0; d < 2; d++) {
#define TG_LOSS(name, ...)                                                                                             \
    check_loop((loop_test){ #name, K(loss)->name.forward[d], R(loss)->name.forward[d], 4, d });                        \
    for (int input = 0; input < 2; input++)                                                                            \
        check_loop((loop_test){ #name, K(loss)->name.backward[input][d], R(loss)->name.backward[input][d], 5, d });
#include "ops/loss.def"
    }
}

/* What a formula that adds first and takes the logarithm then would lose. */
static void test_small_results(void **unused)
{
    (void)unused;
    const double a[] = { -30, -300, 30, 300, -700 }, b[] = { 0, 0, 1, 1, 0 }, p = 1;
    double y[5];
    K(loss)->bce_with_logits.forward[TGI_F64](1, 5, (char *[]){ (char *)y, (char *)a, (char *)b, (char *)&p }, NULL,
                                              (int64_t[]){ 8, 8, 8, 0 });
    for (int i = 0; i < 5; i++) assert_true(fabs(y[i] - exp(-fabs(a[i]))) <= 1e-13 * exp(-fabs(a[i])));
    const double probability[] = { 1e-20, 1e-9, 0.25 }, target[] = { 0, 0, 0 };
    K(loss)->bce.forward[TGI_F64](1, 3, (char *[]){ (char *)y, (char *)probability, (char *)target, NULL }, NULL,
                                  (int64_t[]){ 8, 8, 8, 0 });
    for (int i = 0; i < 3; i++) assert_true(fabs(y[i] + log1p(-probability[i])) <= 1e-15 * y[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_small_results) };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests);
    return failed;
}

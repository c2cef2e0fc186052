/* test_row_texts.c: the derivatives that rows end with, as people write them (rows_begin.def): nothing but a text in the
 * library, they are compiled here, over doubles, and held against the gradients that are computed. */
#include "tests/support/suite.h"

#include "ops/registry.h"
#include "tapegrad.h"

#include <math.h>
#include <string.h>

/* ---- the operators ---- as functions of doubles; those of libm are themselves */
#define PI 3.14159265358979323846
static double num(double x) { return x; }
static double neg(double x) { return -x; }
static double add(double x, double y) { return x + y; }
static double sub(double x, double y) { return x - y; }
static double mul(double x, double y) { return x * y; }
static double div_(double x, double y) { return x / y; }
static double square(double x) { return x * x; }
static double sign(double x) { return (x > 0) - (x < 0); }
static double zero(double x) { return 0 * x; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return log1p(exp(x)); }
static double gelu_score(double x) { return 2 * sqrt(2 / PI) * (x + 0.044715 * x * x * x); }
static double gt(double x, double y) { return x > y; }
static double lt(double x, double y) { return x < y; }
static double either(double x, double y) { return x != 0 || y != 0; }
static double select_(double condition, double x, double y) { return condition != 0 ? x : y; }

/* ---- the rows that have a text ---- */

typedef double (*text_fn)(double g, double a, double b, double y, const double *p);

#define TEXT(name, formula, ...)                                                                                       \
    static double name(double g, double a, double b, double y, const double *p)                                        \
    {                                                                                                                  \
        (void)g, (void)a, (void)b, (void)y, (void)p;                                                                   \
        __VA_ARGS__                                                                                                    \
        return formula;                                                                                                \
    }
#define OPTION(k, name, ...)                                          const double name __attribute__((unused)) = p[k];
#define REQUIRED(k, name, ...)                                        OPTION(k, name)
#define OR_NONE(k, name, ...)                                         OPTION(k, name)
#define div(x, y)                                                     div_(x, y)
#define abs(x)                                                        fabs(x)
#define select(c, x, y)                                               select_(c, x, y)
#define TG_UNARY(name, dtypes, y, da, saves, lo, hi, kinks, doc, ...) __VA_OPT__(TEXT(name##_da_text, __VA_ARGS__, ))
#define TG_UNARY_WITH(name, dtypes, parameters, y, da, saves, lo, hi, kinks, doc, ...)                                 \
    __VA_OPT__(TEXT(name##_da_text, __VA_ARGS__, parameters))
#define TEXTS(name, da, db) TEXT(name##_da_text, da, ) TEXT(name##_db_text, db, )
#define TG_BINARY(name, dtypes, y, da, da_saves, db, db_saves, lo, hi, kinks, doc, ...)                                \
    __VA_OPT__(TEXTS(name, __VA_ARGS__))
#include "ops/rows/rows.def"
#undef OPTION

typedef struct row {
    const char *name;
    int inputs;
    double lo, hi;
    text_fn texts[2];
    int parameters;
    double values[3]; /* of parameters, others than the defaults */
} row;

#define OPTION(k, name, initial, value) value,
#undef REQUIRED
#undef OR_NONE
#define REQUIRED(k, name, value) value,
#define OR_NONE(k, name, value)  value,
#define COUNT(...)               (int)(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))
#define TG_UNARY(name, dtypes, y, da, saves, lo, hi, kinks, doc, ...)                                                  \
    __VA_OPT__({ #name, 1, lo, hi, { name##_da_text }, 0, { 0 } }, )
#define TG_UNARY_WITH(name, dtypes, parameters, y, da, saves, lo, hi, kinks, doc, ...)                                 \
    __VA_OPT__({ #name, 1, lo, hi, { name##_da_text }, COUNT(parameters), { parameters } }, )
#define TG_BINARY(name, dtypes, y, da, da_saves, db, db_saves, lo, hi, kinks, doc, ...)                                \
    __VA_OPT__({ #name, 2, lo, hi, { name##_da_text, name##_db_text }, 0, { 0 } }, )
static const row rows[] = {
#include "ops/rows/rows.def"
};
#undef div
#undef abs
#undef select

/* ---- against the gradients ---- */

enum { SAMPLES = 200 };

static void check(const row *r)
{
    IN_SCOPE;
    const tg_op *op = tg_op_find(r->name);
    assert_non_null(op);
    tg_tensor *in[2];
    tg_value values[5];
    for (int i = 0; i < r->inputs; i++) {
        in[i] = tg_requires_grad_(tg_add(tg_mul(tg_rand(tg_shape(SAMPLES), .dtype = TG_FLOAT64), r->hi - r->lo), r->lo),
                                  true);
        values[i] = (tg_value){ TG_VALUE_TENSOR, { .tensor = in[i] } };
    }
    for (int k = 0; k < r->parameters; k++)
        values[r->inputs + k] = (tg_value){ TG_VALUE_FLOAT, { .real = r->values[k] } };
    tg_tensor *y = tg_op_call(op, values, r->inputs + r->parameters).items[0];
    tg_tensor *g = tg_randn(tg_shape(SAMPLES), .dtype = TG_FLOAT64);
    const tg_tensor_list inputs = { in, r->inputs };
    const tg_tensor_list grads = tg_grad(tg_list(y), inputs, .grad_outputs = { g });
    assert_false(tg_failed());
    for (int i = 0; i < r->inputs; i++) {
        for (int64_t k = 0; k < SAMPLES; k++) {
            const double a = tg_item(tg_select(in[0], 0, k)), b = r->inputs > 1 ? tg_item(tg_select(in[1], 0, k)) : 0;
            const double found = tg_item(tg_select(grads.items[i], 0, k));
            const double said = r->texts[i](tg_item(tg_select(g, 0, k)), a, b, tg_item(tg_select(y, 0, k)), r->values);
            if (fabs(said - found) > 1e-9 * (1 + fabs(found)))
                fail_msg("%s, input %d, at a = %g, b = %g: %g, and the text says %g", r->name, i, a, b, found, said);
        }
    }
    tg_scope_end(scope);
}

TEST(test_texts_are_gradients)
{
    tg_manual_seed(1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check(&rows[i]);
}

/* No row's descriptor, nor that of an op in place, shows what is there for the sake of numbers. */
TEST(test_no_guards_in_texts)
{
    static const char *const guards[] = { "unless(", "bounded(", "within(", "largest", "over_1_plus" };
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof guards / sizeof *guards; k++)
            if (ops[i]->detail && ops[i]->gradient && strstr(ops[i]->gradient, guards[k]))
                fail_msg("%s: %s", ops[i]->name, ops[i]->gradient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_texts_are_gradients),
        T(test_no_guards_in_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

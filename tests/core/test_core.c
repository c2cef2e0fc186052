/* test_core.c: core without ops. This program defines ops of its own and trains with them; `make check-layers` proves
 * that no object of ops/ is linked into it. */
#include "core/autograd.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/op.h"
#include "core/scope.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

/* ---- three private ops on float64 tensors of one shape ---- */

static tg_tensor *combine(const tg_op *op, tg_tensor *a, tg_tensor *b, double (*f)(double, double), bool saves)
{
    if (!tg_op_begin(NULL, op, tg_list(a, b))) return NULL;
    if (tg_numel(a) != tg_numel(b)) return tg_op_fail(op, tg_list(a, b), "the sizes differ");
    tg_tensor *y = tg_empty_raw(tg_shape_of(a), TG_FLOAT64);
    double *to = tg_mutable_data(y, TG_FLOAT64);
    const double *x = tg_data(a, TG_FLOAT64), *z = tg_data(b, TG_FLOAT64);
    if (!to || !x || !z) return NULL;
    for (int64_t i = 0; i < tg_numel(y); i++) to[i] = f(x[i], z[i]);
    const tg_status status = tg_record(op, tg_list(a, b), tg_list(y), saves ? tg_list(a, b) : TG_NONE, NULL, 0);
    return status == TG_OK ? y : NULL;
}

static double plus(double a, double b) { return a + b; }
static double minus(double a, double b) { return a - b; }
static double times(double a, double b) { return a * b; }

static tg_tensor *my_neg(tg_tensor *a);
static tg_tensor *my_mul(tg_tensor *a, tg_tensor *b);

static void add_backward(tg_context *ctx)
{
    for (int i = 0; i < 2; i++) tg_set_grad_input(ctx, i, tg_grad_output(ctx, 0));
}

static void sub_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 0));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, my_neg(tg_grad_output(ctx, 0)));
}

static void mul_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, my_mul(g, tg_saved(ctx, 1)));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, my_mul(g, tg_saved(ctx, 0)));
}

static const tg_op op_add = { .name = "my_add", .backward = add_backward };
static const tg_op op_sub = { .name = "my_sub", .backward = sub_backward };
static const tg_op op_mul = { .name = "my_mul", .backward = mul_backward };

static tg_tensor *my_add(tg_tensor *a, tg_tensor *b) { return combine(&op_add, a, b, plus, false); }
static tg_tensor *my_sub(tg_tensor *a, tg_tensor *b) { return combine(&op_sub, a, b, minus, false); }
static tg_tensor *my_mul(tg_tensor *a, tg_tensor *b) { return combine(&op_mul, a, b, times, true); }

static tg_tensor *vector(double value, int64_t n)
{
    tg_tensor *t = tg_empty_raw(tg_shape(n), TG_FLOAT64);
    double *data = tg_mutable_data(t, TG_FLOAT64);
    for (int64_t i = 0; data && i < n; i++) data[i] = value;
    return t;
}

static tg_tensor *my_neg(tg_tensor *a) { return a ? my_mul(a, vector(-1, tg_numel(a))) : NULL; }

/* ---- the engine, equipped by this program ---- */

static tg_status add_in_place(tg_tensor *a, tg_tensor *b)
{
    double *to = tg_mutable_data(a, TG_FLOAT64);
    const double *from = tg_data(b, TG_FLOAT64);
    for (int64_t i = 0; i < tg_numel(a); i++) to[i] += from[i];
    return TG_OK;
}

static tg_tensor *no_sum(tg_tensor *g, const tg_shape *shape)
{
    (void)g, (void)shape;
    return tg_fail("sum_to", "this program does not broadcast");
}

static tg_tensor *copy(tg_tensor *t) { return my_add(t, vector(0, tg_numel(t))); }

static int equip(void **state)
{
    (void)state;
    static const tg_engine_ops ops = { .add = my_add, .add_ = add_in_place, .sum_to = no_sum, .clone = copy };
    tg_engine_use(&ops);
    return 0;
}

/* ---- tests ---- */

TEST(test_trains)
{
    tg_tensor *w = tg_keep(tg_requires_grad_(vector(0, 3), true));
    for (int step = 0; step < 200; step++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *error = my_sub(my_mul(w, vector(2, 3)), vector(3, 3));
        tg_tensor *loss = my_mul(error, error);
        tg_set_grad(w, NULL);
        assert_int_equal(tg_backward(loss, .gradient = vector(1, 3)), TG_OK);
        double *data = tg_mutable_data(w, TG_FLOAT64);
        const double *grad = tg_data(tg_grad_of(w), TG_FLOAT64);
        for (int i = 0; i < 3; i++) data[i] -= 0.05 * grad[i];
        tg_scope_end(scope);
    }
    const double *data = tg_data(w, TG_FLOAT64);
    for (int i = 0; i < 3; i++) assert_true(fabs(data[i] - 1.5) < 1e-9);
    tg_release(w);
}

/* d2/dx2 of x^3 is 6x, by the private ops' own backward. */
TEST(test_second_derivative)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_requires_grad_(vector(5, 1), true);
    tg_tensor *y = my_mul(my_mul(x, x), x);
    tg_tensor *first = tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0];
    assert_true(tg_item(first) == 75);
    tg_tensor *second = tg_grad(tg_list(first), tg_list(x)).items[0];
    assert_true(tg_item(second) == 30);
    tg_scope_end(scope);
}

TEST(test_errors_name_the_op)
{
    assert_null(my_add(vector(1, 2), vector(1, 3)));
    const tg_error error = tg_error_get();
    assert_string_equal(error.op, "my_add");
    assert_string_equal(error.inputs, "float64[2], float64[3]");
    assert_null(my_mul(my_add(vector(1, 2), vector(1, 3)), vector(1, 2)));
    assert_int_equal(tg_error_get().later, 1); /* the second my_add; my_mul only passed NULL on */
    tg_error_clear();
    assert_null(my_mul(NULL, vector(1, 2)));
    assert_int_equal(tg_error_get().code, TG_ERROR_NULL);
    tg_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_trains),
        T(test_second_derivative),
        T(test_errors_name_the_op),
    };
    return cmocka_run_group_tests_name("core alone", tests, equip, NULL);
}

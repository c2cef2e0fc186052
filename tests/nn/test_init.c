/* test_init.c: initial values, which are what PyTorch draws, number for number (golden/init.txt), and what is refused. */
#include "tests/support/golden.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

/* ---- PyTorch's numbers ---- */

static double given(const golden *g, const char *key, double otherwise)
{
    return golden_has(g, key) ? golden_real(g, key) : otherwise;
}

static const char *given_text(const golden *g, const char *key, const char *otherwise)
{
    return golden_has(g, key) ? golden_string(g, key) : otherwise;
}

static tg_tensor *uniform(const golden *g, tg_tensor *t)
{
    if (!golden_has(g, "a")) return tg_init_uniform_(t);
    return tg_init_uniform_(t, golden_real(g, "a"), golden_real(g, "b"));
}
static tg_tensor *normal(const golden *g, tg_tensor *t)
{
    if (!golden_has(g, "mean")) return tg_init_normal_(t);
    return tg_init_normal_(t, golden_real(g, "mean"), golden_real(g, "std"));
}
static tg_tensor *trunc_normal(const golden *g, tg_tensor *t)
{
    if (!golden_has(g, "std")) return tg_init_trunc_normal_(t);
    if (!golden_has(g, "a")) return tg_init_trunc_normal_(t, .mean = given(g, "mean", 0), .std = golden_real(g, "std"));
    return tg_init_trunc_normal_(t, .mean = golden_real(g, "mean"), .std = golden_real(g, "std"),
                                 .a = golden_real(g, "a"), .b = golden_real(g, "b"));
}
static tg_tensor *xavier_uniform(const golden *g, tg_tensor *t)
{
    return tg_init_xavier_uniform_(t, .gain = given(g, "gain", 1));
}
static tg_tensor *xavier_normal(const golden *g, tg_tensor *t)
{
    return golden_has(g, "gain") ? tg_init_xavier_normal_(t, .gain = golden_real(g, "gain"))
                                 : tg_init_xavier_normal_(t);
}
static tg_tensor *kaiming_uniform(const golden *g, tg_tensor *t)
{
    if (!golden_has(g, "mode")) return tg_init_kaiming_uniform_(t);
    return tg_init_kaiming_uniform_(t, .mode = golden_string(g, "mode"),
                                    .nonlinearity = golden_string(g, "nonlinearity"));
}
static tg_tensor *kaiming_normal(const golden *g, tg_tensor *t)
{
    return tg_init_kaiming_normal_(t, .a = given(g, "a", 0), .mode = given_text(g, "mode", "fan_in"),
                                   .nonlinearity = given_text(g, "nonlinearity", "leaky_relu"));
}
static tg_tensor *orthogonal(const golden *g, tg_tensor *t)
{
    return golden_has(g, "gain") ? tg_init_orthogonal_(t, .gain = golden_real(g, "gain")) : tg_init_orthogonal_(t);
}
static tg_tensor *sparse(const golden *g, tg_tensor *t)
{
    const double sparsity = golden_real(g, "sparsity");
    return golden_has(g, "std") ? tg_init_sparse_(t, sparsity, .std = golden_real(g, "std"))
                                : tg_init_sparse_(t, sparsity);
}
static tg_tensor *dirac(const golden *g, tg_tensor *t)
{
    return golden_has(g, "groups") ? tg_init_dirac_(t, (int64_t)golden_real(g, "groups")) : tg_init_dirac_(t);
}
static tg_tensor *eye(const golden *g, tg_tensor *t) { return (void)g, tg_init_eye_(t); }
static tg_tensor *zeros(const golden *g, tg_tensor *t) { return (void)g, tg_init_zeros_(t); }
static tg_tensor *ones(const golden *g, tg_tensor *t) { return (void)g, tg_init_ones_(t); }
static tg_tensor *constant(const golden *g, tg_tensor *t) { return tg_init_constant_(t, golden_real(g, "val")); }

/* `draws`: all numbers come straight out of the generator, and so they are the same but for what the file leaves out. */
static const struct function {
    const char *name;
    tg_tensor *(*run)(const golden *g, tg_tensor *t);
    bool draws;
} functions[] = {
    { "uniform_", uniform, true },
    { "normal_", normal, true },
    { "trunc_normal_", trunc_normal, false },
    { "xavier_uniform_", xavier_uniform, true },
    { "xavier_normal_", xavier_normal, true },
    { "kaiming_uniform_", kaiming_uniform, true },
    { "kaiming_normal_", kaiming_normal, true },
    { "orthogonal_", orthogonal, false },
    { "sparse_", sparse, true },
    { "dirac_", dirac, true },
    { "eye_", eye, true },
    { "zeros_", zeros, true },
    { "ones_", ones, true },
    { "constant_", constant, true },
};

static const struct function *function_of(const golden *g)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, golden_string(g, "function")) == 0) return &functions[i];
    fail_msg("%s is not tested", golden_string(g, "function"));
    return NULL;
}

/* Nines, all written over, in a leaf of the case's shape; if the case says so, in the memory of its transpose. */
static tg_tensor *nines(const golden *g)
{
    const tg_dtype dtype = golden_int(g, "float64") ? TG_FLOAT64 : TG_FLOAT32;
    const int64_t *sizes;
    tg_shape shape = { .ndim = (int)golden_ints(g, "sizes", &sizes) }, turned = shape, order = shape;
    for (int d = 0; d < shape.ndim; d++) {
        shape.dims[d] = turned.dims[shape.ndim - 1 - d] = sizes[d];
        order.dims[d] = shape.ndim - 1 - d;
    }
    if (golden_int(g, "transposed")) return tg_permute(tg_full(turned, 9, .dtype = dtype), order);
    return tg_full(shape, 9, .dtype = dtype, .requires_grad = true);
}

static void count_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)message;
    ++*(int *)context;
}

static void check_case(const golden *g)
{
    const struct function *function = function_of(g);
    int warnings = 0;
    tg_tensor *t = nines(g);
    const int64_t version = tg_version(t);
    tg_set_warning_handler(count_warning, &warnings);
    tg_manual_seed((uint64_t)golden_int(g, "seed"));
    if (function->run(g, t) != t) fail_msg("%s: %s", golden_case(g), tg_error_message());
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    if (warnings != golden_int(g, "warned")) fail_msg("%s: %d warnings", golden_case(g), warnings);
    const bool narrow = tg_dtype_of(t) == TG_FLOAT32; /* of which the file has 9 digits: more than a float */
    golden_assert(g, "values", t, function->draws ? narrow ? 1e-8 : 1e-15 : narrow ? 1e-6 : 1e-13);
    golden_assert(g, "next", tg_rand(tg_shape(2), .dtype = TG_FLOAT64), 0);
    assert_true(tg_numel(t) == 0 || tg_version(t) > version);
}

TEST(test_init)
{
    golden *g = golden_open("init.txt");
    int cases = 0;
    for (; golden_next(g); cases++) {
        const tg_scope scope = tg_scope_begin();
        if (golden_has(g, "function")) check_case(g);
        tg_scope_end(scope);
    }
    assert_true(cases > 100);
    golden_close(g);
}

TEST(test_gains)
{
    golden *g = golden_open("init.txt");
    assert_true(golden_seek(g, "gains"));
    for (int i = 0; i < golden_array_count(g); i++) {
        const golden_array gain = golden_array_at(g, i);
        if (strcmp(gain.key, "leaky_relu_of_0.2") == 0)
            assert_true(tg_init_calculate_gain("leaky_relu", 0.2) == gain.values[0]);
        else
            assert_true(tg_init_calculate_gain(gain.key) == gain.values[0]);
    }
    assert_int_equal(golden_array_count(g), 13);
    golden_close(g);
}

TEST(test_fan)
{
    const tg_fan fan = tg_init_fan(tg_zeros(tg_shape(4, 3, 2, 5)));
    assert_int_equal(fan.fan_in, 30);
    assert_int_equal(fan.fan_out, 40);
    assert_int_equal(tg_init_fan(tg_zeros(tg_shape(3))).fan_in, 0);
    expect_error("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
}

/* What the golden values cannot be: a large orthogonal matrix. */
TEST(test_orthogonal)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_init_orthogonal_(tg_zeros(tg_shape(30, 4, 20)), .gain = 2),
              *rows = tg_reshape(t, tg_shape(30, 80));
    tg_tensor *difference = tg_sub(tg_matmul(rows, tg_t(rows)), tg_mul(tg_eye(30), 4));
    assert_true(tg_item(tg_amax(tg_abs(difference))) < 1e-5);
    tg_scope_end(scope);
}

TEST(test_init_errors)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *vector = tg_ones(tg_shape(3)), *matrix = tg_ones(tg_shape(3, 3));
    assert_null(tg_init_kaiming_uniform_(vector));
    expect_error("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
    assert_null(tg_init_kaiming_uniform_(matrix, .mode = "fan"));
    expect_error("Mode fan not supported, please use one of ['fan_in', 'fan_out']");
    assert_null(tg_init_kaiming_normal_(matrix, .mode = NULL));
    expect_error("Mode (null) not supported");
    assert_null(tg_init_kaiming_normal_(matrix, .nonlinearity = "gelu"));
    expect_error("Unsupported nonlinearity gelu");
    assert_true(isnan(tg_init_calculate_gain(NULL)));
    expect_error("Unsupported nonlinearity (null)");
    assert_null(tg_init_uniform_(vector, 1, 0));
    expect_error("uniform_ expects to return a [from, to) range, but found from=1 > to=0");
    assert_null(tg_init_normal_(vector, 0, -1));
    expect_error("normal expects std >= 0.0, but found std -1");
    assert_null(tg_init_trunc_normal_(vector, .std = 0));
    expect_error("std must be positive, but is 0");
    assert_null(tg_init_trunc_normal_(vector, .a = 1, .b = -1));
    expect_error("trunc_normal_: a must not be above b, but found a=1, b=-1");
    assert_null(tg_init_trunc_normal_(vector, .mean = NAN));
    expect_error("uniform_ expects to return a [from, to) range, but found from=");
    assert_null(tg_init_eye_(vector));
    expect_error("Only tensors with 2 dimensions are supported");
    assert_null(tg_init_dirac_(matrix));
    expect_error("Only tensors with 3, 4, or 5 dimensions are supported");
    assert_null(tg_init_dirac_(tg_ones(tg_shape(3, 2, 2)), 2));
    expect_error("dim 0 must be divisible by groups");
    assert_null(tg_init_dirac_(tg_ones(tg_shape(3, 2, 2)), 0));
    expect_error("groups must be positive");
    assert_null(tg_init_orthogonal_(vector));
    expect_error("Only tensors with 2 or more dimensions are supported");
    assert_null(tg_init_sparse_(vector, 0.1));
    expect_error("Only tensors with 2 dimensions are supported");
    assert_null(tg_init_sparse_(matrix, -0.5));
    expect_error("sparsity has to be between 0 and 1, but got -0.5");
    assert_null(tg_init_sparse_(matrix, 0.5, .std = -1));
    expect_error("normal expects std >= 0.0, but found std -1");
    VALUES(vector, 0, 1, 1, 1); /* nothing was written */
    assert_null(tg_init_normal_(tg_ones(tg_shape(3), .dtype = TG_INT64), 0, 1));
    expect_error("floating dtype");
    assert_null(tg_init_zeros_(NULL));
    expect_error("NULL");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_init), T(test_gains), T(test_fan), T(test_orthogonal), T(test_init_errors),
    };
    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}

/* test_gradcheck.c: tg_gradcheck and tg_gradgradcheck: gradients that are right pass, each kind of wrong one is named,
 * and what cannot be checked is told. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include <tapegrad.h>

#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <stdio.h>

#define S         tg_shape
#define F64       TG_FLOAT64
#define ONE(t)    tg_list_in_scope((tg_tensor *[]){ t }, 1)
#define TWO(a, b) tg_list_in_scope((tg_tensor *[]){ a, b }, 2)

static char report[1 << 14];
static int warnings;
static char warning[512];

static tg_tensor *leaf(tg_shape shape, uint64_t seed) { return tg_requires_grad_(numbers(shape, F64, seed), true); }

static void note_warning(const char *where, const char *message, void *context)
{
    (void)context;
    assert_non_null(strstr(where, "test_gradcheck.c"));
    warnings++;
    snprintf(warning, sizeof warning, "%s", message);
}

static FILE *report_begin(void)
{
    warnings = 0;
    warning[0] = '\0';
    tg_set_warning_handler(note_warning, NULL);
    FILE *file = tmpfile();
    assert_non_null(file);
    return file;
}

static void report_end(FILE *file)
{
    rewind(file);
    report[fread(report, 1, sizeof report - 1, file)] = '\0';
    fclose(file);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
}

/* The check with these options; what it reports is in `report`. */
#define CHECK(result, check, ...)                                                                                      \
    do {                                                                                                               \
        FILE *file_ = report_begin();                                                                                  \
        result = check(__VA_ARGS__, .report = file_);                                                                  \
        report_end(file_);                                                                                             \
    } while (0)

#define expect_right(...)                                                                                              \
    do {                                                                                                               \
        bool right_;                                                                                                   \
        CHECK(right_, __VA_ARGS__);                                                                                    \
        if (!right_ || tg_failed() || report[0]) fail_msg("%s %s", tg_error_message(), report);                        \
    } while (0)

/* An error and a report, both with these words; and without raise_exception no error, but the same report. */
#define expect_wrong(words, ...)                                                                                       \
    do {                                                                                                               \
        bool right_;                                                                                                   \
        CHECK(right_, __VA_ARGS__, .raise_exception = false);                                                          \
        assert_false(right_ || tg_failed());                                                                           \
        if (!strstr(report, words)) fail_msg("no \"%s\" in %s", words, report);                                        \
        CHECK(right_, __VA_ARGS__);                                                                                    \
        assert_false(right_);                                                                                          \
        assert_non_null(strstr(report, words));                                                                        \
        assert_non_null(strstr(tg_error_message(), "test_gradcheck.c:"));                                              \
        expect_error(words);                                                                                           \
    } while (0)

/* What cannot be checked: an error, whatever the options. */
#define expect_refused(words, ...)                                                                                     \
    do {                                                                                                               \
        bool right_;                                                                                                   \
        CHECK(right_, __VA_ARGS__, .raise_exception = false);                                                          \
        assert_false(right_);                                                                                          \
        assert_non_null(strstr(tg_error_message(), "test_gradcheck.c:"));                                              \
        expect_error(words);                                                                                           \
    } while (0)

/* ---- gradients that are right ---- */

static tg_tensor_list mixed(tg_tensor_list in, void *context)
{
    (void)context;
    tg_tensor *x = in.items[0], *w = in.items[1];
    return TWO(tg_tanh(tg_matmul(x, w)), tg_sum(tg_mul(w, w), .dims = S(0)));
}

TEST(test_right)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(2, 3), 1), *w = leaf(S(3, 2), 2);
    expect_right(tg_gradcheck, mixed, NULL, tg_list(x, w));
    expect_right(tg_gradcheck, mixed, NULL, tg_list(x, w), .fast_mode = true);
    expect_right(tg_gradgradcheck, mixed, NULL, tg_list(x, w));
    expect_right(tg_gradgradcheck, mixed, NULL, tg_list(x, w), .fast_mode = true);
    expect_right(tg_gradgradcheck, mixed, NULL, tg_list(x, w), .grad_outputs = { leaf(S(2, 2), 3), leaf(S(2), 4) });
    expect_right(tg_gradcheck, mixed, NULL, tg_list(numbers(S(2, 3), F64, 5), w));
    assert_true(tg_gradcheck(mixed, NULL, tg_list(x, w)));
    tg_scope_end(scope);
}

static tg_tensor_list first(tg_tensor_list in, void *context)
{
    (void)context;
    return TWO(in.items[0], tg_exp(in.items[0]));
}

TEST(test_layouts)
{
    IN_SCOPE;
    tg_tensor *base = numbers(S(4, 6), F64, 3);
    tg_tensor *turned = tg_requires_grad_(tg_t(tg_narrow(base, 1, 1, 3)), true);
    expect_right(tg_gradcheck, first, NULL, tg_list(turned));
    expect_right(tg_gradcheck, first, NULL, tg_list(leaf(S(), 1)));
    expect_right(tg_gradcheck, first, NULL, tg_list(leaf(S(0, 2), 1)));
    expect_right(tg_gradcheck, first, NULL, tg_list(leaf(S(0, 2), 1)), .fast_mode = true);
    tg_tensor *inner = tg_sin(leaf(S(3), 2)); /* no leaf */
    expect_right(tg_gradcheck, first, NULL, tg_list(inner));
    tg_scope_end(scope);
}

static tg_tensor_list captured(tg_tensor_list in, void *context)
{
    (void)in;
    return ONE(tg_mul(*(tg_tensor **)context, *(tg_tensor **)context));
}

/* Elements, versions, .grad and what a tape saved are as they were; also under no_grad. */
TEST(test_inputs_untouched)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(3), 4), *y = tg_sum(tg_exp(tg_mul(x, x)));
    double *before = elements(x), *after;
    tg_backward(y, .retain_graph = true);
    double *grad = elements(tg_grad_of(x));
    const int64_t version = tg_version(x), length = tg_tape_length();
    expect_right(tg_gradcheck, captured, &x, tg_list(x));
    const tg_scope none = tg_no_grad_begin();
    expect_right(tg_gradcheck, captured, &x, tg_list(x));
    expect_right(tg_gradgradcheck, captured, &x, tg_list(x));
    tg_scope_end(none);
    assert_int_equal(tg_version(x), version);
    assert_int_equal(tg_tape_length(), length);
    after = elements(x);
    assert_memory_equal(before, after, 3 * sizeof *after);
    assert_values(tg_grad_of(x), grad, 3, 0);
    tg_backward(y);
    for (int i = 0; i < 3; i++) grad[i] *= 2;
    assert_values(tg_grad_of(x), grad, 3, 1e-15);
    free(before), free(after), free(grad);
    tg_scope_end(scope);
}

static tg_tensor_list product(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_linear(in.items[0], in.items[1], NULL));
}

/* A weight that is packed for products, before, during and after. */
TEST(test_packed_weight)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(4, 40), 1), *w = leaf(S(40, 40), 2);
    for (int i = 0; i < 3; i++) tg_linear(x, w, NULL);
    double *before = elements(tg_linear(x, w, NULL));
    expect_right(tg_gradcheck, product, NULL, tg_list(x, w), .fast_mode = true);
    double *after = elements(tg_linear(x, w, NULL));
    assert_memory_equal(before, after, 160 * sizeof *after);
    free(before), free(after);
    tg_scope_end(scope);
}

/* ---- gradients that are wrong ---- */

typedef enum mistake {
    NONE,
    SIGN,
    FACTOR,
    ZERO,
    PART,
    INPUT_TURNED,
    OUTPUT_TURNED,
    FORMULA,
    NOT_A_NUMBER,
    MEAN,
    JACOBIAN_TURNED,
    DIAGONAL,
    EXTRA,
    SECOND,
    MISTAKES
} mistake;

static const double matrix[9] = { 1, 2, -1, 0.5, 3, 4, -2, 0, 1 };

static tg_tensor *forward(mistake m, tg_tensor *x)
{
    if (m == MEAN) return tg_mean(x);
    if (m == JACOBIAN_TURNED) return tg_matmul(tg_from_data(matrix, S(3, 3)), x);
    if (m == DIAGONAL) return tg_softmax(x, -1);
    return m == EXTRA ? tg_ones_like(x) : tg_mul(x, x);
}

static tg_tensor *turned(tg_tensor *t) { return tg_reshape(tg_t(t), tg_shape_of(t)); }

static tg_tensor *wrong_gradient(mistake m, tg_tensor *x, tg_tensor *g)
{
    tg_tensor *right = tg_mul(g, tg_mul(2, x));
    switch (m) {
    case SIGN: return tg_neg(right);
    case FACTOR: return tg_mul(right, 0.5);
    case PART: return tg_mul(right, tg_from_data((double[]){ 0, 1, 1, 0, 1, 1 }, S(2, 3)));
    case INPUT_TURNED: return turned(right);
    case OUTPUT_TURNED: return tg_mul(turned(g), tg_mul(2, x));
    case FORMULA: return tg_mul(right, tg_from_data((double[]){ 1, 1, 1, 1, 1.25, 1 }, S(2, 3)));
    case NOT_A_NUMBER: return tg_div(right, tg_from_data((double[]){ 1, 1, 0, 1, 1, 1 }, S(2, 3)));
    case MEAN: return tg_expand_as(g, x);
    case JACOBIAN_TURNED: return tg_matmul(tg_from_data(matrix, S(3, 3)), g);
    case DIAGONAL: {
        tg_tensor *y = tg_softmax(x, -1);
        return tg_mul(g, tg_mul(y, tg_sub(1, y)));
    }
    case SECOND: return tg_mul(g, tg_mul(2, tg_detach(x)));
    default: return right;
    }
}

static void planted_backward(tg_context *ctx)
{
    const mistake m = *(const mistake *)tg_attributes(ctx);
    if (m != ZERO) tg_set_grad_input(ctx, 0, wrong_gradient(m, tg_saved(ctx, 0), tg_grad_output(ctx, 0)));
}
static const tg_op op_planted = { .name = "planted", .backward = planted_backward };

static tg_tensor_list planted(tg_tensor_list in, void *context)
{
    const mistake *m = context;
    tg_tensor *x = in.items[0];
    if (!tg_op_begin(TG_HERE, &op_planted, tg_list(x))) return tg_list_failed();
    tg_tensor *y = forward(*m, tg_detach(x));
    const tg_status recorded = tg_record(&op_planted, tg_list(x), tg_list(y), tg_list(x), m, sizeof *m);
    return recorded == TG_OK ? ONE(y) : tg_list_failed();
}

TEST(test_mistakes_named)
{
    static const char *const words[MISTAKES] = {
        [SIGN] = "the sign",
        [FACTOR] = "a factor: the gradient is 0.5 times the quotient everywhere",
        [ZERO] = "zero where it should not be: the gradient is 0 everywhere",
        [PART] = "the gradient is 0 at 2 elements, the other 4 are right",
        [INPUT_TURNED] = "transposed: right if the input's last two dimensions are swapped",
        [OUTPUT_TURNED] = "transposed: right if the last two dimensions of the output's gradient are swapped",
        [FORMULA] = "a formula that is wrong at 1 of the 6 elements that are not 0",
        [NOT_A_NUMBER] = "the gradient is not finite",
        [MEAN] = "6 times the quotient everywhere: as many as the input has elements",
        [JACOBIAN_TURNED] = "the Jacobian itself, where its transpose is wanted",
        [EXTRA] = "the output does not change with this input",
        [DIAGONAL] = "off the diagonal it is 0",
    };
    IN_SCOPE;
    for (mistake m = NONE; m < MISTAKES; m++) {
        tg_tensor *x = m == JACOBIAN_TURNED ? leaf(S(3), 7) : leaf(S(2, 3), 7);
        if (!words[m]) {
            expect_right(tg_gradcheck, planted, &m, tg_list(x));
            continue;
        }
        expect_wrong(words[m], tg_gradcheck, planted, &m, tg_list(x));
        expect_wrong(words[m], tg_gradcheck, planted, &m, tg_list(x), .fast_mode = true);
    }
    tg_scope_end(scope);
}

/* The element, the numbers and the matrices, against the closed form: d x^2 = 2 x. */
TEST(test_report)
{
    IN_SCOPE;
    mistake m = FORMULA;
    tg_tensor *x = leaf(S(2, 3), 7);
    expect_wrong("output 0[1, 1] by input 0[1, 1]", tg_gradcheck, planted, &m, tg_list(x));
    const char *at = strstr(report, "difference quotient ");
    double quotient = 0, gradient = 0;
    assert_int_equal(sscanf(at, "difference quotient %lf, gradient %lf", &quotient, &gradient), 2);
    double *values = elements(x);
    assert_true(fabs(quotient - 2 * values[4]) < 1e-6 && fabs(gradient - 2.5 * values[4]) < 1e-7);
    assert_non_null(strstr(report, "output 0 (float64[2, 3]) by input 0 (float64[2, 3]): 1 of 36 derivatives differ"));
    const char *row = strstr(strstr(report, "a row for each element of input 0"), "[0, 1]") + 6;
    double shown[12];
    for (int i = 0; i < 12; i++) {
        row += strcspn(row, " |");
        row += strspn(row, " |*");
        assert_int_equal(sscanf(row, "%lf", &shown[i]), 1);
        assert_true(fabs(shown[i] - (i % 6 == 1 ? 2 * values[1] : 0)) < 1e-3);
    }
    assert_ptr_equal(strchr(strstr(report, "a column for each"), '*'), strrchr(report, '*')); /* one differs */
    free(values);
    tg_scope_end(scope);
}

TEST(test_second_derivative)
{
    IN_SCOPE;
    mistake m = NONE;
    tg_tensor *x = leaf(S(2, 3), 7);
    expect_right(tg_gradgradcheck, planted, &m, tg_list(x));
    m = SECOND;
    expect_right(tg_gradcheck, planted, &m, tg_list(x));
    expect_wrong("the gradient of input 0", tg_gradgradcheck, planted, &m, tg_list(x));
    assert_non_null(strstr(report, "zero where it should not be"));
    m = FACTOR; /* wrong, but with the right derivative of what it is */
    expect_right(tg_gradgradcheck, planted, &m, tg_list(x));
    tg_scope_end(scope);
}

/* ---- points and numbers ---- */

static tg_tensor_list kinked(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_abs(in.items[0]));
}

static void step_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, tg_zeros_like(tg_grad_output(ctx, 0))); }
static const tg_op op_step = { .name = "step", .backward = step_backward };
static tg_tensor_list jumping(tg_tensor_list in, void *context)
{
    (void)context;
    tg_tensor *y = tg_sign(tg_detach(in.items[0]));
    return tg_record(&op_step, in, tg_list(y), TG_NONE, NULL, 0) == TG_OK ? ONE(y) : tg_list_failed();
}

TEST(test_kinks)
{
    IN_SCOPE;
    tg_tensor *x = tg_from_data(((double[]){ 1, 0, -2 }), S(3), .requires_grad = true);
    assert_true(tg_gradcheck(kinked, NULL, tg_list(x), .raise_exception = false) == true); /* the quotient is 0, too */
    x = tg_from_data(((double[]){ 1, 3e-7, -2 }), S(3), .requires_grad = true);
    expect_wrong("the step is too large here", tg_gradcheck, kinked, NULL, tg_list(x));
    x = tg_from_data(((double[]){ 1, 3e-8, -2 }), S(3), .requires_grad = true);
    expect_wrong("a kink: the two one-sided differences disagree", tg_gradcheck, kinked, NULL, tg_list(x));
    x = tg_from_data(((double[]){ 1, 0, -2 }), S(3), .requires_grad = true);
    expect_wrong("the function jumps here", tg_gradcheck, jumping, NULL, tg_list(x));
    tg_scope_end(scope);
}

static tg_tensor_list logarithm(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_log(in.items[0]));
}

TEST(test_not_finite)
{
    IN_SCOPE;
    tg_tensor *x = tg_from_data(((double[]){ 1, 0, 2 }), S(3), .requires_grad = true);
    expect_wrong("output 0[1] is -inf", tg_gradcheck, logarithm, NULL, tg_list(x));
    x = tg_from_data(((double[]){ 1, 2, -1 }), S(3), .requires_grad = true);
    expect_wrong("output 0[2] is nan", tg_gradcheck, logarithm, NULL, tg_list(x));
    x = tg_from_data(((double[]){ 1, 5e-7, 2 }), S(3), .requires_grad = true); /* beside it there is none */
    expect_wrong("the quotient is not finite", tg_gradcheck, logarithm, NULL, tg_list(x));
    tg_scope_end(scope);
}

TEST(test_float32)
{
    IN_SCOPE;
    tg_tensor *x = tg_requires_grad_(numbers(S(2, 3), TG_FLOAT32, 1), true);
    mistake m = NONE;
    expect_wrong("float32: its rounding is too coarse", tg_gradcheck, planted, &m, tg_list(x));
    expect_right(tg_gradcheck, planted, &m, tg_list(x), .eps = 1e-2, .atol = 1e-3);
    assert_non_null(strstr(warning, "input 0 requires gradient and is not a double precision floating point"));
    tg_scope_end(scope);
}

/* ---- functions that cannot be checked ---- */

static tg_tensor_list noisy(tg_tensor_list in, void *context)
{
    if (context) tg_manual_seed(3);
    return ONE(tg_dropout(in.items[0], .p = 0.5, .training = true));
}

static tg_tensor_list counting(tg_tensor_list in, void *context) { return ONE(tg_mul(in.items[0], ++*(int *)context)); }

static tg_tensor_list growing(tg_tensor_list in, void *context)
{
    return ONE(tg_repeat(in.items[0], S(++*(int *)context)));
}

static tg_tensor_list writing(tg_tensor_list in, void *context)
{
    (void)context;
    const tg_scope scope = tg_no_grad_begin();
    tg_add_(in.items[0], 1);
    tg_scope_end(scope);
    return ONE(tg_exp(in.items[0]));
}

TEST(test_functions_that_change)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(8), 1);
    int calls = 0;
    expect_wrong("It draws random numbers", tg_gradcheck, noisy, NULL, tg_list(x));
    expect_right(tg_gradcheck, noisy, &calls, tg_list(x));
    expect_wrong("It keeps a state from call to call", tg_gradcheck, counting, &calls, tg_list(x));
    expect_wrong("the function writes its input 0 in place", tg_gradcheck, writing, NULL, tg_list(x));
    calls = 0;
    expect_refused("output 0 was [8], and is [16] when it is called again", tg_gradcheck, growing, &calls, tg_list(x));
    tg_scope_end(scope);
}

static tg_tensor_list cut(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_exp(tg_detach(in.items[0])));
}
static tg_tensor_list constant(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_ones_like(in.items[0]));
}
static tg_tensor_list places(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_argmax(in.items[0]));
}
static tg_tensor_list values_and_places(tg_tensor_list in, void *context)
{
    (void)context;
    const tg_values_indices top = tg_sort(in.items[0]);
    return TWO(top.indices, top.values);
}
static tg_tensor_list only_second(tg_tensor_list in, void *context)
{
    (void)context;
    return TWO(tg_exp(in.items[1]), tg_mul(in.items[0], in.items[1]));
}

TEST(test_dependence)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(3), 1), *y = leaf(S(3), 2);
    expect_wrong("cut: no output requires grad", tg_gradcheck, cut, NULL, tg_list(x));
    expect_wrong("cut: no output requires grad", tg_gradcheck, cut, NULL, tg_list(x), .fast_mode = true);
    assert_int_equal(warnings, 0);
    expect_right(tg_gradcheck, constant, NULL, tg_list(x));
    assert_non_null(strstr(warning, "no output requires grad, and none changes with the inputs"));
    expect_right(tg_gradcheck, places, NULL, tg_list(x));
    assert_non_null(strstr(warning, "they are integers"));
    expect_right(tg_gradcheck, values_and_places, NULL, tg_list(x));
    assert_int_equal(warnings, 0);
    expect_right(tg_gradcheck, only_second, NULL, tg_list(x, y));
    expect_right(tg_gradgradcheck, only_second, NULL, tg_list(x, y));
    expect_refused("has 0 outputs that require grad", tg_gradgradcheck, places, NULL, tg_list(x));
    tg_scope_end(scope);
}

/* ---- backwards that are odd ---- */

static int backwards;
static void restless_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_mul(tg_grad_output(ctx, 0), 1 + 1e-9 * ++backwards));
}
static const tg_op op_restless = { .name = "restless", .backward = restless_backward };

static void undefined_backward(tg_context *ctx)
{
    tg_tensor *g = tg_add(tg_grad_output(ctx, 0), tg_grad_output(ctx, 1));
    if (!tg_has_grad_output(ctx, 1)) g = tg_mul(g, 1 + 1e-3);
    tg_set_grad_input(ctx, 0, g);
}
static const tg_op op_undefined = { .name = "undefined", .backward = undefined_backward };

static tg_tensor_list odd(tg_tensor_list in, void *context)
{
    tg_tensor *a = tg_clone(tg_detach(in.items[0])), *b = tg_clone(a);
    const bool two = context == &op_undefined;
    const tg_tensor_list outputs = two ? TWO(a, b) : ONE(a);
    return tg_record(context, in, outputs, TG_NONE, NULL, 0) == TG_OK ? outputs : tg_list_failed();
}

TEST(test_backwards)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(3), 1);
    expect_wrong("Backward is not reentrant", tg_gradcheck, odd, (void *)&op_restless, tg_list(x));
    expect_right(tg_gradcheck, odd, (void *)&op_restless, tg_list(x), .nondet_tol = 1e-6);
    expect_wrong("the gradient is 1.001 times the quotient", tg_gradcheck, odd, (void *)&op_undefined, tg_list(x),
                 .rtol = 1e-4);
    expect_right(tg_gradcheck, odd, (void *)&op_undefined, tg_list(x), .rtol = 5e-3, .check_undefined_grad = false);
    tg_scope_end(scope);
}

/* ---- what is refused ---- */

static tg_tensor_list nothing_at_all(tg_tensor_list in, void *context)
{
    (void)in, (void)context;
    return TG_NONE;
}
static tg_tensor_list failing(tg_tensor_list in, void *context)
{
    (void)context;
    return ONE(tg_matmul(in.items[0], in.items[0]));
}
static tg_tensor_list many(tg_tensor_list in, void *context)
{
    (void)context;
    return tg_split(in.items[0], 1);
}

TEST(test_refused)
{
    IN_SCOPE;
    tg_tensor *x = leaf(S(2, 3), 1), *none = NULL;
    tg_tensor *wide = tg_requires_grad_(tg_expand(numbers(S(1, 3), F64, 1), S(2, 3)), true);
    tg_tensor *a = tg_requires_grad_(tg_narrow(tg_detach(x), 0, 0, 1), true);
    expect_refused("has a dimension with stride 0", tg_gradcheck, kinked, NULL, tg_list(wide));
    expect_refused("inputs 0 and 1 overlap in memory", tg_gradcheck, only_second, NULL, tg_list(x, a));
    expect_right(tg_gradcheck, only_second, NULL, tg_list(x, x));
    expect_refused("at least one input tensor to require gradient", tg_gradcheck, kinked, NULL,
                   tg_list(numbers(S(2), F64, 1)));
    expect_refused("at least one input tensor to require gradient", tg_gradgradcheck, kinked, NULL, TG_NONE);
    expect_refused("the function is NULL", tg_gradcheck, NULL, NULL, tg_list(x));
    expect_refused("NULL", tg_gradcheck, kinked, NULL, tg_list(none));
    expect_refused("eps must be positive", tg_gradcheck, kinked, NULL, tg_list(x), .eps = 0);
    expect_refused("eps must be positive", tg_gradgradcheck, kinked, NULL, tg_list(x), .eps = (double)NAN);
    expect_refused("tolerances must not be negative", tg_gradcheck, kinked, NULL, tg_list(x), .rtol = -1);
    expect_refused("returned no output", tg_gradcheck, nothing_at_all, NULL, tg_list(x));
    expect_refused("mat1 and mat2", tg_gradcheck, failing, NULL, tg_list(x));
    expect_refused("17 outputs", tg_gradgradcheck, many, NULL, tg_list(leaf(S(17), 1)));
    expect_right(tg_gradcheck, many, NULL, tg_list(leaf(S(17), 1)));
    tg_fail("earlier", "an earlier failure");
    assert_false(tg_gradcheck(kinked, NULL, tg_list(x)));
    assert_int_equal(tg_error_get().later, 0);
    expect_error("an earlier failure");
    tg_scope_end(scope);
}

/* ---- memory ---- */

static FILE *nowhere;

static double a_check(void)
{
    mistake m = FORMULA;
    tg_tensor *x = leaf(S(2, 3), 7);
    if (!x) return 0;
    const bool wrong = tg_gradcheck(planted, &m, tg_list(x), .raise_exception = false, .report = nowhere);
    const bool right = tg_gradgradcheck(planted, &m, tg_list(x), .report = nowhere, .fast_mode = true);
    return tg_failed() ? 0 : 1 + wrong + 2 * right;
}

TEST(test_failing_allocations)
{
    nowhere = fopen("/dev/null", "w");
    fail_each_allocation(a_check);
    fclose(nowhere);
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_right),          T(test_layouts), T(test_inputs_untouched),      T(test_packed_weight),
        T(test_mistakes_named), T(test_report),  T(test_second_derivative),     T(test_kinks),
        T(test_not_finite),     T(test_float32), T(test_functions_that_change), T(test_dependence),
        T(test_backwards),      T(test_refused), T(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_denormals.c: when denormals are flushed, in which threads, and that the caller's floating-point mode comes back.
 *
 * Values are compared with the same arithmetic in this file, in the mode of the caller. */
#include <tapegrad.h>

#include "tests/support/suite.h"
#include "tests/support/sample.h"

#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

enum { MANY = 1 << 18, MOST_THREADS = 3 };

static bool can_flush;

static void use_threads(int n)
{
#ifdef _OPENMP
    omp_set_num_threads(n);
#endif
    (void)n;
}

/* ---- what the calling thread does with denormals ---- */

/* Here and now: the compiler can neither know the product nor move it. */
static float times(float a, float b)
{
    __asm__ volatile("" : "+m"(a), "+m"(b) : : "memory");
    float y = a * b;
    __asm__ volatile("" : "+m"(y) : : "memory");
    return y;
}

static bool flushes_results(void) { return times(1e-20f, 1e-20f) == 0; }
static bool flushes_operands(void) { return times(times(1e-20f, 1e-20f), 1e30f) == 0; }
static bool is_exact(void) { return !flushes_results() && !flushes_operands(); }

static int setup(void **state)
{
    use_threads(1);
    tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
    return silence_errors(state);
}

static int teardown(void **state)
{
    if (!is_exact()) {
        print_error("denormals are still flushed\n");
        return -1;
    }
    return expect_no_error(state);
}

/* ---- the tests' graphs ---- */

static tg_tensor *leaf(int64_t n, double value)
{
    return tg_full(tg_shape(n), value, .dtype = TG_FLOAT32, .requires_grad = true);
}

/* 1e-20 times 1e-20 in the backward of a product. */
static tg_tensor *tiny_gradient(int64_t n)
{
    tg_tensor *x = leaf(n, 1);
    tg_backward(tg_mul(x, 1e-20), .gradient = tg_full(tg_shape(n), 1e-20, .dtype = TG_FLOAT32));
    return tg_grad_of(x);
}

/* Every element is `value`. */
static void expect_all(tg_tensor *t, float value)
{
    const float *x = tg_data(t, TG_FLOAT32);
    assert_non_null(x);
    for (int64_t i = 0; i < tg_numel(t); i++)
        if (x[i] != value) fail_msg("element %lld is %g and not %g", (long long)i, (double)x[i], (double)value);
}

static float flushed(float exact) { return can_flush ? 0 : exact; }

/* ---- threads ---- */

#ifdef _OPENMP
/* OpenMP's threads, in a region of the user's own. */
static int threads_that_flush(void)
{
    int count = 0;
#pragma omp parallel num_threads(MOST_THREADS) reduction(+ : count)
    count += !is_exact();
    return count;
}
#endif

/* Runs first: the threads that a walk starts must not take over its mode for good. */
TEST(test_threads_started_by_a_walk)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(MANY, 1), *y = tg_mul(x, 1e-20), *tiny = tg_full(tg_shape(MANY), 1e-20, .dtype = TG_FLOAT32);
    use_threads(MOST_THREADS);
    tg_backward(y, .gradient = tiny);
    expect_all(tg_grad_of(x), flushed(times(1e-20f, 1e-20f)));
#ifdef _OPENMP
    assert_int_equal(threads_that_flush(), 0);
#endif
    expect_all(tg_mul(leaf(MANY, 1e-20), 1e-20), times(1e-20f, 1e-20f));
    tg_scope_end(scope);
}

TEST(test_backward)
{
    const float exact = times(1e-20f, 1e-20f);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        use_threads(threads);
        for (int64_t n = 3; n <= MANY; n += MANY - 3) {
            tg_scope scope = tg_scope_begin();
            expect_all(tiny_gradient(n), flushed(exact));
            expect_all(tg_mul(leaf(n, 1e-20), 1e-20), exact);
            tg_set_flush_denormal(TG_FLUSH_NOTHING);
            expect_all(tiny_gradient(n), exact);
            tg_set_flush_denormal(TG_FLUSH_EVERYTHING);
            expect_all(tiny_gradient(n), flushed(exact));
            expect_all(tg_mul(leaf(n, 1e-20), 1e-20), flushed(exact));
            tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
            expect_all(tg_mul(leaf(n, 1e-20), 1e-20), exact);
            tg_scope_end(scope);
        }
    }
}

/* A product of matrices large enough for threads: each of its sums is denormal. */
TEST(test_product)
{
    enum { SIDE = 256 };
    const float exact = SIDE * times(0x1p-70f, 0x1p-70f);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        use_threads(threads);
        for (int mode = TG_FLUSH_NOTHING; mode <= TG_FLUSH_GRADIENTS; mode++) {
            tg_scope scope = tg_scope_begin();
            tg_set_flush_denormal((tg_flush)mode);
            tg_tensor *tiny = tg_full(tg_shape(SIDE, SIDE), 0x1p-70, .dtype = TG_FLOAT32);
            tg_tensor *x = tg_ones(tg_shape(SIDE, SIDE), .requires_grad = true), *y = tg_matmul(x, tiny);
            tg_backward(y, .gradient = tiny);
            expect_all(tg_grad_of(x), mode == TG_FLUSH_NOTHING ? exact : flushed(exact));
            expect_all(tg_matmul(tiny, tiny), mode == TG_FLUSH_EVERYTHING ? flushed(exact) : exact);
            tg_scope_end(scope);
        }
        tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
    }
}

TEST(test_grad)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(5, 1), *tiny = tg_full(tg_shape(5), 1e-20, .dtype = TG_FLOAT32);
    tg_tensor_list grads = tg_grad(tg_list(tg_mul(x, 1e-20)), tg_list(x), .grad_outputs = { tiny });
    expect_all(grads.items[0], flushed(times(1e-20f, 1e-20f)));
    assert_true(is_exact());
    tg_tensor *y = leaf(5, 1e-20);
    tg_tensor *first =
        tg_grad(tg_list(tg_mul(y, y)), tg_list(y), .grad_outputs = { tiny }, .create_graph = true).items[0];
    expect_all(first, flushed(2 * times(1e-20f, 1e-20f)));
    expect_all(tg_grad(tg_list(first), tg_list(y), .grad_outputs = { leaf(5, 0.25) }).items[0], times(0.5f, 1e-20f));
    assert_true(is_exact());
    tg_scope_end(scope);
}

TEST(test_float64)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_backward(tg_mul(tg_mul(x, 1e-160), 1e-160));
    assert_true(tg_item(tg_grad_of(x)) == (can_flush ? 0 : 1e-320));
    tg_scope_end(scope);
}

/* An LSTM whose loss looks at the last step alone: the gradients of the early ones are denormal, or zero. */
static tg_tensor *vanishing_gradient(void)
{
    tg_manual_seed(3);
    tg_lstm *lstm = tg_lstm_new(4, 8);
    tg_tensor *x = tg_randn(tg_shape(200, 2, 4), .requires_grad = true);
    tg_tensor *loss = tg_sum(tg_select(tg_lstm_forward(lstm, x).output, 0, -1));
#ifdef __x86_64__
    _mm_setcsr(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK);
#endif
    tg_backward(loss);
    tg_module_free(TG_MODULE(lstm));
    return tg_grad_of(x);
}

static int64_t count_denormals(tg_tensor *t)
{
    const float *x = tg_data(t, TG_FLOAT32);
    int64_t count = 0;
    for (int64_t i = 0; i < tg_numel(t); i++) count += fpclassify(x[i]) == FP_SUBNORMAL;
    return count;
}

/* The processor remembers whether an operand was denormal. No walk over exact values may meet one: that is what costs. */
TEST(test_no_denormal_operand)
{
    tg_scope scope = tg_scope_begin();
    tg_set_flush_denormal(TG_FLUSH_NOTHING);
    tg_tensor *exact = vanishing_gradient();
    assert_true(count_denormals(exact) > 0);
#ifdef __x86_64__
    assert_true(_mm_getcsr() & _MM_EXCEPT_DENORM);
#endif
    tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
    tg_tensor *gradient = vanishing_gradient();
    if (can_flush) assert_int_equal(count_denormals(gradient), 0);
#ifdef __x86_64__
    assert_false(_mm_getcsr() & _MM_EXCEPT_DENORM);
#endif
    const float *a = tg_data(exact, TG_FLOAT32), *b = tg_data(gradient, TG_FLOAT32);
    for (int64_t i = 0; i < tg_numel(exact); i++)
        if (fabsf(a[i]) > 1e-30f) assert_true(a[i] == b[i]);
    tg_scope_end(scope);
}

/* The gradient of a sum of f(x) at one number. */
static double slope(tg_tensor *(*f)(tg_tensor *x), double at)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(1, at);
    tg_backward(f(x));
    const double result = tg_item(tg_grad_of(x));
    tg_scope_end(scope);
    return result;
}

static tg_tensor *relu_of(tg_tensor *x) { return tg_relu(x); }
static tg_tensor *abs_of(tg_tensor *x) { return tg_abs(x); }
static tg_tensor *log_of(tg_tensor *x) { return tg_log(x); }

/* A denormal that forward saved is no zero. */
TEST(test_saved_denormals)
{
#ifdef __x86_64__
    assert_true(slope(relu_of, 1e-40) == 1);
    assert_true(slope(abs_of, -1e-40) == -1);
    assert_true(fabs(slope(log_of, 5e-39) * 5e-39 - 1) < 1e-6);
#endif
    assert_true(slope(relu_of, 1e-30) == 1 && slope(abs_of, -1e-30) == -1 && slope(log_of, 0.5) == 2);
}

/* ---- rows: a formula may not make a large error of a flushed part ---- */

enum { SIZES = 22, MOST_INPUTS = 3 };

/* Of two numbers at the bottom the rest is denormal, and the whole part of their quotient hangs on it. */
static bool hangs_on_a_denormal(const tg_op *op) { return strcmp(op->name, "remainder") == 0; }

/* Arguments of a row: every combination of zero and of normal numbers of all sizes. */
static int64_t row_arguments(int inputs, tg_dtype dtype, tg_tensor **x, tg_value *args)
{
    const double least = dtype == TG_FLOAT32 ? 0x1p-126 : 0x1p-1022;
    const double sizes[SIZES / 2] = { 0, least, 1.5 * least, 8 * least, 1e-20, 1e-3, 0.5, 1, 3, 100, 1e20 };
    int64_t count = 1;
    for (int i = 0; i < inputs; i++) count *= SIZES;
    double *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    int64_t step = 1;
    for (int i = 0; i < inputs; i++, step *= SIZES) {
        for (int64_t k = 0; k < count; k++) {
            const int64_t pick = k / step % SIZES;
            values[k] = pick % 2 ? -sizes[pick / 2] : sizes[pick / 2];
        }
        x[i] = tg_empty(tg_shape(count), .dtype = dtype);
        sample_write(x[i], values);
        tg_requires_grad_(x[i], true);
        args[i] = (tg_value){ TG_VALUE_TENSOR, { .tensor = x[i] } };
    }
    free(values);
    return count;
}

static bool close_to(double flushed_gradient, double exact, double least)
{
    if (isnan(exact) || isinf(exact)) return isnan(exact) ? isnan(flushed_gradient) : flushed_gradient == exact;
    return fabs(flushed_gradient - exact) <= 4 * least + 1e-6 * fabs(exact);
}

static void expect_same_gradients(const tg_op *op, tg_dtype dtype, bool create_graph)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x[MOST_INPUTS];
    tg_value args[MOST_INPUTS];
    const int inputs = sample_pointwise_inputs(op);
    const int64_t count = row_arguments(inputs, dtype, x, args);
    tg_tensor *y = tg_op_call(op, args, inputs).items[0], *ones = tg_requires_grad(y) ? tg_ones_like(y) : NULL;
    const tg_tensor_list leaves = { x, inputs };
    tg_tensor_list gradients[TG_FLUSH_GRADIENTS + 1];
    for (int mode = TG_FLUSH_NOTHING; mode <= TG_FLUSH_GRADIENTS && ones; mode += TG_FLUSH_GRADIENTS) {
        tg_set_flush_denormal((tg_flush)mode);
        gradients[mode] =
            tg_grad(tg_list(y), leaves, .grad_outputs = { ones }, .retain_graph = true, .create_graph = create_graph);
    }
    for (int i = 0; i < inputs && ones; i++) {
        double *exact = sample_elements(gradients[TG_FLUSH_NOTHING].items[i]);
        double *flushed_gradient = sample_elements(gradients[TG_FLUSH_GRADIENTS].items[i]);
        for (int64_t k = 0; k < count; k++)
            if (!close_to(flushed_gradient[k], exact[k], dtype == TG_FLOAT32 ? 0x1p-126 : 0x1p-1022))
                fail_msg("%s, %s: the gradient of input %d at combination %lld is %g, exactly %g", op->name,
                         tg_dtype_name(dtype), i, (long long)k, flushed_gradient[k], exact[k]);
        free(exact);
        free(flushed_gradient);
    }
    tg_scope_end(scope);
}

TEST(test_rows)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++) {
        if (ops[i]->in_place_of || !sample_takes_floats(ops[i]) || hangs_on_a_denormal(ops[i])) continue;
        for (int k = 0; k < 4; k++) expect_same_gradients(ops[i], k % 2 ? TG_FLOAT64 : TG_FLOAT32, k < 2);
    }
}

/* ---- optimisers ---- */

/* One step of SGD from 0 along a gradient 1e-20, at a rate of 1e-20. */
static tg_tensor *sgd_step(int64_t n)
{
    tg_tensor *p = leaf(n, 0);
    tg_set_grad(p, tg_full(tg_shape(n), 1e-20, .dtype = TG_FLOAT32));
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .lr = 1e-20);
    assert_int_equal(tg_step(sgd), TG_OK);
    tg_optimizer_free(sgd);
    return p;
}

TEST(test_step)
{
    const float exact = -times(1e-20f, 1e-20f);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        use_threads(threads);
        for (int64_t n = 3; n <= MANY; n += MANY - 3) {
            tg_scope scope = tg_scope_begin();
            expect_all(sgd_step(n), flushed(exact));
            assert_true(is_exact());
            tg_set_flush_denormal(TG_FLUSH_NOTHING);
            expect_all(sgd_step(n), exact);
            tg_set_flush_denormal(TG_FLUSH_EVERYTHING);
            expect_all(sgd_step(n), flushed(exact));
            tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
            tg_scope_end(scope);
        }
    }
}

/* Adam's mean of a gradient that is gone halves at each step: never a denormal in the default mode. */
TEST(test_fading_state)
{
    for (int mode = TG_FLUSH_NOTHING; mode <= TG_FLUSH_GRADIENTS; mode += TG_FLUSH_GRADIENTS - TG_FLUSH_NOTHING) {
        tg_scope scope = tg_scope_begin();
        tg_set_flush_denormal((tg_flush)mode);
        tg_tensor *p = leaf(3, 0);
        tg_optimizer *adam = tg_adam_new(tg_list(p), .lr = 1, .beta1 = 0.5, .beta2 = 0.5, .eps = 1);
        tg_set_grad(p, tg_full(tg_shape(3), 1, .dtype = TG_FLOAT32));
        for (int step = 0; step < 130; step++) {
            tg_step(adam);
            tg_set_grad(p, tg_zeros(tg_shape(3)));
        }
#ifdef __x86_64__
        _mm_setcsr(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK);
        tg_step(adam);
        assert_int_equal((_mm_getcsr() & _MM_EXCEPT_DENORM) != 0, mode == TG_FLUSH_NOTHING);
#endif
        tg_optimizer_free(adam);
        tg_scope_end(scope);
    }
}

TEST(test_clipping)
{
    tg_scope scope = tg_scope_begin();
    for (int mode = TG_FLUSH_NOTHING; mode <= TG_FLUSH_GRADIENTS; mode += TG_FLUSH_GRADIENTS - TG_FLUSH_NOTHING) {
        tg_set_flush_denormal((tg_flush)mode);
        tg_tensor *a = leaf(1, 0), *b = leaf(1, 0);
        tg_set_grad(a, tg_full(tg_shape(1), 1e10, .dtype = TG_FLOAT32));
        tg_set_grad(b, tg_full(tg_shape(1), 1e-30, .dtype = TG_FLOAT32));
        tg_clip_grad_norm_(tg_list(a, b), 1);
        assert_int_equal(fpclassify((float)tg_item(tg_grad_of(b))),
                         mode == TG_FLUSH_NOTHING || !can_flush ? FP_SUBNORMAL : FP_ZERO);
        assert_true(is_exact());
    }
    tg_scope_end(scope);
}

/* ---- the user's own functions ---- */

typedef struct seen {
    int calls;
    bool exact, nested_flushed, fails;
    tg_tensor *replaces;
} seen;

static tg_tensor *watch(tg_tensor *grad, void *context)
{
    seen *s = context;
    (void)grad;
    s->calls++;
    s->exact &= is_exact();
    tg_scope recording = tg_enable_grad_begin();
    tg_tensor *nested = tiny_gradient(3);
    s->nested_flushed &= tg_item(tg_select(nested, 0, 1)) == (double)flushed(times(1e-20f, 1e-20f));
    tg_scope_end(recording);
    s->exact &= is_exact();
    if (s->fails) tg_add(tg_ones(tg_shape(2)), tg_ones(tg_shape(3)));
    return s->replaces;
}

static void handle(const tg_error *error, void *context)
{
    seen *s = context;
    (void)error;
    s->calls++;
    s->exact &= is_exact();
}

static void warned(const char *where, const char *message, void *context)
{
    (void)where;
    (void)message;
    handle(NULL, context);
}

/* A hook on a node and one on a leaf; the walk between and after them flushes. */
TEST(test_hooks)
{
    tg_scope scope = tg_scope_begin();
    seen node = { .exact = true, .nested_flushed = true }, last = node;
    tg_tensor *x = leaf(3, 1), *y = tg_mul(x, 1e-20);
    node.replaces = tg_full(tg_shape(3), 2e-20, .dtype = TG_FLOAT32);
    tg_register_hook(y, watch, &node);
    tg_register_hook(x, watch, &last);
    tg_backward(tg_mul(y, 1), .gradient = tg_full(tg_shape(3), 1e-20, .dtype = TG_FLOAT32));
    assert_true(is_exact());
    assert_true(node.calls == 1 && node.exact && node.nested_flushed);
    assert_true(last.calls == 1 && last.exact && last.nested_flushed);
    expect_all(tg_grad_of(x), flushed(times(2e-20f, 1e-20f)));
    tg_scope_end(scope);
}

TEST(test_errors)
{
    tg_scope scope = tg_scope_begin();
    seen hook = { .exact = true, .nested_flushed = true, .fails = true }, handler = { .exact = true };
    tg_set_error_handler(handle, &handler);
    tg_tensor *x = leaf(3, 1), *y = tg_exp(x);
    tg_register_hook(y, watch, &hook);
    assert_int_equal(tg_backward(tg_sum(y), .retain_graph = true), TG_FAILED);
    assert_true(is_exact() && hook.calls == 1 && handler.calls == 1);
    expect_error("add");

    hook.fails = false;
    tg_tensor *z = tg_exp(x);
    tg_scope no_grad = tg_no_grad_begin();
    tg_mul_(z, 2);
    tg_scope_end(no_grad);
    assert_int_equal(tg_backward(tg_sum(z)), TG_FAILED);
    assert_true(is_exact() && handler.calls == 2);
    expect_error("modified by an inplace operation");

    tg_grad(tg_list(tg_sum(y)), tg_list(leaf(3, 1)));
    assert_true(is_exact() && handler.calls == 3);
    expect_error("not have been used");

    tg_optimizer *sgd = tg_sgd_new(tg_list(x));
    tg_set_grad(x, tg_ones(tg_shape(3)));
    tg_add(tg_ones(tg_shape(2)), tg_ones(tg_shape(3)));
    assert_int_equal(tg_step(sgd), TG_FAILED);
    assert_true(is_exact() && handler.exact);
    expect_error("add");
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* An op of the user's whose backward warns, says how it computes and chooses another mode. */
static bool backward_flushes;
static void telling_backward(tg_context *ctx)
{
    tg_warn_at("here", "a warning in the middle of a walk");
    backward_flushes = flushes_results();
    tg_set_flush_denormal(TG_FLUSH_EVERYTHING);
    tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 0));
}
static const tg_op telling = { .name = "telling", .backward = telling_backward };

TEST(test_op_of_the_user)
{
    tg_scope scope = tg_scope_begin();
    seen handler = { .exact = true };
    tg_set_warning_handler(warned, &handler);
    tg_tensor *x = leaf(1, 1), *y = tg_empty_raw(tg_shape(1), TG_FLOAT32);
    tg_op_begin(NULL, &telling, tg_list(x));
    *(float *)tg_mutable_data(y, TG_FLOAT32) = 1;
    tg_record(&telling, tg_list(x), tg_list(y), TG_NONE, NULL, 0);
    tg_backward(y);
    const bool everything = flushes_operands();
    tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    assert_true(handler.calls == 1 && handler.exact);
    assert_int_equal(backward_flushes, can_flush);
    assert_int_equal(everything, can_flush);
    assert_true(is_exact());
    tg_scope_end(scope);
}

/* ---- the caller's mode ---- */

static tg_tensor *round_upward(tg_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    fesetround(FE_UPWARD);
    feraiseexcept(FE_DIVBYZERO);
    tg_set_flush_denormal(TG_FLUSH_NOTHING);
    return NULL;
}

/* What a hook changes stays changed: in the rest of the walk and after it. */
TEST(test_hook_changes_the_mode)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(3, 1), *y = tg_mul(x, 1e-20);
    tg_register_hook(y, round_upward, NULL);
    feclearexcept(FE_ALL_EXCEPT);
    tg_backward(tg_mul(y, 1), .gradient = tg_full(tg_shape(3), 1e-20, .dtype = TG_FLOAT32));
    assert_int_equal(fegetround(), FE_UPWARD);
    assert_true(fetestexcept(FE_DIVBYZERO));
    const float exact = times(1e-20f, 1e-20f);
    fesetround(FE_TONEAREST);
    assert_int_equal(tg_flush_denormal(), TG_FLUSH_NOTHING);
    expect_all(tg_grad_of(x), exact);
    assert_true(times(1e-20f, 1e-20f) < exact);
    tg_scope_end(scope);
}

/* Threads that help compute as the caller does. */
TEST(test_rounding_on_threads)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(MANY, 1);
    fesetround(FE_UPWARD);
    const float up = times(0.1f, 0.3f);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        use_threads(threads);
        expect_all(tg_mul(tg_mul(x, 0.1f), 0.3f), up);
    }
    fesetround(FE_TONEAREST);
    assert_true(times(0.1f, 0.3f) < up);
    tg_scope_end(scope);
}

#ifdef __x86_64__
TEST(test_the_callers_own_mode)
{
    const unsigned before = _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK, own = before | _MM_FLUSH_ZERO_ON;
    for (int mode = TG_FLUSH_NOTHING; mode <= TG_FLUSH_GRADIENTS; mode++) {
        tg_scope scope = tg_scope_begin();
        _mm_setcsr(own);
        tg_set_flush_denormal((tg_flush)mode);
        const unsigned chosen = _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK;
        assert_int_equal(chosen, mode == TG_FLUSH_EVERYTHING ? own | 0x40 : own);
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            use_threads(threads);
            expect_all(tiny_gradient(MANY), 0);
            expect_all(sgd_step(MANY), 0);
            expect_all(tg_mul(leaf(MANY, 1e-20), 1e-20), 0);
            assert_int_equal(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK, chosen);
        }
        tg_set_flush_denormal(TG_FLUSH_GRADIENTS);
        assert_int_equal(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK, own);
        _mm_setcsr(before);
        tg_scope_end(scope);
    }
}
#endif

/* ---- the choice ---- */

static void *in_a_thread(void *result)
{
    tg_scope scope = tg_scope_begin();
    const float y = (float)tg_item(tg_select(tiny_gradient(3), 0, 0));
    *(bool *)result = tg_flush_denormal() == TG_FLUSH_GRADIENTS && y == flushed(times(1e-20f, 1e-20f));
    tg_scope_end(scope);
    return NULL;
}

TEST(test_choice)
{
    assert_int_equal(tg_flush_denormal(), TG_FLUSH_GRADIENTS);
    assert_int_equal(tg_set_flush_denormal(true), can_flush);
    assert_int_equal(tg_flush_denormal(), TG_FLUSH_EVERYTHING);
    assert_int_equal(flushes_results(), can_flush);
    assert_int_equal(flushes_operands(), can_flush);
    assert_true(tg_set_flush_denormal(false));
    assert_int_equal(tg_flush_denormal(), TG_FLUSH_NOTHING);
    assert_true(is_exact());
    bool default_in_thread = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, in_a_thread, &default_in_thread), 0);
    pthread_join(thread, NULL);
    assert_true(default_in_thread);
    assert_false(tg_set_flush_denormal((tg_flush)3));
    expect_error("test_denormals.c:");
    assert_int_equal(tg_flush_denormal(), TG_FLUSH_NOTHING);
    assert_int_equal(tg_set_flush_denormal(TG_FLUSH_GRADIENTS), can_flush);
}

#define MODE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
#if defined __x86_64__ || defined __aarch64__
    can_flush = true;
#endif
    const struct CMUnitTest tests[] = {
        MODE_TEST(test_threads_started_by_a_walk), /* first */
        MODE_TEST(test_backward),
        MODE_TEST(test_product),
        MODE_TEST(test_grad),
        MODE_TEST(test_float64),
        MODE_TEST(test_no_denormal_operand),
        MODE_TEST(test_saved_denormals),
        MODE_TEST(test_rows),
        MODE_TEST(test_step),
        MODE_TEST(test_fading_state),
        MODE_TEST(test_clipping),
        MODE_TEST(test_hooks),
        MODE_TEST(test_errors),
        MODE_TEST(test_op_of_the_user),
        MODE_TEST(test_hook_changes_the_mode),
        MODE_TEST(test_rounding_on_threads),
#ifdef __x86_64__
        MODE_TEST(test_the_callers_own_mode),
#endif
        MODE_TEST(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_chain.c: gradients that are sums of products, which the engine collects and evaluates in one pass: against finite
 * differences, against the same gradients in ops (create_graph) and against loops. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include <tapegrad.h>

#include "tests/support/compare.h"
#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/gradcheck.h"

#include <stdio.h>

#define S tg_shape
/* ---- a weight [4, 3] used in many ways ---- */

enum form {
    LINEAR,
    LINEAR_BIAS,
    LINEAR_ONE_BIAS,
    LINEAR_SCALAR_BIAS,
    LINEAR_BATCHES,
    LINEAR_VECTOR,
    LINEAR_T,
    RIGHT,
    RIGHT_BATCHES,
    RIGHT_T,
    RIGHT_ROW,
    LEFT,
    LEFT_BATCHES,
    LEFT_T,
    LEFT_COLUMN,
    FORMS
};

typedef struct model {
    enum form form;
    int uses;
    bool non_leaf;     /* the weight is twice the leaf */
    bool elsewhere;    /* a gradient comes from other ops, too */
    tg_tensor *w, *b;  /* the leaves */
    tg_tensor *weight; /* what is used; set by run */
} model;

static model model_new(enum form form, int uses, tg_dtype dtype)
{
    const tg_shape bias = form == LINEAR_ONE_BIAS ? S(1) : form == LINEAR_SCALAR_BIAS ? S() : S(4);
    return (model){ .form = form, .uses = uses, .w = parameter(S(4, 3), dtype, 1), .b = parameter(bias, dtype, 2) };
}

static tg_tensor *use(const model *m, tg_tensor *w, int i)
{
    const tg_dtype dtype = tg_dtype_of(w);
    const uint64_t seed = 10 + (uint64_t)i;
    switch (m->form) {
    case LINEAR: return tg_linear(numbers(S(2, 3), dtype, seed), w, NULL);
    case LINEAR_BATCHES: return tg_linear(numbers(S(2, 1, 2, 3), dtype, seed), w, m->b);
    case LINEAR_VECTOR: return tg_linear(numbers(S(3), dtype, seed), w, m->b);
    case LINEAR_T: return tg_linear(tg_t(numbers(S(4, 2), dtype, seed)), tg_t(w), NULL);
    case RIGHT: return tg_matmul(tg_mul_(numbers(S(1 + i % 3, 4), dtype, seed), 0.5), w); /* of version 1 */
    case RIGHT_BATCHES: return tg_matmul(tg_transpose(numbers(S(2, 2, 4), dtype, seed), 0, 1), w);
    case RIGHT_T: return tg_matmul(numbers(S(2, 3), dtype, seed), tg_t(w));
    case RIGHT_ROW: return tg_matmul(numbers(S(4), dtype, seed), w);
    case LEFT: return tg_matmul(w, numbers(S(3, 2), dtype, seed));
    case LEFT_BATCHES: return tg_matmul(w, numbers(S(2, 3, 2), dtype, seed));
    case LEFT_T: return tg_matmul(tg_t(w), numbers(S(4, 2), dtype, seed));
    case LEFT_COLUMN: return tg_matmul(w, numbers(S(3), dtype, seed));
    default: return tg_linear(numbers(S(2, 3), dtype, seed), w, m->b);
    }
}

/* Whose gradient comes from elsewhere, and is added to what the products give. One of them alone is an expanded
 * number, which cannot be written. */
static tg_tensor *elsewhere(const model *m, tg_tensor *w, int i)
{
    if (m->uses % 2 == 0) return i == m->uses - 1 ? tg_sum(w) : NULL;
    return i == 0 ? tg_sum(tg_mul(w, w)) : i == m->uses / 2 ? tg_sum(tg_mul(tg_mul(w, w), w)) : tg_sum(tg_exp(w));
}

static tg_tensor *run(void *context)
{
    model *m = context;
    tg_tensor *w = m->weight = m->non_leaf ? tg_mul(m->w, 2) : m->w, *loss = NULL;
    for (int i = 0; i < m->uses; i++) {
        tg_tensor *term = tg_sum(tg_tanh(use(m, w, i))), *other = m->elsewhere ? elsewhere(m, w, i) : NULL;
        loss = loss ? tg_add(loss, term) : term;
        if (other) loss = tg_add(loss, other);
    }
    return loss;
}

static bool has_bias(const model *m) { return m->form >= LINEAR_BIAS && m->form <= LINEAR_VECTOR; }

/* A copy of t's gradient, which is then taken away. */
static tg_tensor *take_grad(tg_tensor *t)
{
    tg_tensor *copy = tg_grad_of(t) ? tg_clone(tg_detach(tg_grad_of(t))) : NULL;
    tg_set_grad(t, NULL);
    return copy;
}

typedef struct gradients {
    tg_tensor *w, *b;
} gradients;

static gradients backward(model *m, bool in_ops)
{
    assert_int_equal(tg_backward(run(m), .create_graph = in_ops), TG_OK);
    gradients g;
    g.w = take_grad(m->w);
    g.b = take_grad(m->b);
    return g;
}

TEST(test_differences)
{
    static const int uses[] = { 1, 2, 5 };
    for (int i = 0; i < FORMS * 3 * 4; i++) {
        IN_SCOPE;
        model m = model_new((enum form)(i / 12), uses[i / 4 % 3], TG_FLOAT64);
        m.non_leaf = i & 1;
        m.elsewhere = i & 2;
        const char *wrong = gradcheck(run, &m, tg_list_of(&m.w, has_bias(&m) ? 2 : 1));
        if (wrong) fail_msg("form %d, %d uses, %d: %s", m.form, m.uses, i & 3, wrong);
        tg_scope_end(scope);
    }
}

TEST(test_as_in_ops)
{
    static const int uses[] = { 1, 2, 5, 40, 150 };
    for (int i = 0; i < FORMS * 5 * 8; i++) {
        IN_SCOPE;
        const tg_dtype dtype = i & 4 ? TG_FLOAT32 : TG_FLOAT64;
        model m = model_new((enum form)(i / 40), uses[i / 8 % 5], dtype);
        m.non_leaf = i & 1;
        m.elsewhere = i & 2;
        const gradients fused = backward(&m, false), in_ops = backward(&m, true);
        const double tolerance = dtype == TG_FLOAT64 ? 1e-13 : 2e-5;
        assert_alike(fused.w, in_ops.w, tolerance);
        if (has_bias(&m)) assert_alike(fused.b, in_ops.b, tolerance);
        tg_scope_end(scope);
    }
}

/* ---- long chains: the loss is the sum of c times x w, so the gradient is the sum of xT c ---- */

static void long_chain(int uses, int64_t rows, int64_t k, int64_t n, tg_dtype dtype, double tolerance)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *w = parameter(S(k, n), dtype, 1), *loss = tg_scalar(0, .dtype = dtype);
    double *sum = calloc((size_t)(k * n), sizeof *sum);
    for (int u = 0; u < uses; u++) {
        tg_tensor *x = numbers(S(rows, k), dtype, 2 + 2 * (uint64_t)u),
                  *c = numbers(S(rows, n), dtype, 3 + (uint64_t)u);
        loss = tg_add(loss, tg_sum(tg_mul(tg_matmul(x, w), c)));
        double *a = elements(x), *g = elements(c);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < k; i++)
                for (int64_t j = 0; j < n; j++) sum[i * n + j] += a[r * k + i] * g[r * n + j];
        free(a);
        free(g);
    }
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_alike(tg_grad_of(w), tg_from_data(sum, S(k, n), .dtype = dtype), tolerance);
    free(sum);
    tg_scope_end(scope);
}

TEST(test_long_chains)
{
    long_chain(11, 64, 600, 10, TG_FLOAT64, 1e-12); /* 256 rows and 1 MiB: evaluated twice on the way */
    long_chain(11, 64, 1200, 10, TG_FLOAT32, 1e-4);
    long_chain(3, 300, 900, 4, TG_FLOAT64, 1e-12); /* each is long enough alone */
    long_chain(4, 64, 600, 10, TG_FLOAT64, 1e-12); /* the last one completes it: nothing is left for the end */
    long_chain(700, 1, 5, 3, TG_FLOAT64, 1e-12);   /* long, but small: one pass */
    long_chain(1100, 1, 300, 2, TG_FLOAT32, 1e-4);
}

/* ---- nothing to add up ---- */

TEST(test_empty)
{
    IN_SCOPE;
    for (int order = 0; order < 3; order++) { /* nothing but empty batches; one first; one last */
        tg_tensor *w = parameter(S(4, 3), TG_FLOAT64, 1), *b = parameter(S(4), TG_FLOAT64, 2);
        tg_tensor *none = tg_zeros(S(0, 3), .dtype = TG_FLOAT64), *some = numbers(S(2, 3), TG_FLOAT64, 3);
        tg_tensor *loss = tg_sum(tg_linear(order == 2 ? some : none, w, b));
        loss = tg_add(loss, tg_sum(tg_linear(order == 1 ? some : none, w, b)));
        assert_int_equal(tg_backward(loss), TG_OK);
        const int64_t rows = order ? 2 : 0;
        tg_tensor *row = order ? tg_sum(some, .dim = 0, .keepdim = true) : tg_zeros(S(1, 3), .dtype = TG_FLOAT64);
        assert_alike(tg_grad_of(w), tg_expand(row, S(4, 3)), 1e-15);
        assert_alike(tg_grad_of(b), tg_full(S(4), rows, .dtype = TG_FLOAT64), 0);
    }
    tg_tensor *w = parameter(S(4, 3), TG_FLOAT64, 1), *narrow = parameter(S(4, 0), TG_FLOAT64, 1);
    assert_int_equal(tg_backward(tg_sum(tg_matmul(w, tg_zeros(S(3, 0), .dtype = TG_FLOAT64)))), TG_OK);
    assert_alike(tg_grad_of(w), tg_zeros(S(4, 3), .dtype = TG_FLOAT64), 0);
    tg_tensor *y = tg_linear(tg_zeros(S(2, 0), .dtype = TG_FLOAT64), narrow, NULL);
    assert_int_equal(tg_backward(tg_sum(y)), TG_OK);
    assert_alike(tg_grad_of(narrow), tg_zeros(S(4, 0), .dtype = TG_FLOAT64), 0);
    tg_scope_end(scope);
}

/* ---- who looks at the gradient ---- */

typedef struct watcher {
    int calls;
    tg_tensor *seen; /* kept */
    double factor;   /* what the gradient is replaced by, times it; 0: nothing */
} watcher;

static tg_tensor *watch(tg_tensor *grad, void *context)
{
    watcher *w = context;
    w->calls++;
    w->seen = tg_keep(tg_clone(grad));
    return w->factor != 0 ? tg_mul(grad, w->factor) : NULL;
}

static void check_hook(bool non_leaf, double factor)
{
    const tg_scope scope = tg_scope_begin();
    model m = model_new(LINEAR_BIAS, 7, TG_FLOAT64);
    m.elsewhere = true;
    m.w = tg_requires_grad_(tg_mul(tg_detach(m.w), non_leaf ? 2 : 1), true);
    const gradients expected = backward(&m, true); /* of the weight that is used, a leaf */
    m.w = non_leaf ? tg_requires_grad_(tg_mul(tg_detach(m.w), 0.5), true) : m.w;
    m.non_leaf = non_leaf;
    watcher hook = { .factor = factor };
    tg_tensor *loss = run(&m), *weight = m.weight;
    tg_retain_grad(weight);
    tg_register_hook(weight, watch, &hook);
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_int_equal(hook.calls, 1);
    assert_alike(hook.seen, expected.w, 1e-13);
    tg_tensor *result = tg_mul(expected.w, factor != 0 ? factor : 1);
    assert_alike(tg_grad_of(weight), result, 1e-13);
    if (non_leaf) assert_alike(tg_grad_of(m.w), tg_mul(result, 2), 1e-13);
    tg_release(hook.seen);
    tg_scope_end(scope);
}

TEST(test_hooks)
{
    for (int i = 0; i < 4; i++) check_hook(i & 1, i & 2 ? -3 : 0);
}

TEST(test_two_hooks_on_a_bias)
{
    IN_SCOPE;
    model m = model_new(LINEAR_BIAS, 5, TG_FLOAT64);
    const gradients expected = backward(&m, true);
    watcher first = { .factor = 2 }, second = { .factor = 5 };
    tg_register_hook(m.b, watch, &first);
    tg_register_hook(m.b, watch, &second);
    const gradients g = backward(&m, false);
    assert_alike(first.seen, expected.b, 1e-13);
    assert_alike(second.seen, tg_mul(expected.b, 2), 1e-13);
    assert_alike(g.b, tg_mul(expected.b, 10), 1e-13);
    assert_alike(g.w, expected.w, 1e-13);
    tg_release(first.seen);
    tg_release(second.seen);
    tg_scope_end(scope);
}

TEST(test_retain_grad)
{
    IN_SCOPE;
    model m = model_new(RIGHT, 6, TG_FLOAT64);
    m.non_leaf = true;
    const gradients expected = backward(&m, true);
    for (int time = 1; time <= 2; time++) { /* into an old gradient, too */
        tg_tensor *loss = run(&m);
        tg_retain_grad(m.weight);
        assert_int_equal(tg_backward(loss, .retain_graph = true), TG_OK);
        assert_int_equal(tg_backward(loss), TG_OK);
        assert_alike(tg_grad_of(m.weight), expected.w, 1e-13); /* twice, and half of the leaf's */
        assert_alike(tg_grad_of(m.w), tg_mul(expected.w, 2 * time), 1e-13);
    }
    tg_scope_end(scope);
}

TEST(test_accumulates)
{
    IN_SCOPE;
    for (int kind = 0; kind < 4; kind++) {
        model m = model_new(LINEAR_BIAS, 5, TG_FLOAT64);
        m.non_leaf = kind & 1;
        m.elsewhere = kind & 2;
        const gradients expected = backward(&m, true);
        for (int step = 1; step <= 3; step++) {
            const tg_scope inner = tg_scope_begin();
            const tg_tensor *before = tg_grad_of(m.w);
            assert_int_equal(tg_backward(run(&m)), TG_OK);
            assert_true(step == 1 || tg_grad_of(m.w) == before); /* in place */
            tg_scope_end(inner);
            assert_alike(tg_grad_of(m.w), tg_mul(expected.w, step), 1e-13);
            assert_alike(tg_grad_of(m.b), tg_mul(expected.b, step), 1e-13);
        }
    }
    tg_scope_end(scope);
}

/* A gradient that is no contiguous tensor of its own is replaced, not written. */
TEST(test_accumulates_into_a_view)
{
    IN_SCOPE;
    model m = model_new(RIGHT, 5, TG_FLOAT64);
    const gradients expected = backward(&m, true);
    tg_tensor *given = tg_ones(S(3, 4), .dtype = TG_FLOAT64);
    tg_set_grad(m.w, tg_t(given));
    assert_int_equal(tg_backward(run(&m)), TG_OK);
    assert_alike(tg_grad_of(m.w), tg_add(expected.w, 1), 1e-13);
    assert_alike(given, tg_ones(S(3, 4), .dtype = TG_FLOAT64), 0);
    tg_scope_end(scope);
}

TEST(test_retain_graph)
{
    IN_SCOPE;
    model m = model_new(LEFT_T, 9, TG_FLOAT64);
    m.elsewhere = true;
    const gradients expected = backward(&m, true);
    tg_tensor *loss = run(&m);
    assert_int_equal(tg_backward(loss, .retain_graph = true), TG_OK);
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_alike(take_grad(m.w), tg_mul(expected.w, 2), 1e-13);
    assert_int_equal(tg_backward(loss), TG_FAILED);
    expect_error("Trying to backward through the graph a second time");
    assert_null(tg_grad_of(m.w));
    tg_scope_end(scope);
}

TEST(test_tg_grad)
{
    IN_SCOPE;
    for (int kind = 0; kind < 4; kind++) {
        model m = model_new(LINEAR_BATCHES, 6, TG_FLOAT64);
        m.non_leaf = kind & 1;
        m.elsewhere = kind & 2;
        const gradients expected = backward(&m, true);
        tg_tensor *loss = run(&m);
        tg_tensor_list g = tg_grad(tg_list(loss), tg_list(m.w, m.weight, m.b), .retain_graph = true);
        assert_alike(g.items[0], expected.w, 1e-13);
        assert_alike(g.items[1], tg_mul(expected.w, m.non_leaf ? 0.5 : 1), 1e-13);
        assert_alike(g.items[2], expected.b, 1e-13);
        g = tg_grad(tg_list(loss), tg_list(m.weight), .retain_graph = true);
        assert_alike(g.items[0], tg_mul(expected.w, m.non_leaf ? 0.5 : 1), 1e-13);
        g = tg_grad(tg_list(loss), tg_list(m.b));
        assert_alike(g.items[0], expected.b, 1e-13);
        assert_null(tg_grad_of(m.w));
        assert_null(tg_grad_of(m.b));
    }
    tg_scope_end(scope);
}

/* The loss uses the weight's own gradient, to which it then adds. */
TEST(test_grad_is_a_factor)
{
    IN_SCOPE;
    tg_tensor *w = parameter(S(3, 3), TG_FLOAT64, 1), *old = numbers(S(3, 3), TG_FLOAT64, 2);
    tg_tensor *ones = tg_ones(S(3, 3), .dtype = TG_FLOAT64);
    tg_set_grad(w, tg_clone(old));
    assert_int_equal(tg_backward(tg_sum(tg_matmul(tg_grad_of(w), w))), TG_OK);
    assert_alike(tg_grad_of(w), tg_add(old, tg_matmul(tg_t(old), ones)), 1e-14);
    tg_scope_end(scope);
}

/* ---- a factor that is written before it is needed ---- */

typedef struct writer {
    tg_tensor *target;
    int line;
} writer;

static tg_tensor *write_target(tg_tensor *grad, void *context)
{
    writer *w = context;
    (void)grad;
    const tg_scope quiet = tg_no_grad_begin();
    w->line = __LINE__ + 1;
    tg_mul_(w->target, 2);
    tg_scope_end(quiet);
    return NULL;
}

/* The hook runs when the gradient of h is complete: the products for w, the leaf or its double, wait then. */
static void check_write(bool non_leaf, bool tg_grad_instead, int what)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *leaf = parameter(S(4, 3), TG_FLOAT64, 1), *x = parameter(S(2, 3), TG_FLOAT64, 2);
    tg_tensor *other = numbers(S(2, 3), TG_FLOAT64, 3), *idle = numbers(S(2), TG_FLOAT64, 4);
    tg_tensor *w = non_leaf ? tg_mul(leaf, 2) : leaf, *h = tg_tanh(x);
    const int line = __LINE__ + 1;
    tg_tensor *loss = tg_add(tg_sum(tg_linear(h, w, NULL)), tg_sum(tg_linear(other, w, NULL)));
    writer hook = { what == 0 ? other : what == 1 ? tg_narrow(other, 0, 0, 1) : idle, 0 };
    tg_register_hook(h, write_target, &hook);
    const tg_status status =
        tg_grad_instead ? tg_grad(tg_list(loss), tg_list(leaf, x)).count ? TG_OK : TG_FAILED : tg_backward(loss);
    if (what == 2) {
        assert_int_equal(status, TG_OK);
    } else {
        char used[64], written[64];
        snprintf(used, sizeof used, "used by linear at tests/core/test_chain.c:%d", line);
        snprintf(written, sizeof written, "written at tests/core/test_chain.c:%d", hook.line);
        assert_int_equal(status, TG_FAILED);
        assert_int_equal(tg_error_get().code, TG_ERROR_AUTOGRAD);
        assert_string_equal(tg_error_get().op, "linear");
        assert_non_null(strstr(tg_error_message(), used));
        assert_non_null(strstr(tg_error_message(), written));
        expect_error("modified by an inplace operation");
        assert_null(tg_grad_of(leaf));
    }
    tg_scope_end(scope);
}

TEST(test_written_factors)
{
    for (int i = 0; i < 12; i++) check_write(i & 1, i & 2, i / 4);
}

/* ---- ops of the user ---- y = x w, whose backward hands over what `kind` says */

enum kind { GOOD, VIEWS, TWICE, TURNED, FLAT, WITHOUT_B, OTHER_DTYPE, NO_A, UNWANTED, BEYOND, BELOW };

static void product_backward(tg_context *ctx)
{
    const int kind = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *x = tg_saved(ctx, 0);
    tg_product p = { .a = x, .b = g, .transpose_a = true };
    if (kind == VIEWS) p = (tg_product){ .a = tg_t(x), .b = tg_contiguous(tg_t(g)), .transpose_b = true };
    if (kind == TURNED) p.transpose_a = false;
    if (kind == FLAT) p.a = tg_reshape(x, S(-1));
    if (kind == WITHOUT_B) p.b = NULL;
    if (kind == OTHER_DTYPE) p.a = tg_to(x, TG_FLOAT32);
    if (kind == NO_A) p.a = NULL;
    if (kind == UNWANTED) tg_set_grad_input_product(ctx, 0, (tg_product){ NULL, NULL, false, false });
    if (kind == BEYOND) tg_set_grad_input_product(ctx, 2, p);
    if (kind == BELOW) tg_set_grad_input_product(ctx, -1, p);
    tg_set_grad_input_product(ctx, 1, p);
    if (kind == TWICE) tg_set_grad_input_product(ctx, 1, p);
}

static const tg_op op_product = { .name = "product",
                                  .backward = product_backward, /* wrong: for the test of create_graph */
                                  .backward_fused = product_backward };

static tg_tensor *product(tg_tensor *x, tg_tensor *w, int kind)
{
    if (!tg_op_begin(TG_HERE, &op_product, tg_list(x, w))) return NULL;
    const tg_scope quiet = tg_no_grad_begin();
    tg_tensor *y = tg_scope_return(quiet, tg_matmul(x, w));
    return tg_record(&op_product, tg_list(x, w), tg_list(y), tg_list(x), &kind, sizeof kind) == TG_OK ? y : NULL;
}

TEST(test_user_op)
{
    static const struct {
        int kind;
        const char *error;
    } all[] = {
        { GOOD, NULL },
        { VIEWS, NULL },
        { TWICE, NULL },
        { UNWANTED, NULL },
        { TURNED, "product: backward returned a product of [5, 4] and [5, 3] for input 1 of shape [4, 3]" },
        { FLAT, "product: backward returned a product of [20] and [5, 3] for input 1 of shape [4, 3]" },
        { WITHOUT_B, "product: backward returned a product of [5, 4] and ones for input 1 of shape [4, 3]" },
        { OTHER_DTYPE, "product: backward returned a product of" },
        { NO_A, "product: backward returned NULL for input 1" },
        { BEYOND, "product: backward sets the gradient of input 2: there are 2 inputs, counted from 0" },
        { BELOW, "product: backward sets the gradient of input -1: there are 2 inputs, counted from 0" },
    };
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++) {
        IN_SCOPE;
        tg_tensor *w = parameter(S(4, 3), TG_FLOAT64, 1), *x = numbers(S(5, 4), TG_FLOAT64, 2);
        tg_tensor *c = numbers(S(5, 3), TG_FLOAT64, 3);
        tg_tensor *loss = tg_sum(tg_mul(tg_add(product(x, w, all[i].kind), tg_matmul(x, w)), c));
        const tg_status status = tg_backward(loss);
        if (all[i].error) {
            assert_int_equal(status, TG_FAILED);
            expect_error(all[i].error);
            assert_null(tg_grad_of(w));
        } else {
            const double times = all[i].kind == TWICE ? 3 : 2;
            assert_alike(tg_grad_of(w), tg_mul(tg_matmul(tg_t(x), c), times), 1e-14);
        }
        tg_scope_end(scope);
    }
}

TEST(test_user_op_under_create_graph)
{
    IN_SCOPE;
    tg_tensor *w = parameter(S(4, 3), TG_FLOAT64, 1), *x = numbers(S(5, 4), TG_FLOAT64, 2);
    assert_int_equal(tg_backward(tg_sum(product(x, w, GOOD)), .create_graph = true), TG_FAILED);
    expect_error("under create_graph, where gradients must be evaluated");
    tg_scope_end(scope);
}

/* ---- memory ---- */

/* Products that wait for a leaf, for a tensor that is none and for one that is watched; more than fit in a chain's
 * first room; into an old gradient. */
static double step(void)
{
    watcher hook = { .factor = 2 };
    model m = model_new(LINEAR_BIAS, 7, TG_FLOAT64);
    for (int i = 0; i < 3; i++) {
        m.non_leaf = i;
        tg_tensor *loss = run(&m);
        if (i == 2) tg_register_hook(m.weight, watch, &hook);
        tg_backward(loss);
        if (hook.seen) tg_release(hook.seen);
    }
    return tg_failed() ? 0 : tg_item(tg_add(tg_sum(tg_grad_of(m.w)), tg_sum(tg_grad_of(m.b))));
}

TEST(test_every_allocation_may_fail) { fail_each_allocation(step); }

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_differences),
                                        T(test_as_in_ops),
                                        T(test_long_chains),
                                        T(test_empty),
                                        T(test_hooks),
                                        T(test_two_hooks_on_a_bias),
                                        T(test_retain_grad),
                                        T(test_accumulates),
                                        T(test_accumulates_into_a_view),
                                        T(test_retain_graph),
                                        T(test_tg_grad),
                                        T(test_grad_is_a_factor),
                                        T(test_written_factors),
                                        T(test_user_op),
                                        T(test_user_op_under_create_graph),
                                        T(test_every_allocation_may_fail) };
    setenv("TAPEGRAD_POOL", "0", 1); /* see failing.h */
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}

/* Saved hooks: what the tape saves, packed and unpacked by the user's functions. */
#define _GNU_SOURCE /* setenv */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define S tg_shape

/* ---- hooks ---- */

static int packed, released, unpacked_now; /* how often */

static void *pack_itself(void *context, tg_tensor *t)
{
    (void)context;
    packed++;
    return tg_keep(t);
}
static tg_tensor *unpack_itself(void *context, void *p)
{
    (void)context;
    unpacked_now++;
    return p;
}
static void release_itself(void *context, void *p)
{
    (void)context;
    released++;
    tg_release(p);
}
static const tg_saved_hooks itself = { pack_itself, unpack_itself, release_itself };

/* A copy of the elements in memory of the program's own. */
typedef struct copy {
    tg_shape shape;
    tg_dtype dtype;
    double elements[];
} copy;

static void *pack_copy(void *context, tg_tensor *t)
{
    (void)context;
    copy *c = malloc(sizeof *c + (size_t)tg_numel(t) * sizeof(double));
    assert_non_null(c);
    packed++;
    c->shape = tg_shape_of(t);
    c->dtype = tg_dtype_of(t);
    if (tg_to_array(t, c->elements, tg_numel(t)) == TG_OK) return c;
    free(c);
    return NULL;
}
static tg_tensor *unpack_copy(void *context, void *p)
{
    const copy *c = p;
    const double *elements = c->elements;
    (void)context;
    unpacked_now++;
    return tg_to(tg_from_data(elements, c->shape, .dtype = TG_FLOAT64), c->dtype);
}
static void release_copy(void *context, void *p)
{
    (void)context;
    released++;
    free(p);
}
static const tg_saved_hooks copies = { pack_copy, unpack_copy, release_copy };

/* ---- a program ---- */

typedef struct net {
    tg_tensor *x, *w, *v, *b, *labels;
    tg_lstm *lstm;
    tg_linear *linear;
} net;

static net net_new(tg_dtype dtype)
{
    tg_manual_seed(11);
    net n = { .x = tg_randn(S(6, 5), .dtype = dtype),
              .w = tg_randn(S(4, 5), .requires_grad = true, .dtype = dtype),
              .v = tg_randn(S(3, 4), .requires_grad = true, .dtype = dtype),
              .b = tg_randn(S(4), .requires_grad = true, .dtype = dtype) };
    n.labels = tg_randint(0, 3, S(6));
    return n;
}

static tg_tensor *loss_of(const net *n)
{
    tg_tensor *h = tg_tanh(tg_linear(n->x, n->w, n->b));
    h = tg_mul(tg_dropout(h, .p = 0.2), tg_sigmoid(h));
    h = tg_add(h, tg_pow(tg_exp(tg_mul(h, 0.1)), 2.0));
    h = tg_div(h, tg_add(tg_norm(h), 1.0));
    return tg_cross_entropy(tg_matmul(h, tg_t(n->v)), n->labels);
}

typedef struct result {
    double at[64];
    int count;
} result;

static void add(result *r, tg_tensor *t)
{
    assert_non_null(t);
    assert_true(r->count + tg_numel(t) <= 64);
    assert_int_equal(tg_to_array(t, r->at + r->count, tg_numel(t)), TG_OK);
    r->count += (int)tg_numel(t);
}

/* Two steps, each backward run twice. */
static result trained(const tg_saved_hooks *hooks)
{
    const tg_scope scope = tg_scope_begin();
    result r = { .count = 0 };
    const net n = net_new(TG_FLOAT32);
    packed = released = unpacked_now = 0;
    for (int step = 0; step < 2; step++) {
        const tg_scope s = hooks ? tg_saved_hooks_begin(hooks, NULL) : tg_scope_begin();
        tg_tensor *loss = loss_of(&n);
        if (step) tg_scope_end_with(s, &loss);
        add(&r, loss);
        const int packs = packed;
        assert_int_equal(tg_backward(loss, .retain_graph = true), TG_OK);
        assert_int_equal(tg_backward(loss), TG_OK);
        assert_int_equal(packed, packs);
        assert_int_equal(released, packed);
        if (!step) tg_scope_end(s);
    }
    add(&r, tg_grad_of(n.w));
    add(&r, tg_grad_of(n.v));
    add(&r, tg_grad_of(n.b));
    tg_scope_end(scope);
    return r;
}

static void expect_same(const result *a, const result *b, double tolerance)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++)
        if (!(fabs(a->at[i] - b->at[i]) <= tolerance * (1 + fabs(b->at[i]))))
            fail_msg("number %d: %.17g, not %.17g", i, a->at[i], b->at[i]);
}

TEST(test_gradients_are_the_same)
{
    const result plain = trained(NULL);
    assert_int_equal(packed, 0);
    const result kept = trained(&itself), copied = trained(&copies);
    assert_true(packed > 20 && unpacked_now >= 2 * (packed - 10));
    expect_same(&kept, &plain, 0);
    expect_same(&copied, &plain, 0);
}

/* ---- second derivatives: what was unpacked is on the tape where the original was ---- */

static result twice(const tg_saved_hooks *hooks)
{
    const tg_scope scope = hooks ? tg_saved_hooks_begin(hooks, NULL) : tg_scope_begin();
    result r = { .count = 0 };
    const net n = net_new(TG_FLOAT64);
    const tg_tensor_list g = tg_grad(tg_list(loss_of(&n)), tg_list(n.w, n.v, n.b), .create_graph = true);
    tg_tensor *sum = NULL;
    for (int i = 0; i < 3 && !tg_failed(); i++) {
        tg_tensor *term = tg_sum(tg_exp(g.items[i]));
        sum = sum ? tg_add(sum, term) : term;
    }
    assert_int_equal(tg_backward(sum), TG_OK);
    add(&r, tg_grad_of(n.w));
    add(&r, tg_grad_of(n.v));
    add(&r, tg_grad_of(n.b));
    tg_scope_end(scope);
    return r;
}

TEST(test_second_derivatives)
{
    const result plain = twice(NULL), kept = twice(&itself), copied = twice(&copies);
    expect_same(&kept, &plain, 0);
    expect_same(&copied, &plain, 0);
}

/* ---- when they are in force ---- */

static const tg_tensor *last_saved(const tg_tensor *t)
{
    const tg_node *node = tg_grad_fn(t);
    return tg_node_saved(node, tg_node_saved_count(node) - 1);
}

TEST(test_scopes)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(S(3), .requires_grad = true);
    packed = released = 0;
    tg_scope outer = tg_saved_hooks_begin(&itself, NULL);
    tg_exp(x);
    assert_int_equal(packed, 1);
    tg_scope inner = tg_scope_begin();
    tg_exp(x);
    assert_int_equal(packed, 2);
    const tg_scope other = tg_saved_hooks_begin(&copies, NULL);
    tg_exp(x);
    assert_int_equal(packed, 3);
    tg_scope_end(inner); /* and so `other` */
    assert_int_equal(released, 2);
    (void)other;
    tg_tensor *y = tg_exp(x);
    assert_null(last_saved(y));
    assert_int_equal(packed, 4);
    outer = tg_scope_next(outer, &y); /* ends them */
    y = tg_exp(y);
    assert_ptr_equal(last_saved(y), y);
    tg_exp(x);
    assert_int_equal(packed, 4);
    assert_int_equal(tg_backward(tg_sum(y)), TG_OK);
    tg_scope_end(outer);
    assert_int_equal(released, packed);
    const tg_scope off = tg_no_grad_begin();
    const tg_scope s = tg_saved_hooks_begin(&itself, NULL);
    tg_exp(x);
    tg_scope_end(s);
    tg_scope_end(off);
    assert_int_equal(packed, 4);
    tg_scope_end(scope);
}

/* ---- writes in place ---- */

TEST(test_writes_in_place)
{
    IN_SCOPE;
    for (int copied = 0; copied < 2; copied++) {
        const tg_scope s = tg_saved_hooks_begin(copied ? &copies : &itself, NULL);
        tg_tensor *x = tg_full(S(3), 2.0, .requires_grad = true), *y = tg_mul(x, 1.0), *z = tg_mul(y, y);
        tg_mul_(y, 5.0);
        const tg_status status = tg_backward(tg_sum(z));
        assert_int_equal(status, copied ? TG_OK : TG_FAILED);
        if (copied) /* what was packed is what z was made of */
            for (int i = 0; i < 3; i++) assert_true(((const float *)tg_data(tg_grad_of(x), TG_FLOAT32))[i] == 4.0f);
        else
            expect_error("modified by an inplace operation");
        tg_scope_end(s);
    }
    tg_scope_end(scope);
}

/* ---- hooks that go wrong ---- */

static int wrong;
static void *pack_wrongly(void *context, tg_tensor *t)
{
    if (wrong == 0) return tg_matmul(t, tg_ones(S(7))) ? context : NULL;
    return context;
}
static tg_tensor *unpack_wrongly(void *context, void *p)
{
    (void)context, (void)p;
    return wrong == 1   ? NULL
           : wrong == 2 ? tg_ones(S(4))
           : wrong == 3 ? tg_ones(S(3), .dtype = TG_FLOAT64)
                        : tg_matmul(tg_ones(S(3)), tg_ones(S(7)));
}
static const tg_saved_hooks wrongly = { pack_wrongly, unpack_wrongly, NULL };

TEST(test_errors)
{
    IN_SCOPE;
    static const char *const says[] = { "", "unpack returned NULL",
                                        "unpack returned a float32 tensor of shape [4] for a float32 one of shape [3]",
                                        "unpack returned a float64 tensor", "" };
    for (wrong = 0; wrong < 5; wrong++) {
        const tg_scope s = tg_saved_hooks_begin(&wrongly, NULL);
        tg_tensor *x = tg_ones(S(3), .requires_grad = true), *y = tg_exp(x);
        if (wrong == 0)
            assert_null(y);
        else
            assert_int_equal(tg_backward(y, .gradient = tg_ones(S(3))), TG_FAILED);
        expect_error(says[wrong]);
        assert_null(tg_grad_of(x));
        tg_scope_end(s);
    }
    tg_scope s = tg_saved_hooks_begin(NULL, NULL);
    expect_error("the hooks are NULL");
    s = tg_saved_hooks_begin((&(tg_saved_hooks){ pack_copy, NULL, NULL }), NULL);
    expect_error("must be there");
    (void)s;
    tg_scope_end(scope);
}

static tg_scope to_end;
static void *pack_ending(void *context, tg_tensor *t)
{
    (void)t;
    tg_scope_end(to_end);
    return context;
}

TEST(test_a_hook_cannot_end_scopes)
{
    IN_SCOPE;
    const tg_saved_hooks ending = { pack_ending, unpack_wrongly, NULL };
    to_end = tg_saved_hooks_begin(&ending, NULL);
    tg_tensor *x = tg_ones(S(3), .requires_grad = true);
    assert_null(tg_exp(x));
    expect_error("cannot end a scope");
    tg_scope_end(to_end);
    tg_scope_end(scope);
}

/* ---- modules; with checkpoints ---- */

static void scales(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    for (int i = 0; i < call->input_count; i++)
        if (call->inputs[i]) call->inputs[i] = tg_mul(call->inputs[i], 3.0);
}

static void forward(void *context, tg_tensor *const *in, tg_tensor **out)
{
    const net *n = context;
    out[0] = tg_lstm_forward(n->lstm, tg_linear_forward(n->linear, in[0])).output;
}

/* An LSTM behind a layer with a backward hook, whose nodes save handles that carry gradients: nobody packs these. */
static result modules(const tg_saved_hooks *hooks, bool checkpoint)
{
    const tg_scope scope = hooks ? tg_saved_hooks_begin(hooks, NULL) : tg_scope_begin();
    result r = { .count = 0 };
    net n = net_new(TG_FLOAT32);
    n.lstm = tg_lstm_new(4, 2);
    n.linear = tg_linear_new(4, 4);
    tg_register_full_backward_hook(n.linear, scales, NULL);
    tg_tensor *h = tg_reshape(tg_tanh(tg_linear(n.x, n.w, n.b)), S(6, 1, 4)), *y = NULL;
    const int before = packed;
    if (checkpoint) {
        y = tg_checkpoint(forward, &n, tg_list(h)).items[0];
        if (hooks) assert_int_equal(packed, before + 1); /* the input, and not the weights, which the function has */
    } else
        forward(&n, (tg_tensor *[]){ h }, &y);
    assert_int_equal(tg_backward(tg_sum(tg_mul(y, y))), TG_OK);
    add(&r, tg_grad_of(n.w));
    add(&r, tg_grad_of(tg_parameters(n.lstm).items[3]));
    tg_module_free(n.lstm);
    tg_module_free(n.linear);
    tg_scope_end(scope);
    return r;
}

TEST(test_modules_and_checkpoints)
{
    packed = released = 0;
    const result plain = modules(NULL, false);
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        const result a = modules(NULL, checkpoint), b = modules(&itself, checkpoint), c = modules(&copies, checkpoint);
        expect_same(&a, &plain, 0);
        expect_same(&b, &plain, 0);
        expect_same(&c, &plain, 0);
    }
    assert_int_equal(packed, released);
}

/* A checkpoint whose input is a leaf that was packed: the gradient finds the leaf. */
static void squared(void *context, tg_tensor *const *in, tg_tensor **out)
{
    (void)context;
    out[0] = tg_mul(in[0], in[0]);
}

TEST(test_a_packed_leaf)
{
    IN_SCOPE;
    for (int twice_derived = 0; twice_derived < 2; twice_derived++) {
        const tg_scope s = tg_saved_hooks_begin(&copies, NULL);
        tg_tensor *x = tg_full(S(2), 3.0, .requires_grad = true);
        tg_tensor *y = tg_sum(tg_checkpoint(squared, NULL, tg_list(x)).items[0]);
        if (twice_derived) y = tg_sum(tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0]);
        assert_int_equal(tg_backward(y), TG_OK);
        assert_true(((const float *)tg_data(tg_grad_of(x), TG_FLOAT32))[1] == (twice_derived ? 2.0f : 6.0f));
        tg_scope_end(s);
    }
    tg_scope_end(scope);
}

/* ---- the end of a thread; no memory ---- */

static void *leaves_it_open(void *context)
{
    (void)context;
    tg_tensor *x = tg_ones(S(3), .requires_grad = true);
    const tg_scope s = tg_saved_hooks_begin(&copies, NULL);
    tg_exp(x);
    (void)s;
    return NULL;
}

TEST(test_a_thread_ends)
{
    pthread_t thread;
    packed = released = 0;
    assert_int_equal(pthread_create(&thread, NULL, leaves_it_open, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(packed, 1);
    assert_int_equal(released, 1);
}

static double step(const tg_saved_hooks *hooks, bool create_graph)
{
    packed = released = 0;
    double sum = 0;
    const tg_scope scope = tg_saved_hooks_begin(hooks, NULL);
    tg_tensor *x = tg_full(S(3), 0.5, .requires_grad = true);
    tg_tensor *y = tg_sum(tg_exp(tg_mul(tg_sin(x), x)));
    if (create_graph) {
        y = tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0];
        y = y ? tg_sum(tg_mul(y, y)) : NULL;
    }
    if (y && tg_backward(y) == TG_OK) sum = tg_item(tg_sum(tg_grad_of(x)));
    tg_scope_end(scope);
    return packed - released > 1 || released > packed ? 0.125 : sum; /* one may have failed after it was counted */
}
static double step_of_itself(void) { return step(&itself, true); }
static double step_of_copies(void) { return step(&copies, false); }

TEST(test_without_memory)
{
    fail_each_allocation(step_of_itself);
    fail_each_allocation(step_of_copies);
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* what a pool would have had in stock fails, too */
    const struct CMUnitTest tests[] = {
        T(test_gradients_are_the_same),
        T(test_second_derivatives),
        T(test_scopes),
        T(test_writes_in_place),
        T(test_errors),
        T(test_a_hook_cannot_end_scopes),
        T(test_modules_and_checkpoints),
        T(test_a_packed_leaf),
        T(test_a_thread_ends),
        T(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Checkpoints: functions that run again in backward. Gradients are compared, bit for bit, with those of the same
 * functions in an ordinary run. */
#define _GNU_SOURCE /* setenv */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/numbers.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define S tg_shape

/* ---- functions that may be checkpointed ---- */

static bool checkpointing; /* or else an ordinary run */
static int runs;           /* of functions */

static void through(tg_checkpoint_fn function, void *context, tg_tensor_list inputs, int count, tg_tensor **outputs)
{
    if (!checkpointing) {
        function(context, inputs.items, outputs);
        return;
    }
    const tg_tensor_list results = tg_checkpoint(function, context, inputs, .outputs = count);
    for (int i = 0; i < count; i++) outputs[i] = results.items[i];
}

enum { STEPS = 12, HIDDEN = 5, IN = 3, BATCH = 2 };

typedef struct model {
    tg_tensor *w, *u, *b, *scale; /* leaves, and a tensor that is none */
    tg_tensor *x[STEPS];
    int from, to;
    double p;         /* of dropout */
    int chunk, inner; /* how long they are; 0: no such chunks */
} model;

/* h' = dropout(tanh(x w + h u + b)) * scale, step by step. Gives the last one and all of them. */
static void steps(void *context, tg_tensor *const *in, tg_tensor **out)
{
    const model *m = context;
    tg_tensor *h = in[0], *all[STEPS];
    runs++;
    for (int t = m->from; t < m->to; t++) {
        h = tg_tanh(tg_add(tg_linear(m->x[t], m->w, m->b), tg_linear(h, m->u)));
        if (m->p > 0) h = tg_dropout(h, .p = m->p);
        all[t - m->from] = h = tg_mul(h, m->scale);
    }
    out[0] = h;
    out[1] = tg_stack(tg_list_of(all, m->to - m->from), 0);
}

/* The steps in chunks, each of which may be a checkpoint inside this one. */
static void chunks(void *context, tg_tensor *const *in, tg_tensor **out)
{
    model *m = context, part = *m;
    tg_tensor *h = in[0], *all[STEPS];
    int count = 0;
    const int length = m->inner ? m->inner : m->to - m->from;
    for (int t = m->from; t < m->to; t += length) {
        tg_tensor *two[2] = { NULL };
        part.from = t;
        part.to = t + length < m->to ? t + length : m->to;
        if (checkpointing && m->inner) {
            const tg_tensor_list y = tg_checkpoint(steps, &part, tg_list(h), .outputs = 2, .context_size = sizeof part);
            two[0] = y.items[0];
            two[1] = y.items[1];
        } else
            steps(&part, (tg_tensor *[]){ h }, two);
        h = two[0];
        all[count++] = two[1];
    }
    out[0] = h;
    out[1] = tg_cat(tg_list_of(all, count), 0);
}

static model model_new(double p, tg_dtype dtype)
{
    tg_manual_seed(7);
    model m = { .w = tg_randn(S(HIDDEN, IN), .requires_grad = true, .dtype = dtype),
                .u = tg_randn(S(HIDDEN, HIDDEN), .requires_grad = true, .dtype = dtype),
                .b = tg_randn(S(HIDDEN), .requires_grad = true, .dtype = dtype),
                .p = p,
                .chunk = 4 };
    for (int t = 0; t < STEPS; t++) m.x[t] = tg_randn(S(BATCH, IN), .dtype = dtype);
    return m;
}

/* The loss reads the last state and all of them. */
static tg_tensor *loss_of(model *m)
{
    tg_tensor *h = tg_zeros(S(BATCH, HIDDEN), .dtype = tg_dtype_of(m->w)), *total = NULL;
    m->scale = tg_exp(tg_mul(m->b, 0.1));
    for (int t = 0; t < STEPS; t += m->chunk) {
        tg_tensor *out[2];
        model part = *m;
        part.from = t;
        part.to = t + m->chunk < STEPS ? t + m->chunk : STEPS;
        if (checkpointing) {
            const tg_tensor_list y =
                tg_checkpoint(chunks, &part, tg_list(h), .outputs = 2, .context_size = sizeof part);
            out[0] = y.items[0];
            out[1] = y.items[1];
        } else
            chunks(&part, (tg_tensor *[]){ h }, out);
        h = out[0];
        tg_tensor *term = tg_sum(tg_mul(out[1], out[1]));
        total = total ? tg_add(total, term) : term;
    }
    return tg_add(total, tg_sum(h));
}

/* ---- numbers of a run, to be compared ---- */

static void expect_near(const numbers_of *a, const numbers_of *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++)
        if (!(fabs(a->at[i] - b->at[i]) <= 1e-12 * (1 + fabs(b->at[i]))))
            fail_msg("number %d: %.17g, not %.17g", i, a->at[i], b->at[i]);
}

typedef numbers_of (*way)(void);

static numbers_of run(way f, bool with_checkpoints)
{
    const tg_scope scope = tg_scope_begin();
    checkpointing = with_checkpoints;
    const numbers_of n = f();
    if (tg_failed()) fail_msg("%s", tg_error_message());
    tg_scope_end(scope);
    assert_int_equal(tg_tape_length(), 0);
    return n;
}

static void same_both_ways(way f)
{
    const numbers_of plain = run(f, false), checkpointed = run(f, true);
    assert_true(plain.count > 0);
    expect_same(&checkpointed, &plain);
}

static void add_gradients(numbers_of *n, const model *m)
{
    add_numbers(n, tg_grad_of(m->w));
    add_numbers(n, tg_grad_of(m->u));
    add_numbers(n, tg_grad_of(m->b));
}

/* ---- bit for bit ---- */

static double dropout;
static int inner_chunk;
static tg_dtype dtype_now;

static numbers_of trained(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(dropout, dtype_now);
    m.inner = inner_chunk;
    for (int step = 0; step < 3; step++) {
        const tg_scope scope = tg_scope_begin();
        tg_tensor *loss = loss_of(&m);
        add_numbers(&n, loss);
        const int64_t length = tg_tape_length();
        assert_int_equal(tg_backward(loss), TG_OK);
        assert_int_equal(tg_tape_length(), length);
        n.at[n.count++] = tg_random_uniform(NULL); /* the generator goes on as if nothing had run twice */
        tg_scope_end(scope);
    }
    add_gradients(&n, &m);
    return n;
}

TEST(test_gradients_are_the_same)
{
    for (int d = 0; d < 2; d++)
        for (int p = 0; p < 2; p++)
            for (inner_chunk = 0; inner_chunk < 3; inner_chunk++) {
                dropout = 0.3 * p;
                dtype_now = d ? TG_FLOAT64 : TG_FLOAT32;
                same_both_ways(trained);
            }
    dropout = 0;
    inner_chunk = 0;
    dtype_now = TG_FLOAT32;
}

static void count_events(void *context, const tg_node *node, tg_tensor *const *grads)
{
    (void)node, (void)grads;
    ++*(int *)context;
}

/* Observers, a watched tape, hooks of leaves (leaves are completed on the way): the same bits. */
TEST(test_the_same_while_watched)
{
    const tg_observer observer = { .visit = count_events };
    int visits = 0;
    dropout = 0.2;
    inner_chunk = 2;
    const numbers_of plain = run(trained, false);
    const int64_t number = tg_observe(&observer, &visits);
    checkpointing = true;
    const tg_scope scope = tg_scope_begin();
    model m = model_new(dropout, dtype_now);
    m.inner = inner_chunk;
    assert_int_equal(tg_watch(true), TG_OK);
    numbers_of n = { .count = 0 };
    for (int step = 0; step < 3; step++) {
        const tg_scope s = tg_scope_begin();
        tg_tensor *loss = loss_of(&m);
        add_numbers(&n, loss);
        const int64_t length = tg_tape_length();
        assert_int_equal(tg_backward(loss), TG_OK);
        assert_true(tg_tape_length() > length); /* there to be looked at */
        n.at[n.count++] = tg_random_uniform(NULL);
        tg_scope_end(s);
    }
    add_gradients(&n, &m);
    tg_watch(false);
    tg_unobserve(number);
    tg_scope_end(scope);
    expect_same(&n, &plain);
    assert_true(visits > 3 * STEPS * 5);
    dropout = 0;
    inner_chunk = 0;
}

static numbers_of retained(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0.2, TG_FLOAT32);
    tg_tensor *loss = loss_of(&m);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tg_backward(loss, .retain_graph = i < 2), TG_OK);
        add_gradients(&n, &m);
    }
    assert_int_equal(tg_backward(loss), TG_FAILED);
    expect_error("a second time");
    return n;
}

TEST(test_retain_graph) { same_both_ways(retained); }

static numbers_of asked(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0.2, TG_FLOAT32);
    m.inner = 2;
    tg_tensor *loss = loss_of(&m);
    tg_tensor_list g = tg_grad(tg_list(loss), tg_list(m.u, m.scale), .retain_graph = true);
    for (int i = 0; i < 2 && !tg_failed(); i++) add_numbers(&n, g.items[i]);
    g = tg_grad(tg_list(loss), tg_list(m.b));
    if (!tg_failed()) add_numbers(&n, g.items[0]);
    assert_null(tg_grad_of(m.w));
    return n;
}

/* Of a leaf, and of a tensor that the function reads through its context. */
TEST(test_grad) { same_both_ways(asked); }

static numbers_of recorded(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0.2, TG_FLOAT32);
    m.inner = inner_chunk;
    const tg_tensor_list g = tg_grad(tg_list(loss_of(&m)), tg_list(m.w, m.u, m.b), .create_graph = true);
    for (int i = 0; i < 3 && !tg_failed(); i++) add_numbers(&n, g.items[i]);
    return n;
}

/* Gradients that are recorded are the same, too. */
TEST(test_recorded_gradients)
{
    for (inner_chunk = 0; inner_chunk < 3; inner_chunk += 2) same_both_ways(recorded);
    inner_chunk = 0;
}

static numbers_of of_one_sum(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0.2, TG_FLOAT32);
    m.scale = tg_full(S(HIDDEN), 1.5);
    m.to = STEPS;
    tg_tensor *out[2] = { NULL };
    through(steps, &m, tg_list(tg_zeros(S(BATCH, HIDDEN))), 2, out);
    if (tg_failed()) return n;
    tg_tensor *g = tg_grad(tg_list(tg_sum(out[0])), tg_list(m.u), .create_graph = true).items[0];
    assert_int_equal(tg_backward(tg_sum(tg_square(g))), TG_OK);
    add_gradients(&n, &m);
    return n;
}

/* All that comes to the function comes through the nodes of its second run. Where some comes through its outputs, too,
 * it runs a third time, and what both bring is added behind it, not before: equal but for rounding. */
TEST(test_second_derivatives_of_a_sum) { same_both_ways(of_one_sum); }

static numbers_of twice(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0.2, TG_FLOAT64);
    m.inner = inner_chunk;
    tg_tensor *loss = loss_of(&m);
    const tg_tensor_list g = tg_grad(tg_list(loss), tg_list(m.w, m.u, m.b), .create_graph = true);
    tg_tensor *penalty = NULL;
    for (int i = 0; i < 3 && !tg_failed(); i++) {
        add_numbers(&n, g.items[i]);
        tg_tensor *term = tg_sum(tg_pow(g.items[i], 2.0));
        penalty = penalty ? tg_add(penalty, term) : term;
    }
    assert_int_equal(tg_backward(tg_add(penalty, loss)), TG_OK);
    add_gradients(&n, &m);
    return n;
}

TEST(test_second_derivatives)
{
    for (inner_chunk = 0; inner_chunk < 3; inner_chunk += 2) {
        const numbers_of plain = run(twice, false), checkpointed = run(twice, true);
        expect_near(&checkpointed, &plain);
    }
    inner_chunk = 0;
}

/* ---- what functions may do ---- */

static void oddly(void *context, tg_tensor *const *in, tg_tensor **out)
{
    tg_tensor *const *outer = context;
    tg_tensor *y = tg_mul(in[0], outer[0]);
    out[0] = in[0]; /* an input */
    out[1] = y;
    out[2] = tg_sum(tg_mul(y, y));       /* made of another output */
    out[3] = y;                          /* the same again */
    out[5] = tg_argmax(y);               /* no gradient; out[4] is left out */
    out[6] = outer[1];                   /* was there before */
    out[7] = tg_chunk(y, 2, 0).items[1]; /* a part */
    out[8] = tg_detach(y);
    assert_null(in[1]);
}

static numbers_of odd(void)
{
    numbers_of n = { .count = 0 };
    tg_manual_seed(3);
    tg_tensor *x = tg_randn(S(4, 3), .requires_grad = true), *w = tg_randn(S(4, 3), .requires_grad = true);
    tg_tensor *outer[2] = { tg_exp(w), tg_sin(w) }, *out[9] = { NULL };
    through(oddly, outer, tg_list(tg_mul(x, 2.0), NULL), 9, out);
    assert_null(out[4]);
    assert_ptr_equal(out[1], out[3]);
    assert_false(tg_requires_grad(out[5]));
    tg_tensor *loss = tg_add(tg_sum(tg_mul(out[0], out[1])), tg_mul(out[2], tg_sum(out[3])));
    loss = tg_add(tg_add(loss, tg_sum(tg_mul(out[6], out[6]))), tg_sum(tg_exp(out[7])));
    add_numbers(&n, loss);
    assert_int_equal(tg_backward(loss), TG_OK);
    add_numbers(&n, tg_grad_of(x));
    add_numbers(&n, tg_grad_of(w));
    return n;
}

TEST(test_odd_outputs) { same_both_ways(odd); }

/* The products that come for an output from outside and from inside the function are one sum. */
static void two_layers(void *context, tg_tensor *const *in, tg_tensor **out)
{
    tg_tensor *const *w = context;
    out[0] = tg_linear(in[0], w[0]);
    out[1] = tg_linear(out[0], w[1]);
}

static numbers_of layered(void)
{
    numbers_of n = { .count = 0 };
    tg_manual_seed(4);
    tg_tensor *w[3], *out[2];
    for (int i = 0; i < 3; i++) w[i] = tg_randn(S(9, 9), .requires_grad = true);
    tg_tensor *x = tg_exp(tg_randn(S(7, 9), .requires_grad = true));
    through(two_layers, w, tg_list(x), 2, out);
    tg_tensor *y = tg_add(tg_sum(tg_linear(out[0], w[2])), tg_sum(tg_sin(tg_linear(out[1], w[2]))));
    tg_retain_grad(x);
    assert_int_equal(tg_backward(y), TG_OK);
    for (int i = 0; i < 3; i++) add_numbers(&n, tg_grad_of(w[i]));
    add_numbers(&n, tg_grad_of(x));
    return n;
}

TEST(test_chains_of_products) { same_both_ways(layered); }

static void plain_sum(void *context, tg_tensor *const *in, tg_tensor **out)
{
    (void)context;
    out[0] = tg_sum(tg_exp(in[0]));
}

TEST(test_nothing_to_record)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(S(3));
    tg_tensor *y = tg_checkpoint(plain_sum, NULL, tg_list(x)).items[0];
    assert_false(tg_requires_grad(y));
    tg_requires_grad_(x, true);
    const tg_scope off = tg_no_grad_begin();
    y = tg_checkpoint(plain_sum, NULL, tg_list(x)).items[0];
    assert_false(tg_requires_grad(y));
    tg_scope_end(off);
    assert_int_equal(tg_tape_length(), 0);
    tg_scope_end(scope);
}

/* ---- hooks ---- */

static tg_tensor *doubled(tg_tensor *grad, void *context)
{
    ++*(int *)context;
    return tg_mul(grad, 2.0);
}

static int hooked_runs;
static numbers_of hooked(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0, TG_FLOAT32);
    hooked_runs = 0;
    tg_register_hook(m.u, doubled, &hooked_runs);
    tg_tensor *loss = loss_of(&m);
    tg_register_hook(m.scale, doubled, &hooked_runs);
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_int_equal(hooked_runs, 2);
    add_gradients(&n, &m);
    return n;
}

TEST(test_hooks_on_what_is_read) { same_both_ways(hooked); }

static tg_tensor *walks(tg_tensor *grad, void *context)
{
    tg_backward(context, .retain_graph = true);
    return tg_mul(grad, 1.0);
}

static numbers_of in_a_hook(void)
{
    numbers_of n = { .count = 0 };
    model m = model_new(0, TG_FLOAT32), other = model_new(0.3, TG_FLOAT32);
    tg_tensor *loss = loss_of(&m), *second = loss_of(&other);
    tg_register_hook(m.scale, walks, second);
    assert_int_equal(tg_backward(loss), TG_OK);
    add_gradients(&n, &m);
    add_gradients(&n, &other);
    return n;
}

TEST(test_backward_inside_a_hook) { same_both_ways(in_a_hook); }

/* A hook on a tensor inside, which runs a walk over a checkpoint of its own. */
static void with_hook(void *context, tg_tensor *const *in, tg_tensor **out)
{
    tg_tensor *y = tg_exp(in[0]);
    if (tg_is_grad_enabled()) tg_register_hook(y, walks, context);
    out[0] = tg_mul(y, y);
}

static numbers_of hook_inside(void)
{
    numbers_of n = { .count = 0 };
    model other = model_new(0.3, TG_FLOAT32);
    tg_tensor *x = tg_full(S(3), 0.5, .requires_grad = true), *out[1], *second = loss_of(&other);
    through(with_hook, second, tg_list(x), 1, out);
    assert_int_equal(tg_backward(tg_sum(tg_mul(out[0], out[0]))), TG_OK);
    add_numbers(&n, tg_grad_of(x));
    add_gradients(&n, &other);
    return n;
}

TEST(test_hook_inside) { same_both_ways(hook_inside); }

static void note_leaf(tg_tensor *t, void *context)
{
    char *order = context;
    const char *name = tg_name_of(t);
    strcat(order, name);
}

/* Leaves that only the function reads are complete after it, while the walk goes on. */
TEST(test_leaves_on_the_way)
{
    char order[2][8] = { "", "" };
    for (int c = 0; c < 2; c++) {
        IN_SCOPE;
        checkpointing = c;
        tg_tensor *w[2] = { tg_set_name(tg_ones(S(3, 3), .requires_grad = true), "a"),
                            tg_set_name(tg_ones(S(3, 3), .requires_grad = true), "b") };
        tg_tensor *x = tg_set_name(tg_ones(S(2, 3), .requires_grad = true), "x"), *out[2];
        tg_register_post_accumulate_grad_hook(w[0], note_leaf, order[c]);
        tg_register_post_accumulate_grad_hook(w[1], note_leaf, order[c]);
        tg_register_post_accumulate_grad_hook(x, note_leaf, order[c]);
        through(two_layers, w, tg_list(tg_exp(x)), 2, out);
        assert_int_equal(tg_backward(tg_sum(out[1])), TG_OK);
        tg_scope_end(scope);
    }
    assert_string_equal(order[0], "bax");
    assert_int_equal(order[1][2], 'x');
}

/* ---- rows of modules ---- */

static int64_t segments;
static numbers_of in_a_row(void)
{
    numbers_of n = { .count = 0 };
    tg_manual_seed(5);
    tg_sequential *net = tg_sequential_new(tg_linear_new(3, 4), tg_tanh_new(), tg_dropout_new(0.3), tg_linear_new(4, 4),
                                           tg_relu_new(), tg_linear_new(4, 2), tg_sigmoid_new());
    tg_tensor *x = tg_randn(S(5, 3)); /* needs no gradient */
    for (int step = 0; step < 2; step++) {
        tg_tensor *y = checkpointing ? tg_checkpoint_sequential(net, segments, x) : tg_sequential_forward(net, x);
        add_numbers(&n, y);
        assert_int_equal(tg_backward(tg_sum(tg_mul(y, y))), TG_OK);
    }
    const tg_tensor_list parameters = tg_parameters(net);
    for (int64_t i = 0; i < parameters.count; i++) add_numbers(&n, tg_grad_of(parameters.items[i]));
    tg_module_free(net);
    return n;
}

TEST(test_rows_of_modules)
{
    for (segments = 1; segments <= 7; segments++) same_both_ways(in_a_row);
    IN_SCOPE;
    tg_sequential *net = tg_sequential_new(tg_tanh_new(), tg_tanh_new());
    expect_refusal(tg_checkpoint_sequential(net, 3, tg_ones(S(2))), "2 modules in 3 segments");
    expect_refusal(tg_checkpoint_sequential(net, 0, tg_ones(S(2))), "2 modules in 0 segments");
    tg_module_free(net);
    tg_scope_end(scope);
}

/* ---- errors ---- */

typedef enum { SHAPE, DTYPE, MISSING, READS, FAILS, WRITES, WRITES_VIEW } deviation;

typedef struct fickle {
    int run; /* counted */
    tg_tensor *other;
    deviation what;
} fickle;

static void changes(void *context, tg_tensor *const *in, tg_tensor **out)
{
    fickle *f = context;
    const bool second = f->run++ > 0;
    out[0] = tg_exp(in[0]);
    if (f->what == SHAPE && second) out[0] = tg_reshape(out[0], S(3, 1));
    if (f->what == DTYPE && second) out[0] = tg_to(out[0], TG_FLOAT64);
    if (f->what == MISSING && second) out[0] = NULL;
    if (f->what == READS && second) out[0] = tg_mul(out[0], f->other);
    if (f->what == FAILS && second) out[0] = tg_matmul(out[0], tg_ones(S(2)));
    if (f->what == WRITES) tg_mul_(in[0], 2.0);
    if (f->what == WRITES_VIEW) tg_mul_(tg_narrow(in[0], 0, 0, 2), 2.0);
}

TEST(test_second_runs_that_differ)
{
    static const char *const says[] = { "gave a float32 of shape [3, 1] as output 0, which was a float32 of shape [3]",
                                        "gave a float64 of shape [3] as output 0", "gave no output 0",
                                        "had not read before", "size mismatch" };
    for (deviation what = SHAPE; what <= FAILS; what++) {
        IN_SCOPE;
        tg_tensor *x = tg_ones(S(3), .requires_grad = true);
        fickle f = { .what = what };
        tg_tensor *between = tg_exp(x);
        tg_tensor *y = tg_checkpoint(changes, &f, tg_list(between)).items[0];
        f.other = tg_sin(x); /* recorded later than the function */
        assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
        if (what == FAILS) assert_non_null(strstr(tg_error_get().where, "test_recompute.c:"));
        expect_error(what == FAILS ? "" : says[what]);
        assert_int_equal(tg_tape_length(), 4);
        assert_null(tg_grad_of(x));
        tg_scope_end(scope);
    }
}

TEST(test_functions_that_write)
{
    for (deviation what = WRITES; what <= WRITES_VIEW; what++) {
        IN_SCOPE;
        fickle f = { .what = what };
        tg_tensor *x = tg_exp(tg_ones(S(3), .requires_grad = true));
        expect_refusal(tg_checkpoint(changes, &f, tg_list(x)).items[0], "writes in place");
        assert_int_equal(tg_tape_length(), 1);
        tg_scope_end(scope);
    }
}

TEST(test_inputs_written_since)
{
    IN_SCOPE;
    tg_tensor *x = tg_mul(tg_ones(S(3), .requires_grad = true), 2.0);
    tg_tensor *y = tg_checkpoint(plain_sum, NULL, tg_list(x)).items[0];
    tg_mul_(x, 2.0);
    assert_int_equal(tg_backward(y), TG_FAILED);
    expect_error("modified by an inplace operation");
    model m = model_new(0, TG_FLOAT32);
    checkpointing = true;
    tg_tensor *loss = loss_of(&m);
    const tg_scope off = tg_no_grad_begin();
    tg_mul_(m.b, 2.0); /* read through the context */
    tg_scope_end(off);
    assert_int_equal(tg_backward(loss), TG_FAILED);
    expect_error("modified by an inplace operation");
    tg_scope_end(scope);
}

TEST(test_bad_calls)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(S(3), .requires_grad = true);
    expect_refusal(tg_checkpoint(NULL, NULL, tg_list(x)).items[0], "the function is NULL");
    expect_refusal(tg_checkpoint(plain_sum, NULL, tg_list(x), .outputs = 0).items[0], "1 to 64");
    expect_refusal(tg_checkpoint(plain_sum, NULL, tg_list(x), .outputs = 65).items[63], "1 to 64");
    expect_refusal(tg_checkpoint(plain_sum, NULL, tg_list(x), .context_size = 3).items[0], "NULL");
    expect_refusal(tg_checkpoint(plain_sum, NULL, ((tg_tensor_list){ NULL, 2 })).items[0], "NULL");
    tg_scope_end(scope);
}

/* ---- memory ---- */

static double step_of_checkpoints(void)
{
    tg_manual_seed(1);
    const tg_scope scope = tg_scope_begin();
    checkpointing = true;
    model m = model_new(0.2, TG_FLOAT32);
    m.inner = 2;
    double result = 0;
    tg_tensor *loss = loss_of(&m);
    if (loss && tg_backward(loss) == TG_OK) result = tg_item(loss) + tg_item(tg_sum(tg_grad_of(m.u)));
    tg_scope_end(scope);
    return result;
}

static double step_of_second_derivatives(void)
{
    tg_manual_seed(1);
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_full(S(3), 0.5, .requires_grad = true);
    tg_tensor *y = tg_checkpoint(plain_sum, NULL, tg_list(tg_mul(x, 2.0))).items[0];
    tg_tensor *g = tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0];
    const double result = g && tg_backward(tg_sum(tg_mul(g, g))) == TG_OK ? tg_item(tg_sum(tg_grad_of(x))) : 0;
    tg_scope_end(scope);
    return result;
}

TEST(test_without_memory)
{
    fail_each_allocation(step_of_checkpoints);
    fail_each_allocation(step_of_second_derivatives);
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* what a pool would have had in stock fails, too */
    const struct CMUnitTest tests[] = {
        T(test_gradients_are_the_same),
        T(test_the_same_while_watched),
        T(test_retain_graph),
        T(test_grad),
        T(test_recorded_gradients),
        T(test_second_derivatives_of_a_sum),
        T(test_second_derivatives),
        T(test_odd_outputs),
        T(test_chains_of_products),
        T(test_nothing_to_record),
        T(test_hooks_on_what_is_read),
        T(test_backward_inside_a_hook),
        T(test_hook_inside),
        T(test_leaves_on_the_way),
        T(test_rows_of_modules),
        T(test_second_runs_that_differ),
        T(test_functions_that_write),
        T(test_inputs_written_since),
        T(test_bad_calls),
        T(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

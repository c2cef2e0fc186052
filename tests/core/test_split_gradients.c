/* test_split_gradients.c: gradients through split, chunk and unbind, which the engine writes into one whole: against the same
 * pieces by narrow and select, against the same gradients in ops (create_graph) and against finite differences. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include <tapegrad.h>

#include "tests/support/compare.h"
#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/gradcheck.h"

#define S tg_shape
/* ---- pieces, and the same by other ops ---- */

enum { MOST = 8 };
enum cut { SPLIT, SIZES, CHUNK, UNBIND, CUTS };

typedef struct pieces {
    tg_tensor *items[MOST];
    int count;
} pieces;

static pieces cut(enum cut how, tg_tensor *t, int dim)
{
    const int64_t size = tg_size(t, dim);
    const tg_tensor_list list = how == SPLIT   ? tg_split(t, 2, dim)
                                : how == SIZES ? tg_split_with_sizes(t, S(1, 0, size - 2, 1), dim)
                                : how == CHUNK ? tg_chunk(t, 3, dim)
                                               : tg_unbind(t, dim);
    pieces p = { .count = (int)list.count };
    assert_true(list.count <= MOST);
    for (int i = 0; i < p.count; i++) p.items[i] = list.items[i];
    return p;
}

/* The pieces' sizes are taken from the others: test_join.c checks them. */
static pieces cut_naively(enum cut how, tg_tensor *t, int dim)
{
    const tg_scope quiet = tg_no_grad_begin();
    const pieces sizes = cut(how, t, dim);
    int64_t size[MOST], start = 0;
    for (int i = 0; i < sizes.count; i++) size[i] = how == UNBIND ? 1 : tg_size(sizes.items[i], dim);
    tg_scope_end(quiet);
    pieces p = { .count = sizes.count };
    for (int i = 0; i < p.count; start += size[i++])
        p.items[i] = how == UNBIND ? tg_select(t, dim, start) : tg_narrow(t, dim, start, size[i]);
    return p;
}

/* ---- a loss ---- */

enum base { LEAF, NON_LEAF, TURNED, TURNED_SUM, BASES };

typedef struct model {
    enum cut how;
    enum base base;
    int dim, style;
    unsigned used;  /* a bit for each piece */
    bool elsewhere; /* the whole is used, too */
    bool naive;
    tg_tensor *x;  /* the leaf, [4, 5, 3] */
    tg_tensor *w;  /* another leaf, square; by its size pieces are multiplied */
    pieces pieces; /* set by run */
} model;

static tg_tensor *base_of(const model *m)
{
    switch (m->base) {
    case LEAF: return m->x;
    case NON_LEAF: return tg_mul(m->x, 1.5);
    case TURNED: return tg_transpose(m->x, 0, 2);
    default: return tg_add(tg_transpose(m->x, 0, 2), tg_transpose(tg_exp(m->x), 0, 2));
    }
}

/* What becomes of a piece: its gradient comes as it is, expanded, from loops, twice, as a product, from a view. */
static tg_tensor *use(const model *m, const pieces *p, int i)
{
    tg_tensor *piece = p->items[i];
    tg_tensor *c = numbers(tg_shape_of(piece), TG_FLOAT64, 20 + (uint64_t)i);
    switch ((i + m->style) % 7) {
    case 0: return tg_sum(tg_mul(piece, c));
    case 1: return tg_sum(piece);
    case 2: return tg_sum(tg_mul(piece, piece));
    case 3: return tg_add(tg_sum(tg_tanh(piece)), tg_sum(tg_mul(tg_add(piece, c), c)));
    case 4: return tg_sum(tg_mul(tg_matmul(piece, tg_narrow(m->w, 0, 0, tg_size(piece, -1))), 2));
    case 5: return tg_sum(tg_exp(tg_transpose(piece, 0, -1)));
    default: return tg_sum(tg_mul(tg_sub(tg_add(piece, piece), tg_sigmoid(piece)), c));
    }
}

static tg_tensor *run(void *context)
{
    model *m = context;
    tg_tensor *base = base_of(m), *loss = tg_sum(tg_mul(m->x, 0.25));
    if (m->elsewhere) loss = tg_add(loss, tg_sum(tg_mul(base, base)));
    m->pieces = m->naive ? cut_naively(m->how, base, m->dim) : cut(m->how, base, m->dim);
    for (int i = 0; i < m->pieces.count; i++)
        if (m->used >> i & 1) loss = tg_add(loss, use(m, &m->pieces, i));
    return m->elsewhere ? tg_add(loss, tg_sum(tg_tanh(base))) : loss;
}

static model model_new(enum cut how, enum base base, int dim)
{
    model m = { .how = how, .base = base, .dim = dim, .used = 255 };
    m.x = parameter(S(4, 5, 3), TG_FLOAT64, 1);
    m.w = parameter(S(5, 5), TG_FLOAT64, 2);
    return m;
}

/* A copy of t's gradient, which is then taken away. */
static tg_tensor *take_grad(tg_tensor *t)
{
    tg_tensor *copy = tg_grad_of(t) ? tg_clone(tg_detach(tg_grad_of(t))) : NULL;
    tg_set_grad(t, NULL);
    return copy;
}

static tg_tensor *gradient(model *m, bool naive, bool in_ops)
{
    m->naive = naive;
    assert_int_equal(tg_backward(run(m), .create_graph = in_ops), TG_OK);
    m->naive = false;
    return take_grad(m->x);
}

static const unsigned masks[] = { 255, 0, 1, 2, 5, 8, 254 };
enum { MASKS = sizeof masks / sizeof *masks };

TEST(test_as_by_narrow)
{
    for (int i = 0; i < CUTS * BASES * 3 * MASKS * 2; i++) {
        IN_SCOPE;
        model m = model_new((enum cut)(i % CUTS), (enum base)(i / CUTS % BASES), i / CUTS / BASES % 3);
        m.used = masks[i / CUTS / BASES / 3 % MASKS];
        m.elsewhere = i / CUTS / BASES / 3 / MASKS;
        for (m.style = 0; m.style < 7; m.style++) {
            tg_tensor *expected = gradient(&m, true, false);
            assert_alike(gradient(&m, false, false), expected, 1e-13);
            assert_alike(gradient(&m, false, true), expected, 1e-13);
        }
        tg_scope_end(scope);
    }
}

TEST(test_differences)
{
    for (int i = 0; i < CUTS * BASES; i++) {
        IN_SCOPE;
        model m = model_new((enum cut)(i % CUTS), (enum base)(i / CUTS), i % 3);
        m.style = i;
        m.used = masks[i % MASKS];
        m.elsewhere = i & 4;
        const char *wrong = gradcheck(run, &m, tg_list(m.x, m.w));
        if (!wrong && i % 5 == 0) wrong = gradgradcheck(run, &m, tg_list(m.x));
        if (wrong) fail_msg("%d: %s", i, wrong);
        tg_scope_end(scope);
    }
}

TEST(test_float32)
{
    IN_SCOPE;
    for (int dim = 0; dim < 3; dim++) {
        tg_tensor *x = parameter(S(6, 7, 5), TG_FLOAT32, 1), *c = numbers(S(6, 7, 5), TG_FLOAT32, 2);
        const pieces p = cut(CHUNK, x, dim), q = cut(CHUNK, c, dim);
        tg_tensor *loss = tg_scalar(0);
        for (int i = 0; i < p.count; i++) loss = tg_add(loss, tg_sum(tg_mul(p.items[i], q.items[i])));
        assert_int_equal(tg_backward(loss), TG_OK);
        assert_alike(tg_grad_of(x), c, 0);
        assert_true(tg_is_contiguous(tg_grad_of(x)));
    }
    tg_scope_end(scope);
}

TEST(test_nested)
{
    for (int i = 0; i < 8; i++) {
        IN_SCOPE;
        tg_tensor *x = parameter(S(3, 4, 5), TG_FLOAT64, 1), *g[2];
        for (int naive = 0; naive < 2; naive++) {
            pieces (*const take)(enum cut, tg_tensor *, int) = naive ? cut_naively : cut;
            const pieces outer = take(i & 1 ? UNBIND : CHUNK, x, 1);
            const pieces inner = take(i & 2 ? SIZES : UNBIND, outer.items[1], 1 - (i & 1));
            const pieces last = take(CHUNK, inner.items[0], 0);
            tg_tensor *loss = tg_add(tg_sum(tg_exp(last.items[0])), tg_sum(tg_tanh(inner.items[inner.count - 1])));
            if (i & 4) loss = tg_add(loss, tg_sum(tg_mul(outer.items[0], outer.items[0])));
            if (i & 4) loss = tg_add(loss, tg_sum(tg_mul(outer.items[1], tg_sum(outer.items[1]))));
            assert_int_equal(tg_backward(loss), TG_OK);
            g[naive] = take_grad(x);
        }
        assert_alike(g[0], g[1], 1e-13);
        tg_scope_end(scope);
    }
}

/* ---- who looks at the gradient of a piece ---- */

typedef struct watcher {
    tg_tensor *seen;                    /* kept: what the hook was given, no copy */
    tg_tensor *(*replace)(tg_tensor *); /* NULL: not */
    const struct watcher *other;        /* return what that one saw */
} watcher;

static tg_tensor *watch(tg_tensor *grad, void *context)
{
    watcher *w = context;
    w->seen = tg_keep(grad);
    if (w->other) return w->other->seen;
    return w->replace ? w->replace(grad) : NULL;
}

static tg_tensor *triple(tg_tensor *g) { return tg_mul(g, 3); }
static tg_tensor *turn(tg_tensor *g) { return tg_t(g); }
static tg_tensor *fill(tg_tensor *g) { return tg_fill_(g, 9); }
static tg_tensor *spread(tg_tensor *g) { return tg_expand(tg_narrow(g, 0, 0, 1), tg_shape_of(g)); }

/* x is [4, 2], its halves [2, 2]; the gradient is `before`, and becomes `after` by the hooks on the halves. */
static void check_hooks(watcher *first, watcher *second, const double *after)
{
    static const double before[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = parameter(S(4, 2), TG_FLOAT64, 1), *c = tg_from_data(before, S(4, 2));
    const tg_tensor_list halves = tg_chunk(x, 2, 0), parts = tg_chunk(c, 2, 0);
    tg_tensor *loss =
        tg_add(tg_sum(tg_mul(halves.items[0], parts.items[0])), tg_sum(tg_mul(halves.items[1], parts.items[1])));
    tg_register_hook(halves.items[0], watch, first);
    tg_register_hook(halves.items[1], watch, second);
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_values(tg_grad_of(x), after, 8, 0);
    tg_release(first->seen);
    tg_release(second->seen);
    tg_scope_end(scope);
}
#define HOOKS(first, second, ...) check_hooks(&(watcher)first, &(watcher)second, (const double[]){ __VA_ARGS__ })
#define REPLACE(by)                                                                                                    \
    {                                                                                                                  \
        NULL, by, NULL                                                                                                 \
    }

TEST(test_hooks_that_replace)
{
    HOOKS(REPLACE(NULL), REPLACE(NULL), 1, 2, 3, 4, 5, 6, 7, 8);
    HOOKS(REPLACE(triple), REPLACE(NULL), 3, 6, 9, 12, 5, 6, 7, 8);
    HOOKS(REPLACE(NULL), REPLACE(triple), 1, 2, 3, 4, 15, 18, 21, 24);
    HOOKS(REPLACE(fill), REPLACE(triple), 9, 9, 9, 9, 15, 18, 21, 24);
}

/* What a hook returns may lie in the memory of the whole, but elsewhere. */
TEST(test_hooks_that_return_views)
{
    HOOKS(REPLACE(turn), REPLACE(NULL), 1, 3, 2, 4, 5, 6, 7, 8);
    HOOKS(REPLACE(spread), REPLACE(turn), 1, 2, 1, 2, 5, 7, 6, 8);
}

TEST(test_hook_that_returns_another_gradient)
{
    watcher first = REPLACE(NULL), second = { NULL, NULL, &first };
    check_hooks(&first, &second, (const double[]){ 1, 2, 3, 4, 1, 2, 3, 4 });
    watcher turned = REPLACE(triple), same = { NULL, NULL, &turned };
    check_hooks(&turned, &same, (const double[]){ 3, 6, 9, 12, 1, 2, 3, 4 });
}

/* A gradient that a hook has kept is not written later, nor is it the leaf's. */
TEST(test_kept_gradients)
{
    IN_SCOPE;
    tg_tensor *x = parameter(S(4, 2), TG_FLOAT64, 1), *y = tg_mul(x, 1.0);
    watcher hook = REPLACE(NULL);
    for (int leaf = 0; leaf < 2; leaf++) {
        tg_tensor *t = leaf ? x : y;
        tg_tensor *early = tg_sum(tg_mul(t, 7)); /* arrives after the halves' */
        const tg_tensor_list halves = tg_chunk(t, 2, 0);
        tg_register_hook(halves.items[0], watch, &hook);
        tg_tensor *late = tg_add(tg_sum(halves.items[0]), tg_sum(tg_mul(halves.items[1], 2)));
        assert_int_equal(tg_backward(tg_add(early, late)), TG_OK);
        tg_zero_(tg_grad_of(x));
        VALUES(hook.seen, 0, 1, 1, 1, 1);
        tg_release(hook.seen);
    }
    tg_scope_end(scope);
}

TEST(test_retain_grad)
{
    IN_SCOPE;
    for (int i = 0; i < CUTS * BASES; i++) {
        model m = model_new((enum cut)(i % CUTS), (enum base)(i / CUTS), 1);
        tg_tensor *expected = gradient(&m, true, false), *pieces_expected[MOST];
        for (int k = 0; k < m.pieces.count; k++) {
            tg_tensor *loss = run(&m);
            pieces_expected[k] = tg_grad(tg_list(loss), tg_list(m.pieces.items[k])).items[0];
        }
        tg_tensor *loss = run(&m);
        const pieces p = m.pieces;
        for (int k = 0; k < p.count; k++) tg_retain_grad(p.items[k]);
        assert_int_equal(tg_backward(loss, .retain_graph = true), TG_OK);
        assert_int_equal(tg_backward(loss), TG_OK);
        assert_alike(take_grad(m.x), tg_mul(expected, 2), 1e-13);
        for (int k = 0; k < p.count; k++) assert_alike(tg_grad_of(p.items[k]), tg_mul(pieces_expected[k], 2), 1e-13);
    }
    tg_scope_end(scope);
}

/* The gradient of piece k, worked out from a leaf in its place. */
TEST(test_tg_grad_of_a_piece)
{
    IN_SCOPE;
    for (int i = 0; i < CUTS * BASES; i++) {
        model m = model_new((enum cut)(i % CUTS), (enum base)(i / CUTS), 1);
        m.style = i;
        tg_tensor *expected = gradient(&m, true, false), *loss = run(&m);
        const pieces p = m.pieces;
        const tg_tensor_list g =
            tg_grad(tg_list(loss), tg_list(p.items[0], m.x, p.items[p.count - 1]), .retain_graph = true);
        assert_alike(g.items[1], expected, 1e-13);
        for (int k = 0; k < p.count; k += p.count - 1) {
            pieces alone = p;
            alone.items[k] = tg_requires_grad_(tg_clone(tg_detach(p.items[k])), true);
            assert_int_equal(tg_backward(use(&m, &alone, k)), TG_OK);
            assert_alike(g.items[k ? 2 : 0], tg_grad_of(alone.items[k]), 1e-13);
            assert_false(tg_shares_storage(g.items[k ? 2 : 0], g.items[1]));
        }
        assert_null(tg_grad_of(m.x));
    }
    tg_scope_end(scope);
}

/* ---- steps ---- */

TEST(test_accumulates)
{
    IN_SCOPE;
    for (int i = 0; i < CUTS * BASES; i++) {
        model m = model_new((enum cut)(i % CUTS), (enum base)(i / CUTS), i % 3);
        tg_tensor *expected = gradient(&m, true, false);
        for (int step = 1; step <= 3; step++) {
            const tg_scope inner = tg_scope_begin();
            assert_int_equal(tg_backward(run(&m)), TG_OK);
            tg_scope_end(inner);
            assert_alike(tg_grad_of(m.x), tg_mul(expected, step), 1e-13);
        }
    }
    tg_scope_end(scope);
}

static double step(void)
{
    watcher hook = REPLACE(triple);
    model m = model_new(CHUNK, LEAF, 1);
    for (int i = 0; i < 4; i++) {
        m.how = (enum cut)i;
        m.base = (enum base)i;
        m.style = i + 2;
        tg_tensor *loss = run(&m);
        if (i == 2) tg_register_hook(m.pieces.items[1], watch, &hook);
        tg_backward(loss);
    }
    tg_release(hook.seen);
    return tg_failed() ? 0 : tg_item(tg_sum(tg_grad_of(m.x)));
}

TEST(test_every_allocation_may_fail) { fail_each_allocation(step); }

/* ---- places that are asked for and then not, or oddly, used ---- */

/* Memory is dirty from the second step on, and so must these be from the first. */
static void leave_dirty(void)
{
    const tg_scope scope = tg_scope_begin();
    for (int64_t n = 1; n <= 128; n *= 2)
        for (int i = 0; i < 8; i++) tg_full(S(n), 777.0, .dtype = TG_FLOAT64);
    tg_scope_end(scope);
}

enum way { HANDS_BACK, FORGETS, ASKS_TWICE, TURNS, SETS_THE_OTHER_FIRST, CROSSES, WAYS };
static enum way way;

/* Writes `d` into the place, if there is one. */
static tg_tensor *placed(tg_tensor *place, tg_tensor *d) { return place ? tg_copy_(place, d) : d; }

/* Of the product a b of two square matrices, element by element. */
static void product_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    tg_tensor *d0 = tg_mul(g, tg_saved(ctx, 1)), *d1 = tg_mul(g, tg_saved(ctx, 0));
    tg_tensor *place0 = tg_grad_place(ctx, 0), *place1 = way == ASKS_TWICE ? tg_grad_place(ctx, 1) : NULL;
    tg_tensor *in0 = way == HANDS_BACK || way == ASKS_TWICE || way == SETS_THE_OTHER_FIRST ? placed(place0, d0) : d0;
    tg_tensor *in1 = placed(way == CROSSES ? place0 : place1, d1);
    if (way == FORGETS && place0) tg_fill_(place0, 555.0);
    if (way == TURNS && place0) in0 = tg_transpose(tg_copy_(place0, tg_transpose(d0, 0, 1)), 0, 1);
    const bool other_first = way == SETS_THE_OTHER_FIRST || way == CROSSES;
    if (other_first) tg_set_grad_input(ctx, 1, in1);
    tg_set_grad_input(ctx, 0, in0);
    if (!other_first) tg_set_grad_input(ctx, 1, in1);
}

static void product_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    tg_set_grad_input(ctx, 0, tg_mul(g, tg_saved(ctx, 1)));
    tg_set_grad_input(ctx, 1, tg_mul(g, tg_saved(ctx, 0)));
}

static tg_tensor *product(tg_tensor *a, tg_tensor *b)
{
    static const tg_op op = { .name = "product",
                              .backward = product_backward,
                              .backward_fused = product_backward_fused };
    const tg_scope quiet = tg_no_grad_begin();
    tg_tensor *y = tg_mul(a, b);
    tg_scope_end_with(quiet, &y);
    const bool ok = tg_record(&op, tg_list(a, b), tg_list(y), tg_list(a, b), NULL, 0) == TG_OK;
    return ok ? y : NULL;
}

/* The gradient of c by chunk or, naively, by narrow. */
static tg_tensor *gradient_of_products(tg_tensor *c, int second, bool naive)
{
    leave_dirty();
    tg_tensor *base = tg_mul(c, 1.0), *part[2];
    const tg_tensor_list chunks = tg_chunk(base, 2, 1);
    for (int i = 0; i < 2; i++) part[i] = naive ? tg_narrow(base, 1, 2 * i, 2) : chunks.items[i];
    tg_tensor *y = naive ? tg_mul(part[0], part[second]) : product(part[0], part[second]);
    tg_set_grad(c, NULL);
    tg_backward(tg_sum(tg_mul(y, tg_add(y, 1.0))));
    return tg_grad_of(c);
}

TEST(test_places_asked_for_in_every_way)
{
    IN_SCOPE;
    tg_manual_seed(3);
    tg_tensor *c = tg_requires_grad_(tg_rand(S(2, 4), .dtype = TG_FLOAT64), true);
    for (way = 0; way < WAYS; way++) {
        for (int second = 0; second < 2; second++) {
            tg_tensor *want = tg_clone(gradient_of_products(c, second, true));
            for (int step = 0; step < 4; step++) {
                const tg_scope inner = tg_scope_begin();
                assert_alike(gradient_of_products(c, second, false), want, 1e-13);
                tg_scope_end(inner);
            }
        }
    }
    tg_scope_end(scope);
}

static tg_tensor *by_name(const char *name, tg_tensor *a, tg_tensor *b)
{
    const tg_value operands[] = { { .kind = TG_VALUE_TENSOR, .as.tensor = a },
                                  { .kind = TG_VALUE_TENSOR, .as.tensor = b } };
    return tg_op_call(tg_op_find(name), operands, 2).items[0];
}

/* Ops of two operands that broadcast the part, which then gets the sum and not what was written to its place. */
TEST(test_parts_that_are_broadcast)
{
    IN_SCOPE;
    static const char *const ops[] = {
        "add",   "sub",   "mul",      "div",     "pow",        "maximum",        "minimum",
        "atan2", "hypot", "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "logaddexp"
    };
    tg_manual_seed(4);
    tg_tensor *c = tg_requires_grad_(tg_add(tg_rand(S(2, 1, 6), .dtype = TG_FLOAT64), 0.5), true);
    tg_tensor *x = tg_add(tg_rand(S(2, 4, 3), .dtype = TG_FLOAT64), 0.5);
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        for (int side = 0; side < 2; side++) {
            tg_tensor *want = NULL;
            for (int step = 0; step < 5; step++) { /* the first by narrow */
                const tg_scope inner = tg_scope_begin();
                leave_dirty();
                tg_tensor *base = tg_mul(c, 1.0);
                tg_tensor *part = step ? tg_chunk(base, 2, -1).items[1] : tg_narrow(base, 2, 3, 3);
                tg_set_grad(c, NULL);
                tg_backward(tg_sum(by_name(ops[k], side ? part : x, side ? x : part)));
                tg_tensor *grad = step ? tg_grad_of(c) : tg_clone(tg_grad_of(c));
                if (step) assert_alike(grad, want, 1e-12);
                tg_scope_end_with(inner, step ? &want : &grad);
                if (!step) want = grad;
            }
        }
    }
    tg_scope_end(scope);
}

/* ---- one tensor handed over for several inputs ---- */

enum both { PART_FIRST, OTHER_FIRST, OTHER_VIEWED, OTHER_AS_PRODUCT, BOTHS };
static enum both both;

static void sum_backward(tg_context *ctx)
{
    for (int i = 0; i < 2; i++) tg_set_grad_input(ctx, i, tg_grad_output(ctx, 0));
}

static void sum_backward_fused(tg_context *ctx)
{
    tg_tensor *d = placed(tg_grad_place(ctx, 0), tg_grad_output(ctx, 0));
    if (both == OTHER_FIRST) tg_set_grad_input(ctx, 1, d);
    tg_set_grad_input(ctx, 0, d);
    if (both == PART_FIRST) tg_set_grad_input(ctx, 1, d);
    if (both == OTHER_VIEWED) tg_set_grad_input(ctx, 1, tg_transpose(tg_transpose(d, 0, 1), 0, 1));
    if (both == OTHER_AS_PRODUCT)
        tg_set_grad_input_product(ctx, 1, (tg_product){ .a = d, .b = tg_eye(2, 2, .dtype = TG_FLOAT64) });
}

static tg_tensor *sum_of(tg_tensor *a, tg_tensor *b)
{
    static const tg_op op = { .name = "sum_of", .backward = sum_backward, .backward_fused = sum_backward_fused };
    if (!tg_op_begin(NULL, &op, tg_list(a, b))) return NULL;
    const tg_scope quiet = tg_no_grad_begin();
    tg_tensor *y = tg_scope_return(quiet, tg_add(a, b));
    return tg_record(&op, tg_list(a, b), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}

/* What comes for the part later, and is added into its place, must not reach the other input. */
TEST(test_place_handed_over_for_others)
{
    IN_SCOPE;
    for (int i = 0; i < BOTHS * 3; i++) {
        both = (enum both)(i / 3);
        tg_tensor *x = parameter(S(2, 2, 2), TG_FLOAT64, 1), *w = parameter(S(2, 2), TG_FLOAT64, 2);
        const tg_tensor_list parts = tg_unbind(x), of_w = tg_chunk(w, 2);
        tg_tensor *before = tg_mul(parts.items[0], 10), *ones = tg_ones(S(2, 2), .dtype = TG_FLOAT64);
        tg_tensor *other = i % 3 == 0 ? tg_mul(w, 1.0) : i % 3 == 1 ? parts.items[1] : tg_cat(of_w);
        tg_backward(tg_add(tg_sum(before), tg_sum(sum_of(parts.items[0], other))));
        assert_alike(tg_select(tg_grad_of(x), 0, 0), tg_mul(ones, 11), 1e-13);
        assert_alike(i % 3 == 1 ? tg_select(tg_grad_of(x), 0, 1) : tg_grad_of(w), ones, 1e-13);
    }
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_as_by_narrow),
        T(test_differences),
        T(test_float32),
        T(test_nested),
        T(test_hooks_that_replace),
        T(test_hooks_that_return_views),
        T(test_hook_that_returns_another_gradient),
        T(test_kept_gradients),
        T(test_retain_grad),
        T(test_tg_grad_of_a_piece),
        T(test_accumulates),
        T(test_every_allocation_may_fail),
        T(test_places_asked_for_in_every_way),
        T(test_parts_that_are_broadcast),
        T(test_place_handed_over_for_others),
    };
    setenv("TAPEGRAD_POOL", "0", 1); /* see failing.h */
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}

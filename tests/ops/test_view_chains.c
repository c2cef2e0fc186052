/* test_view_chains.c: views, slices and copies, one of another.
 *
 * The reference is a model that knows nothing of strides: for each element of a tensor, in row-major order, the number
 * of the element of the base that it is. Chains of random ops run on both; then values, writes through shared memory
 * and gradients must agree. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/join.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <stdio.h>

/* ---- the model ---- */

enum { MOST = 4096 };

typedef struct model {
    tg_shape shape;
    int64_t count;
    int64_t base[MOST]; /* which element of the base each one is */
} model;

typedef struct change {
    int a, b;
    int64_t start, step;
    tg_shape list;
} change;

/* Where the element at index `to` of the result comes from. */
typedef void (*map_fn)(const change *c, const int64_t *to, int ndim, int64_t *from);

static void remap(model *m, tg_shape shape, map_fn map, const change *c)
{
    static int64_t base[MOST];
    const int64_t count = tg_shape_numel(&shape);
    assert_true(count <= MOST);
    for (int64_t i = 0; i < count; i++) {
        int64_t to[TG_MAX_DIMS] = { 0 }, from[TG_MAX_DIMS] = { 0 }, at = 0, rest = i;
        for (int d = shape.ndim - 1; d >= 0; rest /= shape.dims[d--]) to[d] = rest % shape.dims[d];
        map(c, to, shape.ndim, from);
        for (int d = 0; d < m->shape.ndim; d++) at = at * m->shape.dims[d] + from[d] % m->shape.dims[d];
        base[i] = m->base[at];
    }
    memcpy(m->base, base, sizeof base);
    m->shape = shape;
    m->count = count;
}

static void map_permute(const change *c, const int64_t *to, int ndim, int64_t *from)
{
    for (int d = 0; d < ndim; d++) from[c->list.dims[d]] = to[d];
}
static void map_select(const change *c, const int64_t *to, int ndim, int64_t *from)
{
    for (int d = 0; d < ndim; d++) from[d < c->a ? d : d + 1] = to[d];
    from[c->a] = c->start;
}
static void map_slice(const change *c, const int64_t *to, int ndim, int64_t *from)
{
    for (int d = 0; d < ndim; d++) from[d] = d == c->a ? c->start + c->step * to[d] : to[d];
}
static void map_unsqueeze(const change *c, const int64_t *to, int ndim, int64_t *from)
{
    for (int d = 0; d < ndim; d++)
        if (d != c->a) from[d < c->a ? d : d - 1] = to[d];
}
/* expand and repeat: remap takes the remainder by the old size. c->a is the number of new dimensions. */
static void map_repeat(const change *c, const int64_t *to, int ndim, int64_t *from)
{
    for (int d = c->a; d < ndim; d++) from[d - c->a] = to[d];
}

static void reshape_model(model *m, tg_shape shape)
{
    assert_true(tg_shape_numel(&shape) == m->count);
    m->shape = shape;
}

/* Are there strides under which the model's elements, placed as in the base, have this shape? By trying them out. */
static bool viewable(const model *m, const tg_shape *shape)
{
    int64_t stride[TG_MAX_DIMS] = { 0 }, step = 1;
    for (int d = shape->ndim - 1; d >= 0 && m->count; step *= shape->dims[d--])
        if (shape->dims[d] > 1) stride[d] = m->base[step] - m->base[0];
    for (int64_t i = 0; i < m->count; i++) {
        int64_t at = m->base[0], rest = i;
        for (int d = shape->ndim - 1; d >= 0; rest /= shape->dims[d--]) at += rest % shape->dims[d] * stride[d];
        if (at != m->base[i]) return false;
    }
    return true;
}

/* ---- random chains ---- */

typedef struct chain {
    uint64_t random;
    tg_tensor *t;
    model m;
    bool copied; /* no longer the base's memory */
} chain;

/* 0 <= result < n */
static int64_t draw(chain *c, int64_t n)
{
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((c->random >> 33) % (uint64_t)n);
}

/* Sometimes counted from the end. */
static int64_t spelled(chain *c, int64_t dim, int64_t n) { return draw(c, 2) ? dim : dim - n; }

static void random_permute(chain *c)
{
    const int n = c->m.shape.ndim;
    change p = { .list = { n, { 0 } } };
    tg_shape shape = c->m.shape, asked = p.list;
    for (int d = 0; d < n; d++) p.list.dims[d] = d;
    for (int d = n - 1; d > 0; d--) {
        const int64_t k = draw(c, d + 1), swap = p.list.dims[d];
        p.list.dims[d] = p.list.dims[k];
        p.list.dims[k] = swap;
    }
    for (int d = 0; d < n; d++) {
        shape.dims[d] = c->m.shape.dims[p.list.dims[d]];
        asked.dims[d] = spelled(c, p.list.dims[d], n);
    }
    c->t = tg_permute(c->t, asked);
    remap(&c->m, shape, map_permute, &p);
}

static void random_transpose(chain *c)
{
    const int n = c->m.shape.ndim ? c->m.shape.ndim : 1;
    const int64_t a = draw(c, n), b = draw(c, n);
    change p = { .list = { c->m.shape.ndim, { 0 } } };
    tg_shape shape = c->m.shape;
    for (int d = 0; d < n; d++) p.list.dims[d] = d == a ? b : d == b ? a : d;
    shape.dims[a] = c->m.shape.dims[b];
    shape.dims[b] = c->m.shape.dims[a];
    c->t = n == 2 && a != b && draw(c, 2) ? tg_t(c->t) : tg_transpose(c->t, spelled(c, a, n), spelled(c, b, n));
    remap(&c->m, shape, map_permute, &p);
}

static void random_select(chain *c)
{
    const int n = c->m.shape.ndim;
    const int64_t d = n ? draw(c, n) : 0, size = n ? c->m.shape.dims[d] : 0;
    if (size == 0) return;
    const change p = { .a = (int)d, .start = draw(c, size) };
    tg_shape shape = { n - 1, { 0 } };
    for (int k = 0; k < shape.ndim; k++) shape.dims[k] = c->m.shape.dims[k < d ? k : k + 1];
    if (draw(c, 2))
        c->t = tg_select(c->t, spelled(c, d, n), spelled(c, p.start, size));
    else
        c->t = tg_unbind(c->t, spelled(c, d, n)).items[p.start];
    remap(&c->m, shape, map_select, &p);
}

static void random_slice(chain *c)
{
    const int n = c->m.shape.ndim;
    if (n == 0) return;
    const int64_t d = draw(c, n), size = c->m.shape.dims[d], start = draw(c, size + 1);
    const bool narrow = draw(c, 2);
    change p = { .a = (int)d, .start = start, .step = narrow ? 1 : 1 + draw(c, 3) };
    const int64_t end = start + draw(c, size - start + 1);
    tg_shape shape = c->m.shape;
    shape.dims[d] = 0;
    for (int64_t i = start; i < end; i += p.step) shape.dims[d]++;
    if (narrow)
        c->t = tg_narrow(c->t, spelled(c, d, n), start < size ? spelled(c, start, size) : start, end - start);
    else /* beyond the end is the end; -size - 1 and below is the start */
        c->t = tg_slice(c->t, spelled(c, d, n), start ? start : -size - draw(c, 3), end < size ? end : end + draw(c, 9),
                        p.step);
    remap(&c->m, shape, map_slice, &p);
}

static void random_unsqueeze(chain *c)
{
    const int n = c->m.shape.ndim;
    if (n == TG_MAX_DIMS) return;
    const change p = { .a = (int)draw(c, n + 1) };
    tg_shape shape = { n + 1, { 0 } };
    for (int d = 0; d < n; d++) shape.dims[d < p.a ? d : d + 1] = c->m.shape.dims[d];
    shape.dims[p.a] = 1;
    c->t = tg_unsqueeze(c->t, spelled(c, p.a, n + 1));
    remap(&c->m, shape, map_unsqueeze, &p);
}

static void random_squeeze(chain *c)
{
    const int n = c->m.shape.ndim ? c->m.shape.ndim : 1;
    const bool all = draw(c, 3) == 0;
    const int64_t only = draw(c, n);
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < c->m.shape.ndim; d++)
        if (c->m.shape.dims[d] != 1 || (!all && d != only)) shape.dims[shape.ndim++] = c->m.shape.dims[d];
    c->t = tg_squeeze(c->t, all ? TG_NO_DIM : spelled(c, only, n));
    reshape_model(&c->m, shape);
}

static void random_expand(chain *c)
{
    const int n = c->m.shape.ndim;
    const change p = { .a = n < 5 ? (int)draw(c, 2) : 0 };
    tg_shape shape = { n + p.a, { 0 } }, asked = shape;
    for (int d = 0; d < shape.ndim; d++) {
        const int64_t size = d < p.a ? 1 : c->m.shape.dims[d - p.a];
        shape.dims[d] = asked.dims[d] = size == 1 ? draw(c, 4) : size;
        if (shape.dims[d] == size && d >= p.a && draw(c, 2)) asked.dims[d] = -1;
    }
    if (tg_shape_numel(&shape) > MOST) return;
    c->t = tg_expand(c->t, asked);
    remap(&c->m, shape, map_repeat, &p);
}

static void random_repeat(chain *c)
{
    const int n = c->m.shape.ndim;
    const change p = { .a = n < 5 ? (int)draw(c, 2) : 0 };
    tg_shape repeats = { n + p.a, { 0 } }, shape = repeats;
    for (int d = 0; d < shape.ndim; d++) {
        repeats.dims[d] = draw(c, 12) ? 1 + draw(c, 3) : 0;
        shape.dims[d] = repeats.dims[d] * (d < p.a ? 1 : c->m.shape.dims[d - p.a]);
    }
    if (tg_shape_numel(&shape) > MOST) return;
    c->t = tg_repeat(c->t, repeats);
    c->copied = true;
    remap(&c->m, shape, map_repeat, &p);
}

/* A shape of as many elements: the sizes, flattened, cut anew at random. */
static tg_shape random_shape_of(chain *c, int64_t count)
{
    tg_shape shape = { 0, { 0 } };
    while (count > 1 && shape.ndim < 4) {
        int64_t size = 1 + draw(c, count);
        while (count % size) size--;
        shape.dims[shape.ndim++] = size;
        count /= size;
    }
    if (count != 1) shape.dims[shape.ndim++] = count;
    return shape;
}

static void random_reshape(chain *c)
{
    const tg_shape shape = random_shape_of(c, c->m.count);
    tg_shape asked = shape;
    if (shape.ndim && c->m.count && draw(c, 2)) asked.dims[draw(c, shape.ndim)] = -1;
    /* The model places elements as the base does, so it can only tell while the memory is the base's. */
    const bool fits = viewable(&c->m, &shape);
    tg_tensor *view = c->copied ? NULL : tg_view(c->t, asked);
    if (!c->copied && (view != NULL) != fits)
        fail_msg("view %s", fits ? "refused possible strides" : "found impossible strides");
    if (!c->copied && !fits) expect_error("view size is not compatible");
    tg_tensor *from = c->t;
    c->t = view && draw(c, 2) ? view : tg_reshape(c->t, asked);
    if (!c->copied) assert_int_equal(tg_shares_storage(c->t, from), fits);
    c->copied |= !tg_shares_storage(c->t, from);
    reshape_model(&c->m, shape);
}

static void random_flatten(chain *c)
{
    const int n = c->m.shape.ndim ? c->m.shape.ndim : 1;
    const int64_t a = draw(c, n), b = a + draw(c, n - a);
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < c->m.shape.ndim; d++) {
        if (d > a && d <= b)
            shape.dims[shape.ndim - 1] *= c->m.shape.dims[d];
        else
            shape.dims[shape.ndim++] = c->m.shape.dims[d];
    }
    tg_tensor *from = c->t;
    c->t = tg_flatten(c->t, spelled(c, a, n), spelled(c, b, n));
    c->copied |= !tg_shares_storage(c->t, from);
    reshape_model(&c->m, c->m.shape.ndim ? shape : tg_shape(1));
}

static void random_copy(chain *c)
{
    tg_tensor *from = c->t;
    c->t = draw(c, 2) ? tg_clone(c->t) : tg_contiguous(c->t);
    assert_true(tg_is_contiguous(c->t));
    c->copied |= !tg_shares_storage(c->t, from);
}

static void (*const steps[])(chain *) = { random_permute, random_transpose, random_select,  random_slice,
                                          random_slice,   random_unsqueeze, random_squeeze, random_expand,
                                          random_reshape, random_reshape,   random_flatten, random_repeat,
                                          random_copy };
enum { STEPS = sizeof steps / sizeof steps[0] };

/* Element k of the tensor is element m.base[k] of the base, whose values are their numbers plus `shift`. */
static void check_values(const chain *c, int seed, int step, double shift)
{
    double values[MOST];
    const tg_shape shape = tg_shape_of(c->t);
    if (tg_failed()) fail_msg("seed %d, step %d: %s", seed, step, tg_error_message());
    if (!tg_shape_equal(&shape, &c->m.shape)) fail_msg("seed %d, step %d: another shape", seed, step);
    assert_int_equal(tg_to_array(c->t, values, c->m.count), TG_OK);
    for (int64_t i = 0; i < c->m.count; i++)
        if (values[i] != (double)c->m.base[i] + shift)
            fail_msg("seed %d, step %d: element %d is %g", seed, step, (int)i, values[i]);
}

/* The gradient of sum(t * weights) adds up the weights of all elements that one of the base became. */
static void check_gradient(const chain *c, tg_tensor *base, int seed)
{
    static double weights[MOST], expected[MOST], found[MOST];
    memset(expected, 0, sizeof expected);
    for (int64_t i = 0; i < c->m.count; i++) {
        weights[i] = (double)((7 * i) % 11 - 5);
        expected[c->m.base[i]] += weights[i];
    }
    tg_tensor *loss = tg_sum(tg_mul(c->t, tg_from_data(weights, c->m.shape)));
    tg_tensor *g = tg_grad(tg_list(loss), tg_list(base)).items[0];
    if (!g) fail_msg("seed %d: %s", seed, tg_error_message());
    assert_int_equal(tg_to_array(g, found, tg_numel(base)), TG_OK);
    for (int64_t i = 0; i < tg_numel(base); i++)
        if (found[i] != expected[i]) fail_msg("seed %d: the gradient of element %d is %g", seed, (int)i, found[i]);
}

TEST(test_chains)
{
    enum { CHAINS = 3000 };
    int views = 0;
    for (int seed = 0; seed < CHAINS; seed++) {
        tg_scope scope = tg_scope_begin();
        static chain c;
        c = (chain){ .random = (uint64_t)seed * 2654435761u + 1 };
        c.m.shape.ndim = (int)draw(&c, 5);
        for (int d = 0; d < c.m.shape.ndim; d++) c.m.shape.dims[d] = draw(&c, 15) ? 1 + draw(&c, 4) : 0;
        c.m.count = tg_shape_numel(&c.m.shape);
        for (int64_t i = 0; i < c.m.count; i++) c.m.base[i] = i;
        tg_tensor *base = tg_reshape(tg_arange(0, c.m.count, 1, .dtype = TG_FLOAT64), c.m.shape);
        c.t = tg_requires_grad_(base, true);
        const int length = 1 + (int)draw(&c, 6);
        for (int step = 0; step < length; step++) {
            steps[draw(&c, STEPS)](&c);
            check_values(&c, seed, step, 0);
        }
        assert_int_equal(tg_shares_storage(c.t, base), !c.copied);
        check_gradient(&c, base, seed);
        tg_scope no_grad = tg_no_grad_begin();
        tg_add_(base, 1000); /* a view sees it, a copy does not */
        check_values(&c, seed, length, c.copied ? 0 : 1000);
        tg_scope_end(no_grad);
        views += !c.copied;
        tg_scope_end(scope);
    }
    assert_true(views > CHAINS / 4 && views < CHAINS * 3 / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_chains),
    };
    return cmocka_run_group_tests_name("view chains", tests, NULL, NULL);
}

/* test_join.c: cat and stack, and what undoes them, against naive index loops; which pieces there are, against
 * PyTorch 1.13.1; what the tape holds of it. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/join.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <stdlib.h>

#define S tg_shape

static uint64_t random_state;

/* 0 <= result < n */
static int64_t draw(int64_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((random_state >> 33) % (uint64_t)n);
}

/* Small whole numbers, exact in every dtype but bool. A third of them lie in memory in another order. */
static tg_tensor *random_tensor(tg_shape shape, tg_dtype dtype, bool requires_grad)
{
    float values[256];
    assert_true(tg_shape_numel(&shape) <= 256);
    for (int i = 0; i < 256; i++) values[i] = (float)(draw(19) - 9);
    tg_tensor *t = tg_to(tg_from_data(values, shape), dtype);
    if (shape.ndim > 1 && draw(3) == 0)
        t = tg_transpose(tg_contiguous(tg_transpose(t, 0, -1)), 0, -1);
    else if (shape.ndim && draw(2))
        t = tg_slice(tg_cat(tg_list(t, t), 0), 0, 0, shape.dims[0], 1);
    return tg_dtype_is_floating(dtype) && requires_grad ? tg_requires_grad_(tg_detach(t), true) : t;
}

/* Element (outer, middle, inner) of a row-major array that is [.., size, ..] around dimension `dim`. */
static double at(const double *values, const tg_shape *shape, int dim, int64_t outer, int64_t middle, int64_t inner)
{
    int64_t rest = 1;
    for (int d = dim + 1; d < shape->ndim; d++) rest *= shape->dims[d];
    return values[(outer * shape->dims[dim] + middle) * rest + inner];
}

static void around(const tg_shape *shape, int dim, int64_t *outer, int64_t *inner)
{
    *outer = *inner = 1;
    for (int d = 0; d < shape->ndim; d++)
        if (d != dim) *(d < dim ? outer : inner) *= shape->dims[d];
}

/* Is `part`, seen as `shape`, what `whole` holds from index `start` of dimension `dim` on? */
static void assert_part(const tg_tensor *part, tg_shape shape, const tg_tensor *whole, int dim, int64_t start)
{
    const tg_shape all = tg_shape_of(whole);
    double *a = elements(part), *b = elements(whole);
    int64_t outer, inner;
    around(&shape, dim, &outer, &inner);
    assert_true(start + shape.dims[dim] <= all.dims[dim]);
    for (int64_t i = 0; i < outer; i++)
        for (int64_t k = 0; k < shape.dims[dim]; k++)
            for (int64_t j = 0; j < inner; j++)
                if (at(a, &shape, dim, i, k, j) != at(b, &all, dim, i, start + k, j)) fail_msg("an element differs");
    free(a);
    free(b);
}

static const tg_dtype dtypes[] = { TG_FLOAT32, TG_FLOAT64, TG_INT64 };

/* ---- cat and stack ---- */

enum { MOST = 5 };

/* The gradients of sum(y * weights) are the parts of the weights. */
static void check_gradients(tg_tensor *y, tg_tensor *const *inputs, const tg_shape *shapes, int count, int dim)
{
    if (!tg_requires_grad(y)) return;
    tg_tensor *weights = random_tensor(tg_shape_of(y), tg_dtype_of(y), false);
    tg_tensor *loss = tg_sum(tg_mul(y, weights));
    int64_t start = 0;
    assert_int_equal(tg_backward(loss), TG_OK);
    for (int i = 0; i < count; start += shapes[i++].dims[dim]) {
        if (!tg_requires_grad(inputs[i])) continue;
        const tg_tensor *g = tg_grad_of(inputs[i]);
        const tg_shape own = tg_shape_of(inputs[i]), have = tg_shape_of(g);
        assert_non_null(g);
        assert_int_equal(tg_dtype_of(g), tg_dtype_of(inputs[i]));
        assert_true(tg_shape_equal(&own, &have));
        assert_part(g, shapes[i], weights, dim, start);
    }
}

TEST(test_cat)
{
    for (int seed = 0; seed < 1000; seed++) {
        tg_scope scope = tg_scope_begin();
        random_state = (uint64_t)seed;
        tg_tensor *inputs[MOST];
        tg_shape common = { 1 + (int)draw(4), { 0 } }, shapes[MOST];
        tg_dtype expected = TG_BOOL;
        for (int d = 0; d < common.ndim; d++) common.dims[d] = draw(12) ? 1 + draw(3) : 0;
        const int dim = (int)draw(common.ndim), count = 1 + (int)draw(MOST);
        int64_t length = 0;
        for (int i = 0; i < count; i++) {
            shapes[i] = common;
            shapes[i].dims[dim] = draw(4);
            const bool skipped = draw(6) == 0 && i; /* of shape (0,), which may join anything */
            if (skipped) shapes[i].dims[dim] = 0;
            const tg_dtype dtype = draw(2) ? TG_FLOAT64 : dtypes[draw(3)];
            inputs[i] = random_tensor(skipped ? S(0) : shapes[i], dtype, draw(2));
            expected = tg_promote_types(expected, dtype);
            length += shapes[i].dims[dim];
        }
        tg_tensor *y = tg_cat(tg_list_of(inputs, count), draw(2) ? dim : dim - common.ndim);
        if (!y) fail_msg("seed %d: %s", seed, tg_error_message());
        common.dims[dim] = length;
        const tg_shape have = tg_shape_of(y);
        assert_true(tg_shape_equal(&have, &common) && tg_is_contiguous(y));
        assert_int_equal(tg_dtype_of(y), expected);
        int64_t start = 0;
        for (int i = 0; i < count; start += shapes[i++].dims[dim]) assert_part(inputs[i], shapes[i], y, dim, start);
        check_gradients(y, inputs, shapes, count, dim);
        tg_scope_end(scope);
    }
}

TEST(test_stack)
{
    for (int seed = 0; seed < 500; seed++) {
        tg_scope scope = tg_scope_begin();
        random_state = (uint64_t)seed;
        tg_tensor *inputs[MOST];
        tg_shape own = { (int)draw(4), { 0 } }, shapes[MOST], expected;
        tg_dtype dtype = TG_BOOL;
        for (int d = 0; d < own.ndim; d++) own.dims[d] = draw(12) ? 1 + draw(3) : 0;
        const int dim = (int)draw(own.ndim + 1), count = 1 + (int)draw(MOST);
        shapes[0] = (tg_shape){ own.ndim + 1, { 0 } };
        for (int d = 0; d <= own.ndim; d++) shapes[0].dims[d] = d == dim ? 1 : own.dims[d < dim ? d : d - 1];
        for (int i = 0; i < count; i++) {
            shapes[i] = shapes[0];
            const tg_dtype one = draw(2) ? TG_FLOAT64 : dtypes[draw(3)];
            inputs[i] = random_tensor(own, one, draw(2));
            dtype = tg_promote_types(dtype, one);
        }
        tg_tensor *y = tg_stack(tg_list_of(inputs, count), draw(2) ? dim : dim - own.ndim - 1);
        if (!y) fail_msg("seed %d: %s", seed, tg_error_message());
        const tg_shape have = tg_shape_of(y);
        expected = shapes[0];
        expected.dims[dim] = count;
        assert_true(tg_shape_equal(&have, &expected) && tg_is_contiguous(y));
        assert_int_equal(tg_dtype_of(y), dtype);
        for (int i = 0; i < count; i++) assert_part(inputs[i], shapes[i], y, dim, i);
        check_gradients(y, inputs, shapes, count, dim);
        tg_scope_end(scope);
    }
}

/* ---- pieces ---- */

/* The pieces have these sizes along `dim`, are views, and follow each other in `t`. */
static void check_pieces(int line, tg_tensor_list pieces, tg_tensor *t, int dim, int64_t count, const int64_t *sizes)
{
    int64_t start = 0;
    if (tg_failed() || pieces.count != count) fail_msg("line %d: %d pieces", line, (int)pieces.count);
    for (int64_t i = 0; i < count; start += sizes[i++]) {
        tg_shape shape = tg_shape_of(t);
        const tg_shape have = tg_shape_of(pieces.items[i]);
        shape.dims[dim] = sizes[i];
        if (!tg_shape_equal(&shape, &have)) fail_msg("line %d: piece %d has another shape", line, (int)i);
        assert_true(tg_shares_storage(pieces.items[i], t));
        assert_part(pieces.items[i], shape, t, dim, start);
    }
}
#define PIECES(list, t, dim, ...)                                                                                      \
    check_pieces(__LINE__, list, t, dim, sizeof((int64_t[]){ 0, ##__VA_ARGS__ }) / sizeof(int64_t) - 1,                \
                 (int64_t[]){ 0, ##__VA_ARGS__ } + 1)

TEST(test_pieces)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = random_tensor(S(5, 4), TG_FLOAT32, false), *v = random_tensor(S(7), TG_INT64, false);
    tg_tensor *none = tg_zeros(S(0, 2));
    PIECES(tg_split(x, 2, 0), x, 0, 2, 2, 1);
    PIECES(tg_split(x, 2, -1), x, 1, 2, 2);
    PIECES(tg_split(x, INT64_MAX, 0), x, 0, 5);
    PIECES(tg_split(none, 0, 0), none, 0, 0);
    PIECES(tg_split(none, 3, 0), none, 0, 0);
    PIECES(tg_split_with_sizes(x, S(0, 4, 0, 1), 0), x, 0, 0, 4, 0, 1);
    PIECES(tg_split_with_sizes(none, S(), 0), none, 0);
    PIECES(tg_split_with_sizes(none, S(0, 0), 0), none, 0, 0, 0);
    PIECES(tg_chunk(v, 3, 0), v, 0, 3, 3, 1);
    PIECES(tg_chunk(v, 4, 0), v, 0, 2, 2, 2, 1);
    PIECES(tg_chunk(v, 5, -1), v, 0, 2, 2, 2, 1); /* fewer than asked for */
    PIECES(tg_chunk(v, 6, 0), v, 0, 2, 2, 2, 1);
    PIECES(tg_chunk(v, INT64_MAX, 0), v, 0, 1, 1, 1, 1, 1, 1, 1);
    PIECES(tg_chunk(none, 3, 0), none, 0, 0, 0, 0);
    const tg_tensor_list rows = tg_unbind(x, 0), columns = tg_unbind(x, -1);
    assert_int_equal(rows.count, 5);
    assert_int_equal(columns.count, 4);
    for (int i = 0; i < 4; i++) assert_part(tg_unsqueeze(columns.items[i], 1), S(5, 1), x, 1, i);
    tg_requires_grad_(none, true);
    const int64_t length = tg_tape_length();
    assert_int_equal(tg_unbind(none, 0).count, 0);
    assert_int_equal(tg_tape_length(), length); /* no piece, no node */
    assert_int_equal(tg_unbind(none, 1).count, 2);
    assert_false(tg_failed());
    tg_scope_end(scope);
}

/* One node however many pieces; pieces that nobody used count as zeros; the second derivative of cubes is right. */
TEST(test_one_node)
{
    for (int kind = 0; kind < 4; kind++) {
        tg_scope scope = tg_scope_begin();
        random_state = (uint64_t)kind;
        tg_tensor *x = random_tensor(S(6, 2), TG_FLOAT64, true);
        const int64_t before = tg_tape_length();
        const tg_tensor_list pieces = kind == 0   ? tg_split(x, 2, 0)
                                      : kind == 1 ? tg_split_with_sizes(x, S(2, 2, 0, 2), 0)
                                      : kind == 2 ? tg_chunk(x, 3, 0)
                                                  : tg_unbind(tg_reshape(x, S(3, 2, 2)), 0);
        assert_int_equal(tg_tape_length(), before + (kind == 3 ? 2 : 1));
        tg_tensor *last = pieces.items[pieces.count - 1]; /* rows 4 and 5 */
        tg_tensor *loss = tg_sum(tg_add(tg_mul(last, tg_mul(last, last)), tg_mul(pieces.items[0], 2)));
        tg_tensor *g = tg_grad(tg_list(loss), tg_list(x), .create_graph = true).items[0];
        tg_tensor *gg = tg_grad(tg_list(tg_sum(tg_mul(g, g))), tg_list(x)).items[0];
        double *values = elements(x), *first = elements(g), *second = elements(gg);
        for (int i = 0; i < 12; i++) { /* f = z^3 or 2 z; d(f'^2) = 2 f' f'' = 36 z^3 */
            const double z = values[i];
            assert_true(first[i] == (i < 4 ? 2 : i < 8 ? 0 : 3 * z * z));
            assert_true(second[i] == (i < 8 ? 0 : 36 * z * z * z));
        }
        free(values);
        free(first);
        free(second);
        tg_scope_end(scope);
    }
}

TEST(test_many)
{
    tg_scope scope = tg_scope_begin();
    enum { MANY = 3000 };
    tg_tensor *x = tg_arange(0, 2 * MANY, 1, .dtype = TG_FLOAT64);
    x = tg_requires_grad_(tg_reshape(x, S(MANY, 2)), true);
    const tg_tensor_list rows = tg_unbind(x, 0);
    tg_tensor *y = tg_cat(tg_list_of(rows.items, MANY), 0), *z = tg_stack(tg_list_of(rows.items, MANY), 1);
    assert_part(tg_reshape(y, S(MANY, 2)), S(MANY, 2), x, 0, 0);
    assert_part(tg_t(z), S(MANY, 2), x, 0, 0);
    assert_int_equal(tg_backward(tg_add(tg_sum(tg_mul(y, y)), tg_sum(z))), TG_OK);
    double *values = elements(x), *g = elements(tg_grad_of(x));
    for (int i = 0; i < 2 * MANY; i++) assert_true(g[i] == 2 * values[i] + 1);
    free(values);
    free(g);
    tg_scope_end(scope);
}

/* ---- errors ---- */

/* A failed list has NULLs to read and makes what follows fail in silence. */
TEST(test_failed_lists)
{
    tg_tensor *x = tg_zeros(S(4));
    const tg_tensor_list bad = tg_split(x, -1, 0);
    assert_int_equal(bad.count, 0);
    assert_null(bad.items[1]);
    assert_null(tg_cat(bad, 0));
    assert_null(tg_stack(bad, 0));
    assert_null(tg_cat(tg_list(x, bad.items[0]), 0));
    assert_null(tg_unbind(bad.items[3], 0).items[0]);
    assert_int_equal(tg_error_get().later, 0);
    expect_error("split: split expects split_size be non-negative, but got split_size=-1");
    assert_null(tg_cat(tg_list(x, NULL), 0));
    expect_error("cat: argument 2 is NULL");
    assert_null(tg_cat(tg_list(tg_zeros(S(2, 3)), tg_zeros(S(2, 2)), tg_zeros(S(1, 3))), 0));
    expect_error(
        "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for tensor number 1");
    assert_null(tg_cat(tg_list(x, tg_zeros(S())), 0));
    expect_error("zero-dimensional tensor (at position 1) cannot be concatenated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_cat), T(test_stack), T(test_pieces), T(test_one_node), T(test_many), T(test_failed_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

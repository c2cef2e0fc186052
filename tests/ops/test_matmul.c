/* test_matmul.c: products against a naive loop over indices, in every shape, stride and dtype; what a product saves;
 * its errors. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/linear/matmul_impl.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- references ---- */

/* The shape with a 1-D operand made a row or a column. */
static tg_shape as_matrix(const tg_tensor *t, bool row)
{
    tg_shape s = tg_shape_of(t);
    if (s.ndim != 1) return s;
    return row ? tg_shape(1, s.dims[0]) : tg_shape(s.dims[0], 1);
}

/* Row-major offset of the matrix of `s` that broadcasting pairs with batch number `index` of `batch`. */
static int64_t matrix_at(const tg_shape *s, const tg_shape *batch, int64_t index)
{
    int64_t step = s->dims[s->ndim - 1] * s->dims[s->ndim - 2], at = 0;
    for (int d = batch->ndim - 1, own = s->ndim - 3; own >= 0; d--, own--) {
        if (s->dims[own] != 1) at += index % batch->dims[d] * step;
        index /= batch->dims[d];
        step *= s->dims[own];
    }
    return at;
}

/* matmul by its definition, in double, one index at a time; the largest sum of |a b| goes to *scale. */
static double *naive_matmul(const tg_tensor *a, const tg_tensor *b, int64_t *count, double *scale)
{
    tg_shape sa = as_matrix(a, true), sb = as_matrix(b, false), batch_a = sa, batch_b = sb, batch;
    batch_a.ndim -= 2;
    batch_b.ndim -= 2;
    assert_true(tg_shape_broadcast(&batch_a, &batch_b, &batch));
    int64_t m = sa.dims[sa.ndim - 2], k = sa.dims[sa.ndim - 1], n = sb.dims[sb.ndim - 1],
            batches = tg_shape_numel(&batch);
    double *x = elements(a), *y = elements(b), *c = calloc((size_t)(batches * m * n + 1), sizeof *c);
    assert_non_null(c);
    *scale = 0;
    for (int64_t p = 0; p < batches; p++) {
        const double *xa = x + matrix_at(&sa, &batch, p), *yb = y + matrix_at(&sb, &batch, p);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0, size = 0;
                for (int64_t l = 0; l < k; l++) {
                    sum += xa[i * k + l] * yb[l * n + j];
                    size += fabs(xa[i * k + l] * yb[l * n + j]);
                }
                c[(p * m + i) * n + j] = sum;
                if (size > *scale) *scale = size;
            }
    }
    *count = batches * m * n;
    free(x);
    free(y);
    return c;
}

static void assert_near(const tg_tensor *t, const double *expected, int64_t count, double tolerance)
{
    assert_non_null(t);
    assert_int_equal(tg_numel(t), count);
    double *got = elements(t);
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= tolerance))
            fail_msg("element %lld is %.17g, expected %.17g", (long long)i, got[i], expected[i]);
    free(got);
}

/* The dot products' rounding: at most k + 1 operations, each within epsilon of the sum of the terms' sizes. */
static void check_product(tg_tensor *a, tg_tensor *b)
{
    int64_t count;
    double scale, *expected = naive_matmul(a, b, &count, &scale);
    tg_tensor *y = tg_matmul(a, b);
    assert_near(y, expected, count, epsilon(a) * scale * (double)(tg_size(a, -1) + 1));
    assert_true(tg_is_contiguous(y));
    free(expected);
}

static void assert_same_bits(const tg_tensor *a, const tg_tensor *b)
{
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(tg_numel(a), tg_numel(b));
    double *x = elements(a), *y = elements(b);
    assert_memory_equal(x, y, (size_t)tg_numel(a) * sizeof *x);
    free(x);
    free(y);
}

/* ---- inputs in other strides ---- */

enum { CONTIGUOUS, REVERSED, STRIDED, SHIFTED, LAYOUTS };

/* Normal values of this shape, laid out as asked. */
static tg_tensor *random_tensor(tg_shape shape, tg_dtype dtype, int layout)
{
    tg_shape stored = shape, dims = shape;
    switch (shape.ndim ? layout : CONTIGUOUS) {
    case REVERSED:
        for (int d = 0; d < shape.ndim; d++) {
            dims.dims[d] = shape.ndim - 1 - d;
            stored.dims[d] = shape.dims[shape.ndim - 1 - d];
        }
        return tg_permute(tg_randn(stored, .dtype = dtype), dims);
    case STRIDED:
        stored.dims[shape.ndim - 1] = 3 * shape.dims[shape.ndim - 1] + 1;
        return tg_slice(tg_randn(stored, .dtype = dtype), -1, 1, stored.dims[shape.ndim - 1], 3);
    case SHIFTED: stored.dims[0] += 3; return tg_narrow(tg_randn(stored, .dtype = dtype), 0, 2, shape.dims[0]);
    default: return tg_randn(shape, .dtype = dtype);
    }
}

/* ---- matmul ---- */

TEST(test_every_shape)
{
    static const struct {
        tg_shape a, b;
    } cases[] = {
        { { 1, { 5 } }, { 1, { 5 } } },
        { { 1, { 0 } }, { 1, { 0 } } },
        { { 1, { 5 } }, { 2, { 5, 7 } } },
        { { 2, { 7, 5 } }, { 1, { 5 } } },
        { { 2, { 7, 5 } }, { 2, { 5, 9 } } },
        { { 2, { 1, 5 } }, { 2, { 5, 1 } } },
        { { 2, { 3, 0 } }, { 2, { 0, 4 } } },
        { { 2, { 0, 3 } }, { 2, { 3, 4 } } },
        { { 2, { 65, 33 } }, { 2, { 33, 70 } } },
        { { 3, { 4, 3, 5 } }, { 1, { 5 } } },
        { { 1, { 5 } }, { 3, { 4, 5, 3 } } },
        { { 3, { 4, 3, 5 } }, { 2, { 5, 6 } } },
        { { 3, { 4, 3, 5 } }, { 2, { 5, 2 } } },
        { { 2, { 3, 5 } }, { 3, { 4, 5, 6 } } },
        { { 3, { 4, 3, 5 } }, { 3, { 4, 5, 6 } } },
        { { 3, { 1, 3, 5 } }, { 3, { 4, 5, 6 } } },
        { { 3, { 4, 1, 5 } }, { 3, { 1, 5, 6 } } },
        { { 4, { 2, 1, 3, 5 } }, { 3, { 4, 5, 6 } } },
        { { 4, { 2, 4, 3, 5 } }, { 4, { 2, 1, 5, 6 } } },
        { { 4, { 2, 4, 3, 5 } }, { 4, { 1, 4, 5, 6 } } },
        { { 4, { 2, 4, 3, 5 } }, { 2, { 5, 6 } } },
        { { 4, { 2, 4, 0, 5 } }, { 2, { 5, 6 } } },
        { { 4, { 0, 4, 3, 5 } }, { 3, { 4, 5, 6 } } },
        { { 5, { 2, 1, 2, 3, 4 } }, { 5, { 1, 3, 2, 4, 2 } } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int layout = 0; layout < LAYOUTS * LAYOUTS; layout++)
            for (tg_dtype dtype = TG_FLOAT32; dtype <= TG_FLOAT64; dtype++) {
                tg_scope scope = tg_scope_begin();
                check_product(random_tensor(cases[i].a, dtype, layout % LAYOUTS),
                              random_tensor(cases[i].b, dtype, layout / LAYOUTS));
                tg_scope_end(scope);
            }
}

/* Batches that share b but do not follow each other: a few rows each (copied into one product) and many (left
 * alone). */
TEST(test_batches_in_another_order)
{
    for (int64_t steps = 1; steps <= 40; steps += 13) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *a = tg_transpose(tg_randn(tg_shape(steps, 6, 5)), 0, 1);
        check_product(a, tg_randn(tg_shape(5, 20)));
        check_product(tg_expand(tg_randn(tg_shape(1, steps, 5)), tg_shape(6, steps, 5)), tg_randn(tg_shape(5, 20)));
        check_product(a, tg_expand(tg_randn(tg_shape(1, 5, 20)), tg_shape(6, 5, 20)));
        tg_scope_end(scope);
    }
}

/* A batch gives what its products give alone, to the bit, on any number of threads. */
TEST(test_batches_and_threads)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_randn(tg_shape(24, 48, 40)), *b = tg_randn(tg_shape(24, 40, 56)), *w = tg_randn(tg_shape(40, 56));
    tg_tensor *each = tg_matmul(a, b), *shared = tg_matmul(a, w);
    for (int64_t i = 0; i < 24; i++) {
        assert_same_bits(tg_select(each, 0, i), tg_matmul(tg_select(a, 0, i), tg_select(b, 0, i)));
        assert_same_bits(tg_select(shared, 0, i), tg_matmul(tg_select(a, 0, i), w));
    }
#ifdef _OPENMP
    int before = omp_get_max_threads();
    for (int threads = 1; threads <= 5; threads++) {
        omp_set_num_threads(threads);
        assert_same_bits(tg_matmul(a, b), each);
        assert_same_bits(tg_matmul(a, w), shared);
    }
    omp_set_num_threads(before);
#endif
    tg_scope_end(scope);
}

static int64_t peak_of(tg_tensor *a, tg_tensor *b)
{
    tg_memory_reset_peak();
    int64_t before = tg_memory_stats().live_bytes;
    assert_non_null(tg_matmul(a, b));
    return tg_memory_stats().peak_bytes - before;
}

/* A transposed operand costs the memory of the result, which the pool may round up by a quarter; a copy would double
 * it. */
TEST(test_transposed_views_are_not_copied)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_randn(tg_shape(256, 128)), *b = tg_randn(tg_shape(256, 256)),
              *batch = tg_randn(tg_shape(4, 256, 128));
    const int64_t result = 128 * 256 * 4;
    assert_true(peak_of(tg_t(a), b) <= result * 3 / 2);
    assert_true(peak_of(tg_t(a), tg_t(b)) <= result * 3 / 2);
    assert_true(peak_of(tg_transpose(batch, 1, 2), b) <= 4 * result * 3 / 2);
    tg_scope_end(scope);
}

/* ---- linear ---- */

static void check_linear(tg_tensor *x, tg_tensor *weight, tg_tensor *bias)
{
    int64_t count, out = tg_size(weight, 0);
    double scale, *expected = naive_matmul(x, tg_t(weight), &count, &scale), *b = bias ? elements(bias) : NULL;
    for (int64_t i = 0; i < count && b; i++) expected[i] += b[tg_numel(bias) == 1 ? 0 : i % out];
    tg_tensor *y = tg_linear(x, weight, bias);
    assert_near(y, expected, count, epsilon(x) * (scale + 4) * (double)(tg_size(x, -1) + 2));
    assert_int_equal(tg_size(y, -1), out);
    free(expected);
    free(b);
}

TEST(test_linear)
{
    static const tg_shape inputs[] = { { 1, { 13 } },       { 2, { 1, 13 } },       { 2, { 30, 13 } },
                                       { 3, { 4, 6, 13 } }, { 4, { 2, 3, 2, 13 } }, { 2, { 0, 13 } },
                                       { 3, { 2, 0, 13 } } };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        for (int layout = 0; layout < LAYOUTS * LAYOUTS; layout++)
            for (tg_dtype dtype = TG_FLOAT32; dtype <= TG_FLOAT64; dtype++) {
                tg_scope scope = tg_scope_begin();
                tg_tensor *x = random_tensor(inputs[i], dtype, layout % LAYOUTS);
                tg_tensor *weight = random_tensor(tg_shape(8, 13), dtype, layout / LAYOUTS);
                check_linear(x, weight, NULL);
                check_linear(x, weight, random_tensor(tg_shape(8), dtype, layout % LAYOUTS));
                check_linear(x, weight, random_tensor(tg_shape(1), dtype, CONTIGUOUS));
                check_linear(x, weight, random_tensor(tg_shape(), dtype, CONTIGUOUS));
                tg_scope_end(scope);
            }
    tg_scope scope = tg_scope_begin();
    check_linear(tg_empty(tg_shape(3, 0)), tg_empty(tg_shape(8, 0)), tg_randn(tg_shape(8))); /* the bias alone */
    tg_tensor *x = tg_randn(tg_shape(3, 5)), *w = tg_randn(tg_shape(5));
    assert_int_equal(tg_ndim(tg_linear(x, w, NULL)), 1); /* one output, as PyTorch has it */
    assert_same_bits(tg_linear(x, w, NULL), tg_matmul(x, w));
    tg_scope_end(scope);
}

/* ---- gradients ---- */

static tg_tensor *leaf(tg_shape shape, tg_dtype dtype, int layout)
{
    return tg_requires_grad_(tg_detach(random_tensor(shape, dtype, layout)), true);
}

/* dx, dw and db by their definitions, for x in any strides. */
TEST(test_linear_gradients)
{
    for (int layout = 0; layout < LAYOUTS; layout++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *x = leaf(tg_shape(4, 3, 7), TG_FLOAT64, layout), *w = leaf(tg_shape(5, 7), TG_FLOAT64, layout);
        tg_tensor *b = leaf(tg_shape(5), TG_FLOAT64, layout), *g = random_tensor(tg_shape(4, 3, 5), TG_FLOAT64, layout);
        tg_backward(tg_linear(x, w, b), .gradient = g);
        double *xv = elements(x), *wv = elements(w), *gv = elements(g);
        double dx[4 * 3 * 7] = { 0 }, dw[5 * 7] = { 0 }, db[5] = { 0 };
        for (int r = 0; r < 12; r++)
            for (int o = 0; o < 5; o++) {
                db[o] += gv[r * 5 + o];
                for (int i = 0; i < 7; i++) {
                    dx[r * 7 + i] += gv[r * 5 + o] * wv[o * 7 + i];
                    dw[o * 7 + i] += gv[r * 5 + o] * xv[r * 7 + i];
                }
            }
        assert_near(tg_grad_of(x), dx, 84, 1e-12);
        assert_near(tg_grad_of(w), dw, 35, 1e-12);
        assert_near(tg_grad_of(b), db, 5, 1e-12);
        free(xv);
        free(wv);
        free(gv);
        tg_scope_end(scope);
    }
}

/* Gradients come back in the operand's own shape, summed over the batches that broadcasting made. */
TEST(test_gradients_of_broadcast_batches)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf(tg_shape(3, 4), TG_FLOAT64, CONTIGUOUS), *b = leaf(tg_shape(5, 1, 4, 2), TG_FLOAT64, REVERSED);
    tg_tensor *c = leaf(tg_shape(6, 3, 4), TG_FLOAT64, STRIDED);
    tg_tensor *g = tg_randn(tg_shape(5, 6, 3, 2), .dtype = TG_FLOAT64);
    tg_backward(tg_matmul(tg_add(a, c), b), .gradient = g);
    tg_tensor *db = tg_sum(tg_matmul(tg_transpose(tg_add(a, c), 1, 2), g), .dim = 1, .keepdim = true);
    tg_tensor *dc = tg_sum(tg_matmul(g, tg_transpose(b, 2, 3)), .dim = 0);
    double *expected_b = elements(db), *expected_c = elements(dc), *expected_a = elements(tg_sum(dc, .dim = 0));
    assert_near(tg_grad_of(b), expected_b, 40, 1e-12);
    assert_near(tg_grad_of(c), expected_c, 72, 1e-12);
    assert_near(tg_grad_of(a), expected_a, 12, 1e-12);
    free(expected_a);
    free(expected_b);
    free(expected_c);
    tg_scope_end(scope);
}

static void overwrite(tg_tensor *t)
{
    tg_scope scope = tg_no_grad_begin();
    assert_non_null(tg_zero_(t));
    tg_scope_end(scope);
}

/* The bytes that outlive a product of an intermediate result `x + 0`, whose handle is gone: the result, and what was
 * saved. */
static int64_t held_after(tg_tensor *x, tg_tensor *b, bool linear)
{
    int64_t before = tg_memory_stats().live_bytes;
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_add(x, 0.0);
    assert_non_null(tg_scope_return(scope, linear ? tg_linear(a, b, NULL) : tg_matmul(a, b)));
    return tg_memory_stats().live_bytes - before;
}

/* An operand is saved for the other one's gradient only, and is then guarded against writes. */
TEST(test_saves_only_what_is_needed)
{
    for (int linear = 0; linear < 2; linear++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *x = leaf(tg_shape(1000, 64), TG_FLOAT32, CONTIGUOUS), *b = tg_randn(tg_shape(64, 64));
        tg_tensor *square = leaf(tg_shape(64, 64), TG_FLOAT32, CONTIGUOUS);
        const int64_t operand = 1000 * 64 * 4; /* as large as the result; the pool rounds up by a quarter at most */
        assert_true(held_after(x, b, linear) < 2 * operand);
        assert_true(held_after(x, square, linear) >= 2 * operand);
        tg_tensor *y = linear ? tg_linear(x, b, NULL) : tg_matmul(x, b);
        overwrite(b);
        assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
        expect_error("modified by an inplace operation");
        tg_scope_end(scope);
    }
}

/* ---- errors ---- the words of PyTorch 1.13.1, beyond those in the descriptors */

TEST(test_errors)
{
    tg_scope scope = tg_scope_begin();
#define F(...) tg_zeros(tg_shape(__VA_ARGS__))
#define D(...) tg_zeros(tg_shape(__VA_ARGS__), .dtype = TG_FLOAT64)
#define I(...) tg_zeros(tg_shape(__VA_ARGS__), .dtype = TG_INT64)
#define EXPECT(call, text)                                                                                             \
    do {                                                                                                               \
        assert_null(call);                                                                                             \
        expect_error(text);                                                                                            \
    } while (0)
    EXPECT(tg_matmul(F(100, 13), F(12, 8)), "matmul: mat1 and mat2 shapes cannot be multiplied (100x13 and 12x8)");
    EXPECT(tg_linear(F(100, 13), F(8, 12), NULL),
           "linear: mat1 and mat2 shapes cannot be multiplied (100x13 and 12x8)");
    EXPECT(tg_matmul(F(7, 2, 3, 4), F(5, 1, 5, 3)),
           "The size of tensor a (7) must match the size of tensor b (5) at non-singleton dimension 0");
    EXPECT(tg_matmul(F(3), D(3)), "dot : expected both vectors to have same dtype, but found Float and Double");
    EXPECT(tg_matmul(F(2, 3), D(3, 4)), "expected scalar type Float but found Double");
    EXPECT(tg_matmul(D(2, 3), F(3)), "expected scalar type Double but found Float");
    tg_tensor *yes = tg_ones(tg_shape(3), .dtype = TG_BOOL);
    EXPECT(tg_matmul(yes, yes), "\"dot\" not implemented for 'Bool'");
    EXPECT(tg_linear(F(2, 12), D(8, 12), NULL), "expected scalar type Float but found Double");
    EXPECT(tg_linear(F(2, 12), D(8, 12), D(8)), "mat1 and mat2 must have the same dtype");
    EXPECT(tg_linear(F(2, 12), F(8, 12), D(8)), "self and mat2 must have the same dtype");
    EXPECT(tg_linear(F(13), F(8, 12), NULL), "mat1 and mat2 shapes cannot be multiplied (1x13 and 12x8)");
    EXPECT(tg_matmul(F(2, 3), NULL), "argument 2 is NULL");
    EXPECT(tg_linear(F(2, 12), NULL, F(8)), "argument 2 is NULL");
#undef EXPECT
#undef I
#undef D
#undef F
    tg_scope_end(scope);
}

/* ---- a sum with a linear map ---- */

enum { SUM_RESULTS = 5 };

/* The sum, and the gradients of all that is in it. `way` 0: two ops; 1: at once; 2: at once, somebody observing. */
static int64_t add_linear(int way, tg_dtype dtype, const int64_t *sizes, bool turned, tg_tensor **results)
{
    static const tg_observer nothing = { 0 };
    const int64_t m = sizes[0], n = sizes[1], k = sizes[2], number = way == 2 ? tg_observe(&nothing, NULL) : 0;
    tg_manual_seed((uint64_t)(m + n + k));
    tg_tensor *given = tg_randn(turned ? tg_shape(n, m) : tg_shape(m, n), .dtype = dtype, .requires_grad = true);
    tg_tensor *a = turned ? tg_t(given) : given, *x = tg_randn(tg_shape(m, k), .dtype = dtype, .requires_grad = true);
    tg_tensor *w = tg_randn(tg_shape(n, k), .dtype = dtype, .requires_grad = true);
    tg_tensor *b = tg_randn(tg_shape(n), .dtype = dtype, .requires_grad = true);
    tg_tensor *y = way ? tgi_linear_onto(a, x, w, b) : tg_add(a, tg_linear(x, w, b));
    const int64_t nodes = tg_tape_length();
    assert_string_equal(tg_node_op(tg_tape_node(nodes - 2))->name, "linear");
    assert_string_equal(tg_node_op(tg_tape_node(nodes - 1))->name, "add");
    assert_int_equal(tg_backward(tg_sum(tg_mul(y, tg_sin(y)))), TG_OK);
    tg_tensor *const all[SUM_RESULTS] = { y, tg_grad_of(given), tg_grad_of(x), tg_grad_of(w), tg_grad_of(b) };
    memcpy(results, all, sizeof all);
    if (way == 2) tg_unobserve(number);
    return nodes;
}

/* To the bit and to the node: where one pass does it, and where it cannot (a turned addend). */
TEST(test_linear_onto_is_add_of_linear)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 1, 40, 300 }, { 32, 64, 520 }, { 100, 32, 8 }, { 13, 5, 257 } };
    for (int i = 0; i < 5 * 4; i++) {
        IN_SCOPE;
        const tg_dtype dtype = i & 1 ? TG_FLOAT64 : TG_FLOAT32;
        tg_tensor *want[SUM_RESULTS], *got[SUM_RESULTS];
        const int64_t nodes = add_linear(0, dtype, sizes[i / 4], i & 2, want), more = tg_tape_length() - nodes;
        for (int way = 1; way < 3; way++) {
            const int64_t start = tg_tape_length();
            assert_int_equal(add_linear(way, dtype, sizes[i / 4], i & 2, got) - start, nodes);
            assert_int_equal(tg_tape_length() - start, nodes + more);
            for (int r = 0; r < SUM_RESULTS; r++) assert_true(tg_equal(got[r], want[r]));
        }
        tg_scope_end(scope);
    }
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(2, 3)), *w = tg_ones(tg_shape(4, 3));
    assert_null(tgi_linear_onto(tg_ones(tg_shape(2, 5)), x, w, NULL));
    assert_int_equal(tg_error_get().code, TG_ERROR_VALUE);
    tg_error_clear();
    assert_null(tgi_linear_onto(NULL, x, w, NULL));
    assert_int_equal(tg_error_get().code, TG_ERROR_NULL);
    tg_error_clear();
    tg_scope_end(scope);
}

/* The line is the caller's, and a bias that failed is no bias left out. */
TEST(test_where_and_failed_bias)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2, 3)), *w = tg_ones(tg_shape(4, 3));
    assert_null(tg_matmul_at("model.c:42", x, w));
    assert_string_equal(tg_error_get().where, "model.c:42");
    assert_string_equal(tg_error_get().inputs, "float32[2, 3], float32[4, 3]");
    assert_null(tg_linear(x, w, NULL));
    assert_int_equal(tg_error_get().later, 0);
    tg_error_clear();
    assert_non_null(tg_linear(x, w, NULL));
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_shape),
        T(test_batches_in_another_order),
        T(test_batches_and_threads),
        T(test_transposed_views_are_not_copied),
        T(test_linear),
        T(test_linear_gradients),
        T(test_gradients_of_broadcast_batches),
        T(test_saves_only_what_is_needed),
        T(test_linear_onto_is_add_of_linear),
        T(test_errors),
        T(test_where_and_failed_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

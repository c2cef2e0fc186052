/* test_size_paths.c: ops that go another way by size, layout or range, on both sides of the choice, against loops that are
 * too simple to be wrong. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

/* 0, 1, .. n - 1 */
static tg_tensor *counted(int64_t n, tg_dtype dtype) { return tg_to(tg_arange(n), dtype); }

/* ---- copies ---- */

/* Element [i, j] of a matrix of any strides. */
static double at(const tg_tensor *t, int64_t i, int64_t j)
{
    return tg_item(tg_select(tg_select((tg_tensor *)(uintptr_t)t, 0, i), 0, j));
}

TEST(test_transposed_copies)
{
    IN_SCOPE;
    static const int64_t rows[] = { 3, 17, 40, 511, 530 }, columns[] = { 5, 16, 33, 512, 513, 1100 };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            for (int wide = 0; wide < 2; wide++) {
                const int64_t n = rows[r], m = columns[c];
                tg_tensor *t = tg_reshape(counted(n * m, wide ? TG_INT64 : TG_FLOAT32), tg_shape(n, m));
                double *x = elements(tg_contiguous(tg_transpose(t, 0, 1)));
                for (int64_t j = 0; j < m; j++)
                    for (int64_t i = 0; i < n; i++) assert_true(x[j * n + i] == (double)(i * m + j));
                free(x);
            }
    tg_scope_end(scope);
}

/* Flips of a tensor and of what is transposed of it, element by element. */
TEST(test_flips)
{
    IN_SCOPE;
    static const int64_t sizes[] = { 1, 15, 16, 17, 63, 130 };
    static const tg_dtype dtypes[] = { TG_FLOAT32, TG_FLOAT64, TG_INT64 };
    for (int d = 0; d < 3; d++)
        for (int a = 0; a < 6; a++)
            for (int b = 0; b < 6; b++)
                for (int way = 0; way < 8; way++) {
                    const int64_t n = sizes[a], m = sizes[b];
                    const bool down = way & 1, left = way & 2, turned = way & 4;
                    tg_tensor *t =
                        tg_reshape(counted(2 * n * m, dtypes[d]), turned ? tg_shape(2, m, n) : tg_shape(2, n, m));
                    if (turned) t = tg_transpose(t, 1, 2);
                    tg_tensor *y = tg_flip(t, down && left ? tg_shape(1, 2) : down ? tg_shape(1) : tg_shape(2));
                    double *x = elements(down || left ? y : tg_flip(t, tg_shape()));
                    for (int64_t i = 0; i < 2 * n * m; i++) {
                        const int64_t row = i / m % n, column = i % m;
                        const int64_t r = down ? n - 1 - row : row, c = left ? m - 1 - column : column;
                        assert_true(x[i] == (double)(i / (n * m) * n * m + (turned ? c * n + r : r * m + c)));
                    }
                    free(x);
                }
    tg_scope_end(scope);
}

/* Arithmetic on what is transposed, beside contiguous operands, numbers, rows and columns of numbers. */
TEST(test_transposed_operands)
{
    IN_SCOPE;
    static const int64_t rows[] = { 4, 17, 63, 64, 130 }, columns[] = { 127, 128, 130, 999, 1024, 1100 };
    for (int r = 0; r < 5; r++)
        for (int c = 0; c < 6; c++)
            for (int wide = 0; wide < 2; wide++) {
                const int64_t n = rows[r], m = columns[c];
                const tg_dtype dtype = wide ? TG_FLOAT64 : TG_FLOAT32;
                tg_tensor *t = tg_transpose(tg_reshape(counted(n * m, dtype), tg_shape(m, n)), 0, 1);
                tg_tensor *flat = tg_reshape(counted(n * m, dtype), tg_shape(n, m)), *row = counted(m, dtype);
                tg_tensor *column = tg_reshape(counted(n, dtype), tg_shape(n, 1));
                tg_tensor *other = tg_transpose(tg_sub(tg_transpose(t, 0, 1), 1), 0, 1);
                tg_tensor *results[] = { tg_neg(t),
                                         tg_clamp(t, .min = 5, .max = 1000),
                                         tg_add(t, flat),
                                         tg_add(flat, t),
                                         tg_add(t, row),
                                         tg_add(column, t),
                                         tg_add(t, other),
                                         tg_add(t, t),
                                         tg_to(t, wide ? TG_FLOAT32 : TG_FLOAT64),
                                         tg_gt(t, flat),
                                         tg_add_(tg_clone(t), t) };
                double *y[11];
                for (int k = 0; k < 11; k++) y[k] = elements(results[k]);
                for (int64_t i = 0; i < n * m; i++) {
                    const double x = (double)(i % m * n + i / m), f = (double)i, a = (double)(i % m),
                                 b = (double)(i / m);
                    const double want[] = {
                        -x,   x < 5 ? 5 : x > 1000 ? 1000 : x, x + f, f + x, x + a, b + x, 2 * x - 1, 2 * x, x, x > f,
                        2 * x
                    };
                    for (int k = 0; k < 11; k++)
                        if (y[k][i] != want[k]) fail_msg("%d x %d, %d: element %d", (int)n, (int)m, k, (int)i);
                }
                for (int k = 0; k < 11; k++) free(y[k]);
            }
    tg_scope_end(scope);
}

/* Rows of all lengths about where another copy begins, from and to odd places. */
TEST(test_rows_copied)
{
    IN_SCOPE;
    static const int64_t lengths[] = { 1, 15, 127, 128, 129, 255, 1000, 2047, 2048, 2049, 3000 };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const int64_t n = lengths[l];
        tg_tensor *t = tg_reshape(counted(3 * (n + 1), TG_FLOAT32), tg_shape(3, n + 1));
        tg_tensor *index = tg_reshape(tg_arange(2, -1, -1), tg_shape(3));
        tg_tensor *part = tg_narrow(t, 1, 1, n), *copy = tg_contiguous(part), *picked = tg_index_select(part, 0, index);
        for (int64_t i = 0; i < 3; i++)
            for (int64_t j = 0; j<n; j += n> 300 ? 7 : 1) {
                assert_true(at(copy, i, j) == (double)(i * (n + 1) + j + 1));
                assert_true(at(picked, i, j) == (double)((2 - i) * (n + 1) + j + 1));
            }
    }
    tg_scope_end(scope);
}

TEST(test_joined_rows)
{
    IN_SCOPE;
    static const int64_t outer[] = { 1, 2, 3, 100, 700 }, widths[][3] = { { 1, 2, 0 }, { 5, 8, 3 }, { 333, 1, 600 } };
    for (size_t o = 0; o < sizeof outer / sizeof *outer; o++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            const int64_t n = outer[o];
            tg_tensor *parts[3];
            for (int k = 0; k < 3; k++)
                parts[k] =
                    tg_add(tg_reshape(counted(n * widths[w][k], TG_FLOAT64), tg_shape(n, widths[w][k])), 1e6 * k);
            double *y = elements(tg_cat(tg_list_of(parts, 3), 1));
            int64_t next = 0;
            for (int64_t i = 0; i < n; i++)
                for (int k = 0; k < 3; k++)
                    for (int64_t j = 0; j < widths[w][k]; j++)
                        assert_true(y[next++] == 1e6 * k + (double)(i * widths[w][k] + j));
            free(y);
        }
    for (size_t o = 0; o < sizeof outer / sizeof *outer; o++) {
        const int64_t n = outer[o];
        tg_tensor *a = tg_reshape(counted(n * 6, TG_FLOAT32), tg_shape(n, 6)), *b = tg_neg(a);
        double *side = elements(tg_stack(tg_list(a, b), 1)), *last = elements(tg_stack(tg_list(a, b), 2));
        for (int64_t i = 0; i < n * 12; i++) {
            assert_true(side[i] == (double)(i / 12 * 6 + i % 6) * (i % 12 < 6 ? 1 : -1));
            assert_true(last[i] == (double)(i / 2) * (i % 2 ? -1 : 1));
        }
        free(side);
        free(last);
    }
    tg_scope_end(scope);
}

TEST(test_repeated_elements)
{
    IN_SCOPE;
    static const tg_dtype dtypes[] = { TG_FLOAT32, TG_FLOAT64, TG_INT64, TG_BOOL };
    for (int d = 0; d < 4; d++)
        for (int64_t n = 1; n < 40; n += n < 6 ? 1 : 5)
            for (int64_t times = 1; times < 70; times += times < 20 ? 1 : 7) {
                tg_tensor *t = tg_to(tg_sub(tg_arange(n), 3), dtypes[d]);
                double *x = elements(t), *y = elements(tg_repeat_interleave(t, times, .dim = 0));
                for (int64_t i = 0; i < n * times; i++) assert_true(y[i] == x[i / times]);
                free(x);
                free(y);
            }
    tg_scope_end(scope);
}

/* ---- reductions of any layout ---- */

/* Some of a tensor's layouts, each with the same elements: contiguous, and from memory in another order. */
static tg_tensor *laid_out(tg_tensor *t, int layout)
{
    if (layout == 0) return tg_contiguous(t);
    if (layout == 1) return tg_transpose(tg_contiguous(tg_transpose(t, 0, -1)), 0, -1);
    tg_tensor *wide = tg_cat(tg_list(t, t), -1);
    return tg_narrow(wide, -1, tg_size(t, -1), tg_size(t, -1));
}

static bool same_bits(tg_tensor *a, tg_tensor *b)
{
    double *x = elements(a), *y = elements(b);
    bool same = tg_numel(a) == tg_numel(b);
    for (int64_t i = 0; same && i < tg_numel(a); i++)
        same = memcmp(&x[i], &y[i], sizeof *x) == 0 || (x[i] != x[i] && y[i] != y[i]);
    free(x), free(y);
    return same;
}

TEST(test_layouts_of_reductions)
{
    IN_SCOPE;
    const tg_shape shapes[] = { tg_shape(70, 90), tg_shape(300, 257), tg_shape(3, 40000), tg_shape(20, 30, 40),
                                tg_shape(9, 1, 7) };
    tg_manual_seed(4);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int wide = 0; wide < 2; wide++) {
            tg_tensor *t = tg_randn(shapes[s], .dtype = wide ? TG_FLOAT64 : TG_FLOAT32);
            tg_tensor *holes = tg_where(tg_gt(t, 1), (double)NAN, t);
            for (int layout = 1; layout < 3; layout++)
                for (int dim = -1; dim < shapes[s].ndim; dim++) {
                    const int64_t d = dim < 0 ? TG_NO_DIM : dim;
                    tg_tensor *x = laid_out(t, layout), *h = laid_out(holes, layout);
                    assert_true(same_bits(tg_sum(x, .dim = d), tg_sum(t, .dim = d)));
                    assert_true(same_bits(tg_nansum(h, .dim = d), tg_nansum(holes, .dim = d)));
                    assert_true(same_bits(tg_nansum(h, .dim = d), tg_sum(tg_where(tg_gt(t, 1), 0.0, t), .dim = d)));
                    assert_true(same_bits(tg_norm(x, .p = 1, .dim = d), tg_sum(tg_abs(t), .dim = d)));
                    assert_true(same_bits(tg_norm(x, .dim = d), tg_sqrt(tg_sum(tg_mul(t, t), .dim = d))));
                    assert_true(same_bits(tg_amax(x, .dim = d), tg_amax(t, .dim = d)));
                    assert_true(same_bits(tg_amin(h, .dim = d), tg_amin(holes, .dim = d)));
                    assert_true(same_bits(tg_prod(x, .dim = d), tg_prod(t, .dim = d)));
                    assert_true(tg_item(tg_sum(tg_ne(tg_argmax(x, .dim = d), tg_argmax(t, .dim = d)))) == 0);
                }
        }
    tg_scope_end(scope);
}

/* ---- tables instead of an order ---- */

static void check_unique(tg_tensor *t)
{
    const tg_unique_result y = tg_unique(t, .return_inverse = true, .return_counts = true);
    double *x = elements(t), *values = elements(y.values), *inverse = elements(y.inverse), *counts = elements(y.counts);
    const int64_t n = tg_numel(t), groups = tg_numel(y.values);
    int64_t *seen = calloc((size_t)groups + 1, sizeof *seen);
    for (int64_t g = 1; g < groups; g++) assert_true(values[g - 1] < values[g]);
    for (int64_t i = 0; i < n; i++) {
        assert_true(inverse[i] >= 0 && inverse[i] < (double)groups && values[(int64_t)inverse[i]] == x[i]);
        seen[(int64_t)inverse[i]]++;
    }
    for (int64_t g = 0; g < groups; g++) assert_true(seen[g] > 0 && counts[g] == (double)seen[g]);
    tg_tensor *alone = tg_unique(t).values;
    assert_true(tg_numel(alone) == groups && tg_item(tg_sum(tg_ne(alone, y.values))) == 0);
    free(x), free(values), free(inverse), free(counts), free(seen);
}

TEST(test_unique)
{
    IN_SCOPE;
    for (int64_t n = 1; n < 3000; n = 3 * n + 1)
        for (int64_t span = 1; span < 100000; span *= 4)
            check_unique(tg_sub(tg_randint(0, span, tg_shape(n)), span / 3));
    check_unique(tg_randint(0, 1 << 20, tg_shape(30, 40)));
    check_unique(tg_gt(tg_rand(tg_shape(100)), 0.3));
    check_unique(tg_zeros(tg_shape(3, 3), .dtype = TG_BOOL));
    int64_t ends[] = { INT64_MAX, INT64_MIN, 0, INT64_MAX };
    const tg_unique_result y = tg_unique(tg_from_data(ends, tg_shape(4), .dtype = TG_INT64), .return_counts = true);
    assert_int_equal(tg_numel(y.values), 3);
    assert_true(((const int64_t *)tg_data(y.values, TG_INT64))[0] == INT64_MIN &&
                ((const int64_t *)tg_data(y.counts, TG_INT64))[2] == 2);
    tg_scope_end(scope);
}

TEST(test_consecutive)
{
    IN_SCOPE;
    static const tg_dtype dtypes[] = { TG_FLOAT32, TG_FLOAT64, TG_INT64, TG_BOOL };
    for (int d = 0; d < 4; d++) {
        tg_tensor *t = tg_to(tg_randint(0, 2, tg_shape(57)), dtypes[d]);
        const tg_unique_result y = tg_unique_consecutive(t, .return_inverse = true, .return_counts = true);
        double *x = elements(t), *values = elements(y.values), *inverse = elements(y.inverse),
               *counts = elements(y.counts);
        int64_t group = -1, length = 0;
        for (int64_t i = 0; i <= 57; i++) {
            if (i == 0 || i == 57 || x[i] != x[i - 1]) {
                if (i > 0) assert_true(counts[group] == (double)length);
                group++;
                length = 0;
            }
            length++;
            if (i < 57) assert_true(inverse[i] == (double)group && values[group] == x[i]);
        }
        assert_int_equal(tg_numel(y.values), group);
        free(x), free(values), free(inverse), free(counts);
    }
    tg_scope_end(scope);
}

TEST(test_members)
{
    IN_SCOPE;
    for (int64_t span = 4; span < 1 << 20; span *= 7)
        for (int invert = 0; invert < 2; invert++) {
            tg_tensor *x = tg_sub(tg_randint(0, 2 * span, tg_shape(40)), span), *of = tg_randint(0, span, tg_shape(9));
            double *a = elements(x), *b = elements(of), *y = elements(tg_isin(x, of, .invert = invert));
            for (int i = 0; i < 40; i++) {
                bool there = false;
                for (int k = 0; k < 9; k++) there |= a[i] == b[k];
                assert_true((y[i] != 0) == (there != (bool)invert));
            }
            free(a), free(b), free(y);
        }
    int64_t ends[] = { INT64_MAX, INT64_MIN, -1 };
    tg_tensor *x = tg_from_data(ends, tg_shape(3), .dtype = TG_INT64);
    assert_true(tg_item(tg_sum(tg_isin(x, x))) == 3 &&
                tg_item(tg_sum(tg_isin(x, tg_neg(tg_ones(tg_shape(2), .dtype = TG_INT64))))) == 1);
    tg_scope_end(scope);
}

TEST(test_places)
{
    IN_SCOPE;
    const tg_shape shapes[] = { tg_shape(7), tg_shape(5, 9), tg_shape(4, 3, 6), tg_shape(200, 1, 3),
                                tg_shape(2, 5000) };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int rare = 0; rare < 2; rare++) {
            tg_tensor *t = tg_gt(tg_rand(shapes[s]), rare ? 0.99 : 0.4);
            double *x = elements(t), *y = elements(tg_nonzero(t));
            const int ndim = shapes[s].ndim;
            int64_t found = 0;
            for (int64_t i = 0; i < tg_numel(t); i++) {
                int64_t rest = i;
                if (x[i] == 0) continue;
                for (int d = ndim - 1; d >= 0; rest /= shapes[s].dims[d--])
                    assert_true(y[found * ndim + d] == (double)(rest % shapes[s].dims[d]));
                found++;
            }
            assert_int_equal(tg_size(tg_nonzero(t), 0), found);
            free(x), free(y);
        }
    tg_scope_end(scope);
}

/* ---- histograms ---- */

static void check_histogram(tg_tensor *x, tg_histogram_result y, tg_tensor *weight)
{
    double *a = elements(x), *edge = elements(y.bin_edges), *got = elements(y.hist),
           *w = weight ? elements(weight) : NULL;
    const int64_t bins = tg_numel(y.hist);
    double *want = calloc((size_t)bins, sizeof *want);
    for (int64_t i = 0; i < tg_numel(x); i++)
        for (int64_t j = 0; j < bins; j++)
            if (a[i] >= edge[j] && (a[i] < edge[j + 1] || (j == bins - 1 && a[i] == edge[bins])))
                want[j] += w ? w[i] : 1;
    for (int64_t j = 0; j < bins; j++) assert_true(fabs(got[j] - want[j]) <= 1e-4 * (1 + fabs(want[j])));
    free(a), free(edge), free(got), free(w), free(want);
}

TEST(test_histograms)
{
    IN_SCOPE;
    for (int wide = 0; wide < 2; wide++)
        for (int64_t bins = 1; bins < 200; bins = 2 * bins + 1) {
            const tg_dtype dtype = wide ? TG_FLOAT64 : TG_FLOAT32;
            /* Many of them lie on edges. */
            tg_tensor *x = tg_div(tg_to(tg_randint(-40, 40, tg_shape(30, 10)), dtype), 8),
                      *w = tg_rand(tg_shape(30, 10), .dtype = dtype);
            check_histogram(x, tg_histogram(x, bins), NULL);
            check_histogram(x, tg_histogram(x, bins, .weight = w), w);
            check_histogram(x, tg_histogram(x, bins, .min = -2.5, .max = 1), NULL);
            check_histogram(tg_transpose(x, 0, 1), tg_histogram(tg_transpose(x, 0, 1), bins), NULL);
            tg_tensor *on_edges = tg_linspace(-0.7, 1.1, bins + 1, .dtype = dtype);
            check_histogram(on_edges, tg_histogram(on_edges, bins), NULL);
            tg_tensor *edges = tg_sort(tg_randn(tg_shape(bins + 1), .dtype = dtype)).values;
            check_histogram(x, tg_histogram(x, edges), NULL);
            tg_tensor *holes = tg_where(tg_gt(x, 2), (double)NAN, x);
            check_histogram(holes, tg_histogram(holes, bins, .min = -1, .max = 1), NULL);
        }
    tg_scope_end(scope);
}

/* ---- gradients that are copies ---- */

TEST(test_gradient_of_strides)
{
    IN_SCOPE;
    const tg_shape sizes[] = { tg_shape(3, 4), tg_shape(4, 3), tg_shape(2, 3),
                               tg_shape(3, 3), tg_shape(12),   tg_shape(2, 0) };
    const tg_shape strides[] = { tg_shape(4, 1), tg_shape(1, 4), tg_shape(6, 2),
                                 tg_shape(2, 1), tg_shape(1),    tg_shape(1, 1) };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int turned = 0; turned < 2; turned++) {
            tg_tensor *base = counted(12, TG_FLOAT64);
            tg_tensor *x = tg_detach(turned ? tg_transpose(tg_reshape(base, tg_shape(3, 4)), 0, 1)
                                            : tg_reshape(base, tg_shape(3, 4)));
            tg_requires_grad_(x, true);
            tg_tensor *y = tg_as_strided(x, sizes[s], strides[s]);
            tg_tensor *g = tg_reshape(tg_add(counted(tg_numel(y), TG_FLOAT64), 1), sizes[s]);
            tg_tensor *fast = tg_grad(tg_list(y), tg_list(x), .grad_outputs = { g }).items[0];
            double *got = elements(fast), want[12] = { 0 };
            for (int64_t i = 0; i < tg_numel(y); i++) {
                int64_t place = 0, rest = i;
                for (int d = sizes[s].ndim - 1; d >= 0; rest /= sizes[s].dims[d--])
                    place += rest % sizes[s].dims[d] * strides[s].dims[d];
                want[turned ? place % 4 * 3 + place / 4 : place] += (double)(i + 1);
            }
            for (int i = 0; i < 12; i++) assert_true(got[i] == want[i]);
            free(got);
        }
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_transposed_copies),
        T(test_flips),
        T(test_transposed_operands),
        T(test_rows_copied),
        T(test_joined_rows),
        T(test_repeated_elements),
        T(test_layouts_of_reductions),
        T(test_unique),
        T(test_consecutive),
        T(test_members),
        T(test_places),
        T(test_histograms),
        T(test_gradient_of_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

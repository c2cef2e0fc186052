/* test_sort.c: the order of large rows, against qsort by value and then by place: every dtype, both directions, all
 * elements or the first few, other dimensions, and without memory. What a sample can say is in ops/index/sort.c. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include "ops/kernels/kernels.h"
#include "ops/kernels/index/sort_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 40000 };

static double values[MOST]; /* what every dtype under test holds exactly */
static int64_t places[MOST], order[MOST];
static bool descending;

/* Numbers that hardly ever meet, ties, zeros of both signs with NaN and infinities, or the last in order first. */
static void draw(int64_t n, int kind)
{
    static const double some[] = { 0.0, -0.0, NAN, INFINITY, -INFINITY, 1, -1, 2, -2 };
    uint64_t x = (uint64_t)n * 77 + (uint64_t)kind;
    for (int64_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        const int32_t r = (int32_t)(x >> 33) - (1 << 30);
        values[i] = kind == 0 ? (double)(r >> 7) : kind == 1 ? (double)(r % 50) : some[(x >> 33) % 9];
        if (kind == 3) values[i] = (double)(descending ? i : n - i);
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    const double x = values[i], y = values[j];
    int c = isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
    if (descending) c = -c;
    return c ? c : (i > j) - (i < j);
}

static const void *as_dtype(int dtype, int64_t n)
{
    static float f32[MOST];
    static int64_t i64[MOST];
    static uint8_t bools[MOST];
    for (int64_t i = 0; i < n; i++) {
        if (dtype == TGI_F32) f32[i] = (float)values[i];
        if (dtype == TGI_I64) i64[i] = (int64_t)(values[i] = isfinite(values[i]) ? values[i] : 3);
        if (dtype == TGI_BOOL) bools[i] = (values[i] = values[i] > 0) > 0 ? (uint8_t)(1 + i % 5) : 0;
    }
    return dtype == TGI_F32 ? (void *)f32 : dtype == TGI_I64 ? (void *)i64 : dtype == TGI_BOOL ? (void *)bools : values;
}

static void check(int dtype, int64_t n, int64_t count, int kind)
{
    draw(n, kind);
    const tgi_sort_row row = { dtype, descending, n, as_dtype(dtype, n) };
    for (int64_t i = 0; i < n; i++) places[i] = i;
    qsort(places, (size_t)n, sizeof *places, by_value);
    memset(order, 0x5a, sizeof order);
    tgi_sort_order(&row, count, order);
    for (int64_t i = 0; i < count; i++)
        if (order[i] != places[i])
            fail_msg("dtype %d, n %lld, kind %d: %lld-th is %lld, expected %lld", dtype, (long long)n, kind,
                     (long long)i, (long long)order[i], (long long)places[i]);
    if (count < MOST) assert_int_equal(order[count], 0x5a5a5a5a5a5a5a5a);
}

TEST(test_order)
{
    static const int64_t sizes[] = { 1, 2, 3, 47, 48, 49, 63, 64, 65, 300, 1000, 4097, MOST };
    for (int d = 0; d < TGI_DTYPES; d++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int kind = 0; kind < 3; kind++)
                for (int down = 0; down < 2; down++) {
                    descending = down;
                    check(d, sizes[s], sizes[s], kind);
                    check(d, sizes[s], sizes[s] < 7 ? sizes[s] : 7, kind);
                    check(d, sizes[s], (sizes[s] + 1) / 2, kind);
                }
}

/* The first few, kept in order while the row is gone through: numbers of them and lengths about where that begins and ends,
 * and rows in which each element is among the first so far. */
TEST(test_first_few)
{
    static const int64_t sizes[] = { 16, 17, 31, 32, 33, 63, 64, 65, 1000, 5003 };
    static const int64_t counts[] = { 1, 2, 4, 5, 8, 15, 16, 17 };
    for (int d = 0; d < TGI_DTYPES; d++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts && counts[c] <= sizes[s]; c++)
                for (int kind = 0; kind < 4; kind++)
                    for (int down = 0; down < 2; down++) {
                        descending = down;
                        check(d, sizes[s], counts[c], kind);
                    }
}

/* Stands before the C library's, which a thread's working memory comes from. */
static bool no_memory;
void *aligned_alloc(size_t alignment, size_t size)
{
    void *p;
    return no_memory || posix_memalign(&p, alignment, size) != 0 ? NULL : p;
}

/* The first test: the thread has no working memory yet. */
TEST(test_order_without_memory)
{
    no_memory = true;
    for (int d = 0; d < TGI_DTYPES; d++)
        for (int kind = 0; kind < 3; kind++)
            for (int down = 0; down < 2; down++) {
                descending = down;
                check(d, 700, 700, kind);
                check(d, 701, 350, kind);
            }
    no_memory = false;
}

/* values[i] = t[indices[i]], in order, along any dimension. */
static void check_sorted(tg_tensor *t, int64_t dim, bool down)
{
    const tg_values_indices y = tg_sort(t, .dim = dim, .descending = down);
    tg_tensor *picked = tg_gather(t, dim, y.indices);
    const int64_t n = tg_size(t, dim);
    tg_tensor *left = tg_narrow(y.values, dim, 0, n - 1), *right = tg_narrow(y.values, dim, 1, n - 1);
    tg_tensor *wrong = down ? tg_lt(left, right) : tg_gt(left, right);
    assert_true(tg_item(tg_sum(tg_ne(picked, y.values))) == 0);
    assert_true(tg_item(tg_sum(wrong)) == 0);
    assert_false(tg_failed());
}

TEST(test_dimensions)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(1);
    tg_tensor *t = tg_rand(tg_shape(60, 50, 40));
    for (int64_t dim = 0; dim < 3; dim++) {
        check_sorted(t, dim, false);
        check_sorted(tg_to(t, TG_FLOAT64), dim, true);
        check_sorted(tg_transpose(t, 0, 2), dim, false);
    }
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_order_without_memory), T(test_order), T(test_first_few),
                                        T(test_dimensions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

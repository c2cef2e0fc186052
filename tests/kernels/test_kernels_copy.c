/* test_kernels_copy.c: copies of every set of kernels this machine can run, against the slow reference: from every dtype to
 * every dtype, and long rows that lie close to each other. */
#include "tests/support/kernels_loop.h"

#include "ops/kernels/rows/copy_kernels.h"

static void test_copies(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++)
        for (int from = 0; from < TGI_DTYPES; from++)
            check_loop(&(loop_test){ "copy to",
                                     dtype_name(d),
                                     K(copy)->run[d][from],
                                     R(copy)->run[d][from],
                                     2,
                                     { d, from },
                                     0,
                                     NULL });
}

static void test_copy_to_int64(void **unused)
{
    (void)unused;
    const double from[] = { 2.9, -2.9, NAN, INFINITY, -INFINITY, 1e19, 9223372036854775807.0, -9223372036854775808.0,
                            -0.5 };
    const int64_t want[] = { 2, -2, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, 0 };
    int64_t got[9], stride[] = { 8, 8 };
    char *p[] = { (char *)got, (char *)(uintptr_t)from };
    K(copy)->run[TGI_I64][TGI_F64](1, 9, p, NULL, stride);
    assert_memory_equal(got, want, sizeof want);
}

/* Long rows whose place is that of the source but for some bytes and whole pages, and their neighbours. */
static void test_copy_of_rows_that_seem_to_follow(void **unused)
{
    (void)unused;
    enum { N = 997, HALF = 3 * 1024 };
    static float __attribute__((aligned(4096))) floats[2 * HALF];
    const int64_t behind[] = { -12, 0, 4, 12, 500, 508, 512, 516 }, stride[] = { 4, 4 };
    for (int i = 0; i < 8; i++)
        for (int n = N - 40; n <= N; n++) {
            float *from = floats + 1024, *to = floats + HALF + 1024 + behind[i] / 4;
            for (int j = 0; j < 2 * HALF; j++) floats[j] = (float)j;
            char *p[] = { (char *)to, (char *)from };
            K(copy)->run[TGI_F32][TGI_F32](1, n, p, NULL, stride);
            for (int j = 0; j < n; j++) assert_true(to[j] == (float)(1024 + j));
            assert_true(to[-1] == (float)(to - 1 - floats) && to[n] == (float)(to + n - floats));
        }
}

/* Matrices from columns to rows and back, element by element: strips of several rows, strips cut off, parts of tiles. */
static void test_copy_of_large_transposed(void **unused)
{
    (void)unused;
    enum { ROWS = 75, N = 1050, APART = 5 };
    static const int64_t shapes[][2] = { { ROWS, N }, { 33, 130 }, { 64, 515 },  { 32, 17 },
                                         { 5, 700 },  { 40, 4 },   { 75, 1024 }, { 33, 514 } };
    static char matrix[(ROWS + APART) * N * 8], turned[ROWS * N * 8 + 8];
    for (int i = 0; i < 8; i++)
        for (int to = TGI_F32; to <= TGI_F64; to++)
            for (int from = TGI_F32; from <= TGI_F64; from++)
                for (int back = 0; back < 2; back++) {
                    const int64_t rows = shapes[i][0], n = shapes[i][1], apart = (back ? n : rows) + APART;
                    for (int64_t k = 0; k < (back ? rows : n) * apart; k++)
                        set(from, matrix + k * sizes[from], (double)(k % 4999));
                    const int64_t row[] = { back ? sizes[to] : n * sizes[to],
                                            back ? apart * sizes[from] : sizes[from] };
                    const int64_t stride[] = { back ? rows * sizes[to] : sizes[to],
                                               back ? sizes[from] : apart * sizes[from] };
                    memset(turned, 0x5a, sizeof turned);
                    K(copy)->run[to][from](rows, n, (char *[]){ turned, matrix }, row, stride);
                    for (int64_t r = 0; r < rows; r++)
                        for (int64_t c = 0; c < n; c++)
                            if (get(to, turned + r * row[0] + c * stride[0]) !=
                                get(from, matrix + r * row[1] + c * stride[1]))
                                fail_msg("%s %s to %s, %d x %d: [%d, %d]", set_name(), dtype_name(from), dtype_name(to),
                                         (int)rows, (int)n, (int)r, (int)c);
                    assert_int_equal(turned[rows * n * sizes[to]], 0x5a);
                }
}

static void put(int dtype, char *at, int64_t value)
{
    const float single = (float)value;
    const double real = (double)value;
    const char boolean = value % 3 == 0;
    const void *const from[] = { &single, &real, &value, &boolean };
    memcpy(at, from[dtype], (size_t)sizes[dtype]);
}

/* Matrices read from another corner, along rows or along columns. */
static void test_copy_of_reversed(void **unused)
{
    (void)unused;
    enum { MOST_ELEMENTS = 70 * 1001 };
    static const int64_t shapes[][2] = { { 1, 1 },  { 1, 17 },   { 17, 1 },    { 5, 15 },   { 3, 16 },   { 63, 63 },
                                         { 9, 33 }, { 35, 128 }, { 70, 1001 }, { 66, 512 }, { 33, 514 }, { 64, 1000 } };
    static char matrix[MOST_ELEMENTS * 8], copy[MOST_ELEMENTS * 8 + 1];
    for (int i = 0; i < 12; i++)
        for (int d = 0; d < TGI_DTYPES; d++)
            for (int way = 0; way < 8; way++) {
                const int64_t rows = shapes[i][0], n = shapes[i][1], size = sizes[d];
                const bool turned = way & 4;
                for (int64_t k = 0; k < rows * n; k++) put(d, matrix + k * size, k % 4999);
                int64_t row[] = { n * size, turned ? size : n * size },
                        stride[] = { size, turned ? rows * size : size };
                char *from = matrix;
                if (way & 1) from += (rows - 1) * row[1], row[1] = -row[1];
                if (way & 2) from += (n - 1) * stride[1], stride[1] = -stride[1];
                memset(copy, 0x5a, sizeof copy);
                K(copy)->run[d][d](rows, n, (char *[]){ copy, from }, row, stride);
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t c = 0; c < n; c++) {
                        const int64_t y = way & 1 ? rows - 1 - r : r, x = way & 2 ? n - 1 - c : c;
                        char want[8];
                        put(d, want, (turned ? x * rows + y : y * n + x) % 4999);
                        if (memcmp(copy + (r * n + c) * size, want, (size_t)size) != 0)
                            fail_msg("%s %s, %d x %d, way %d: [%d, %d]", set_name(), dtype_name(d), (int)rows, (int)n,
                                     way, (int)r, (int)c);
                    }
                assert_int_equal(copy[rows * n * size], 0x5a);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_copy_to_int64),
        cmocka_unit_test(test_copy_of_rows_that_seem_to_follow),
        cmocka_unit_test(test_copy_of_large_transposed),
        cmocka_unit_test(test_copy_of_reversed),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

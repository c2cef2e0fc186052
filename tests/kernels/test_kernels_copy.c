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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_copy_to_int64),
        cmocka_unit_test(test_copy_of_rows_that_seem_to_follow),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

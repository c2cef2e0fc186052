/* test_kernels_bag.c: rows of a table added up by every set of kernels this machine can run, against the slow reference,
 * on sizes drawn at random. */
#include "tests/support/kernels_drawn.h"

#include "ops/kernels/index/bag_kernels.h"

static void test_bags(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++)
        for (int d = TGI_F32; d <= TGI_F64; d++) {
            const int64_t rows = between(1, 20), n = between(0, 30), width = between(1, 200);
            int64_t index[30];
            for (int64_t k = 0; k < n; k++) index[k] = between(0, rows - 1);
            void *x = numbers(d, rows * width), *share = numbers(d, n), *g = numbers(d, width);
            void *got = numbers(d, rows * width + n), *want = numbers(d, rows * width + n);
            const void *used = i % 2 ? share : NULL;
            memcpy(want, got, (size_t)(rows * width * sizes[d]));
            K(bag)->add[d](n, width, index, used, rows / 3, rows - rows / 4, g, got);
            R(bag)->add[d](n, width, index, used, rows / 3, rows - rows / 4, g, want);
            assert_near(d, "add", got, want, rows * width, 0);
            K(bag)->sum[d](n, width, index, used, x, i % 3 + 1, got);
            R(bag)->sum[d](n, width, index, used, x, i % 3 + 1, want);
            assert_near(d, "sum", got, want, width, 0);
            K(bag)->dot[d](n, width, index, x, g, got);
            R(bag)->dot[d](n, width, index, x, g, want);
            assert_near(d, "dot", got, want, n, 400);
            free(x), free(share), free(g), free(got), free(want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bags),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

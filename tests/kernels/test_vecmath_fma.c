/* test_vecmath_fma.c: test_vecmath.c for processors with a fused multiply-add, whose arithmetic is another: compiled
 * for AVX2 and FMA, if the compiler has a pragma for that, and run where the processor has them. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#define TEST_NEEDS_FMA 1
#include "test_vecmath.c"
#else
#include "tests/support/cmocka_all.h"

static void test_no_fma(void **unused)
{
    (void)unused;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_fma) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

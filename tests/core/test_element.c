/* test_element.c: elements of files become those of tensors: all halves and bfloat16s against the formula of their bits,
 * integers at their limits, at addresses that no element would lie at. */
#include "core/file/element_impl.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { ALL = 1 << 16 };

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* IEEE 754's value of sign, exponent and mantissa. */
static double value(int bits, int exponent_bits, int mantissa_bits)
{
    const int mantissa = bits & ((1 << mantissa_bits) - 1),
              exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const double sign = bits >> 15 & 1 ? -1 : 1, fraction = ldexp(mantissa, -mantissa_bits);
    if (exponent == (1 << exponent_bits) - 1) return mantissa ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias);
    return sign * ldexp(1 + fraction, exponent - bias);
}

/* A NaN keeps its sign and, at the top of the longer mantissa, its payload; quiet or not. */
static void check_all(tgi_element element, int exponent_bits, int mantissa_bits)
{
    static char bytes[2 * ALL + 1];
    static float floats[ALL];
    for (int i = 0; i < ALL; i++) memcpy(bytes + 1 + 2 * i, &(uint16_t){ (uint16_t)i }, 2);
    assert_int_equal(tgi_elements_convert(floats, bytes + 1, ALL, element), -1);
    for (int i = 0; i < ALL; i++) {
        const double want = value(i, exponent_bits, mantissa_bits);
        const uint32_t have = bits_of(floats[i]);
        const uint32_t expected = isnan(want) ? (uint32_t)(i & 0x8000) << 16 | 0x7f800000u |
                                                    (uint32_t)(i & ((1 << mantissa_bits) - 1)) << (23 - mantissa_bits)
                                              : bits_of((float)want);
        if (have != expected) fail_msg("0x%04x is 0x%08x, not 0x%08x", i, have, expected);
    }
}

TEST(test_halves) { check_all(TGI_F16, 5, 10); }
TEST(test_bfloat16s) { check_all(TGI_BF16, 8, 7); }

#define CONVERTED(element, type, ...)                                                                                  \
    do {                                                                                                               \
        const type from[] = { __VA_ARGS__ };                                                                           \
        const int64_t expected[] = { __VA_ARGS__ };                                                                    \
        enum { N = sizeof from / sizeof from[0] };                                                                     \
        char odd[sizeof from + 1];                                                                                     \
        int64_t to[N];                                                                                                 \
        memcpy(odd + 1, from, sizeof from);                                                                            \
        assert_int_equal(tgi_elements[element].bytes, sizeof(type));                                                   \
        assert_int_equal(tgi_elements[element].dtype, TG_INT64);                                                       \
        assert_int_equal(tgi_elements_convert(to, odd + 1, N, element), -1);                                           \
        assert_memory_equal(to, expected, sizeof to);                                                                  \
    } while (0)

TEST(test_integers)
{
    CONVERTED(TGI_I8, int8_t, 0, 1, -1, INT8_MIN, INT8_MAX);
    CONVERTED(TGI_I16, int16_t, 0, 1, -1, INT16_MIN, INT16_MAX);
    CONVERTED(TGI_I32, int32_t, 0, 1, -1, INT32_MIN, INT32_MAX);
    CONVERTED(TGI_I64, int64_t, 0, 1, -1, INT64_MIN, INT64_MAX);
    CONVERTED(TGI_U8, uint8_t, 0, 1, UINT8_MAX);
    CONVERTED(TGI_U16, uint16_t, 0, 1, UINT16_MAX);
    CONVERTED(TGI_U32, uint32_t, 0, 1, UINT32_MAX);
    CONVERTED(TGI_U64, uint64_t, 0, 1, INT64_MAX);
    const uint64_t beyond[] = { 1, 2, (uint64_t)1 << 63, 3, UINT64_MAX };
    int64_t to[5];
    assert_int_equal(tgi_elements_convert(to, beyond, 5, TGI_U64), 2);
    assert_int_equal(tgi_elements_convert(to, beyond, 2, TGI_U64), -1);
}

TEST(test_bools)
{
    const unsigned char from[] = { 0, 1, 2, 0x80, 0xff }, expected[] = { 0, 1, 1, 1, 1 };
    unsigned char to[5];
    assert_int_equal(tgi_elements_convert(to, from, 5, TGI_BOOLEAN), -1);
    assert_memory_equal(to, expected, 5);
}

TEST(test_as_they_are)
{
    const uint64_t bits[] = { 0x7ff0000000000001, (uint64_t)1 << 63, 1 };
    uint64_t to[3];
    assert_int_equal(tgi_elements_convert(to, bits, 3, TGI_F64), -1);
    assert_memory_equal(to, bits, sizeof to);
    assert_int_equal(tgi_elements_convert(to, bits, 6, TGI_F32), -1);
    assert_memory_equal(to, bits, sizeof to);
    for (int dtype = 0; dtype < TG_DTYPES; dtype++) {
        const tgi_element element = tgi_element_of((tg_dtype)dtype);
        assert_int_equal(tgi_elements[element].dtype, dtype);
        assert_int_equal(tgi_elements[element].bytes, tg_dtype_size((tg_dtype)dtype));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_halves), T(test_bfloat16s), T(test_integers), T(test_bools),
                                        T(test_as_they_are) };
    return cmocka_run_group_tests_name("element", tests, NULL, NULL);
}

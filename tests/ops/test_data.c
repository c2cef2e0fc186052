/* test_data.c: tensors from what C programs hold: numbers, literals, arrays, tables and pointers of every type. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <stdint.h>

/* dtype, and that each element is the number. */
static void assert_is(const tg_tensor *t, tg_dtype dtype, const double *expected, int64_t n)
{
    assert_non_null(t);
    assert_int_equal(tg_dtype_of(t), dtype);
    assert_int_equal(tg_numel(t), n);
    assert_values(t, expected, n, 0);
}
#define IS(t, dtype, ...)                                                                                              \
    assert_is(t, dtype, (const double[]){ __VA_ARGS__ }, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))

TEST(test_numbers)
{
    IS(tg_tensor_of(1, 2, 3), TG_INT64, 1, 2, 3);
    IS(tg_tensor_of(1, 2.5, 3), TG_FLOAT32, 1, 2.5, 3);
    IS(tg_tensor_of(1.5f), TG_FLOAT32, 1.5);
    IS(tg_tensor_of((bool)1, (bool)0), TG_BOOL, 1, 0);
    IS(tg_tensor_of((bool)1, 7), TG_INT64, 1, 7);
    IS(tg_tensor_of((bool)1, 2.5), TG_FLOAT32, 1, 2.5);
    IS(tg_tensor_of((short)-3, 'a', 4u, 5L, (unsigned char)200), TG_INT64, -3, 97, 4, 5, 200);
    assert_int_equal(tg_item_int64(tg_select(tg_tensor_of(INT64_MAX, INT64_MIN), 0, 0)), INT64_MAX);
    tg_tensor *nothing = tg_tensor_of();
    assert_true(tg_ndim(nothing) == 1 && tg_size(nothing, 0) == 0 && tg_dtype_of(nothing) == TG_FLOAT32);
    tg_set_default_dtype(TG_FLOAT64);
    IS(tg_tensor_of(0.1, 1), TG_FLOAT64, 0.1, 1);
    tg_set_default_dtype(TG_FLOAT32);
    tg_tensor *many = tg_tensor_of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                   24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
                                   45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64);
    assert_true(tg_equal(many, tg_arange(1, 65)));
    assert_null(tg_tensor_of(1, tg_ones(tg_shape(1))));
    expect_error("tensor_of: takes numbers");
}

/* Every type, as an array, as a pointer, as a literal. */
#define EACH_WAY(type, own, ...)                                                                                       \
    do {                                                                                                               \
        const type array[] = { __VA_ARGS__ };                                                                          \
        const type *pointer = array;                                                                                   \
        type *writable = (type *)pointer;                                                                              \
        const int64_t n = sizeof array / sizeof *array;                                                                \
        IS(tg_from_data(array, tg_shape(n)), own, __VA_ARGS__);                                                        \
        IS(tg_from_data(pointer, tg_shape(n)), own, __VA_ARGS__);                                                      \
        IS(tg_from_data(writable, tg_shape(n)), own, __VA_ARGS__);                                                     \
        IS(tg_from_data((const type *)writable, tg_shape(n), .dtype = TG_FLOAT64), TG_FLOAT64, __VA_ARGS__);           \
        IS(tg_from_data((type[]){ __VA_ARGS__ }, tg_shape(n)), own, __VA_ARGS__);                                      \
        IS(tg_from_data((const type[]){ __VA_ARGS__ }, tg_shape(n), .requires_grad = false, .dtype = TG_FLOAT64),      \
           TG_FLOAT64, __VA_ARGS__);                                                                                   \
        assert_null(tg_from_data(array, tg_shape(n + 1)));                                                             \
        expect_error("the shape has");                                                                                 \
        assert_null(tg_from_data((type[]){ __VA_ARGS__ }, tg_shape(n + 1)));                                           \
        expect_error("the shape has");                                                                                 \
        assert_null(tg_from_data((type[]){ __VA_ARGS__ }, tg_shape(n + 1), .dtype = TG_FLOAT32));                      \
        expect_error("the shape has");                                                                                 \
    } while (0)

TEST(test_types)
{
    EACH_WAY(float, TG_FLOAT32, 1.5, -2, 3);
    EACH_WAY(double, TG_FLOAT64, 0.1, -2, 1e300);
    EACH_WAY(bool, TG_BOOL, 1, 0, 1);
    EACH_WAY(int64_t, TG_INT64, -5, 1LL << 40, 0);
    EACH_WAY(int32_t, TG_INT64, -5, 1 << 30, 0);
    EACH_WAY(int16_t, TG_INT64, -5, 32767, -32768);
    EACH_WAY(int8_t, TG_INT64, -5, 127, -128);
    EACH_WAY(uint8_t, TG_INT64, 0, 127, 255);
    EACH_WAY(uint16_t, TG_INT64, 0, 32768, 65535);
    EACH_WAY(uint32_t, TG_INT64, 0, 1U << 31, UINT32_MAX);
    EACH_WAY(uint64_t, TG_INT64, 0, 1ULL << 40, 7);
    EACH_WAY(size_t, TG_INT64, 0, 1ULL << 40, 7);
    EACH_WAY(unsigned, TG_INT64, 0, 7, UINT32_MAX);
    EACH_WAY(unsigned long long, TG_INT64, 0, 7, 1);
    EACH_WAY(char, TG_INT64, 'a', 0, 'z');
    EACH_WAY(long, TG_INT64, -5, 7, 0);
    EACH_WAY(long long, TG_INT64, -5, 7, 0);
}

TEST(test_tables)
{
    const double table[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    IS(tg_from_data(table, tg_shape(2, 3)), TG_FLOAT64, 1, 2, 3, 4, 5, 6);
    IS(tg_from_data(table, tg_shape(3, 2), .dtype = TG_INT64), TG_INT64, 1, 2, 3, 4, 5, 6);
    IS(tg_from_data(table[1], tg_shape(3)), TG_FLOAT64, 4, 5, 6);
    IS(tg_from_data(&table[0][1], tg_shape(2)), TG_FLOAT64, 2, 3);
    const unsigned char image[2][1][2][2] = { { { { 1, 2 }, { 3, 4 } } }, { { { 5, 6 }, { 7, 255 } } } };
    IS(tg_from_data(image, tg_shape(2, 1, 2, 2)), TG_INT64, 1, 2, 3, 4, 5, 6, 7, 255);
    const unsigned char(*rows)[1][2][2] = image; /* a pointer to tables */
    IS(tg_from_data(rows, tg_shape(8)), TG_INT64, 1, 2, 3, 4, 5, 6, 7, 255);
    IS(tg_from_data((int[2][2]){ { 1, 2 }, { 3, 4 } }, tg_shape(2, 2)), TG_INT64, 1, 2, 3, 4);
    IS(tg_from_data((float[][2]){ { 1, 2 }, { 3, 4 } }, tg_shape(2, 2), .requires_grad = true), TG_FLOAT32, 1, 2, 3, 4);
    assert_null(tg_from_data(table, tg_shape(7)));
    expect_error("the shape has 7 elements and the data has 6");
    assert_null(tg_from_data(image, tg_shape(3, 3)));
    expect_error("the shape has 9 elements and the data has 8");
    const int64_t n = 2;
    float variable[n][n];
    for (int i = 0; i < 4; i++) variable[i / 2][i % 2] = (float)i;
    IS(tg_from_data(variable, tg_shape(n, n)), TG_FLOAT32, 0, 1, 2, 3);
    assert_null(tg_from_data(variable, tg_shape(5)));
    expect_error("the data has 4");
}

/* What begins with a parenthesis and what has commas. */
TEST(test_literals)
{
    float values[] = { 1, 2, 3 };
    const struct {
        float *p;
    } s = { values }, *sp = &s;
    IS(tg_from_data((float[]){ 7 }, tg_shape(1)), TG_FLOAT32, 7);
    IS(tg_from_data((float[4]){ 1, 2 }, tg_shape(4)), TG_FLOAT32, 1, 2, 0, 0);
    IS(tg_from_data((float[4]){ 0 }, tg_shape(4), .dtype = TG_INT64), TG_INT64, 0, 0, 0, 0);
    IS(tg_from_data(((float[]){ 1, 2 }), tg_shape(2)), TG_FLOAT32, 1, 2);
    IS(tg_from_data((values), tg_shape(3)), TG_FLOAT32, 1, 2, 3);
    IS(tg_from_data((values), tg_shape(3), .dtype = TG_FLOAT64), TG_FLOAT64, 1, 2, 3);
    IS(tg_from_data((values) + 1, tg_shape(2), .dtype = TG_FLOAT64), TG_FLOAT64, 2, 3);
    IS(tg_from_data((sp)->p, tg_shape(3)), TG_FLOAT32, 1, 2, 3);
    IS(tg_from_data(sp->p, tg_shape(3), .requires_grad = true), TG_FLOAT32, 1, 2, 3);
    tg_tensor *leaf = tg_from_data((float[]){ 1, 2, 3 }, tg_shape(3), .requires_grad = true);
    assert_true(tg_requires_grad(leaf) && tg_is_leaf(leaf));
    assert_false(tg_requires_grad(tg_from_data((float[]){ 1, 2, 3 }, tg_shape(3), .requires_grad = false)));
    IS(tg_add(tg_from_data((float[]){ 1, 2 }, tg_shape(2)), tg_from_data((float[]){ 3, 4 }, tg_shape(2))), TG_FLOAT32,
       4, 6);
    const tg_shape shape = tg_shape(2);
    IS(tg_from_data((float[]){ 1, 2 }, shape), TG_FLOAT32, 1, 2);
    assert_null(tg_from_data((values), tg_shape(4), .dtype = TG_FLOAT64));
    expect_error("the data has 3");
    assert_null(tg_from_data((float *)NULL, tg_shape(4)));
    expect_error("the data is NULL");
    assert_null(tg_from_data_at(NULL, values, -1, (tg_element)99, tg_shape(1), TG_CREATE_OPTIONS()));
    expect_error("99 is no kind of element");
}

#define TEN(n) n, n, n, n, n, n, n, n, n, n
TEST(test_limits)
{
    assert_null(tg_from_data((float[]){ 1, 2, 3 }));
    expect_error("tg_from_data needs a shape: tg_from_data(values, tg_shape(n))");
    assert_null(tg_from_data((float[]){ 1, 2, 3 }, .dtype = TG_FLOAT64));
    expect_error("needs a shape");
    const size_t sizes[] = { 1, (size_t)INT64_MAX, (size_t)INT64_MAX + 1 };
    assert_true(tg_item_int64(tg_select(tg_from_data(sizes, tg_shape(2)), 0, 1)) == INT64_MAX);
    assert_null(tg_from_data(sizes, tg_shape(3)));
    expect_error("element 2 is 9223372036854775808, and int64 ends at 9223372036854775807");
    tg_tensor *sixty = tg_from_data((int[]){ TEN(1), TEN(2), TEN(3), TEN(4), TEN(5), TEN(6) }, tg_shape(6, 10),
                                    .dtype = TG_FLOAT64, .requires_grad = true);
    assert_true(tg_item(tg_sum(sixty)) == 210);
    assert_null(tg_from_data((int[]){ TEN(1), TEN(2), TEN(3), TEN(4), TEN(5), TEN(6) }, tg_shape(61)));
    expect_error("the shape has 61 elements and the data has 60");
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_numbers), T(test_types), T(test_tables), T(test_literals),
                                        T(test_limits) };
    return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}

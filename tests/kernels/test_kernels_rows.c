/* test_kernels_rows.c: the families pointwise, functions and activation of every set of kernels this machine can run,
 * against the slow reference: every row of rows.def, every dtype, special values, and where. */
#include "tests/support/kernels_loop.h"

#include "ops/kernels/rows/activation_kernels.h"
#include "ops/kernels/rows/functions_kernels.h"
#include "ops/kernels/rows/pointwise_kernels.h"

/* How many floats a row may be off: plain arithmetic agrees to the bit, exp, log, tanh, sigmoid and pow keep what
 * vecmath.h promises. Of a formula not listed here (UNLISTED) all that is known is that it is made of these. */
static double tolerance(const char *name, bool backward)
{
    static const struct {
        const char *name;
        double forward, backward;
    } rows[] = {
        { "neg", 0, 0 }, { "abs", 0, 0 }, { "sqrt", 0, 0 }, { "relu", 0, 0 },    { "add", 0, 0 },
        { "sub", 0, 0 }, { "mul", 0, 0 }, { "div", 0, 0 },  { "maximum", 0, 0 }, { "minimum", 0, 0 },
        { "exp", 1, 0 }, { "log", 1, 0 }, { "tanh", 3, 0 }, { "sigmoid", 3, 0 }, { "pow", 2, 4 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(name, rows[i].name) == 0) return backward ? rows[i].backward : rows[i].forward;
    }
    return UNLISTED;
}

enum { SAVE_NONE = 0, SAVE_A = 1, SAVE_B = 2, SAVE_C = 4, SAVE_Y = 8 };

/* A row's parameters as its loops read them. */
typedef struct parameters {
    double real[TGI_PARAMETERS];
    int64_t integer[TGI_PARAMETERS];
} parameters;

/* Both loops of a row in every dtype, `out` being that of a bool result. */
static void check_forward(const char *name, const tgi_row_loops *fast, const tgi_row_loops *slow, int inputs,
                          bool to_bool, parameters numbers)
{
    for (int i = 0; i < TGI_PARAMETERS; i++) numbers.integer[i] = isnan(numbers.real[i]) ? 0 : (int64_t)numbers.real[i];
    for (int d = 0; d < TGI_DTYPES; d++) {
        const int out = to_bool ? TGI_BOOL : d;
        check_loop(&(loop_test){ "row",
                                 name,
                                 fast->forward[d],
                                 slow->forward[d],
                                 1 + inputs,
                                 { out, d, d, d },
                                 tolerance(name, false),
                                 d == TGI_I64 ? (void *)numbers.integer : numbers.real });
    }
}

/* The gradient of input i, whose formula names what `saves` says. */
static void check_backward(const char *name, const tgi_row_loops *fast, const tgi_row_loops *slow, int inputs, int i,
                           int saves, parameters numbers)
{
    static const char *const what[] = { "gradient of a", "gradient of b", "gradient of c" };
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        loop_test t = { what[i],    name,     fast->backward[i][d],  slow->backward[i][d],
                        3 + inputs, { d, d }, tolerance(name, true), numbers.real };
        for (int k = 0; k < inputs; k++) t.dtype[2 + k] = saves & (SAVE_A << k) ? d : -1;
        t.dtype[2 + inputs] = saves & SAVE_Y ? d : -1;
        check_loop(&t);
    }
}

#define LOOPS(name) &K(TG_FAMILY)->name, &R(TG_FAMILY)->name
#define FORWARD(name, inputs, to_bool, ...)                                                                            \
    check_forward(#name, LOOPS(name), inputs, to_bool, (parameters){ { __VA_ARGS__ }, { 0 } });
#define BACKWARD(name, inputs, i, saves, ...)                                                                          \
    check_backward(#name, LOOPS(name), inputs, i, saves, (parameters){ { __VA_ARGS__ }, { 0 } });
#define OPTION(k, name, initial, value) value,
#define REQUIRED(k, name, value)        value,
#define OR_NONE                         REQUIRED

static void test_unary_rows(void **unused)
{
    (void)unused;
    state = 1; /* every set is given the same numbers */
#define TG_UNARY(name, dtypes, y, da, saves, ...) FORWARD(name, 1, false, 0) BACKWARD(name, 1, 0, saves, 0)
#define TG_TEST(name, ...)                        FORWARD(name, 1, true, 0)
#include "ops/rows/rows.def"
}

static void test_binary_rows(void **unused)
{
    (void)unused;
#define TG_BINARY(name, dtypes, y, da, da_saves, db, db_saves, ...)                                                    \
    FORWARD(name, 2, false, 0) BACKWARD(name, 2, 0, da_saves, 0) BACKWARD(name, 2, 1, db_saves, 0)
#define TG_COMPARE(name, ...) FORWARD(name, 2, true, 0)
#define TG_BITWISE(name, ...) FORWARD(name, 2, false, 0)
#include "ops/rows/rows.def"
}

static void test_ternary_rows(void **unused)
{
    (void)unused;
#define TG_TERNARY(name, dtypes, y, da, da_saves, db, db_saves, dc, dc_saves, ...)                                     \
    FORWARD(name, 3, false, 0)                                                                                         \
    BACKWARD(name, 3, 0, da_saves, 0) BACKWARD(name, 3, 1, db_saves, 0) BACKWARD(name, 3, 2, dc_saves, 0)
#include "ops/rows/rows.def"
}

static void test_rows_with_parameters(void **unused)
{
    (void)unused;
#define TG_UNARY_WITH(name, dtypes, with, y, da, saves, ...)                                                           \
    FORWARD(name, 1, false, with) BACKWARD(name, 1, 0, saves, with)
#define TG_TERNARY_WITH(name, dtypes, with, y, da, da_saves, db, db_saves, dc, dc_saves, ...)                          \
    FORWARD(name, 3, false, with)                                                                                      \
    BACKWARD(name, 3, 0, da_saves, with) BACKWARD(name, 3, 1, db_saves, with) BACKWARD(name, 3, 2, dc_saves, with)
#include "ops/rows/rows.def"
}

/* pow by one number has loops of its own, and they give what the others give. */
static void test_pow_by_a_number(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        const int64_t size = sizes[d], apart[] = { size, size, size, size, size }, one[] = { size, size, 0, 0, 0 },
                      back[] = { size, size, size, 0, 0 };
        static char a[99 * 8], b[99 * 8], g[99 * 8], got[99 * 8], want[99 * 8];
        for (double exponent = -1.5; exponent < 5; exponent += 0.5) {
            for (int64_t i = 0; i < 99; i++) {
                set(d, a + i * size, any_real());
                set(d, b + i * size, exponent);
                set(d, g + i * size, uniform(-1, 1));
            }
            K(pointwise)->pow.forward[d](1, 99, (char *[]){ got, a, b }, NULL, one);
            K(pointwise)->pow.forward[d](1, 99, (char *[]){ want, a, b }, NULL, apart);
            for (int64_t i = 0; i < 99; i++) assert_true(alike(d, got + i * size, want + i * size, 0));
            K(pointwise)->pow.backward[0][d](1, 99, (char *[]){ got, g, a, b, NULL }, NULL, back);
            K(pointwise)->pow.backward[0][d](1, 99, (char *[]){ want, g, a, b, NULL }, NULL, apart);
            for (int64_t i = 0; i < 99; i++) assert_true(alike(d, got + i * size, want + i * size, 0));
        }
    }
}

static void test_pow_of_integers_by_a_number(void **unused)
{
    (void)unused;
    static int64_t a[99], got[99];
    for (int64_t exponent = 0; exponent < 6; exponent++) {
        for (int i = 0; i < 99; i++) a[i] = any_integer();
        K(pointwise)->pow.forward[TGI_I64](1, 99, (char *[]){ (char *)got, (char *)a, (char *)&exponent }, NULL,
                                           (int64_t[]){ 8, 8, 0 });
        for (int i = 0; i < 99; i++) {
            uint64_t want = 1;
            for (int64_t k = 0; k < exponent; k++) want *= (uint64_t)a[i];
            assert_true(got[i] == (int64_t)want);
        }
    }
}

/* ---- rows that have a shorter way for easy elements ---- */

enum { EASY = 600 }; /* blocks of them, and a part of one */

typedef struct easy_test {
    const char *name;
    const tgi_row_loops *fast, *slow;
    int inputs;
    double ulps, lo, hi;
} easy_test;

/* From lo to hi, or a whole number of a size from 1 up; never 0. */
static void set_easy(const easy_test *t, int d, char *at)
{
    const int64_t whole = (int64_t)ldexp(uniform(1, 2), (int)(draw() % 48)) * (draw() % 2 ? 1 : -1);
    double real = uniform(t->lo, t->hi);
    while (real == 0) real = uniform(t->lo, t->hi);
    if (d == TGI_I64)
        memcpy(at, &whole, 8);
    else
        set(d, at, real);
}

/* What is hard: beyond the shorter way, or at its edge. */
static void set_hard(int d, char *at, int i)
{
    static const double reals[] = { NAN, INFINITY, -INFINITY, -0.0, 8192, 8191.9, 1048576, -1048575.5, 1e30, -1e300 };
    static const int64_t integers[] = { 0,         -1,        INT64_MAX,       INT64_MIN,       1ll << 49, -(1ll << 49),
                                        1ll << 50, 1ll << 51, (1ll << 49) - 1, -(1ll << 49) - 1 };
    if (d == TGI_I64)
        memcpy(at, &integers[i], 8);
    else
        set(d, at, reals[i]);
}

/* Each element is what the reference has, and the same among easy ones and beside a hard one. */
static void check_easy(const easy_test *t, int d)
{
    static char x[3][EASY * 8], easy[EASY * 8], got[EASY * 8], want[EASY * 8];
    double one[TGI_PARAMETERS] = { 1, 1, 1 };
    const int64_t size = sizes[d], stride[] = { size, size, size, size };
    char *to_easy[] = { easy, x[0], x[1], NULL }, *to_got[] = { got, x[0], x[1], NULL },
         *to_want[] = { want, x[0], x[1], NULL };
    char **all[] = { to_easy, to_got, to_want };
    for (int k = 0; k < 3; k++) all[k][1 + t->inputs] = (char *)one;
    for (int i = 0; i < EASY; i++)
        for (int k = 0; k < 2; k++) set_easy(t, d, x[k] + i * size);
    t->fast->forward[d](1, EASY, to_easy, NULL, stride);
    for (int hard = -1; hard < 20; hard++) {
        const int at = 256 + hard % 10;
        char kept[8];
        if (hard >= 0) {
            memcpy(kept, x[hard / 10] + at * size, (size_t)size);
            set_hard(d, x[hard / 10] + at * size, hard % 10);
        }
        t->fast->forward[d](1, EASY, to_got, NULL, stride);
        t->slow->forward[d](1, EASY, to_want, NULL, stride);
        for (int i = 0; i < EASY; i++) {
            if (!alike(d, got + i * size, want + i * size, t->ulps))
                fail_msg("%s %s of %s: %g %g gives %.17g, not %.17g", set_name(), t->name, dtype_name(d),
                         get(d, x[0] + i * size), get(d, x[1] + i * size), get(d, got + i * size),
                         get(d, want + i * size));
            if (hard < 0 || i != at) assert_memory_equal(got + i * size, easy + i * size, (size_t)size);
        }
        if (hard >= 0) memcpy(x[hard / 10] + at * size, kept, (size_t)size);
    }
}

static void test_easy_elements(void **unused)
{
    (void)unused;
#define EASY_ROW(family, name, inputs, ...)                                                                            \
    {                                                                                                                  \
#name, &K(family)->name, &R(family)->name, inputs, __VA_ARGS__                                                 \
    }
    const easy_test divisions[] = { EASY_ROW(pointwise, fmod, 2, 0, -1e6, 1e6),
                                    EASY_ROW(pointwise, remainder, 2, 0, -1e6, 1e6),
                                    EASY_ROW(pointwise, floor_divide, 2, 0, -1e6, 1e6),
                                    EASY_ROW(pointwise, div_trunc, 2, 0, -1e6, 1e6) };
    const easy_test angles[] = {
        EASY_ROW(functions, sin, 1, 2, -8000, 8000), EASY_ROW(functions, cos, 1, 2, -8000, 8000),
        EASY_ROW(functions, tan, 1, 3, -8000, 8000), EASY_ROW(functions, sin, 1, 2, -3, 3),
        EASY_ROW(functions, cos, 1, 2, -3, 3),       EASY_ROW(functions, tan, 1, 3, -3, 3)
    };
    const easy_test units[] = { EASY_ROW(activation, elu, 1, 4, 0, 3), EASY_ROW(activation, selu, 1, 4, 0, 3),
                                EASY_ROW(activation, celu, 1, 4, 0, 3) };
    for (int i = 0; i < 4; i++)
        for (int d = TGI_F32; d <= TGI_I64; d++) check_easy(&divisions[i], d);
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int i = 0; i < 6; i++) check_easy(&angles[i], d);
        for (int i = 0; i < 3; i++) check_easy(&units[i], d);
    }
}

static void test_bool_rows(void **unused)
{
    (void)unused;
    for (int x = 0; x < 2; x++) {
        for (int z = 0; z < 2; z++) {
            char y = 7, a = (char)x, b = (char)z, *p[] = { &y, &a, &b };
            const int64_t stride[] = { 1, 1, 1 };
            K(pointwise)->add.forward[TGI_BOOL](1, 1, p, NULL, stride);
            assert_int_equal(y, x | z);
            K(pointwise)->mul.forward[TGI_BOOL](1, 1, p, NULL, stride);
            assert_int_equal(y, x & z);
            K(pointwise)->lt.forward[TGI_BOOL](1, 1, p, NULL, stride);
            assert_int_equal(y, x < z);
        }
    }
}

static void test_where(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++)
        check_loop(&(loop_test){ "where",
                                 "",
                                 K(pointwise)->where[d],
                                 R(pointwise)->where[d],
                                 4,
                                 { d, TGI_BOOL, d, d },
                                 0,
                                 NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_rows),      cmocka_unit_test(test_binary_rows),
        cmocka_unit_test(test_ternary_rows),    cmocka_unit_test(test_rows_with_parameters),
        cmocka_unit_test(test_bool_rows),       cmocka_unit_test(test_where),
        cmocka_unit_test(test_pow_by_a_number), cmocka_unit_test(test_pow_of_integers_by_a_number),
        cmocka_unit_test(test_easy_elements),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

/* test_kernels.c: every set of kernels this machine can run, against the slow reference: every row of rows.def,
 * every dtype, tails, strides, unaligned memory, special values; and bit by bit against itself, since a value may
 * depend on nothing but its inputs: not on its index, the length or the layout. Sums, softmax and
 * optimisers are in test_kernels_reduce.c, the matrix product in test_kernels_gemm.c. */
#define _POSIX_C_SOURCE 200809L /* setenv, fork */
#include "tests/support/kernels.h"

#include "ops/kernels/rows/copy_kernels.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNLISTED = -1 };

/* ---- pointwise loops ---- */

enum { MOST = 700, OPERANDS = 6, ROOM = MOST * 8 * 5 + 64 };

/* How operand k lies: element stride and bytes beside alignment. */
typedef struct layout {
    int64_t step[OPERANDS];
    int offset;
} layout;
static const layout layouts[] = {
    { { 1, 1, 1, 1, 1, 1 }, 0 },       { { 1, 1, 1, 1, 1, 1 }, 1 },   { { 1, 0, 1, 0, 1, 0 }, 0 },
    { { 1, 1, 0, 1, 0, 1 }, 3 },       { { 1, 0, 0, 0, 0, 0 }, 0 },   { { 3, 2, 1, 5, -1, 2 }, 1 },
    { { -1, -1, -1, -1, -1, -1 }, 0 }, { { 2, -3, 0, 1, 4, -1 }, 2 }, { { -2, 1, 1, 3, 0, 1 }, 0 },
};

typedef struct loop_test {
    const char *what, *name;
    tgi_loop fast, slow;
    int count;
    int dtype[OPERANDS]; /* of each operand; -1: not passed */
    double ulps;
    const void *parameters; /* behind the operands; NULL if none */
} loop_test;

static char memory[OPERANDS][ROOM], expected[ROOM];

static void place(const loop_test *t, const layout *l, int64_t n, char **p, int64_t *stride)
{
    for (int k = 0; k < t->count; k++) {
        if (t->dtype[k] < 0) {
            p[k] = NULL;
            stride[k] = 12345;
            continue;
        }
        int64_t size = sizes[t->dtype[k]];
        stride[k] = l->step[k] * size;
        p[k] = memory[k] + l->offset + (l->step[k] < 0 ? -(n - 1) * stride[k] : 0);
    }
    p[t->count] = (char *)(uintptr_t)t->parameters;
}

static void fill_inputs(const loop_test *t)
{
    for (int k = 1; k < t->count; k++) {
        if (t->dtype[k] < 0) continue;
        int64_t size = sizes[t->dtype[k]];
        for (int64_t i = 0; i < ROOM / size; i++) set(t->dtype[k], memory[k] + i * size, any_real());
    }
}

static void fail_loop(const loop_test *t, int64_t n, int64_t i, const char *const *p, const int64_t *stride,
                      const char *got, const char *want)
{
    int out = t->dtype[0];
    if (out <= TGI_F64) print_error("got %a, want %a;", get(out, got), get(out, want));
    for (int k = 1; k < t->count; k++) {
        if (t->dtype[k] == TGI_F32 || t->dtype[k] == TGI_F64)
            print_error(" %a", get(t->dtype[k], p[k] + i * stride[k]));
    }
    fail_msg("%s %s %s (%s), element %lld of %lld", set_name(), t->what, t->name,
             dtype_name(t->dtype[t->count > 1 && t->dtype[1] >= 0]), (long long)i, (long long)n);
}

/* A formula of unknown rows may cancel: off by some ulps of the product of its operands. */
static bool agree(const loop_test *t, const char *got, const char *want, char *const *one)
{
    double scale = t->dtype[0] == TGI_F64 ? 0x1p-47 : 0x1p-19;
    if (t->ulps != UNLISTED) return alike(t->dtype[0], got, want, t->ulps);
    if (alike(t->dtype[0], got, want, 32)) return true;
    if (t->dtype[0] > TGI_F64) return false;
    for (int k = 1; k < t->count; k++) scale *= one[k] ? fmax(1, fabs(get(t->dtype[k], one[k]))) : 1;
    return fabs(get(t->dtype[0], got) - get(t->dtype[0], want)) <= scale;
}

/* One length in one layout: against the reference, element by element against a call for that element alone; nothing
 * else written. */
static void check_once(const loop_test *t, const layout *l, int64_t n)
{
    char *p[OPERANDS + 1];
    int64_t stride[OPERANDS], size = sizes[t->dtype[0]];
    int64_t step = l->step[0] < 0 ? -l->step[0] : l->step[0];
    size_t span = (size_t)(n * step * size) + 64; /* what is written, and some */
    place(t, l, n, p, stride);
    memset(memory[0], 0x5a, span);
    t->slow(1, n, p, NULL, stride);
    memcpy(expected, memory[0], span);
    memset(memory[0], 0x5a, span);
    t->fast(1, n, p, NULL, stride);
    for (int64_t i = 0; i < n; i++) {
        char alone[8], *one[OPERANDS + 1], *got = p[0] + i * stride[0], *want = expected + (got - memory[0]);
        one[0] = alone;
        one[t->count] = p[t->count];
        for (int k = 1; k < t->count; k++) one[k] = p[k] ? p[k] + i * stride[k] : NULL;
        t->fast(1, 1, one, NULL, stride);
        if (!agree(t, got, want, one)) fail_loop(t, n, i, (const char *const *)p, stride, got, want);
        if (!alike(t->dtype[0], got, alone, 0)) fail_loop(t, n, i, (const char *const *)p, stride, got, alone);
        memcpy(want, got, (size_t)size);
    }
    if (memcmp(memory[0], expected, span) != 0)
        fail_msg("%s %s %s: wrote outside, n = %d", set_name(), t->what, t->name, (int)n);
}

/* The output is the memory of operand k. */
static void check_in_place(const loop_test *t, int k, int64_t n, int64_t step)
{
    static char before[ROOM];
    char *p[OPERANDS + 1];
    int64_t stride[OPERANDS], size = sizes[t->dtype[0]];
    size_t span = (size_t)(n * step * size) + 64;
    layout l = { { step, step, step, step, step }, 0 };
    place(t, &l, n, p, stride);
    t->fast(1, n, p, NULL, stride);
    memcpy(expected, memory[0], span);
    memcpy(before, memory[k], span);
    p[0] = p[k];
    t->fast(1, n, p, NULL, stride);
    for (int64_t i = 0; i < n; i++) {
        if (!alike(t->dtype[0], p[0] + i * stride[0], expected + i * stride[0], 0))
            fail_msg("%s %s %s in place of operand %d, %d of %d", set_name(), t->what, t->name, k, (int)i, (int)n);
    }
    memcpy(memory[k], before, span);
}

/* ---- rows ---- */

enum { SIDE = 40 };

/* How the rows of an operand lie: element and row strides in elements. */
static void place_rows(int kind, int64_t rows, int64_t n, int64_t *step, int64_t *row)
{
    switch (kind) {
    case 0: *step = 1, *row = n; break;     /* contiguous */
    case 1: *step = 1, *row = n + 3; break; /* a slice */
    case 2: *step = rows, *row = 1; break;  /* transposed */
    case 3: *step = 2, *row = 2 * n; break; /* every other one */
    case 4: *step = 1, *row = 0; break;     /* one row for all */
    case 5: *step = 0, *row = 1; break;     /* one number for each row */
    default: *step = 0, *row = 0;           /* one number */
    }
}

/* All rows in one call are what the rows one by one are, and nothing else is written. */
static void check_rows_once(const loop_test *t, int64_t rows, int64_t n)
{
    char *p[OPERANDS + 1], *one[OPERANDS + 1];
    int64_t stride[OPERANDS], row[OPERANDS];
    const int64_t offset = (int64_t)(draw() % 4);
    for (int k = 0; k < t->count; k++) {
        int64_t size = t->dtype[k] < 0 ? 1 : sizes[t->dtype[k]];
        place_rows((int)(draw() % (k == 0 ? 4 : 7)), rows, n, &stride[k], &row[k]);
        stride[k] *= size, row[k] *= size;
        p[k] = t->dtype[k] < 0 ? NULL : memory[k] + offset;
    }
    p[t->count] = one[t->count] = (char *)(uintptr_t)t->parameters;
    memset(memory[0], 0x5a, ROOM);
    for (int64_t r = 0; r < rows; r++) {
        for (int k = 0; k < t->count; k++) one[k] = p[k] ? p[k] + r * row[k] : NULL;
        t->fast(1, n, one, NULL, stride);
    }
    memcpy(expected, memory[0], ROOM);
    memset(memory[0], 0x5a, ROOM);
    t->fast(rows, n, p, row, stride);
    for (int64_t i = 0; i < rows * n; i++) {
        char *got = p[0] + i / n * row[0] + i % n * stride[0], *want = expected + (got - memory[0]);
        if (!alike(t->dtype[0], got, want, 0))
            fail_msg("%s %s %s: %d rows of %d: element %d", set_name(), t->what, t->name, (int)rows, (int)n, (int)i);
        memcpy(want, got, (size_t)sizes[t->dtype[0]]);
    }
    if (memcmp(memory[0], expected, ROOM) != 0) fail_msg("%s %s %s: wrote outside", set_name(), t->what, t->name);
}

static void check_rows(const loop_test *t)
{
    static const int64_t widths[] = { 1, 2, 8, 10, 16, 31, SIDE };
    for (int i = 0; i < 40; i++) check_rows_once(t, 1 + (int64_t)(draw() % SIDE), widths[i % 7]);
    check_rows_once(t, 3, 300);
    char *p[OPERANDS + 1] = { memory[0], memory[1], memory[2], memory[3], memory[4], memory[5] };
    p[t->count] = (char *)(uintptr_t)t->parameters;
    t->fast(0, 5, p, (int64_t[OPERANDS]){ 0 }, (int64_t[OPERANDS]){ 0 });
}

static void check_loop(const loop_test *t)
{
    if (!t->slow != !t->fast) fail_msg("%s %s %s: here or in the reference, not both", set_name(), t->what, t->name);
    if (!t->fast) return;
    fill_inputs(t);
    check_rows(t);
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        for (int64_t n = 0; n <= 70; n++) check_once(t, &layouts[l], n);
        check_once(t, &layouts[l], 256);
        check_once(t, &layouts[l], MOST);
    }
    for (int k = 1; k < t->count; k++) {
        for (int64_t n = 0; n < 600 && t->dtype[k] == t->dtype[0]; n += n < 70 ? 1 : 211) {
            check_in_place(t, k, n, 1);
            check_in_place(t, k, n, 2);
        }
    }
}

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
        for (int exponent = -1; exponent < 5; exponent++) {
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

static void test_where_copy(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++) {
        check_loop(&(loop_test){ "where",
                                 "",
                                 K(pointwise)->where[d],
                                 R(pointwise)->where[d],
                                 4,
                                 { d, TGI_BOOL, d, d },
                                 0,
                                 NULL });
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

/* ---- picking ---- */

/* What a fresh process with TAPEGRAD_ISA=value picks and says. */
static void fresh_choice(const char *value, char *name, char *said, size_t room)
{
    int names[2], words[2];
    assert_int_equal(pipe(names) | pipe(words), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(words[1], STDERR_FILENO);
        if (value)
            setenv("TAPEGRAD_ISA", value, 1);
        else
            unsetenv("TAPEGRAD_ISA");
        const char *chosen = tgi_set_name(tgi_set());
        ssize_t written = write(names[1], chosen, strlen(chosen));
        _exit(written < 0);
    }
    close(names[1]);
    close(words[1]);
    ssize_t length = read(names[0], name, room - 1), words_length = read(words[0], said, room - 1);
    name[length > 0 ? length : 0] = '\0';
    said[words_length > 0 ? words_length : 0] = '\0';
    close(names[0]);
    close(words[0]);
    waitpid(child, NULL, 0);
}

/* Must run before anything else in this process asks for the kernels. */
static void test_choice(void **unused)
{
    (void)unused;
    char name[200], said[200], best[200];
    fresh_choice(NULL, best, said, sizeof said);
    assert_string_equal(said, "");
    for (int set = 0; tgi_set_name(set); set++) {
        if (!tgi_set_supported(set)) continue;
        fresh_choice(tgi_set_name(set), name, said, sizeof said);
        assert_string_equal(name, tgi_set_name(set));
        assert_string_equal(said, "");
    }
    fresh_choice("pentium", name, said, sizeof said);
    assert_string_equal(name, best);
    assert_non_null(strstr(said, "TAPEGRAD_ISA=pentium"));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void test_select(void **unused)
{
    (void)unused;
    const int before = tgi_set();
    assert_true(tgi_set_supported(before) && !tgi_set_supported(-1));
    assert_false(tgi_set_select("pentium"));
    assert_false(tgi_set_select(NULL));
    assert_int_equal(tgi_set(), before);
    int set = 0;
    for (; tgi_set_name(set); set++) {
        assert_int_equal(tgi_set_select(tgi_set_name(set)), tgi_set_supported(set));
        if (tgi_set_supported(set)) assert_int_equal(tgi_set(), set);
    }
    assert_null(tgi_set_name(-1));
    assert_false(tgi_set_supported(set)); /* there are not so many */
    assert_true(tgi_set_select(tgi_set_name(before)));
}

int main(void)
{
    const struct CMUnitTest choice[] = { cmocka_unit_test(test_choice), cmocka_unit_test(test_select) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_rows),      cmocka_unit_test(test_binary_rows),
        cmocka_unit_test(test_ternary_rows),    cmocka_unit_test(test_rows_with_parameters),
        cmocka_unit_test(test_bool_rows),       cmocka_unit_test(test_where_copy),
        cmocka_unit_test(test_copy_to_int64),   cmocka_unit_test(test_copy_of_rows_that_seem_to_follow),
        cmocka_unit_test(test_pow_by_a_number),
    };
    int failed = cmocka_run_group_tests_name("picking kernels", choice, NULL, NULL);
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

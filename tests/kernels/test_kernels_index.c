/* test_kernels_index.c: gather and scatter of every set of kernels this machine can run, to the bit against the slow
 * reference, whatever the layout; and that a bad index is seen wherever it stands, and nothing is touched outside. */
#include "tests/support/kernels.h"

#include "ops/kernels/index/index_kernels.h"

enum { ROWS = 9, MOST = 1200, SIZE = 7, ROOM = 40000 };

/* What is indexed: along a row or down the rows; by an index for each element or by one vector for all. */
typedef enum layout { ALONG_ROWS, DOWN_ROWS, WHOLE_ROWS, SAME_COLUMNS, LAYOUTS } layout;

static int64_t indices[ROWS * (MOST + 8) * 3];

/* rows x n elements of the plain tensor and of index, steps apart; the indexed one has `size` entries. */
typedef struct shape {
    layout how;
    int64_t rows, n, spread, size;
} shape;

static tgi_index_rows work_of(const shape *s, bool scatter, const void *x, void *y)
{
    const int64_t k = s->spread;
    const bool along = s->how == ALONG_ROWS || s->how == SAME_COLUMNS;
    tgi_index_rows w = { .rows = s->rows, .n = s->n, .index = indices, .x = x, .y = y, .size = s->size };
    const int64_t plain_row = s->n * k, own_row = along ? s->size * k : 0, own_step = along ? 0 : k;
    w.jump = along ? k : s->n * k;
    w.index_row = s->how == SAME_COLUMNS ? 0 : s->how == WHOLE_ROWS ? 1 : s->n * k;
    w.index_step = s->how == WHOLE_ROWS ? 0 : k;
    w.x_row = scatter ? plain_row : own_row;
    w.x_step = scatter ? k : own_step;
    w.y_row = scatter ? own_row : plain_row;
    w.y_step = scatter ? own_step : k;
    return w;
}

static void fill(int dtype, char *at, int64_t count)
{
    for (int64_t i = 0; i < count; i++) set(dtype, at + i * sizes[dtype], any_real());
}

static void compare(int dtype, const char *what, const shape *s, const char *got, const char *want)
{
    for (int64_t i = 0; i < ROOM; i++)
        if (!alike(dtype, got + i * sizes[dtype], want + i * sizes[dtype], 0))
            fail_msg("%s %s %s: layout %d, %d x %d, spread %d: element %d differs", set_name(), what, dtype_name(dtype),
                     (int)s->how, (int)s->rows, (int)s->n, (int)s->spread, (int)i);
}

/* The kernel and the reference on the same memory. `op` < 0: gather. */
static void check(int dtype, int op, const shape *s)
{
    static char x[ROOM * 8], got[ROOM * 8], want[ROOM * 8];
    const bool scatter = op >= 0;
    fill(dtype, x, ROOM);
    fill(dtype, got, ROOM);
    memcpy(want, got, sizeof want);
    tgi_index_rows fast = work_of(s, scatter, x, got), slow = work_of(s, scatter, x, want);
    fast.checked = draw() % 2; /* which these indices are */
    const tgi_index_loop ours = scatter ? K(index)->scatter[op][dtype] : K(index)->gather[dtype];
    const tgi_index_loop theirs = scatter ? R(index)->scatter[op][dtype] : R(index)->gather[dtype];
    assert_true(ours(&fast));
    assert_true(theirs(&slow));
    compare(dtype, scatter ? "scatter" : "gather", s, got, want);
}

static void test_against_reference(void **unused)
{
    (void)unused;
    static const int64_t lengths[] = { 1, 2, 3, 7, 8, 31, 63, 64, 65, 130, 511, 512, 513, MOST };
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) indices[i] = (int64_t)(draw() % SIZE);
    for (int dtype = 0; dtype < TGI_DTYPES; dtype++) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            for (int how = 0; how < LAYOUTS; how++) {
                const int64_t rows = lengths[l] > 600 ? 3 : 1 + (int64_t)(draw() % ROWS);
                const shape s = { (layout)how, rows, lengths[l], lengths[l] > 300 ? 1 : 1 + (int64_t)(draw() % 3),
                                  SIZE };
                for (int op = -1; op < TGI_SCATTERS; op++) check(dtype, op, &s);
            }
        }
    }
}

/* Many rows that jump down long columns: a few columns at a time are copied together, and back. */
static void test_strips(void **unused)
{
    (void)unused;
    enum { LONG = 70, MANY = 45 };
    static const int64_t lengths[] = { 1, 31, 32, 33, 64, 65, 130, 300 };
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) indices[i] = (int64_t)(draw() % LONG);
    for (int dtype = 0; dtype < TGI_DTYPES; dtype++) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            const shape s = { DOWN_ROWS, MANY, lengths[l], 1, LONG };
            for (int op = -1; op < TGI_SCATTERS; op++) check(dtype, op, &s);
        }
    }
}

/* One bad index among good ones: refused, and all that was written lies where good ones lead. */
static void test_bad_index(void **unused)
{
    (void)unused;
    static const int64_t bad[] = { -1, SIZE, INT64_MIN, INT64_MAX, INT64_MIN + SIZE };
    static float x[ROOM], y[ROOM];
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) indices[i] = (int64_t)(draw() % SIZE);
    for (int64_t n = 1; n < 1100; n += n < 20 ? 1 : 217) {
        for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
            const int64_t at = (int64_t)(draw() % (uint64_t)n), good = indices[at];
            const shape s = { ALONG_ROWS, 1, n, 1, SIZE };
            indices[at] = bad[b];
            for (int64_t i = 0; i < ROOM; i++) y[i] = 5;
            const tgi_index_rows gather = work_of(&s, false, x, y), scatter = work_of(&s, true, x, y);
            assert_false(K(index)->in_range(&gather));
            assert_false(K(index)->gather[TGI_F32](&gather));
            for (int64_t i = n; i < ROOM; i++) assert_true(y[i] == 5);
            for (int64_t i = 0; i < ROOM; i++) y[i] = 5;
            assert_false(K(index)->scatter[TGI_SCATTER_SET][TGI_F32](&scatter));
            for (int64_t i = SIZE; i < ROOM; i++) assert_true(y[i] == 5);
            indices[at] = good;
            assert_true(K(index)->in_range(&gather));
        }
    }
}

/* A dimension of size 0 has no index. */
static void test_nothing(void **unused)
{
    (void)unused;
    tgi_index_rows w = { .rows = 1, .n = 0, .index = indices, .index_step = 1, .size = 0 };
    assert_true(K(index)->in_range(&w));
    assert_true(K(index)->gather[TGI_F64](&w));
    w.n = 1;
    indices[0] = 0;
    assert_false(K(index)->in_range(&w));
    assert_false(K(index)->gather[TGI_F64](&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_strips),
        cmocka_unit_test(test_bad_index),
        cmocka_unit_test(test_nothing),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

/* kernels_loop.h: one loop of a set of kernels against that of the reference: every layout, tails, unaligned memory,
 * and bit by bit against itself, since a value may depend on nothing but its inputs: not on its index, the length or
 * the layout. For the tests of rows and of copies. */
#ifndef TG_TESTS_SUPPORT_KERNELS_LOOP_H
#define TG_TESTS_SUPPORT_KERNELS_LOOP_H

#include "kernels.h"

enum { UNLISTED = -1 }; /* a tolerance: see `agree` */

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

static inline void place(const loop_test *t, const layout *l, int64_t n, char **p, int64_t *stride)
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

static inline void fill_inputs(const loop_test *t)
{
    for (int k = 1; k < t->count; k++) {
        if (t->dtype[k] < 0) continue;
        int64_t size = sizes[t->dtype[k]];
        for (int64_t i = 0; i < ROOM / size; i++) set(t->dtype[k], memory[k] + i * size, any_real());
    }
}

static inline void fail_loop(const loop_test *t, int64_t n, int64_t i, const char *const *p, const int64_t *stride,
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
static inline bool agree(const loop_test *t, const char *got, const char *want, char *const *one)
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
static inline void check_once(const loop_test *t, const layout *l, int64_t n)
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
static inline void check_in_place(const loop_test *t, int k, int64_t n, int64_t step)
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
static inline void place_rows(int kind, int64_t rows, int64_t n, int64_t *step, int64_t *row)
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
static inline void check_rows_once(const loop_test *t, int64_t rows, int64_t n)
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

static inline void check_rows(const loop_test *t)
{
    static const int64_t widths[] = { 1, 2, 8, 10, 16, 31, SIDE };
    for (int i = 0; i < 40; i++) check_rows_once(t, 1 + (int64_t)(draw() % SIDE), widths[i % 7]);
    check_rows_once(t, 3, 300);
    for (int i = 0; i < 12; i++) check_rows_once(t, 10, 131);
    for (int i = 0; i < 4; i++) check_rows_once(t, 2, MOST - 64 + (int64_t)(draw() % 64)); /* more than a block */
    char *p[OPERANDS + 1] = { memory[0], memory[1], memory[2], memory[3], memory[4], memory[5] };
    p[t->count] = (char *)(uintptr_t)t->parameters;
    t->fast(0, 5, p, (int64_t[OPERANDS]){ 0 }, (int64_t[OPERANDS]){ 0 });
}

static inline void check_loop(const loop_test *t)
{
    if (!t->slow != !t->fast) fail_msg("%s %s %s: here or in the reference, not both", set_name(), t->what, t->name);
    if (!t->fast) return;
    /* All that is left over of a vector, and vectors with one element more or less. */
    static const int lengths[] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,  15,
                                   16, 17, 23, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70, 129, 256, MOST };
    fill_inputs(t);
    check_rows(t);
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) check_once(t, &layouts[l], lengths[i]);
    }
    for (int k = 1; k < t->count; k++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths && t->dtype[k] == t->dtype[0]; i++) {
            check_in_place(t, k, lengths[i], 1);
            check_in_place(t, k, lengths[i], 2);
        }
    }
}

#endif

/* sort_order.c: see sort_order.h. */
#include "sort_order.h"

#include <string.h>

#include "ops/kernels/kernels.h"
#include "ops/kernels/template/scratch.h"

enum {
    FEW = 48, /* sorted by insertion */
    DIGIT = 8,
    DIGITS = 1 << DIGIT,
    BLOCK = 64,    /* keys made at a time while the first elements are looked for */
    FIRST_FEW = 8, /* these are looked for in one sweep when the row is that many times longer */
    INSERTED = 16,
    INSERTED_FEW = 4, /* so few are kept in order meanwhile, if the row is that many times longer */
    SCREEN = 16       /* elements compared at a time with the last of those */
};

/* ---- keys ---- */

/* The bits of a float as an unsigned integer in the order of the floats. */
static inline uint32_t key_of_f32(float x)
{
    uint32_t bits;
    x += 0.0f; /* -0 becomes 0 */
    memcpy(&bits, &x, sizeof bits);
    uint32_t ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (bits & 0x7fffffffu) > 0x7f800000u ? UINT32_MAX : ordered;
}

static inline uint64_t key_of_f64(double x)
{
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    uint64_t ordered = bits >> 63 ? ~bits : bits | 0x8000000000000000u;
    return (bits & 0x7fffffffffffffffu) > 0x7ff0000000000000u ? UINT64_MAX : ordered;
}

/* The keys of elements start .. start + count - 1. */
static void keys_short(const tgi_sort_row *row, int64_t start, int64_t count, uint32_t *keys)
{
    const uint32_t flip = row->descending ? UINT32_MAX : 0;
    if (row->dtype == TGI_F32) {
        const float *a = (const float *)row->a + start;
        for (int64_t i = 0; i < count; i++) keys[i] = key_of_f32(a[i]) ^ flip;
    } else {
        const uint8_t *a = (const uint8_t *)row->a + start;
        for (int64_t i = 0; i < count; i++) keys[i] = (a[i] != 0) ^ flip;
    }
}

static void keys_long(const tgi_sort_row *row, int64_t start, int64_t count, uint64_t *keys)
{
    const uint64_t flip = row->descending ? UINT64_MAX : 0;
    if (row->dtype == TGI_F64) {
        const double *a = (const double *)row->a + start;
        for (int64_t i = 0; i < count; i++) keys[i] = key_of_f64(a[i]) ^ flip;
    } else {
        const int64_t *a = (const int64_t *)row->a + start;
        for (int64_t i = 0; i < count; i++) keys[i] = ((uint64_t)a[i] ^ 0x8000000000000000u) ^ flip;
    }
}

/* Whether any of SCREEN elements comes before the one at `place`, which does not lie behind them; true if that is NaN. The
 * compiler makes vectors of it. */
#define ANY_BEFORE(type)                                                                                               \
    do {                                                                                                               \
        const type *a = (const type *)row->a + start, limit = ((const type *)row->a)[place];                           \
        int any = !(limit == limit);                                                                                   \
        if (row->descending)                                                                                           \
            for (int i = 0; i < SCREEN; i++) any |= !(a[i] <= limit);                                                  \
        else                                                                                                           \
            for (int i = 0; i < SCREEN; i++) any |= a[i] < limit;                                                      \
        return any;                                                                                                    \
    } while (0)
static bool any_before(const tgi_sort_row *row, int64_t start, int64_t place)
{
    switch (row->dtype) {
    case TGI_F32: ANY_BEFORE(float);
    case TGI_F64: ANY_BEFORE(double);
    case TGI_I64: ANY_BEFORE(int64_t);
    default: return true;
    }
}

/* ---- without memory ---- a heap of places, compared by their keys and then by themselves */

static uint64_t key_at(const tgi_sort_row *row, int64_t i)
{
    uint64_t key;
    uint32_t narrow;
    if (row->dtype == TGI_F64 || row->dtype == TGI_I64) return keys_long(row, i, 1, &key), key;
    return keys_short(row, i, 1, &narrow), narrow;
}

static bool comes_before(const tgi_sort_row *row, int64_t i, int64_t j)
{
    const uint64_t a = key_at(row, i), b = key_at(row, j);
    return a < b || (a == b && i < j);
}

/* Lets heap[top] sink among the first n, the last in order being on top. */
static void sink(const tgi_sort_row *row, int64_t *heap, int64_t top, int64_t n)
{
    for (int64_t child; (child = 2 * top + 1) < n; top = child) {
        if (child + 1 < n && comes_before(row, heap[child], heap[child + 1])) child++;
        if (!comes_before(row, heap[top], heap[child])) return;
        const int64_t swap = heap[top];
        heap[top] = heap[child];
        heap[child] = swap;
    }
}

/* The first `count` in order: a heap of those that come first so far, then taken apart from its end. */
static void order_in_place(const tgi_sort_row *row, int64_t count, int64_t *order)
{
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count / 2; i-- > 0;) sink(row, order, i, count);
    for (int64_t i = count; i < row->n; i++) {
        if (!comes_before(row, i, order[0])) continue;
        order[0] = i;
        sink(row, order, 0, count);
    }
    for (int64_t n = count; n-- > 1;) {
        const int64_t last = order[0];
        order[0] = order[n];
        order[n] = last;
        sink(row, order, 0, n);
    }
}

/* ---- with memory ---- keys of 32 bits share a word with their places, those of 64 stand beside them */

typedef struct pair {
    uint64_t key;
    int64_t place;
} pair;

#define NAME(x)          x##_short
#define KEY              uint32_t
#define ENTRY            uint64_t
#define MAKE(key, place) ((uint64_t)(key) << 32 | (uint32_t)(place))
#define KEY_OF(entry)    ((uint32_t)((entry) >> 32))
#define PLACE_OF(entry)  ((int64_t)((entry)&0xffffffffu))
#include "sort_order.inc"

#define NAME(x)          x##_long
#define KEY              uint64_t
#define ENTRY            pair
#define MAKE(key, place) ((pair){ key, place })
#define KEY_OF(entry)    ((entry).key)
#define PLACE_OF(entry)  ((entry).place)
#include "sort_order.inc"

void tgi_sort_order(const tgi_sort_row *row, int64_t count, int64_t *order)
{
    if (count == 0) return;
    const bool wide = row->dtype == TGI_F64 || row->dtype == TGI_I64;
    const bool done = wide ? order_long(row, count, order) : row->n <= UINT32_MAX && order_short(row, count, order);
    if (!done) order_in_place(row, count, order);
}

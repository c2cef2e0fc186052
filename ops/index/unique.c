/* unique.c: distinct elements, or distinct slices along a dimension.
 *
 * Slices are rows of a contiguous copy with the dimension in front. unique sorts them, last column first and stable, so
 * that in the end they are in the order of their first columns; unique_consecutive leaves them as they are. Then whatever
 * differs from the row before it is new. */
#include "sort_impl.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/view.h"

#include <string.h>

/* n slices of `width` elements each. */
typedef struct slices {
    tg_tensor *rows; /* contiguous, owned */
    int64_t n, width;
    tg_tensor *order; /* owned; NULL: as they stand */
} slices;

/* ---- the order of the slices ---- */

/* `order` sorted by column c of the rows it names; `column` and `next` are room for n elements and n places. */
static void sort_by_column(const slices *s, int64_t c, int64_t *order, tg_tensor *column, int64_t *next)
{
    const int64_t size = (int64_t)tgi_element_size(s->rows);
    const char *from = tgi_ptr(s->rows);
    char *to = tgi_ptr(column);
    for (int64_t i = 0; i < s->n; i++) memcpy(to + i * size, from + (order[i] * s->width + c) * size, (size_t)size);
    tgi_sort_rows(column, 1, s->n, s->n, false, next, NULL);
    for (int64_t i = 0; i < s->n; i++) next[i] = order[next[i]];
    memcpy(order, next, (size_t)s->n * sizeof *order);
}

static bool sort_slices(slices *s)
{
    const tg_shape shape = tg_shape(s->n);
    s->order = tgi_own(tgi_new(&shape, TG_INT64));
    tg_tensor *column = tgi_own(tgi_new(&shape, (tg_dtype)s->rows->dtype));
    tg_tensor *next = tgi_own(tgi_new(&shape, TG_INT64));
    const bool ok = s->order && column && next;
    if (ok && s->n) {
        int64_t *order = tgi_ptr(s->order);
        for (int64_t i = 0; i < s->n; i++) order[i] = i;
        for (int64_t c = s->width; c-- > 0;) sort_by_column(s, c, order, column, tgi_ptr(next));
    }
    tgi_unref(column);
    tgi_unref(next);
    return ok;
}

/* ---- what differs ---- */

#define DIFFERS(type)                                                                                                  \
    do {                                                                                                               \
        const type *x = (const type *)a + i * s->width, *y = (const type *)a + j * s->width;                           \
        for (int64_t c = 0; c < s->width; c++)                                                                         \
            if (x[c] != y[c]) return true;                                                                             \
        return false;                                                                                                  \
    } while (0)

/* By value: NaN differs from itself, 0 and -0 are one. */
static bool differ(const slices *s, int64_t i, int64_t j)
{
    const void *a = tgi_ptr(s->rows);
    switch (s->rows->dtype) {
    case TG_FLOAT32: DIFFERS(float);
    case TG_FLOAT64: DIFFERS(double);
    case TG_INT64: DIFFERS(int64_t);
    default: DIFFERS(uint8_t);
    }
}

/* first[g]: the first row of group g; group[r]: the group of row r. How many groups. */
static int64_t group_rows(const slices *s, int64_t *first, int64_t *group)
{
    const int64_t *order = s->order ? tgi_ptr(s->order) : NULL;
    int64_t groups = 0, before = 0;
    for (int64_t i = 0; i < s->n; i++) {
        const int64_t row = order ? order[i] : i;
        if (i == 0 || differ(s, before, row)) first[groups++] = row;
        group[row] = groups - 1;
        before = row;
    }
    return groups;
}

/* The same of elements in the order in which they stand. */
#define GROUPS_OF(type)                                                                                                \
    do {                                                                                                               \
        const type *x = tgi_ptr(s->rows);                                                                              \
        for (int64_t i = 0; i < s->n; i++) { /* no branch: what does not begin a group is written over */              \
            first[groups] = i;                                                                                         \
            groups += i == 0 || x[i] != x[i - 1];                                                                      \
            group[i] = groups - 1;                                                                                     \
        }                                                                                                              \
        return groups;                                                                                                 \
    } while (0)

static int64_t group_elements(const slices *s, int64_t *first, int64_t *group)
{
    int64_t groups = 0;
    switch (s->rows->dtype) {
    case TG_FLOAT32: GROUPS_OF(float);
    case TG_FLOAT64: GROUPS_OF(double);
    case TG_INT64: GROUPS_OF(int64_t);
    default: GROUPS_OF(uint8_t);
    }
}

/* ---- integers that lie close together ---- a table of all numbers from the least on */

/* `low` and how many numbers there are up to the largest; 0: too many for a table of `n` elements. */
static int64_t span_of(const tg_tensor *x, int64_t *low)
{
    if (x->dtype == TG_BOOL || x->numel == 0) return *low = 0, x->numel ? 2 : 0;
    const int64_t *a = tgi_ptr(x);
    int64_t high = *low = a[0], span;
    for (int64_t i = 1; i < x->numel; i++) {
        *low = a[i] < *low ? a[i] : *low;
        high = a[i] > high ? a[i] : high;
    }
    return __builtin_sub_overflow(high, *low, &span) || span >= 2 * x->numel ? 0 : span + 1;
}

/* table[x - low]: how often x occurs or, if that is not `counted`, that it does. Two counters for neighbours, which are often
 * equal: none waits for the other. */
static void count_elements(const tg_tensor *x, int64_t low, int64_t span, bool counted, int64_t *table)
{
    const uint8_t *flag = tgi_ptr(x);
    const int64_t *a = tgi_ptr(x);
    memset(table, 0, 2 * (size_t)span * sizeof *table);
    if (x->dtype == TG_BOOL) {
        TGI_KERNELS(reduce)->sum[TGI_BOOL](1, x->numel, flag, 0, 1, &table[1]);
        table[0] = x->numel - table[1];
    } else if (!counted) {
        for (int64_t i = 0; i < x->numel; i++) table[a[i] - low] = 1;
    } else {
        for (int64_t i = 0; i < x->numel; i++) table[a[i] - low + (i & 1 ? span : 0)]++;
        for (int64_t k = 0; k < span; k++) table[k] += table[span + k];
    }
}

/* The numbers that occur, how often, and for each element which it is, by way of the table. */
static bool read_table(const tg_tensor *x, int64_t low, int64_t span, int64_t *table, const tg_unique_options *o,
                       tg_unique_result *y)
{
    int64_t groups = 0;
    for (int64_t k = 0; k < span; k++) groups += table[k] != 0;
    const tg_shape shape = tg_shape(groups), whole = tgi_shape(x);
    y->values = tgi_new(&shape, (tg_dtype)x->dtype);
    if (o->return_counts) y->counts = tgi_new(&shape, TG_INT64);
    if (o->return_inverse) y->inverse = tgi_new(&whole, TG_INT64);
    if (!y->values || (o->return_counts && !y->counts) || (o->return_inverse && !y->inverse)) return false;
    for (int64_t k = 0, g = 0; k < span; k++) {
        if (!table[k]) continue;
        if (x->dtype == TG_BOOL)
            ((uint8_t *)tgi_ptr(y->values))[g] = k != 0;
        else
            ((int64_t *)tgi_ptr(y->values))[g] = low + k;
        if (y->counts) ((int64_t *)tgi_ptr(y->counts))[g] = table[k];
        table[k] = g++;
    }
    if (!y->inverse) return true;
    int64_t *to = tgi_ptr(y->inverse);
    if (x->dtype == TG_BOOL)
        for (int64_t i = 0; i < x->numel; i++) to[i] = table[((const uint8_t *)tgi_ptr(x))[i] != 0];
    else
        for (int64_t i = 0; i < x->numel; i++) to[i] = table[((const int64_t *)tgi_ptr(x))[i] - low];
    return true;
}

/* False: there is no such table for them. When memory ran out y has no values. */
static bool unique_by_table(tg_tensor *x, const tg_unique_options *o, tg_unique_result *y)
{
    int64_t low;
    const int64_t span = x->dtype == TG_INT64 || x->dtype == TG_BOOL ? span_of(x, &low) : 0;
    if (span == 0) return false;
    const tg_shape shape = tg_shape(2 * span);
    tg_tensor *table = tgi_own(tgi_new(&shape, TG_INT64));
    if (!table) return true;
    count_elements(x, low, span, o->return_counts, tgi_ptr(table));
    const bool ok = read_table(x, low, span, tgi_ptr(table), o, y);
    if (!ok) *y = (tg_unique_result){ NULL, NULL, NULL };
    tgi_unref(table);
    return true;
}

/* ---- the ops ---- */

/* Reads the tensor as slices. False with an error recorded. */
static bool slices_of(const tg_op *op, tg_tensor *t, int64_t dim, int *found, slices *s)
{
    *s = (slices){ .n = t->numel, .width = 1 };
    *found = -1;
    tg_tensor *x = t;
    if (dim != TG_NO_DIM) {
        *found = tgi_op_dim(op, tg_list(t), dim, t->ndim);
        if (*found < 0) return false;
        s->n = t->ndim ? t->dims[*found] : 1;
        for (int d = 0; d < t->ndim; d++) {
            if (t->dims[d] != 0 || (d == *found && t->numel != 0)) continue;
            if (d != *found) {
                tg_op_fail(op, tg_list(t),
                           "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
                return false;
            }
        }
        s->width = s->n ? t->numel / s->n : 0;
        if (t->ndim > 1) {
            tgi_layout l = tgi_layout_of(t);
            l.dims[*found] = t->dims[0];
            l.strides[*found] = tgi_strides(t)[0];
            l.dims[0] = t->dims[*found];
            l.strides[0] = tgi_strides(t)[*found];
            x = tgi_new_view(t, l.ndim, l.dims, l.strides, l.offset);
        }
    }
    s->rows = x ? tgi_own_contiguous(x) : NULL;
    return s->rows != NULL;
}

/* The slices that come first in each group, in the layout of `t`. */
static tg_tensor *values_of(tg_tensor *t, int dim, const slices *s, const int64_t *first, int64_t groups)
{
    tg_shape shape = dim < 0 || t->ndim == 0 ? tg_shape(groups) : tgi_shape(t);
    if (shape.ndim > 1) shape.dims[dim] = shape.dims[0]; /* the dimension changes places with the first one, for now */
    shape.dims[0] = groups;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    if (!y) return NULL;
    const size_t bytes = (size_t)s->width * tgi_element_size(t);
    if (bytes == 8)
        for (int64_t g = 0; g < groups; g++)
            memcpy((char *)tgi_ptr(y) + g * 8, (const char *)tgi_ptr(s->rows) + first[g] * 8, 8);
    else if (bytes == 4)
        for (int64_t g = 0; g < groups; g++)
            memcpy((char *)tgi_ptr(y) + g * 4, (const char *)tgi_ptr(s->rows) + first[g] * 4, 4);
    else
        for (int64_t g = 0; g < groups && bytes; g++)
            memcpy((char *)tgi_ptr(y) + (size_t)g * bytes, (const char *)tgi_ptr(s->rows) + (size_t)first[g] * bytes,
                   bytes);
    return dim <= 0 || t->ndim < 2 ? y : tg_contiguous(tg_transpose(y, 0, dim));
}

static tg_tensor *counts_of(const slices *s, const int64_t *first, const int64_t *group, int64_t groups)
{
    const tg_shape shape = tg_shape(groups);
    tg_tensor *y = tgi_new(&shape, TG_INT64);
    if (!y || groups == 0) return y;
    int64_t *counts = tgi_ptr(y);
    if (!s->order) {
        for (int64_t g = 0; g < groups; g++) counts[g] = (g + 1 < groups ? first[g + 1] : s->n) - first[g];
        return y;
    }
    memset(counts, 0, (size_t)groups * sizeof *counts);
    for (int64_t i = 0; i < s->n; i++) counts[group[i]]++;
    return y;
}

static tg_unique_result grouped(tg_tensor *t, int dim, const slices *s, const tg_unique_options *o)
{
    const tg_unique_result none = { NULL, NULL, NULL };
    const tg_shape flat = tg_shape(s->n), whole = tgi_shape(t);
    tg_unique_result y = none;
    tg_tensor *inverse = tgi_new(dim < 0 ? &whole : &flat, TG_INT64), *first = tgi_own(tgi_new(&flat, TG_INT64));
    if (inverse && first) {
        int64_t groups = 0;
        if (s->width == 1 && !s->order && s->n)
            groups = group_elements(s, tgi_ptr(first), tgi_ptr(inverse));
        else
            groups = group_rows(s, tgi_ptr(first), tgi_ptr(inverse));
        y.values = values_of(t, dim, s, tgi_ptr(first), groups);
        if (o->return_inverse) y.inverse = inverse;
        if (o->return_counts) y.counts = counts_of(s, tgi_ptr(first), tgi_ptr(inverse), groups);
    }
    tgi_unref(first);
    return y.values && (y.counts || !o->return_counts) ? y : none;
}

static tg_unique_result run(const char *where, const tg_op *op, tg_tensor *t, const tg_unique_options *o)
{
    const tg_unique_result none = { NULL, NULL, NULL };
    slices s;
    int dim;
    if (!tg_op_begin(where, op, tg_list(t)) || !slices_of(op, t, o->dim, &dim, &s)) return none;
    tg_unique_result y = none;
    const bool by_table = op == &tgi_op_unique && dim < 0 && unique_by_table(s.rows, o, &y);
    if (!by_table && (op != &tgi_op_unique || sort_slices(&s))) y = grouped(t, dim, &s, o);
    tgi_unref(s.order);
    tgi_unref(s.rows);
    return y;
}

tg_unique_result tg_unique_at(const char *where, tg_tensor *t, tg_unique_options options)
{
    return run(where, &tgi_op_unique, t, &options);
}

tg_unique_result tg_unique_consecutive_at(const char *where, tg_tensor *t, tg_unique_options options)
{
    return run(where, &tgi_op_unique_consecutive, t, &options);
}

/* ---- descriptors ---- */

/* The results that were asked for. */
static tg_tensor_list list_of(tg_unique_result y)
{
    tg_tensor **items = y.values ? tg_list_new(3) : NULL;
    if (!items) return tg_list_failed();
    int64_t n = 0;
    items[n++] = y.values;
    if (y.inverse) items[n++] = y.inverse;
    if (y.counts) items[n++] = y.counts;
    return (tg_tensor_list){ items, n };
}

static tg_tensor_list call_with(tg_unique_result (*unique)(const char *where, tg_tensor *t, tg_unique_options options),
                                tg_tensor *t, const tg_value *v)
{
    tg_unique_options o = TG_UNIQUE_OPTIONS();
    o.return_inverse = v[0].as.boolean;
    o.return_counts = v[1].as.boolean;
    if (v[2].kind == TG_VALUE_INT) o.dim = v[2].as.integer;
    return list_of(unique(TG_HERE, t, o));
}

static tg_tensor_list unique_call(const tg_value *v) { return call_with(tg_unique_at, v[0].as.tensor, v + 2); }

static tg_tensor_list unique_consecutive_call(const tg_value *v)
{
    return call_with(tg_unique_consecutive_at, v[0].as.tensor, v + 1);
}

const tg_op tgi_op_unique = {
    .name = "unique",
    .schema =
        "unique(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor[]",
    .formula = "y = the distinct elements of self, or slices along dim, in ascending order",
    .gradient = "none: PyTorch has none either",
    .doc =
        "Distinct elements; on demand where each went and how many there were. In C the results are .values, .inverse and "
        ".counts.",
    .shapes = "any, to [distinct]; with dim [*, N, *] to [*, distinct, *]",
    .call = unique_call,
    .samples =
        (const char *const[]){
            "unique(i(8))", "unique(i(3, 4), return_inverse=True, return_counts=True)",
            "unique(f(9, step=1, grad=False), return_inverse=True)", "unique(b(5), return_counts=True)",
            "unique(i(6, 2, lo=0, hi=2), dim=0, return_inverse=True, return_counts=True)",
            "unique(i(2, 6, lo=0, hi=2), dim=1, return_inverse=True)", "unique(i(2, 5, 2, lo=0, hi=2), dim=-2)",
            "unique(i(2, 3, 9, lo=0, hi=2), dim=2, return_inverse=True)", "unique(i(), return_inverse=True)",
            "unique(f(0, 3, grad=False), return_counts=True)", NULL },
    .errors = (const tg_error_sample[]){ { "unique(i(2), dim=1)",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
                                         { "unique(i(0, 3), dim=1)", "There are 0 sized dimensions" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_unique_consecutive = {
    .name = "unique_consecutive",
    .schema =
        "unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor[]",
    .formula = "y = the elements of self, or slices along dim, that differ from the one before",
    .gradient = "none: PyTorch has none either",
    .doc = "One element of each run of equal ones; on demand which run each belongs to and how long they are. In C the "
           "results are .values, .inverse and .counts.",
    .shapes = "any, to [runs]; with dim [*, N, *] to [*, runs, *]",
    .call = unique_consecutive_call,
    .samples = (const char *const[]){ "unique_consecutive(i(9, lo=0, hi=2))",
                                      "unique_consecutive(i(3, 3, lo=0, hi=2), True, True)",
                                      "unique_consecutive(i(2, 6, lo=0, hi=2), dim=1, return_inverse=True)",
                                      "unique_consecutive(f(0, grad=False), return_counts=True)", NULL },
    .corners =
        (const char *const[]){ "unique_consecutive(v(nan, nan, 0.0, -0.0, 1, grad=False), return_counts=True)", NULL },
    .errors = (const tg_error_sample[]){ { "unique_consecutive(i(2), dim=1)",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
                                         { NULL, NULL } },
};

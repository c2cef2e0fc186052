/* search.c: places in sorted rows, membership, and counts: searchsorted, bucketize, isin, bincount, histc.
 *
 * All of them read integers or floats and give integers (or counts); none has a gradient. Searches go by halves without
 * a branch on the element, so that what is found costs the same everywhere. */
#include "sort_impl.h"

#include "ops/base/call.h"
#include "ops/base/element.h"
#include "index_impl.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"
#include "ops/base/iterate.h"
#include "ops/rows/row.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { TASK = 1 << 12, PARALLEL = 1 << 14 }; /* values searched in one task; from which on several threads pay */

/* ---- one search ---- */

/* The number of elements before which, or behind which, x is not: the first place of x, or the one behind its last. NaN
 * is looked for as PyTorch does, by comparisons that are all false. */
#define SEARCH(name, T)                                                                                                \
    static int64_t name(const T *a, int64_t n, const int64_t *sorter, T x, bool right)                                 \
    {                                                                                                                  \
        int64_t start = 0;                                                                                             \
        while (n > 0) {                                                                                                \
            const int64_t half = n / 2;                                                                                \
            const T middle = a[sorter ? sorter[start + half] : start + half];                                          \
            const bool further = right ? !(middle > x) : !(middle >= x);                                               \
            start = further ? start + half + 1 : start;                                                                \
            n = further ? n - half - 1 : half;                                                                         \
        }                                                                                                              \
        return start;                                                                                                  \
    }
SEARCH(search_f32, float)
SEARCH(search_f64, double)
SEARCH(search_i64, int64_t)

typedef struct search {
    int dtype;
    const void *a; /* rows of n, or one for all */
    const int64_t *sorter;
    int64_t n, m; /* each row of a is searched for m values */
    bool one_row, right;
    const void *x;
    int64_t count; /* of all values */
    int64_t *y;
} search;

static void search_task(const void *work, int64_t task)
{
    const search *s = work;
    const int64_t end = (task + 1) * TASK < s->count ? (task + 1) * TASK : s->count;
    for (int64_t i = task * TASK; i < end; i++) {
        const int64_t row = s->one_row ? 0 : i / s->m * s->n;
        const int64_t *sorter = s->sorter ? s->sorter + row : NULL;
        switch (s->dtype) {
        case TG_FLOAT32:
            s->y[i] = search_f32((const float *)s->a + row, s->n, sorter, ((const float *)s->x)[i], s->right);
            break;
        case TG_FLOAT64:
            s->y[i] = search_f64((const double *)s->a + row, s->n, sorter, ((const double *)s->x)[i], s->right);
            break;
        default: s->y[i] = search_i64((const int64_t *)s->a + row, s->n, sorter, ((const int64_t *)s->x)[i], s->right);
        }
    }
}

static void run_search(const search *s)
{
    tgi_run_tasks(s->count >= PARALLEL, tgi_pieces(s->count, TASK), search_task, s);
}

/* The operand in a dtype, contiguous: a reference that the caller gives back. */
static tg_tensor *own_as(tg_operand x, tg_dtype dtype)
{
    tg_tensor *t = tgi_operand_to(x, dtype);
    return t ? tgi_own_contiguous(t) : NULL;
}

/* ---- searchsorted and bucketize ---- */

static const char *text_of(const tg_tensor *t, char buffer[TG_SHAPE_TEXT])
{
    const tg_shape shape = tgi_shape(t);
    return tg_shape_text(&shape, buffer);
}

static bool sorter_fits(const tg_op *op, tg_tensor_list inputs, tg_tensor *sequence, tg_tensor *sorter)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!sorter) return true;
    if (!tgi_same_shape(sequence, sorter))
        tg_op_fail(
            op, inputs,
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor %sand got "
            "sorter tensor %s",
            text_of(sequence, a), text_of(sorter, b));
    else if (sorter->dtype != TG_INT64)
        tg_op_fail(op, inputs, "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype %s",
                   tgi_type_name(sorter));
    else
        return true;
    return false;
}

static bool sequence_fits(const tg_op *op, tg_tensor_list inputs, tg_tensor *a, tg_operand x)
{
    char left[TG_SHAPE_TEXT], right[TG_SHAPE_TEXT];
    const tg_tensor *v = x.kind == TG_OPERAND_TENSOR ? x.as.tensor : NULL;
    const int ndim = v ? v->ndim : 0;
    if (ndim == 0 && a->ndim != 1) {
        tg_op_fail(
            op, inputs,
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we "
            "got boundaries tensor dim(%d) and input value's dim(0) numel(1)",
            a->ndim);
        return false;
    }
    bool fits = a->ndim == 1 || a->ndim == ndim;
    for (int d = 0; fits && a->ndim > 1 && d < ndim - 1; d++) fits = a->dims[d] == v->dims[d];
    if (!fits)
        tg_op_fail(
            op, inputs,
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor %s and input value "
            "tensor %s",
            text_of(a, left), text_of(v, right));
    return fits;
}

/* `right` and `side` say the same. False, with an error recorded, if they say different things. */
static bool side_of(const tg_op *op, tg_tensor_list inputs, const tg_searchsorted_options *o, bool *right)
{
    *right = o->right;
    if (!o->side) return true;
    const bool is_right = strcmp(o->side, "right") == 0;
    if (!is_right && strcmp(o->side, "left") != 0) {
        tg_op_fail(op, inputs, "torch.searchsorted(): side can only be 'left' or 'right' but got %s", o->side);
        return false;
    }
    if (o->right && !is_right) {
        tg_op_fail(
            op, inputs,
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True");
        return false;
    }
    *right = is_right;
    return true;
}

/* Every place that the sorter names is one. */
static bool sorter_in_range(const tg_op *op, tg_tensor_list inputs, tg_tensor *sorter, int64_t n)
{
    return !sorter || tgi_index_in_range(sorter, n) ||
           tg_op_fail(op, inputs, "torch.searchsorted(): sorter index out of range: %" PRId64,
                      tgi_index_first_bad(sorter, 0, n));
}

static tg_tensor *find_places(const tg_op *op, tg_tensor_list inputs, tg_tensor *sequence, tg_operand values,
                              const tg_searchsorted_options *o)
{
    bool right;
    if (!side_of(op, inputs, o, &right) || !sorter_fits(op, inputs, sequence, o->sorter) ||
        !sequence_fits(op, inputs, sequence, values))
        return NULL;
    const tg_operand both[] = { tg_operand_tensor(sequence), values };
    const tg_dtype dtype = tgi_result_type(both, 2);
    if (dtype == TG_BOOL) return tg_op_fail(op, inputs, "\"searchsorted_out_cpu\" not implemented for 'Bool'");
    const tg_shape shape = values.kind == TG_OPERAND_TENSOR ? tgi_shape(values.as.tensor) : tg_shape();
    tg_tensor *y = tgi_new(&shape, TG_INT64), *a = own_as(both[0], dtype), *x = own_as(values, dtype);
    tg_tensor *sorter = o->sorter ? tgi_own_contiguous(o->sorter) : NULL;
    const int64_t n = sequence->dims[sequence->ndim - 1];
    bool ok = y && a && x && (sorter || !o->sorter) && sorter_in_range(op, inputs, sorter, n);
    if (ok && y->numel)
        run_search(&(search){ (int)dtype, tgi_ptr(a), sorter ? tgi_ptr(sorter) : NULL, n,
                              shape.ndim ? shape.dims[shape.ndim - 1] : 1, sequence->ndim == 1, right, tgi_ptr(x),
                              y->numel, tgi_ptr(y) });
    tgi_unref(sorter);
    tgi_unref(a);
    tgi_unref(x);
    return ok ? y : NULL;
}

tg_tensor *tg_searchsorted_at(const char *where, tg_tensor *sequence, tg_operand values,
                              tg_searchsorted_options options)
{
    const tg_op *op = &tgi_op_searchsorted;
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of((tg_operand[]){ tg_operand_tensor(sequence), values }, 2, tensors);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.sorter)) return NULL;
    return find_places(op, inputs, sequence, values, &options);
}

tg_tensor *tg_bucketize_at(const char *where, tg_operand t, tg_tensor *boundaries, tg_searchsorted_options options)
{
    const tg_op *op = &tgi_op_bucketize;
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of((tg_operand[]){ t, tg_operand_tensor(boundaries) }, 2, tensors);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.sorter)) return NULL;
    if (boundaries->ndim != 1)
        return tg_op_fail(op, inputs, "boundaries tensor must be 1 dimension, but got dim(%d)", boundaries->ndim);
    return find_places(op, inputs, boundaries, t, &options);
}

static tg_tensor_list searchsorted_call(const tg_value *v)
{
    tg_searchsorted_options o = { .right = v[2].as.boolean, .sorter = tgi_optional(&v[4]) };
    if (v[3].kind == TG_VALUE_STRING) o.side = v[3].as.string;
    return tgi_result(tg_searchsorted_at(TG_HERE, v[0].as.tensor, tgi_value_operand(&v[1]), o));
}

static tg_tensor_list bucketize_call(const tg_value *v)
{
    const tg_searchsorted_options o = { .right = v[2].as.boolean };
    return tgi_result(tg_bucketize_at(TG_HERE, tgi_value_operand(&v[0]), v[1].as.tensor, o));
}

const tg_op tgi_op_searchsorted = {
    .name = "searchsorted",
    .schema =
        "searchsorted(Tensor sorted_sequence, Scalar self, *, bool right=False, str? side=None, Tensor? sorter=None) "
        "-> Tensor",
    .formula = "y = the number of elements of the row that are less than self (right: not greater)",
    .gradient = "none: the result is integer",
    .doc = "Where each value would be put into a sorted row.",
    .shapes = "[N] and any, or [*, N] and [*, M], to the latter",
    .call = searchsorted_call,
    .samples =
        (const char *const[]){
            "searchsorted(sort(f(6, grad=False))[0], f(5, grad=False))",
            "searchsorted(sort(f(6, step=1, grad=False))[0], f(2, 3, step=1, grad=False), right=True)",
            "searchsorted(sort(f(2, 6, step=1, grad=False), dim=1)[0], f(2, 3, step=1, grad=False), side='right')",
            "searchsorted(sort(i(7))[0], i(5), side='left')", "searchsorted(sort(i(7))[0], f(5, grad=False))",
            "searchsorted(sort(f(4, grad=False))[0], 0.5)", "searchsorted(f(0, grad=False), f(2, grad=False))",
            "searchsorted(sort(f(4, grad=False))[0], f(0, grad=False))",
            "searchsorted(v(3, 1, 2, grad=False), v(1.5, 2, grad=False), sorter=argsort(v(3, 1, 2, grad=False)))",
            NULL },
    .corners =
        (const char *const[]){ "searchsorted(v(-inf, 0, 1, inf, grad=False), v(nan, inf, -inf, -0.0, grad=False))",
                               "searchsorted(v(0, 1, nan, grad=False), v(nan, 2, grad=False), right=True)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "searchsorted(f(2, 3), f(3, 2))",
              "the first N-1 dimensions of boundaries tensor and input value tensor must match" },
            { "searchsorted(f(2, 3), 1.0)", "input value can be a scalar only when boundaries tensor dimension is 1" },
            { "searchsorted(f(), f(2))", "boundaries tensor should" },
            { "searchsorted(f(3), f(2), side='middle')", "side can only be 'left' or 'right' but got middle" },
            { "searchsorted(f(3), f(2), right=True, side='left')", "side and right can't be set to opposites" },
            { "searchsorted(f(3), f(2), sorter=i(2))", "boundary and sorter must have the same size" },
            { "searchsorted(f(3), f(2), sorter=f(3))", "sorter must be a tensor of long dtype" },
            { "searchsorted(b(3), b(2))", "\"searchsorted_out_cpu\" not implemented for 'Bool'" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "searchsorted(f(3), f(2), sorter=i(3, lo=3, hi=4))", "sorter index out of range: 3" }, { NULL, NULL } },
};

const tg_op tgi_op_bucketize = {
    .name = "bucketize",
    .schema = "bucketize(Scalar self, Tensor boundaries, *, bool right=False) -> Tensor",
    .formula = "y = the number of boundaries that are less than self (right: not greater)",
    .gradient = "none: the result is integer",
    .doc = "Which interval between sorted boundaries each element lies in.",
    .shapes = "any and [N], to the first",
    .call = bucketize_call,
    .samples = (const char *const[]){ "bucketize(f(2, 3, grad=False), sort(f(4, grad=False))[0])",
                                      "bucketize(f(2, 3, step=1, grad=False), v(-1, 0, 1, grad=False), right=True)",
                                      "bucketize(0.5, v(-1, 0, 1, grad=False))",
                                      "bucketize(i(3), v(-1, 0, grad=False))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "bucketize(f(3), f(2, 2))", "boundaries tensor must be 1 dimension, but got dim(2)" }, { NULL, NULL } },
};

/* ---- isin ---- */

static bool equal_at(const tg_tensor *a, int64_t i, const tg_tensor *b, int64_t j)
{
    switch (a->dtype) {
    case TG_FLOAT32: return ((const float *)tgi_ptr(a))[i] == ((const float *)tgi_ptr(b))[j];
    case TG_FLOAT64: return ((const double *)tgi_ptr(a))[i] == ((const double *)tgi_ptr(b))[j];
    default: return ((const int64_t *)tgi_ptr(a))[i] == ((const int64_t *)tgi_ptr(b))[j];
    }
}

/* The integers of `test` lie close together: a byte for each from the least to the largest says whether it is there. False:
 * they do not. When memory ran out *ok is false. */
static bool look_up_members(tg_tensor *y, tg_tensor *x, tg_tensor *test, bool invert, bool *ok)
{
    if (test->dtype != TG_INT64 || test->numel == 0) return false;
    const int64_t *of = tgi_ptr(test), *a = tgi_ptr(x);
    int64_t low = of[0], high = of[0], span;
    for (int64_t i = 1; i < test->numel; i++) {
        low = of[i] < low ? of[i] : low;
        high = of[i] > high ? of[i] : high;
    }
    if (__builtin_sub_overflow(high, low, &span) || span >= 1024 + x->numel + 8 * test->numel) return false;
    tg_tensor *table = tgi_own(tgi_new_full(&tg_shape(span + 1), TG_BOOL, 0));
    *ok = table;
    if (!table) return true;
    bool *there = tgi_ptr(table), *to = tgi_ptr(y);
    for (int64_t i = 0; i < test->numel; i++) there[of[i] - low] = true;
    for (int64_t i = 0; i < x->numel; i++) {
        const uint64_t at = (uint64_t)a[i] - (uint64_t)low;
        to[i] = (at <= (uint64_t)span && there[at]) != invert;
    }
    tgi_unref(table);
    return true;
}

/* y = whether each element of x is in `test`: found in it, sorted, by halves. False when memory ran out. */
static bool find_members(tg_tensor *y, tg_tensor *x, tg_tensor *test, bool invert)
{
    bool looked_up;
    if (look_up_members(y, x, test, invert, &looked_up)) return looked_up;
    const tg_shape places = tg_shape(x->numel), n = tg_shape(test->numel);
    tg_tensor *place = tgi_own(tgi_new(&places, TG_INT64)), *order = tgi_own(tgi_new(&n, TG_INT64));
    const bool ok = place && order;
    if (ok && x->numel) {
        int64_t *at = tgi_ptr(place);
        const int64_t *sorted = tgi_ptr(order);
        tgi_sort_rows(test, 1, test->numel, test->numel, false, tgi_ptr(order), NULL);
        run_search(&(search){ x->dtype, tgi_ptr(test), sorted, test->numel, 1, true, false, tgi_ptr(x), x->numel, at });
        for (int64_t i = 0; i < x->numel; i++)
            ((bool *)tgi_ptr(y))[i] = (at[i] < test->numel && equal_at(x, i, test, sorted[at[i]])) != invert;
    }
    tgi_unref(order);
    tgi_unref(place);
    return ok;
}

tg_tensor *tg_isin_at(const char *where, tg_operand elements, tg_operand test_elements, tg_isin_options options)
{
    const tg_op *op = &tgi_op_isin;
    const tg_operand both[] = { elements, test_elements };
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of(both, 2, tensors);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    for (int64_t i = 0; i < inputs.count; i++)
        if (inputs.items[i]->dtype == TG_BOOL)
            return tg_op_fail(op, inputs, "Unsupported input type encountered for isin(): Bool");
    const tg_dtype dtype = tgi_result_type(both, 2);
    const tg_shape shape = elements.kind == TG_OPERAND_TENSOR ? tgi_shape(elements.as.tensor) : tg_shape();
    tg_tensor *y = tgi_new(&shape, TG_BOOL), *x = own_as(elements, dtype), *test = own_as(test_elements, dtype);
    const bool ok = y && x && test && find_members(y, x, test, options.invert);
    tgi_unref(x);
    tgi_unref(test);
    return ok ? y : NULL;
}

static tg_tensor_list isin_call(const tg_value *v)
{
    const tg_isin_options o = { .assume_unique = v[2].as.boolean, .invert = v[3].as.boolean };
    return tgi_result(tg_isin_at(TG_HERE, tgi_value_operand(&v[0]), tgi_value_operand(&v[1]), o));
}

const tg_op tgi_op_isin = {
    .name = "isin",
    .schema = "isin(Scalar elements, Scalar test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor",
    .formula = "y = whether the element is one of the test elements",
    .gradient = "none: the result is bool",
    .doc = "Membership, element by element.",
    .shapes = "any and any, to the first",
    .call = isin_call,
    .samples = (const char *const[]){ "isin(i(3, 4), i(2))", "isin(i(5), i(2, 2), invert=True)",
                                      "isin(f(9, step=1, grad=False), f(3, step=1, grad=False))", "isin(i(4), 1)",
                                      "isin(1, i(4))", "isin(f(2, 2, grad=False), f(0, grad=False))",
                                      "isin(f(4, step=1, grad=False), i(3))", NULL },
    .corners = (const char *const[]){ "isin(v(nan, 0.0, inf, grad=False), v(nan, -0.0, inf, grad=False))", NULL },
    .errors = (const tg_error_sample[]){ { "isin(b(2), i(2))", "Unsupported input type encountered for isin(): Bool" },
                                         { NULL, NULL } },
};

/* ---- bincount ---- */

static bool bincount_fits(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, const tg_bincount_options *o)
{
    if (t->dtype != TG_INT64)
        tgi_not_implemented(op, inputs, "bincount_cpu", t->dtype);
    else if (o->minlength < 0)
        tg_op_fail(op, inputs, "minlength should be >= 0");
    else if (t->ndim != 1)
        tg_op_fail(op, inputs, "bincount only supports 1-d non-negative integral inputs.");
    else if (o->weights && (o->weights->ndim != 1 || o->weights->numel != t->numel))
        tg_op_fail(op, inputs, "weights should be 1-d and have the same length as input");
    else
        return true;
    return false;
}

static void count_into(tg_tensor *y, const int64_t *x, int64_t n, const tg_tensor *weights)
{
    if (y->dtype == TG_INT64)
        for (int64_t i = 0; i < n; i++) ((int64_t *)tgi_ptr(y))[x[i]]++;
    else if (y->dtype == TG_FLOAT32)
        for (int64_t i = 0; i < n; i++) ((float *)tgi_ptr(y))[x[i]] += ((const float *)tgi_ptr(weights))[i];
    else
        for (int64_t i = 0; i < n; i++) ((double *)tgi_ptr(y))[x[i]] += ((const double *)tgi_ptr(weights))[i];
}

/* The largest, too: two at a time, so that neither waits for the other. */
static bool any_negative(const int64_t *x, int64_t n, int64_t *most)
{
    int64_t even = -1, odd = -1, signs = 0;
    for (int64_t i = 0; i + 1 < n; i += 2) {
        even = x[i] > even ? x[i] : even;
        odd = x[i + 1] > odd ? x[i + 1] : odd;
        signs |= x[i] | x[i + 1];
    }
    if (n % 2) {
        even = x[n - 1] > even ? x[n - 1] : even;
        signs |= x[n - 1];
    }
    *most = even > odd ? even : odd;
    return signs < 0;
}

tg_tensor *tg_bincount_at(const char *where, tg_tensor *t, tg_bincount_options options)
{
    const tg_op *op = &tgi_op_bincount;
    const tg_tensor_list inputs = options.weights ? tg_list(t, options.weights) : tg_list(t);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weights)) return NULL;
    if (!bincount_fits(op, inputs, t, &options)) return NULL;
    tg_tensor *w = options.weights;
    const tg_dtype dtype = !w ? TG_INT64 : w->dtype == TG_FLOAT32 ? TG_FLOAT32 : TG_FLOAT64;
    tg_tensor *x = tgi_own_contiguous(t), *weights = w ? own_as(tg_operand_tensor(w), dtype) : NULL, *y = NULL;
    int64_t most = -1;
    bool negative = false;
    if (x && x->numel) negative = any_negative(tgi_ptr(x), x->numel, &most);
    if (negative)
        tg_op_fail(op, inputs, "bincount only supports 1-d non-negative integral inputs.");
    else if (most == INT64_MAX)
        tg_op_fail(op, inputs, "%" PRId64 " bins are too many", most);
    else if (x && (weights || !w)) {
        const tg_shape shape = tg_shape(most + 1 > options.minlength ? most + 1 : options.minlength);
        y = tgi_new_full(&shape, dtype, 0);
        if (y && x->numel) count_into(y, tgi_ptr(x), x->numel, weights);
    }
    tgi_unref(x);
    tgi_unref(weights);
    return y;
}

static tg_tensor_list bincount_call(const tg_value *v)
{
    const tg_bincount_options o = { .weights = tgi_optional(&v[1]), .minlength = v[2].as.integer };
    return tgi_result(tg_bincount_at(TG_HERE, v[0].as.tensor, o));
}

const tg_op tgi_op_bincount = {
    .name = "bincount",
    .schema = "bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
    .formula = "y[j] = how many elements of self are j, or the sum of their weights",
    .gradient = "none: PyTorch has none either",
    .doc = "Counts of 0, 1, 2, ...",
    .shapes = "[N], weights [N], to [the largest element + 1]",
    .call = bincount_call,
    .samples = (const char *const[]){ "bincount(i(9, lo=0, hi=4))", "bincount(i(5, lo=0, hi=4), minlength=7)",
                                      "bincount(i(5, lo=0, hi=4), f(5, grad=False))", "bincount(i(0), minlength=2)",
                                      "bincount(i(5, lo=0, hi=4), i(5))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "bincount(i(2, lo=-2, hi=-1))", "bincount only supports 1-d non-negative integral inputs." },
            { "bincount(i(2, 2))", "bincount only supports 1-d non-negative integral inputs." },
            { "bincount(f(2))", "\"bincount_cpu\" not implemented for 'Double'" },
            { "bincount(i(2, lo=0), i(3))", "weights should be 1-d and have the same length as input" },
            { "bincount(i(2, lo=0), minlength=-1)", "minlength should be >= 0" },
            { NULL, NULL } },
};

/* ---- histc ---- */

static double element(const tg_tensor *t, int64_t i) { return tgi_get(tgi_ptr(t), t->dtype, i); }

/* The range: as given, or from the smallest to the largest element; one unit to each side if it is empty. */
static void histc_range(const tg_tensor *x, double *low, double *high)
{
    if (*low == *high && x->numel) {
        *low = *high = element(x, 0);
        for (int64_t i = 1; i < x->numel; i++) {
            const double value = element(x, i);
            if (value < *low || isnan(value)) *low = value;
            if (value > *high || isnan(value)) *high = value;
        }
    }
    if (*low == *high) {
        *low -= 1;
        *high += 1;
    }
}

/* In the arithmetic of the dtype: what lies on the border of two parts is to fall where PyTorch has it. */
#define HISTOGRAM(T)                                                                                                   \
    for (int64_t i = 0; i < x->numel; i++) {                                                                           \
        const T value = ((const T *)tgi_ptr(x))[i], from = (T)low, to = (T)high;                                       \
        if (!(value >= from && value <= to)) continue;                                                                 \
        int64_t bin = (int64_t)((value - from) * (T)bins / (to - from));                                               \
        ((T *)tgi_ptr(y))[bin < bins ? bin : bins - 1] += 1;                                                           \
    }

tg_tensor *tg_histc_at(const char *where, tg_tensor *t, tg_histc_options options)
{
    const tg_op *op = &tgi_op_histc;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    const int64_t bins = options.bins;
    double low = options.min, high = options.max;
    if (!tgi_is_floating(t)) return tgi_not_implemented(op, tg_list(t), "histogram_cpu", t->dtype);
    if (bins <= 0)
        return tg_op_fail(op, tg_list(t), "torch.histogram(): bins must be > 0, but got %" PRId64 " for dimension 0",
                          bins);
    if (low > high) return tg_op_fail(op, tg_list(t), "torch.histc: max must be larger than min");
    tg_tensor *x = tgi_own_contiguous(t);
    if (!x) return NULL;
    histc_range(x, &low, &high);
    tg_tensor *y = NULL;
    if (!isfinite(low) || !isfinite(high))
        tg_op_fail(op, tg_list(t), "torch.histc: range of [%g, %g] is not finite", low, high);
    else
        y = tgi_new_full(&(tg_shape){ 1, { bins } }, (tg_dtype)t->dtype, 0);
    if (y && t->dtype == TG_FLOAT32)
        HISTOGRAM(float)
    else if (y)
        HISTOGRAM(double)
    tgi_unref(x);
    return y;
}

static tg_tensor_list histc_call(const tg_value *v)
{
    const tg_histc_options o = { .bins = v[1].as.integer, .min = v[2].as.real, .max = v[3].as.real };
    return tgi_result(tg_histc_at(TG_HERE, v[0].as.tensor, o));
}

const tg_op tgi_op_histc = {
    .name = "histc",
    .schema = "histc(Tensor self, int bins=100, float min=0, float max=0) -> Tensor",
    .formula = "y[j] = how many elements lie in the j-th of `bins` equal parts of [min, max]",
    .gradient = "none: PyTorch has none either",
    .doc = "A histogram; without a range, from the smallest to the largest element.",
    .shapes = "any, to [bins]",
    .call = histc_call,
    .samples = (const char *const[]){ "histc(f(20, grad=False), 5)", "histc(f(3, 7, step=1, grad=False), 4, -2, 2)",
                                      "histc(f(9, grad=False), 3, -1, 1)", "histc(f(0, grad=False), 3)",
                                      "histc(f(grad=False), 3)", "histc(f(5, grad=False))", NULL },
    .corners = (const char *const[]){ "histc(v(0, 1, inf, 2, -inf, grad=False), 3, 0, 2)",
                                      "histc(v(1, 1, grad=False), 3)", NULL },
    .errors = (const tg_error_sample[]){ { "histc(i(3))", "\"histogram_cpu\" not implemented for 'Long'" },
                                         { "histc(f(3), 0)", "bins must be > 0, but got 0 for dimension 0" },
                                         { "histc(f(3), 3, 2, 1)", "torch.histc: max must be larger than min" },
                                         { "histc(f(3), 3, -inf, 1)", "is not finite" },
                                         { NULL, NULL } },
};

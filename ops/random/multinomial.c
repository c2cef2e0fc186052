/* multinomial.c: indices drawn by weights.
 *
 * Two ways, as in PyTorch. Without replacement: the largest of weight / e, an e for each weight, exponential. With it: where a uniform number falls among the sums of the weights. The dtype of the weights is
 * that of both. */
#include "ops/random.h"
#include "random_impl.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/extremes.h"
#include "ops/pointwise.h"
#include "ops/sort.h"
#include "ops/view.h"

#include <math.h>

static tg_tensor_list multinomial_call(const tg_value *v)
{
    return tgi_result(tg_multinomial(v[0].as.tensor, v[1].as.integer, .replacement = v[2].as.boolean));
}

const tg_op tgi_op_multinomial = {
    .name = "multinomial",
    .schema = "multinomial(Tensor self, int num_samples, bool replacement=False) -> Tensor",
    .formula = "y = i with probability self[i] / sum self",
    .gradient = "none: indices",
    .doc = "draws indices by weights, each row by its own; without replacement none twice",
    .shapes = "[n] to [num_samples], [m, n] to [m, num_samples]",
    .call = multinomial_call,
    .samples =
        (const char *const[]){ "multinomial(f(6, lo=0, hi=1), 1)", "multinomial(contiguous(f(3, 6, lo=0, hi=1)), 1)",
                               "multinomial(f(6, lo=0, hi=1), 6)", "multinomial(contiguous(f(3, 6, lo=0, hi=1)), 4)",
                               "multinomial(f(6, lo=0, hi=1), 20, True)", "multinomial(f(3, 6, lo=0, hi=9), 20, True)",
                               "multinomial(v(1, 0, 3, 0), 5, True)", "multinomial(f(4, lo=0, hi=1), 1, True)",
                               "multinomial(f(0, 3), 2, True)", "multinomial(f(0, 3), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "multinomial(f(2, 2, 2), 1)", "prob_dist must be 1 or 2 dim" },
            { "multinomial(f(), 1)", "prob_dist must be 1 or 2 dim" },
            { "multinomial(i(3), 1)", "multinomial only supports floating-point dtypes for input, got: Long" },
            { "multinomial(f(3, lo=0), 0)", "cannot sample n_sample <= 0 samples" },
            { "multinomial(f(3, lo=0), 4)", "cannot sample n_sample > prob_dist.size(-1) samples without replacement" },
            { "multinomial(v(1, -1), 1)", "probability tensor contains either `inf`, `nan` or element < 0" },
            { "multinomial(v(1, inf), 2)", "probability tensor contains either `inf`, `nan` or element < 0" },
            { "multinomial(v(1, nan), 1)", "probability tensor contains either `inf`, `nan` or element < 0" },
            { "multinomial(v(0, 0), 1)", "invalid multinomial distribution (sum of probabilities <= 0)" },
            { "multinomial(v(0, 0), 2, True)", "invalid multinomial distribution (sum of probabilities <= 0)" },
            { "multinomial(v(1, -1), 2, True)",
              "invalid multinomial distribution (encountering probability entry < 0)" },
            { "multinomial(v(1, inf), 2, True)",
              "invalid multinomial distribution (encountering probability entry = infinity or NaN)" },
            { "multinomial(f(2, 0), 2, True)", "invalid multinomial distribution (sum of probabilities <= 0)" },
            { NULL, NULL } },
};

/* Contiguous weights of `rows` rows, n in each. */
typedef struct weights {
    tg_tensor *all, *drawn; /* the tensor as it was given, and its contiguous elements */
    int64_t rows, n;
} weights;

/* What is among a row's weights. NaN is negative. */
typedef struct found {
    bool negative, infinite, positive;
} found;

/* The loops, for either dtype. */
#define LOOPS(type)                                                                                                    \
    /* Looks at n weights; sums[i] = p[0] + .. + p[i] as a part of the sum of all, where there are sums. */            \
    static found add_up_##type(const type *p, int64_t n, type *sums)                                                   \
    {                                                                                                                  \
        int negative = 0, infinite = 0, positive = 0;                                                                  \
        type sum = 0;                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            negative |= !(p[i] >= 0);                                                                                  \
            infinite |= p[i] == (type)INFINITY;                                                                        \
            positive |= p[i] > 0;                                                                                      \
        }                                                                                                              \
        for (int64_t i = 0; sums && i < n; i++) sums[i] = sum += p[i];                                                 \
        for (int64_t i = 0; sums && i < n; i++) sums[i] /= sum;                                                        \
        return (found){ negative != 0, infinite != 0, positive != 0 };                                                 \
    }                                                                                                                  \
                                                                                                                       \
    /* The first i whose sum is not below u; the last i if there is none. */                                           \
    static int64_t slot_##type(const type *sums, int64_t n, double u)                                                  \
    {                                                                                                                  \
        int64_t low = 0, high = n - 1;                                                                                 \
        while (low < high) {                                                                                           \
            const int64_t middle = low + (high - low) / 2;                                                             \
            if ((double)sums[middle] < u)                                                                              \
                low = middle + 1;                                                                                      \
            else                                                                                                       \
                high = middle;                                                                                         \
        }                                                                                                              \
        return low;                                                                                                    \
    }
LOOPS(float)
LOOPS(double)

static const void *row_of(const weights *w, int64_t row)
{
    const char *first = tgi_ptr(w->drawn); /* NULL where there are no elements */
    return first ? first + (size_t)(row * w->n) * tgi_element_size(w->drawn) : NULL;
}

/* Adds up a row, if there is room for the sums. False: something is wrong with it, and was told in PyTorch's words. */
static bool add_up(const tg_op *op, const weights *w, int64_t row, void *sums)
{
    const found f = w->drawn->dtype == TG_FLOAT32 ? add_up_float(row_of(w, row), w->n, sums)
                                                  : add_up_double(row_of(w, row), w->n, sums);
    if (!f.negative && !f.infinite && f.positive) return true;
    tg_op_fail(op, tg_list(w->all), "%s",
               (f.negative || f.infinite) && !sums ? "probability tensor contains either `inf`, `nan` or element < 0"
               : f.negative ? "invalid multinomial distribution (encountering probability entry < 0)"
               : f.infinite ? "invalid multinomial distribution (encountering probability entry = infinity or NaN)"
                            : "invalid multinomial distribution (sum of probabilities <= 0)");
    return false;
}

/* ---- the largest of weight / e ---- */

/* Exponential numbers of t's shape, drawn in the order of its memory. */
static tg_tensor *exponentials(tg_tensor *t, tg_generator *g)
{
    const double rate = 1;
    int order[TG_MAX_DIMS];
    tg_shape back = { t->ndim, { 0 } };
    tg_tensor *in_order = tgi_in_memory_order(t, order);
    tg_tensor *e = in_order ? tgi_new_like(in_order, (tg_dtype)t->dtype) : NULL;
    if (!e) return NULL;
    tgi_draw_each(e, g, tgi_draw_exponential, &rate);
    for (int d = 0; d < t->ndim; d++) back.dims[order[d]] = d;
    return tg_permute(e, back);
}

static tg_tensor *draw_largest(const tg_op *op, const weights *w, int64_t count, tg_generator *g)
{
    for (int64_t row = 0; row < w->rows; row++)
        if (!add_up(op, w, row, NULL)) return NULL;
    tg_tensor *scores = tg_div(tg_detach(w->all), exponentials(w->all, g));
    return count == 1 ? tg_argmax(scores, .dim = -1, .keepdim = true) : tg_topk(scores, count).indices;
}

/* ---- among sums ---- */

static tg_tensor *draw_among_sums(const tg_op *op, const weights *w, int64_t count, tg_generator *g)
{
    const tg_shape size = w->all->ndim == 1 ? tg_shape(count) : tg_shape(w->rows, count), one = tg_shape(w->n);
    const bool narrow = w->drawn->dtype == TG_FLOAT32;
    tg_tensor *sums = tgi_own(tgi_new(&one, (tg_dtype)w->drawn->dtype));
    tg_tensor *y = sums ? tgi_new(&size, TG_INT64) : NULL;
    for (int64_t row = 0; y && row < w->rows; row++) {
        int64_t *to = (int64_t *)tgi_ptr(y) + row * count;
        if (!add_up(op, w, row, tgi_ptr(sums))) y = NULL;
        for (int64_t i = 0; y && i < count; i++) {
            const double u = tg_random_uniform(g);
            to[i] = narrow ? slot_float(tgi_ptr(sums), w->n, u) : slot_double(tgi_ptr(sums), w->n, u);
        }
    }
    tgi_unref(sums);
    return y;
}

/* ---- the op ---- */

static bool check(const tg_op *op, tg_tensor *t, int64_t count, bool replacement)
{
    const tg_tensor_list inputs = tg_list(t);
    const int64_t most = INT64_C(1) << 24;
    if (t->ndim < 1 || t->ndim > 2)
        tg_op_fail(op, inputs, "prob_dist must be 1 or 2 dim");
    else if (!tgi_is_floating(t))
        tg_op_fail(op, inputs, "multinomial only supports floating-point dtypes for input, got: %s", tgi_type_name(t));
    else if (count <= 0)
        tg_op_fail(op, inputs, "cannot sample n_sample <= 0 samples");
    else if (!replacement && count > t->dims[t->ndim - 1])
        tg_op_fail(op, inputs, "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    else if (t->dims[t->ndim - 1] > most)
        tg_op_fail(op, inputs, "number of categories cannot exceed 2^24");
    else
        return true;
    return false;
}

tg_tensor *tg_multinomial_at(const char *where, tg_tensor *t, int64_t num_samples, tg_multinomial_options o)
{
    const tg_op *op = &tgi_op_multinomial;
    if (!tg_op_begin(where, op, tg_list(t)) || !check(op, t, num_samples, o.replacement)) return NULL;
    weights w = { t, NULL, t->ndim == 2 ? t->dims[0] : 1, t->dims[t->ndim - 1] };
    if (!(w.drawn = tgi_own_contiguous(t))) return NULL;
    tg_generator *g = tgi_generator(o.generator);
    tg_tensor *y = w.rows == 0     ? tgi_new(&tg_shape(0, num_samples), TG_INT64)
                   : o.replacement ? draw_among_sums(op, &w, num_samples, g)
                                   : draw_largest(op, &w, num_samples, g);
    tgi_unref(w.drawn);
    return y;
}

/* create.c: tensors from nothing, from numbers and from the random generator. None of them is on the tape. */
#include "create.h"
#include "iterate.h"
#include "promote.h"
#include "view.h"

#include <math.h>
#include <string.h>

/* Creation has no inputs to differentiate; these descriptors give the errors their names. */
#define CREATION(id, text) static const tg_op op_##id = { .name = text, .gradient = "none: it has no input" }
CREATION(empty, "empty");
CREATION(full, "full");
CREATION(arange, "arange");
CREATION(linspace, "linspace");
CREATION(eye, "eye");
CREATION(rand, "rand");
CREATION(randn, "randn");
CREATION(randint, "randint");
CREATION(randperm, "randperm");
CREATION(from_data, "from_data");

/* ---- common ground ---- */

static tg_dtype dtype_or(const tg_create_options *options, tg_dtype otherwise)
{
    return options->dtype == TG_DEFAULT_DTYPE ? otherwise : options->dtype;
}

/* An uninitialised result, its dtype known to be one. */
static tg_tensor *begin(const char *where, const tg_op *op, tg_shape shape, tg_dtype dtype)
{
    if (!tg_op_begin(where, op, TG_NONE)) return NULL;
    if ((unsigned)dtype >= TG_DTYPES) return tg_op_fail(op, TG_NONE, "%d is not a dtype", (int)dtype);
    return tgi_new(&shape, dtype);
}

static tg_tensor *end(tg_tensor *t, const tg_create_options *options)
{
    return t && options->requires_grad ? tg_requires_grad_(t, true) : t;
}

static tg_generator *generator(const tg_create_options *options)
{
    return options->generator ? options->generator : tg_default_generator();
}

static double operand_real(tg_operand x) { return x.kind == TG_OPERAND_REAL ? x.as.real : (double)x.as.integer; }

/* ---- constants ---- */

tg_tensor *tg_empty_at(const char *where, tg_shape shape, tg_create_options options)
{
    return end(begin(where, &op_empty, shape, dtype_or(&options, tg_default_dtype())), &options);
}

static tg_tensor *filled(const char *where, tg_shape shape, double value, tg_dtype dtype,
                         const tg_create_options *options)
{
    tg_tensor *t = begin(where, &op_full, shape, dtype);
    if (t) tgi_fill(t, value);
    return end(t, options);
}

tg_tensor *tg_zeros_at(const char *where, tg_shape shape, tg_create_options options)
{
    return filled(where, shape, 0, dtype_or(&options, tg_default_dtype()), &options);
}

tg_tensor *tg_ones_at(const char *where, tg_shape shape, tg_create_options options)
{
    return filled(where, shape, 1, dtype_or(&options, tg_default_dtype()), &options);
}

tg_tensor *tg_full_at(const char *where, tg_shape shape, tg_operand value, tg_create_options options)
{
    static const tg_dtype natural[] = { TG_FLOAT32, TG_INT64, TG_FLOAT32, TG_BOOL };
    if (value.kind == TG_OPERAND_TENSOR)
        return tg_op_begin(where, &op_full, tg_list(value.as.tensor))
                   ? tg_op_fail(&op_full, tg_list(value.as.tensor),
                                "the value is a number, not a tensor: use tg_fill_ or tg_expand")
                   : NULL;
    const tg_dtype dtype = dtype_or(&options, value.kind == TG_OPERAND_REAL ? tg_default_dtype() : natural[value.kind]);
    tg_tensor *t = begin(where, &op_full, shape, dtype);
    tg_tensor *number = t ? tgi_operand_to(value, dtype) : NULL;
    if (!number) return NULL;
    tgi_copy_raw(t, number);
    return end(t, &options);
}

tg_tensor *tg_scalar_at(const char *where, tg_operand value, tg_create_options options)
{
    return tg_full_at(where, tg_shape(), value, options);
}

/* ---- sequences ---- */

/* Fills t[i] = start + i step: computed in double (int64: exactly), then rounded once. */
static void fill_sequence(tg_tensor *t, tg_operand start, tg_operand step)
{
    void *p = tgi_ptr(t);
    const bool integers = start.kind != TG_OPERAND_REAL && step.kind != TG_OPERAND_REAL;
    const double first = operand_real(start), by = operand_real(step);
    for (int64_t i = 0; i < t->numel; i++) {
        const double value = first + by * (double)i;
        if (t->dtype == TG_FLOAT32)
            ((float *)p)[i] = (float)value;
        else if (t->dtype == TG_FLOAT64)
            ((double *)p)[i] = value;
        else if (t->dtype == TG_INT64)
            ((int64_t *)p)[i] = integers ? start.as.integer + i * step.as.integer : (int64_t)value;
        else
            ((bool *)p)[i] = value != 0;
    }
}

tg_tensor *tg_arange_at(const char *where, tg_operand start, tg_operand end_, tg_operand step,
                        tg_create_options options)
{
    if (!tg_op_begin(where, &op_arange, TG_NONE)) return NULL;
    if (start.kind == TG_OPERAND_TENSOR || end_.kind == TG_OPERAND_TENSOR || step.kind == TG_OPERAND_TENSOR)
        return tg_op_fail(&op_arange, TG_NONE, "start, end and step are numbers, not tensors");
    const double from = operand_real(start), to = operand_real(end_), by = operand_real(step);
    const bool real = start.kind == TG_OPERAND_REAL || end_.kind == TG_OPERAND_REAL || step.kind == TG_OPERAND_REAL;
    if (by == 0 || isnan(by)) return tg_op_fail(&op_arange, TG_NONE, "step must be nonzero");
    if (!isfinite(from) || !isfinite(to))
        return tg_op_fail(&op_arange, TG_NONE, "unsupported range: %g -> %g", from, to);
    if ((by > 0 && from > to) || (by < 0 && from < to))
        return tg_op_fail(&op_arange, TG_NONE, "upper bound and larger bound inconsistent with step sign");
    const double count = ceil((to - from) / by);
    if (count > 0x1p46) return tg_op_fail(&op_arange, TG_NONE, "%g elements are too many", count);
    tg_tensor *t =
        begin(NULL, &op_arange, tg_shape((int64_t)count), dtype_or(&options, real ? tg_default_dtype() : TG_INT64));
    if (t) fill_sequence(t, start, step);
    return end(t, &options);
}

/* Counted from both ends, so that the last value is `end_` itself. */
tg_tensor *tg_linspace_at(const char *where, double start, double end_, int64_t steps, tg_create_options options)
{
    if (!tg_op_begin(where, &op_linspace, TG_NONE)) return NULL;
    if (steps < 0) return tg_op_fail(&op_linspace, TG_NONE, "number of steps must be non-negative");
    tg_tensor *t = begin(NULL, &op_linspace, tg_shape(steps), dtype_or(&options, tg_default_dtype()));
    if (!t) return NULL;
    if (!tgi_is_floating(t)) return tg_op_fail(&op_linspace, TG_NONE, "the dtype must be a floating one");
    const double step = steps > 1 ? (end_ - start) / (double)(steps - 1) : 0;
    const float step32 = steps > 1 ? ((float)end_ - (float)start) / (float)(steps - 1) : 0;
    for (int64_t i = 0; i < steps; i++) {
        const bool first_half = i < steps / 2;
        const int64_t j = steps - 1 - i;
        if (t->dtype == TG_FLOAT64)
            ((double *)tgi_ptr(t))[i] = first_half || steps == 1 ? start + step * (double)i : end_ - step * (double)j;
        else
            ((float *)tgi_ptr(t))[i] =
                first_half || steps == 1 ? (float)start + step32 * (float)i : (float)end_ - step32 * (float)j;
    }
    return end(t, &options);
}

tg_tensor *tg_eye_at(const char *where, int64_t n, int64_t m, tg_create_options options)
{
    if (!tg_op_begin(where, &op_eye, TG_NONE)) return NULL;
    if (n < 0 || m < 0)
        return tg_op_fail(&op_eye, TG_NONE, "n and m must be greater or equal to 0, got %lld and %lld", (long long)n,
                          (long long)m);
    tg_tensor *t = begin(NULL, &op_eye, tg_shape(n, m), dtype_or(&options, tg_default_dtype()));
    if (!t) return NULL;
    tgi_fill(t, 0);
    const int64_t diagonal = n < m ? n : m;
    tg_tensor *ones = tgi_new_full(&(tg_shape){ 1, { diagonal } }, (tg_dtype)t->dtype, 1);
    tg_tensor *view = ones ? tgi_new_view(t, 1, &diagonal, &(int64_t){ m + 1 }, t->offset) : NULL;
    if (!view) return NULL;
    tgi_copy_raw(view, ones);
    return end(t, &options);
}

/* ---- random ---- */

static tg_tensor *floating_begin(const char *where, const tg_op *op, tg_shape shape, const tg_create_options *options)
{
    tg_tensor *t = begin(where, op, shape, dtype_or(options, tg_default_dtype()));
    if (t && !tgi_is_floating(t))
        return tg_op_fail(op, TG_NONE, "\"%s\" not implemented for '%s'", op->name,
                          tgi_scalar_type_name((tg_dtype)t->dtype));
    return t;
}

tg_tensor *tg_rand_at(const char *where, tg_shape shape, tg_create_options options)
{
    tg_tensor *t = floating_begin(where, &op_rand, shape, &options);
    if (!t) return NULL;
    if (t->dtype == TG_FLOAT32)
        tg_generate_uniform_f32(generator(&options), tgi_ptr(t), t->numel, 0, 1);
    else
        tg_generate_uniform_f64(generator(&options), tgi_ptr(t), t->numel, 0, 1);
    return end(t, &options);
}

tg_tensor *tg_randn_at(const char *where, tg_shape shape, tg_create_options options)
{
    tg_tensor *t = floating_begin(where, &op_randn, shape, &options);
    if (!t) return NULL;
    if (t->dtype == TG_FLOAT32)
        tg_generate_normal_f32(generator(&options), tgi_ptr(t), t->numel, 0, 1);
    else
        tg_generate_normal_f64(generator(&options), tgi_ptr(t), t->numel, 0, 1);
    return end(t, &options);
}

/* An int64 tensor that `draw` fills, then whatever dtype was asked for. */
static tg_tensor *converted(tg_tensor *drawn, const tg_create_options *options)
{
    return drawn ? end(tg_to(drawn, dtype_or(options, TG_INT64)), options) : NULL;
}

tg_tensor *tg_randint_at(const char *where, int64_t low, int64_t high, tg_shape shape, tg_create_options options)
{
    if (!tg_op_begin(where, &op_randint, TG_NONE)) return NULL;
    if (low >= high)
        return tg_op_fail(&op_randint, TG_NONE,
                          "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld", (long long)low,
                          (long long)high);
    if ((uint64_t)high - (uint64_t)low > UINT32_MAX)
        return tg_op_fail(&op_randint, TG_NONE, "the range from %lld to %lld is 2^32 or more", (long long)low,
                          (long long)high);
    tg_tensor *t = begin(NULL, &op_randint, shape, TG_INT64);
    if (t) tg_generate_randint(generator(&options), tgi_ptr(t), t->numel, low, high);
    return converted(t, &options);
}

tg_tensor *tg_randperm_at(const char *where, int64_t n, tg_create_options options)
{
    if (!tg_op_begin(where, &op_randperm, TG_NONE)) return NULL;
    if (n < 0) return tg_op_fail(&op_randperm, TG_NONE, "n must be non-negative, got %lld", (long long)n);
    tg_tensor *t = begin(NULL, &op_randperm, tg_shape(n), TG_INT64);
    if (t) tg_generate_randperm(generator(&options), tgi_ptr(t), n);
    return converted(t, &options);
}

/* ---- from C ---- */

static void convert_ints(int64_t *to, const int *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

tg_tensor *tg_from_data_at(const char *where, const void *data, tg_element element, tg_shape shape,
                           tg_create_options options)
{
    static const tg_dtype dtypes[] = { TG_FLOAT32, TG_FLOAT64, TG_INT64, TG_INT64, TG_BOOL };
    const tg_dtype own = (unsigned)element <= TG_ELEMENT_BOOL ? dtypes[element] : TG_FLOAT32;
    tg_tensor *t = begin(where, &op_from_data, shape, own);
    if (!t || t->numel == 0) return t ? end(tg_to(t, dtype_or(&options, own)), &options) : NULL;
    if (!data) return tg_op_fail(&op_from_data, TG_NONE, "the data is NULL");
    if (element == TG_ELEMENT_INT)
        convert_ints(tgi_ptr(t), data, t->numel);
    else
        memcpy(tgi_ptr(t), data, (size_t)t->numel * tgi_element_size(t));
    return end(tg_to(t, dtype_or(&options, own)), &options);
}

/* ---- like another ---- */

/* The options with the dtype that `t` has, unless another was asked for. False when there is no `t`. */
static bool like(const char *where, tg_tensor *t, tg_create_options *options)
{
    if (!tg_op_begin(where, &op_empty, tg_list(t))) return false;
    options->dtype = dtype_or(options, (tg_dtype)t->dtype);
    return true;
}

tg_tensor *tg_empty_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, t, &options) ? tg_empty_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_zeros_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, t, &options) ? tg_zeros_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_ones_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, t, &options) ? tg_ones_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_full_like_at(const char *where, tg_tensor *t, tg_operand value, tg_create_options options)
{
    return like(where, t, &options) ? tg_full_at(where, tgi_shape(t), value, options) : NULL;
}

tg_tensor *tg_rand_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, t, &options) ? tg_rand_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_randn_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, t, &options) ? tg_randn_at(where, tgi_shape(t), options) : NULL;
}

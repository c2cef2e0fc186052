/* create.c: tensors from nothing, from numbers and from the random generator. None of them is on the tape. */
#include "ops/create.h"
#include "core/observe_impl.h"
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <math.h>
#include <inttypes.h>
#include <string.h>

/* ---- descriptors ---- creation has no inputs to differentiate */

#define OPTIONS     ", *, ScalarType? dtype=None, bool requires_grad=False) -> Tensor"
#define CALL_OF(id) static tg_tensor_list id##_call(const tg_value *args)
CALL_OF(empty);
CALL_OF(zeros);
CALL_OF(ones);
CALL_OF(full);
CALL_OF(arange);
CALL_OF(linspace);
CALL_OF(eye);
CALL_OF(rand);
CALL_OF(randn);
CALL_OF(randint);
CALL_OF(randperm);
CALL_OF(empty_like);
CALL_OF(zeros_like);
CALL_OF(ones_like);
CALL_OF(full_like);
CALL_OF(rand_like);
CALL_OF(randn_like);
CALL_OF(randint_like);
CALL_OF(new_empty);
CALL_OF(new_zeros);
CALL_OF(new_ones);
CALL_OF(new_full);

#define SAMPLES(...)                                                                                                   \
    .samples = (const char *const[]) { __VA_ARGS__, NULL }
#define ERRORS(...)                                                                                                    \
    .errors = (const tg_error_sample[])                                                                                \
    {                                                                                                                  \
        __VA_ARGS__, { NULL, NULL }                                                                                    \
    }
#define NO_ERRORS                                                                                                      \
    .errors = (const tg_error_sample[])                                                                                \
    {                                                                                                                  \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }
#define NEGATIVE(call) ERRORS({ call, "negative dimension" })
#define CREATION(id, arguments, y, text, ...)                                                                          \
    const tg_op tgi_op_##id = { .name = #id,                                                                           \
                                .schema = #id "(" arguments OPTIONS,                                                   \
                                .formula = y,                                                                          \
                                .gradient = "none: the result depends on no element",                                  \
                                .doc = text,                                                                           \
                                .call = id##_call,                                                                     \
                                __VA_ARGS__ }
CREATION(empty, "int[] size", "y is not set", "Elements of any value, to be written.", SAMPLES("empty([2, 3])"),
         NEGATIVE("empty([2, -1])"));
CREATION(zeros, "int[] size", "y = 0", "Zeros.", SAMPLES("zeros([2, 3])", "zeros([])", "zeros([0, 3], dtype=int64)"),
         NEGATIVE("zeros([2, -1])"));
CREATION(ones, "int[] size", "y = 1", "Ones.", SAMPLES("ones([2, 3])", "ones([3], dtype=bool)"),
         NEGATIVE("ones([2, -1])"));
CREATION(full, "int[] size, Scalar fill_value", "y = fill_value", "One number everywhere.",
         SAMPLES("full([2, 2], 3)", "full([2], 0.1, dtype=float64)", "full([2], 2.7, dtype=int64)"),
         ERRORS({ "full([2, -1], 1)", "negative dimension" }, { "full([2], inf, dtype=int64)", TGI_NO_INT64 }));
CREATION(arange, "Scalar start, Scalar end, Scalar step", "y[i] = start + i step, below end",
         "A sequence; int64 when all three are integers.",
         SAMPLES("arange(0, 5, 1)", "arange(7, -2, -3)", "arange(0, 1, 0.125)", "arange(3, 3, 1)",
                 "arange(-0.5, 5.5, 1.9, dtype=int64)"),
         ERRORS({ "arange(0, 5, 0)", "step must be nonzero" },
                { "arange(0, 5, -1)", "upper bound and larger bound inconsistent with step sign" },
                { "arange(0, inf, 1)", "unsupported range" },
                { "arange(1, 5, 0.1, dtype=int64)", "step must be nonzero" }));
CREATION(linspace, "float start, float end, int steps", "y[i] = start + i (end - start) / (steps - 1)",
         "Values from start to end, both included.",
         SAMPLES("linspace(0, 1, 5)", "linspace(3, -2, 10, dtype=float64)", "linspace(2, 5, 1)", "linspace(2, 5, 0)",
                 "linspace(-2.5, 3.9, 5, dtype=int64)", "linspace(3.9, -2.5, 4, dtype=int64)"),
         ERRORS({ "linspace(0, 1, -1)", "number of steps must be non-negative" },
                { "linspace(0, 1, 3, dtype=bool)", "\"linspace_cpu\" not implemented for 'Bool'" }));
CREATION(eye, "int n, int m", "y[i, j] = 1 where i = j, 0 elsewhere", "A matrix with ones on its diagonal.",
         SAMPLES("eye(3, 3)", "eye(2, 4, dtype=int64)"), ERRORS({ "eye(-1, 2)", "must be greater or equal to 0" }));
CREATION(rand, "int[] size", "y is uniform in [0, 1)", "Random numbers, uniform.",
         SAMPLES("rand([2, 3])", "rand([5], dtype=float64)"),
         ERRORS({ "rand([2], dtype=int64)", "not implemented for 'Long'" }));
CREATION(randn, "int[] size", "y is normal with mean 0 and variance 1", "Random numbers, normal.",
         SAMPLES("randn([5])", "randn([4, 5])", "randn([33], dtype=float64)"),
         ERRORS({ "randn([2], dtype=int64)", "not implemented for 'Long'" }));
CREATION(randint, "int low, int high, int[] size", "y is one of low .. high - 1", "Random integers, of dtype int64.",
         SAMPLES("randint(-3, 9, [2, 5])", "randint(0, 2, [4], dtype=float32)"),
         ERRORS({ "randint(3, 3, [2])", "random_ expects 'from' to be less than 'to'" }));
CREATION(randperm, "int n", "y is 0 .. n - 1 in a random order", "A random permutation, of dtype int64.",
         SAMPLES("randperm(10)", "randperm(0)"), NEGATIVE("randperm(-1)"));
CREATION(empty_like, "Tensor self", "y is not set", "Elements of any value, to be written.",
         SAMPLES("empty_like(f(2, 3))"), NO_ERRORS);
CREATION(zeros_like, "Tensor self", "y = 0", "Zeros.",
         SAMPLES("zeros_like(f(2, 3))", "zeros_like(i(4), dtype=bool)", "zeros_like(f())"), NO_ERRORS);
CREATION(ones_like, "Tensor self", "y = 1", "Ones.", SAMPLES("ones_like(f(2, 3))", "ones_like(i(4))"), NO_ERRORS);
CREATION(full_like, "Tensor self, Scalar fill_value", "y = fill_value", "One number everywhere.",
         SAMPLES("full_like(f(2, 3), 0.25)", "full_like(i(4), 2.7)"), NO_ERRORS);
CREATION(rand_like, "Tensor self", "y is uniform in [0, 1)", "Random numbers, uniform.",
         SAMPLES("rand_like(f(2, 3), dtype=float32)"), ERRORS({ "rand_like(i(2))", "not implemented for 'Long'" }));
CREATION(randn_like, "Tensor self", "y is normal with mean 0 and variance 1", "Random numbers, normal.",
         SAMPLES("randn_like(f(2, 3))", "randn_like(i(4), dtype=float32)"),
         ERRORS({ "randn_like(i(2))", "not implemented for 'Long'" }));
CREATION(randint_like, "Tensor self, int low, int high", "y is one of low .. high - 1", "Random integers.",
         SAMPLES("randint_like(f(2, 5), -3, 9)", "randint_like(i(4), 0, 2)", "randint_like(f(4), 0, 9, dtype=int64)"),
         ERRORS({ "randint_like(i(2), 3, 3)", "random_ expects 'from' to be less than 'to'" }));
CREATION(new_empty, "Tensor self, int[] size", "y is not set", "Elements of any value, to be written.",
         SAMPLES("new_empty(f(2), [0, 3])"), NEGATIVE("new_empty(f(2), [2, -1])"));
CREATION(new_zeros, "Tensor self, int[] size", "y = 0", "Zeros.",
         SAMPLES("new_zeros(f(2), [2, 3])", "new_zeros(i(4), [])", "new_zeros(b(), [0, 3])",
                 "new_zeros(i(4), [2], dtype=float32)"),
         NEGATIVE("new_zeros(f(2), [2, -1])"));
CREATION(new_ones, "Tensor self, int[] size", "y = 1", "Ones.",
         SAMPLES("new_ones(f(2), [2, 3])", "new_ones(i(4), [2])", "new_ones(i(4), [2], dtype=bool)"),
         NEGATIVE("new_ones(f(2), [2, -1])"));
CREATION(new_full, "Tensor self, int[] size, Scalar fill_value", "y = fill_value", "One number everywhere.",
         SAMPLES("new_full(f(2), [2, 3], 0.25)", "new_full(i(4), [2], 2.7)", "new_full(b(2), [2], 3)"),
         ERRORS({ "new_full(f(2), [2, -1], 1)", "negative dimension" }, { "new_full(i(2), [2], inf)", TGI_NO_INT64 }));
static const tg_op op_tensor_of = { .name = "tensor_of", .gradient = "none: it has no input" };
static const tg_op op_new_tensor = { .name = "new_tensor", .gradient = "none: of its input it takes the dtype" };
static const tg_op op_from_data = { .name = "from_data", .gradient = "none: it has no input" };

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
    return tgi_returns(NULL, t && options->requires_grad ? tg_requires_grad_(t, true) : t);
}

static tg_generator *generator(const tg_create_options *options)
{
    return options->generator ? options->generator : tg_default_generator();
}

static double operand_real(tg_operand x) { return x.kind == TG_OPERAND_REAL ? x.as.real : (double)x.as.integer; }

/* ---- constants ---- */

tg_tensor *tg_empty_at(const char *where, tg_shape shape, tg_create_options options)
{
    return end(begin(where, &tgi_op_empty, shape, dtype_or(&options, tg_default_dtype())), &options);
}

static tg_tensor *filled(const char *where, const tg_op *op, tg_shape shape, double value,
                         const tg_create_options *options)
{
    tg_tensor *t = begin(where, op, shape, dtype_or(options, tg_default_dtype()));
    if (t) tgi_fill(t, value);
    return end(t, options);
}

tg_tensor *tg_zeros_at(const char *where, tg_shape shape, tg_create_options options)
{
    return filled(where, &tgi_op_zeros, shape, 0, &options);
}

tg_tensor *tg_ones_at(const char *where, tg_shape shape, tg_create_options options)
{
    return filled(where, &tgi_op_ones, shape, 1, &options);
}

tg_tensor *tg_full_at(const char *where, tg_shape shape, tg_operand value, tg_create_options options)
{
    static const tg_dtype natural[] = { TG_FLOAT32, TG_INT64, TG_FLOAT32, TG_BOOL };
    tg_tensor *tensors[1];
    const tg_tensor_list inputs = tgi_tensors_of(&value, 1, tensors);
    if (!tg_op_begin(where, &tgi_op_full, inputs)) return NULL;
    if (inputs.count)
        return tg_op_fail(&tgi_op_full, inputs, "the value is a number, not a tensor: use tg_fill_ or tg_expand");
    const tg_dtype dtype = dtype_or(&options, value.kind == TG_OPERAND_REAL ? tg_default_dtype() : natural[value.kind]);
    tg_tensor *t = begin(where, &tgi_op_full, shape, dtype);
    tg_tensor *number = t ? tgi_value_to(&tgi_op_full, TG_NONE, value, dtype) : NULL;
    if (!number) return NULL;
    tgi_copy_raw(t, number);
    return end(t, &options);
}

tg_tensor *tg_scalar_at(const char *where, tg_operand value, tg_create_options options)
{
    return tg_full_at(where, tg_shape(), value, options);
}

/* ---- sequences ---- */

/* to[i] = first + (from + i sign) by, in R, then rounded to T. Counted in pieces by an int, which every processor's vectors
 * convert, and in C, in which from + i sign is exact. */
enum { SEQUENCE_PIECE = 1 << 30 };
#define SEQUENCE(name, T, R, C)                                                                                        \
    static void name(T *to, int64_t n, R first, R by, int64_t from, double sign)                                       \
    {                                                                                                                  \
        for (int64_t done = 0; done < n; done += SEQUENCE_PIECE) {                                                     \
            const C place = (C)((double)from + sign * (double)done);                                                   \
            const int some = n - done < SEQUENCE_PIECE ? (int)(n - done) : SEQUENCE_PIECE;                             \
            for (int i = 0; i < some; i++)                                                                             \
                to[done + i] = (T)(first + by * (R)(sign > 0 ? place + (C)i : place - (C)i));                          \
        }                                                                                                              \
    }
SEQUENCE(floats, float, float, double)
SEQUENCE(floats_by_int, float, float, int) /* where from + i sign is an int */
SEQUENCE(rounded_floats, float, double, double)
SEQUENCE(doubles, double, double, double)
SEQUENCE(truncated, int64_t, double, double)
SEQUENCE(bools, bool, double, double)

/* Fills t[i] = start + i step: computed in double (int64: exactly), then rounded once. */
static void fill_sequence(tg_tensor *t, tg_operand start, tg_operand step)
{
    void *p = tgi_ptr(t);
    const bool integers = start.kind != TG_OPERAND_REAL && step.kind != TG_OPERAND_REAL;
    const double first = operand_real(start), by = operand_real(step);
    if (t->dtype == TG_FLOAT32)
        rounded_floats(p, t->numel, first, by, 0, 1);
    else if (t->dtype == TG_FLOAT64)
        doubles(p, t->numel, first, by, 0, 1);
    else if (t->dtype == TG_BOOL)
        bools(p, t->numel, first, by, 0, 1);
    else if (!integers)
        truncated(p, t->numel, first, by, 0, 1);
    else
        for (int64_t i = 0; i < t->numel; i++) ((int64_t *)p)[i] = start.as.integer + i * step.as.integer;
}

/* As PyTorch counts in integers: in steps of whole numbers. False: the number is none. */
static bool whole(tg_operand *number)
{
    if (number->kind != TG_OPERAND_REAL) return true;
    if (!(fabs(number->as.real) < 0x1p63)) return false;
    *number = tg_operand_int((int64_t)number->as.real);
    return true;
}

tg_tensor *tg_arange_at(const char *where, tg_operand start, tg_operand end_, tg_operand step,
                        tg_create_options options)
{
    const tg_operand operands[] = { start, end_, step };
    tg_tensor *tensors[3];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 3, tensors);
    if (!tg_op_begin(where, &tgi_op_arange, inputs)) return NULL;
    if (inputs.count) return tg_op_fail(&tgi_op_arange, inputs, "start, end and step are numbers, not tensors");
    if (options.dtype == TG_INT64 && !(whole(&start) && whole(&end_) && whole(&step)))
        return tg_op_fail(&tgi_op_arange, TG_NONE, TGI_NO_INT64);
    const double from = operand_real(start), to = operand_real(end_), by = operand_real(step);
    const bool real = start.kind == TG_OPERAND_REAL || end_.kind == TG_OPERAND_REAL || step.kind == TG_OPERAND_REAL;
    if (by == 0 || isnan(by)) return tg_op_fail(&tgi_op_arange, TG_NONE, "step must be nonzero");
    if (!isfinite(from) || !isfinite(to))
        return tg_op_fail(&tgi_op_arange, TG_NONE, "unsupported range: %g -> %g", from, to);
    if ((by > 0 && from > to) || (by < 0 && from < to))
        return tg_op_fail(&tgi_op_arange, TG_NONE, "upper bound and larger bound inconsistent with step sign");
    const double count = ceil((to - from) / by);
    if (count > 0x1p46) return tg_op_fail(&tgi_op_arange, TG_NONE, "%g elements are too many", count);
    tg_tensor *t =
        begin(NULL, &tgi_op_arange, tg_shape((int64_t)count), dtype_or(&options, real ? tg_default_dtype() : TG_INT64));
    if (t) fill_sequence(t, start, step);
    return end(t, &options);
}

/* Counted from both ends, so that the last value is `end_` itself; in int64 between whole numbers, as in PyTorch. */
tg_tensor *tg_linspace_at(const char *where, double start, double end_, int64_t steps, tg_create_options options)
{
    if (!tg_op_begin(where, &tgi_op_linspace, TG_NONE)) return NULL;
    if (steps < 0) return tg_op_fail(&tgi_op_linspace, TG_NONE, "number of steps must be non-negative");
    tg_tensor *t = begin(NULL, &tgi_op_linspace, tg_shape(steps), dtype_or(&options, tg_default_dtype()));
    if (!t) return NULL;
    if (t->dtype == TG_BOOL) return tgi_not_implemented(&tgi_op_linspace, TG_NONE, "linspace_cpu", TG_BOOL);
    if (t->dtype == TG_INT64) {
        if (!(fabs(start) < 0x1p63) || !(fabs(end_) < 0x1p63))
            return tg_op_fail(&tgi_op_linspace, TG_NONE, TGI_NO_INT64);
        start = trunc(start), end_ = trunc(end_);
    }
    const double step = steps > 1 ? (end_ - start) / (double)(steps - 1) : 0;
    const float step32 = steps > 1 ? ((float)end_ - (float)start) / (float)(steps - 1) : 0;
    const int64_t half = steps == 1 ? 1 : steps / 2, rest = steps - half;
    void *p = tgi_ptr(t);
    if (t->dtype == TG_FLOAT64) {
        doubles(p, half, start, step, 0, 1);
        doubles((double *)p + half, rest, end_, -step, rest - 1, -1);
    } else if (t->dtype == TG_INT64) {
        truncated(p, half, start, step, 0, 1);
        truncated((int64_t *)p + half, rest, end_, -step, rest - 1, -1);
    } else {
        void (*const fill)(float *, int64_t, float, float, int64_t, double) =
            steps <= INT32_MAX ? floats_by_int : floats;
        fill(p, half, (float)start, step32, 0, 1);
        fill((float *)p + half, rest, (float)end_, -step32, rest - 1, -1);
    }
    return end(t, &options);
}

tg_tensor *tg_eye_at(const char *where, int64_t n, int64_t m, tg_create_options options)
{
    if (!tg_op_begin(where, &tgi_op_eye, TG_NONE)) return NULL;
    if (m == TG_NO_DIM) m = n;
    if (n < 0 || m < 0)
        return tg_op_fail(&tgi_op_eye, TG_NONE, "n and m must be greater or equal to 0, got %lld and %lld",
                          (long long)n, (long long)m);
    tg_tensor *t = begin(NULL, &tgi_op_eye, tg_shape(n, m), dtype_or(&options, tg_default_dtype()));
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
    if (t && !tgi_is_floating(t)) return tgi_not_implemented(op, TG_NONE, op->name, t->dtype);
    return t;
}

tg_tensor *tg_rand_at(const char *where, tg_shape shape, tg_create_options options)
{
    tg_tensor *t = floating_begin(where, &tgi_op_rand, shape, &options);
    if (!t) return NULL;
    if (t->dtype == TG_FLOAT32)
        tg_generate_uniform_f32(generator(&options), tgi_ptr(t), t->numel, 0, 1);
    else
        tg_generate_uniform_f64(generator(&options), tgi_ptr(t), t->numel, 0, 1);
    return end(t, &options);
}

tg_tensor *tg_randn_at(const char *where, tg_shape shape, tg_create_options options)
{
    tg_tensor *t = floating_begin(where, &tgi_op_randn, shape, &options);
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
    if (!tg_op_begin(where, &tgi_op_randint, TG_NONE)) return NULL;
    if (low >= high)
        return tg_op_fail(&tgi_op_randint, TG_NONE,
                          "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld", (long long)low,
                          (long long)high);
    if ((uint64_t)high - (uint64_t)low > UINT32_MAX)
        return tg_op_fail(&tgi_op_randint, TG_NONE, "the range from %lld to %lld is 2^32 or more", (long long)low,
                          (long long)high);
    tg_tensor *t = begin(NULL, &tgi_op_randint, shape, TG_INT64);
    if (t) tg_generate_randint(generator(&options), tgi_ptr(t), t->numel, low, high);
    return converted(t, &options);
}

tg_tensor *tg_randperm_at(const char *where, int64_t n, tg_create_options options)
{
    if (!tg_op_begin(where, &tgi_op_randperm, TG_NONE)) return NULL;
    tg_tensor *t = begin(NULL, &tgi_op_randperm, tg_shape(n), TG_INT64);
    if (t) tg_generate_randperm(generator(&options), tgi_ptr(t), n);
    return converted(t, &options);
}

/* ---- from C ---- */

static const struct element {
    tg_dtype dtype;
    int64_t size;
} elements[] = {
    [TG_ELEMENT_FLOAT] = { TG_FLOAT32, sizeof(float) },   [TG_ELEMENT_DOUBLE] = { TG_FLOAT64, sizeof(double) },
    [TG_ELEMENT_INT64] = { TG_INT64, sizeof(int64_t) },   [TG_ELEMENT_INT] = { TG_INT64, sizeof(int32_t) },
    [TG_ELEMENT_BOOL] = { TG_BOOL, sizeof(bool) },        [TG_ELEMENT_UINT8] = { TG_INT64, sizeof(uint8_t) },
    [TG_ELEMENT_INT8] = { TG_INT64, sizeof(int8_t) },     [TG_ELEMENT_INT16] = { TG_INT64, sizeof(int16_t) },
    [TG_ELEMENT_UINT16] = { TG_INT64, sizeof(uint16_t) }, [TG_ELEMENT_UINT32] = { TG_INT64, sizeof(uint32_t) },
    [TG_ELEMENT_UINT64] = { TG_INT64, sizeof(uint64_t) },
};
enum { ELEMENTS = sizeof elements / sizeof *elements };

int64_t tg_element_size(tg_element element) { return (unsigned)element < ELEMENTS ? elements[element].size : 0; }

#define CONVERT(type)                                                                                                  \
    for (int64_t i = 0; i < n; i++) to[i] = ((const type *)from)[i]

static void convert_integers(int64_t *to, const void *from, tg_element element, int64_t n)
{
    if (element == TG_ELEMENT_INT)
        CONVERT(int32_t);
    else if (element == TG_ELEMENT_UINT8)
        CONVERT(uint8_t);
    else if (element == TG_ELEMENT_INT8)
        CONVERT(int8_t);
    else if (element == TG_ELEMENT_INT16)
        CONVERT(int16_t);
    else if (element == TG_ELEMENT_UINT16)
        CONVERT(uint16_t);
    else
        CONVERT(uint32_t);
}

/* Whether int64 holds the elements, which have its size. */
static bool fits_int64(const void *data, tg_element element, int64_t n)
{
    const uint64_t *values = data;
    if (element != TG_ELEMENT_UINT64) return true;
    for (int64_t i = 0; i < n; i++) {
        if (values[i] <= INT64_MAX) continue;
        tg_op_fail(&op_from_data, TG_NONE, "element %" PRId64 " is %" PRIu64 ", and int64 ends at %" PRId64, i,
                   values[i], INT64_MAX);
        return false;
    }
    return true;
}

tg_tensor *tg_from_data_at(const char *where, const void *data, int64_t bytes, tg_element element, tg_shape shape,
                           tg_create_options options)
{
    if (!tg_op_begin(where, &op_from_data, TG_NONE)) return NULL;
    if ((unsigned)element >= ELEMENTS)
        return tg_op_fail(&op_from_data, TG_NONE, "%d is no kind of element", (int)element);
    if (shape.ndim == -1)
        return tg_op_fail(&op_from_data, TG_NONE, "tg_from_data needs a shape: tg_from_data(values, tg_shape(n))");
    const tg_dtype own = elements[element].dtype;
    const int64_t size = elements[element].size;
    tg_tensor *t = begin(NULL, &op_from_data, shape, own);
    if (!t || t->numel == 0) return t ? end(tg_to(t, dtype_or(&options, own)), &options) : NULL;
    if (!data) return tg_op_fail(&op_from_data, TG_NONE, "the data is NULL");
    if (bytes >= 0 && bytes / size < t->numel)
        return tg_op_fail(&op_from_data, TG_NONE, "the shape has %" PRId64 " elements and the data has %" PRId64,
                          t->numel, bytes / size);
    if (!fits_int64(data, element, t->numel)) return NULL;
    if (size == (int64_t)tg_dtype_size(own))
        memcpy(tgi_ptr(t), data, (size_t)(t->numel * size));
    else
        convert_integers(tgi_ptr(t), data, element, t->numel);
    return end(tg_to(t, dtype_or(&options, own)), &options);
}

tg_tensor *tg_tensor_of_at(const char *where, const tg_operand *numbers, int64_t count)
{
    if (!tg_op_begin(where, &op_tensor_of, TG_NONE)) return NULL;
    bool real = count == 0, bools = count > 0;
    if (count > 0 && !numbers) return tg_op_fail(&op_tensor_of, TG_NONE, "the list of numbers is NULL");
    for (int64_t i = 0; i < count; i++) {
        if (numbers[i].kind == TG_OPERAND_TENSOR)
            return tg_op_fail(&op_tensor_of, TG_NONE, "takes numbers; tensors are joined by tg_stack or tg_cat");
        real = real || numbers[i].kind == TG_OPERAND_REAL;
        bools = bools && numbers[i].kind == TG_OPERAND_BOOL;
    }
    tg_tensor *t = begin(NULL, &op_tensor_of, tg_shape(count), real ? tg_default_dtype() : bools ? TG_BOOL : TG_INT64);
    for (int64_t i = 0; t && i < count; i++) {
        if (t->dtype == TG_FLOAT32)
            ((float *)tgi_ptr(t))[i] = (float)operand_real(numbers[i]);
        else if (t->dtype == TG_FLOAT64)
            ((double *)tgi_ptr(t))[i] = operand_real(numbers[i]);
        else if (t->dtype == TG_INT64)
            ((int64_t *)tgi_ptr(t))[i] = numbers[i].as.integer;
        else
            ((bool *)tgi_ptr(t))[i] = numbers[i].as.integer != 0;
    }
    return t;
}

tg_tensor *tg_new_tensor_at(const char *where, tg_tensor *t, const tg_operand *numbers, int64_t count)
{
    if (!tg_op_begin(where, &op_new_tensor, tg_list(t))) return NULL;
    tg_tensor *y = tg_tensor_of_at(NULL, numbers, count);
    return y ? tg_to(y, (tg_dtype)t->dtype) : NULL;
}

/* ---- like another ---- */

/* The options with the dtype that `t` has, unless another was asked for. False when there is no `t`. */
static bool like(const char *where, const tg_op *op, tg_tensor *t, tg_create_options *options)
{
    if (!tg_op_begin(where, op, tg_list(t))) return false;
    options->dtype = dtype_or(options, (tg_dtype)t->dtype);
    return true;
}

tg_tensor *tg_empty_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, &tgi_op_empty_like, t, &options) ? tg_empty_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_zeros_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, &tgi_op_zeros_like, t, &options) ? tg_zeros_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_ones_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, &tgi_op_ones_like, t, &options) ? tg_ones_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_full_like_at(const char *where, tg_tensor *t, tg_operand value, tg_create_options options)
{
    return like(where, &tgi_op_full_like, t, &options) ? tg_full_at(where, tgi_shape(t), value, options) : NULL;
}

tg_tensor *tg_rand_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, &tgi_op_rand_like, t, &options) ? tg_rand_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_randn_like_at(const char *where, tg_tensor *t, tg_create_options options)
{
    return like(where, &tgi_op_randn_like, t, &options) ? tg_randn_at(where, tgi_shape(t), options) : NULL;
}

tg_tensor *tg_randint_like_at(const char *where, tg_tensor *t, int64_t low, int64_t high, tg_create_options options)
{
    if (!like(where, &tgi_op_randint_like, t, &options)) return NULL;
    return tg_randint_at(where, low, high, tgi_shape(t), options);
}

/* ---- of another's dtype ---- */

tg_tensor *tg_new_empty_at(const char *where, tg_tensor *t, tg_shape shape, tg_create_options options)
{
    return like(where, &tgi_op_new_empty, t, &options) ? tg_empty_at(where, shape, options) : NULL;
}

tg_tensor *tg_new_zeros_at(const char *where, tg_tensor *t, tg_shape shape, tg_create_options options)
{
    return like(where, &tgi_op_new_zeros, t, &options) ? tg_zeros_at(where, shape, options) : NULL;
}

tg_tensor *tg_new_ones_at(const char *where, tg_tensor *t, tg_shape shape, tg_create_options options)
{
    return like(where, &tgi_op_new_ones, t, &options) ? tg_ones_at(where, shape, options) : NULL;
}

tg_tensor *tg_new_full_at(const char *where, tg_tensor *t, tg_shape shape, tg_operand value, tg_create_options options)
{
    return like(where, &tgi_op_new_full, t, &options) ? tg_full_at(where, shape, value, options) : NULL;
}

/* ---- the generic call ---- */

/* `dtype` and what follows it. */
static tg_create_options options_of(const tg_value *dtype)
{
    tg_create_options o = TG_CREATE_OPTIONS();
    if (dtype->kind == TG_VALUE_DTYPE) o.dtype = dtype->as.dtype;
    o.requires_grad = dtype[1].as.boolean;
    return o;
}

#define DEFINE_CALL(id, options_at, ...)                                                                               \
    CALL_OF(id) { return tgi_result(tg_##id##_at(TG_HERE, __VA_ARGS__, options_of(&args[options_at]))); }
DEFINE_CALL(empty, 1, args[0].as.ints)
DEFINE_CALL(zeros, 1, args[0].as.ints)
DEFINE_CALL(ones, 1, args[0].as.ints)
DEFINE_CALL(full, 2, args[0].as.ints, tgi_value_operand(&args[1]))
DEFINE_CALL(arange, 3, tgi_value_operand(&args[0]), tgi_value_operand(&args[1]), tgi_value_operand(&args[2]))
DEFINE_CALL(linspace, 3, args[0].as.real, args[1].as.real, args[2].as.integer)
DEFINE_CALL(eye, 2, args[0].as.integer, args[1].as.integer)
DEFINE_CALL(rand, 1, args[0].as.ints)
DEFINE_CALL(randn, 1, args[0].as.ints)
DEFINE_CALL(randint, 3, args[0].as.integer, args[1].as.integer, args[2].as.ints)
DEFINE_CALL(randperm, 1, args[0].as.integer)
DEFINE_CALL(empty_like, 1, args[0].as.tensor)
DEFINE_CALL(zeros_like, 1, args[0].as.tensor)
DEFINE_CALL(ones_like, 1, args[0].as.tensor)
DEFINE_CALL(full_like, 2, args[0].as.tensor, tgi_value_operand(&args[1]))
DEFINE_CALL(rand_like, 1, args[0].as.tensor)
DEFINE_CALL(randn_like, 1, args[0].as.tensor)
DEFINE_CALL(randint_like, 3, args[0].as.tensor, args[1].as.integer, args[2].as.integer)
DEFINE_CALL(new_empty, 2, args[0].as.tensor, args[1].as.ints)
DEFINE_CALL(new_zeros, 2, args[0].as.tensor, args[1].as.ints)
DEFINE_CALL(new_ones, 2, args[0].as.tensor, args[1].as.ints)
DEFINE_CALL(new_full, 3, args[0].as.tensor, args[1].as.ints, tgi_value_operand(&args[2]))

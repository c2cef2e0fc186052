/* in_place.c: uniform_, normal_, bernoulli_ and their kin: a tensor's elements drawn anew.
 *
 * PyTorch's rules for writing in place (core/op.h: tg_in_place_begin) are checked before a number is drawn. */
#include "ops/random.h"
#include "random_impl.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>

/* ---- descriptors ---- */

/* What was there has no influence: no gradient flows to it. */
static void no_gradient(tg_context *ctx) { (void)ctx; }

#define SAMPLES(...)                                                                                                   \
    .samples = (const char *const[]) { __VA_ARGS__, NULL }
#define ERRORS(...)                                                                                                    \
    .errors = (const tg_error_sample[])                                                                                \
    {                                                                                                                  \
        __VA_ARGS__, { NULL, NULL }                                                                                    \
    }
#define OWN_ERRORS(...)                                                                                                \
    .own_errors = (const tg_error_sample[])                                                                            \
    {                                                                                                                  \
        __VA_ARGS__, { NULL, NULL }                                                                                    \
    }
#define NOT_FOR_LONG(kernel) "\"" kernel "\" not implemented for 'Long'"
#define DRAW(id, arguments, y, text, ...)                                                                              \
    static tg_tensor_list id##call(const tg_value *v);                                                                 \
    const tg_op tgi_op_##id = { .name = #id,                                                                           \
                                .schema = #id "(Tensor(a!) self" arguments ") -> Tensor(a!)",                          \
                                .formula = y,                                                                          \
                                .gradient = "dself = 0",                                                               \
                                .doc = text,                                                                           \
                                .backward = no_gradient,                                                               \
                                .call = id##call,                                                                      \
                                __VA_ARGS__ }

/* Uniform numbers of float32 are another stream than those of float64. */
DRAW(
    uniform_, ", float from=0, float to=1", "self is uniform in [from, to)", "draws every element anew, uniform",
    SAMPLES("uniform_(clone(to(f(3, 4), float32)))", "uniform_(clone(to(f(20), float64)), -2, 0.5)",
            "uniform_(clone(to(f(), float64)), 3, 3)", "uniform_(clone(to(f(0, 2), float32)))"),
    ERRORS(
        { "uniform_(i(3))", NOT_FOR_LONG("check_uniform_bounds") },
        { "uniform_(f(3, grad=False), 1, 0)",
          "uniform_ expects to return a [from, to) range, but found from=1 > to=0" },
        { "uniform_(f(3, grad=False), nan, 1)", "from is out of bounds for double" },
        { "uniform_(f(3, grad=False), 0, inf)", "to is out of bounds for double" },
        { "uniform_(f(3, grad=False), -1.7e308, 1.7e308)",
          "uniform_ expects to-from <= std::numeric_limits<Double>::max(), but found to=1.7e+308 and from=-1.7e+308 "
          "which result in to-from to exceed the limit" },
        { "uniform_(f(3))", "a leaf Variable that requires grad is being used in an in-place operation." },
        { "uniform_(expand(f(1, grad=False), [3]))",
          "unsupported operation: more than one element of the written-to tensor refers to a single memory location" }));
DRAW(normal_, ", float mean=0, float std=1", "self is normal", "draws every element anew, normal",
     SAMPLES("normal_(clone(to(f(3, 4), float64)))", "normal_(clone(to(f(4, 5), float32)), 1, 0.25)",
             "normal_(clone(to(f(16), float64)), -1, 3)", "normal_(clone(to(f(33), float64)), 2, 0)",
             "normal_(clone(f(0)))"),
     ERRORS({ "normal_(i(3))", NOT_FOR_LONG("normal_kernel_cpu") },
            { "normal_(f(3, grad=False), 0, -1)", "normal expects std >= 0.0, but found std -1" },
            { "normal_(f(3))", "a leaf Variable that requires grad is being used in an in-place operation." }));
DRAW(log_normal_, ", float mean=1, float std=2", "self = e^n, n normal with this mean and std",
     "draws every element anew, e to the power of normal numbers",
     SAMPLES("log_normal_(clone(f(3, 4)))", "log_normal_(clone(f(20)), 0, 0.25)"),
     ERRORS({ "log_normal_(i(3))", NOT_FOR_LONG("log_normal_cpu") },
            { "log_normal_(f(3, grad=False), 0, 0)", "log_normal_ expects std > 0.0, but found std=0" }));
DRAW(exponential_, ", float lambd=1", "self = -log(1 - u) / lambd, u uniform in [0, 1)",
     "draws every element anew, exponential",
     SAMPLES("exponential_(clone(f(3, 4)))", "exponential_(clone(f(17)), 2.5)", "exponential_(clone(f()), 0.1)"),
     ERRORS({ "exponential_(i(3))", NOT_FOR_LONG("exponential_cpu") },
            { "exponential_(f(3, grad=False), -1)", "exponential_ expects lambda >= 0.0, but found lambda=-1" },
            { "exponential_(f(3, grad=False), nan)", "exponential_ expects lambda >= 0.0, but found lambda=nan" }));
DRAW(cauchy_, ", float median=0, float sigma=1", "self = median + sigma tan(pi (u - 1/2)), u uniform in [0, 1)",
     "draws every element anew, of Cauchy's distribution",
     SAMPLES("cauchy_(clone(f(3, 4)))", "cauchy_(clone(f(17)), 2, 0.5)"),
     ERRORS({ "cauchy_(i(3))", NOT_FOR_LONG("cauchy_cpu") }));
DRAW(geometric_, ", float p", "self = ceil(log(u) / log(1 - p)), u uniform in [0, 1)",
     "draws every element anew: how often one tries until the first success",
     SAMPLES("geometric_(clone(f(3, 4)), 0.5)", "geometric_(clone(i(20)), 0.1)"),
     ERRORS({ "geometric_(b(3), 0.5)", "\"geometric_cpu\" not implemented for 'Bool'" },
            { "geometric_(f(3, grad=False), 1)", "geometric_ expects p to be in (0, 1), but got p=1" },
            { "geometric_(i(3), 0)", "geometric_ expects p to be in (0, 1), but got p=0" }));
DRAW(bernoulli_, ", Scalar p", "self = 1 with probability p, else 0",
     "draws every element anew: 1 with probability p; that of a tensor is expanded to self's shape",
     SAMPLES("bernoulli_(clone(f(3, 4)), 0.5)", "bernoulli_(clone(i(20)), 0.1)", "bernoulli_(clone(b(20)), 1)",
             "bernoulli_(clone(f(3, 4)), to(f(3, 4, lo=0, hi=1, grad=False), float64))",
             "bernoulli_(clone(b(3, 4)), to(f(4, lo=0, hi=1, grad=False), float32))",
             "bernoulli_(clone(i(2, 3)), to(v(0, 0.5, 1, grad=False), float64))"),
     ERRORS({ "bernoulli_(f(3, grad=False), 1.5)", "bernoulli_ expects p to be in [0, 1], but got p=1.5" },
            { "bernoulli_(i(3), nan)", "bernoulli_ expects p to be in [0, 1], but got p=nan" },
            { "bernoulli_(f(3, grad=False), i(3))", "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'" },
            { "bernoulli_(f(3, grad=False), v(0.5, 2, 0))",
              "Expected p_in >= 0 && p_in <= 1 to be true, but got false." },
            { "bernoulli_(f(3, grad=False), f(2, lo=0, hi=1))",
              "The expanded size of the tensor (3) must match the existing size (2) at non-singleton dimension 0." }));
DRAW(random_, ", int from=0, int? to=None", "self is one of from .. to - 1",
     "draws every element anew, an integer; without an end up to the largest of the dtype, or 2^24 and 2^53",
     SAMPLES("random_(clone(i(3, 4)))", "random_(clone(i(3, 4)), -5, 7)", "random_(clone(f(20)), 3, 30)",
             "random_(clone(i(5)), -4611686018427387904, 4611686018427387904)", "random_(clone(b(20)))",
             "random_(clone(to(f(3, 4, grad=False), float32)))",
             "random_(clone(to(f(3, 4, grad=False), float64)), 100, None)",
             "random_(clone(i(3, 4)), -9223372036854775808, None)"),
     ERRORS({ "random_(i(3), 3, 3)", "random_ expects 'from' to be less than 'to', but got from=3 >= to=3" },
            { "random_(b(3), 0, 3)", "to - 1 is out of bounds for bool" },
            { "random_(b(3), -1, 2)", "from is out of bounds for bool" }),
     OWN_ERRORS({ "random_(f(3, grad=False), 0, 9223372036854775807)", "to - 1 is out of bounds [-(2^53), 2^53]" },
                { "random_(f(3, grad=False), -9223372036854775808, None)", "from is out of bounds [-(2^53), 2^53]" }));

/* ---- what all share ---- */

/* Fills a contiguous tensor. */
typedef void (*fill_fn)(tg_tensor *t, tg_generator *g, const void *how);

/* Fills `t` in the order of its memory. */
static tg_tensor *fill(const tg_op *op, tg_tensor *t, tg_generator *g, fill_fn filled, const void *how)
{
    if (!tg_in_place_begin(op, t, NULL)) return NULL;
    g = tgi_generator(g);
    if (t->contiguous) {
        filled(t, g, how);
    } else {
        int order[TG_MAX_DIMS];
        tg_tensor *in_order = tgi_in_memory_order(t, order);
        tg_tensor *drawn = in_order && !in_order->contiguous ? tgi_new_like(in_order, (tg_dtype)t->dtype) : in_order;
        if (!drawn) return NULL;
        filled(drawn, g, how);
        if (drawn != in_order) tgi_copy_raw(in_order, drawn);
    }
    return tg_record_in_place(op, tg_list(t), t, TG_NONE, NULL, 0) == TG_OK ? t : NULL;
}

/* Numbers drawn one by one. */
typedef struct one_by_one {
    tgi_draw_one draw;
    double parameters[2];
} one_by_one;

static void fill_each(tg_tensor *t, tg_generator *g, const void *how)
{
    const one_by_one *o = how;
    tgi_draw_each(t, g, o->draw, o->parameters);
}

static tg_tensor *draw(const tg_op *op, tg_tensor *t, tg_generator *g, tgi_draw_one one, double a, double b)
{
    return fill(op, t, g, fill_each, &(one_by_one){ one, { a, b } });
}

/* Opens an op on a floating tensor. `kernel` is what PyTorch calls its own. */
static bool begin(const char *where, const tg_op *op, tg_tensor *t, const char *kernel)
{
    if (!tg_op_begin(where, op, tg_list(t))) return false;
    if (tgi_is_floating(t)) return true;
    tgi_not_implemented(op, tg_list(t), kernel, (tg_dtype)t->dtype);
    return false;
}

/* ---- floating numbers ---- */

static void fill_uniform(tg_tensor *t, tg_generator *g, const void *how)
{
    const tg_uniform_options *o = how;
    if (t->dtype == TG_FLOAT32)
        tg_generate_uniform_f32(g, tgi_ptr(t), t->numel, o->from, o->to);
    else
        tg_generate_uniform_f64(g, tgi_ptr(t), t->numel, o->from, o->to);
}

tg_tensor *tg_uniform_in_place_at(const char *where, tg_tensor *t, tg_uniform_options o)
{
    const tg_op *op = &tgi_op_uniform_;
    if (!begin(where, op, t, "check_uniform_bounds")) return NULL;
    const double most = t->dtype == TG_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    if (!(fabs(o.from) <= most) || !(fabs(o.to) <= most))
        return tg_op_fail(op, tg_list(t), "%s is out of bounds for %s", fabs(o.from) <= most ? "to" : "from",
                          tgi_c_type_name((tg_dtype)t->dtype));
    if (o.from > o.to)
        return tg_op_fail(op, tg_list(t), "uniform_ expects to return a [from, to) range, but found from=%g > to=%g",
                          o.from, o.to);
    if (!(o.to - o.from <= most))
        return tg_op_fail(op, tg_list(t),
                          "uniform_ expects to-from <= std::numeric_limits<%s>::max(), but found to=%g and from=%g "
                          "which result in to-from to exceed the limit",
                          tgi_type_name(t), o.to, o.from);
    return fill(op, t, o.generator, fill_uniform, &o);
}

static double one_normal(tg_generator *g, const double *p) { return tg_random_normal(g, p[0], p[1]); }
static double one_log_normal(tg_generator *g, const double *p) { return exp(tg_random_normal(g, p[0], p[1])); }
static double one_cauchy(tg_generator *g, const double *p)
{
    return fma(p[1], tan(3.14159265358979323846 * (tg_random_uniform(g) - 0.5)), p[0]);
}

static void fill_normal(tg_tensor *t, tg_generator *g, const void *how)
{
    const tg_normal_options *o = how;
    tgi_draw_normal(t, g, o->mean, o->std);
}

/* PyTorch has blocks for contiguous tensors alone. */
tg_tensor *tg_normal_in_place_at(const char *where, tg_tensor *t, tg_normal_options o)
{
    const tg_op *op = &tgi_op_normal_;
    if (!begin(where, op, t, "normal_kernel_cpu")) return NULL;
    if (!(o.std >= 0)) return tg_op_fail(op, tg_list(t), "normal expects std >= 0.0, but found std %g", o.std);
    return t->contiguous ? fill(op, t, o.generator, fill_normal, &o)
                         : draw(op, t, o.generator, one_normal, o.mean, o.std);
}

tg_tensor *tg_log_normal_in_place_at(const char *where, tg_tensor *t, tg_normal_options o)
{
    const tg_op *op = &tgi_op_log_normal_;
    if (!begin(where, op, t, "log_normal_cpu")) return NULL;
    if (!(o.std > 0)) return tg_op_fail(op, tg_list(t), "log_normal_ expects std > 0.0, but found std=%g", o.std);
    return draw(op, t, o.generator, one_log_normal, o.mean, o.std);
}

tg_tensor *tg_exponential_in_place_at(const char *where, tg_tensor *t, tg_exponential_options o)
{
    const tg_op *op = &tgi_op_exponential_;
    if (!begin(where, op, t, "exponential_cpu")) return NULL;
    if (!(o.lambd >= 0))
        return tg_op_fail(op, tg_list(t), "exponential_ expects lambda >= 0.0, but found lambda=%g", o.lambd);
    return draw(op, t, o.generator, tgi_draw_exponential, o.lambd, 0);
}

tg_tensor *tg_cauchy_in_place_at(const char *where, tg_tensor *t, tg_cauchy_options o)
{
    if (!begin(where, &tgi_op_cauchy_, t, "cauchy_cpu")) return NULL;
    return draw(&tgi_op_cauchy_, t, o.generator, one_cauchy, o.median, o.sigma);
}

/* ---- integers ---- */

/* `log_miss` is log(1 - p). */
static double one_geometric(tg_generator *g, const double *log_miss)
{
    return ceil(log(tg_random_uniform(g)) / *log_miss);
}

tg_tensor *tg_geometric_in_place_at(const char *where, tg_tensor *t, double p, tg_draw_options o)
{
    const tg_op *op = &tgi_op_geometric_;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (!(p > 0 && p < 1)) return tg_op_fail(op, tg_list(t), "geometric_ expects p to be in (0, 1), but got p=%g", p);
    if (t->dtype == TG_BOOL) return tgi_not_implemented(op, tg_list(t), "geometric_cpu", TG_BOOL);
    return draw(op, t, o.generator, one_geometric, log(1.0 - p), 0);
}

/* Drawn apart and then copied, in case that p is t. */
static tg_tensor *bernoulli_by(const tg_op *op, tg_tensor *t, tg_tensor *p, tg_generator *g)
{
    tg_shape order = { t->ndim, { 0 } };
    int dims[TG_MAX_DIMS];
    if (!tgi_is_floating(p))
        return tgi_not_implemented(op, tg_list(t, p), "bernoulli_tensor_cpu_p_", (tg_dtype)p->dtype);
    if (!(p = tg_expand(tg_detach(p), tgi_shape(t))) || !tg_in_place_begin(op, t, NULL)) return NULL;
    tg_tensor *in_order = tgi_in_memory_order(t, dims);
    for (int d = 0; d < t->ndim; d++) order.dims[d] = dims[d];
    tg_tensor *y = in_order ? tgi_new_like(in_order, (tg_dtype)t->dtype) : NULL;
    tg_tensor *probabilities = y && (p = tg_permute(p, order)) ? tgi_contiguous_raw(p) : NULL;
    if (!probabilities || !tgi_draw_bernoulli_by(op, tg_list(t, p), y, probabilities, tgi_generator(g))) return NULL;
    tgi_copy_raw(in_order, y);
    return tg_record_in_place(op, tg_list(t), t, TG_NONE, NULL, 0) == TG_OK ? t : NULL;
}

tg_tensor *tg_bernoulli_in_place_at(const char *where, tg_tensor *t, tg_operand p, tg_draw_options o)
{
    const tg_op *op = &tgi_op_bernoulli_;
    tg_tensor *tensors[1];
    const tg_tensor_list by = tgi_tensors_of(&p, 1, tensors);
    if (!tg_op_begin(where, op, by.count ? tg_list(t, tensors[0]) : tg_list(t))) return NULL;
    if (by.count) return bernoulli_by(op, t, tensors[0], o.generator);
    const double number = p.kind == TG_OPERAND_REAL ? p.as.real : (double)p.as.integer;
    if (!(number >= 0 && number <= 1))
        return tg_op_fail(op, tg_list(t), "bernoulli_ expects p to be in [0, 1], but got p=%g", number);
    return draw(op, t, o.generator, tgi_draw_bernoulli, number, 0);
}

/* `count` integers from `first` on; 0: all that int64 has. */
typedef struct integers {
    int64_t first;
    uint64_t count;
} integers;

static void fill_integers(tg_tensor *t, tg_generator *g, const void *how)
{
    const integers *n = how;
    void *to = tgi_ptr(t);
    for (int64_t i = 0; i < t->numel; i++) {
        const uint64_t drawn = n->count >> 32 || n->count == 0 ? tg_random64(g) : tg_random32(g);
        const int64_t value = n->count ? (int64_t)((uint64_t)n->first + drawn % n->count) : (int64_t)drawn;
        if (t->dtype == TG_INT64)
            ((int64_t *)to)[i] = value;
        else if (t->dtype == TG_BOOL)
            ((bool *)to)[i] = value;
        else if (t->dtype == TG_FLOAT32)
            ((float *)to)[i] = (float)value;
        else
            ((double *)to)[i] = (double)value;
    }
}

/* Floats count no further than their digits. PyTorch warns that it will refuse what goes beyond, one day. */
static bool integers_fit(const tg_op *op, tg_tensor *t, int64_t first, int64_t last)
{
    const int digits = t->dtype == TG_FLOAT32 ? 24 : 53;
    const int64_t most = t->dtype == TG_INT64 ? INT64_MAX : t->dtype == TG_BOOL ? 1 : INT64_C(1) << digits;
    const int64_t least = t->dtype == TG_INT64 ? INT64_MIN : t->dtype == TG_BOOL ? 0 : -most;
    const bool low = first >= least && first <= most, high = last >= least && last <= most;
    if (low && high) return true;
    const char *what = low ? "to - 1" : "from";
    if (t->dtype == TG_BOOL)
        tg_op_fail(op, tg_list(t), "%s is out of bounds for bool", what);
    else
        tg_op_fail(op, tg_list(t), "%s is out of bounds [-(2^%d), 2^%d]", what, digits, digits);
    return false;
}

tg_tensor *tg_random_in_place_at(const char *where, tg_tensor *t, tg_random_options o)
{
    static const int64_t largest[TG_DTYPES] = { INT64_C(1) << 24, INT64_C(1) << 53, INT64_MAX, 1 };
    const tg_op *op = &tgi_op_random_;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (o.to != TG_NO_END && o.from >= o.to)
        return tg_op_fail(op, tg_list(t), "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld",
                          (long long)o.from, (long long)o.to);
    const int64_t last = o.to == TG_NO_END ? largest[t->dtype] : o.to - 1;
    if (!integers_fit(op, t, o.from, last)) return NULL;
    const integers n = { o.from, (uint64_t)last - (uint64_t)o.from + 1 };
    return fill(op, t, o.generator, fill_integers, &n);
}

/* ---- the generic call ---- */

#define CALL(id, name, ...)                                                                                            \
    static tg_tensor_list id##call(const tg_value *v) { return tgi_result(name(v[0].as.tensor, __VA_ARGS__)); }
CALL(uniform_, tg_uniform_, .from = v[1].as.real, .to = v[2].as.real)
CALL(normal_, tg_normal_, .mean = v[1].as.real, .std = v[2].as.real)
CALL(log_normal_, tg_log_normal_, .mean = v[1].as.real, .std = v[2].as.real)
CALL(exponential_, tg_exponential_, .lambd = v[1].as.real)
CALL(cauchy_, tg_cauchy_, .median = v[1].as.real, .sigma = v[2].as.real)
CALL(geometric_, tg_geometric_, v[1].as.real)
CALL(bernoulli_, tg_bernoulli_, tgi_value_operand(&v[1]))
CALL(random_, tg_random_, .from = v[1].as.integer, .to = v[2].kind == TG_VALUE_INT ? v[2].as.integer : TG_NO_END)

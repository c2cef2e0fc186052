/* dropout.c: the mask is drawn as PyTorch draws it: kept with probability 1 - p, one 53-bit draw for each element, or
 * for each channel.
 *
 * Made of other ops: a product with the mask. Nothing here may draw a number when nothing is dropped. */
#include "ops/dropout.h"

#include "ops/base/call.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/rng.h"

#include <math.h>

/* ---- what all share ---- */

static bool begin(const char *where, const tg_op *op, tg_tensor *x, double p)
{
    if (!tg_op_begin(where, op, tg_list(x))) return false;
    if (p >= 0 && p <= 1) return true;
    tg_op_fail(op, tg_list(x), "dropout probability has to be between 0 and 1, but got %g", p);
    return false;
}

/* 1 where kept, 0 elsewhere. */
static tg_tensor *draw_mask(const tg_shape *shape, double p, tg_dtype dtype)
{
    tg_tensor *kept = tgi_new(shape, TG_BOOL);
    if (!kept) return NULL;
    tg_generate_bernoulli(tg_default_generator(), tgi_ptr(kept), kept->numel, 1 - p);
    return tg_to(kept, dtype);
}

/* x where kept and SELU's least value elsewhere, scaled and moved. */
static tg_tensor *alpha_dropped(tg_tensor *x, tg_tensor *mask, double p)
{
    const double alpha = 1.7580993408473766, a = 1 / sqrt((alpha * alpha * p + 1) * (1 - p));
    tg_tensor *b = tg_add(tg_mul(tg_sub(mask, 1.0), alpha * a), alpha * a * p);
    return tg_add(tg_mul(x, tg_mul(mask, a)), b);
}

/* `shape` is the mask's: sizes of x, or 1. */
static tg_tensor *dropped(const tg_op *op, tg_tensor *x, const tg_shape *shape, const tg_dropout_options *o, bool alpha)
{
    if (o->p == 0 || !o->training || x->numel == 0) return tgi_returns(op, x);
    if (o->p == 1 && !tgi_is_floating(x)) return tg_mul(x, 0);
    if (!tgi_is_floating(x))
        return tg_op_fail(op, tg_list(x), "result type Float can't be cast to the desired output type %s",
                          tgi_type_name(x));
    if (o->p == 1) return tg_mul(x, 0.0);
    tg_tensor *mask = draw_mask(shape, o->p, (tg_dtype)x->dtype);
    return alpha ? alpha_dropped(x, mask, o->p) : tg_mul(x, tg_div(mask, 1 - o->p));
}

/* Each element for itself. */
static tg_tensor *elements(const char *where, const tg_op *op, tg_tensor *x, const tg_dropout_options *o, bool alpha)
{
    if (!begin(where, op, x, o->p)) return NULL;
    const tg_shape shape = tgi_shape(x);
    return dropped(op, x, &shape, o, alpha);
}

/* Each index of the first `dims` dimensions for itself. */
static tg_tensor *channels(const tg_op *op, tg_tensor *x, int dims, const tg_dropout_options *o, bool alpha)
{
    tg_shape shape = tgi_shape(x);
    if (shape.ndim < 2 && o->p != 0 && o->training)
        return tg_op_fail(op, tg_list(x), "Feature dropout requires at least 2 dimensions in the input");
    for (int d = dims; d < shape.ndim; d++) shape.dims[d] = 1;
    return dropped(op, x, &shape, o, alpha);
}

static tg_dropout_options options_of(const tg_value *args)
{
    return (tg_dropout_options){ .p = args[1].as.real, .training = args[2].as.boolean };
}
#define CALL(name)                                                                                                     \
    static tg_tensor_list name##_call(const tg_value *args)                                                            \
    {                                                                                                                  \
        return tgi_result(tg_##name##_at(TG_HERE, args[0].as.tensor, options_of(args)));                               \
    }

/* ---- dropout ---- */

tg_tensor *tg_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    return elements(where, &tgi_op_dropout, x, &options, false);
}
CALL(dropout)

static const char *const dropout_samples[] = { "dropout(f(3, 4))",
                                               "dropout(f(5, 4), p=0.2)",
                                               "dropout(f(2, 3, 4), p=0.9)",
                                               "dropout(f(3, 4), p=1)",
                                               "dropout(f(3, 4), p=0)",
                                               "dropout(f(3, 4), training=False)",
                                               "dropout(i(3, 4), training=False)",
                                               "dropout(i(3, 4), p=1)",
                                               "dropout(f())",
                                               "dropout(f(0, 3))",
                                               NULL };
static const char *const dropout_corners[] = { "dropout(v(nan, inf, -inf, -0, 1, nan, inf))",
                                               "dropout(v(nan, inf, 1), p=1)", NULL };
static const tg_error_sample dropout_errors[] = {
    { "dropout(f(2, 3), p=1.5)", "dropout probability has to be between 0 and 1, but got 1.5" },
    { "dropout(f(2, 3), p=-0.5)", "dropout probability has to be between 0 and 1, but got -0.5" },
    { "dropout(i(2, 3))", "result type Float can't be cast to the desired output type Long" },
    { NULL, NULL }
};

const tg_op tgi_op_dropout = {
    .name = "dropout",
    .schema = "dropout(Tensor input, float p=0.5, bool training=True) -> Tensor",
    .formula = "y = m x / (1 - p), m being 0 with probability p, 1 otherwise",
    .gradient = "dx = m g / (1 - p)",
    .doc = "Elements made zero at random while training, the others scaled so that their mean stays.",
    .composite = true,
    .call = dropout_call,
    .samples = dropout_samples,
    .corners = dropout_corners,
    .errors = dropout_errors,
};

/* ---- dropout1d, dropout2d, dropout3d ---- */

/* The mask's dimensions of an input that wants `full` of them, or one less without a batch. 0: an error was
 * recorded. */
static int channel_dims(const tg_op *op, tg_tensor *x, int full)
{
    if (x->ndim == full || x->ndim == full - 1) return x->ndim == full ? 2 : 1;
    tg_op_fail(
        op, tg_list(x),
        "%s: Expected %dD or %dD input, but received a %dD input. Note that %s exists to provide channel-wise dropout on "
        "inputs with %d spatial dimension%s, a channel dimension, and an optional batch dimension (i.e. %dD or %dD "
        "inputs).",
        op->name, full - 1, full, x->ndim, op->name, full - 2, full == 3 ? "" : "s", full - 1, full);
    return 0;
}

tg_tensor *tg_dropout1d_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    if (!begin(where, &tgi_op_dropout1d, x, options.p)) return NULL;
    const int dims = channel_dims(&tgi_op_dropout1d, x, 3);
    return dims ? channels(&tgi_op_dropout1d, x, dims, &options, false) : NULL;
}
CALL(dropout1d)

/* PyTorch warns that it will refuse what has other than four dimensions, one day, and takes it for [N, C, ...]. */
tg_tensor *tg_dropout2d_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    if (!begin(where, &tgi_op_dropout2d, x, options.p)) return NULL;
    if (x->ndim == 3)
        tg_warn_at(
            where ? where : tgi_where(),
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - "
            "input is interpreted as shape (N, C, L), where C is the channel dim. To maintain the 1D channel-wise dropout "
            "behavior, please switch to using dropout1d instead.");
    return channels(&tgi_op_dropout2d, x, 2, &options, false);
}
CALL(dropout2d)

tg_tensor *tg_dropout3d_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    if (!begin(where, &tgi_op_dropout3d, x, options.p)) return NULL;
    if (x->ndim == 4) return channels(&tgi_op_dropout3d, x, 1, &options, false);
    return channels(&tgi_op_dropout3d, x, 2, &options, false);
}
CALL(dropout3d)

static const char *const dropout1d_samples[] = { "dropout1d(f(3, 4, 2))",
                                                 "dropout1d(f(5, 2), p=0.3)",
                                                 "dropout1d(f(2, 3, 2), p=1)",
                                                 "dropout1d(f(2, 3, 2), training=False)",
                                                 "dropout1d(f(2, 3), p=0)",
                                                 "dropout1d(f(2, 0, 3), p=0.25)",
                                                 NULL };
static const char *const dropout2d_samples[] = {
    "dropout2d(f(2, 4, 2, 2))",   "dropout2d(f(2, 5, 2), p=0.3)",
    "dropout2d(f(3, 4), p=0.25)", "dropout2d(f(2, 3, 1, 2), training=False)",
    "dropout2d(f(0, 3, 1, 2))",   NULL
};
static const char *const dropout3d_samples[] = { "dropout3d(f(2, 4, 1, 2, 2))", "dropout3d(f(6, 1, 2, 2), p=0.3)",
                                                 "dropout3d(f(2, 3, 1, 1, 2), p=1)", "dropout3d(f(0, 3, 1, 2, 2))",
                                                 NULL };
static const tg_error_sample dropout1d_errors[] = {
    { "dropout1d(f(2, 3, 2), p=1.5)", "dropout probability has to be between 0 and 1, but got 1.5" },
    { "dropout1d(f(2, 3, 2, 2))",
      "dropout1d: Expected 2D or 3D input, but received a 4D input. Note that dropout1d exists to provide channel-wise dropout "
      "on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)." },
    { "dropout1d(f(3))", "dropout1d: Expected 2D or 3D input, but received a 1D input." },
    { NULL, NULL }
};
static const tg_error_sample dropout2d_errors[] = {
    { "dropout2d(f(2, 3, 2, 2), p=1.5)", "dropout probability has to be between 0 and 1, but got 1.5" },
    { "dropout2d(f(3))", "Feature dropout requires at least 2 dimensions in the input" },
    { "dropout2d(i(2, 3, 2, 2))", "result type Float can't be cast to the desired output type Long" },
    { NULL, NULL }
};
static const tg_error_sample dropout3d_errors[] = {
    { "dropout3d(f(2, 3, 2, 2, 2), p=-1)", "dropout probability has to be between 0 and 1, but got -1" }, { NULL, NULL }
};

#define CHANNELS(name_, shapes_)                                                                                       \
    const tg_op tgi_op_##name_ = {                                                                                     \
        .name = #name_,                                                                                                \
        .schema = #name_ "(Tensor input, float p=0.5, bool training=True) -> Tensor",                                  \
        .formula = "y = m x / (1 - p), m being 0 with probability p, 1 otherwise, one for each channel",               \
        .gradient = "dx = m g / (1 - p)",                                                                              \
        .doc = "Whole channels made zero at random while training, the others scaled so that their mean stays.",       \
        .shapes = shapes_,                                                                                             \
        .composite = true,                                                                                             \
        .call = name_##_call,                                                                                          \
        .samples = name_##_samples,                                                                                    \
        .errors = name_##_errors,                                                                                      \
    }
CHANNELS(dropout1d, "[N, C, L] or [C, L], and the same");
CHANNELS(dropout2d, "[N, C, H, W], or [N, C, *], and the same");
CHANNELS(dropout3d, "[N, C, D, H, W] or [C, D, H, W], and the same");

/* ---- alpha_dropout ---- */

tg_tensor *tg_alpha_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    return elements(where, &tgi_op_alpha_dropout, x, &options, true);
}
CALL(alpha_dropout)

tg_tensor *tg_feature_alpha_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    if (!begin(where, &tgi_op_feature_alpha_dropout, x, options.p)) return NULL;
    return channels(&tgi_op_feature_alpha_dropout, x, 2, &options, true);
}
CALL(feature_alpha_dropout)

static const char *const alpha_dropout_samples[] = { "alpha_dropout(f(3, 4))",
                                                     "alpha_dropout(f(5, 4), p=0.2, training=True)",
                                                     "alpha_dropout(f(3, 4), p=1, training=True)",
                                                     "alpha_dropout(f(3, 4), p=0, training=True)",
                                                     "alpha_dropout(f(), training=True)",
                                                     "alpha_dropout(f(0, 3), training=True)",
                                                     NULL };
static const char *const feature_alpha_dropout_samples[] = {
    "feature_alpha_dropout(f(3, 4, 2), training=True)", "feature_alpha_dropout(f(3, 4), p=0.3, training=True)",
    "feature_alpha_dropout(f(3, 4, 2))", "feature_alpha_dropout(f(3, 4, 2), p=1, training=True)", NULL
};
static const tg_error_sample alpha_dropout_errors[] = {
    { "alpha_dropout(f(2, 3), p=1.5)", "dropout probability has to be between 0 and 1, but got 1.5" },
    { "alpha_dropout(i(2, 3), training=True)", "result type Float can't be cast to the desired output type Long" },
    { NULL, NULL }
};
static const tg_error_sample feature_alpha_dropout_errors[] = {
    { "feature_alpha_dropout(f(2, 3), p=1.5)", "dropout probability has to be between 0 and 1, but got 1.5" },
    { "feature_alpha_dropout(f(3), training=True)", "Feature dropout requires at least 2 dimensions in the input" },
    { NULL, NULL }
};

#define ALPHA(name_, shapes_)                                                                                          \
    const tg_op tgi_op_##name_ = {                                                                                     \
        .name = #name_,                                                                                                \
        .schema = #name_ "(Tensor input, float p=0.5, bool training=False) -> Tensor",                                 \
        .formula =                                                                                                     \
            "y = a (m x + (m - 1) alpha) + a alpha p; m is 0 with probability p, 1 otherwise; alpha = 1.758..., a = "  \
            "1 / sqrt((alpha^2 p + 1) (1 - p))",                                                                       \
        .gradient = "dx = a m g",                                                                                      \
        .doc = "Dropout behind SELU: what is dropped takes SELU's least value; mean 0 and variance 1 stay.",           \
        .shapes = shapes_,                                                                                             \
        .composite = true,                                                                                             \
        .call = name_##_call,                                                                                          \
        .samples = name_##_samples,                                                                                    \
        .errors = name_##_errors,                                                                                      \
    }
ALPHA(alpha_dropout, NULL);
ALPHA(feature_alpha_dropout, "[N, C, *], one m for each channel, and the same");

/* instance_norm.c: instance_norm, made of batch_norm as PyTorch makes it: each sample's channels are channels of one
 * sample. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/normalization.h"
#include "normalization_impl.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

/* t [c] for each of n samples: [n c]. NULL stays NULL. */
static tg_tensor *for_each_sample(tg_tensor *t, int64_t n) { return t ? tg_repeat(t, tg_shape(n)) : NULL; }

/* The mean of [n c] over n, written to t [c]. */
static bool put_mean(tg_tensor *t, tg_tensor *of_samples, int64_t n)
{
    if (!t) return true;
    tg_tensor *mean = tg_mean(tg_reshape(of_samples, tg_shape(n, t->dims[0])), .dim = 0);
    return mean && tg_copy_(t, mean) != NULL;
}

/* True when one sample of one channel has one value: its variance is none. */
static bool is_point(const tg_tensor *x)
{
    int64_t count = 1;
    for (int d = 2; d < x->ndim; d++) count *= x->dims[d];
    return count == 1;
}

/* Each sample's channels are channels of one sample. */
static tg_tensor *by_instance(tg_tensor *x, const tg_instance_norm_options *o)
{
    const int64_t n = x->dims[0];
    tg_shape shape = tgi_shape(x);
    shape.dims[0] = 1;
    shape.dims[1] = n * x->dims[1];
    tg_tensor *mean = for_each_sample(o->running_mean, n), *var = for_each_sample(o->running_var, n);
    if ((o->running_mean && !mean) || (o->running_var && !var)) return NULL;
    tg_tensor *weight = for_each_sample(o->weight, n), *bias = for_each_sample(o->bias, n);
    if ((o->weight && !weight) || (o->bias && !bias)) return NULL;
    tg_tensor *y = tg_batch_norm(tg_reshape(x, shape), mean, var, .weight = weight, .bias = bias,
                                 .training = o->use_input_stats, .momentum = o->momentum, .eps = o->eps);
    if (!y ||
        (o->use_input_stats && n > 0 && (!put_mean(o->running_mean, mean, n) || !put_mean(o->running_var, var, n))))
        return NULL;
    return tgi_ordinary(tg_reshape(y, tgi_shape(x)), TG_NONE);
}

tg_tensor *tg_instance_norm_at(const char *where, tg_tensor *input, tg_instance_norm_options o)
{
    const tg_op *op = &tgi_op_instance_norm;
    if (!tg_op_begin(where, op, tg_list(input)) || !tg_optional_ok(o.running_mean) || !tg_optional_ok(o.running_var) ||
        !tg_optional_ok(o.weight) || !tg_optional_ok(o.bias))
        return NULL;
    const tg_tensor_list inputs = tg_list(input, o.weight, o.bias, o.running_mean, o.running_var);
    const tg_shape shape = tgi_shape(input);
    char text[TG_SHAPE_TEXT];
    if (o.use_input_stats && is_point(input))
        return tg_op_fail(op, inputs,
                          "Expected more than 1 spatial element when training, got input size torch.Size(%s)",
                          tg_shape_text(&shape, text));
    if (!o.use_input_stats && (!o.running_mean || !o.running_var))
        return tg_op_fail(op, inputs,
                          "Expected running_mean and running_var to be defined when use_input_stats is false");
    if (input->ndim < 2) {
        tgi_op_dim(op, inputs, 1, input->ndim);
        return NULL;
    }
    return by_instance(input, &o);
}

static tg_tensor_list instance_norm_call(const tg_value *args)
{
    tg_instance_norm_options o = { .running_mean = tgi_norm_argument(&args[1]),
                                   .running_var = tgi_norm_argument(&args[2]),
                                   .weight = tgi_norm_argument(&args[3]),
                                   .bias = tgi_norm_argument(&args[4]),
                                   .use_input_stats = args[5].as.boolean,
                                   .momentum = args[6].as.real,
                                   .eps = args[7].as.real };
    return tgi_result(tg_instance_norm_at(TG_HERE, args[0].as.tensor, o));
}

static const char *const instance_norm_samples[] = {
    "instance_norm(f(2, 3, 4))",
    "instance_norm(f(2, 3, 4), weight=f(3), bias=f(3))",
    "instance_norm(f(2, 2, 2, 3), weight=f(2), eps=0.5)",
    "instance_norm(f(1, 2, 2, 1, 2), bias=f(2))",
    "instance_norm(f(2, 3, 4), clone(f(3, grad=False)), clone(f(3, lo=0.5, grad=False)), f(3), f(3), True, 0.3)",
    "instance_norm(f(2, 3, 4), f(3, grad=False), f(3, lo=0.5, grad=False), f(3), f(3), use_input_stats=False)",
    "instance_norm(f(0, 3, 4))",
    "instance_norm(f(2, 3, 0), weight=f(3), bias=f(3))",
    NULL
};
static const tg_error_sample instance_norm_errors[] = {
    { "instance_norm(f(2, 3, 1))",
      "Expected more than 1 spatial element when training, got input size torch.Size([2, 3, 1])" },
    { "instance_norm(f(2, 3, 4), use_input_stats=False)",
      "Expected running_mean and running_var to be defined when use_input_stats is false" },
    { "instance_norm(f(2, 3, 4), weight=f(4))", "weight should contain 6 elements not 8" },
    { "instance_norm(f(2, 3, 4), running_mean=f(4, grad=False))", "running_mean should contain 6 elements not 8" },
    { "instance_norm(i(2, 3, 4))", "\"batch_norm\" not implemented for 'Long'" },
    { NULL, NULL }
};

const tg_op tgi_op_instance_norm = {
    .name = "instance_norm",
    .schema = "instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? weight=None, "
              "Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-05) -> Tensor",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .gradient = "that of batch_norm of [1, N C, *]",
    .doc = "Normalises each channel of each sample by itself, or by the running mean and variance.",
    .shapes = "[N, C, *], all others [C], to [N, C, *]",
    .composite = true,
    .call = instance_norm_call,
    .samples = instance_norm_samples,
    .errors = instance_norm_errors,
};

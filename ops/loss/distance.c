/* distance.c: cosine similarity, the distance of tensors and of pairs of vectors, and vectors made of length 1.
 *
 * Made of other ops and of one node, the norm along a dimension. Nothing here may divide by a norm of 0: its
 * subgradient is 0, as in PyTorch. */
#include "ops/distance.h"

#include "ops/base/call.h"
#include "ops/reduce/moments_impl.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/moments.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>

/* ---- the norm along a dimension ---- */

typedef struct norm_attributes {
    double p, least;
    int dim;
    tgi_reduction over;
} norm_attributes;

static void norm_backward(tg_context *ctx)
{
    const norm_attributes *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *x = tg_saved(ctx, 0), *y = tg_saved(ctx, 1);
    tg_set_grad_input(ctx, 0, tgi_norm_gradient(g, x, y, a->p, &a->over));
}

static tg_tensor_list norm_again(const tg_node *node, tg_tensor_list inputs);
static const tg_op op_norm = { .name = "norm", .backward = norm_backward, .again = norm_again };

/* The p-norm of `t` along `dim`, counted from the front, which stays with size 1: a node of its own. Any real p, and
 * both infinities. A norm below `least` becomes that, and its gradient that of so long a vector. */
static tg_tensor *norm_along(tg_tensor *t, double p, int dim, double least)
{
    norm_attributes a = { .p = p, .least = least, .dim = dim, .over = { .keepdim = true } };
    a.over.reduced[dim] = true;
    tg_tensor *y = t ? tgi_norm_raw(&a.over, p, t) : NULL;
    if (least > 0) y = tg_where(tg_lt(y, least), least, y);
    if (!y) return NULL;
    return tg_record(&op_norm, tg_list(t), tg_list(y), tg_list(t, y), &a, sizeof a) == TG_OK ? y : NULL;
}

static tg_tensor_list norm_again(const tg_node *node, tg_tensor_list inputs)
{
    const norm_attributes *a = tg_node_attributes(node);
    return tgi_result(norm_along(inputs.items[0], a->p, a->dim, a->least));
}

/* ---- cosine_similarity ---- */

static tg_tensor *of_length_1(tg_tensor *t, int dim, double eps) { return tg_div(t, norm_along(t, 2, dim, eps)); }

tg_tensor *tg_cosine_similarity_at(const char *where, tg_tensor *x1, tg_tensor *x2, tg_cosine_options options)
{
    const tg_op *op = &tgi_op_cosine_similarity;
    const tg_tensor_list inputs = tg_list(x1, x2);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    const tg_dtype dtype = tgi_result_type((tg_operand[]){ tg_operand_tensor(x1), tg_operand_tensor(x2) }, 2);
    if (!tg_dtype_is_floating(dtype))
        return tg_op_fail(op, inputs, "expected common dtype to be floating point, yet common dtype is %s",
                          tgi_scalar_type_name(dtype));
    const tg_shape a = tgi_shape(x1), b = tgi_shape(x2);
    tg_shape shape;
    if (!tgi_broadcast(op, inputs, &a, &b, &shape)) return NULL;
    const int dim = tgi_op_dim(op, inputs, options.dim, shape.ndim);
    if (dim < 0) return NULL;
    x1 = tg_expand(tg_to(x1, dtype), shape);
    x2 = tg_expand(tg_to(x2, dtype), shape);
    return tg_sum(tg_mul(of_length_1(x1, dim, options.eps), of_length_1(x2, dim, options.eps)), .dim = dim);
}

static tg_tensor_list cosine_similarity_call(const tg_value *args)
{
    const tg_cosine_options o = { .dim = args[2].as.integer, .eps = args[3].as.real };
    return tgi_result(tg_cosine_similarity_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const cosine_similarity_samples[] = { "cosine_similarity(f(3, 4), f(3, 4))",
                                                         "cosine_similarity(f(3, 4), f(3, 4), dim=0)",
                                                         "cosine_similarity(f(2, 3, 4), f(4), dim=-1)",
                                                         "cosine_similarity(f(3, 1), f(1, 4), dim=1, eps=0)",
                                                         "cosine_similarity(f(5), f(5), dim=0)",
                                                         "cosine_similarity(f(), f(), dim=0)",
                                                         "cosine_similarity(f(0, 3), f(0, 3))",
                                                         "cosine_similarity(f(3, 0), f(3, 0))",
                                                         "cosine_similarity(f(2, 3), i(2, 3, lo=1, hi=4))",
                                                         NULL };
static const char *const cosine_similarity_corners[] = {
    "cosine_similarity(v(0, 0, 0), v(1, 2, 3), dim=0)", "cosine_similarity(v(1e-9, 2e-9), v(1, 2), dim=0)",
    "cosine_similarity(v(0, 0), v(0, 0), dim=0)",       "cosine_similarity(v(nan, 1), v(1, 2), dim=0)",
    "cosine_similarity(f(3, 4), f(3, 4), eps=2)",       NULL
};
static const tg_error_sample cosine_similarity_errors[] = {
    { "cosine_similarity(i(2, 3), i(2, 3))", "expected common dtype to be floating point, yet common dtype is Long" },
    { "cosine_similarity(f(2, 3), f(2, 2))",
      "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1" },
    { "cosine_similarity(f(2, 3), f(2, 3), dim=2)",
      "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { NULL, NULL }
};

const tg_op tgi_op_cosine_similarity = {
    .name = "cosine_similarity",
    .schema = "cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
    .formula = "y = the sum of x1 / max(|x1|, eps) x2 / max(|x2|, eps) along dim",
    .gradient = "of the ops it is made of; where eps holds a norm, the gradient takes it for the norm",
    .doc = "The cosine of the angle between vectors, which are broadcast.",
    .composite = true,
    .kinks = "a vector of zeros: the subgradient of its norm is 0",
    .call = cosine_similarity_call,
    .samples = cosine_similarity_samples,
    .corners = cosine_similarity_corners,
    .errors = cosine_similarity_errors,
};

/* ---- pairwise_distance ---- */

tg_tensor *tg_pairwise_distance_at(const char *where, tg_tensor *x1, tg_tensor *x2, tg_pairwise_options options)
{
    const tg_op *op = &tgi_op_pairwise_distance;
    const tg_tensor_list inputs = tg_list(x1, x2);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    const tg_shape a = tgi_shape(x1), b = tgi_shape(x2);
    tg_shape shape;
    if (!tgi_broadcast(op, inputs, &a, &b, &shape)) return NULL;
    const int dim = shape.ndim > 0 ? shape.ndim - 1 : 0;
    tg_tensor *y = norm_along(tg_add(tg_sub(x1, x2), options.eps), options.p, dim, 0);
    return options.keepdim || shape.ndim == 0 ? y : tgi_ordinary(tg_squeeze(y, dim), inputs);
}

static tg_tensor_list pairwise_distance_call(const tg_value *args)
{
    const tg_pairwise_options o = { .p = args[2].as.real, .eps = args[3].as.real, .keepdim = args[4].as.boolean };
    return tgi_result(tg_pairwise_distance_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const pairwise_distance_samples[] = { "pairwise_distance(f(3, 4), f(3, 4))",
                                                         "pairwise_distance(f(3, 4), f(4), p=1)",
                                                         "pairwise_distance(f(2, 3, 4), f(3, 4), p=3, keepdim=True)",
                                                         "pairwise_distance(f(3, 4), f(3, 4), p=1.5, eps=0)",
                                                         "pairwise_distance(f(3, 4), f(3, 4), p=0.5)",
                                                         "pairwise_distance(f(3, 4), f(3, 4), p=-1)",
                                                         "pairwise_distance(f(3, 4), f(3, 4), p=inf)",
                                                         "pairwise_distance(f(3, 4), f(3, 4), p=-inf)",
                                                         "pairwise_distance(f(4), f(4))",
                                                         "pairwise_distance(f(), f())",
                                                         "pairwise_distance(f(0, 3), f(0, 3))",
                                                         "pairwise_distance(f(3, 0), f(3, 0))",
                                                         "pairwise_distance(f(2, 3), i(2, 3))",
                                                         "pairwise_distance(i(2, 3), i(2, 3))",
                                                         NULL };
static const char *const pairwise_distance_corners[] = {
    "pairwise_distance(f(4, 3, step=1), f(4, 3, step=1), eps=0)",
    "pairwise_distance(f(4, 3, step=1), f(4, 3, step=1), eps=0, p=1)",
    "pairwise_distance(f(4, 3, step=1), f(4, 3, step=1), eps=0, p=1.5)",
    "pairwise_distance(f(4, 3, step=1), f(4, 3, step=1), eps=0, p=3)",
    "pairwise_distance(f(4, 3, step=1), f(4, 3, step=1), eps=0, p=inf)",
    "pairwise_distance(v(1, 2), v(1, 2), eps=0)",
    "pairwise_distance(v(nan, 2), v(1, 2))",
    "pairwise_distance(v(inf, 2), v(1, 2), p=1)",
    NULL
};
static const tg_error_sample pairwise_distance_errors[] = {
    { "pairwise_distance(f(2, 3), f(2, 2))",
      "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1" },
    { NULL, NULL }
};

const tg_op tgi_op_pairwise_distance = {
    .name = "pairwise_distance",
    .schema = "pairwise_distance(Tensor x1, Tensor x2, float p=2.0, float eps=1e-06, bool keepdim=False) -> Tensor",
    .formula = "y = the p-norm of x1 - x2 + eps along the last dimension",
    .gradient = "dx1 = sign(d) |d|^(p-1) / y^(p-1) g with d = x1 - x2 + eps; dx2 = -dx1",
    .doc = "The distance of each vector from its partner.",
    .shapes = "[*, N] and [*, N] to [*], or to [*, 1]",
    .composite = true,
    .kinks = "y = 0: the subgradient 0; p = inf: elements that tie share the gradient; p = 0: none",
    .call = pairwise_distance_call,
    .samples = pairwise_distance_samples,
    .corners = pairwise_distance_corners,
    .errors = pairwise_distance_errors,
};

/* ---- dist ---- */

tg_tensor *tg_dist_at(const char *where, tg_tensor *a, tg_tensor *b, double p)
{
    if (!tg_op_begin(where, &tgi_op_dist, tg_list(a, b))) return NULL;
    return tg_norm(tg_sub(a, b), .p = p);
}

static tg_tensor_list dist_call(const tg_value *args)
{
    return tgi_result(tg_dist(args[0].as.tensor, args[1].as.tensor, args[2].as.real));
}

const tg_op tgi_op_dist = {
    .name = "dist",
    .schema = "dist(Tensor self, Tensor other, float p=2) -> Tensor",
    .formula = "y = the p-norm of self - other over all dimensions",
    .gradient = "dself = that of the norm; dother = -dself",
    .doc = "The distance of two tensors, which are broadcast.",
    .shapes = "any that broadcast, to []",
    .usage = "tg_dist(self, other, p)",
    .composite = true,
    .kinks = "as of norm",
    .call = dist_call,
    .samples = (const char *const[]){ "dist(f(3, 4), f(3, 4))", "dist(f(2, 3), f(3), 1)", "dist(f(4), f(4), 3)",
                                      "dist(f(4), f(4), 0)", "dist(f(4), f(4), inf)", "dist(f(4), f(4), -inf)",
                                      "dist(f(4), f(), 1.5)", "dist(f(0), f(0))", "dist(f(3), i(3))", NULL },
    .corners = (const char *const[]){ "dist(v(1, 2), v(1, 2))", "dist(v(1, 2), v(1, 2), 1)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "dist(i(3), i(3))", "norm(): input dtype should be either floating point or complex. Got Long instead." },
            { "dist(f(3), f(2))",
              "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0" },
            { NULL, NULL } },
};

/* ---- normalize ---- */

tg_tensor *tg_normalize_at(const char *where, tg_tensor *t, tg_normalize_options options)
{
    const tg_op *op = &tgi_op_normalize;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (!tgi_is_floating(t))
        return tg_op_fail(op, tg_list(t),
                          "norm(): input dtype should be either floating point or complex. Got %s instead.",
                          tgi_type_name(t));
    const int dim = tgi_op_dim(op, tg_list(t), options.dim, t->ndim);
    if (dim < 0) return NULL;
    tg_tensor *norm = norm_along(t, options.p, dim, 0);
    return tg_div(t, tg_where(tg_lt(norm, options.eps), options.eps, norm));
}

static tg_tensor_list normalize_call(const tg_value *args)
{
    const tg_normalize_options o = { .p = args[1].as.real, .dim = args[2].as.integer, .eps = args[3].as.real };
    return tgi_result(tg_normalize_at(TG_HERE, args[0].as.tensor, o));
}

static const char *const normalize_samples[] = { "normalize(f(3, 4))",
                                                 "normalize(f(3, 4), p=1, dim=0)",
                                                 "normalize(f(2, 3, 4), p=3, dim=-2)",
                                                 "normalize(f(3, 4), p=inf)",
                                                 "normalize(f(3, 4), p=1.5)",
                                                 "normalize(f(3, 4), eps=10)",
                                                 "normalize(f(4), dim=0, eps=0)",
                                                 "normalize(f(), dim=0)",
                                                 "normalize(f(0, 3))",
                                                 "normalize(f(3, 0))",
                                                 NULL };
static const char *const normalize_corners[] = { "normalize(v(0, 0, 0), dim=0)", "normalize(v(nan, 1, 0), dim=0)",
                                                 "normalize(f(4, 3, step=1))", "normalize(f(4, 3, step=1), p=inf)",
                                                 NULL };
static const tg_error_sample normalize_errors[] = {
    { "normalize(i(2, 3))", "norm(): input dtype should be either floating point or complex. Got Long instead." },
    { "normalize(f(3))", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
    { NULL, NULL }
};

const tg_op tgi_op_normalize = {
    .name = "normalize",
    .schema = "normalize(Tensor input, float p=2.0, int dim=1, float eps=1e-12) -> Tensor",
    .formula = "y = x / max(|x|, eps), the norm taken along dim",
    .gradient = "of the ops it is made of; where eps holds the norm, dx = g / eps",
    .doc = "Vectors of length 1 in the same directions.",
    .composite = true,
    .kinks = "a vector of zeros: the subgradient of its norm is 0; p = inf: elements that tie share the gradient",
    .call = normalize_call,
    .samples = normalize_samples,
    .corners = normalize_corners,
    .errors = normalize_errors,
};

/* init_structured.c: initial values of more structure than a distribution: truncated, orthogonal, sparse, identities.
 *
 * Each is made beside the tensor and copied into it in the end, so that one whose making fails is left as it was. The
 * draws are PyTorch's, in its order. */
#include "init.h"

#include "core/error.h"
#include "core/rng.h"
#include "core/scope.h"
#include "init_impl.h"
#include "ops/create.h"
#include "ops/functions.h"
#include "ops/linalg.h"
#include "ops/pointwise.h"
#include "ops/triangle.h"
#include "ops/view.h"

#include <math.h>
#include <string.h>

/* Ends the scope, in which `values` were made. */
static tg_tensor *put(tg_scope scope, tg_tensor *t, tg_tensor *values)
{
    tg_tensor *filled = tg_copy_(t, values);
    tg_scope_end(scope);
    return filled;
}

/* ---- trunc_normal_ ---- */

/* 2 P(z < x) - 1 of a standard normal z, x standard deviations from the mean. */
static double two_sided(double x) { return 2 * ((1 + erf(x / sqrt(2))) / 2) - 1; }

tg_tensor *tg_init_trunc_normal_at(const char *where, tg_tensor *t, tg_trunc_normal_options options)
{
    const char *name = "trunc_normal_";
    const double mean = options.mean, std = options.std, a = options.a, b = options.b;
    if (!tgi_init_ready(where, name, t)) return NULL;
    if (!(a <= b)) return tg_fail_at(where, TG_ERROR_VALUE, name, "a must not be above b, but found a=%g, b=%g", a, b);
    if (!(std > 0)) return tg_fail_at(where, TG_ERROR_VALUE, name, "std must be positive, but is %g", std);
    if (mean < a - 2 * std || mean > b + 2 * std)
        tg_warn_at(where,
                   "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
                   "incorrect.");
    const double low = two_sided((a - mean) / std), high = two_sided((b - mean) / std);
    if (!tgi_init_uniform_fits(where, name, low, high)) return NULL;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *z = tg_erfinv(tgi_init_drawn(t, TGI_UNIFORM, low, high));
    return put(scope, t, tg_clamp_tensor(tg_add(tg_mul(z, std * sqrt(2)), mean), a, b)); /* also by infinities */
}

/* ---- eye_ and dirac_ ---- */

static bool is_matrix(const char *where, const char *name, tg_tensor *t)
{
    if (!tgi_init_ready(where, name, t)) return false;
    if (t->ndim == 2) return true;
    tg_fail_at(where, TG_ERROR_VALUE, name, "Only tensors with 2 dimensions are supported");
    return false;
}

tg_tensor *tg_init_eye_at(const char *where, tg_tensor *t)
{
    if (!is_matrix(where, "eye_", t)) return NULL;
    tg_scope scope = tg_no_grad_begin();
    return put(scope, t, tg_eye(t->dims[0], t->dims[1], .dtype = tg_dtype_of(t)));
}

/* A one in the middle of the kernel from input channel i to output channel i of each group, as far as there are both. */
static void put_diracs(const tg_tensor *t, int64_t groups, double *values)
{
    const int64_t out = t->dims[0] / groups, in = t->dims[1], both = out < in ? out : in;
    int64_t field = 1, middle = 0;
    for (int d = 2; d < t->ndim; d++) {
        middle = middle * t->dims[d] + t->dims[d] / 2;
        field *= t->dims[d];
    }
    for (int64_t g = 0; g < groups; g++)
        for (int64_t i = 0; i < both; i++) values[((g * out + i) * in + i) * field + middle] = 1;
}

tg_tensor *tg_init_dirac_at(const char *where, tg_tensor *t, int64_t groups)
{
    const char *name = "dirac_";
    if (!tgi_init_ready(where, name, t)) return NULL;
    if (t->ndim < 3 || t->ndim > 5)
        return tg_fail_at(where, TG_ERROR_VALUE, name, "Only tensors with 3, 4, or 5 dimensions are supported");
    if (groups < 1) return tg_fail_at(where, TG_ERROR_VALUE, name, "groups must be positive");
    if (t->dims[0] % groups != 0) return tg_fail_at(where, TG_ERROR_VALUE, name, "dim 0 must be divisible by groups");
    const tg_shape shape = tgi_shape(t);
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *values = tgi_new_full(&shape, TG_FLOAT64, 0);
    if (values && values->numel) put_diracs(t, groups, tgi_ptr(values));
    return put(scope, t, values);
}

/* ---- orthogonal_ ---- */

tg_tensor *tg_init_orthogonal_at(const char *where, tg_tensor *t, tg_orthogonal_options options)
{
    const char *name = "orthogonal_";
    if (!tgi_init_ready(where, name, t)) return NULL;
    if (t->ndim < 2)
        return tg_fail_at(where, TG_ERROR_VALUE, name, "Only tensors with 2 or more dimensions are supported");
    if (t->numel == 0) return t;
    const tg_shape matrix = tg_shape(t->dims[0], t->numel / t->dims[0]);
    const bool wide = matrix.dims[0] < matrix.dims[1];
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *normal = tg_init_normal_(tgi_new(&matrix, tg_dtype_of(t)));
    const tg_qr_result f = tg_qr(wide ? tg_t(normal) : normal);
    /* With a positive diagonal R is unique, and Q uniformly distributed. */
    tg_tensor *q = tg_mul(f.q, tg_sign(tg_diag(f.r)));
    return put(scope, t, tg_mul(tg_reshape(wide ? tg_t(q) : q, tgi_shape(t)), options.gain));
}

/* ---- sparse_ ---- */

/* Zeros in `count` rows of each column, the first ones of a permutation. False: no memory. */
static bool thin_out(tg_tensor *values, int64_t count)
{
    const int64_t rows = values->dims[0], *step = tgi_strides(values);
    const size_t bytes = (size_t)rows * sizeof(int64_t), element = tgi_element_size(values);
    int64_t *order = tgi_calloc(bytes);
    if (!order) return false;
    for (int64_t column = 0; column < values->dims[1]; column++) {
        tg_generate_randperm(tg_default_generator(), order, rows);
        for (int64_t i = 0; i < count; i++)
            memset((char *)tgi_ptr(values) + (size_t)(order[i] * step[0] + column * step[1]) * element, 0, element);
    }
    tgi_free(order, bytes);
    return true;
}

tg_tensor *tg_init_sparse_at(const char *where, tg_tensor *t, double sparsity, tg_sparse_options options)
{
    const char *name = "sparse_";
    if (!is_matrix(where, name, t) || !tgi_init_normal_fits(where, name, options.std)) return NULL;
    if (!(sparsity >= 0 && sparsity <= 1))
        return tg_fail_at(where, TG_ERROR_VALUE, name, "sparsity has to be between 0 and 1, but got %g", sparsity);
    const int64_t zeros = (int64_t)ceil(sparsity * (double)t->dims[0]);
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *values = tgi_init_drawn(t, TGI_NORMAL, 0, options.std);
    const bool ok = values && (values->numel == 0 || thin_out(values, zeros));
    return put(scope, t, ok ? values : NULL);
}

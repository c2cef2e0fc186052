/* addr.c: the outer product of two vectors added to a matrix.
 *
 * A kernel of its own, by which memory passes once; its gradients are products of a matrix and a vector. Of integers, of
 * several dtypes and with beta = 0 it is made of other ops. */
#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"
#include "ops/kernels/gemm/gemm_kernels.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "ops/view.h"
#include "products_impl.h"

#include <inttypes.h>

/* ---- in one pass ---- */

/* Some rows of it, each thread's the same in every op. */
typedef struct pieces {
    tgi_outer_sum all;
    int64_t rows, size;
    int dtype;
} pieces;

static void sum_rows(const void *work, int64_t i)
{
    const pieces *p = work;
    tgi_outer_sum s = p->all;
    const int64_t first = i * p->rows;
    s.m = tgi_smaller(p->rows, s.m - first);
    s.a = (const char *)s.a + first * s.a_step * p->size;
    s.x = (const char *)s.x + first * s.x_row * p->size;
    s.y = (char *)s.y + first * s.y_row * p->size;
    TGI_KERNELS(gemm)->add_outer[p->dtype](&s);
}

bool tgi_addr_in_one_pass(const tg_tensor *input, const tg_tensor *vec1, const tg_tensor *vec2,
                          const tg_addmm_options *o)
{
    return tgi_is_floating(input) && input->dtype == vec1->dtype && input->dtype == vec2->dtype && o->beta != 0;
}

bool tgi_addr_into(tg_tensor *y, tg_tensor *input, tg_tensor *vec1, tg_tensor *vec2, const tg_addmm_options *o)
{
    enum { PARALLEL = 1 << 13, PIECE = 1 << 12 };
    const bool by_rows = input->ndim == 2 && input->dims[1] == y->dims[1] && tgi_strides(input)[1] == 1;
    tg_tensor *b = tgi_own_contiguous(vec2);
    if (!b) return false;
    if (!by_rows) tgi_copy_raw(y, input); /* stretched, or turned */
    pieces p = { .all = { .m = y->dims[0],
                          .n = y->dims[1],
                          .a = tgi_ptr(vec1),
                          .a_step = tgi_strides(vec1)[0],
                          .b = tgi_ptr(b),
                          .x = tgi_ptr(by_rows ? input : y),
                          .x_row = by_rows ? input->dims[0] > 1 ? tgi_strides(input)[0] : 0 : tgi_strides(y)[0],
                          .y = tgi_ptr(y),
                          .y_row = tgi_strides(y)[0],
                          .alpha = o->alpha,
                          .beta = o->beta },
                 .size = (int64_t)tgi_element_size(y),
                 .dtype = y->dtype == TG_FLOAT64 ? TGI_F64 : TGI_F32 };
    const int64_t count = y->numel >= PARALLEL ? tgi_smaller(tgi_threads(), y->numel / PIECE) : 1;
    p.rows = tgi_pieces(y->dims[0], count);
    if (y->numel > 0) tgi_run_tasks(true, tgi_pieces(y->dims[0], p.rows), sum_rows, &p);
    tgi_unref(b);
    return true;
}

static tg_tensor *in_one_pass(tg_tensor *input, tg_tensor *vec1, tg_tensor *vec2, const tg_shape *shape,
                              const tg_addmm_options *o)
{
    tg_tensor *y = tgi_new(shape, (tg_dtype)input->dtype);
    if (!y || !tgi_addr_into(y, input, vec1, vec2, o)) return NULL;
    tg_tensor *saved1 = tg_requires_grad(vec2) ? vec1 : NULL, *saved2 = tg_requires_grad(vec1) ? vec2 : NULL;
    const tg_status status =
        tg_record(&tgi_op_addr, tg_list(input, vec1, vec2), tg_list(y), tg_list(saved1, saved2), o, sizeof *o);
    return status == TG_OK ? y : NULL;
}

/* ---- addr ---- */

/* PyTorch's rule for the factors of integers, which addr alone has. */
static bool addr_factors(tg_tensor_list inputs, const tg_addmm_options *o)
{
    const double factors[] = { o->beta, o->alpha };
    bool floating = false;
    for (int i = 0; i < 3; i++) floating |= tgi_is_floating(inputs.items[i]);
    for (int i = 0; i < 2 && !floating; i++) {
        if (factors[i] == (double)(int64_t)factors[i]) continue;
        tg_op_fail(&tgi_op_addr, inputs, "For integral input tensors, argument %s must not be a floating point number.",
                   i == 0 ? "beta" : "alpha");
        return false;
    }
    return true;
}

/* Factors of bools are true or false. */
static tg_tensor *addr_of_bools(tg_tensor *input, tg_tensor *product, const tg_addmm_options *o)
{
    tg_addmm_options truth = { .beta = o->beta != 0, .alpha = 1 };
    return tgi_sum_of(input, o->alpha != 0 ? product : tg_mul(product, (bool)false), &truth);
}

tg_tensor *tg_addr_at(const char *where, tg_tensor *input, tg_tensor *vec1, tg_tensor *vec2, tg_addmm_options options)
{
    const tg_op *op = &tgi_op_addr;
    const tg_tensor_list inputs = tg_list(input, vec1, vec2);
    if (!tg_op_begin(where, op, inputs) || !tgi_is_vector(op, inputs, vec1, "vec1") ||
        !tgi_is_vector(op, inputs, vec2, "vec2"))
        return NULL;
    const tg_shape shape = tg_shape(vec1->dims[0], vec2->dims[0]);
    if (!tgi_expands_to(op, inputs, input, &shape) || !addr_factors(inputs, &options)) return NULL;
    if (tgi_addr_in_one_pass(input, vec1, vec2, &options)) return in_one_pass(input, vec1, vec2, &shape, &options);
    tg_tensor *product = tg_outer(vec1, vec2);
    if (product && input->dtype == TG_BOOL && product->dtype == TG_BOOL) return addr_of_bools(input, product, &options);
    const tg_dtype dtype =
        product ? tg_promote_types((tg_dtype)input->dtype, (tg_dtype)product->dtype) : TG_DEFAULT_DTYPE;
    return product ? tgi_sum_of(tg_to(input, dtype), tg_to(product, dtype), &options) : NULL;
}

static tg_tensor_list addr_call(const tg_value *v)
{
    tg_addmm_options o;
    if (!tgi_addmm_options_of(&tgi_op_addr, v, &o)) return tg_list_failed();
    return tgi_result(tg_addr(v[0].as.tensor, v[1].as.tensor, v[2].as.tensor, .beta = o.beta, .alpha = o.alpha));
}

static tg_tensor_list addr_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_addmm_options *o = tg_node_attributes(node);
    return tgi_result(tg_addr(inputs.items[0], inputs.items[1], inputs.items[2], .beta = o->beta, .alpha = o->alpha));
}

/* g vec, or gT vec, times alpha. */
static tg_tensor *addr_dvec(tg_tensor *g, tg_tensor *vec, double alpha)
{
    tg_tensor *d = tg_matmul(g, vec);
    return d && alpha != 1 ? tg_mul(d, alpha) : d;
}

static void addr_backward(tg_context *ctx)
{
    const tg_addmm_options *o = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, o->beta == 1 ? g : tg_mul(g, o->beta));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, addr_dvec(g, tg_saved(ctx, 1), o->alpha));
    if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, addr_dvec(tg_transpose(g, 0, 1), tg_saved(ctx, 0), o->alpha));
}

/* A multiplication and an addition for each element, and one by beta. */
static double addr_flops(const tg_computed *call, int input)
{
    return tgi_elements_out(call) * (input < 0 ? 3 : input == 0 ? 1 : 2);
}

const tg_op tgi_op_addr = {
    .name = "addr",
    .schema = "addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .formula = "y[i, j] = beta self[i, j] + alpha vec1[i] vec2[j]",
    .gradient = "dself = beta g, dvec1 = alpha g vec2, dvec2 = alpha gT vec1",
    .doc = "an outer product added to a matrix; beta = 0: self is not read and gets no gradient",
    .shapes = "[n, m], [n] and [m] to [n, m]",
    .backward = addr_backward,
    .flops = addr_flops,
    .call = addr_call,
    .again = addr_again,
    .samples = (const char *const[]){ "addr(f(2, 3), f(2), f(3))", "addr(f(3), f(2), f(3), beta=0.5, alpha=2)",
                                      "addr(f(), f(2), f(3))", "addr(f(0, 3), f(0), f(3))",
                                      "addr(i(2, 3), i(2), i(3), beta=2)", "addr(i(2, 3), f(2), i(3), alpha=1.5)",
                                      "addr(b(2, 3), b(2), b(3))", "addr(b(2, 3), b(2), b(3), beta=0)",
                                      "addr(b(2, 3), b(2), b(3), beta=2, alpha=0)", NULL },
    .corners = (const char *const[]){ "addr(v(nan, inf, 1), f(2), f(3), beta=0)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "addr(f(4), f(2), f(3))",
              "The expanded size of the tensor (3) must match the existing size (4) at non-singleton dimension 1.  Target "
              "sizes: [2, 3].  Tensor sizes: [4]" },
            { "addr(f(1, 2, 3), f(2), f(3))", "the number of sizes provided (2) must be greater or equal to" },
            { "addr(f(2, 3), f(2, 1), f(3))", "addr: Expected 1-D argument vec1, but got 2-D" },
            { "addr(f(2, 3), f(2), f(3, 1))", "addr: Expected 1-D argument vec2, but got 2-D" },
            { "addr(i(2, 3), i(2), i(3), beta=1.5)",
              "For integral input tensors, argument beta must not be a floating point number." },
            { NULL, NULL } },
};

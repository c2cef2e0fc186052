/* cross.c: the vector product along a dimension of size 3: one loop over tensors of any layout, forward and backward. */
#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/products.h"

#include <inttypes.h>

/* The first dimension of size 3; `ndim` if there is none. */
static int first_of_three(const tg_tensor *t)
{
    int d = 0;
    while (d < t->ndim && t->dims[d] != 3) d++;
    return d;
}

/* From one of the three elements of y, a and b to the next, in bytes. */
typedef struct steps {
    int64_t y, a, b;
} steps;

/* A tgi_loop, p being { y, a, b, steps }: y, a and b at the first element of their threes. All six numbers are read
 * before one is written. */
#define CROSS_LOOP(name, T)                                                                                            \
    static void name(int64_t rows, int64_t n, char *const *p, const int64_t *row, const int64_t *stride)               \
    {                                                                                                                  \
        const steps s = *(const steps *)(const void *)p[3];                                                            \
        for (int64_t r = 0; r < rows; r++) {                                                                           \
            char *y = p[0] + (r ? r * row[0] : 0);                                                                     \
            const char *a = p[1] + (r ? r * row[1] : 0), *b = p[2] + (r ? r * row[2] : 0);                             \
            for (int64_t i = 0; i < n; i++, y += stride[0], a += stride[1], b += stride[2]) {                          \
                const T a0 = *(const T *)a, a1 = *(const T *)(a + s.a), a2 = *(const T *)(a + 2 * s.a);                \
                const T b0 = *(const T *)b, b1 = *(const T *)(b + s.b), b2 = *(const T *)(b + 2 * s.b);                \
                *(T *)y = a1 * b2 - a2 * b1;                                                                           \
                *(T *)(y + s.y) = a2 * b0 - a0 * b2;                                                                   \
                *(T *)(y + 2 * s.y) = a0 * b1 - a1 * b0;                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }
CROSS_LOOP(cross_f32, float)
CROSS_LOOP(cross_f64, double)
CROSS_LOOP(cross_i64, uint64_t)

/* The first elements of t's threes, which lie along dimension d, and from one element of a three to the next, in bytes. */
static tg_tensor *firsts(tg_tensor *t, int d, int64_t *step)
{
    tg_shape dims = tgi_shape(t);
    dims.dims[d] = 1;
    *step = tgi_strides(t)[d] * (int64_t)tgi_element_size(t);
    return tgi_new_view(t, t->ndim, dims.dims, tgi_strides(t), t->offset);
}

static bool cross_into(tg_tensor *y, tg_tensor *a, tg_tensor *b, int d)
{
    static const tgi_loop loops[] = { [TG_FLOAT32] = cross_f32, [TG_FLOAT64] = cross_f64, [TG_INT64] = cross_i64 };
    steps s;
    tg_tensor *t[] = { firsts(y, d, &s.y), firsts(a, d, &s.a), firsts(b, d, &s.b) };
    if (!t[0] || !t[1] || !t[2]) return false;
    tgi_iterate_with(loops[y->dtype], 3, t, &s);
    return true;
}

tg_tensor *tg_cross_at(const char *where, tg_tensor *a, tg_tensor *b, int64_t dim)
{
    const tg_op *op = &tgi_op_cross;
    const tg_tensor_list inputs = tg_list(a, b);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (dim == TG_NO_DIM && (dim = first_of_three(a)) == a->ndim)
        return tg_op_fail(op, inputs, "no dimension of size 3 in input");
    if (a->ndim != b->ndim)
        return tg_op_fail(op, inputs, "linalg.cross: inputs must have the same number of dimensions.");
    const int d = tgi_op_dim(op, inputs, dim, a->ndim);
    if (d < 0) return NULL;
    const int64_t size_a = a->ndim ? a->dims[d] : 1, size_b = b->ndim ? b->dims[d] : 1;
    if (size_a != 3 || size_b != 3)
        return tg_op_fail(op, inputs,
                          "linalg.cross: inputs dimension %" PRId64 " must have length 3. Got %" PRId64 " and %" PRId64,
                          dim, size_a, size_b);
    if (a->dtype != b->dtype) return tgi_expected_type(op, inputs, a->dtype, b->dtype);
    if (a->dtype == TG_BOOL) return tg_op_fail(op, inputs, "\"cross\" not implemented for 'Bool'");
    tg_shape shape_a = tgi_shape(a), shape_b = tgi_shape(b), shape;
    if (!tgi_broadcast(op, inputs, &shape_a, &shape_b, &shape)) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)a->dtype);
    if (!y || !cross_into(y, a, b, d)) return NULL;
    tg_tensor *saved_a = tg_requires_grad(b) ? a : NULL, *saved_b = tg_requires_grad(a) ? b : NULL;
    return tg_record(op, inputs, tg_list(y), tg_list(saved_a, saved_b), &d, sizeof d) == TG_OK ? y : NULL;
}

static void cross_backward(tg_context *ctx)
{
    const int d = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_cross(tg_saved(ctx, 1), g, d));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_cross(g, tg_saved(ctx, 0), d));
}

static tg_tensor_list cross_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_cross(inputs.items[0], inputs.items[1], *(const int *)tg_node_attributes(node)));
}

/* Two multiplications and a subtraction for each element. */
static double cross_flops(const tg_computed *call, int input)
{
    (void)input;
    return 3 * tgi_elements_out(call);
}

static tg_tensor_list cross_call(const tg_value *v)
{
    const int64_t dim = v[2].kind == TG_VALUE_INT ? v[2].as.integer : TG_NO_DIM;
    return tgi_result(tg_cross_at(TG_HERE, v[0].as.tensor, v[1].as.tensor, dim));
}

const tg_op tgi_op_cross = {
    .name = "cross",
    .schema = "cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
    .formula = "y = (a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0) along dim",
    .gradient = "dself = cross(other, g), dother = cross(g, self)",
    .doc = "the vector product along a dimension of size 3, the first such one if none is given",
    .shapes = "[.., 3, ..] and [.., 3, ..], which broadcast, to [.., 3, ..]",
    .usage = "tg_cross(self, other, dim)",
    .grad_name = "LinalgCrossBackward0",
    .backward = cross_backward,
    .flops = cross_flops,
    .call = cross_call,
    .again = cross_again,
    .samples = (const char *const[]){ "cross(f(2, 3), f(2, 3))", "cross(f(3, 2), f(3, 2))", "cross(f(3), f(3))",
                                      "cross(f(3, 3), f(3, 3), dim=1)", "cross(f(3, 3), f(3, 3))",
                                      "cross(f(2, 3), f(1, 3), -1)", "cross(f(0, 3), f(0, 3))",
                                      "cross(i(2, 3), i(2, 3))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "cross(f(2, 2), f(2, 2))", "no dimension of size 3 in input" },
            { "cross(f(), f())", "no dimension of size 3 in input" },
            { "cross(f(3, 2), f(3, 2), dim=1)", "linalg.cross: inputs dimension 1 must have length 3. Got 2 and 2" },
            { "cross(f(2, 3), f(3))", "linalg.cross: inputs must have the same number of dimensions." },
            { "cross(f(2, 3), f(4, 3))",
              "The size of tensor a (2) must match the size of tensor b (4) at non-singleton dimension 0" },
            { "cross(f(3), f(3), dim=1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { "cross(f(2, 3), i(2, 3))", "expected scalar type Double but found Long" },
            { "cross(b(2, 3), b(2, 3))", "\"cross\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

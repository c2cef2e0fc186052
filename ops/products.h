/* products.h: products of vectors, matrices and batches, beside matmul (matmul.h), under PyTorch's names.
 *
 * Most are made of matmul and share its speed: a weight's gradients are added up in one pass, a weight used again and
 * again is packed once. Operands have one dtype, floating or int64; sizes that do not fit are errors in PyTorch's
 * words. */
#ifndef TG_OPS_PRODUCTS_H
#define TG_OPS_PRODUCTS_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* mm: [n, k] by [k, m]; bmm: [b, n, k] by [b, k, m]; mv: [n, k] by [k]; dot: [k] by [k] to a 0-d tensor (vdot: the same
 * for real numbers). */
tg_tensor *tg_mm_at(const char *where, tg_tensor *a, tg_tensor *b);
tg_tensor *tg_bmm_at(const char *where, tg_tensor *a, tg_tensor *b);
tg_tensor *tg_mv_at(const char *where, tg_tensor *matrix, tg_tensor *vector);
tg_tensor *tg_dot_at(const char *where, tg_tensor *a, tg_tensor *b);
tg_tensor *tg_vdot_at(const char *where, tg_tensor *a, tg_tensor *b);
#define tg_mm(a, b)              tg_mm_at(TG_HERE, a, b)
#define tg_bmm(a, b)             tg_bmm_at(TG_HERE, a, b)
#define tg_mv(matrix, vector)    tg_mv_at(TG_HERE, matrix, vector)
#define tg_dot(a, b)             tg_dot_at(TG_HERE, a, b)
#define tg_vdot(a, b)            tg_vdot_at(TG_HERE, a, b)

/* y[i, j] = a[i] b[j] of two vectors (ger: the same). inner: the sums over the last dimensions of both, [.., k] and
 * [*, k] to [.., *]; a 0-d operand multiplies. */
tg_tensor *tg_outer_at(const char *where, tg_tensor *a, tg_tensor *b);
tg_tensor *tg_ger_at(const char *where, tg_tensor *a, tg_tensor *b);
tg_tensor *tg_inner_at(const char *where, tg_tensor *a, tg_tensor *b);
#define tg_outer(a, b) tg_outer_at(TG_HERE, a, b)
#define tg_ger(a, b)   tg_ger_at(TG_HERE, a, b)
#define tg_inner(a, b) tg_inner_at(TG_HERE, a, b)

/* beta input + alpha (a product); `input` broadcasts to the product's shape. beta = 0: `input` is not read, so NaN in
 * it does no harm. Of integers the factors are truncated. */
typedef struct tg_addmm_options {
    double beta;
    double alpha;
    TG_OPTIONS_END
} tg_addmm_options;
#define TG_ADDMM_DEFAULTS /* beta */ 1, /* alpha */ 1 TG_DEFAULTS_END
#define TG_ADDMM_OPTIONS(...) TG_OPTIONS(tg_addmm_options, TG_ADDMM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
/* addmm: of two matrices; addmv: a matrix and a vector; addbmm: the sum over a batch of products; baddbmm: a batch of
 * products; addr: the outer product of two vectors. `tg_addmm(bias, x, weight)`, `tg_addmm(c, a, b, .beta = 0.5)`. */
tg_tensor *tg_addmm_at(const char *where, tg_tensor *input, tg_tensor *mat1, tg_tensor *mat2, tg_addmm_options options);
tg_tensor *tg_addmv_at(const char *where, tg_tensor *input, tg_tensor *mat, tg_tensor *vec, tg_addmm_options options);
tg_tensor *tg_addbmm_at(const char *where, tg_tensor *input, tg_tensor *batch1, tg_tensor *batch2,
                        tg_addmm_options options);
tg_tensor *tg_baddbmm_at(const char *where, tg_tensor *input, tg_tensor *batch1, tg_tensor *batch2,
                         tg_addmm_options options);
tg_tensor *tg_addr_at(const char *where, tg_tensor *input, tg_tensor *vec1, tg_tensor *vec2, tg_addmm_options options);
#define tg_addmm(input, mat1, mat2, ...) tg_addmm_at(TG_HERE, input, mat1, mat2, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_addmv(input, mat, vec, ...)   tg_addmv_at(TG_HERE, input, mat, vec, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_addbmm(input, batch1, batch2, ...)                                                                         \
    tg_addbmm_at(TG_HERE, input, batch1, batch2, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_baddbmm(input, batch1, batch2, ...)                                                                        \
    tg_baddbmm_at(TG_HERE, input, batch1, batch2, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_addr(input, vec1, vec2, ...)  tg_addr_at(TG_HERE, input, vec1, vec2, TG_ADDMM_OPTIONS(__VA_ARGS__))

/* In place: input, which has the result's shape, becomes the sum. */
tg_tensor *tg_addmm_in_place_at(const char *where, tg_tensor *input, tg_tensor *mat1, tg_tensor *mat2,
                                tg_addmm_options options);
tg_tensor *tg_addmv_in_place_at(const char *where, tg_tensor *input, tg_tensor *mat, tg_tensor *vec,
                                tg_addmm_options options);
tg_tensor *tg_addbmm_in_place_at(const char *where, tg_tensor *input, tg_tensor *batch1, tg_tensor *batch2,
                                 tg_addmm_options options);
tg_tensor *tg_baddbmm_in_place_at(const char *where, tg_tensor *input, tg_tensor *batch1, tg_tensor *batch2,
                                  tg_addmm_options options);
tg_tensor *tg_addr_in_place_at(const char *where, tg_tensor *input, tg_tensor *vec1, tg_tensor *vec2,
                               tg_addmm_options options);
#define tg_addmm_(input, mat1, mat2, ...)                                                                             \
    tg_addmm_in_place_at(TG_HERE, input, mat1, mat2, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_addmv_(input, mat, vec, ...)                                                                               \
    tg_addmv_in_place_at(TG_HERE, input, mat, vec, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_addbmm_(input, batch1, batch2, ...)                                                                        \
    tg_addbmm_in_place_at(TG_HERE, input, batch1, batch2, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_baddbmm_(input, batch1, batch2, ...)                                                                       \
    tg_baddbmm_in_place_at(TG_HERE, input, batch1, batch2, TG_ADDMM_OPTIONS(__VA_ARGS__))
#define tg_addr_(input, vec1, vec2, ...)                                                                              \
    tg_addr_in_place_at(TG_HERE, input, vec1, vec2, TG_ADDMM_OPTIONS(__VA_ARGS__))

/* The sum over pairs of dimensions: the last `dims` of a with the first of b, or those listed: `tg_tensordot(a, b,
 * .dims = 1)`, `tg_tensordot(a, b, .dims_a = tg_shape(1, 0), .dims_b = tg_shape(0, 1))`. The other dimensions of a
 * come first in the result, then those of b. */
typedef struct tg_tensordot_options {
    int64_t dims;
    tg_shape dims_a, dims_b;   /* ndim -1: not given */
    TG_OPTIONS_END
} tg_tensordot_options;
#define TG_TENSORDOT_DEFAULTS /* dims */ 2, /* dims_a */ { -1, { 0 } }, /* dims_b */ { -1, { 0 } } TG_DEFAULTS_END
#define TG_TENSORDOT_OPTIONS(...) TG_OPTIONS(tg_tensordot_options, TG_TENSORDOT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_tensordot_at(const char *where, tg_tensor *a, tg_tensor *b, tg_tensordot_options options);
#define tg_tensordot(a, b, ...) tg_tensordot_at(TG_HERE, a, b, TG_TENSORDOT_OPTIONS(__VA_ARGS__))

/* Einstein's convention: `tg_einsum("bij,bjk->bik", tg_list(a, b))`. Letters name dimensions, an ellipsis those that
 * broadcast; a letter twice in one operand is its diagonal; without "->" the result has the letters that occur once, in
 * alphabetical order (capitals first). Operands are multiplied from left to right. */
tg_tensor *tg_einsum_at(const char *where, const char *equation, tg_tensor_list operands);
#define tg_einsum(equation, operands) tg_einsum_at(TG_HERE, equation, operands)

/* y[.., o] = sum over i, j of input1[.., i] weight[o, i, j] input2[.., j], plus bias[o] if it is not NULL. */
tg_tensor *tg_bilinear_at(const char *where, tg_tensor *input1, tg_tensor *input2, tg_tensor *weight, tg_tensor *bias);
#define tg_bilinear(input1, input2, weight, ...)                                                                      \
    tg_bilinear_at(TG_HERE, input1, input2, weight, TG_OR(NULL __VA_OPT__(,) __VA_ARGS__))

/* The vector product along a dimension of size 3, the first such one if none is given: `tg_cross(a, b, -1)`. */
tg_tensor *tg_cross_at(const char *where, tg_tensor *a, tg_tensor *b, int64_t dim);
#define tg_cross(a, b, ...) tg_cross_at(TG_HERE, a, b, TG_OR(TG_NO_DIM __VA_OPT__(,) __VA_ARGS__))

/* Kronecker's product: every element of a times the whole of b. */
tg_tensor *tg_kron_at(const char *where, tg_tensor *a, tg_tensor *b);
#define tg_kron(a, b) tg_kron_at(TG_HERE, a, b)

/* The product of all matrices in the cheapest order. multi_dot also takes a vector at either end. */
tg_tensor *tg_multi_dot_at(const char *where, tg_tensor_list tensors);
tg_tensor *tg_chain_matmul_at(const char *where, tg_tensor_list matrices);
#define tg_multi_dot(tensors)     tg_multi_dot_at(TG_HERE, tensors)
#define tg_chain_matmul(matrices) tg_chain_matmul_at(TG_HERE, matrices)

TG_END_DECLS

#endif

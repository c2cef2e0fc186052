/* multi_dot.c: the product of a list of matrices, multiplied in the cheapest order.
 *
 * The order is found by dynamic programming over the list's pieces (Cormen et al., Introduction to Algorithms, 15.2), as
 * PyTorch does. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/matmul.h"
#include "ops/products.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>

/* The cheapest way to multiply tensors i..j: its cost, and after which tensor it is cut. */
typedef struct piece {
    double cost;
    int64_t cut;
} piece;

/* Tensor i has sizes[i] rows and sizes[i + 1] columns. */
static void find_order(int64_t n, const int64_t *sizes, piece *pieces)
{
    for (int64_t length = 2; length <= n; length++)
        for (int64_t i = 0; i + length <= n; i++) {
            const int64_t j = i + length - 1;
            piece best = { 0, -1 };
            for (int64_t cut = i; cut < j; cut++) {
                const double own = (double)sizes[i] * (double)sizes[cut + 1] * (double)sizes[j + 1];
                const double cost = pieces[i * n + cut].cost + pieces[(cut + 1) * n + j].cost + own;
                if (best.cut < 0 || cost < best.cost) best = (piece){ cost, cut };
            }
            pieces[i * n + j] = best;
        }
}

/* As deep as the list is long at most. */
static tg_tensor *multiply(tg_tensor *const *matrices, int64_t n, const piece *pieces, int64_t i, int64_t j)
{
    if (i == j) return matrices[i];
    const int64_t cut = pieces[i * n + j].cut;
    return tg_matmul(multiply(matrices, n, pieces, i, cut), multiply(matrices, n, pieces, cut + 1, j));
}

static tg_tensor *in_best_order(tg_tensor *const *matrices, int64_t n)
{
    const size_t piece_bytes = (size_t)(n * n) * sizeof(piece), size_bytes = (size_t)(n + 1) * sizeof(int64_t);
    piece *pieces = tgi_calloc(piece_bytes);
    int64_t *sizes = pieces ? tgi_calloc(size_bytes) : NULL;
    tg_tensor *y = NULL;
    if (sizes) {
        for (int64_t i = 0; i < n; i++) sizes[i] = matrices[i]->dims[0];
        sizes[n] = matrices[n - 1]->dims[1];
        find_order(n, sizes, pieces);
        y = multiply(matrices, n, pieces, 0, n - 1);
    }
    tgi_free(sizes, size_bytes);
    tgi_free(pieces, piece_bytes);
    return y;
}

/* ---- multi_dot ---- */

static bool check_dims(tg_tensor_list tensors)
{
    const tg_op *op = &tgi_op_multi_dot;
    const int64_t n = tensors.count;
    for (int64_t i = 0; i < n; i++) {
        const tg_tensor *t = tensors.items[i];
        const bool end = i == 0 || i == n - 1;
        if (t->ndim == 2 || (end && t->ndim == 1)) continue;
        if (end)
            tg_op_fail(op, tensors, "multi_dot(): the %s tensor must be 1D or 2D but got %dD", i ? "last" : "first",
                       t->ndim);
        else
            tg_op_fail(op, tensors, "multi_dot(): tensor %" PRId64 " must be 2D but got %dD", i, t->ndim);
        return false;
    }
    for (int64_t i = 1; i < n; i++) {
        if (tensors.items[i]->dtype == tensors.items[0]->dtype) continue;
        tg_op_fail(op, tensors,
                   "multi_dot(): all tensors must have be the same dtype but tensor 0 is %s and tensor %" PRId64 " %s",
                   tgi_c_type_name((tg_dtype)tensors.items[0]->dtype), i,
                   tgi_c_type_name((tg_dtype)tensors.items[i]->dtype));
        return false;
    }
    return true;
}

static bool check_neighbours(tg_tensor_list tensors, tg_tensor *const *matrices)
{
    char x[TG_SHAPE_TEXT], y[TG_SHAPE_TEXT];
    for (int64_t i = 0; i + 1 < tensors.count; i++) {
        if (matrices[i]->dims[1] == matrices[i + 1]->dims[0]) continue;
        const tg_shape a = tgi_shape(matrices[i]), b = tgi_shape(matrices[i + 1]);
        tg_op_fail(&tgi_op_multi_dot, tensors,
                   "multi_dot(): tensors %" PRId64 " and %" PRId64 " with shapes %s and %s cannot be multiplied", i,
                   i + 1, tg_shape_text(&a, x), tg_shape_text(&b, y));
        return false;
    }
    return true;
}

/* A vector at the front is a row, one at the end a column; the result loses what was added. */
tg_tensor *tg_multi_dot_at(const char *where, tg_tensor_list tensors)
{
    if (!tg_op_begin(where, &tgi_op_multi_dot, tensors)) return NULL;
    const int64_t n = tensors.count;
    if (n < 2)
        return tg_op_fail(&tgi_op_multi_dot, tensors, "multi_dot(): expected at least 2 tensors but got %" PRId64, n);
    if (!check_dims(tensors)) return NULL;
    tg_tensor **matrices = tg_list_new(n);
    if (!matrices) return NULL;
    const bool row = tensors.items[0]->ndim == 1, column = tensors.items[n - 1]->ndim == 1;
    for (int64_t i = 0; i < n; i++) {
        const bool vector = tensors.items[i]->ndim == 1;
        if (!(matrices[i] = vector ? tg_unsqueeze(tensors.items[i], i ? 1 : 0) : tensors.items[i])) return NULL;
    }
    if (!check_neighbours(tensors, matrices)) return NULL;
    tg_tensor *y = in_best_order(matrices, n);
    if (column) y = tg_squeeze(y, -1);
    return tgi_ordinary(row ? tg_squeeze(y, 0) : y, tensors);
}

static tg_tensor_list multi_dot_call(const tg_value *v) { return tgi_result(tg_multi_dot(v[0].as.tensors)); }

const tg_op tgi_op_multi_dot = {
    .name = "multi_dot",
    .schema = "multi_dot(Tensor[] tensors) -> Tensor",
    .formula = "y = the product of all tensors",
    .gradient = "that of the products it is made of",
    .doc = "a product of matrices in the cheapest order; a vector may stand at either end",
    .shapes = "[n, k], [k, l], ... and [.., m] to [n, m]",
    .composite = true,
    .call = multi_dot_call,
    .samples = (const char *const[]){ "multi_dot([f(2, 3), f(3, 4), f(4, 2)])", "multi_dot([f(2, 3), f(3, 2)])",
                                      "multi_dot([f(3), f(3, 4), f(4)])", "multi_dot([f(3), f(3, 4), f(4, 2)])",
                                      "multi_dot([f(2, 3), f(3, 2), f(2)])", "multi_dot([f(3), f(3)])",
                                      "multi_dot([f(1, 4), f(4, 2), f(2, 3), f(3, 1)])",
                                      "multi_dot([f(2, 0), f(0, 3), f(3, 2)])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "multi_dot([f(3)])", "multi_dot(): expected at least 2 tensors but got 1" },
            { "multi_dot([f(2, 3), f(3, 4, 1), f(4, 2)])", "multi_dot(): tensor 1 must be 2D but got 3D" },
            { "multi_dot([f(2, 3), f(3, 4), f(3, 2)])",
              "multi_dot(): tensors 1 and 2 with shapes [3, 4] and [3, 2] cannot be multiplied" },
            { "multi_dot([f(), f(3, 4), f(4, 2)])", "multi_dot(): the first tensor must be 1D or 2D but got 0D" },
            { "multi_dot([f(3), f(3, 4), f()])", "multi_dot(): the last tensor must be 1D or 2D but got 0D" },
            { "multi_dot([f(2, 3), i(3, 4)])",
              "multi_dot(): all tensors must have be the same dtype but tensor 0 is double and tensor 1 long int" },
            { NULL, NULL } },
};

/* ---- chain_matmul ---- */

tg_tensor *tg_chain_matmul_at(const char *where, tg_tensor_list matrices)
{
    if (!tg_op_begin(where, &tgi_op_chain_matmul, matrices)) return NULL;
    if (matrices.count == 0)
        return tg_op_fail(&tgi_op_chain_matmul, matrices, "chain_matmul(): Expected one or more matrices");
    for (int64_t i = 0; i < matrices.count; i++)
        if (matrices.items[i]->ndim != 2)
            return tg_op_fail(&tgi_op_chain_matmul, matrices, "Tensor dimension is %d, expected 2 instead.",
                              matrices.items[i]->ndim);
    return matrices.count == 1 ? matrices.items[0] : tg_multi_dot(matrices);
}

static tg_tensor_list chain_matmul_call(const tg_value *v) { return tgi_result(tg_chain_matmul(v[0].as.tensors)); }

const tg_op tgi_op_chain_matmul = {
    .name = "chain_matmul",
    .schema = "chain_matmul(Tensor[] matrices) -> Tensor",
    .formula = "y = the product of all matrices",
    .gradient = "that of the products it is made of",
    .doc = "multi_dot under its older name, for matrices only",
    .shapes = "[n, k], [k, l], ... and [.., m] to [n, m]",
    .composite = true,
    .call = chain_matmul_call,
    .samples = (const char *const[]){ "chain_matmul([f(2, 3), f(3, 4), f(4, 2)])", "chain_matmul([f(2, 3)])", NULL },
    .errors = (const tg_error_sample[]){ { "chain_matmul([f(2, 3), f(4), f(4, 2)])",
                                           "Tensor dimension is 1, expected 2 instead." },
                                         { "chain_matmul([])", "chain_matmul(): Expected one or more matrices" },
                                         { NULL, NULL } },
};

/* qr.c: the QR decomposition, by Householder's reflections (householder.c).
 *
 * Its gradient is written in ops, so it may be differentiated again: Walter, Lehmann and Lamour, On evaluating
 * higher-order derivatives of the QR decomposition (2012); for wide matrices Roberts and Roberts, QR and LQ
 * decomposition matrix backpropagation algorithms (2020). */
#include "factor.h"
#include "linalg_impl.h"
#include "ops/base/call.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"
#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/triangle.h"

#include <string.h>

typedef enum mode { REDUCED, COMPLETE, ONLY_R } mode;
static const char *const mode_names[] = { "reduced", "complete", "r" };

/* ---- values ---- */

/* The decomposition's parts, doubles owned by the caller. */
typedef struct parts {
    int64_t m, n, columns; /* of Q */
    tg_tensor *x;          /* A, then what tgi_qr leaves */
    tg_tensor *q, *r;      /* q: NULL in mode "r" */
} parts;

/* The upper triangle of x, [columns, n]. */
static void read_r(const parts *p, const double *x, double *r)
{
    memset(r, 0, (size_t)(p->columns * p->n) * sizeof *r);
    for (int64_t i = 0; i < tgi_smaller(p->columns, p->n); i++)
        memcpy(r + i * p->n + i, x + i * p->n + i, (size_t)(p->n - i) * sizeof *r);
}

static void make_identities(const parts *p)
{
    const int64_t matrix = p->m * p->columns;
    for (int64_t i = 0; i < p->q->numel; i += matrix) {
        double *q = (double *)tgi_ptr(p->q) + i;
        memset(q, 0, (size_t)matrix * sizeof *q);
        for (int64_t k = 0; k < p->columns; k++) q[k * p->columns + k] = 1;
    }
}

/* Of matrices without elements Q is the identity, and R has no elements. False when memory ran out. */
static bool factor_all(const parts *p)
{
    const int64_t matrix = p->m * p->n;
    if (matrix == 0 && p->q) {
        make_identities(p);
        return true;
    }
    const size_t room = (size_t)(TGI_QR_SCRATCH(p->m, p->n) + tgi_smaller(p->m, p->n)) * sizeof(double);
    double *scratch = tgi_calloc(room), *tau = scratch ? scratch + TGI_QR_SCRATCH(p->m, p->n) : NULL;
    for (int64_t i = 0; scratch && i * matrix < p->x->numel; i++) {
        double *x = (double *)tgi_ptr(p->x) + i * matrix;
        tgi_qr(x, p->m, p->n, tau, scratch);
        if (p->q) tgi_qr_q(x, p->m, p->n, tau, (double *)tgi_ptr(p->q) + i * p->m * p->columns, p->columns, scratch);
        read_r(p, x, (double *)tgi_ptr(p->r) + i * p->columns * p->n);
    }
    tgi_free(scratch, room);
    return scratch;
}

static tg_qr_result decompose(tg_tensor *a, mode how)
{
    const tg_dtype dtype = (tg_dtype)a->dtype;
    const tg_shape batch = tgi_matrix_batch(a), shape = tgi_shape(a), none = tg_shape(0);
    parts p = { .m = a->dims[a->ndim - 2], .n = a->dims[a->ndim - 1] };
    p.columns = how == COMPLETE ? p.m : tgi_smaller(p.m, p.n);
    const tg_shape of_q = tgi_shape_with(&batch, p.m, p.columns), of_r = tgi_shape_with(&batch, p.columns, p.n);
    p.x = tgi_own_doubles(a, &shape);
    p.r = p.x ? tgi_own(tgi_new(&of_r, TG_FLOAT64)) : NULL;
    if (p.r && how != ONLY_R) p.q = tgi_own(tgi_new(&of_q, TG_FLOAT64));
    const bool ok = p.r && (p.q || how == ONLY_R) && factor_all(&p);
    tg_tensor *q = !ok ? NULL : how == ONLY_R ? tgi_new(&none, dtype) : tgi_rounded(p.q, dtype);
    const tg_qr_result y = { q, q ? tgi_rounded(p.r, dtype) : NULL };
    tgi_unref(p.q);
    tgi_unref(p.r);
    tgi_unref(p.x);
    return y;
}

/* ---- the op ---- */

static bool read_mode(tg_tensor *a, const char *text, mode *how)
{
    for (int i = 0; text && i < 3; i++) {
        *how = (mode)i;
        if (strcmp(text, mode_names[i]) == 0) return true;
    }
    tg_op_fail(&tgi_op_qr, tg_list(a),
               "qr received unrecognized mode '%s' but expected one of 'reduced' (default), 'r', or 'complete'",
               text ? text : "(null)");
    return false;
}

static bool is_floating_matrix(tg_tensor *a)
{
    if (a->ndim < 2)
        tg_op_fail(&tgi_op_qr, tg_list(a), "linalg.qr: The input tensor A must have at least 2 dimensions.");
    else if (!tgi_is_floating(a))
        tg_op_fail(&tgi_op_qr, tg_list(a), "linalg.qr: Expected a floating point or complex tensor as input. Got %s",
                   tgi_type_name(a));
    else
        return true;
    return false;
}

tg_qr_result tg_qr_at(const char *where, tg_tensor *a, tg_qr_options options)
{
    const tg_qr_result failed = { NULL, NULL };
    const tg_op *op = &tgi_op_qr;
    mode how;
    if (!tg_op_begin(where, op, tg_list(a)) || !is_floating_matrix(a) || !read_mode(a, options.mode, &how))
        return failed;
    const tg_qr_result y = decompose(a, how);
    if (!y.q || !y.r) return failed;
    const tg_tensor_list outputs = tg_list(y.q, y.r);
    return tg_record(op, tg_list(a), outputs, outputs, &how, sizeof how) == TG_OK ? y : failed;
}

/* The symmetric matrix whose upper triangle is that of x. */
static tg_tensor *symmetric(tg_tensor *x) { return tg_add(tg_triu(x), tgi_transposed(tg_triu(x, 1))); }

/* With A = [A1, A2], A1 square (or all of a tall A), R = [R1, R2] likewise, and so A2 = Q R2:
 * dA2 = Q gR2, gQ' = gQ + A2 gR2T, dA1 = (gQ' + Q s) R1^-T, s symmetric with the upper triangle of gR1 R1T - QT gQ'. */
static void qr_backward(tg_context *ctx)
{
    const mode how = *(const mode *)tg_attributes(ctx);
    tg_tensor *q = tg_saved(ctx, 0), *r = tg_saved(ctx, 1), *gq = tg_grad_output(ctx, 0), *gr = tg_grad_output(ctx, 1);
    if (!q || !r || !gq || !gr) return;
    const int64_t n = r->dims[r->ndim - 1], k = r->dims[r->ndim - 2];
    if (how == ONLY_R || (how == COMPLETE && k > n)) {
        tg_op_fail(&tgi_op_qr, tg_list(r),
                   how == ONLY_R
                       ? "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please "
                         "use linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
                       : "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
        return;
    }
    tg_tensor *da2 = NULL;
    if (n > k) {
        tg_tensor *gr2 = tg_narrow(gr, -1, k, n - k), *r2 = tg_narrow(r, -1, k, n - k);
        da2 = tg_matmul(q, gr2);
        gq = tg_add(gq, tg_matmul(tg_matmul(q, r2), tgi_transposed(gr2)));
        r = tg_narrow(r, -1, 0, k);
        gr = tg_narrow(gr, -1, 0, k);
    }
    tg_tensor *rt = tgi_transposed(r);
    tg_tensor *s = symmetric(tg_sub(tg_matmul(gr, rt), tg_matmul(tgi_transposed(q), gq)));
    tg_tensor *da1 = tg_solve_triangular(rt, tg_add(gq, tg_matmul(q, s)), false, .left = false);
    tg_set_grad_input(ctx, 0, n > k ? tg_cat(tg_list(da1, da2), -1) : da1);
}

static tg_tensor_list qr_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_qr_result y = tg_qr(inputs.items[0], .mode = mode_names[*(const mode *)tg_node_attributes(node)]);
    return tgi_pair(y.q, y.r);
}

static tg_tensor_list qr_call(const tg_value *v)
{
    const tg_qr_result y = tg_qr(v[0].as.tensor, .mode = v[1].as.string);
    return tgi_pair(y.q, y.r);
}

/* Of full rank, whatever the tests do to the leaves. */
#define TALL "add(f(4, 2, lo=-1, hi=1), reshape(v(4, 0, 0, -4, 0, 0, 0, 0, grad=False), [4, 2]))"
#define WIDE "add(f(2, 4, lo=-1, hi=1), reshape(v(4, 0, 0, 0, 0, -4, 0, 0, grad=False), [2, 4]))"

const tg_op tgi_op_qr = {
    .name = "qr",
    .schema = "qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)",
    .formula = "Q R = A, QT Q = 1, R upper triangular",
    .gradient =
        "dA = (gQ + Q s) R^-T, s symmetric with the upper triangle of gR RT - QT gQ; of a wide A that of its first "
        "columns, and Q gR of the others",
    .doc = "the QR decomposition, as torch.linalg.qr has it: R's diagonal is of either sign",
    .shapes = "[*, m, n] to [*, m, k] and [*, k, n], k = min(m, n); with mode 'complete' k = m",
    .kinks = "where the first min(m, n) columns are not independent: the gradient is inf and NaN",
    .backward = qr_backward,
    .call = qr_call,
    .again = qr_again,
    .samples = (const char *const[]){ "qr(" TGI_MATRIX_3 ")", "qr(" TALL ")", "qr(" WIDE ")", "qr(" TGI_MATRICES_2 ")",
                                      "qr(" TGI_MATRIX_3 ", mode='complete')", "qr(" WIDE ", mode='complete')",
                                      "qr(f(4, 2, grad=False), mode='complete')", "qr(f(4, 2, grad=False), mode='r')",
                                      "qr(f(2, 4, grad=False), mode='r')", "qr(f(1, 1, lo=1, hi=2))", "qr(f(5, 1))",
                                      "qr(f(0, 2))", "qr(f(2, 0))", "qr(f(0, 3, 2))",
                                      "qr(f(2, 0, grad=False), mode='complete')",
                                      "qr(f(2, 0, 2, grad=False), mode='r')", NULL },
    .corners = (const char *const[]){ "qr(reshape(v(0, 1, 2, 3, grad=False), [2, 2]))",
                                      "qr(reshape(v(-1, 0, 0, -2, grad=False), [2, 2]))",
                                      "qr(reshape(v(0, 0, 0, 0, grad=False), [2, 2]))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "qr(f(3))", "linalg.qr: The input tensor A must have at least 2 dimensions." },
            { "qr(i(2, 2))", "linalg.qr: Expected a floating point or complex tensor as input. Got Long" },
            { "qr(f(2, 2), mode='full')",
              "qr received unrecognized mode 'full' but expected one of 'reduced' (default), "
              "'r', or 'complete'" },
            { NULL, NULL } },
};

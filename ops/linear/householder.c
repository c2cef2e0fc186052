/* householder.c: QR by Householder's reflections, with LAPACK's signs, blocked so that most of the work is a product of
 * matrices.
 *
 * A reflection is H = I - tau v vT, v's first element 1. b of them, one after another, are I - V T VT with T upper
 * triangular: Schreiber and Van Loan, A storage-efficient WY representation (1989). */
#include "factor.h"

#include "ops/base/parallel.h"
#include "ops/kernels/factor/factor_kernels.h"
#include "ops/kernels/gemm/gemm_kernels.h"

#include <string.h>

/* The reflections of a block, and room for what they are applied to. */
typedef struct block {
    int64_t rows, count;
    double *v;      /* [rows, count], ones on its diagonal and zeros above */
    double *t;      /* [count, count]: -T */
    double *w, *tw; /* [count, columns] */
} block;

static block block_in(double *scratch, int64_t m, int64_t n)
{
    const int64_t width = tgi_larger(m, n) * TGI_REFLECTIONS;
    block b = { .v = scratch };
    b.t = b.v + m * TGI_REFLECTIONS;
    b.w = b.t + TGI_REFLECTIONS * TGI_REFLECTIONS;
    b.tw = b.w + width;
    return b;
}

/* ---- a block of them ---- */

/* T from VT V, which is in t: column i is -tau T v_i's products with those before. */
static void make_t(double *t, int64_t count, const double *tau)
{
    for (int64_t i = 0; i < count; i++) {
        for (int64_t r = 0; r < i; r++) { /* what is overwritten is not needed by the rows below */
            double sum = 0;
            for (int64_t k = r; k < i; k++) sum += t[r * count + k] * t[k * count + i];
            t[r * count + i] = -tau[i] * sum;
        }
        t[i * count + i] = tau[i];
        for (int64_t r = i + 1; r < count; r++) t[r * count + i] = 0;
    }
    for (int64_t i = 0; i < count * count; i++) t[i] = -t[i];
}

/* Reads the reflections from..to out of a. */
static void read_block(const double *a, int64_t m, int64_t n, int64_t from, int64_t to, const double *tau, block *b)
{
    const int64_t count = b->count = to - from, rows = b->rows = m - from;
    for (int64_t i = 0; i < rows; i++) {
        double *const row = b->v + i * count;
        memcpy(row, a + (from + i) * n + from, (size_t)tgi_smaller(i, count) * sizeof *row);
        for (int64_t j = i; j < count; j++) row[j] = i == j;
    }
    const tgi_gemm args = { .m = count,
                            .n = count,
                            .k = rows,
                            .a = b->v,
                            .a_row = 1,
                            .a_col = count,
                            .b = b->v,
                            .b_row = count,
                            .b_col = 1,
                            .c = b->t,
                            .c_row = count };
    TGI_KERNELS(gemm)->run[TGI_F64](&args);
    make_t(b->t, count, tau + from);
}

/* c [rows, columns] -= V T VT c, or V TT VT c if transposed. */
static void apply_block(const block *b, bool transposed, double *c, int64_t c_row, int64_t columns)
{
    if (columns == 0) return;
    tgi_gemm args = { .m = b->count,
                      .n = columns,
                      .k = b->rows,
                      .a = b->v,
                      .a_row = 1,
                      .a_col = b->count,
                      .b = c,
                      .b_row = c_row,
                      .b_col = 1,
                      .c = b->w,
                      .c_row = columns };
    TGI_KERNELS(gemm)->run[TGI_F64](&args);
    args.k = b->count;
    args.a = b->t;
    args.a_row = transposed ? 1 : b->count;
    args.a_col = transposed ? b->count : 1;
    args.b = b->w;
    args.b_row = columns;
    args.c = b->tw;
    TGI_KERNELS(gemm)->run[TGI_F64](&args);
    args.m = b->rows;
    args.a = b->v;
    args.a_row = b->count;
    args.a_col = 1;
    args.b = b->tw;
    args.c = c;
    args.c_row = c_row;
    args.accumulate = true;
    TGI_KERNELS(gemm)->run[TGI_F64](&args);
}

/* ---- QR ---- */

/* Columns from..to, a few, of the rows from `from` on. */
static void reflect_panel(double *a, int64_t m, int64_t n, int64_t from, int64_t to, double *tau, double *panel)
{
    const int64_t rows = m - from;
    const size_t bytes = (size_t)(to - from) * sizeof *a;
    if (to - from < TGI_NARROW) memset(panel, 0, (size_t)(rows * TGI_NARROW) * sizeof *panel);
    for (int64_t i = 0; i < rows; i++) memcpy(panel + i * TGI_NARROW, a + (from + i) * n + from, bytes);
    TGI_KERNELS(factor)->reflect(panel, rows, to - from, tau + from);
    for (int64_t i = 0; i < rows; i++) memcpy(a + (from + i) * n + from, panel + i * TGI_NARROW, bytes);
}

/* The same for more of them: half of them, then the others, to which those are applied. */
static void reflect_columns(double *a, int64_t m, int64_t n, int64_t from, int64_t to, double *tau, block *b)
{
    if (to - from <= TGI_NARROW) {
        reflect_panel(a, m, n, from, to, tau, b->w);
        return;
    }
    const int64_t middle = from + tgi_pieces((to - from) / 2, TGI_NARROW) * TGI_NARROW;
    reflect_columns(a, m, n, from, middle, tau, b);
    read_block(a, m, n, from, middle, tau, b);
    apply_block(b, true, a + from * n + middle, n, to - middle);
    reflect_columns(a, m, n, middle, to, tau, b);
}

void tgi_qr(double *a, int64_t m, int64_t n, double *tau, double *scratch)
{
    block b = block_in(scratch, m, n);
    const int64_t count = tgi_smaller(m, n);
    for (int64_t from = 0; from < count; from += TGI_REFLECTIONS) {
        const int64_t to = tgi_smaller(from + TGI_REFLECTIONS, count);
        reflect_columns(a, m, n, from, to, tau, &b);
        if (to == n) continue;
        read_block(a, m, n, from, to, tau, &b);
        apply_block(&b, true, a + from * n + to, n, n - to);
    }
}

void tgi_qr_q(const double *a, int64_t m, int64_t n, const double *tau, double *q, int64_t columns, double *scratch)
{
    block b = block_in(scratch, m, n);
    const int64_t count = tgi_smaller(m, n);
    memset(q, 0, (size_t)(m * columns) * sizeof *q);
    for (int64_t i = 0; i < columns; i++) q[i * columns + i] = 1;
    for (int64_t i = tgi_pieces(count, TGI_REFLECTIONS); i-- > 0;) {
        const int64_t from = i * TGI_REFLECTIONS, to = tgi_smaller(from + TGI_REFLECTIONS, count);
        read_block(a, m, n, from, to, tau, &b);
        apply_block(&b, false, q + from * columns + from, columns, columns - from);
    }
}

/* gemm_plan.h: what the matrix product decides from shapes and strides alone, for every dtype: where it packs, what it
 * gives to which thread. Nothing here changes a bit of any result. */
#ifndef TG_OPS_KERNELS_GEMM_GEMM_PLAN_H
#define TG_OPS_KERNELS_GEMM_GEMM_PLAN_H

#include "gemm_kernels.h"
#include "gemm_sizes.h"
#include "ops/kernels/template/scalar.h"
#include "ops/kernels/template/threads.h"

/* A step of k in a product of parts. */
typedef struct tgi_gemm_spot {
    const tgi_gemm_part *part;
    int64_t step;
} tgi_gemm_spot;

/* How many of the `left` steps from `s` on lie in one part. Past the end of a part `s` goes on to the next. */
TGI_INLINE int64_t tgi_gemm_steps(tgi_gemm_spot *s, int64_t left)
{
    while (s->step >= s->part->k) *s = (tgi_gemm_spot){ s->part + 1, 0 };
    int64_t here = s->part->k - s->step;
    return here < left ? here : left;
}

/* `s` and `steps` more. */
TGI_INLINE tgi_gemm_spot tgi_gemm_past(tgi_gemm_spot s, int64_t steps)
{
    while (steps > 0) {
        int64_t here = tgi_gemm_steps(&s, steps);
        s.step += here;
        steps -= here;
    }
    return s;
}

/* Whether to compute c's transpose from those of b and a instead: where that makes the vectors run along a's contiguous
 * side, b having too few columns to fill one. */
TGI_INLINE bool tgi_gemm_swaps(int64_t m, int64_t n, const tgi_gemm_part *first, int64_t width)
{
    if (n == 1) return m > 1;
    return first->a_row == 1 && n <= SWAP_COLUMNS && n < width && m > n;
}

/* What is packed, and what of c is visited, at a time: rows of a, columns of b, steps of k. */
typedef struct tgi_gemm_blocks {
    int64_t rows, columns, depth;
} tgi_gemm_blocks;

/* An element of c is visited once for each BLOCK_K steps of k. So that it is in the second cache then, several blocks
 * of k are packed of fewer columns, and few rows run through all of them. */
TGI_INLINE tgi_gemm_blocks tgi_gemm_blocks_of(int64_t m, int64_t n, int64_t k, bool pack, int64_t size)
{
    tgi_gemm_blocks b = { m, n, k };
    if (!pack) return b;
    const int64_t deep = (k + BLOCK_K - 1) / BLOCK_K, most = BLOCK_N_BYTES / size;
    const int64_t columns = most / (deep < MOST_DEEP ? deep : MOST_DEEP), high = BLOCK_M_BYTES / size / (deep > 1 ? 2 : 1);
    if (n > columns) b.columns = columns;
    if (b.columns * deep > most) b.depth = most / b.columns * BLOCK_K;
    const int64_t pieces = (m + high - 1) / high;
    b.rows = ((m + pieces - 1) / pieces + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    return b;
}

/* How many threads are worth it; 1 where the caller is one of several already. */
TGI_INLINE int64_t tgi_gemm_threads(int64_t m, int64_t n, int64_t k)
{
    const double rows = (double)(m < FEW_SIDE ? FEW_SIDE : m), columns = (double)(n < FEW_SIDE ? FEW_SIDE : n);
    const double most = rows * columns * (double)k / THREAD_WORK;
    if (most < 2) return 1;
    const int threads = tgi_threads();
    return most < threads ? (int64_t)most : threads;
}

/* Into how many pieces down (the others are across) to cut m x n for so many threads: each packs for itself, so that
 * its piece shall have short sides. */
TGI_INLINE int64_t tgi_gemm_cut(int64_t m, int64_t n, int64_t threads)
{
    int64_t best = 1;
    double least = (double)m + (double)n / (double)threads;
    for (int64_t rows = 2; rows <= threads; rows++) {
        double sides = (double)m / (double)rows + (double)n / (double)(threads / rows);
        if (threads % rows || sides >= least) continue;
        least = sides;
        best = rows;
    }
    return best;
}

/* Where piece i of `pieces` starts: they are whole units. */
TGI_INLINE int64_t tgi_gemm_piece(int64_t i, int64_t pieces, int64_t length, int64_t unit)
{
    int64_t at = (length + unit - 1) / unit * i / pieces * unit;
    return at < length ? at : length;
}

#endif

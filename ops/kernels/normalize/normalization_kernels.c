/* normalization_kernels.c: the loops of the normalisations. Compiled once for each instruction set. */
#include "normalization_kernels.h"

#include "ops/kernels/template/body.h"

enum { NORM_BLOCK = 512 };

/* Two numbers of a set of `count` elements: sums, or mean and square. */
typedef struct pair {
    double first, second, count;
} pair;

/* The moments of the union of two sets. */
TGI_INLINE void join_moments(pair *a, const pair *b)
{
    const double count = a->count + b->count, delta = b->first - a->first;
    a->first += delta * (b->count / count);
    a->second += b->second + delta * delta * (a->count * b->count / count);
    a->count = count;
}

TGI_INLINE void join_sums(pair *a, const pair *b)
{
    a->first += b->first;
    a->second += b->second;
    a->count += b->count;
}

static void merge_moments(int64_t m, double n, double *mean, double *square, double n_other, const double *mean_other,
                          const double *square_other)
{
    const double part = n_other / (n + n_other), both = n * n_other / (n + n_other);
    TGI_INDEPENDENT
    for (int64_t j = 0; j < m; j++) {
        const double delta = mean_other[j] - mean[j];
        mean[j] += delta * part;
        square[j] += square_other[j] + delta * delta * both;
    }
}

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "ops/kernels/template/lanes.inc"
#include "normalization.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "ops/kernels/template/lanes.inc"
#include "normalization.inc"

#include "normalization_table.inc"

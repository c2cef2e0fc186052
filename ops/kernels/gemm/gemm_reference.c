/* gemm_reference.c: the matrix product for the reference: one element after the other, in double where the type is float. */
#define ISA reference
#include "gemm_kernels.h"

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "gemm_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "gemm_reference.inc"

static void dot_i64(int64_t n, const void *a, int64_t a_step, const void *b, int64_t b_step, void *y)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum += ((const uint64_t *)a)[i * a_step] * ((const uint64_t *)b)[i * b_step];
    *(uint64_t *)y = sum;
}

static void gemm_integers(const tgi_gemm *x)
{
    for (int64_t i = 0; i < x->m; i++)
        for (int64_t j = 0; j < x->n; j++) {
            uint64_t *c = (uint64_t *)x->c + i * x->c_row + j, sum;
            dot_i64(x->k, (const uint64_t *)x->a + i * x->a_row, x->a_col, (const uint64_t *)x->b + j * x->b_col,
                    x->b_row, &sum);
            *c = sum + (x->accumulate ? *c : 0) + (x->bias ? ((const uint64_t *)x->bias)[j] : 0);
        }
}

#include "gemm_table.inc"

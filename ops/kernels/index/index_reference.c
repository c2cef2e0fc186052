/* index_reference.c: gather and scatter for the reference: one element after the other. */
#define ISA reference
#include "index_kernels.h"

#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

static int64_t index_at(const tgi_index_rows *w, int64_t r, int64_t j)
{
    return w->index[r * w->index_row + j * w->index_step];
}

static bool rows_in_range(const tgi_index_rows *w)
{
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t j = 0; j < w->n; j++)
            if (index_at(w, r, j) < 0 || index_at(w, r, j) >= w->size) return false;
    return true;
}

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "index_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "index_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "index_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "index_reference.inc"

#include "index_table.inc"

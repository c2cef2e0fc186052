/* row_loops.h: what the kernels of one row (../rows_begin.def) are.
 *
 * A loop takes its operands in p: { y, a }, { y, a, b } or { y, a, b, c } forward, { d, g, a, y }, { d, g, a, b, y } or
 * { d, g, a, b, c, y } backward; those that a formula does not name may be NULL. Behind them, in a row with parameters,
 * stands a pointer to these: double in the loops over floats, int64_t in all others. A loss takes what a row of three
 * inputs takes. */
#ifndef TG_OPS_KERNELS_ROWS_ROW_LOOPS_H
#define TG_OPS_KERNELS_ROWS_ROW_LOOPS_H

#include "ops/kernels/kernels.h"

enum { TGI_PARAMETERS = 3 }; /* at most so many */

typedef struct tgi_row_loops {
    tgi_loop forward[TGI_DTYPES];  /* NULL where the op does not take the dtype */
    tgi_loop backward[3][2];       /* for the gradient of each input, float32 and float64 */
} tgi_row_loops;

/* A row of the table in use: TGI_ROW(functions, exp)->forward[TGI_F32]. Wants the family's header. */
#define TGI_ROW(family, row) (&TGI_KERNELS(family)->row)

#endif

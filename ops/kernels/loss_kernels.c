/* loss_kernels.c: the rows of loss.def as loops. Compiled once for each instruction set. */
#include "body.h"
#include "loss_kernels.h"

#define ROWS  "../loss.def"
#define DTYPE 0
#include "dtype.h"
#include "rows.inc"
#define DTYPE 1
#include "dtype.h"
#include "rows.inc"

const tgi_loss_kernels TGI_TABLE(loss) = {
#include "rows_table.inc"
};

/* loss_kernels.c: the rows of loss.def as loops. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "loss_kernels.h"

#define ROWS  "ops/loss.def"
#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "rows.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "rows.inc"

const tgi_loss_kernels TGI_TABLE(loss) = {
#include "rows_table.inc"
};

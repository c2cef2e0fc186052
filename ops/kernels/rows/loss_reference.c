/* loss_reference.c: the rows of loss.def for the reference (see reference.c). */
#define ISA reference
#include "loss_kernels.h"
#include "reference_body.h"

#define ROWS  "ops/loss.def"
#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "rows_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "rows_reference.inc"

const tgi_loss_kernels TGI_TABLE(loss) = {
#include "rows_table.inc"
};

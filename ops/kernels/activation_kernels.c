/* activation_kernels.c: the rows of activation.def as loops. Compiled once for each instruction set. */
#include "body.h"
#include "activation_kernels.h"

#define ROWS  "../activation.def"
#define DTYPE 0
#include "dtype.h"
#include "rows.inc"
#define DTYPE 1
#include "dtype.h"
#include "rows.inc"
#define DTYPE 2
#include "dtype.h"
#include "rows.inc"
#define DTYPE 3
#include "dtype.h"
#include "rows.inc"

const tgi_activation_kernels TGI_TABLE(activation) = {
#include "rows_table.inc"
};

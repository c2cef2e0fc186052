/* functions_kernels.c: the rows of functions.def as loops. Compiled once for each instruction set. */
#include "body.h"
#include "functions_kernels.h"

#define ROWS  "../functions.def"
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

const tgi_functions_kernels TGI_TABLE(functions) = {
#include "rows_table.inc"
};

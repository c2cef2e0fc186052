/* scan_kernels.c: running sums, products and extremes. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "scan_kernels.h"

/* Columns and contiguous rows that are worked on at a time, rows that become columns and elements of each at a time; columns
 * and factors side by side in a product, and rows so short that they become columns, so many at a time. */
enum { SCAN_COLUMNS = 512, SCAN_ROWS = 4, SCAN_TURN = 16, SCAN_PIECE = 64 };
enum { PROD_COLUMNS = 64, PROD_LANES = 32, PROD_SHORT = 64, PROD_TURN = 32 };

/* A running sum goes in steps of so many elements. */
#define STEP (TGI_VECTOR_BYTES / 8)

#include "scan_step.inc"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "scan_sum.inc"
#include "scan.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "scan_sum.inc"
#include "scan.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "scan.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "scan.inc"

#include "scan_table.inc"

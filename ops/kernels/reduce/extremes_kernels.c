/* extremes_kernels.c: the largest, the smallest and the middle one of many. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "extremes_kernels.h"

/* Elements compared side by side; rows so short become columns, so many at a time; columns whose results stay in the
 * first cache, and on a small stack. */
enum { SIDE_BY_SIDE = 256, SHORT_ROW = 64, TURN = 32 };
#define COLUMNS (6144 / (int64_t)sizeof(PLACE))

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "extremes_cell.inc"
#define MAXIMUM 1
#include "extremes.inc"
#define MAXIMUM 0
#include "extremes.inc"
#include "median.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "extremes_cell.inc"
#define MAXIMUM 1
#include "extremes.inc"
#define MAXIMUM 0
#include "extremes.inc"
#include "median.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "extremes_cell.inc"
#define MAXIMUM 1
#include "extremes.inc"
#define MAXIMUM 0
#include "extremes.inc"
#include "median.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "extremes_cell.inc"
#define MAXIMUM 1
#include "extremes.inc"
#define MAXIMUM 0
#include "extremes.inc"

#include "extremes_table.inc"

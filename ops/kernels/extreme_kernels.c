/* extreme_kernels.c: the largest, the smallest and the middle one of many. Compiled once for each instruction set. */
#include "body.h"
#include "extreme_kernels.h"

/* Elements compared side by side; rows so short become columns, so many at a time; columns whose results stay in the
 * first cache, and on a small stack. */
enum { SIDE_BY_SIDE = 256, SHORT_ROW = 64, TURN = 32 };
#define COLUMNS (6144 / (int64_t)sizeof(PLACE))

#define DTYPE 0
#include "dtype.h"
#include "extreme_cell.inc"
#define MAXIMUM 1
#include "extreme.inc"
#define MAXIMUM 0
#include "extreme.inc"
#include "median.inc"
#define DTYPE 1
#include "dtype.h"
#include "extreme_cell.inc"
#define MAXIMUM 1
#include "extreme.inc"
#define MAXIMUM 0
#include "extreme.inc"
#include "median.inc"
#define DTYPE 2
#include "dtype.h"
#include "extreme_cell.inc"
#define MAXIMUM 1
#include "extreme.inc"
#define MAXIMUM 0
#include "extreme.inc"
#include "median.inc"
#define DTYPE 3
#include "dtype.h"
#include "extreme_cell.inc"
#define MAXIMUM 1
#include "extreme.inc"
#define MAXIMUM 0
#include "extreme.inc"

#include "extreme_table.inc"

/* distance_kernels.c: distances of rows. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "distance_kernels.h"

/* A tile's rows and vectors; terms added one after the other before they join the others. */
enum { DISTANCE_TILE_ROWS = TGI_VECTOR_BYTES == 64 ? 8 : 4, DISTANCE_VECTORS = 2, DISTANCE_K = 32 };
/* Of gradients: sums kept at a time, and rows that are added up before they join the others. */
enum { DISTANCE_SUMS = 4, DISTANCE_ROWS = 32 };

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "distance.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "distance.inc"

#include "distance_table.inc"

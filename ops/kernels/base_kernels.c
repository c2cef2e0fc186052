/* base_kernels.c: copies, sums, softmax, optimisers, the matrix product, and the one table that leads to all others.
 * Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "ops/kernels/gemm/gemm_plan.h"
#include "ops/kernels/gemm/gemm_sizes.h"
#include "ops/kernels/template/workers.h"

/* Sums: elements of a block, columns at a time, sums kept of them; columns so few that all lanes are added at once. */
enum { SUM_BLOCK = 512, SUM_COLUMNS = 512, SUM_ROOM = 24576 /* bytes */, SUM_DENSE = 16 };
/* Softmax: columns at a time; rows so short are turned into so many columns, if they are not too few. */
enum { SOFT_COLUMNS = 256, SOFT_SHORT = 48, SOFT_TURN = 32, SOFT_FEW = 4 };

/* BLOCK_K of these go into the second and the third cache. */
enum { BLOCK_M_BYTES = 96 * 8, BLOCK_N_BYTES = 2048 * 8 };
enum { SMALL_M = 2 * TILE_ROWS, SMALL_WORK = 64 * 64 * 64, FEW_PANELS = 2 };

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "ops/kernels/template/move.inc"
#include "ops/kernels/reduce/reduce.inc"
#include "ops/kernels/reduce/softmax.inc"
#include "ops/kernels/optim/optimizer.inc"
#include "ops/kernels/gemm/gemm_pack.inc"
#include "ops/kernels/gemm/gemm_tile.inc"
#include "ops/kernels/gemm/gemm_tiles.inc"
#include "ops/kernels/gemm/gemm.inc"

#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "ops/kernels/template/move.inc"
#include "ops/kernels/reduce/reduce.inc"
#include "ops/kernels/reduce/softmax.inc"
#include "ops/kernels/optim/optimizer.inc"
#include "ops/kernels/gemm/gemm_pack.inc"
#include "ops/kernels/gemm/gemm_tile.inc"
#include "ops/kernels/gemm/gemm_tiles.inc"
#include "ops/kernels/gemm/gemm.inc"

#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "ops/kernels/template/move.inc"
#include "ops/kernels/reduce/reduce.inc"

#define DTYPE 3
#include "ops/kernels/template/dtype.h"
#include "ops/kernels/template/move.inc"
#include "ops/kernels/reduce/reduce.inc"

#include "table.inc"

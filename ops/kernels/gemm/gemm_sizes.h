/* gemm_sizes.h: how a matrix product is cut, on the instruction set at hand. All its sizes are here.
 *
 * In the words of the literature (Goto, BLIS), for elements of type T:
 *
 *     MR    TILE_ROWS                        rows of a tile of c, which stays in registers
 *     NR    TILE_VECTORS * WIDTH             its columns; WIDTH elements make a vector
 *     KC    BLOCK_K                          steps of k between two visits to c
 *     MC    BLOCK_M_BYTES / sizeof(T)        rows of the block of a that is packed for the second cache
 *     NC    BLOCK_N_BYTES / sizeof(T)        columns of the block of b that is packed for the third cache
 *
 * And where to find what:
 *
 *     gemm_micro.inc    the micro-kernel: one tile over one block of k
 *     gemm_shapes.inc   the micro-kernel for each shape of tile: full, narrow, wide; and one row times columns
 *     gemm_pack.inc     packing: rows of a and columns of b in the order in which tiles read them
 *     gemm_tiles.inc    a block of k: the loops over tiles, and the ways for small products
 *     gemm.inc          blocking: the loops over blocks
 *     gemm_dot.inc      the inner and outer products of two vectors
 *     gemm_integers.inc products of int64
 *     gemm_plan.h       the plan: what follows from shapes and strides alone, threads too */
#ifndef TG_OPS_KERNELS_GEMM_GEMM_SIZES_H
#define TG_OPS_KERNELS_GEMM_GEMM_SIZES_H

#include "ops/kernels/template/vectors.h"

/* Of a full tile, and of a wide one, which has TILE_WIDE vectors: 24 accumulators of 32 registers, or 12 of 16. */
#if TGI_VECTOR_BYTES == 64 || defined(__aarch64__)
#define TILE_ROWS 12
#define WIDE_ROWS 3
#else
#define TILE_ROWS 6
#define WIDE_ROWS 1
#endif
enum { TILE_VECTORS = 2, NARROW_ROWS = 12, TILE_WIDE = 8, DOT_VECTORS = 2, DOT_STEPS = 2, BLOCK_K = 256, PREFETCH_K = 64 };
/* BLOCK_K of these go into the second and the third cache. Where k is longer the columns may be fewer, down to a
 * fourth, with more steps of k packed of each, and the rows half as many: see gemm_plan.h. */
enum { BLOCK_M_BYTES = 96 * 8, BLOCK_N_BYTES = 2048 * 8, MOST_DEEP = 4 };
/* Elements that packing may write behind the last one. */
enum { PACK_SLACK = 16 };
/* From one row of a to the next where a block of it is packed row by row: not all begin in the same set of the first
 * cache. */
enum { PACKED_ROW = BLOCK_K + 16 };
/* A product with no more rows, panels or multiplications is not worth packing. */
enum { SMALL_M = 2 * TILE_ROWS, SMALL_WORK = 64 * 64 * 64, FEW_PANELS = 1 };
/* A product stored by columns with no more columns than these is computed as its transpose. */
enum { SWAP_COLUMNS = 12 };
/* Blocks of k that are summed side by side where one row and few columns leave the multipliers idle. */
enum { CHAINS = 4 };
/* Multiplications for each thread from which on another one pays: some 6 us, of which 0.5 are lost, and whoever reads
 * the result finds half of it in another's cache. A product of few rows or columns takes as long as one of FEW_SIDE: it
 * waits for memory. */
enum { THREAD_WORK = 1 << 19, FEW_SIDE = 8 };
/* Elements from which on a matrix is packed by several threads. */
enum { PACK_WORK = 1 << 16 };

#endif

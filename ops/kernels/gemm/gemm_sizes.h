/* gemm_sizes.h: how large the tiles of a matrix product are on the instruction set at hand. */
#ifndef TG_OPS_KERNELS_GEMM_GEMM_SIZES_H
#define TG_OPS_KERNELS_GEMM_GEMM_SIZES_H

#include "ops/kernels/template/vectors.h"

/* 24 accumulators of 32 registers, or 12 of 16. */
#if TGI_VECTOR_BYTES == 64 || defined(__aarch64__)
#define TILE_ROWS 12
#define WIDE_ROWS 3
#else
#define TILE_ROWS 6
#define WIDE_ROWS 1
#endif
enum { TILE_VECTORS = 2, NARROW_ROWS = 12, TILE_WIDE = 8, DOT_VECTORS = 2, BLOCK_K = 256, PREFETCH_K = 64 };
enum { PACK_SLACK = 16 };
/* BLOCK_K of these go into the second and the third cache. */
enum { BLOCK_M_BYTES = 96 * 8, BLOCK_N_BYTES = 2048 * 8 };
enum { SMALL_M = 2 * TILE_ROWS, SMALL_WORK = 64 * 64 * 64, FEW_PANELS = 2 };

#endif

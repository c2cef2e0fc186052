/* sum_sizes.h: how sums are cut. */
#ifndef TG_OPS_KERNELS_REDUCE_SUM_SIZES_H
#define TG_OPS_KERNELS_REDUCE_SUM_SIZES_H

/* Elements of a block, columns at a time, bytes of the sums kept of them; columns so few that all lanes are added at
 * once. */
enum { SUM_BLOCK = 512, SUM_COLUMNS = 512, SUM_ROOM = 24576, SUM_DENSE = 128 };

#endif

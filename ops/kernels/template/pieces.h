/* pieces.h: cutting work, for loops and kernels. */
#ifndef TG_OPS_KERNELS_TEMPLATE_PIECES_H
#define TG_OPS_KERNELS_TEMPLATE_PIECES_H

#include <stdint.h>

static inline int64_t tgi_smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t tgi_larger(int64_t a, int64_t b) { return a > b ? a : b; }
/* How many pieces of `size` cover n. */
static inline int64_t tgi_pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

#endif

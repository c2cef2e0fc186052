/* drive.h: brings operands of any stride before a loop over contiguous ones.
 *
 * A flat loop knows contiguous memory only. When all strides are the element sizes it runs on the operands
 * themselves; otherwise blocks of each operand are copied through a small buffer. A missing operand is a null pointer
 * and is never touched; the loop must not name it. */
#ifndef TG_OPS_KERNELS_DRIVE_H
#define TG_OPS_KERNELS_DRIVE_H

#include <stdbool.h>
#include <string.h>

#include "scalar.h"

enum { TGI_OPERANDS = 5, TGI_BLOCK = 256 };

typedef void (*tgi_flat_loop)(int64_t n, char *const *p);

/* The size of each operand's elements in bytes: 1, 4 or 8. */
typedef struct tgi_operand_sizes {
    int count;
    int64_t bytes[TGI_OPERANDS];
} tgi_operand_sizes;

TGI_INLINE bool tgi_is_flat(const tgi_operand_sizes *sizes, int64_t n, char *const *p, const int64_t *stride)
{
    if (n <= 1) return true;
    for (int k = 0; k < sizes->count; k++) {
        if (p[k] && stride[k] != sizes->bytes[k]) return false;
    }
    return true;
}

/* Copies n elements of `size` bytes from one stride to another. */
TGI_INLINE void tgi_move(int64_t n, int64_t size, char *to, int64_t to_stride, const char *from, int64_t from_stride)
{
    if (size == 4) {
        for (int64_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, 4);
    } else if (size == 8) {
        for (int64_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, 8);
    } else {
        for (int64_t i = 0; i < n; i++) to[i * to_stride] = from[i * from_stride];
    }
}

static __attribute__((noinline, unused)) void tgi_drive(tgi_flat_loop loop, const tgi_operand_sizes *sizes, int64_t n,
                                                        char *const *p, const int64_t *stride)
{
    _Alignas(64) char buffer[TGI_OPERANDS][TGI_BLOCK * 8];
    char *block[TGI_OPERANDS] = { NULL };
    for (int64_t start = 0; start < n; start += TGI_BLOCK) {
        int64_t length = n - start < TGI_BLOCK ? n - start : TGI_BLOCK;
        for (int k = 0; k < sizes->count; k++) {
            int64_t size = sizes->bytes[k];
            if (!p[k]) continue;
            block[k] = stride[k] == size ? p[k] + start * size : buffer[k];
            bool repeated = stride[k] == 0 && start > 0; /* the buffer already holds the one value */
            if (k > 0 && block[k] == buffer[k] && !repeated)
                tgi_move(length, size, buffer[k], size, p[k] + start * stride[k], stride[k]);
        }
        loop(length, block);
        if (block[0] == buffer[0])
            tgi_move(length, sizes->bytes[0], p[0] + start * stride[0], stride[0], buffer[0], sizes->bytes[0]);
    }
}

/* The loop below has a small constant number of turns and must vanish, or its vectors will not stay in registers. */
#ifdef __clang__
#define TGI_UNROLLED _Pragma("clang loop unroll(full)")
#else
#define TGI_UNROLLED _Pragma("GCC unroll 16")
#endif

/* Tells the compiler that no iteration of the loop below depends on another one: operands may be the same memory, never
 * shifted against each other. */
#ifdef __clang__
#define TGI_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define TGI_INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif

/* kernels_drawn.h: sizes and numbers drawn at random, for the tests of kernels that work on images. */
#ifndef TG_TESTS_SUPPORT_KERNELS_DRAWN_H
#define TG_TESTS_SUPPORT_KERNELS_DRAWN_H

#include "kernels.h"

static inline int64_t between(int64_t lo, int64_t hi) { return lo + (int64_t)(draw() % (uint64_t)(hi - lo + 1)); }

/* As many, on the heap. */
static inline void *numbers(int d, int64_t count)
{
    char *memory = malloc((size_t)(count + 1) * 8);
    assert_non_null(memory);
    for (int64_t i = 0; i < count; i++) set(d, memory + i * sizes[d], uniform(-1, 1));
    return memory;
}

/* Each element within `terms` roundings of the reference's, or the same for integers. */
static inline void assert_near(int d, const char *what, const void *got, const void *want, int64_t count, double terms)
{
    const double eps = d == TGI_F32 ? 0x1p-24 : 0x1p-53;
    if (d == TGI_I64 && memcmp(got, want, (size_t)(count * sizes[d])) != 0)
        fail_msg("%s %s of int64", set_name(), what);
    if (d == TGI_I64) return;
    for (int64_t i = 0; i < count; i++) {
        const double a = get(d, (const char *)got + i * sizes[d]), b = get(d, (const char *)want + i * sizes[d]);
        if (!(fabs(a - b) <= eps * terms))
            fail_msg("%s %s of %s: element %d is %.17g, want %.17g", set_name(), what, dtype_name(d), (int)i, a, b);
    }
}

#endif

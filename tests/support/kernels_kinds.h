/* kernels_kinds.h: numbers of several kinds, for the tests of extremes and of scans. */
#ifndef TG_TESTS_SUPPORT_KERNELS_KINDS_H
#define TG_TESTS_SUPPORT_KERNELS_KINDS_H

#include "kernels.h"

/* How the numbers are: any, with NaN and infinities among them; few different ones, zeros of both signs too; or
 * plain. */
enum { ANY, TIES, PLAIN, KINDS };

static inline void fill(int d, char *to, int64_t count, int kind)
{
    for (int64_t i = 0; i < count; i++) {
        double x = kind == ANY ? any_real() : kind == TIES ? (double)(draw() % 3) - 1 : uniform(-3, 3);
        if (kind == TIES && x == 0 && draw() % 2) x = -0.0;
        set(d, to + i * sizes[d], x);
        if (d == TGI_I64 && kind == TIES) memcpy(to + i * 8, &(int64_t){ (int64_t)x }, 8);
    }
}

/* Each of `count` elements at most `ulps` floats from the one expected. */
static inline void expect(int d, int64_t count, const char *got, const char *expected, double ulps, const char *what)
{
    for (int64_t i = 0; i < count; i++)
        if (!alike(d, got + i * sizes[d], expected + i * sizes[d], ulps))
            fail_msg("%s, %s of %s: element %lld is %.17g, want %.17g", set_name(), what, dtype_name(d), (long long)i,
                     d <= TGI_F64 ? get(d, got + i * sizes[d]) : (double)got[i * sizes[d]],
                     d <= TGI_F64 ? get(d, expected + i * sizes[d]) : (double)expected[i * sizes[d]]);
}

#endif

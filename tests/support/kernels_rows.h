/* kernels_rows.h: rows of many lengths, in memory that is not aligned, for the tests of normalisations and of
 * attention. */
#ifndef TG_TESTS_SUPPORT_KERNELS_ROWS_H
#define TG_TESTS_SUPPORT_KERNELS_ROWS_H

#include "kernels.h"

enum { MOST = 1200, ROWS = 5, ROOM = ROWS * MOST };

/* Around those of vectors and blocks. */
static const int64_t lengths[] = { 1,  2,  3,  7,  8,   9,   15,  16,  17,   31,   32,
                                   33, 63, 64, 65, 100, 511, 512, 513, 1024, 1025, 1200 };
enum { LENGTHS = sizeof lengths / sizeof *lengths };

/* Memory that is not aligned. */
typedef struct numbers {
    char bytes[1 + ROOM * 8];
} numbers;
static inline char *start(numbers *n) { return n->bytes + 1; }

static inline void fill(int d, numbers *to, int64_t count, double low, double high)
{
    for (int64_t i = 0; i < count; i++) set(d, start(to) + i * sizes[d], uniform(low, high));
}

static inline double eps(int d) { return d == TGI_F32 ? 0x1p-23 : 0x1p-52; }

/* Within `bound` ulps of 1 + |want|. */
static inline void near(int d, const char *what, int64_t n, double got, double want, double bound)
{
    if (fabs(got - want) <= bound * eps(d) * (1 + fabs(want))) return;
    fail_msg("%s %s %s, n = %d: %.17g, want %.17g", set_name(), what, dtype_name(d), (int)n, got, want);
}

static inline void all_near(int d, const char *what, int64_t n, numbers *got, numbers *want, int64_t count,
                            double bound)
{
    for (int64_t i = 0; i < count; i++)
        near(d, what, n, get(d, start(got) + i * sizes[d]), get(d, start(want) + i * sizes[d]), bound);
}

#endif

/* numbers.h: the numbers that a run ends with, to be compared with another run's. */
#ifndef TG_TESTS_SUPPORT_NUMBERS_H
#define TG_TESTS_SUPPORT_NUMBERS_H

#include "cmocka_all.h"
#include "core/tensor.h"

#include <string.h>

enum { MOST_NUMBERS = 2048 };

typedef struct numbers_of {
    double at[MOST_NUMBERS];
    int count;
} numbers_of;

static inline void add_numbers(numbers_of *n, tg_tensor *t)
{
    assert_non_null(t);
    assert_true(n->count + tg_numel(t) <= MOST_NUMBERS);
    assert_int_equal(tg_to_array(t, n->at + n->count, tg_numel(t)), TG_OK);
    n->count += (int)tg_numel(t);
}

/* To the bit. */
static inline void expect_same(const numbers_of *a, const numbers_of *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++)
        if (memcmp(&a->at[i], &b->at[i], sizeof a->at[i]))
            fail_msg("number %d: %.17g, not %.17g", i, a->at[i], b->at[i]);
}

#endif

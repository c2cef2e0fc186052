/* op_suite.h: a suite that has a test for each op of the registry, named like the op. An argument of the program is a
 * pattern: only tests whose names match it run. */
#ifndef TG_TESTS_SUPPORT_OP_SUITE_H
#define TG_TESTS_SUPPORT_OP_SUITE_H

#include "suite.h"

typedef struct op_suite {
    const char *name;
    CMUnitTestFunction test;           /* *state is the op */
    CMFixtureFunction setup, teardown; /* of each op's test; without a setup errors are silenced */
    CMFixtureFunction end;             /* of all */
    const struct CMUnitTest *first;    /* what runs before the ops */
    size_t first_count;
} op_suite;

int op_suite_run(const op_suite *suite, int argc, char **argv);

#endif

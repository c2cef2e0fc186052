/* suite.h: what a suite is written with. Each test is `TEST(test_name) { ... }`, and stands as T(test_name) in the list
 * that main runs. Errors are not printed while it runs; one that it leaves behind fails it. */
#ifndef TG_TESTS_SUPPORT_SUITE_H
#define TG_TESTS_SUPPORT_SUITE_H

#include "errors.h"

#include <stdlib.h>

#define TEST(name) static void name(void **state __attribute__((unused)))
#define T(name)    cmocka_unit_test_setup_teardown(name, silence_errors, expect_no_error)

/* A test's first line, where its last is tg_scope_end(scope). */
#define IN_SCOPE const tg_scope scope = tg_scope_begin()

/* Whether suites that usually run a part of their cases run all. */
static inline bool test_everything(void) { return getenv("TEST_EVERYTHING") != NULL; }

#endif

/* op_suite.c: a suite that has a test for each op of the registry. */
#include "op_suite.h"

#include "core/error.h"
#include "ops/registry.h"

#include <stdlib.h>

int op_suite_run(const op_suite *suite, int argc, char **argv)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    const size_t before = suite->first_count, total = before + (size_t)count;
    struct CMUnitTest *tests = calloc(total, sizeof *tests);
    if (!tests) return 1;
    for (size_t i = 0; i < before; i++) tests[i] = suite->first[i];
    for (int i = 0; i < count; i++)
        tests[before + (size_t)i] =
            (struct CMUnitTest){ ops[i]->name, suite->test, suite->setup ? suite->setup : silence_errors,
                                 suite->teardown, (void *)(uintptr_t)ops[i] };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    tg_set_error_handler(NULL, NULL);
    tg_set_warning_handler(NULL, NULL);
    const int failed = _cmocka_run_group_tests(suite->name, tests, total, NULL, suite->end);
    free(tests);
    return failed;
}

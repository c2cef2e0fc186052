/* errors.h: what tests of failing calls share. */
#ifndef TG_TESTS_SUPPORT_ERRORS_H
#define TG_TESTS_SUPPORT_ERRORS_H

#include "cmocka_all.h"
#include "core/error.h"

#include <string.h>

/* A test's setup: errors are recorded but not printed. */
static inline int silence_errors(void **state)
{
    (void)state;
    tg_error_clear();
    tg_set_error_handler(NULL, NULL);
    return 0;
}

/* A test's teardown: fails if an error is left that the test did not expect. */
static inline int expect_no_error(void **state)
{
    (void)state;
    tg_set_error_handler(tg_default_error_handler, NULL);
    if (!tg_failed()) return 0;
    print_error("left over: %s\n", tg_error_message());
    tg_error_clear();
    return -1;
}

/* The pending error contains `text`; it is cleared. */
#define expect_error(text)                                                                                            \
    do {                                                                                                              \
        if (!strstr(tg_error_message(), text)) fail_msg("expected \"%s\", got \"%s\"", text, tg_error_message());     \
        tg_error_clear();                                                                                             \
    } while (0)

/* The call returns NULL, with an error that contains `text`. */
#define expect_refusal(call, text)                                                                                     \
    do {                                                                                                               \
        assert_null(call);                                                                                             \
        expect_error(text);                                                                                            \
    } while (0)

#endif

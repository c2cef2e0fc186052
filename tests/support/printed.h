/* printed.h: what a function printed into a file, to be compared with a text. Lines of the suite itself, which are
 * moved by whoever writes a test above, read "here". */
#ifndef TG_TESTS_SUPPORT_PRINTED_H
#define TG_TESTS_SUPPORT_PRINTED_H

#include "cmocka_all.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { PRINTED_MOST = 1 << 16 };
static char printed_text[PRINTED_MOST];

static inline FILE *printed_begin(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    return file;
}

/* Closes the file. The text is valid until the next call. */
static inline const char *printed_end(FILE *file, const char *suite)
{
    static char raw[PRINTED_MOST];
    const size_t name = strlen(suite);
    rewind(file);
    raw[fread(raw, 1, sizeof raw - 1, file)] = '\0';
    fclose(file);
    char *to = printed_text;
    for (const char *at = raw; *at;) {
        if (strncmp(at, suite, name) == 0 && at[name] == ':') {
            memcpy(to, "here", 4);
            to += 4;
            for (at += name + 1; isdigit((unsigned char)*at);) at++;
        } else
            *to++ = *at++;
    }
    *to = '\0';
    return printed_text;
}

static inline void expect_in(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("there is no\n%s\nin\n%s", part, text);
}

/* `expect_printed(call_that_prints(file), "text")`: the call names its file `file`. */
#define expect_printed(call, text)                                                                                     \
    do {                                                                                                               \
        FILE *file = printed_begin();                                                                                  \
        assert_int_equal(call, TG_OK);                                                                                 \
        assert_string_equal(printed_end(file, __FILE__), text);                                                        \
    } while (0)

#endif

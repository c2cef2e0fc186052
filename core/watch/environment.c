/* environment.c: which variable starts which tool.
 *
 * The only file that knows all tools. A variable is read when a thread first uses the library; one that is unset, empty
 * or 0 starts nothing. */
#include "environment_impl.h"

#include "core/observe_impl.h"
#include "core/watch/tape/tools_impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct tool {
    const char *variable;
    void (*begin)(const char *value);
} tool;

static const tool tools[] = {
    { "TAPEGRAD_PLAY", tgi_play_begin },
    { "TAPEGRAD_PROFILE", tgi_profile_from_environment },
    { "TAPEGRAD_CHECK", tgi_check_begin_by },
    { "TAPEGRAD_COMPARE", tgi_compare_from_environment },
    { NULL, NULL },
};

static void begin_tools(void)
{
    for (const tool *t = tools; t->variable; t++) {
        const char *value = getenv(t->variable);
        if (value && *value && strcmp(value, "0") != 0) t->begin(value);
    }
}

void tgi_watch_environment(void) { tgi_thread_begins = begin_tools; }

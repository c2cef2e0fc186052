/* environment_impl.h: tools that a variable of the environment starts. Internal.
 *
 * Such a tool watches programs that know nothing of it: `TAPEGRAD_PROFILE=1 ./program`. */
#ifndef TG_CORE_WATCH_ENVIRONMENT_IMPL_H
#define TG_CORE_WATCH_ENVIRONMENT_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* From here on each thread that begins to use the library starts the tools whose variables are set. For a constructor,
 * before any thread has begun (ops/base/iterate.c). */
void tgi_watch_environment(void);

/* ---- the tools: each begins on this thread, as the variable's value says ---- */
void tgi_play_begin(const char *value);               /* TAPEGRAD_PLAY: player_environment.c */
void tgi_profile_from_environment(const char *value); /* TAPEGRAD_PROFILE: profile_tool.c */
void tgi_check_begin_by(const char *value);           /* TAPEGRAD_CHECK: check.c */
void tgi_compare_from_environment(const char *value); /* TAPEGRAD_COMPARE: compare.c */

TG_EXTERN_C_END

#endif

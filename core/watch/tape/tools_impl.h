/* tools_impl.h: the tools that a variable of the environment starts: `TAPEGRAD_PROFILE=1 ./program`. Internal.
 *
 * Each begins on the thread that calls it, in the middle of its first allocation: it may allocate and observe, but an
 * error that it leaves pending is the program's. Its observer is told of the thread's end. */
#ifndef TG_CORE_WATCH_TAPE_TOOLS_IMPL_H
#define TG_CORE_WATCH_TAPE_TOOLS_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* `value` is the variable's, neither empty nor "0". */
void tgi_play_begin(const char *value);               /* TAPEGRAD_PLAY: player/player_environment.c */
void tgi_profile_from_environment(const char *value); /* TAPEGRAD_PROFILE: profile/profile_tool.c */
void tgi_check_begin_by(const char *value);           /* TAPEGRAD_CHECK: check/check.c */
void tgi_compare_from_environment(const char *value); /* TAPEGRAD_COMPARE: compare/compare.c */

TG_EXTERN_C_END

#endif

/* environment_impl.h: programs that know nothing of tools are watched by them, if variables of the environment say so.
 * Internal. */
#ifndef TG_CORE_WATCH_ENVIRONMENT_IMPL_H
#define TG_CORE_WATCH_ENVIRONMENT_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* From here on each thread that begins to use the library starts the tools whose variables are set. For a constructor,
 * before any thread has begun (ops/base/iterate.c). */
void tgi_watch_environment(void);

TG_EXTERN_C_END

#endif

/* compare_tool_impl.h: the port checker as a variable of the environment starts it. Internal. */
#ifndef TG_CORE_WATCH_COMPARE_TOOL_IMPL_H
#define TG_CORE_WATCH_COMPARE_TOOL_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* Begins the comparison that the variable asks for: `run.safetensors` or `load:run.safetensors`. The first thread that
 * uses the library has it; an error is told, and the program goes on without. */
void tgi_compare_from_environment(const char *value);

TG_EXTERN_C_END

#endif

/* pickle_fail.c: what is wrong in a pickle, and where: for all files of it. */
#include "core/error.h"
#include "core/text.h"
#include "core/thread.h"
#include "pickle_impl.h"

#include <stdarg.h>

void *tgi_pickle_fail(const tgi_pickle *p, const char *format, ...)
{
    char what[TGI_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(what, sizeof what, format, arguments);
    va_end(arguments);
    return tgi_input_fail(p->in, p->at == TGI_NOWHERE ? TGI_NOWHERE : p->at + p->opcode_at, "data.pkl", "%s", what);
}

bool tgi_pickle_add(const tgi_pickle *p, const tg_object *container, const tg_object *item)
{
    const char *problem = tgi_object_add((tg_object *)(uintptr_t)container, item);
    if (problem && *problem) tgi_pickle_fail(p, "%s", problem);
    return !problem;
}

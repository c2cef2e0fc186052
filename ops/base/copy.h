/* copy.h: elements copied by those that need no loop of their own (iterate.c, where it stands). Internal. */
#ifndef TG_OPS_BASE_COPY_H
#define TG_OPS_BASE_COPY_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* to = from, converted to to's dtype and broadcast to its shape. Raw: records nothing, counts no version; it cannot
 * fail. */
void tgi_copy_raw(tg_tensor *to, tg_tensor *from);

TG_EXTERN_C_END

#endif

/* call.h: what the thunks of the generic call share. Internal to ops/.
 *
 * Every op's `call` returns a list. A function with a single result wraps it here, so that a failure looks the same
 * from every op. */
#ifndef TG_OPS_CALL_H
#define TG_OPS_CALL_H

#include "../core/op.h"

/* A list of the one result `t`; NULL, an op's failure, gives the failed list. */
static inline tg_tensor_list tgi_result(tg_tensor *t)
{
    tg_tensor **items = t ? tg_list_new(1) : NULL;
    if (!items) return tg_list_failed();
    items[0] = t;
    return TG_LITERAL(tg_tensor_list){ items, 1 };
}

#endif

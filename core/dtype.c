/* dtype.c: which element type a number gets, and which two of them become. */
#include "error.h"
#include "shape.h"

static tg_dtype default_dtype = TG_FLOAT32;

tg_dtype tg_default_dtype(void) { return default_dtype; }

void tg_set_default_dtype(tg_dtype dtype)
{
    if (tg_dtype_is_floating(dtype))
        default_dtype = dtype;
    else
        tg_fail_at(NULL, TG_ERROR_VALUE, "set_default_dtype",
                   "only floating-point types are supported as the default type, not %s", tg_dtype_name(dtype));
}

tg_dtype tg_promote_types(tg_dtype a, tg_dtype b)
{
    static const int rank[TG_DTYPES] = { 2, 3, 1, 0 };
    if ((unsigned)a >= TG_DTYPES || (unsigned)b >= TG_DTYPES) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "promote_types", "%d is not a dtype",
                   (unsigned)a >= TG_DTYPES ? (int)a : (int)b);
        return TG_FLOAT32;
    }
    return rank[a] >= rank[b] ? a : b;
}

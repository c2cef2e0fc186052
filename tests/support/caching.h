/* caching.h: whether freed blocks are kept and handed out again. They are, unless a sanitizer or the environment has it
 * otherwise. */
#ifndef TG_TESTS_SUPPORT_CACHING_H
#define TG_TESTS_SUPPORT_CACHING_H

#include "core/memory.h"
#include "core/scope.h"
#include "ops/create.h"

static inline bool caching(void)
{
    const tg_scope scope = tg_scope_begin();
    tg_ones(tg_shape(1 << 16));
    tg_scope_end(scope);
    return tg_memory_stats().cached_bytes >= 1 << 18;
}

#endif

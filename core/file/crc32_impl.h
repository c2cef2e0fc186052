/* crc32_impl.h: the check sum of zip and PNG. Internal. */
#ifndef TG_CORE_FILE_CRC32_IMPL_H
#define TG_CORE_FILE_CRC32_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* The sum of what came before, 0 at first, and of these bytes behind it. */
uint32_t tgi_crc32(uint32_t crc, const void *bytes, size_t count);

TG_EXTERN_C_END

#endif

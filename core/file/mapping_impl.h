/* mapping_impl.h: a file in the address space: tensors whose elements are read when they are first looked at. Internal.
 *
 * The mapping is private: what is written into such a tensor goes into a copy of its page, and never into the file. It
 * ends with the last tensor that lies in it. */
#ifndef TG_CORE_FILE_MAPPING_IMPL_H
#define TG_CORE_FILE_MAPPING_IMPL_H

#include "input_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_mapping tgi_mapping;

/* All of the file. NULL with an error pending. */
tgi_mapping *tgi_mapping_open(const tgi_input *in);
/* Ends the caller's use of it. NULL does no harm. */
void tgi_mapping_close(tgi_mapping *mapping);

/* As tgi_input_tensor, and its checks; what has to be converted, or lies where no such element may lie, is a copy. */
tg_tensor *tgi_mapping_tensor(tgi_mapping *mapping, const tgi_input *in, int64_t at, tgi_element element,
                              const tg_shape *shape, const char *name);

TG_EXTERN_C_END

#endif

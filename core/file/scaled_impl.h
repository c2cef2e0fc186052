/* scaled_impl.h: bytes of a file as elements of a dtype that the user chose, multiplied by a number. Internal. */
#ifndef TG_CORE_FILE_SCALED_IMPL_H
#define TG_CORE_FILE_SCALED_IMPL_H

#include "element_impl.h"
#include "idx.h"

TG_EXTERN_C_BEGIN

/* The dtype that elements of that kind get, and whether they can: false with an error pending. */
bool tgi_scaled_dtype(const char *function, tgi_element element, const tg_load_idx_options *options, tg_dtype *dtype);

/* Elements from `from`, in this machine's order, become those of a tensor from its `first` on. */
void tgi_scaled_copy(tg_tensor *t, int64_t first, const void *from, int64_t count, tgi_element element, double scale);

TG_EXTERN_C_END

#endif

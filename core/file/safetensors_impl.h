/* safetensors_impl.h: what reading and writing the format share. Internal. */
#ifndef TG_CORE_FILE_SAFETENSORS_IMPL_H
#define TG_CORE_FILE_SAFETENSORS_IMPL_H

#include "input_impl.h"
#include "safetensors.h"

TG_EXTERN_C_BEGIN

enum { TGI_SAFETENSORS_HEADER = 100000000 }; /* the most bytes that one has */
extern const char *const tgi_safetensors_dtypes[TGI_ELEMENTS]; /* "F32" */

/* Everything in an open file, into the innermost scope; see tg_load_safetensors. */
tg_named_tensor_list tgi_safetensors_load(const tgi_input *in, tg_load_safetensors_options options);
/* The list was found to be good by tgi_named_tensors_ok; the rest is checked here. */
tg_status tgi_safetensors_write(const char *function, tg_named_tensor_list list, const char *path,
                                tg_text_pairs metadata);

TG_EXTERN_C_END

#endif

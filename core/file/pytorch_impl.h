/* pytorch_impl.h: what the files of .pt share. Internal. */
#ifndef TG_CORE_FILE_PYTORCH_IMPL_H
#define TG_CORE_FILE_PYTORCH_IMPL_H

#include "input_impl.h"
#include "object_impl.h"

TG_EXTERN_C_BEGIN

/* Whether it is a file of PyTorch's, be it one that is too old: what is wrong with that tgi_pt_load tells. */
bool tgi_pt_is(const tgi_input *in);
/* What it holds, in the innermost scope. NULL with an error pending; what was made before is then there, too. */
const tg_object *tgi_pt_load(const tgi_input *in);
/* TG_FAILED with an error pending. */
tg_status tgi_pt_save(const char *function, tg_any what, const char *path);

TG_EXTERN_C_END

#endif

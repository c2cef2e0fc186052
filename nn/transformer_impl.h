/* transformer_impl.h: what the transformers' layers and stacks share. */
#ifndef TG_NN_TRANSFORMER_IMPL_H
#define TG_NN_TRANSFORMER_IMPL_H

#include "module_impl.h"
#include "transformer_layers.h"

TG_EXTERN_C_BEGIN

/* Opens the forward of a decoder or of a layer of one. False, with an error, also for masks that failed to be made. */
bool tgi_decoder_begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor *tgt, tg_tensor *memory,
                       const tg_transformer_decoder_forward_options *o);

TG_EXTERN_C_END

#endif

/* scratch.h: working memory of a thread's own, kept from call to call, so that a warm kernel allocates nothing. */
#ifndef TG_OPS_KERNELS_SCRATCH_H
#define TG_OPS_KERNELS_SCRATCH_H

#include <stddef.h>

/* Blocks of a thread: what the two operands of a product are packed into; what is sorted; a strip of what is indexed. */
typedef enum tgi_scratch_use {
    TGI_SCRATCH_A, TGI_SCRATCH_B, TGI_SCRATCH_SORT, TGI_SCRATCH_ATTENTION, TGI_SCRATCH_INDEX, TGI_SCRATCH_USES
} tgi_scratch_use;

/* At least `bytes` bytes, 64-byte aligned, uninitialised, valid until this thread's next call for the same use. They
 * go when the thread ends. NULL when there is no memory: the caller then does without. */
void *tgi_scratch(tgi_scratch_use use, size_t bytes);

#endif

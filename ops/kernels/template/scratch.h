/* scratch.h: working memory of a thread's own, kept from call to call, so that a warm kernel allocates nothing. */
#ifndef TG_OPS_KERNELS_TEMPLATE_SCRATCH_H
#define TG_OPS_KERNELS_TEMPLATE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Blocks of a thread: what the two operands of a product are packed into, or a panel of the second one; what is sorted;
 * a strip of what is indexed, or of what lies transposed. */
typedef enum tgi_scratch_use {
    TGI_SCRATCH_A,
    TGI_SCRATCH_B,
    TGI_SCRATCH_PANEL,
    TGI_SCRATCH_SORT,
    TGI_SCRATCH_ATTENTION,
    TGI_SCRATCH_INDEX,
    TGI_SCRATCH_STRIP,
    TGI_SCRATCH_USES
} tgi_scratch_use;

/* Where the blocks come from and go to. */
typedef struct tgi_scratch_source {
    void *(*allocate)(size_t bytes, void *context);
    void (*release)(void *block, size_t bytes, void *context);
    void *context;
    bool poisoned; /* a block is filled with NaN whenever it is handed out */
} tgi_scratch_source;

/* Who is asked for it at each block; NULL: nobody, the C library gives them. Before the first block. */
void tgi_scratch_from(tgi_scratch_source (*of_library)(void));

/* At least `bytes` bytes, aligned to a page, uninitialised, valid until this thread's next call for the same use. They
 * go when the thread ends. NULL when there is no memory: the caller then does without, to the same bits, or fails for
 * want of memory. */
void *tgi_scratch(tgi_scratch_use use, size_t bytes);

#endif

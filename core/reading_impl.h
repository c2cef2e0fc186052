/* reading_impl.h: which tensors that have gradients a function reads. For core's own files. */
#ifndef TG_CORE_READING_IMPL_H
#define TG_CORE_READING_IMPL_H

#include "thread.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_read {
    tg_tensor *tensor; /* a reference */
    int64_t version;   /* of its storage, when it was read first */
} tgi_read;

struct tgi_reading {
    /* How it notes, so that a program in which nobody does links none of it. */
    bool (*note)(tgi_reading *reads, tg_tensor_list inputs, tg_tensor_list outputs);
    const char *name; /* for errors */
    int64_t nodes;    /* how long the tape was: what came later is the function's own */
    tgi_read *items;
    int64_t count, capacity;
    int64_t next; /* where the next one is looked for first: functions read their tensors in the same order again */
};

/* A list that begins with these, which may be NULL. False with an error pending. */
bool tgi_reading_begin(tgi_reading *reads, const char *name, tg_tensor_list inputs);
/* From here on what ops of this thread read is noted in that list; NULL: in none. Returns the former one. */
tgi_reading *tgi_reading_set(tgi_reading *reads);
void tgi_reading_free(tgi_reading *reads);

/* Notes what an op reads; if it has done its work also what it made: one that wrote a tensor which was there before
 * the function began is an error. False with an error pending. Only while TGI_READING is set. */
static inline bool tgi_reading_note(tg_tensor_list inputs, tg_tensor_list outputs)
{
    tgi_reading *reads = tgi_self.pool->rare.reading;
    return reads->note(reads, inputs, outputs);
}
/* False, with an error recorded, when one of them was written since, as through a view. */
bool tgi_reading_unwritten(const tgi_reading *reads);

TG_EXTERN_C_END

#endif

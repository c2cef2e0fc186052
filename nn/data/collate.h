/* collate.h: a batch made of samples. */
#ifndef TG_NN_DATA_COLLATE_H
#define TG_NN_DATA_COLLATE_H

#include "dataset.h"

TG_BEGIN_DECLS

/* Writes the fields of a batch of `count` samples, at least one, into `fields`, of which there is room for
 * TG_MAX_FIELDS, and returns how many there are; -1 with an error pending. The samples have equally many fields. In a
 * loader it is called where datasets' functions are, and draws from a generator of the batch's own (dataset.h). */
typedef int (*tg_collate_fn)(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context);

/* What a loader does unless it is told: field k of the batch is field k of the samples, stacked. */
int tg_collate_stack(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context);

/* What tg_collate_pad is told, as its context. */
typedef struct tg_padding {
    int sequences;                /* the first so many fields of a sample are sequences */
    double values[TG_MAX_FIELDS]; /* what each of them is padded with */
} tg_padding;

/* Samples whose sequences, [T, *], have different lengths: each is padded to the longest of its batch, [n, longest, *],
 * and behind all fields come the lengths of each sequence field, int64 [n], as tg_pack_padded_sequence takes them. The
 * other fields are stacked. The context is a tg_padding; NULL: field 0 is the only sequence, and padded with 0.
 *
 *     static tg_padding padding = { .sequences = 2, .values = { 0, -100 } };   // words, tags
 *     tg_loader *loader = tg_loader_new(text, .collate = tg_collate_pad, .collate_context = &padding);
 *     TG_FOR_BATCHES(batch, loader) {
 *         tg_tensor *words = batch->items[0], *tags = batch->items[1], *lengths = batch->items[2];
 */
int tg_collate_pad(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context);

TG_END_DECLS

#endif

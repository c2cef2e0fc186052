/* reading.c: what a function reads, found out while it runs without recording.
 *
 * A function that is to run again in backward reads more than what it is handed: the parameters of its modules,
 * tensors that its context leads to. Gradients go to these, too, so whoever records the function as one node must know
 * them. */
#include "reading_impl.h"

/* A tensor with a gradient which was there when the function began. */
static bool is_outer(const tgi_reading *reads, const tg_tensor *t)
{
    if (!t || t->alive != TGI_ALIVE || !tgi_tracked(t)) return false;
    return !t->origin.serial || t->origin.serial == TGI_STANDS_FOR_LEAF || t->origin.index < reads->nodes;
}

static bool is_noted(tgi_reading *reads, const tg_tensor *t)
{
    for (int64_t i = 0; i < reads->count; i++) {
        if (reads->next >= reads->count) reads->next = 0;
        if (reads->items[reads->next++].tensor == t) return true;
    }
    return false;
}

static bool add(tgi_reading *reads, tg_tensor *t)
{
    if (is_noted(reads, t)) return true;
    if (!tgi_grow(&reads->items, &reads->capacity, reads->count + 1, sizeof *reads->items)) return false;
    reads->items[reads->count++] = (tgi_read){ tgi_ref(t), t->storage->version };
    return true;
}

static bool fail_written(const tgi_reading *reads, const tg_tensor *t)
{
    tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, reads->name,
        "the function writes in place to the tensor made at %s, which was there before it: when it runs again, in "
        "backward, it would not find the values of now",
        t->where ? t->where : "an unknown place");
    return false;
}

static bool note(tgi_reading *reads, tg_tensor_list inputs, tg_tensor_list outputs)
{
    for (int64_t i = 0; i < outputs.count; i++)
        if (is_outer(reads, outputs.items[i])) return fail_written(reads, outputs.items[i]);
    for (int64_t i = 0; i < inputs.count; i++)
        if (is_outer(reads, inputs.items[i]) && !add(reads, inputs.items[i])) return false;
    return true;
}

bool tgi_reading_unwritten(const tgi_reading *reads)
{
    for (int64_t i = 0; i < reads->count; i++) {
        const tgi_read *read = &reads->items[i];
        if (read->tensor && read->tensor->storage->version != read->version) return fail_written(reads, read->tensor);
    }
    return true;
}

tgi_reading *tgi_reading_set(tgi_reading *reads)
{
    tgi_reading *former = tgi_self.pool->rare.reading;
    tgi_self.pool->rare.reading = reads;
    tgi_self.looks = (uint8_t)((tgi_self.looks & ~TGI_READING) | (reads ? TGI_READING : 0));
    return former;
}

bool tgi_reading_begin(tgi_reading *reads, const char *name, tg_tensor_list inputs)
{
    *reads = (tgi_reading){ .note = note, .name = name, .nodes = tgi_self.node_count };
    if (!tgi_pool_of_thread() || !tgi_grow(&reads->items, &reads->capacity, inputs.count, sizeof *reads->items))
        return false;
    for (int64_t i = 0; i < inputs.count; i++) {
        tg_tensor *t = inputs.items[i];
        reads->items[reads->count++] = (tgi_read){ t ? tgi_ref(t) : NULL, t ? t->storage->version : 0 };
    }
    return true;
}

void tgi_reading_free(tgi_reading *reads)
{
    for (int64_t i = 0; i < reads->count; i++) tgi_unref(reads->items[i].tensor);
    tgi_grow_free(reads->items, reads->capacity, sizeof *reads->items);
}

/* held.c: see held_impl.h. */
#include "held_impl.h"

bool tgi_held_begin(tgi_held *held, const tgi_leaves *leaves)
{
    for (int64_t i = 0; i < leaves->count; i++)
        if (tgi_addresses_add(&held->storages, leaves->items[i].leaf->storage) < 0) return false;
    held->leaves = held->storages.count;
    return true;
}

void tgi_held_free(tgi_held *held) { tgi_addresses_free(&held->storages); }

static bool is_of_leaf(const tgi_held *held, const tgi_storage *storage)
{
    const int64_t place = tgi_addresses_find(&held->storages, storage);
    return place >= 0 && place < held->leaves;
}

/* A node saves few tensors, so that each is compared with those before it. */
bool tgi_held_each(const tgi_held *held, const tg_node *node, bool (*each)(void *context, const tgi_storage *storage),
                   void *context)
{
    const tgi_saved *saved = tgi_saved_of(node);
    for (int i = 0; i < node->saved_count; i++) {
        const tgi_storage *storage = saved[i].tensor ? saved[i].tensor->storage : NULL;
        bool again = !storage || is_of_leaf(held, storage);
        for (int j = 0; j < i && !again; j++) again = saved[j].tensor && saved[j].tensor->storage == storage;
        if (!again && !each(context, storage)) return false;
    }
    return true;
}

static bool add_bytes(void *sum, const tgi_storage *storage)
{
    *(int64_t *)sum += (int64_t)storage->bytes;
    return true;
}

int64_t tgi_held_by_node(const tgi_held *held, const tg_node *node)
{
    int64_t sum = 0;
    tgi_held_each(held, node, add_bytes, &sum);
    return sum;
}

typedef struct adding {
    tgi_held *held;
    int64_t bytes;
} adding;

static bool add_storage(void *context, const tgi_storage *storage)
{
    adding *a = context;
    const int64_t before = a->held->storages.count, place = tgi_addresses_add(&a->held->storages, storage);
    if (place >= before) a->bytes += (int64_t)storage->bytes;
    return place >= 0;
}

int64_t tgi_held_add(tgi_held *held, const tg_node *node)
{
    adding a = { held, 0 };
    return tgi_held_each(held, node, add_storage, &a) ? a.bytes : -1;
}

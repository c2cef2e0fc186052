/* chain.c: gradients that are sums of products, evaluated in one pass.
 *
 * A weight used at every step of a sequence receives one product aT b for each step. Evaluated one by one, each would
 * write a matrix of the weight's size, and each but the first would be added to another one: memory traffic that costs
 * more than the arithmetic. So a backward may hand over a product as its two factors. They wait in the slot, and when
 * the gradient is needed all of them are one product of a long k, accumulated in registers.
 *
 * The gradient is needed before a hook sees it, before the node behind the slot runs and at the end of the walk. Long
 * chains are evaluated earlier: beyond a certain k nothing is gained, and the factors hold memory. */
#include "walk_impl.h"

#include <string.h>

enum { LONG_ENOUGH = 4096, BYTES_ENOUGH = 32 << 20 };

struct tgi_chain {
    tg_product *products;   /* each holds a reference to both factors */
    int64_t (*versions)[2]; /* of their storages when they were handed over */
    int64_t count, capacity, versions_capacity;
    int64_t length, bytes; /* the sum of k; of the factors that would otherwise be gone by now */
    const tg_op *op;       /* of the last one, and its line: for errors */
    const char *where;
};

static tgi_chain *chain_of(tgi_slot_sum *sum)
{
    if (!sum->chain) sum->chain = tgi_calloc(sizeof *sum->chain);
    return sum->chain;
}

static bool grow(tgi_chain *chain)
{
    const int64_t needed = chain->count + 1;
    return tgi_grow(&chain->products, &chain->capacity, needed, sizeof *chain->products) &&
           tgi_grow(&chain->versions, &chain->versions_capacity, needed, sizeof *chain->versions);
}

bool tgi_chain_add(tgi_slot_sum *sum, const tg_node *node, tg_tensor *a, tg_tensor *b)
{
    tgi_chain *chain = chain_of(sum);
    if (!chain || !grow(chain)) return false;
    chain->versions[chain->count][0] = a->storage->version;
    chain->versions[chain->count][1] = b->storage->version;
    chain->products[chain->count++] = (tg_product){ tgi_ref(a), tgi_ref(b) };
    chain->length += a->dims[0];
    chain->bytes += (int64_t)tgi_element_size(a) * (a->numel + b->numel);
    chain->op = node->op;
    chain->where = node->where;
    if (chain->length < LONG_ENOUGH && chain->bytes < BYTES_ENOUGH) return true;
    return tgi_chain_flush(sum);
}

void tgi_chain_drop(tgi_slot_sum *sum)
{
    tgi_chain *chain = sum->chain;
    if (!chain) return;
    for (int64_t i = 0; i < chain->count; i++) {
        tgi_unref(chain->products[i].a);
        tgi_unref(chain->products[i].b);
    }
    tgi_grow_free(chain->products, chain->capacity, sizeof *chain->products);
    tgi_grow_free(chain->versions, chain->versions_capacity, sizeof *chain->versions);
    tgi_free(chain, sizeof *chain);
    sum->chain = NULL;
}

/* A factor written since it was handed over would give a wrong gradient. */
static bool unchanged(const tgi_chain *chain)
{
    for (int64_t i = 0; i < chain->count; i++) {
        const tgi_storage *a = chain->products[i].a->storage, *b = chain->products[i].b->storage;
        const tgi_storage *written = a->version != chain->versions[i][0]   ? a
                                     : b->version != chain->versions[i][1] ? b
                                                                           : NULL;
        if (!written) continue;
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, chain->op->name,
                   "one of the variables needed for gradient computation has been modified by an inplace operation: it "
                   "was used by %s at %s, and written at %s before its gradient was complete",
                   chain->op->name, chain->where ? chain->where : "an unknown place",
                   written->written_at ? written->written_at : "an unknown place");
        return false;
    }
    return true;
}

bool tgi_chain_flush_into(tgi_slot_sum *sum, tg_tensor *into)
{
    const tgi_chain *chain = sum->chain;
    const bool ok = unchanged(chain) && tgi_engine->add_products(into, true, chain->products, chain->count) == TG_OK;
    tgi_chain_drop(sum);
    return ok;
}

bool tgi_chain_flush(tgi_slot_sum *sum)
{
    tgi_chain *chain = sum->chain;
    if (!chain) return true;
    if (sum->grad && tgi_is_private(sum->grad)) return tgi_chain_flush_into(sum, sum->grad);
    const tg_shape shape = tg_shape(chain->products[0].a->dims[1], chain->products[0].b->dims[1]);
    tg_tensor *total = unchanged(chain) ? tgi_own(tgi_new(&shape, (tg_dtype)chain->products[0].a->dtype)) : NULL;
    bool ok = total && tgi_engine->add_products(total, false, chain->products, chain->count) == TG_OK;
    tgi_chain_drop(sum);
    if (ok && sum->grad) ok = tgi_engine->add_(total, sum->grad) == TG_OK;
    if (!ok) {
        tgi_unref(total);
        return false;
    }
    tgi_unref(sum->grad);
    sum->grad = total;
    return true;
}

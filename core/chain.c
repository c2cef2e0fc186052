/* chain.c: gradients that are sums of products, evaluated in one pass.
 *
 * A weight used at every step of a sequence receives one product for each step. Evaluated one by one, each would write
 * a matrix of the weight's size, and each but the first would be added to another one: memory traffic that costs more
 * than the arithmetic. So a backward may hand over a product as its two factors. They wait in the slot, and when the
 * gradient is needed all of them are one product of a long k, accumulated in registers.
 *
 * The gradient is needed before a hook sees it, before the node behind the slot runs and at the end of the walk. Large
 * chains are evaluated earlier: beyond a certain k nothing is gained, and the factors hold memory. */
#include "observe_impl.h"
#include "walk_impl.h"

#include <string.h>

enum { FEW = 4, LONG_ENOUGH = 256, BYTES_ENOUGH = 1 << 20 };

struct tgi_chain {
    tgi_target target;
    int64_t count, capacity;
    int64_t length, bytes;  /* the sum of k; of the factors */
    const char *op, *where; /* of the last product: for errors */
    tgi_origin last;        /* its node, for who watches: one that ran again in backward may have gone (recompute.c) */
    tg_product *products;   /* each holds references to its factors: `few`, or an array of its own */
    int64_t (*versions)[2]; /* of their storages when they were handed over */
    tg_product few[FEW];
    int64_t few_versions[FEW][2];
};

static tgi_chain *chain_new(const tgi_edge *edge)
{
    tgi_chain *chain = tgi_alloc(sizeof *chain);
    if (!chain) return NULL;
    chain->target = tgi_target_of(edge);
    chain->count = chain->length = chain->bytes = 0;
    chain->capacity = FEW;
    chain->products = chain->few;
    chain->versions = chain->few_versions;
    return chain;
}

static void free_arrays(tgi_chain *chain)
{
    if (chain->products == chain->few) return;
    tgi_dealloc(tgi_self.pool, chain->products, (size_t)chain->capacity * sizeof *chain->products);
    tgi_dealloc(tgi_self.pool, chain->versions, (size_t)chain->capacity * sizeof *chain->versions);
}

static bool grow(tgi_chain *chain)
{
    const size_t capacity = 4 * (size_t)chain->capacity, count = (size_t)chain->count;
    tg_product *products = tgi_alloc(capacity * sizeof *products);
    int64_t(*versions)[2] = products ? tgi_alloc(capacity * sizeof *versions) : NULL;
    if (!versions) {
        if (products) tgi_dealloc(tgi_self.pool, products, capacity * sizeof *products);
        return false;
    }
    memcpy(products, chain->products, count * sizeof *products);
    memcpy(versions, chain->versions, count * sizeof *versions);
    free_arrays(chain);
    chain->products = products;
    chain->versions = versions;
    chain->capacity = (int64_t)capacity;
    return true;
}

static int64_t bytes_of(const tg_tensor *t) { return t->numel * (int64_t)tgi_element_size(t); }

bool tgi_chain_add(tgi_slot_sum *sum, const tgi_edge *edge, const tg_node *node, const tg_product *product)
{
    if (!sum->chain && !(sum->chain = chain_new(edge))) return false;
    tgi_chain *chain = sum->chain;
    if (chain->count == chain->capacity && !grow(chain)) return false;
    tg_tensor *a = tgi_ref(product->a), *b = product->b ? tgi_ref(product->b) : NULL;
    chain->versions[chain->count][0] = a->storage->version;
    chain->versions[chain->count][1] = b ? b->storage->version : 0;
    chain->products[chain->count++] = *product;
    chain->length += a->dims[product->transpose_a ? 0 : 1];
    chain->bytes += bytes_of(a) + (b ? bytes_of(b) : 0);
    chain->op = node->op->name;
    chain->where = node->where;
    chain->last = (tgi_origin){ node->serial, node->index, 0 };
    if (chain->length < LONG_ENOUGH || chain->bytes < BYTES_ENOUGH) return true;
    return tgi_chain_flush(sum);
}

void tgi_chain_drop(tgi_slot_sum *sum)
{
    tgi_chain *chain = sum->chain;
    for (int64_t i = 0; i < chain->count; i++) {
        tgi_unref(chain->products[i].a);
        tgi_unref(chain->products[i].b);
    }
    free_arrays(chain);
    tgi_dealloc(tgi_self.pool, chain, sizeof *chain);
    sum->chain = NULL;
}

/* The storage of the first factor that was written since it was handed over: the gradient would be wrong. */
static const tgi_storage *written(const tgi_chain *chain)
{
    for (int64_t i = 0; i < chain->count; i++) {
        const tg_product *p = &chain->products[i];
        if (p->a->storage->version != chain->versions[i][0]) return p->a->storage;
        if (p->b && p->b->storage->version != chain->versions[i][1]) return p->b->storage;
    }
    return NULL;
}

static bool unchanged(const tgi_chain *chain)
{
    const tgi_storage *storage = written(chain);
    if (!storage) return true;
    tg_fail_at(NULL, TG_ERROR_AUTOGRAD, chain->op,
               "one of the variables needed for gradient computation has been modified by an inplace operation: it was "
               "used by %s at %s, and written at %s before its gradient was complete",
               chain->op, chain->where ? chain->where : "an unknown place",
               storage->written_at ? storage->written_at : "an unknown place");
    return false;
}

bool tgi_chain_reads(const tgi_slot_sum *sum, const tgi_storage *storage)
{
    const tgi_chain *chain = sum->chain;
    for (int64_t i = 0; chain && i < chain->count; i++) {
        const tg_product *p = &chain->products[i];
        if (p->a->storage == storage || (p->b && p->b->storage == storage)) return true;
    }
    return false;
}

static const tg_node *last_node(const tgi_chain *chain)
{
    const int32_t index = chain->last.index;
    const tg_node *node = index < tgi_self.node_count ? tgi_self.nodes[index] : NULL;
    return node && node->serial == chain->last.serial ? node : NULL;
}

/* Nobody is told of products whose node nobody saw. */
static bool evaluate(const tgi_chain *chain, tg_tensor *into, bool accumulate)
{
    const tg_node *last = tgi_self.observers ? last_node(chain) : NULL;
    if (last && !tgi_self.observers->tell->evaluating(last, chain->products, chain->count)) return false;
    return tgi_engine->add_products(into, accumulate, chain->products, chain->count) == TG_OK &&
           (!last || !tgi_self.observers || tgi_self.observers->tell->evaluating(NULL, NULL, 0));
}

/* Puts a copy of that factor in its place, if it lies in that storage. */
static bool copy_factor(tg_tensor **factor, int64_t *version, const tgi_storage *storage)
{
    if (!*factor || (*factor)->storage != storage) return true;
    tg_tensor *copy = tgi_own(tgi_engine->clone(*factor));
    if (!copy) return false;
    tgi_unref(*factor);
    *factor = copy;
    *version = copy->storage->version;
    return true;
}

bool tgi_chain_let_go(const tgi_slot_sum *sum, const tgi_storage *storage)
{
    tgi_chain *chain = sum->chain;
    for (int64_t i = 0; chain && i < chain->count; i++) {
        tg_product *p = &chain->products[i];
        if (!copy_factor(&p->a, &chain->versions[i][0], storage) ||
            !copy_factor(&p->b, &chain->versions[i][1], storage))
            return false;
    }
    return true;
}

bool tgi_chain_flush_into(tgi_slot_sum *sum, tg_tensor *into)
{
    const tgi_chain *chain = sum->chain;
    const bool ok = unchanged(chain) && evaluate(chain, into, true);
    tgi_chain_drop(sum);
    return ok;
}

/* In the order in which they are added where nobody else sees the gradient: who looks changes no rounding. */
tg_tensor *tgi_chain_value(const tgi_slot_sum *sum)
{
    const tgi_chain *chain = sum->chain;
    const tg_shape shape = tgi_target_shape(&chain->target);
    if (!unchanged(chain)) return NULL;
    tg_tensor *total = sum->grad ? tgi_engine->clone(sum->grad) : tgi_new(&shape, chain->target.dtype);
    return total && evaluate(chain, total, sum->grad != NULL) ? total : NULL;
}

bool tgi_chain_flush(tgi_slot_sum *sum)
{
    if (!sum->chain) return true;
    if (sum->grad && tgi_is_private(sum->grad)) return tgi_chain_flush_into(sum, sum->grad);
    tg_tensor *total = tgi_own(tgi_chain_value(sum));
    tgi_chain_drop(sum);
    if (!total) return false;
    tgi_unref(sum->grad);
    sum->grad = total;
    return true;
}

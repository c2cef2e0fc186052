/* engine.c: how the engine adds gradients, undoes broadcasting and copies: in ops, so that what it does under create_graph
 * is recorded. */
#include "engine.h"

#include "ops/base/iterate.h"
#include "ops/kernels/rows/copy_kernels.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "ops/linear/matmul_impl.h"
#include "pointwise.h"
#include "reduce.h"
#include "view.h"

static tg_tensor *add(tg_tensor *a, tg_tensor *b) { return tg_add(a, b); }
static tg_tensor *sum_to(tg_tensor *g, const tg_shape *shape) { return tg_sum_to_size(g, *shape); }
static tg_tensor *clone(tg_tensor *t) { return tg_clone(t); }

static tg_status add_in_place(tg_tensor *a, tg_tensor *b)
{
    tg_tensor *operands[] = { a, a, b };
    tgi_iterate(TGI_ROW(pointwise, add)->forward[a->dtype], 3, operands);
    return TG_OK;
}

/* On as many threads as a loop of its size, which has written `from` or will read `to`: unlike a copy that was asked for. */
static tg_status copy_in_place(tg_tensor *to, tg_tensor *from)
{
    const tg_shape scalar = tg_shape();
    if (!from) from = tgi_new_full(&scalar, (tg_dtype)to->dtype, 0);
    if (!from) return TG_FAILED;
    tg_tensor *operands[] = { to, from };
    tgi_iterate(TGI_KERNELS(copy)->run[to->dtype][from->dtype], 2, operands);
    return TG_OK;
}

const tg_engine_ops tgi_engine_ops = { .add = add,
                                       .add_ = add_in_place,
                                       .sum_to = sum_to,
                                       .clone = clone,
                                       .copy_ = copy_in_place,
                                       .add_products = tgi_add_products };

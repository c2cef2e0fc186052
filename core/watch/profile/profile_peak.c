/* profile_peak.c: what this machine can do, measured with what the engine lends: a product of two matrices that fit in the
 * caches, and a sum of two tensors that do not; each as fast as it was at its best. */
#include "core/walk_impl.h"
#include "profile_impl.h"

#include <string.h>

enum { SIDE = 512, LONG = 1 << 23, TRIES = 5 };

static tg_tensor *filled(tg_shape shape)
{
    tg_tensor *t = tgi_new_full(&shape, TG_FLOAT32, 0.5);
    return t;
}

typedef bool (*timed)(tg_tensor *sum, tg_tensor *a, tg_tensor *b);

static bool multiply(tg_tensor *sum, tg_tensor *a, tg_tensor *b)
{
    const tg_product product = { .a = a, .b = b };
    return tgi_engine->add_products(sum, false, &product, 1) == TG_OK;
}

static bool add(tg_tensor *sum, tg_tensor *a, tg_tensor *b)
{
    (void)b;
    return tgi_engine->add_(sum, a) == TG_OK;
}

/* Seconds of the fastest try; 0: it failed. */
static double fastest(timed work, tg_shape shape)
{
    tg_tensor *sum = filled(shape), *a = filled(shape), *b = filled(shape);
    double best = 0;
    for (int i = 0; i < TRIES && sum && a && b; i++) {
        const uint64_t begin = tgi_nanoseconds();
        if (!work(sum, a, b)) return 0;
        const double seconds = 1e-9 * (double)(tgi_nanoseconds() - begin);
        if (best <= 0 || seconds < best) best = seconds;
    }
    return best;
}

/* Nobody is told of what is done here, and none of it is an error. */
tgi_peak tgi_peak_measure(void)
{
    static tgi_peak known;
    tgi_observers *const observers = tgi_self.observers;
    if (known.flops > 0 || !tgi_self.pool || tg_failed() || !tgi_engine || !tgi_engine->add_products) return known;
    tgi_self.observers = NULL;
    const bool untold = tgi_set_untold(true);
    const tg_scope scope = tg_no_grad_begin_at(NULL);
    const double product = fastest(multiply, tg_shape(SIDE, SIDE)), sum = fastest(add, tg_shape(LONG));
    tg_scope_end_at(NULL, scope);
    if (tg_failed()) tg_error_clear();
    tgi_set_untold(untold);
    tgi_self.observers = observers;
    if (product > 0) known.flops = 2.0 * SIDE * SIDE * SIDE / product;
    if (sum > 0) known.bytes = 3.0 * sizeof(float) * LONG / sum;
    return known;
}

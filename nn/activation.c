/* activation.c: functions of one tensor, wrapped as modules. */
#include "activation.h"

#include "../ops/loss.h"
#include "../ops/pointwise.h"
#include "module_impl.h"

static tg_tensor *relu(tg_module *m, tg_tensor *x) { return (void)m, tg_relu(x); }
static tg_tensor *sigmoid(tg_module *m, tg_tensor *x) { return (void)m, tg_sigmoid(x); }
static tg_tensor *tanh_(tg_module *m, tg_tensor *x) { return (void)m, tg_tanh(x); }

static tg_module *stateless(const char *where, const char *name, tg_forward_fn forward)
{
    const tg_module_class module_class = { name, forward, NULL, NULL };
    return tg_module_new_at(where, sizeof(tg_module), module_class);
}

tg_module *tg_relu_new_at(const char *where) { return stateless(where, "ReLU", relu); }
tg_module *tg_sigmoid_new_at(const char *where) { return stateless(where, "Sigmoid", sigmoid); }
tg_module *tg_tanh_new_at(const char *where) { return stateless(where, "Tanh", tanh_); }

/* ---- along a dimension ---- */

typedef struct along {
    tg_module base;
    int64_t dim;
} along;

static int dim_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "dim=%lld", (long long)((along *)m)->dim);
}

static tg_module *along_new(const char *where, const char *name, tg_forward_fn forward, int64_t dim)
{
    const tg_module_class module_class = { name, forward, dim_repr, NULL };
    along *m = tg_module_new_at(where, sizeof *m, module_class);
    if (!m) return NULL;
    m->dim = dim;
    return &m->base;
}

static tg_tensor *softmax(tg_module *m, tg_tensor *x) { return tg_softmax(x, ((along *)m)->dim); }
static tg_tensor *log_softmax(tg_module *m, tg_tensor *x) { return tg_log_softmax(x, ((along *)m)->dim); }

tg_module *tg_softmax_new_at(const char *where, int64_t dim) { return along_new(where, "Softmax", softmax, dim); }
tg_module *tg_log_softmax_new_at(const char *where, int64_t dim)
{
    return along_new(where, "LogSoftmax", log_softmax, dim);
}

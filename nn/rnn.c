/* rnn.c: what recurrent modules of every kind share: options, weights, and what a module is printed, copied and freed
 * by. rnn_forward.c runs them; lstm.c, gru.c and elman.c have the steps of the cells. */
#include "rnn_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/create.h"
#include "init.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

tg_recurrent *tgi_rnn_core(const tg_module *m) { return (tg_recurrent *)(m + 1); }

/* ---- options ---- */

/* The gates are a few times as many, and there may be two directions. */
static bool hidden_size_ok(const char *where, const char *name, int64_t hidden_size)
{
    const bool fits = hidden_size <= INT64_MAX / 16;
    if (hidden_size > 0 && fits) return true;
    if (fits)
        tg_fail_at(where, TG_ERROR_VALUE, name, "hidden_size must be greater than zero");
    else
        tg_fail_at(where, TG_ERROR_VALUE, name, "hidden_size %lld is too large", (long long)hidden_size);
    return false;
}

/* False, with an error, for sizes and options that no such module has. */
static bool options_ok(const char *where, const tg_recurrent *r)
{
    enum { MOST_LAYERS = 1 << 20 };
    const char *problem = NULL, *name = tgi_rnn_op(r)->name;
    if (!hidden_size_ok(where, name, r->hidden_size)) return false;
    if (r->num_layers <= 0) problem = "num_layers must be greater than zero";
    if (r->num_layers > MOST_LAYERS) problem = "num_layers is absurdly large";
    if (!(r->dropout >= 0 && r->dropout <= 1))
        problem = "dropout should be a number in range [0, 1] representing the probability of an element being zeroed";
    if (r->proj_size < 0) problem = "proj_size should be a positive integer or zero to disable projections";
    if (r->proj_size >= r->hidden_size) problem = "proj_size has to be smaller than hidden_size";
    if (problem) tg_fail_at(where, TG_ERROR_VALUE, name, "%s", problem);
    if (!problem && r->dropout > 0 && r->num_layers == 1) {
        char text[TGI_REAL_TEXT];
        tg_warn_at(
            where,
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            "greater than 1, but got dropout=%s and num_layers=1",
            tgi_real_text(r->dropout, text));
    }
    return !problem;
}

/* snprintf after the `*used` characters that are there already. */
TG_PRINTF(4, 5) static void append(char *buffer, size_t size, int *used, const char *format, ...)
{
    const size_t at = (size_t)*used < size ? (size_t)*used : size;
    va_list args;
    va_start(args, format);
    *used += vsnprintf(at < size ? buffer + at : NULL, size - at, format, args);
    va_end(args);
}

static int repr(tg_module *m, char *buffer, size_t size)
{
    const tg_recurrent *r = tgi_rnn_core(m);
    char text[TGI_REAL_TEXT];
    int used = 0;
    append(buffer, size, &used, "%lld, %lld", (long long)r->input_size, (long long)r->hidden_size);
    if (r->proj_size) append(buffer, size, &used, ", proj_size=%lld", (long long)r->proj_size);
    if (r->num_layers != 1) append(buffer, size, &used, ", num_layers=%lld", (long long)r->num_layers);
    if (!r->bias) append(buffer, size, &used, ", bias=False");
    if (r->batch_first) append(buffer, size, &used, ", batch_first=True");
    if (r->dropout != 0) append(buffer, size, &used, ", dropout=%s", tgi_real_text(r->dropout, text));
    if (r->bidirectional) append(buffer, size, &used, ", bidirectional=True");
    if (r->cell && r->nonlinearity && strcmp(r->nonlinearity, "tanh") != 0)
        append(buffer, size, &used, ", nonlinearity=%s", r->nonlinearity);
    return used;
}

/* ---- weights ---- */

static tg_tensor *new_weight(tg_module *m, const char *name, const char *suffix, tg_shape shape, tg_dtype dtype)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    return tg_register_parameter(m, full, tg_empty(shape, .dtype = dtype));
}

static void new_weights(tg_module *m, tg_rnn_weights *w, const tg_recurrent *r, int64_t input, const char *suffix,
                        tg_dtype dtype)
{
    const int64_t gates = r->kind->gates * r->hidden_size;
    w->weight_ih = new_weight(m, "weight_ih", suffix, tg_shape(gates, input), dtype);
    w->weight_hh = new_weight(m, "weight_hh", suffix, tg_shape(gates, tgi_rnn_state_size(r)), dtype);
    if (r->bias) {
        w->bias_ih = new_weight(m, "bias_ih", suffix, tg_shape(gates), dtype);
        w->bias_hh = new_weight(m, "bias_hh", suffix, tg_shape(gates), dtype);
    }
    if (r->proj_size) w->weight_hr = new_weight(m, "weight_hr", suffix, tg_shape(r->proj_size, r->hidden_size), dtype);
}

/* Every weight and bias from U(-1/sqrt(hidden), 1/sqrt(hidden)), in the order they were registered. */
static void draw_weights(tg_module *m, int64_t hidden)
{
    const double bound = 1 / sqrt((double)hidden);
    const tg_tensor_list all = tg_parameters(m);
    for (int64_t i = 0; i < all.count; i++) tg_init_uniform_(all.items[i], -bound, bound);
}

static size_t weights_bytes(const tg_recurrent *r)
{
    return (size_t)(r->num_layers * tgi_rnn_directions(r)) * sizeof(tg_rnn_weights);
}

static tg_status make_weights(tg_module *m, tg_dtype dtype)
{
    tg_recurrent *r = tgi_rnn_core(m);
    const int count = tgi_rnn_directions(r);
    m->base.has_modes = r->dropout > 0;
    r->weights = tgi_calloc(weights_bytes(r));
    if (!r->weights) return TG_FAILED;
    tg_scope scope = tg_scope_begin();
    for (int64_t layer = 0; layer < r->num_layers; layer++) {
        const int64_t input = layer == 0 ? r->input_size : tgi_rnn_state_size(r) * count;
        for (int d = 0; d < count; d++) {
            char suffix[40] = "";
            if (!r->cell) snprintf(suffix, sizeof suffix, "_l%lld%s", (long long)layer, d ? "_reverse" : "");
            new_weights(m, &r->weights[layer * count + d], r, input, suffix, dtype);
        }
    }
    draw_weights(m, r->hidden_size);
    tg_scope_end(scope);
    return TG_OK;
}

/* ---- the class ---- */

static void free_weights(tg_module *m)
{
    const tg_recurrent *r = tgi_rnn_core(m);
    tgi_free(r->weights, weights_bytes(r));
}

/* An array with the original's tensors, in whose place tg_module_copy puts their copies. */
static tg_status copy_weights(tg_module *copy, const tg_module *original)
{
    const tg_recurrent *r = tgi_rnn_core(original);
    tg_rnn_weights *weights = tgi_rnn_core(copy)->weights = tgi_calloc(weights_bytes(r));
    if (!weights) return TG_FAILED;
    memcpy(weights, r->weights, weights_bytes(r));
    return TG_OK;
}

static tg_tensor **array_of_weights(tg_module *m, int64_t *count)
{
    const tg_recurrent *r = tgi_rnn_core(m);
    *count = (int64_t)(weights_bytes(r) / sizeof(tg_tensor *));
    return &r->weights->weight_ih;
}

void *tgi_rnn_new(const char *where, const char *type, tg_forward_fn forward, tg_recurrent asked, tg_dtype dtype)
{
    if (!options_ok(where, &asked)) return NULL;
    tg_module *m = tg_module_new_at(where, TGI_RNN_BYTES,
                                    TG_OPTIONS(tg_module_class, TG_MODULE_DEFAULTS(type),
                                               .name = tgi_rnn_op(&asked)->name, .forward = forward, .extra_repr = repr,
                                               .free = free_weights, .copy = copy_weights, .array = array_of_weights));
    if (!m) return NULL;
    TGI_SET_OPTIONS(*tgi_rnn_core(m), asked);
    if (make_weights(m, dtype) == TG_OK) return m;
    tg_module_free(m);
    return NULL;
}

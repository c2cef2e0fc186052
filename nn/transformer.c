/* transformer.c: TransformerEncoder, TransformerDecoder and Transformer. */
#include "transformer.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/triangle.h"
#include "init.h"
#include "module_hooks_impl.h"
#include "transformer_impl.h"

#include <math.h>

static const tg_op encoder_op = { .name = "TransformerEncoder" }, decoder_op = { .name = "TransformerDecoder" },
                   transformer_op = { .name = "Transformer" };

/* ---- stacks ---- */

static bool count_ok(const char *where, const tg_op *op, int64_t count)
{
    enum { MOST_LAYERS = 1 << 20 };
    if (count >= 0 && count <= MOST_LAYERS) return true;
    tg_fail_at(where, TG_ERROR_VALUE, op->name, "num_layers is %s", count < 0 ? "negative" : "absurdly large");
    return false;
}

/* Frees a module that was handed over, unless it has an owner. */
static void discard(tg_module *m)
{
    if (m && tgi_module_ok(NULL, m, "module_free") && m->owners == 0) tgi_module_destroy(m);
}

/* Whether a stack can be made of these; what it can not is discarded. */
static bool stack_ok(const char *where, const tg_op *op, tg_module *layer, int64_t count, tg_module *norm)
{
    if (tgi_module_ok(where, layer, op->name) && (norm ? tgi_module_ok(where, norm, op->name) : !tg_failed()) &&
        count_ok(where, op, count))
        return true;
    discard(layer);
    discard(norm);
    return false;
}

typedef struct stack {
    tg_module_list *layers;
    tg_module *norm;
} stack;

/* Gives `m` copies of a layer and the norm; takes layer and norm over, whatever happens. */
static stack fill(tg_module *m, tg_module *layer, int64_t count, tg_module *norm)
{
    stack s = { NULL, NULL };
    tg_module_list *list = tg_module_list_new();
    if (tg_register_module(m, "layers", list) == TG_OK) s.layers = list;
    for (int64_t i = 0; i < count && s.layers && !tg_failed(); i++)
        tg_module_list_append(s.layers, tg_module_copy(layer));
    if (norm && tg_register_module(m, "norm", norm) == TG_OK) s.norm = norm;
    discard(layer);
    return s;
}

/* Layer `i` of a stack, if it is of the kind that is called. NULL with an error. */
static void *layer_at(tg_module_list *layers, int64_t i, const char *type, size_t bytes, const tg_op *op)
{
    tg_module *layer = tg_module_list_get(layers, i);
    void *as = tg_module_as_type(layer, type, bytes);
    if (layer && !as && !tg_failed())
        tg_fail_at(NULL, TG_ERROR_VALUE, op->name, "layer %lld is a %s, which has no forward with masks", (long long)i,
                   layer->base.name);
    return as;
}
#define LAYER_AT(layers, i, type, op) ((type *)layer_at(layers, i, #type, sizeof(type), op))

static tg_tensor *finish(tg_module *norm, tg_tensor *x) { return norm ? tg_module_forward(norm, x) : x; }

/* ---- TransformerEncoder ---- */

static tg_tensor *encoder_forward(tg_module *m, tg_tensor *x)
{
    return tg_transformer_encoder_forward((tg_transformer_encoder *)m, x);
}

tg_transformer_encoder *tg_transformer_encoder_new_at(const char *where, tg_transformer_encoder_layer *encoder_layer,
                                                      int64_t num_layers, tg_transformer_stack_options options)
{
    tg_module *layer = encoder_layer ? &encoder_layer->base : NULL;
    if (!stack_ok(where, &encoder_op, layer, num_layers, options.norm)) return NULL;
    tg_transformer_encoder *m =
        TGI_MODULE_NEW(where, tg_transformer_encoder, .name = encoder_op.name, .forward = encoder_forward);
    const stack s = fill(m ? &m->base : NULL, layer, num_layers, options.norm);
    if (!m) return NULL;
    m->layers = s.layers;
    m->norm = s.norm;
    return m;
}

tg_tensor *tg_transformer_encoder_forward_at(const char *where, tg_transformer_encoder *m, tg_tensor *src,
                                             tg_transformer_encoder_forward_options o)
{
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &encoder_op, tg_list(src))) return NULL;
    if (!tg_optional_ok(o.mask) || !tg_optional_ok(o.src_key_padding_mask)) return NULL;
    tg_tensor *x = src;
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, &x, 1, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    const int64_t count = tg_module_list_len(m->layers);
    for (int64_t i = 0; x && i < count; i++)
        x = tg_transformer_encoder_layer_forward(LAYER_AT(m->layers, i, tg_transformer_encoder_layer, &encoder_op), x,
                                                 .src_mask = o.mask, .src_key_padding_mask = o.src_key_padding_mask);
    x = tg_scope_return(scope, finish(m->norm, x));
    tgi_call_end(&call, &x);
    return x;
}

/* ---- TransformerDecoder ---- */

tg_transformer_decoder *tg_transformer_decoder_new_at(const char *where, tg_transformer_decoder_layer *decoder_layer,
                                                      int64_t num_layers, tg_transformer_stack_options options)
{
    tg_module *layer = decoder_layer ? &decoder_layer->base : NULL;
    if (!stack_ok(where, &decoder_op, layer, num_layers, options.norm)) return NULL;
    tg_transformer_decoder *m = TGI_MODULE_NEW(where, tg_transformer_decoder, .name = decoder_op.name);
    const stack s = fill(m ? &m->base : NULL, layer, num_layers, options.norm);
    if (!m) return NULL;
    m->layers = s.layers;
    m->norm = s.norm;
    return m;
}

tg_tensor *tg_transformer_decoder_forward_at(const char *where, tg_transformer_decoder *m, tg_tensor *tgt,
                                             tg_tensor *memory, tg_transformer_decoder_forward_options o)
{
    if (!tgi_decoder_begin(where, m ? &m->base : NULL, &decoder_op, tgt, memory, &o)) return NULL;
    tg_tensor *in[] = { tgt, memory };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = in[0];
    const int64_t count = tg_module_list_len(m->layers);
    for (int64_t i = 0; x && i < count; i++)
        x = tg_transformer_decoder_layer_forward_at(NULL,
                                                    LAYER_AT(m->layers, i, tg_transformer_decoder_layer, &decoder_op),
                                                    x, in[1], o);
    x = tg_scope_return(scope, finish(m->norm, x));
    tgi_call_end(&call, &x);
    return x;
}

/* ---- Transformer ---- */

static tg_transformer_layer_options layer_options(const tg_transformer_options *o)
{
    return TG_TRANSFORMER_LAYER_OPTIONS(.dim_feedforward = o->dim_feedforward, .dropout = o->dropout,
                                        .activation = o->activation, .activation_fn = o->activation_fn,
                                        .layer_norm_eps = o->layer_norm_eps, .batch_first = o->batch_first,
                                        .norm_first = o->norm_first, .dtype = o->dtype);
}

static tg_module *norm_new(const tg_transformer_options *o)
{
    return TG_MODULE(tg_layer_norm_new(tg_shape(o->d_model), .eps = o->layer_norm_eps, .dtype = o->dtype));
}

static tg_transformer_encoder *encoder_new(const tg_transformer_options *o)
{
    tg_transformer_encoder_layer *layer =
        tg_transformer_encoder_layer_new_at(NULL, o->d_model, o->nhead, layer_options(o));
    return layer ? tg_transformer_encoder_new(layer, o->num_encoder_layers, .norm = norm_new(o)) : NULL;
}

static tg_transformer_decoder *decoder_new(const tg_transformer_options *o)
{
    tg_transformer_decoder_layer *layer =
        tg_transformer_decoder_layer_new_at(NULL, o->d_model, o->nhead, layer_options(o));
    return layer ? tg_transformer_decoder_new(layer, o->num_decoder_layers, .norm = norm_new(o)) : NULL;
}

static void draw_parameters(tg_transformer *m)
{
    tg_scope scope = tg_scope_begin();
    const tg_tensor_list all = tg_parameters(m);
    for (int64_t i = 0; i < all.count; i++)
        if (all.items[i]->ndim > 1) tg_init_xavier_uniform_(all.items[i]);
    tg_scope_end(scope);
}

tg_transformer *tg_transformer_new_at(const char *where, tg_transformer_options options)
{
    tg_transformer *m = TGI_MODULE_NEW(where, tg_transformer, .name = transformer_op.name);
    TG_SUBMODULE(m, encoder, options.custom_encoder ? options.custom_encoder : encoder_new(&options));
    TG_SUBMODULE(m, decoder, options.custom_decoder ? options.custom_decoder : decoder_new(&options));
    if (!m) return NULL;
    m->d_model = options.d_model;
    m->nhead = options.nhead;
    m->batch_first = options.batch_first;
    draw_parameters(m);
    return m;
}

static bool inputs_fit(const tg_transformer *m, tg_tensor *src, tg_tensor *tgt)
{
    const int batch = m->batch_first ? 0 : 1;
    if (src->ndim == 3 && tgt->ndim == 3 && src->dims[batch] != tgt->dims[batch])
        tg_op_fail(&transformer_op, tg_list(src, tgt), "the batch number of src and tgt must be equal");
    else if (src->ndim == 0 || tgt->ndim == 0 || src->dims[src->ndim - 1] != m->d_model ||
             tgt->dims[tgt->ndim - 1] != m->d_model)
        tg_op_fail(&transformer_op, tg_list(src, tgt), "the feature number of src and tgt must be equal to d_model");
    else
        return true;
    return false;
}

static tg_tensor *run(const tg_transformer *m, tg_tensor *src, tg_tensor *tgt, const tg_transformer_forward_options *o)
{
    if (!inputs_fit(m, src, tgt)) return NULL;
    tg_tensor *memory = tg_transformer_encoder_forward(m->encoder, src, .mask = o->src_mask,
                                                       .src_key_padding_mask = o->src_key_padding_mask);
    return tg_transformer_decoder_forward(m->decoder, tgt, memory, .tgt_mask = o->tgt_mask,
                                          .memory_mask = o->memory_mask,
                                          .tgt_key_padding_mask = o->tgt_key_padding_mask,
                                          .memory_key_padding_mask = o->memory_key_padding_mask);
}

tg_tensor *tg_transformer_forward_at(const char *where, tg_transformer *m, tg_tensor *src, tg_tensor *tgt,
                                     tg_transformer_forward_options o)
{
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &transformer_op, tg_list(src, tgt))) return NULL;
    tg_tensor *const masks[] = {
        o.src_mask, o.tgt_mask, o.memory_mask, o.src_key_padding_mask, o.tgt_key_padding_mask, o.memory_key_padding_mask
    };
    for (int i = 0; i < 6; i++)
        if (!tg_optional_ok(masks[i])) return NULL;
    tg_tensor *in[] = { src, tgt };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_scope_return(scope, run(m, in[0], in[1], &o));
    tgi_call_end(&call, &y);
    return y;
}

tg_tensor *tg_generate_square_subsequent_mask_at(const char *where, int64_t sz, tg_create_options options)
{
    static const tg_op op = { .name = "generate_square_subsequent_mask" };
    if (!tg_op_begin(where, &op, TG_NONE)) return NULL;
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, tg_triu(tg_full_at(NULL, tg_shape(sz, sz), TG_OPERAND(-INFINITY), options), 1));
}

/* transformer_layers.c: TransformerEncoderLayer and TransformerDecoderLayer. */
#include "transformer_layers.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/activation.h"
#include "ops/pointwise.h"
#include "dropout.h"
#include "module_hooks_impl.h"
#include "transformer_impl.h"

#include <string.h>

static const tg_op encoder_op = { .name = "TransformerEncoderLayer" },
                   decoder_op = { .name = "TransformerDecoderLayer" };

/* ---- what both have ---- */

static tg_tensor *relu(tg_tensor *x) { return tg_relu(x); }
static tg_tensor *gelu(tg_tensor *x) { return tg_gelu(x); }

/* NULL, with an error, for a name that is none. */
static tg_activation_fn activation_of(const char *where, const tg_op *op, const tg_transformer_layer_options *o)
{
    const char *name = o->activation ? o->activation : "None";
    if (o->activation_fn) return o->activation_fn;
    if (strcmp(name, "relu") == 0) return relu;
    if (strcmp(name, "gelu") == 0) return gelu;
    tg_fail_at(where, TG_ERROR_VALUE, op->name, "activation should be relu/gelu, not %s", name);
    return NULL;
}

static tg_multihead_attention *attention_new(int64_t d_model, int64_t nhead, const tg_transformer_layer_options *o)
{
    return tg_multihead_attention_new(d_model, nhead, .dropout = o->dropout, .batch_first = o->batch_first,
                                      .dtype = o->dtype);
}

static tg_layer_norm *norm_new(int64_t d_model, const tg_transformer_layer_options *o)
{
    return tg_layer_norm_new(tg_shape(d_model), .eps = o->layer_norm_eps, .dtype = o->dtype);
}

/* What x attends to, itself or the memory, and then dropout. */
static tg_tensor *attention_block(tg_multihead_attention *m, tg_module *dropout, tg_tensor *x, tg_tensor *memory,
                                  tg_tensor *mask, tg_tensor *key_padding_mask)
{
    tg_tensor *y = tg_multihead_attention_forward(m, x, memory, memory, .key_padding_mask = key_padding_mask,
                                                  .need_weights = false, .attn_mask = mask)
                       .output;
    return tg_module_forward(dropout, y);
}

/* linear2(dropout(activation(linear1(x)))). */
static tg_tensor *feed_forward(tg_linear *linear1, tg_activation_fn activation, tg_module *dropout, tg_linear *linear2,
                               tg_tensor *x)
{
    tg_tensor *hidden = tg_linear_forward(linear1, x);
    const tgi_place place = tgi_place_keep();
    hidden = activation(hidden);
    tgi_place_back(place);
    return tg_linear_forward(linear2, tg_module_forward(dropout, hidden));
}

/* ---- TransformerEncoderLayer ---- */

static tg_tensor *encoder_forward(tg_module *m, tg_tensor *x)
{
    return tg_transformer_encoder_layer_forward((tg_transformer_encoder_layer *)m, x);
}

tg_transformer_encoder_layer *tg_transformer_encoder_layer_new_at(const char *where, int64_t d_model, int64_t nhead,
                                                                  tg_transformer_layer_options o)
{
    const tg_activation_fn activation = activation_of(where, &encoder_op, &o);
    if (!activation) return NULL;
    tg_transformer_encoder_layer *m =
        TGI_MODULE_NEW(where, tg_transformer_encoder_layer, .name = encoder_op.name, .forward = encoder_forward);
    if (!m) return NULL;
    m->activation = activation;
    m->norm_first = o.norm_first;
    TG_SUBMODULE(m, self_attn, attention_new(d_model, nhead, &o));
    TG_SUBMODULE(m, linear1, tg_linear_new(d_model, o.dim_feedforward, .dtype = o.dtype));
    TG_SUBMODULE(m, dropout, tg_dropout_new(o.dropout));
    TG_SUBMODULE(m, linear2, tg_linear_new(o.dim_feedforward, d_model, .dtype = o.dtype));
    TG_SUBMODULE(m, norm1, norm_new(d_model, &o));
    TG_SUBMODULE(m, norm2, norm_new(d_model, &o));
    TG_SUBMODULE(m, dropout1, tg_dropout_new(o.dropout));
    TG_SUBMODULE(m, dropout2, tg_dropout_new(o.dropout));
    return m;
}

static tg_tensor *encoder_self(const tg_transformer_encoder_layer *m, tg_tensor *x,
                               const tg_transformer_encoder_layer_forward_options *o)
{
    return attention_block(m->self_attn, m->dropout1, x, x, o->src_mask, o->src_key_padding_mask);
}

static tg_tensor *encoder_feed(const tg_transformer_encoder_layer *m, tg_tensor *x)
{
    return tg_module_forward(m->dropout2, feed_forward(m->linear1, m->activation, m->dropout, m->linear2, x));
}

tg_tensor *tg_transformer_encoder_layer_forward_at(const char *where, tg_transformer_encoder_layer *m, tg_tensor *src,
                                                   tg_transformer_encoder_layer_forward_options o)
{
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &encoder_op, tg_list(src))) return NULL;
    if (!tg_optional_ok(o.src_mask) || !tg_optional_ok(o.src_key_padding_mask)) return NULL;
    tg_tensor *x = src;
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, &x, 1, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    if (m->norm_first) {
        x = tg_add(x, encoder_self(m, tg_layer_norm_forward(m->norm1, x), &o));
        x = tg_add(x, encoder_feed(m, tg_layer_norm_forward(m->norm2, x)));
    } else {
        x = tg_layer_norm_forward(m->norm1, tg_add(x, encoder_self(m, x, &o)));
        x = tg_layer_norm_forward(m->norm2, tg_add(x, encoder_feed(m, x)));
    }
    x = tg_scope_return(scope, x);
    tgi_call_end(&call, &x);
    return x;
}

/* ---- TransformerDecoderLayer ---- */

tg_transformer_decoder_layer *tg_transformer_decoder_layer_new_at(const char *where, int64_t d_model, int64_t nhead,
                                                                  tg_transformer_layer_options o)
{
    const tg_activation_fn activation = activation_of(where, &decoder_op, &o);
    if (!activation) return NULL;
    tg_transformer_decoder_layer *m = TGI_MODULE_NEW(where, tg_transformer_decoder_layer, .name = decoder_op.name);
    if (!m) return NULL;
    m->activation = activation;
    m->norm_first = o.norm_first;
    TG_SUBMODULE(m, self_attn, attention_new(d_model, nhead, &o));
    TG_SUBMODULE(m, multihead_attn, attention_new(d_model, nhead, &o));
    TG_SUBMODULE(m, linear1, tg_linear_new(d_model, o.dim_feedforward, .dtype = o.dtype));
    TG_SUBMODULE(m, dropout, tg_dropout_new(o.dropout));
    TG_SUBMODULE(m, linear2, tg_linear_new(o.dim_feedforward, d_model, .dtype = o.dtype));
    TG_SUBMODULE(m, norm1, norm_new(d_model, &o));
    TG_SUBMODULE(m, norm2, norm_new(d_model, &o));
    TG_SUBMODULE(m, norm3, norm_new(d_model, &o));
    TG_SUBMODULE(m, dropout1, tg_dropout_new(o.dropout));
    TG_SUBMODULE(m, dropout2, tg_dropout_new(o.dropout));
    TG_SUBMODULE(m, dropout3, tg_dropout_new(o.dropout));
    return m;
}

static tg_tensor *decoder_self(const tg_transformer_decoder_layer *m, tg_tensor *x,
                               const tg_transformer_decoder_forward_options *o)
{
    return attention_block(m->self_attn, m->dropout1, x, x, o->tgt_mask, o->tgt_key_padding_mask);
}

static tg_tensor *decoder_cross(const tg_transformer_decoder_layer *m, tg_tensor *x, tg_tensor *memory,
                                const tg_transformer_decoder_forward_options *o)
{
    return attention_block(m->multihead_attn, m->dropout2, x, memory, o->memory_mask, o->memory_key_padding_mask);
}

static tg_tensor *decoder_feed(const tg_transformer_decoder_layer *m, tg_tensor *x)
{
    return tg_module_forward(m->dropout3, feed_forward(m->linear1, m->activation, m->dropout, m->linear2, x));
}

bool tgi_decoder_begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor *tgt, tg_tensor *memory,
                       const tg_transformer_decoder_forward_options *o)
{
    return tgi_forward_begin(where, m, op, tg_list(tgt, memory)) && tg_optional_ok(o->tgt_mask) &&
           tg_optional_ok(o->memory_mask) && tg_optional_ok(o->tgt_key_padding_mask) &&
           tg_optional_ok(o->memory_key_padding_mask);
}

tg_tensor *tg_transformer_decoder_layer_forward_at(const char *where, tg_transformer_decoder_layer *m, tg_tensor *tgt,
                                                   tg_tensor *memory, tg_transformer_decoder_forward_options o)
{
    if (!tgi_decoder_begin(where, m ? &m->base : NULL, &decoder_op, tgt, memory, &o)) return NULL;
    tg_tensor *in[] = { tgt, memory };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = in[0];
    memory = in[1];
    if (m->norm_first) {
        x = tg_add(x, decoder_self(m, tg_layer_norm_forward(m->norm1, x), &o));
        x = tg_add(x, decoder_cross(m, tg_layer_norm_forward(m->norm2, x), memory, &o));
        x = tg_add(x, decoder_feed(m, tg_layer_norm_forward(m->norm3, x)));
    } else {
        x = tg_layer_norm_forward(m->norm1, tg_add(x, decoder_self(m, x, &o)));
        x = tg_layer_norm_forward(m->norm2, tg_add(x, decoder_cross(m, x, memory, &o)));
        x = tg_layer_norm_forward(m->norm3, tg_add(x, decoder_feed(m, x)));
    }
    x = tg_scope_return(scope, x);
    tgi_call_end(&call, &x);
    return x;
}

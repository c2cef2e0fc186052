/* test_attention_modules.c: MultiheadAttention and the modules of transformers against what PyTorch computed
 * (tests/golden/attention.txt): initial weights, results, gradients, the random stream, and the losses of training steps,
 * in all their options. And what a golden file cannot hold: errors, second derivatives, copies, print, memory. */
#include "tests/support/suite.h"
#include "tests/support/golden_module.h"
#include "tests/support/gradcheck.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- golden cases ---- */

static tg_tensor *activation_tanh(tg_tensor *x) { return tg_tanh(x); }

static tg_transformer_layer_options layer_options(const golden *g)
{
    const char *activation = golden_string(g, "activation");
    const bool function = strcmp(activation, "tanh") == 0;
    tg_transformer_layer_options o = TG_TRANSFORMER_LAYER_OPTIONS();
    o.dim_feedforward = golden_int(g, "dim_feedforward");
    o.dropout = golden_real(g, "dropout");
    o.activation = function ? "relu" : activation;
    o.activation_fn = function ? activation_tanh : NULL;
    o.layer_norm_eps = golden_real(g, "layer_norm_eps");
    o.batch_first = golden_int(g, "batch_first");
    o.norm_first = golden_int(g, "norm_first");
    return o;
}

static tg_module *build_attention(const golden *g)
{
    return TG_MODULE(tg_multihead_attention_new(golden_int(g, "embed_dim"), golden_int(g, "num_heads"),
                                                .dropout = golden_real(g, "dropout"), .bias = golden_int(g, "bias"),
                                                .add_bias_kv = golden_int(g, "add_bias_kv"),
                                                .add_zero_attn = golden_int(g, "add_zero_attn"),
                                                .kdim = golden_int(g, "kdim"), .vdim = golden_int(g, "vdim"),
                                                .batch_first = golden_int(g, "batch_first")));
}

static tg_module *build_whole(const golden *g, int64_t d_model, int64_t nhead)
{
    const tg_transformer_layer_options o = layer_options(g);
    return TG_MODULE(tg_transformer_new(.d_model = d_model, .nhead = nhead,
                                        .num_encoder_layers = golden_int(g, "num_encoder_layers"),
                                        .num_decoder_layers = golden_int(g, "num_decoder_layers"),
                                        .dim_feedforward = o.dim_feedforward, .dropout = o.dropout,
                                        .activation = o.activation, .activation_fn = o.activation_fn,
                                        .batch_first = o.batch_first, .norm_first = o.norm_first));
}

static bool is_kind(const char *kind, const char *name) { return strcmp(kind, name) == 0; }

static tg_module *build(const golden *g, const char *kind)
{
    if (is_kind(kind, "MultiheadAttention")) return build_attention(g);
    const int64_t d_model = golden_int(g, "d_model"), nhead = golden_int(g, "nhead");
    if (is_kind(kind, "Transformer")) return build_whole(g, d_model, nhead);
    const tg_transformer_layer_options o = layer_options(g);
    const bool encoder = strstr(kind, "Encoder"), stack = !strstr(kind, "Layer");
    tg_transformer_encoder_layer *e = encoder ? tg_transformer_encoder_layer_new_at(TG_HERE, d_model, nhead, o) : NULL;
    tg_transformer_decoder_layer *d = encoder ? NULL : tg_transformer_decoder_layer_new_at(TG_HERE, d_model, nhead, o);
    if (!stack) return encoder ? TG_MODULE(e) : TG_MODULE(d);
    const int64_t layers = golden_int(g, "num_layers");
    tg_module *norm = golden_int(g, "norm") ? TG_MODULE(tg_layer_norm_new(tg_shape(d_model))) : NULL;
    return encoder ? TG_MODULE(tg_transformer_encoder_new(e, layers, .norm = norm))
                   : TG_MODULE(tg_transformer_decoder_new(d, layers, .norm = norm));
}

/* The mask of that name, or NULL. */
static tg_tensor *mask_of(const golden *g, const char *name)
{
    char key[48];
    snprintf(key, sizeof key, "%s.bool", name);
    if (golden_has(g, key)) return tg_to(golden_tensor(g, key, TG_FLOAT32), TG_BOOL);
    const bool f32 = strcmp(golden_string(g, "dtype"), "float32") == 0;
    return golden_has(g, name) ? golden_tensor(g, name, f32 ? TG_FLOAT32 : TG_FLOAT64) : NULL;
}

static golden_results forward_attention(const golden *g, tg_multihead_attention *m, golden_inputs in)
{
    const int64_t sources = golden_int(g, "sources");
    tg_tensor *query = in.drawn[0], *key = sources > 1 ? in.drawn[1] : query, *value = sources > 2 ? in.drawn[2] : key;
    const tg_multihead_attention_output out =
        tg_multihead_attention_forward(m, query, key, value, .key_padding_mask = mask_of(g, "key_padding_mask"),
                                       .need_weights = golden_int(g, "need_weights"),
                                       .attn_mask = mask_of(g, "attn_mask"),
                                       .average_attn_weights = golden_int(g, "average_attn_weights"));
    assert_int_equal(out.weights != NULL, golden_int(g, "need_weights"));
    return (golden_results){ { "output", out.weights ? "weights" : NULL }, { out.output, out.weights } };
}

static tg_tensor *forward_encoder(const golden *g, const char *kind, tg_module *m, tg_tensor *src)
{
    tg_tensor *padding = mask_of(g, "src_key_padding_mask");
    if (is_kind(kind, "TransformerEncoder"))
        return tg_transformer_encoder_forward((tg_transformer_encoder *)m, src, .mask = mask_of(g, "mask"),
                                              .src_key_padding_mask = padding);
    return tg_transformer_encoder_layer_forward((tg_transformer_encoder_layer *)m, src,
                                                .src_mask = mask_of(g, "src_mask"), .src_key_padding_mask = padding);
}

static tg_tensor *forward_decoder(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    tg_transformer_decoder_forward_options o = TG_TRANSFORMER_DECODER_FORWARD_OPTIONS();
    o.tgt_mask = mask_of(g, "tgt_mask");
    o.memory_mask = mask_of(g, "memory_mask");
    o.tgt_key_padding_mask = mask_of(g, "tgt_key_padding_mask");
    o.memory_key_padding_mask = mask_of(g, "memory_key_padding_mask");
    if (is_kind(kind, "TransformerDecoder"))
        return tg_transformer_decoder_forward_at(TG_HERE, (tg_transformer_decoder *)m, in.drawn[0], in.drawn[1], o);
    return tg_transformer_decoder_layer_forward_at(TG_HERE, (tg_transformer_decoder_layer *)m, in.drawn[0], in.drawn[1],
                                                   o);
}

static tg_tensor *forward_whole(const golden *g, tg_transformer *m, golden_inputs in)
{
    tg_tensor *src = in.drawn[0], *tgt = in.drawn[1];
    tg_tensor *causal = golden_has(g, "causal") ? tg_generate_square_subsequent_mask(tg_size(tgt, 0)) : NULL;
    return tg_transformer_forward(m, src, tgt, .src_mask = mask_of(g, "src_mask"),
                                  .tgt_mask = causal ? causal : mask_of(g, "tgt_mask"),
                                  .memory_mask = mask_of(g, "memory_mask"),
                                  .src_key_padding_mask = mask_of(g, "src_key_padding_mask"),
                                  .tgt_key_padding_mask = mask_of(g, "tgt_key_padding_mask"),
                                  .memory_key_padding_mask = mask_of(g, "memory_key_padding_mask"));
}

static golden_results forward(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    if (is_kind(kind, "MultiheadAttention")) return forward_attention(g, (tg_multihead_attention *)m, in);
    tg_tensor *y = is_kind(kind, "Transformer") ? forward_whole(g, (tg_transformer *)m, in)
                   : strstr(kind, "Encoder")    ? forward_encoder(g, kind, m, in.drawn[0])
                                                : forward_decoder(g, kind, m, in);
    if (golden_has(g, "losses")) y = tg_sub(y, golden_weights(y));
    return (golden_results){ { "output" }, { y } };
}

TEST(test_golden)
{
    golden *g = golden_open("attention.txt");
    int cases = 0;
    for (; golden_next(g); cases++) golden_run_module(g, build, forward);
    golden_close(g);
    assert_true(cases > 80);
}

/* ---- what the mathematics says ---- */

static tg_tensor *wide(tg_shape shape) { return tg_randn(shape, .dtype = TG_FLOAT64, .requires_grad = true); }

/* One head whose projections are the identity is the op, with its own mask turned round. */
TEST(test_identity_is_the_op)
{
    IN_SCOPE;
    tg_multihead_attention *m = tg_multihead_attention_new(4, 1, .bias = false, .dtype = TG_FLOAT64);
    tg_tensor *eye = tg_eye(4, 4, .dtype = TG_FLOAT64), *q = wide(tg_shape(3, 2, 4)), *k = wide(tg_shape(5, 2, 4));
    TG_REPLACE_PARAMETER(m, in_proj_weight, tg_cat(tg_list(eye, eye, eye), 0));
    TG_REPLACE_PARAMETER(m->out_proj, weight, eye);
    tg_tensor *hidden = tg_lt(tg_rand(tg_shape(3, 5)), 0.3);
    tg_tensor *y = tg_multihead_attention_forward(m, q, k, k, .attn_mask = hidden, .need_weights = false).output;
    tg_tensor *bq = tg_transpose(q, 0, 1), *bk = tg_transpose(k, 0, 1);
    tg_tensor *z = tg_scaled_dot_product_attention(bq, bk, bk, .attn_mask = tg_logical_not(hidden));
    assert_true(tg_allclose(y, tg_transpose(z, 0, 1), .rtol = 1e-14, .atol = 1e-14));
    tg_module_free(m);
    tg_scope_end(scope);
}

/* With and without weights, each by its own loops: the same output; a layout and its transpose, too. */
TEST(test_ways_agree)
{
    IN_SCOPE;
    tg_manual_seed(3);
    tg_multihead_attention *m = tg_multihead_attention_new(8, 4, .add_bias_kv = true, .dtype = TG_FLOAT64);
    tg_multihead_attention *first = tg_module_copy(m);
    first->batch_first = true;
    tg_tensor *x = wide(tg_shape(6, 3, 8)), *mask = tg_triu(tg_ones(tg_shape(6, 6), .dtype = TG_BOOL), 1);
    const tg_multihead_attention_output a = tg_multihead_attention_forward(m, x, x, x, .attn_mask = mask);
    tg_tensor *b = tg_multihead_attention_forward(m, x, x, x, .attn_mask = mask, .need_weights = false).output;
    tg_tensor *t = tg_transpose(x, 0, 1);
    tg_tensor *c = tg_multihead_attention_forward(first, t, t, t, .attn_mask = mask).output;
    assert_true(tg_allclose(a.output, b, .rtol = 1e-13, .atol = 1e-13));
    assert_true(tg_allclose(a.output, tg_transpose(c, 0, 1), .rtol = 1e-13, .atol = 1e-13));
    assert_true(tg_allclose(tg_sum(a.weights, .dim = -1), tg_ones(tg_shape(3, 6), .dtype = TG_FLOAT64)));
    tg_module_free(first);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* What a mask hides changes nothing. */
TEST(test_hidden_is_not_seen)
{
    IN_SCOPE;
    tg_manual_seed(4);
    tg_transformer *m = tg_transformer_new(.d_model = 8, .nhead = 2, .num_encoder_layers = 2, .num_decoder_layers = 2,
                                           .dim_feedforward = 16, .batch_first = true);
    tg_module_eval(m);
    tg_tensor *src = tg_randn(tg_shape(2, 4, 8)), *tgt = tg_randn(tg_shape(2, 5, 8));
    tg_tensor *padding = tg_from_data((bool[]){ 0, 0, 0, 0, 0, 0, 0, 1 }, tg_shape(2, 4));
    tg_tensor *causal = tg_generate_square_subsequent_mask(5);
    const tg_transformer_forward_options o = { .src_key_padding_mask = padding,
                                               .memory_key_padding_mask = padding,
                                               .tgt_mask = causal,
                                               .tgt_key_padding_mask = NULL };
    tg_tensor *y = tg_transformer_forward_at(TG_HERE, m, src, tgt, o);
    tg_fill_(tg_select(tg_select(src, 0, 1), 0, 3), 100.0); /* padding */
    tg_fill_(tg_select(tgt, 1, 4), -100.0);                 /* the last, which no earlier one sees */
    tg_tensor *z = tg_transformer_forward_at(TG_HERE, m, src, tgt, o);
    assert_true(tg_equal(tg_narrow(y, 1, 0, 4), tg_narrow(z, 1, 0, 4)));
    assert_false(tg_equal(y, z));
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_square_subsequent_mask)
{
    IN_SCOPE;
    const double inf = (double)INFINITY;
    double got[9];
    tg_to_array(tg_generate_square_subsequent_mask(3), got, 9);
    assert_memory_equal(got, ((double[]){ 0, -inf, -inf, 0, 0, -inf, 0, 0, 0 }), sizeof got);
    assert_int_equal(tg_dtype_of(tg_generate_square_subsequent_mask(2, .dtype = TG_FLOAT64)), TG_FLOAT64);
    assert_null(tg_generate_square_subsequent_mask(-1));
    expect_error("negative dimension");
    tg_scope_end(scope);
}

/* ---- derivatives ---- */

typedef struct smooth {
    tg_transformer *m;
    tg_multihead_attention *attention;
    tg_tensor *src, *tgt, *mask;
} smooth;

static tg_tensor *smooth_loss(void *context)
{
    const smooth *s = context;
    tg_tensor *y = tg_transformer_forward(s->m, s->src, s->tgt, .memory_mask = s->mask);
    const tg_multihead_attention_output out = tg_multihead_attention_forward(s->attention, s->tgt, s->src, s->src);
    return tg_add(tg_sum(tg_mul(tg_sin(y), y)), tg_add(tg_sum(tg_exp(out.weights)), tg_sum(tg_sin(out.output))));
}

static tg_tensor *cubic(tg_tensor *x) { return tg_mul(x, tg_mul(x, x)); }

TEST(test_derivatives)
{
    IN_SCOPE;
    tg_manual_seed(2);
    smooth s = { .src = wide(tg_shape(3, 1, 2)), .tgt = wide(tg_shape(2, 1, 2)), .mask = wide(tg_shape(2, 3)) };
    s.m = tg_transformer_new(.d_model = 2, .nhead = 1, .num_encoder_layers = 1, .num_decoder_layers = 1,
                             .dim_feedforward = 2, .dropout = 0, .activation_fn = cubic, .layer_norm_eps = 0.5,
                             .norm_first = true, .dtype = TG_FLOAT64);
    s.attention = tg_multihead_attention_new(2, 2, .add_bias_kv = true, .add_zero_attn = true, .dtype = TG_FLOAT64);
    const tg_transformer_decoder_layer *layer =
        (tg_transformer_decoder_layer *)tg_module_list_get(s.m->decoder->layers, 0);
    const tg_tensor_list leaves =
        tg_list(s.src, s.tgt, s.mask, layer->multihead_attn->in_proj_weight, layer->linear1->weight,
                layer->norm2->weight, s.attention->in_proj_weight, s.attention->bias_k, s.attention->bias_v);
    const char *wrong = gradcheck(smooth_loss, &s, leaves);
    if (!wrong) wrong = gradgradcheck(smooth_loss, &s, leaves);
    if (wrong) fail_msg("%s", wrong);
    tg_module_free(s.attention);
    tg_module_free(s.m);
    tg_scope_end(scope);
}

/* ---- errors ---- */

TEST(test_bad_options)
{
    assert_null(tg_multihead_attention_new(10, 4));
    expect_error("MultiheadAttention: embed_dim must be divisible by num_heads");
    assert_null(tg_multihead_attention_new(8, 0));
    expect_error("embed_dim and num_heads must be greater than 0, got embed_dim=8 and num_heads=0 instead");
    assert_null(tg_multihead_attention_new(INT64_MAX, 1));
    expect_error("embed_dim 9223372036854775807 is too large");
    assert_null(tg_transformer_encoder_layer_new(8, 2, .activation = "swish"));
    expect_error("TransformerEncoderLayer: activation should be relu/gelu, not swish");
    assert_null(tg_transformer_decoder_layer_new(8, 2, .activation = NULL));
    expect_error("TransformerDecoderLayer: activation should be relu/gelu, not None");
    tg_transformer_encoder_layer *layer = tg_transformer_encoder_layer_new(8, 2, .dropout = 1.5);
    expect_error("dropout probability has to be between 0 and 1, but got 1.5");
    tg_module_free(layer);
    assert_null(tg_transformer_encoder_new(tg_transformer_encoder_layer_new(8, 2), -1));
    expect_error("TransformerEncoder: num_layers is negative");
    assert_null(tg_transformer_encoder_new(NULL, 2, .norm = TG_MODULE(tg_layer_norm_new(tg_shape(8)))));
    expect_error("TransformerEncoder: the module is NULL");
}

#define REFUSED(text, ...)                                                                                             \
    do {                                                                                                               \
        const tg_multihead_attention_output refused_ = tg_multihead_attention_forward(__VA_ARGS__);                    \
        assert_null(refused_.output);                                                                                  \
        assert_null(refused_.weights);                                                                                 \
        expect_error("MultiheadAttention: " text);                                                                     \
    } while (0)

TEST(test_bad_inputs)
{
    IN_SCOPE;
    tg_multihead_attention *m = tg_multihead_attention_new(4, 2), *other = tg_multihead_attention_new(4, 2, .kdim = 3);
    tg_tensor *x = tg_zeros(tg_shape(3, 2, 4)), *flat = tg_zeros(tg_shape(3, 4)), *y = tg_zeros(tg_shape(5, 2, 4));
    REFUSED("query should be unbatched 2D or batched 3D tensor but received 1-D query tensor", m, tg_zeros(tg_shape(4)),
            x, x);
    REFUSED(
        "For batched (3-D) `query`, expected `key` and `value` to be 3-D but found 2-D and 3-D tensors respectively", m,
        x, flat, x);
    REFUSED("For unbatched (2-D) `query`, expected `key` and `value` to be 2-D but found 2-D and 3-D tensors", m, flat,
            flat, x);
    REFUSED("was expecting embedding dimension of 4, but got 5", m, tg_zeros(tg_shape(3, 2, 5)), x, x);
    REFUSED("key shape torch.Size([5, 2, 4]) does not match value shape torch.Size([3, 2, 4])", m, x, y, x);
    REFUSED("key's sequence and batch dims of torch.Size([5, 2, 3]) do not match value's of torch.Size([3, 2, 4])",
            other, x, tg_zeros(tg_shape(5, 2, 3)), x);
    REFUSED("query has a batch of 2, key one of 1", m, x, tg_zeros(tg_shape(5, 1, 4)), tg_zeros(tg_shape(5, 1, 4)));
    REFUSED("argument 2 is NULL", m, x, NULL, x);
    char line[64];
    snprintf(line, sizeof line, "test_attention_modules.c:%d", __LINE__ + 1);
    assert_null(tg_multihead_attention_forward(other, x, x, x).output);
    assert_non_null(strstr(tg_error_message(), line));
    expect_error("mat1 and mat2 shapes cannot be multiplied");
    tg_module_free(other);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_bad_masks)
{
    IN_SCOPE;
    tg_multihead_attention *m = tg_multihead_attention_new(4, 2);
    tg_tensor *x = tg_zeros(tg_shape(3, 2, 4)), *y = tg_zeros(tg_shape(5, 2, 4)), *flat = tg_zeros(tg_shape(3, 4));
    REFUSED("For batched (3-D) `query`, expected `key_padding_mask` to be `None` or 2-D but found 1-D tensor instead",
            m, x, y, y, .key_padding_mask = tg_zeros(tg_shape(5)));
    REFUSED("For unbatched (2-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found 1-D tensor instead",
            m, flat, flat, flat, .attn_mask = tg_zeros(tg_shape(3)));
    REFUSED("The shape of the 2D attn_mask is torch.Size([3, 3]), but should be [3, 5].", m, x, y, y,
            .attn_mask = tg_zeros(tg_shape(3, 3)));
    REFUSED("The shape of the 3D attn_mask is torch.Size([2, 3, 5]), but should be [4, 3, 5].", m, x, y, y,
            .attn_mask = tg_zeros(tg_shape(2, 3, 5)));
    REFUSED("Only float, byte, and bool types are supported for attn_mask, not torch.int64", m, x, y, y,
            .attn_mask = tg_zeros(tg_shape(3, 5), .dtype = TG_INT64));
    REFUSED("only bool and floating types of key_padding_mask are supported", m, x, y, y,
            .key_padding_mask = tg_zeros(tg_shape(2, 5), .dtype = TG_INT64));
    REFUSED("expecting key_padding_mask shape of [2, 5], but got torch.Size([2, 3])", m, x, y, y,
            .key_padding_mask = tg_zeros(tg_shape(2, 3)));
    assert_null(tg_multihead_attention_forward(m, x, y, y, .attn_mask = tg_zeros(tg_shape(-3, 5))).output);
    expect_error("negative dimension"); /* a mask that could not be made is not one that was left out */
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_bad_transformer_inputs)
{
    IN_SCOPE;
    tg_transformer *m = tg_transformer_new(.d_model = 4, .nhead = 2, .num_encoder_layers = 1, .num_decoder_layers = 1,
                                           .dim_feedforward = 4);
    tg_tensor *x = tg_zeros(tg_shape(3, 2, 4));
    assert_null(tg_transformer_forward(m, x, tg_zeros(tg_shape(3, 1, 4))));
    expect_error("Transformer: the batch number of src and tgt must be equal");
    assert_null(tg_transformer_forward(m, x, tg_zeros(tg_shape(3, 2, 5))));
    expect_error("Transformer: the feature number of src and tgt must be equal to d_model");
    assert_null(tg_transformer_forward(m, x, NULL));
    expect_error("Transformer: argument 2 is NULL");
    assert_null(tg_module_forward(m, x));
    expect_error("Module [Transformer] is missing the required \"forward\" function of one tensor");
    tg_replace_module(m->encoder->layers, "0", tg_linear_new(4, 4));
    assert_null(tg_transformer_encoder_forward(m->encoder, x));
    expect_error("TransformerEncoder: layer 0 is a Linear, which has no forward with masks");
    tg_sequential *net = tg_sequential_new(tg_linear_new(4, 4), tg_transformer_encoder_layer_new(4, 2));
    assert_null(tg_sequential_forward(net, tg_zeros(tg_shape(2, 2, 2, 4))));
    expect_error("Sequential.1 (TransformerEncoderLayer): MultiheadAttention: query should be unbatched 2D");
    tg_module_free(net);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- as modules ---- */

static const char printed[] =
    "TransformerDecoder(\n"
    "  (layers): ModuleList(\n"
    "    (0): TransformerDecoderLayer(\n"
    "      (self_attn): MultiheadAttention(\n"
    "        (out_proj): NonDynamicallyQuantizableLinear(in_features=8, out_features=8, bias=True)\n"
    "      )\n"
    "      (multihead_attn): MultiheadAttention(\n"
    "        (out_proj): NonDynamicallyQuantizableLinear(in_features=8, out_features=8, bias=True)\n"
    "      )\n"
    "      (linear1): Linear(in_features=8, out_features=16, bias=True)\n"
    "      (dropout): Dropout(p=0.1, inplace=False)\n"
    "      (linear2): Linear(in_features=16, out_features=8, bias=True)\n"
    "      (norm1): LayerNorm((8,), eps=1e-05, elementwise_affine=True)\n"
    "      (norm2): LayerNorm((8,), eps=1e-05, elementwise_affine=True)\n"
    "      (norm3): LayerNorm((8,), eps=1e-05, elementwise_affine=True)\n"
    "      (dropout1): Dropout(p=0.1, inplace=False)\n"
    "      (dropout2): Dropout(p=0.1, inplace=False)\n"
    "      (dropout3): Dropout(p=0.1, inplace=False)\n"
    "    )\n"
    "  )\n"
    "  (norm): LayerNorm((8,), eps=1e-05, elementwise_affine=True)\n"
    ")";

TEST(test_print)
{
    char text[4096];
    tg_module *norm = TG_MODULE(tg_layer_norm_new(tg_shape(8)));
    tg_transformer_decoder *decoder =
        tg_transformer_decoder_new(tg_transformer_decoder_layer_new(8, 2, .dim_feedforward = 16, .activation = "gelu"),
                                   1, .norm = norm);
    tg_module_format(decoder, text, sizeof text);
    assert_string_equal(text, printed);
    tg_module_free(decoder);
    tg_transformer_encoder_layer *layer = tg_transformer_encoder_layer_new(8, 2, .dim_feedforward = 16, .dropout = 0);
    tg_module_format(layer, text, sizeof text);
    assert_string_equal(text,
                        "TransformerEncoderLayer(\n"
                        "  (self_attn): MultiheadAttention(\n"
                        "    (out_proj): NonDynamicallyQuantizableLinear(in_features=8, out_features=8, bias=True)\n"
                        "  )\n"
                        "  (linear1): Linear(in_features=8, out_features=16, bias=True)\n"
                        "  (dropout): Dropout(p=0.0, inplace=False)\n"
                        "  (linear2): Linear(in_features=16, out_features=8, bias=True)\n"
                        "  (norm1): LayerNorm((8,), eps=1e-05, elementwise_affine=True)\n"
                        "  (norm2): LayerNorm((8,), eps=1e-05, elementwise_affine=True)\n"
                        "  (dropout1): Dropout(p=0.0, inplace=False)\n"
                        "  (dropout2): Dropout(p=0.0, inplace=False)\n"
                        ")");
    tg_module_free(layer);
}

TEST(test_names)
{
    IN_SCOPE;
    static const char *const names[] = { "q_proj_weight", "k_proj_weight", "v_proj_weight",   "in_proj_bias",
                                         "bias_k",        "bias_v",        "out_proj.weight", "out_proj.bias" };
    tg_multihead_attention *m = tg_multihead_attention_new(4, 2, .kdim = 3, .add_bias_kv = true);
    const tg_named_tensor_list named = tg_named_parameters(m);
    assert_int_equal(named.count, 8);
    for (int i = 0; i < 8; i++) assert_string_equal(named.items[i].name, names[i]);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* All layers begin as the one that was handed over, and live their own lives; so does a copy of the whole. */
TEST(test_copies)
{
    IN_SCOPE;
    tg_sequential *owner = tg_sequential_new();
    tg_transformer_encoder_layer *layer = tg_transformer_encoder_layer_new(4, 2, .dim_feedforward = 4, .dropout = 0);
    tg_sequential_append(owner, layer);
    tg_transformer_encoder *m = tg_transformer_encoder_new(layer, 2), *copy = tg_module_copy(m);
    const char *name = "layers.1.self_attn.in_proj_weight";
    tg_tensor *w = tg_get_parameter(m, name), *x = tg_randn(tg_shape(3, 4));
    assert_true(tg_equal(w, layer->self_attn->in_proj_weight)); /* it has an owner, and is not freed */
    assert_ptr_not_equal(w, layer->self_attn->in_proj_weight);
    tg_tensor *before = tg_transformer_encoder_forward(copy, x);
    tg_init_zeros_(w);
    assert_false(tg_equal(tg_get_parameter(m, "layers.0.self_attn.in_proj_weight"), w));
    assert_false(tg_equal(tg_get_parameter(copy, name), w));
    assert_true(tg_equal(tg_transformer_encoder_forward(copy, x), before));
    assert_false(tg_equal(tg_transformer_encoder_forward(m, x), before));
    tg_module_free(copy);
    tg_module_free(m);
    tg_module_free(owner);
    tg_scope_end(scope);
}

TEST(test_in_sequential)
{
    IN_SCOPE;
    tg_manual_seed(1);
    tg_transformer_encoder *encoder = tg_transformer_encoder_new(tg_transformer_encoder_layer_new(4, 2), 2);
    tg_sequential *net =
        tg_sequential_new(tg_linear_new(3, 4), tg_transformer_encoder_layer_new(4, 2, .batch_first = true), encoder);
    tg_module_eval(net);
    tg_tensor *x = tg_randn(tg_shape(2, 5, 3));
    tg_tensor *a = tg_sequential_forward(net, x), *b = tg_linear_forward((tg_linear *)tg_sequential_get(net, 0), x);
    b = tg_transformer_encoder_layer_forward((tg_transformer_encoder_layer *)tg_sequential_get(net, 1), b);
    assert_true(tg_equal(a, tg_transformer_encoder_forward(encoder, b)));
    tg_module_free(net);
    tg_scope_end(scope);
}

/* Custom stacks are drawn anew, as in PyTorch. */
TEST(test_custom_stacks)
{
    IN_SCOPE;
    tg_transformer_encoder *encoder =
        tg_transformer_encoder_new(tg_transformer_encoder_layer_new(4, 2, .dim_feedforward = 3), 3);
    tg_transformer_decoder *decoder =
        tg_transformer_decoder_new(tg_transformer_decoder_layer_new(4, 2, .dim_feedforward = 3), 1);
    tg_tensor *w = tg_get_parameter(encoder, "layers.0.linear1.weight"), *before = tg_clone(tg_detach(w));
    tg_transformer *m =
        tg_transformer_new(.d_model = 4, .nhead = 2, .custom_encoder = encoder, .custom_decoder = decoder);
    assert_ptr_equal(m->encoder, encoder);
    assert_ptr_equal(m->decoder, decoder);
    assert_false(tg_equal(w, before));
    assert_non_null(tg_transformer_forward(m, tg_randn(tg_shape(2, 4)), tg_randn(tg_shape(3, 4))));
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_temporaries_die)
{
    tg_scope scope = tg_no_grad_begin();
    tg_transformer *m = tg_transformer_new(.d_model = 8, .nhead = 2, .num_encoder_layers = 2, .num_decoder_layers = 2,
                                           .dim_feedforward = 16);
    tg_multihead_attention *attention = tg_multihead_attention_new(8, 2);
    tg_tensor *x = tg_randn(tg_shape(4, 3, 8)), *causal = tg_generate_square_subsequent_mask(4);
    const int64_t before = tg_memory_stats().live_tensors;
    tg_tensor *y = tg_transformer_forward(m, x, x, .src_mask = causal);
    const tg_multihead_attention_output out = tg_multihead_attention_forward(attention, x, x, x);
    assert_int_equal(tg_memory_stats().live_tensors - before, 3);
    assert_non_null(y);
    assert_non_null(out.output);
    assert_non_null(out.weights);
    tg_module_free(attention);
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_golden),
        T(test_identity_is_the_op),
        T(test_ways_agree),
        T(test_hidden_is_not_seen),
        T(test_square_subsequent_mask),
        T(test_derivatives),
        T(test_bad_options),
        T(test_bad_inputs),
        T(test_bad_masks),
        T(test_bad_transformer_inputs),
        T(test_print),
        T(test_names),
        T(test_copies),
        T(test_in_sequential),
        T(test_custom_stacks),
        T(test_temporaries_die),
    };
    return cmocka_run_group_tests_name("attention modules", tests, NULL, NULL);
}

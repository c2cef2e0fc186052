/* test_hooked_kinds.c: every kind of module in nn/modules.def runs its hooks, each once for each call, whichever of its
 * forwards is called. A kind without a row here fails. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <string.h>

/* ---- the forwards that kinds have beside tg_module_forward ---- each gives its first result */

#define OWN(name, type, call)                                                                                          \
    static tg_tensor *name(tg_module *module, tg_tensor *x)                                                            \
    {                                                                                                                  \
        type *m = (type *)module;                                                                                      \
        return call;                                                                                                   \
    }

static tg_tensor *zeros(tg_shape shape) { return tg_zeros(shape, .dtype = TG_INT64); }
static tg_packed_sequence packed(tg_tensor *x) { return tg_pack_padded_sequence(x, tg_tensor_of(3, 2)); }

OWN(sequential, tg_sequential, tg_sequential_forward(m, x))
OWN(linear, tg_linear, tg_linear_forward(m, x))
OWN(bilinear, tg_bilinear, tg_bilinear_forward(m, x, tg_ones(tg_shape(2, 5))))
OWN(conv, tg_conv, tg_conv_forward(m, x))
OWN(with_indices, tg_module, tg_max_pool_forward_with_indices(m, x).values)
OWN(unpool, tg_max_unpool, tg_max_unpool_forward(m, x, zeros(tg_shape_of(x))))
OWN(batch_norm, tg_batch_norm, tg_batch_norm_forward(m, x))
OWN(instance_norm, tg_instance_norm, tg_instance_norm_forward(m, x))
OWN(layer_norm, tg_layer_norm, tg_layer_norm_forward(m, x))
OWN(rms_norm, tg_rms_norm, tg_rms_norm_forward(m, x))
OWN(group_norm, tg_group_norm, tg_group_norm_forward(m, x))
OWN(rnn, tg_rnn, tg_rnn_forward(m, x).output)
OWN(rnn_packed, tg_rnn, tg_rnn_forward_packed(m, packed(x)).output.data)
OWN(lstm, tg_lstm, tg_lstm_forward(m, x).output)
OWN(lstm_packed, tg_lstm, tg_lstm_forward_packed(m, packed(x)).output.data)
OWN(gru, tg_gru, tg_gru_forward(m, x).output)
OWN(gru_packed, tg_gru, tg_gru_forward_packed(m, packed(x)).output.data)
OWN(rnn_cell, tg_rnn_cell, tg_rnn_cell_forward(m, x))
OWN(lstm_cell, tg_lstm_cell, tg_lstm_cell_forward(m, x).h)
OWN(gru_cell, tg_gru_cell, tg_gru_cell_forward(m, x))
OWN(attention, tg_multihead_attention, tg_multihead_attention_forward(m, x, x, x).output)
OWN(attention_alone, tg_multihead_attention, tg_multihead_attention_forward(m, x, x, x, .need_weights = false).output)
OWN(encoder_layer, tg_transformer_encoder_layer, tg_transformer_encoder_layer_forward(m, x))
OWN(decoder_layer, tg_transformer_decoder_layer, tg_transformer_decoder_layer_forward(m, x, x))
OWN(encoder, tg_transformer_encoder, tg_transformer_encoder_forward(m, x))
OWN(decoder, tg_transformer_decoder, tg_transformer_decoder_forward(m, x, x))
OWN(transformer, tg_transformer, tg_transformer_forward(m, x, x))
OWN(embedding, tg_embedding, tg_embedding_forward(m, x))
OWN(embedding_bag, tg_embedding_bag, tg_embedding_bag_forward(m, x, NULL, NULL))
OWN(adaptive, tg_adaptive_log_softmax, tg_adaptive_log_softmax_forward(m, x, tg_tensor_of(3, 9)).output)
OWN(distance, tg_distance, tg_distance_forward(m, x, x))
OWN(loss, tg_loss, tg_loss_forward(m, x, tg_detach(x)))
OWN(loss_of_classes, tg_loss, tg_loss_forward(m, x, zeros(tg_shape(2))))
OWN(loss_of_labels, tg_loss, tg_loss_forward(m, x, tg_full(tg_shape_of(x), -1, .dtype = TG_INT64)))
OWN(triple, tg_triple_loss, tg_triple_loss_forward(m, x, x, tg_detach(x)))
OWN(triple_of_pairs, tg_triple_loss, tg_triple_loss_forward(m, x, x, tg_ones(tg_shape(2))))
OWN(ctc, tg_ctc_loss, tg_ctc_loss_forward(m, x, tg_tensor_of(1, 2), tg_tensor_of(3, 3), tg_tensor_of(1, 1)))
OWN(averaged, tg_averaged_model, tg_averaged_model_forward(m, x))

/* ---- what each kind is called with ---- */

typedef struct row {
    const char *kinds; /* with a blank before and behind each */
    tg_shape x;        /* in [0, 1]; of no dimension: a container, which is not called */
    tg_tensor *(*own)(tg_module *m, tg_tensor *x);
    bool classes; /* x is int64 zeros */
} row;

#define SEQUENCE                                                                                                       \
    {                                                                                                                  \
        3, { 2, 4, 6 }                                                                                                 \
    }
#define IMAGE                                                                                                          \
    {                                                                                                                  \
        4, { 2, 4, 6, 6 }                                                                                              \
    }
#define VOLUME                                                                                                         \
    {                                                                                                                  \
        5, { 2, 4, 6, 6, 6 }                                                                                           \
    }
#define STEPS                                                                                                          \
    {                                                                                                                  \
        3, { 3, 2, 4 }                                                                                                 \
    }
#define ROWS                                                                                                           \
    {                                                                                                                  \
        2, { 2, 4 }                                                                                                    \
    }

static const row rows[] = {
    { " ModuleList ModuleDict ParameterList ", { 0 }, NULL, false },
    { " Identity Flatten Unfold PixelShuffle PixelUnshuffle ChannelShuffle LocalResponseNorm Dropout AlphaDropout "
      "FeatureAlphaDropout ReLU ReLU6 RReLU LeakyReLU PReLU ELU CELU SELU GELU SiLU Mish GLU Sigmoid LogSigmoid "
      "Hardsigmoid Hardswish Tanh Hardtanh Tanhshrink Softplus Softsign Softshrink Hardshrink Threshold Softmax "
      "Softmax2d Softmin LogSoftmax ",
      IMAGE, NULL, false },
    { " ConstantPad1d ReflectionPad1d ReplicationPad1d LPPool1d AvgPool1d AdaptiveAvgPool1d Dropout1d ", SEQUENCE, NULL,
      false },
    { " ConstantPad2d ZeroPad2d ReflectionPad2d ReplicationPad2d LPPool2d AvgPool2d AdaptiveAvgPool2d Upsample "
      "UpsamplingNearest2d UpsamplingBilinear2d Dropout2d ",
      IMAGE, NULL, false },
    { " ConstantPad3d ReflectionPad3d ReplicationPad3d AvgPool3d AdaptiveAvgPool3d Dropout3d ", VOLUME, NULL, false },
    { " Unflatten ", { 2, { 2, 6 } }, NULL, false },
    { " Fold ", { 3, { 2, 9, 36 } }, NULL, false },
    { " Sequential ", { 2, { 5, 2 } }, sequential, false },
    { " Linear ", ROWS, linear, false },
    { " Bilinear ", ROWS, bilinear, false },
    { " Conv1d ConvTranspose1d ", SEQUENCE, conv, false },
    { " Conv2d ConvTranspose2d ", IMAGE, conv, false },
    { " Conv3d ConvTranspose3d ", VOLUME, conv, false },
    { " MaxPool1d AdaptiveMaxPool1d ", SEQUENCE, with_indices, false },
    { " MaxPool2d AdaptiveMaxPool2d ", IMAGE, with_indices, false },
    { " MaxPool3d AdaptiveMaxPool3d ", VOLUME, with_indices, false },
    { " MaxUnpool1d ", SEQUENCE, unpool, false },
    { " MaxUnpool2d ", IMAGE, unpool, false },
    { " MaxUnpool3d ", VOLUME, unpool, false },
    { " BatchNorm1d ", SEQUENCE, batch_norm, false },
    { " BatchNorm2d ", IMAGE, batch_norm, false },
    { " BatchNorm3d ", VOLUME, batch_norm, false },
    { " InstanceNorm1d ", SEQUENCE, instance_norm, false },
    { " InstanceNorm2d ", IMAGE, instance_norm, false },
    { " InstanceNorm3d ", VOLUME, instance_norm, false },
    { " LayerNorm ", ROWS, layer_norm, false },
    { " RMSNorm ", ROWS, rms_norm, false },
    { " GroupNorm ", ROWS, group_norm, false },
    { " RNN ", STEPS, rnn, false },
    { " RNN ", STEPS, rnn_packed, false },
    { " LSTM ", STEPS, lstm, false },
    { " LSTM ", STEPS, lstm_packed, false },
    { " GRU ", STEPS, gru, false },
    { " GRU ", STEPS, gru_packed, false },
    { " RNNCell ", ROWS, rnn_cell, false },
    { " LSTMCell ", ROWS, lstm_cell, false },
    { " GRUCell ", ROWS, gru_cell, false },
    { " MultiheadAttention ", STEPS, attention, false },
    { " MultiheadAttention ", STEPS, attention_alone, false },
    { " TransformerEncoderLayer ", STEPS, encoder_layer, false },
    { " TransformerDecoderLayer ", STEPS, decoder_layer, false },
    { " TransformerEncoder ", STEPS, encoder, false },
    { " TransformerDecoder ", STEPS, decoder, false },
    { " Transformer ", STEPS, transformer, false },
    { " Embedding ", ROWS, embedding, true },
    { " EmbeddingBag ", ROWS, embedding_bag, true },
    { " AdaptiveLogSoftmaxWithLoss ", { 2, { 2, 16 } }, adaptive, false },
    { " CosineSimilarity PairwiseDistance ", ROWS, distance, false },
    { " MSELoss L1Loss SmoothL1Loss HuberLoss CrossEntropyLoss BCELoss BCEWithLogitsLoss KLDivLoss PoissonNLLLoss "
      "HingeEmbeddingLoss SoftMarginLoss MultiLabelSoftMarginLoss ",
      ROWS, loss, false },
    { " NLLLoss MultiMarginLoss ", ROWS, loss_of_classes, false },
    { " MultiLabelMarginLoss ", ROWS, loss_of_labels, false },
    { " GaussianNLLLoss MarginRankingLoss TripletMarginLoss ", ROWS, triple, false },
    { " CosineEmbeddingLoss ", ROWS, triple_of_pairs, false },
    { " CTCLoss ", STEPS, ctc, false },
    { " AveragedModel ", ROWS, averaged, false },
};

static const row *row_after(const row *r, const char *kind)
{
    char word[64];
    snprintf(word, sizeof word, " %s ", kind);
    for (r = r ? r + 1 : rows; r < rows + sizeof rows / sizeof *rows; r++)
        if (strstr(r->kinds, word)) return r;
    return NULL;
}

/* ---- the calls ---- */

typedef struct counts {
    int before, after, backward;
} counts;

static void count_before(tg_module *m, const tg_module_call *call, void *context)
{
    assert_non_null(m);
    assert_non_null(call->inputs[0]);
    assert_int_equal(call->output_count, 0);
    ((counts *)context)->before++;
}

static void count_after(tg_module *m, const tg_module_call *call, void *context)
{
    assert_non_null(m);
    for (int i = 0; i < call->output_count; i++) assert_non_null(call->outputs[i]);
    ((counts *)context)->after++;
}

static void count_backward(tg_module *m, const tg_module_call *call, void *context)
{
    assert_non_null(m);
    assert_non_null(call->outputs[0]);
    ((counts *)context)->backward++;
}

static void call_once(const char *kind, tg_module *m, const row *r, tg_tensor *(*forward)(tg_module *, tg_tensor *),
                      counts *c)
{
    IN_SCOPE;
    tg_tensor *x = r->classes ? zeros(r->x) : tg_rand(r->x, .requires_grad = true);
    *c = (counts){ 0 };
    tg_tensor *y = forward(m, x);
    if (tg_failed()) fail_msg("%s: %s", kind, tg_error_message());
    if (c->before != 1 || c->after != 1)
        fail_msg("%s: %d calls before forward, %d after it", kind, c->before, c->after);
    tg_backward(tg_sum(y));
    if (tg_failed()) fail_msg("%s: %s", kind, tg_error_message());
    if (c->backward != 1) fail_msg("%s: %d calls in backward", kind, c->backward);
    tg_scope_end(scope);
}

static tg_tensor *by_module(tg_module *m, tg_tensor *x) { return tg_module_forward(m, x); }

static void check_kind(const char *kind, tg_module *m)
{
    counts c;
    assert_true(tg_register_forward_pre_hook(m, count_before, &c) >= 0);
    assert_true(tg_register_forward_hook(m, count_after, &c) >= 0);
    assert_true(tg_register_full_backward_hook(m, count_backward, &c) >= 0);
    const row *r = row_after(NULL, kind);
    if (!r) fail_msg("%s has no row in this test", kind);
    if (!r->x.ndim) assert_null(m->base.forward);
    if (m->base.forward) call_once(kind, m, r, by_module, &c);
    for (; r; r = row_after(r, kind))
        if (r->own) call_once(kind, m, r, r->own, &c);
    tg_module_free(m);
}

TEST(test_every_kind)
{
    tg_manual_seed(1);
#define TG_MODULE_KIND(kind, made, shapes, missing) check_kind(#kind, TG_MODULE(made));
#include "nn/modules.def"
    tg_linear *model = tg_linear_new(4, 4);
    check_kind("AveragedModel", TG_MODULE(tg_averaged_model_new(model)));
    tg_module_free(model);
}

/* What a model of attention is made of is called by their own forwards, too. */
static void count_all(tg_module *m, void *context)
{
    if (!tg_module_is(m, "ModuleList")) tg_register_forward_hook(m, count_after, context);
}

TEST(test_every_layer_of_a_transformer)
{
    IN_SCOPE;
    counts c = { 0 };
    tg_transformer *m = tg_transformer_new(.d_model = 4, .nhead = 2, .num_encoder_layers = 2, .num_decoder_layers = 2,
                                           .dim_feedforward = 8);
    tg_module_apply(m, count_all, &c);
    assert_non_null(tg_transformer_forward(m, tg_rand(tg_shape(3, 2, 4)), tg_rand(tg_shape(5, 2, 4))));
    /* attention of 2, 2 linear layers, 2 norms and 3 dropouts, and itself; and of a decoder's layer 3 and 1 norm more */
    assert_int_equal(c.after, 1 + 2 * (1 + 1) + 2 * (1 + 2 + 2 + 2 + 3) + 2 * (1 + 4 + 2 + 3 + 4));
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_kind),
        T(test_every_layer_of_a_transformer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

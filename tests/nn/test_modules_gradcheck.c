/* test_modules_gradcheck.c: every kind of module in nn/modules.def, its first and second derivatives by its inputs and
 * by each of its parameters against differences, in float64, while it trains and while it evaluates.
 *
 * A row is CHECK(kind, a module, how it is called, its inputs). A kind has a row for each of its ways to compute; the
 * last test fails for a kind that has none. */
#include "tests/support/gradcheck_module.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <stdio.h>

enum {
#define TG_MODULE_KIND(name, ...) KIND_##name,
#include "nn/modules.def"
    KINDS
};

static const char *const kind_names[KINDS] = {
#define TG_MODULE_KIND(name, ...) #name,
#include "nn/modules.def"
};

/* Kinds that compute nothing. */
static const struct {
    int kind;
    const char *reason;
} without_row[] = {
    { KIND_ModuleList, "it has no forward" },
    { KIND_ModuleDict, "it has no forward" },
    { KIND_ParameterList, "it has no forward" },
};

static bool has_row[KINDS];
static int rows_begun, rows_passed;

static void check_kind(int line, int kind, tg_module *m, gradcheck_how how, gradcheck_call call, tg_tensor_list inputs)
{
    char name[80];
    snprintf(name, sizeof name, "line %d, %s", line, kind_names[kind]);
    if (m && !tg_module_is(m, kind_names[kind])) fail_msg("%s: the module is of another kind", name);
    has_row[kind] = true;
    rows_begun++;
    gradcheck_module(name, m, how, call, inputs);
    rows_passed++;
}

#define CHECK_HOW(how, kind, made, call, ...)                                                                          \
    do {                                                                                                               \
        IN_SCOPE;                                                                                                      \
        tg_manual_seed(5);                                                                                             \
        check_kind(__LINE__, KIND_##kind, TG_MODULE(made), how, call, tg_list(__VA_ARGS__));                           \
        tg_scope_end(scope);                                                                                           \
    } while (0)
#define CHECK(...) CHECK_HOW(GRADCHECK_ALL, __VA_ARGS__)

/* Inputs: a leaf, a tensor that is none, integers or signs of a shape: `OF_SHAPE((2, 2), 1, 0, 2, 1)`. */
#define LEAF(lo, hi, ...)    gradcheck_spread(lo, hi, tg_shape(__VA_ARGS__), true)
#define FIXED(lo, hi, ...)   gradcheck_spread(lo, hi, tg_shape(__VA_ARGS__), false)
#define OF_SHAPE(shape, ...) tg_reshape(tg_tensor_of(__VA_ARGS__), tg_shape shape)

/* A gradcheck_call: what each result of module m is, computed from x. */
#define CALLED(name, ...)                                                                                              \
    static gradcheck_results name(tg_module *m, tg_tensor *const *x) { return (gradcheck_results){ { __VA_ARGS__ } }; }

/* ---- from one tensor to one ---- */

CALLED(one, tg_module_forward(m, x[0]))

TEST(test_containers_and_linear)
{
    CHECK(Sequential, tg_sequential_new(tg_linear_new(2, 3), tg_tanh_new(), tg_linear_new(3, 2)), one,
          LEAF(-2, 2, 3, 2));
    CHECK(Identity, tg_identity_new(), one, LEAF(-2, 2, 3, 2));
    CHECK(Flatten, tg_flatten_new(), one, LEAF(-2, 2, 2, 2, 3));
    CHECK(Unflatten, tg_unflatten_new(1, tg_shape(2, 3)), one, LEAF(-2, 2, 2, 6));
    CHECK(Linear, tg_linear_new(3, 2), one, LEAF(-2, 2, 2, 2, 3));
    CHECK(Linear, tg_linear_new(3, 2, .bias = false), one, LEAF(-2, 2, 3));
}

TEST(test_convolutions)
{
    CHECK(Conv1d, tg_conv1d_new(2, 3, tg_shape(3), .stride = tg_shape(2), .padding = tg_shape(1)), one,
          LEAF(-2, 2, 2, 2, 5));
    CHECK(Conv1d, tg_conv1d_new(2, 2, tg_shape(2), .padding = TG_SAME, .padding_mode = "circular"), one,
          LEAF(-2, 2, 1, 2, 4));
    CHECK(Conv2d, tg_conv2d_new(2, 2, tg_shape(2, 3), .dilation = tg_shape(2, 1), .groups = 2), one,
          LEAF(-2, 2, 2, 2, 4, 4));
    CHECK(Conv2d, tg_conv2d_new(2, 3, tg_shape(1), .bias = false), one, LEAF(-2, 2, 1, 2, 3, 3));
    CHECK(Conv2d, tg_conv2d_new(1, 2, tg_shape(3), .padding = tg_shape(1), .padding_mode = "reflect"), one,
          LEAF(-2, 2, 1, 1, 3, 3));
    CHECK(Conv3d, tg_conv3d_new(1, 2, tg_shape(2)), one, LEAF(-2, 2, 2, 1, 2, 3, 3));
    CHECK(Conv3d, tg_conv3d_new(1, 1, tg_shape(2), .padding = tg_shape(1, 0, 0), .padding_mode = "replicate"), one,
          LEAF(-2, 2, 1, 1, 2, 3, 2));
    CHECK(ConvTranspose1d,
          tg_conv_transpose1d_new(2, 2, tg_shape(3), .stride = tg_shape(2), .output_padding = tg_shape(1),
                                  .padding = tg_shape(1)),
          one, LEAF(-2, 2, 2, 2, 3));
    CHECK(ConvTranspose2d, tg_conv_transpose2d_new(2, 2, tg_shape(2), .groups = 2, .dilation = tg_shape(2)), one,
          LEAF(-2, 2, 1, 2, 2, 3));
    CHECK(ConvTranspose3d, tg_conv_transpose3d_new(2, 1, tg_shape(2), .stride = tg_shape(2), .bias = false), one,
          LEAF(-2, 2, 1, 2, 2, 1, 2));
    CHECK(Unfold, tg_unfold_new(tg_shape(2, 3), .padding = tg_shape(1), .stride = tg_shape(2)), one,
          LEAF(-2, 2, 1, 2, 3, 4));
    CHECK(Fold, tg_fold_new(tg_shape(3, 4), tg_shape(2), .stride = tg_shape(1, 2)), one, LEAF(-2, 2, 1, 8, 4));
}

TEST(test_borders)
{
    CHECK(ConstantPad1d, tg_constant_pad1d_new(tg_shape(1, 2), 0.5), one, LEAF(-2, 2, 2, 3));
    CHECK(ConstantPad2d, tg_constant_pad2d_new(tg_shape(1, -1, 0, 2), 0.5), one, LEAF(-2, 2, 1, 3, 3));
    CHECK(ConstantPad3d, tg_constant_pad3d_new(tg_shape(1), 0.5), one, LEAF(-2, 2, 1, 2, 2, 2));
    CHECK(ZeroPad2d, tg_zero_pad2d_new(tg_shape(1)), one, LEAF(-2, 2, 1, 2, 3));
    CHECK(ReflectionPad1d, tg_reflection_pad1d_new(tg_shape(2, 1)), one, LEAF(-2, 2, 2, 4));
    CHECK(ReflectionPad2d, tg_reflection_pad2d_new(tg_shape(2, 0, 1, 1)), one, LEAF(-2, 2, 1, 3, 3));
    CHECK(ReflectionPad3d, tg_reflection_pad3d_new(tg_shape(1)), one, LEAF(-2, 2, 1, 2, 2, 3));
    CHECK(ReplicationPad1d, tg_replication_pad1d_new(tg_shape(3, 1)), one, LEAF(-2, 2, 2, 3));
    CHECK(ReplicationPad2d, tg_replication_pad2d_new(tg_shape(2, 0, 1, 1)), one, LEAF(-2, 2, 1, 3, 3));
    CHECK(ReplicationPad3d, tg_replication_pad3d_new(tg_shape(1)), one, LEAF(-2, 2, 1, 2, 1, 2));
}

/* As with return_indices=True. */
CALLED(pool, tg_max_pool_forward_with_indices(m, x[0]).values)

TEST(test_pooling)
{
    CHECK(MaxPool1d, tg_max_pool1d_new(tg_shape(3), .stride = tg_shape(2), .padding = tg_shape(1)), one,
          LEAF(-2, 2, 2, 2, 5));
    CHECK(MaxPool2d, tg_max_pool2d_new(tg_shape(2), .stride = tg_shape(1)), one, LEAF(-2, 2, 1, 2, 3, 4));
    CHECK(MaxPool3d, tg_max_pool3d_new(tg_shape(2)), pool, LEAF(-2, 2, 1, 1, 2, 4, 4));
    CHECK(LPPool1d, tg_lp_pool1d_new(3, tg_shape(2)), one, LEAF(0.3, 2, 1, 2, 6));
    CHECK(LPPool2d, tg_lp_pool2d_new(2, tg_shape(2), .stride = tg_shape(1)), one, LEAF(-2, 2, 1, 1, 3, 4));
    CHECK(AvgPool1d, tg_avg_pool1d_new(tg_shape(3), .padding = tg_shape(1), .count_include_pad = false), one,
          LEAF(-2, 2, 1, 2, 6));
    CHECK(AvgPool2d, tg_avg_pool2d_new(tg_shape(2), .stride = tg_shape(1), .padding = tg_shape(1)), one,
          LEAF(-2, 2, 1, 2, 3, 2));
    CHECK(AvgPool3d, tg_avg_pool3d_new(tg_shape(2), .ceil_mode = true), one, LEAF(-2, 2, 1, 1, 2, 3, 3));
    CHECK(AdaptiveAvgPool1d, tg_adaptive_avg_pool1d_new(tg_shape(3)), one, LEAF(-2, 2, 1, 2, 5));
    CHECK(AdaptiveAvgPool2d, tg_adaptive_avg_pool2d_new(tg_shape(2, 3)), one, LEAF(-2, 2, 1, 1, 3, 4));
    CHECK(AdaptiveAvgPool3d, tg_adaptive_avg_pool3d_new(tg_shape(2, TG_SAME_SIZE, 1)), one, LEAF(-2, 2, 1, 1, 3, 2, 3));
    CHECK(AdaptiveMaxPool1d, tg_adaptive_max_pool1d_new(tg_shape(3)), one, LEAF(-2, 2, 1, 2, 5));
    CHECK(AdaptiveMaxPool2d, tg_adaptive_max_pool2d_new(tg_shape(2, 3)), one, LEAF(-2, 2, 1, 1, 3, 4));
    CHECK(AdaptiveMaxPool3d, tg_adaptive_max_pool3d_new(tg_shape(2)), pool, LEAF(-2, 2, 1, 1, 3, 2, 3));
}

TEST(test_resampling)
{
    CHECK(Upsample, tg_upsample_new(.scale_factor = 2), one, LEAF(-2, 2, 1, 2, 3));
    CHECK(Upsample, tg_upsample_new(.scale_factor = 1.7, .mode = "linear"), one, LEAF(-2, 2, 1, 2, 4));
    CHECK(Upsample, tg_upsample_new(.size = tg_shape(3, 5), .mode = "bilinear"), one, LEAF(-2, 2, 1, 1, 2, 3));
    CHECK(Upsample, tg_upsample_new(.size = tg_shape(5, 2), .mode = "bicubic", .align_corners = true), one,
          LEAF(-2, 2, 1, 1, 3, 3));
    CHECK(UpsamplingNearest2d, tg_upsampling_nearest2d_new(.size = tg_shape(3, 5)), one, LEAF(-2, 2, 1, 1, 2, 3));
    CHECK(UpsamplingBilinear2d, tg_upsampling_bilinear2d_new(.scale_factor = 2), one, LEAF(-2, 2, 1, 1, 2, 3));
    CHECK(PixelShuffle, tg_pixel_shuffle_new(2), one, LEAF(-2, 2, 1, 4, 2, 3));
    CHECK(PixelUnshuffle, tg_pixel_unshuffle_new(2), one, LEAF(-2, 2, 1, 1, 4, 2));
    CHECK(ChannelShuffle, tg_channel_shuffle_new(2), one, LEAF(-2, 2, 1, 4, 2));
}

TEST(test_normalisation)
{
    CHECK(BatchNorm1d, tg_batch_norm1d_new(2), one, LEAF(-2, 2, 4, 2));
    CHECK(BatchNorm1d, tg_batch_norm1d_new(2, .track_running_stats = false), one, LEAF(-2, 2, 2, 2, 3));
    CHECK(BatchNorm2d, tg_batch_norm2d_new(2, .momentum = TG_CUMULATIVE_AVERAGE), one, LEAF(-2, 2, 2, 2, 2, 2));
    CHECK(BatchNorm3d, tg_batch_norm3d_new(2, .affine = false), one, LEAF(-2, 2, 2, 2, 1, 2, 2));
    CHECK(InstanceNorm1d, tg_instance_norm1d_new(2), one, LEAF(-2, 2, 2, 2, 4));
    CHECK(InstanceNorm2d, tg_instance_norm2d_new(2, .affine = true), one, LEAF(-2, 2, 2, 2, 2, 2));
    CHECK(InstanceNorm3d, tg_instance_norm3d_new(2, .affine = true, .track_running_stats = true), one,
          LEAF(-2, 2, 1, 2, 2, 2, 2));
    CHECK(LayerNorm, tg_layer_norm_new(tg_shape(4)), one, LEAF(-2, 2, 3, 4));
    CHECK(LayerNorm, tg_layer_norm_new(tg_shape(2, 3), .elementwise_affine = false), one, LEAF(-2, 2, 2, 2, 3));
    CHECK(RMSNorm, tg_rms_norm_new(tg_shape(2, 2), .eps = 0.1), one, LEAF(-2, 2, 3, 2, 2));
    CHECK(GroupNorm, tg_group_norm_new(2, 4), one, LEAF(-2, 2, 2, 4, 2));
    CHECK(LocalResponseNorm, tg_local_response_norm_new(3, .alpha = 0.5, .beta = 0.6, .k = 2), one,
          LEAF(-2, 2, 1, 4, 3));
}

TEST(test_dropout)
{
    CHECK(Dropout, tg_dropout_new(0.5), one, LEAF(-2, 2, 3, 4));
    CHECK(Dropout1d, tg_dropout1d_new(0.5), one, LEAF(-2, 2, 2, 3, 2));
    CHECK(Dropout2d, tg_dropout2d_new(0.5), one, LEAF(-2, 2, 2, 3, 1, 2));
    CHECK(Dropout3d, tg_dropout3d_new(0.5), one, LEAF(-2, 2, 2, 3, 1, 1, 2));
    CHECK(AlphaDropout, tg_alpha_dropout_new(0.5), one, LEAF(-2, 2, 3, 4));
    CHECK(FeatureAlphaDropout, tg_feature_alpha_dropout_new(0.5), one, LEAF(-2, 2, 2, 3, 2));
}

/* Those that are not smooth everywhere: the inputs lie on all of their pieces, and not where two meet. */
TEST(test_activations_in_pieces)
{
    CHECK(ReLU, tg_relu_new(), one, LEAF(-2, 2, 12));
    CHECK(ReLU6, tg_relu6_new(), one, LEAF(-4, 9, 12));
    CHECK(RReLU, tg_rrelu_new(), one, LEAF(-2, 2, 12));
    CHECK(LeakyReLU, tg_leaky_relu_new(.negative_slope = 0.3), one, LEAF(-2, 2, 12));
    CHECK(PReLU, tg_prelu_new(), one, LEAF(-2, 2, 12));
    CHECK(PReLU, tg_prelu_new(.num_parameters = 3), one, LEAF(-2, 2, 2, 3, 2));
    CHECK(ELU, tg_elu_new(.alpha = 0.7), one, LEAF(-2, 2, 12));
    CHECK(CELU, tg_celu_new(.alpha = 0.7), one, LEAF(-2, 2, 12));
    CHECK(SELU, tg_selu_new(), one, LEAF(-2, 2, 12));
    CHECK(Hardsigmoid, tg_hardsigmoid_new(), one, LEAF(-5, 5, 12));
    CHECK(Hardswish, tg_hardswish_new(), one, LEAF(-5, 5, 12));
    CHECK(Hardtanh, tg_hardtanh_new(), one, LEAF(-2, 2, 12));
    CHECK(Softplus, tg_softplus_new(.beta = 2, .threshold = 3), one, LEAF(-3, 3, 12));
    CHECK(Softsign, tg_softsign_new(), one, LEAF(-2, 2, 12));
    CHECK(Softshrink, tg_softshrink_new(), one, LEAF(-2, 2, 12));
    CHECK(Hardshrink, tg_hardshrink_new(), one, LEAF(-2, 2, 12));
    CHECK(Threshold, tg_threshold_new(0.1, 20), one, LEAF(-2, 2, 12));
}

TEST(test_smooth_activations)
{
    CHECK(GELU, tg_gelu_new(), one, LEAF(-3, 3, 12));
    CHECK(GELU, tg_gelu_new(.approximate = "tanh"), one, LEAF(-3, 3, 12));
    CHECK(SiLU, tg_silu_new(), one, LEAF(-3, 3, 12));
    CHECK(Mish, tg_mish_new(), one, LEAF(-3, 3, 12));
    CHECK(GLU, tg_glu_new(), one, LEAF(-2, 2, 3, 4));
    CHECK(GLU, tg_glu_new(0), one, LEAF(-2, 2, 4, 3));
    CHECK(Sigmoid, tg_sigmoid_new(), one, LEAF(-3, 3, 12));
    CHECK(LogSigmoid, tg_log_sigmoid_new(), one, LEAF(-3, 3, 12));
    CHECK(Tanh, tg_tanh_new(), one, LEAF(-3, 3, 12));
    CHECK(Tanhshrink, tg_tanhshrink_new(), one, LEAF(-3, 3, 12));
    CHECK(Softmax, tg_softmax_new(1), one, LEAF(-2, 2, 3, 4));
    CHECK(Softmax2d, tg_softmax2d_new(), one, LEAF(-2, 2, 1, 3, 2, 2));
    CHECK(Softmin, tg_softmin_new(0), one, LEAF(-2, 2, 3, 4));
    CHECK(LogSoftmax, tg_log_softmax_new(1), one, LEAF(-2, 2, 3, 4));
}

/* ---- recurrent modules ---- */

static gradcheck_results rnn(tg_module *m, tg_tensor *const *x)
{
    const tg_rnn_output out = tg_rnn_forward((tg_rnn *)m, x[0], x[1]);
    return (gradcheck_results){ { out.output, out.h_n } };
}

static gradcheck_results gru(tg_module *m, tg_tensor *const *x)
{
    const tg_gru_output out = tg_gru_forward((tg_gru *)m, x[0], x[1]);
    return (gradcheck_results){ { out.output, out.h_n } };
}

static gradcheck_results lstm(tg_module *m, tg_tensor *const *x)
{
    const tg_lstm_output out = tg_lstm_forward((tg_lstm *)m, x[0], (tg_lstm_state){ x[1], x[2] });
    return (gradcheck_results){ { out.output, out.h_n, out.c_n } };
}

static tg_packed_sequence packed(tg_tensor *x)
{
    return tg_pack_padded_sequence(x, tg_tensor_of(1, 3, 2), .enforce_sorted = false);
}

static gradcheck_results rnn_packed(tg_module *m, tg_tensor *const *x)
{
    const tg_rnn_packed_output out = tg_rnn_forward_packed((tg_rnn *)m, packed(x[0]), x[1]);
    return (gradcheck_results){ { tg_pad_packed_sequence(out.output).output, out.h_n } };
}

static gradcheck_results gru_packed(tg_module *m, tg_tensor *const *x)
{
    const tg_gru_packed_output out = tg_gru_forward_packed((tg_gru *)m, packed(x[0]), x[1]);
    return (gradcheck_results){ { tg_pad_packed_sequence(out.output).output, out.h_n } };
}

static gradcheck_results lstm_packed(tg_module *m, tg_tensor *const *x)
{
    const tg_lstm_packed_output out = tg_lstm_forward_packed((tg_lstm *)m, packed(x[0]), (tg_lstm_state){ x[1], x[2] });
    return (gradcheck_results){ { tg_pad_packed_sequence(out.output).output, out.h_n, out.c_n } };
}

CALLED(rnn_cell, tg_rnn_cell_forward((tg_rnn_cell *)m, x[0], x[1]))
CALLED(gru_cell, tg_gru_cell_forward((tg_gru_cell *)m, x[0], x[1]))

static gradcheck_results lstm_cell(tg_module *m, tg_tensor *const *x)
{
    const tg_lstm_state state = tg_lstm_cell_forward((tg_lstm_cell *)m, x[0], (tg_lstm_state){ x[1], x[2] });
    return (gradcheck_results){ { state.h, state.c } };
}

TEST(test_recurrent)
{
    CHECK(RNN, tg_rnn_new(2, 2, .num_layers = 2, .bidirectional = true, .dropout = 0.3), rnn, LEAF(-2, 2, 3, 2, 2),
          LEAF(-1, 1, 4, 2, 2));
    CHECK(RNN, tg_rnn_new(2, 3, .nonlinearity = "relu", .batch_first = true, .bias = false), rnn, LEAF(-2, 2, 2, 3, 2),
          LEAF(-1, 1, 1, 2, 3));
    CHECK(LSTM, tg_lstm_new(2, 2, .num_layers = 2, .bidirectional = true), lstm, LEAF(-2, 2, 3, 2, 2),
          LEAF(-1, 1, 4, 2, 2), LEAF(-1, 1.2, 4, 2, 2));
    CHECK(LSTM, tg_lstm_new(2, 3, .num_layers = 2, .proj_size = 2, .batch_first = true), lstm, LEAF(-2, 2, 1, 2, 2),
          LEAF(-1, 1, 2, 1, 2), LEAF(-1, 1, 2, 1, 3));
    CHECK(GRU, tg_gru_new(2, 2, .num_layers = 2, .bidirectional = true), gru, LEAF(-2, 2, 3, 2, 2),
          LEAF(-1, 1, 4, 2, 2));
    CHECK(GRU, tg_gru_new(2, 3, .bias = false), gru, LEAF(-2, 2, 3, 2), LEAF(-1, 1, 1, 3));
}

TEST(test_recurrent_cells)
{
    CHECK(RNNCell, tg_rnn_cell_new(2, 3), rnn_cell, LEAF(-2, 2, 2, 2), LEAF(-1, 1, 2, 3));
    CHECK(LSTMCell, tg_lstm_cell_new(2, 2), lstm_cell, LEAF(-2, 2, 2, 2), LEAF(-1, 1, 2, 2), LEAF(-1, 1.2, 2, 2));
    CHECK(GRUCell, tg_gru_cell_new(2, 3), gru_cell, LEAF(-2, 2, 2, 2), LEAF(-1, 1, 2, 3));
}

/* Of three sequences, the longest in the middle. */
TEST(test_recurrent_packed)
{
    CHECK(RNN, tg_rnn_new(2, 2, .num_layers = 2, .bidirectional = true), rnn_packed, LEAF(-2, 2, 3, 3, 2),
          LEAF(-1, 1, 4, 3, 2));
    CHECK(LSTM, tg_lstm_new(1, 2, .num_layers = 2, .bidirectional = true, .proj_size = 1), lstm_packed,
          LEAF(-2, 2, 3, 3, 1), LEAF(-1, 1, 4, 3, 1), LEAF(-1, 1, 4, 3, 2));
    CHECK(GRU, tg_gru_new(2, 1, .num_layers = 2, .bidirectional = true), gru_packed, LEAF(-2, 2, 3, 3, 2),
          LEAF(-1, 1, 4, 3, 1));
}

/* ---- attention ---- */

static gradcheck_results attention(tg_module *m, tg_tensor *const *x)
{
    const tg_multihead_attention_output out =
        tg_multihead_attention_forward((tg_multihead_attention *)m, x[0], x[1], x[2], .attn_mask = x[3],
                                       .key_padding_mask = x[4]);
    return (gradcheck_results){ { out.output, out.weights } };
}

static gradcheck_results attention_without_weights(tg_module *m, tg_tensor *const *x)
{
    tg_multihead_attention *a = (tg_multihead_attention *)m;
    return (gradcheck_results){ { tg_multihead_attention_forward(a, x[0], x[1], x[2], .attn_mask = x[3],
                                                                 .key_padding_mask = x[4], .need_weights = false)
                                      .output } };
}

static gradcheck_results encoder_layer(tg_module *m, tg_tensor *const *x)
{
    tg_transformer_encoder_layer *layer = (tg_transformer_encoder_layer *)m;
    return (gradcheck_results){ { tg_transformer_encoder_layer_forward(layer, x[0], .src_mask = x[1],
                                                                       .src_key_padding_mask = x[2]) } };
}

static gradcheck_results decoder_layer(tg_module *m, tg_tensor *const *x)
{
    tg_transformer_decoder_layer *layer = (tg_transformer_decoder_layer *)m;
    return (gradcheck_results){ { tg_transformer_decoder_layer_forward(layer, x[0], x[1], .tgt_mask = x[2],
                                                                       .memory_mask = x[3],
                                                                       .memory_key_padding_mask = x[4]) } };
}

CALLED(encoder, tg_transformer_encoder_forward((tg_transformer_encoder *)m, x[0], .mask = x[1]))
CALLED(decoder, tg_transformer_decoder_forward((tg_transformer_decoder *)m, x[0], x[1], .tgt_mask = x[2]))
CALLED(transformer, tg_transformer_forward((tg_transformer *)m, x[0], x[1], .tgt_mask = x[2]))

/* A mask of 2 sequences of 3 keys: the first sequence has 2. */
static tg_tensor *padding(void) { return tg_eq(OF_SHAPE((2, 3), 0, 0, 1, 0, 0, 0), 1); }

TEST(test_attention)
{
    CHECK(MultiheadAttention, tg_multihead_attention_new(4, 2, .dropout = 0.3), attention, LEAF(-2, 2, 2, 2, 4),
          LEAF(-2, 1, 3, 2, 4), LEAF(-1, 2, 3, 2, 4), LEAF(-1, 1, 2, 3), padding());
    CHECK(MultiheadAttention,
          tg_multihead_attention_new(2, 1, .kdim = 3, .vdim = 2, .batch_first = true, .add_bias_kv = true,
                                     .add_zero_attn = true),
          attention, LEAF(-2, 2, 2, 2, 2), LEAF(-2, 1, 2, 3, 3), LEAF(-1, 2, 2, 3, 2), LEAF(-1, 1, 2, 3), padding());
    CHECK(MultiheadAttention, tg_multihead_attention_new(2, 2, .dropout = 0.3), attention_without_weights,
          LEAF(-2, 2, 3, 2), LEAF(-2, 1, 3, 2), LEAF(-1, 2, 3, 2));
    CHECK(MultiheadAttention, tg_multihead_attention_new(4, 2, .bias = false), attention_without_weights,
          LEAF(-2, 2, 2, 2, 4), LEAF(-2, 1, 3, 2, 4), LEAF(-1, 2, 3, 2, 4), LEAF(-1, 1, 4, 2, 3), padding());
}

TEST(test_transformers)
{
    CHECK(TransformerEncoderLayer, tg_transformer_encoder_layer_new(4, 2, .dim_feedforward = 3, .dropout = 0.2),
          encoder_layer, LEAF(-2, 2, 3, 2, 4), LEAF(-1, 1, 3, 3), padding());
    CHECK(TransformerEncoderLayer,
          tg_transformer_encoder_layer_new(2, 1, .dim_feedforward = 2, .layer_norm_eps = 0.5, .norm_first = true,
                                           .activation = "gelu", .dropout = 0),
          encoder_layer, LEAF(-2, 2, 2, 1, 2), tg_generate_square_subsequent_mask(2));
    CHECK(TransformerDecoderLayer,
          tg_transformer_decoder_layer_new(4, 2, .dim_feedforward = 3, .activation = "gelu", .dropout = 0),
          decoder_layer, LEAF(-2, 2, 2, 2, 4), LEAF(-2, 1, 3, 2, 4), tg_generate_square_subsequent_mask(2),
          LEAF(-1, 1, 2, 3), padding());
    CHECK(TransformerDecoderLayer,
          tg_transformer_decoder_layer_new(2, 1, .dim_feedforward = 2, .layer_norm_eps = 0.5, .norm_first = true,
                                           .batch_first = true, .dropout = 0.2),
          decoder_layer, LEAF(-2, 2, 1, 2, 2), LEAF(-2, 1, 1, 2, 2));
    CHECK(TransformerEncoder,
          tg_transformer_encoder_new(tg_transformer_encoder_layer_new(2, 1, .dim_feedforward = 2, .layer_norm_eps = 0.5,
                                                                      .dropout = 0.2),
                                     2, .norm = TG_MODULE(tg_layer_norm_new(tg_shape(2), .eps = 0.5))),
          encoder, LEAF(-2, 2, 2, 1, 2), LEAF(-1, 1, 2, 2));
    CHECK(TransformerDecoder,
          tg_transformer_decoder_new(tg_transformer_decoder_layer_new(2, 1, .dim_feedforward = 2, .layer_norm_eps = 0.5,
                                                                      .dropout = 0),
                                     2),
          decoder, LEAF(-2, 2, 2, 1, 2), LEAF(-2, 1, 2, 1, 2), LEAF(-1, 1, 2, 2));
    CHECK(Transformer,
          tg_transformer_new(.d_model = 2, .nhead = 2, .num_encoder_layers = 1, .num_decoder_layers = 1,
                             .dim_feedforward = 2, .layer_norm_eps = 0.5, .dropout = 0),
          transformer, LEAF(-2, 2, 2, 1, 2), LEAF(-2, 1, 2, 1, 2), LEAF(-1, 1, 2, 2));
}

/* ---- modules of several inputs ---- */

CALLED(bilinear, tg_bilinear_forward((tg_bilinear *)m, x[0], x[1]))
CALLED(unpool, tg_max_unpool_forward((tg_max_unpool *)m, x[0], x[1]))
CALLED(distance, tg_distance_forward((tg_distance *)m, x[0], x[1]))
CALLED(bags, tg_embedding_bag_forward((tg_embedding_bag *)m, x[0], x[1], x[2]))

static gradcheck_results adaptive(tg_module *m, tg_tensor *const *x)
{
    tg_adaptive_log_softmax *softmax = (tg_adaptive_log_softmax *)m;
    const tg_adaptive_log_softmax_output out = tg_adaptive_log_softmax_forward(softmax, x[0], x[1]);
    return (gradcheck_results){ { out.output, out.loss, tg_adaptive_log_softmax_log_prob(softmax, x[0]) } };
}

TEST(test_several_inputs)
{
    CHECK(Bilinear, tg_bilinear_new(3, 2, 2), bilinear, LEAF(-2, 2, 2, 3), LEAF(-1, 2, 2, 2));
    CHECK(MaxUnpool1d, tg_max_unpool1d_new(tg_shape(2)), unpool, LEAF(-2, 2, 1, 2, 2), OF_SHAPE((1, 2, 2), 1, 2, 0, 3));
    CHECK(MaxUnpool2d, tg_max_unpool2d_new(tg_shape(2)), unpool, LEAF(-2, 2, 1, 1, 2, 2),
          OF_SHAPE((1, 1, 2, 2), 1, 6, 8, 15));
    CHECK(MaxUnpool3d, tg_max_unpool3d_new(tg_shape(2)), unpool, LEAF(-2, 2, 1, 1, 1, 2, 2),
          OF_SHAPE((1, 1, 1, 2, 2), 1, 22, 8, 31));
    CHECK(CosineSimilarity, tg_cosine_similarity_new(), distance, LEAF(-2, 2, 2, 3), LEAF(-1, 2, 2, 3));
    CHECK(PairwiseDistance, tg_pairwise_distance_new(), distance, LEAF(-2, 2, 2, 3), LEAF(-1, 2.5, 2, 3));
    CHECK(PairwiseDistance, tg_pairwise_distance_new(.p = 3, .keepdim = true), distance, LEAF(-2, 2, 2, 3),
          LEAF(-1, 2.5, 2, 3));
    CHECK(AdaptiveLogSoftmaxWithLoss, tg_adaptive_log_softmax_new(4, 7, tg_shape(2, 4), .div_value = 2), adaptive,
          LEAF(-2, 2, 4, 4), tg_tensor_of(1, 6, 3, 4));
    CHECK(AdaptiveLogSoftmaxWithLoss, tg_adaptive_log_softmax_new(4, 5, tg_shape(3), .div_value = 2, .head_bias = true),
          adaptive, LEAF(-2, 2, 3, 4), tg_tensor_of(0, 2, 1)); /* none of the cluster */
}

/* scale_grad_by_freq and a padding_idx that is looked up change the gradient on purpose, and max_norm the weight. */
TEST(test_embeddings)
{
    CHECK(Embedding, tg_embedding_new(4, 3, .padding_idx = 1), one, OF_SHAPE((2, 2), 0, 3, 3, 2));
    CHECK(EmbeddingBag, tg_embedding_bag_new(4, 3, .padding_idx = 1), bags, OF_SHAPE((2, 3), 0, 3, 1, 3, 2, 3));
    CHECK(EmbeddingBag, tg_embedding_bag_new(4, 3, .mode = "sum"), bags, tg_tensor_of(0, 3, 1, 3, 2),
          tg_tensor_of(0, 2, 2), LEAF(-1, 2, 5));
    CHECK(EmbeddingBag, tg_embedding_bag_new(4, 3, .mode = "max"), bags, tg_tensor_of(0, 3, 1, 3, 2),
          tg_tensor_of(0, 2));
}

/* ---- losses ---- */

CALLED(loss, tg_loss_forward((tg_loss *)m, x[0], x[1]))
CALLED(triple, tg_triple_loss_forward((tg_triple_loss *)m, x[0], x[1], x[2]))
CALLED(ctc, tg_ctc_loss_forward((tg_ctc_loss *)m, tg_log_softmax(x[0], 2), x[1], x[2], x[3]))

TEST(test_losses_of_numbers)
{
    CHECK(MSELoss, tg_mse_loss_new(), loss, LEAF(-2, 2, 2, 3), LEAF(-1, 2, 2, 3));
    CHECK(L1Loss, tg_l1_loss_new(.reduction = TG_REDUCTION_NONE), loss, LEAF(-2, 2, 2, 3), LEAF(-1, 2.5, 2, 3));
    CHECK(SmoothL1Loss, tg_smooth_l1_loss_new(.beta = 0.5), loss, LEAF(-2, 2, 2, 5), LEAF(2, -1, 2, 5));
    CHECK(HuberLoss, tg_huber_loss_new(.delta = 0.7), loss, LEAF(-2, 2, 2, 5), LEAF(2, -1, 2, 5));
    CHECK(PoissonNLLLoss, tg_poisson_nll_loss_new(), loss, LEAF(-2, 2, 2, 3), LEAF(1, 4, 2, 3));
    CHECK(PoissonNLLLoss, tg_poisson_nll_loss_new(.log_input = false, .full = true), loss, LEAF(0.5, 2, 2, 3),
          LEAF(0.5, 4, 2, 3));
    CHECK(GaussianNLLLoss, tg_gaussian_nll_loss_new(.full = true), triple, LEAF(-2, 2, 2, 3), LEAF(-1, 2, 2, 3),
          LEAF(0.5, 2, 2, 3));
    CHECK(GaussianNLLLoss, tg_gaussian_nll_loss_new(.reduction = TG_REDUCTION_NONE), triple, LEAF(-2, 2, 2, 3),
          LEAF(-1, 2, 2, 3), LEAF(0.5, 2, 2, 1));
}

TEST(test_losses_of_probabilities)
{
    CHECK(BCELoss, tg_bce_loss_new(.weight = FIXED(0.5, 2, 3)), loss, LEAF(0.1, 0.9, 2, 3), LEAF(0.9, 0.2, 2, 3));
    CHECK(BCEWithLogitsLoss, tg_bce_with_logits_loss_new(.weight = FIXED(0.5, 2, 3), .pos_weight = FIXED(2, 1, 3)),
          loss, LEAF(-2, 2, 2, 3), LEAF(0.9, 0.2, 2, 3));
    CHECK(KLDivLoss, tg_kl_div_loss_new(.reduction = TG_REDUCTION_BATCHMEAN), loss, LEAF(-2, -0.1, 2, 3),
          LEAF(0.1, 0.9, 2, 3));
    CHECK(KLDivLoss, tg_kl_div_loss_new(.reduction = TG_REDUCTION_SUM, .log_target = true), loss, LEAF(-2, -0.1, 2, 3),
          LEAF(-1, -0.2, 2, 3));
}

TEST(test_losses_of_classes)
{
    CHECK(CrossEntropyLoss,
          tg_cross_entropy_loss_new(.weight = FIXED(0.5, 2, 4), .label_smoothing = 0.1, .ignore_index = 1), loss,
          LEAF(-2, 2, 3, 4), tg_tensor_of(3, 1, 0));
    CHECK(CrossEntropyLoss, tg_cross_entropy_loss_new(.reduction = TG_REDUCTION_NONE), loss, LEAF(-2, 2, 2, 3, 2),
          OF_SHAPE((2, 2), 0, 2, 1, 1));
    CHECK(CrossEntropyLoss, tg_cross_entropy_loss_new(), loss, LEAF(-2, 2, 2, 3), LEAF(0.1, 0.8, 2, 3));
    CHECK(NLLLoss, tg_nll_loss_new(.weight = FIXED(0.5, 2, 4)), loss, LEAF(-2, -0.1, 3, 4), tg_tensor_of(3, 1, 0));
    CHECK(MultiMarginLoss, tg_multi_margin_loss_new(.p = 2, .weight = FIXED(0.5, 2, 4)), loss, LEAF(-2, 2, 3, 4),
          tg_tensor_of(3, 1, 0));
    CHECK(MultiLabelMarginLoss, tg_multilabel_margin_loss_new(), loss, LEAF(-2, 2, 2, 3),
          OF_SHAPE((2, 3), 2, 0, -1, 1, -1, 0));
    CHECK(MultiLabelSoftMarginLoss, tg_multilabel_soft_margin_loss_new(.weight = FIXED(0.5, 2, 3)), loss,
          LEAF(-2, 2, 2, 3), OF_SHAPE((2, 3), 1.0, 0.0, 0.0, 1.0, 1.0, 0.0));
    CHECK_HOW(GRADCHECK_ONCE, CTCLoss, tg_ctc_loss_new(), ctc, LEAF(-2, 2, 4, 2, 3), OF_SHAPE((2, 2), 1, 2, 2, 2),
              tg_tensor_of(3, 4), tg_tensor_of(1, 2));
}

TEST(test_losses_of_margins)
{
    CHECK(HingeEmbeddingLoss, tg_hinge_embedding_loss_new(), loss, LEAF(-2, 2, 2, 3),
          OF_SHAPE((2, 3), 1.0, -1.0, -1.0, 1.0, -1.0, -1.0));
    CHECK(SoftMarginLoss, tg_soft_margin_loss_new(), loss, LEAF(-2, 2, 2, 3),
          OF_SHAPE((2, 3), 1.0, -1.0, -1.0, 1.0, 1.0, -1.0));
    CHECK(MarginRankingLoss, tg_margin_ranking_loss_new(.margin = 0.3), triple, LEAF(-2, 2, 6), LEAF(2, -1, 6),
          tg_tensor_of(1.0, -1.0, -1.0, 1.0, 1.0, -1.0));
    CHECK(CosineEmbeddingLoss, tg_cosine_embedding_loss_new(.margin = -0.9), triple, LEAF(-2, 2, 4, 3),
          LEAF(2, -1, 4, 3), tg_tensor_of(1.0, -1.0, -1.0, 1.0));
    CHECK(TripletMarginLoss, tg_triplet_margin_loss_new(.margin = 2, .swap = true), triple, LEAF(-2, 2, 3, 3),
          LEAF(-1, 2, 3, 3), LEAF(2, -1.5, 3, 3));
}

/* ---- weights that are computed ---- */

/* Module m_ with its weight parametrised. */
#define CHECK_COMPUTED(how, made, parametrise, call, ...)                                                              \
    do {                                                                                                               \
        IN_SCOPE;                                                                                                      \
        tg_manual_seed(5);                                                                                             \
        tg_module *m_ = TG_MODULE(made);                                                                               \
        assert_int_equal(parametrise, TG_OK);                                                                          \
        gradcheck_module(#parametrise, m_, how, call, tg_list(__VA_ARGS__));                                           \
        tg_scope_end(scope);                                                                                           \
    } while (0)

TEST(test_weight_norm)
{
    CHECK_COMPUTED(GRADCHECK_ALL, tg_linear_new(3, 2), tg_weight_norm(m_, "weight"), one, LEAF(-2, 2, 2, 3));
    CHECK_COMPUTED(GRADCHECK_ALL, tg_linear_new(3, 2), tg_weight_norm(m_, "weight", .dim = TG_WHOLE_WEIGHT), one,
                   LEAF(-2, 2, 2, 3));
    CHECK_COMPUTED(GRADCHECK_ALL, tg_conv2d_new(2, 2, tg_shape(2)), tg_weight_norm(m_, "weight", .dim = 1), one,
                   LEAF(-2, 2, 1, 2, 3, 3));
    CHECK_COMPUTED(GRADCHECK_ALL, tg_bilinear_new(3, 2, 2), tg_weight_norm(m_, "weight", .dim = 2), bilinear,
                   LEAF(-2, 2, 2, 3), LEAF(-1, 2, 2, 2));
    CHECK_COMPUTED(GRADCHECK_ALL, tg_gru_new(2, 2), tg_weight_norm(m_, "weight_hh_l0"), gru, LEAF(-2, 2, 3, 1, 2),
                   LEAF(-1, 1, 1, 1, 2));
}

/* While it trains, each forward moves u and v, which count as constants: the weight is then another function. */
TEST(test_spectral_norm)
{
    CHECK_COMPUTED(GRADCHECK_EVALUATING, tg_linear_new(3, 2), tg_spectral_norm(m_, "weight"), one, LEAF(-2, 2, 2, 3));
    CHECK_COMPUTED(GRADCHECK_EVALUATING, tg_conv_transpose1d_new(2, 3, tg_shape(2)), tg_spectral_norm(m_, "weight"),
                   one, LEAF(-2, 2, 1, 2, 3));
}

/* ---- none is left out ---- */

TEST(test_every_kind_has_a_row)
{
    if (rows_passed < rows_begun) skip(); /* those behind one that failed have not run */
    const char *reason[KINDS] = { NULL };
    for (size_t i = 0; i < sizeof without_row / sizeof *without_row; i++)
        reason[without_row[i].kind] = without_row[i].reason;
    for (int i = 0; i < KINDS; i++) {
        if (has_row[i] && reason[i]) fail_msg("%s has a row, and is said to need none: %s", kind_names[i], reason[i]);
        if (!has_row[i] && !reason[i]) fail_msg("%s of nn/modules.def has no row here", kind_names[i]);
    }
}

int main(void)
{
    tg_set_default_dtype(TG_FLOAT64);
    const struct CMUnitTest tests[] = {
        T(test_containers_and_linear),
        T(test_convolutions),
        T(test_borders),
        T(test_pooling),
        T(test_resampling),
        T(test_normalisation),
        T(test_dropout),
        T(test_activations_in_pieces),
        T(test_smooth_activations),
        T(test_recurrent),
        T(test_recurrent_cells),
        T(test_recurrent_packed),
        T(test_attention),
        T(test_transformers),
        T(test_several_inputs),
        T(test_embeddings),
        T(test_losses_of_numbers),
        T(test_losses_of_probabilities),
        T(test_losses_of_classes),
        T(test_losses_of_margins),
        T(test_weight_norm),
        T(test_spectral_norm),
        T(test_every_kind_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

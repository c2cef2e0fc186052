/* models.h: the models that workloads.c trains. */
#ifndef TG_TESTS_BENCH_MODELS_H
#define TG_TESTS_BENCH_MODELS_H

#include <tapegrad.h>

/* The notebook's LSTM, its cell written out; x is [N, T, input], the result, h at every step, [N, T, hidden]. */
tg_module *custom_lstm_new(int64_t input_size, int64_t hidden_size);

/* The library's LSTM, and a linear layer on its last step; the result is [N, output_size]. */
tg_module *stacked_lstm_new(int64_t input_size, int64_t hidden_size, int64_t num_layers, int64_t output_size);

/* The library's GRU, and a linear layer on its last step; the result is [N, output_size]. */
tg_module *gru_regressor_new(int64_t input_size, int64_t hidden_size, int64_t output_size);

/* The library's LSTM in both directions, on sequences of 5 to `steps` elements, which are packed, and a linear layer on
 * every step; x is [N, steps, input], the result [N, steps, output_size]. */
tg_module *packed_lstm_new(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t batch, int64_t steps);

/* An embedding, the library's LSTM of the same width, and a linear layer on its last step; x is [N, T] of words, the
 * result [N, classes]. */
tg_module *text_classifier_new(int64_t words, int64_t hidden_size, int64_t classes);

/* nanoGPT at the size of a processor: 4 layers of 4 heads, 128 wide, 64 tokens, no dropout; x is [N, 64] of tokens, the
 * result [N * 64, vocabulary]. */
tg_module *gpt_new(int64_t vocabulary);

/* 784-512-10, with ReLU; x is [N, 784]. */
tg_module *mlp_new(void);

#endif

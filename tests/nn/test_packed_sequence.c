/* test_packed_sequence.c: packing, padding, and recurrent modules on packed sequences, against what PyTorch computed
 * (tests/golden/packed.txt): outputs, states, gradients, the random stream, the losses of training steps. And what a golden
 * file cannot hold: each sequence alone, derivatives, errors, memory that runs out. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/golden_module.h"
#include "tests/support/gradcheck.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <string.h>

/* ---- golden cases: modules ---- */

static tg_module *build(const golden *g, const char *kind)
{
    const int64_t input = golden_int(g, "input_size"), hidden = golden_int(g, "hidden_size");
    const int64_t layers = golden_int(g, "num_layers");
    const bool bias = golden_int(g, "bias"), batch_first = golden_int(g, "batch_first");
    const bool bidirectional = golden_int(g, "bidirectional");
    const double dropout = golden_real(g, "dropout");
    if (strcmp(kind, "LSTM") == 0)
        return TG_MODULE(tg_lstm_new(input, hidden, .num_layers = layers, .bias = bias, .batch_first = batch_first,
                                     .dropout = dropout, .bidirectional = bidirectional,
                                     .proj_size = golden_int(g, "proj_size")));
    if (strcmp(kind, "GRU") == 0)
        return TG_MODULE(tg_gru_new(input, hidden, .num_layers = layers, .bias = bias, .batch_first = batch_first,
                                    .dropout = dropout, .bidirectional = bidirectional));
    assert_string_equal(kind, "RNN");
    return TG_MODULE(tg_rnn_new(input, hidden, .num_layers = layers, .nonlinearity = golden_string(g, "nonlinearity"),
                                .bias = bias, .batch_first = batch_first, .dropout = dropout,
                                .bidirectional = bidirectional));
}

static tg_tensor *lengths_of(const golden *g)
{
    const int64_t *lengths, count = golden_ints(g, "lengths", &lengths);
    return tg_from_data(lengths, tg_shape(count));
}

/* An LSTM's output; of the other kinds without c_n. */
static tg_lstm_packed_output run_packed(const char *kind, tg_module *m, tg_packed_sequence x, tg_tensor *h0,
                                        tg_tensor *c0)
{
    if (strcmp(kind, "LSTM") == 0) return tg_lstm_forward_packed((tg_lstm *)m, x, (tg_lstm_state){ h0, c0 });
    if (strcmp(kind, "GRU") == 0) {
        const tg_gru_packed_output out = tg_gru_forward_packed((tg_gru *)m, x, h0);
        return (tg_lstm_packed_output){ out.output, out.h_n, NULL };
    }
    const tg_rnn_packed_output out = tg_rnn_forward_packed((tg_rnn *)m, x, h0);
    return (tg_lstm_packed_output){ out.output, out.h_n, NULL };
}

static golden_results forward(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    const bool batch_first = golden_int(g, "batch_first");
    const tg_packed_sequence x = tg_pack_padded_sequence(in.input, lengths_of(g), .batch_first = batch_first,
                                                         .enforce_sorted = golden_int(g, "sorted"));
    const tg_lstm_packed_output out = run_packed(kind, m, x, in.h0, in.c0);
    const tg_padded_sequence y = tg_pad_packed_sequence(out.output, .batch_first = batch_first, .padding_value = 0.25);
    assert_true(tg_equal(y.lengths, lengths_of(g)));
    return (golden_results){ { "output", "h_n", out.c_n ? "c_n" : NULL }, { y.output, out.h_n, out.c_n } };
}

typedef struct training {
    const char *kind;
    tg_module *m;
    tg_tensor *x, *lengths;
} training;

static tg_tensor *packed_loss(void *context)
{
    const training *t = context;
    const tg_packed_sequence packed = tg_pack_padded_sequence(t->x, t->lengths, .enforce_sorted = false);
    const tg_lstm_packed_output out = run_packed(t->kind, t->m, packed, NULL, NULL);
    return tg_add(tg_mean(tg_square(out.output.data)), tg_mean(tg_square(out.h_n)));
}

/* A case with `losses`: what steps of Adam on the same input lose. */
static void train(const golden *g)
{
    IN_SCOPE;
    tg_set_default_dtype(strcmp(golden_string(g, "dtype"), "float32") == 0 ? TG_FLOAT32 : TG_FLOAT64);
    tg_manual_seed((uint64_t)golden_int(g, "seed"));
    training t = { .kind = golden_string(g, "module") };
    t.m = build(g, t.kind);
    t.x = golden_tensor(g, "input", tg_default_dtype());
    t.lengths = lengths_of(g);
    golden_assert_losses(g, t.m, packed_loss, &t);
    tg_module_free(t.m);
    tg_set_default_dtype(TG_FLOAT32);
    tg_scope_end(scope);
}

TEST(test_golden_modules)
{
    golden *g = golden_open("packed.txt");
    int cases = 0;
    for (; golden_next(g) && golden_has(g, "module"); cases++) {
        if (golden_has(g, "losses"))
            train(g);
        else
            golden_run_module(g, build, forward);
    }
    golden_close(g);
    assert_true(cases > 75);
}

/* ---- golden cases: functions ---- */

static void assert_integers(const golden *g, const char *key, tg_tensor *t)
{
    const int64_t *values, count = golden_ints(g, key, &values);
    assert_true(tg_equal(t, tg_from_data(values, tg_shape(count))));
}

/* The sequences that lie one after another in x. */
static tg_tensor_list parts(tg_tensor *x, tg_tensor *lengths)
{
    const int64_t count = tg_numel(lengths);
    tg_tensor *items[8];
    for (int64_t i = 0, at = 0; i < count; i++) {
        const int64_t length = tg_item_int64(tg_select(lengths, 0, i));
        items[i] = tg_narrow(x, 0, at, length);
        at += length;
    }
    return tg_list_in_scope(items, count);
}

static tg_tensor *weighted(tg_tensor *t) { return tg_sum(tg_mul(t, golden_weights(t))); }

static void run_functions(const golden *g)
{
    const bool sorted = golden_int(g, "sorted");
    IN_SCOPE;
    tg_tensor *x = tg_requires_grad_(golden_tensor(g, "sequences", TG_FLOAT64), true), *lengths = lengths_of(g);
    const tg_tensor_list list = parts(x, lengths);
    const tg_packed_sequence packed = tg_pack_sequence(list, .enforce_sorted = sorted);
    tg_tensor *padded = tg_pad_sequence(list, .batch_first = true, .padding_value = 2.5);
    const tg_padded_sequence again =
        tg_pad_packed_sequence(packed, .padding_value = -1.5, .total_length = tg_size(packed.batch_sizes, 0) + 1);
    tg_backward(tg_add(tg_add(weighted(packed.data), weighted(padded)), weighted(again.output)));
    golden_assert(g, "data", packed.data, 0);
    golden_assert(g, "padded", padded, 0);
    golden_assert(g, "again", again.output, 0);
    golden_assert(g, "grad.sequences", tg_grad_of(x), 1e-15);
    assert_true(tg_equal(again.lengths, lengths));
    assert_integers(g, "batch_sizes", packed.batch_sizes);
    assert_true(sorted == !packed.sorted_indices && sorted == !packed.unsorted_indices);
    if (!sorted) {
        assert_integers(g, "sorted_indices", packed.sorted_indices);
        assert_integers(g, "unsorted_indices", packed.unsorted_indices);
    }
    const tg_tensor_list back[] = { tg_unpack_sequence(packed), tg_unpad_sequence(padded, lengths, .batch_first = true),
                                    tg_unpad_sequence(again.output, lengths) };
    for (int way = 0; way < 3; way++) {
        assert_int_equal(back[way].count, list.count);
        for (int64_t i = 0; i < list.count; i++) assert_true(tg_equal(back[way].items[i], list.items[i]));
    }
    tg_scope_end(scope);
}

TEST(test_golden_functions)
{
    golden *g = golden_open("packed.txt");
    int cases = 0;
    while (golden_next(g))
        if (!golden_has(g, "module")) cases++, run_functions(g);
    golden_close(g);
    assert_int_equal(cases, 12);
}

/* ---- each sequence alone ---- */

/* Packed, a sequence has bit for bit what it has alone: outputs, and states before and after. */
TEST(test_packed_is_each_alone)
{
    enum { COUNT = 5, HIDDEN = 7 };
    IN_SCOPE;
    tg_manual_seed(3);
    tg_lstm *lstm = tg_lstm_new(6, HIDDEN, .num_layers = 2, .bidirectional = true);
    tg_tensor *lengths = tg_tensor_of(4, 9, 1, 9, 6), *x = tg_randn(tg_shape(29, 6));
    tg_tensor *h0 = tg_randn(tg_shape(4, COUNT, HIDDEN)), *c0 = tg_randn(tg_shape(4, COUNT, HIDDEN));
    const tg_tensor_list list = parts(x, lengths);
    const tg_packed_sequence packed = tg_pack_sequence(list, .enforce_sorted = false);
    const tg_lstm_packed_output all = tg_lstm_forward_packed(lstm, packed, (tg_lstm_state){ h0, c0 });
    const tg_tensor_list outputs = tg_unpack_sequence(all.output);
    for (int64_t i = 0; i < COUNT; i++) {
        const tg_lstm_state s = { tg_select(h0, 1, i), tg_select(c0, 1, i) };
        const tg_lstm_output alone = tg_lstm_forward(lstm, list.items[i], s);
        assert_true(tg_equal(outputs.items[i], alone.output));
        assert_true(tg_equal(tg_select(all.h_n, 1, i), alone.h_n));
        assert_true(tg_equal(tg_select(all.c_n, 1, i), alone.c_n));
    }
    tg_module_free(lstm);
    tg_scope_end(scope);
}

/* Packed sequences of equal lengths are the padded batch, its dropout masks included. */
TEST(test_equal_lengths_are_the_padded_batch)
{
    IN_SCOPE;
    tg_gru *gru = tg_gru_new(3, 4, .num_layers = 3, .dropout = 0.5);
    tg_tensor *x = tg_randn(tg_shape(5, 2, 3));
    tg_manual_seed(1);
    const tg_gru_output dense = tg_gru_forward(gru, x);
    tg_manual_seed(1);
    const tg_gru_packed_output packed = tg_gru_forward_packed(gru, tg_pack_padded_sequence(x, tg_tensor_of(5, 5)));
    assert_true(tg_equal(tg_pad_packed_sequence(packed.output).output, dense.output));
    assert_true(tg_equal(packed.h_n, dense.h_n));
    tg_module_free(gru);
    tg_scope_end(scope);
}

/* ---- derivatives ---- */

typedef struct smooth {
    tg_gru *gru;
    tg_tensor *x, *h0;
} smooth;

static tg_tensor *smooth_loss(void *context)
{
    const smooth *s = context;
    const tg_packed_sequence packed = tg_pack_padded_sequence(s->x, tg_tensor_of(1, 3, 2), .enforce_sorted = false);
    const tg_gru_packed_output out = tg_gru_forward_packed(s->gru, packed, s->h0);
    tg_tensor *padded = tg_pad_sequence(tg_unpack_sequence(out.output), .padding_value = 1);
    return tg_add(tg_sum(tg_square(padded)), tg_sum(tg_sin(out.h_n)));
}

TEST(test_derivatives)
{
    IN_SCOPE;
    tg_manual_seed(2);
    smooth s = { tg_gru_new(2, 2, .bidirectional = true, .dtype = TG_FLOAT64), NULL, NULL };
    s.x = tg_randn(tg_shape(3, 3, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    s.h0 = tg_randn(tg_shape(2, 3, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    const tg_rnn_weights *w = s.gru->core.weights;
    const tg_tensor_list leaves = tg_list(s.x, s.h0, w[0].weight_hh, w[0].bias_ih, w[1].weight_ih, w[1].bias_hh);
    const char *wrong = gradcheck(smooth_loss, &s, leaves);
    if (!wrong) wrong = gradgradcheck(smooth_loss, &s, leaves);
    if (wrong) fail_msg("%s", wrong);
    tg_module_free(s.gru);
    tg_scope_end(scope);
}

/* ---- dtypes and edges ---- */

TEST(test_other_dtypes)
{
    IN_SCOPE;
    tg_tensor *words = tg_pad_sequence(tg_list(tg_tensor_of(7, 8), tg_tensor_of(9)), .padding_value = -1);
    assert_true(tg_equal(words, tg_from_data(((int64_t[]){ 7, 9, 8, -1 }), tg_shape(2, 2))));
    const tg_packed_sequence packed = tg_pack_padded_sequence(words, tg_tensor_of(2.0, 1.0));
    assert_true(tg_equal(packed.data, tg_tensor_of(7, 9, 8)));
    assert_int_equal(tg_dtype_of(packed.batch_sizes), TG_INT64);
    tg_tensor *mixed = tg_pad_sequence(tg_list(tg_tensor_of(1, 2), tg_tensor_of(2.5)));
    assert_true(tg_equal(mixed, tg_from_data(((int64_t[]){ 1, 2, 2, 0 }), tg_shape(2, 2))));
    tg_tensor *none = tg_pad_sequence(tg_list(tg_zeros(tg_shape(0, 2)), tg_zeros(tg_shape(0, 2))));
    assert_int_equal(tg_size(none, 0), 0);
    assert_int_equal(tg_size(none, 1), 2);
    const tg_tensor_list empty = tg_unpad_sequence(tg_zeros(tg_shape(3, 2)), tg_tensor_of(0, 3));
    assert_int_equal(tg_numel(empty.items[0]), 0);
    tg_scope_end(scope);
}

/* ---- errors ---- */

TEST(test_packing_errors)
{
    IN_SCOPE;
    tg_tensor *x = tg_zeros(tg_shape(4, 3, 2));
    assert_null(tg_pack_padded_sequence(x, tg_tensor_of(4, 3)).data);
    expect_error("pack_padded_sequence: Expected `len(lengths)` to be equal to batch_size, but got 2 (batch_size=3)");
    assert_null(tg_pack_padded_sequence(x, tg_tensor_of(3, 4, 1)).data);
    expect_error("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                 "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence");
    assert_null(tg_pack_padded_sequence(x, tg_tensor_of(4, 2, 0)).data);
    expect_error("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0");
    assert_null(tg_pack_padded_sequence(x, tg_tensor_of(5, 2, 1)).data);
    expect_error("lengths has 5, but the sequences are padded to 4");
    assert_null(tg_pack_padded_sequence(x, tg_ones(tg_shape(1, 3))).data);
    expect_error("'lengths' argument should be a 1D CPU int64 tensor, but got 2D cpu Long tensor");
    assert_null(tg_pack_padded_sequence(tg_zeros(tg_shape(4, 0, 2)), tg_tensor_of()).data);
    expect_error("Cannot pack empty tensors.");
    assert_null(tg_pack_padded_sequence(tg_zeros(tg_shape(4)), tg_tensor_of(1)).data);
    expect_error("Expected input to have at least 2 dimensions, but got 1");
    const tg_packed_sequence packed = tg_pack_padded_sequence(x, tg_tensor_of(4, 2, 1));
    assert_null(tg_pad_packed_sequence(packed, .total_length = 3).output);
    expect_error(
        "pad_packed_sequence: Expected total_length to be at least the length of the longest sequence in input, "
        "but got total_length=3 and max sequence length being 4");
    assert_null(tg_pad_packed_sequence(packed, .total_length = INT64_MAX).lengths);
    expect_error("pad_packed_sequence: numel: integer multiplication overflow");
    tg_scope_end(scope);
}

TEST(test_list_errors)
{
    IN_SCOPE;
    tg_tensor *a = tg_zeros(tg_shape(2, 3));
    assert_null(tg_pad_sequence(TG_NONE));
    expect_error("pad_sequence: received an empty list of sequences");
    assert_null(tg_pad_sequence(tg_list(a, tg_zeros(tg_shape(2, 4)))));
    expect_error("The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1");
    assert_null(tg_pad_sequence(tg_list(a, tg_zeros(tg_shape(2)))));
    expect_error("sequences must have the same number of dimensions, but got 2 and 1");
    assert_null(tg_pad_sequence(tg_list(tg_scalar(1.0))));
    expect_error("Dimension specified as 0 but tensor has no dimensions");
    assert_null(tg_pack_sequence(tg_list(tg_zeros(tg_shape(1, 3)), a)).data);
    expect_error("pack_sequence: `lengths` array must be sorted in decreasing order");
    assert_null(tg_pack_sequence(tg_list(a, tg_zeros(tg_shape(0, 3)))).data);
    expect_error("Length of all samples has to be greater than 0");
    assert_null(tg_unpad_sequence(a, tg_tensor_of(2, 3, 1)).items[0]);
    expect_error("unpad_sequence: lengths has 3, but the sequences are padded to 2");
    assert_null(tg_unpad_sequence(a, tg_tensor_of(2, 1)).items[1]);
    expect_error("Expected `len(lengths)` to be equal to batch_size, but got 2 (batch_size=3)");
    assert_null(tg_unpad_sequence(tg_zeros(tg_shape(3)), tg_tensor_of(2)).items[0]);
    expect_error("Expected input to have at least 2 dimensions, but got 1");
    tg_scope_end(scope);
}

TEST(test_module_errors)
{
    IN_SCOPE;
    tg_lstm *lstm = tg_lstm_new(2, 3);
    tg_gru *gru = tg_gru_new(2, 3);
    tg_tensor *lengths = tg_tensor_of(4, 2, 1), *zeros = tg_zeros(tg_shape(1, 3, 3));
    const tg_packed_sequence x = tg_pack_padded_sequence(tg_zeros(tg_shape(4, 3, 2)), lengths);
    assert_null(tg_lstm_forward_packed(lstm, x, (tg_lstm_state){ tg_zeros(tg_shape(1, 2, 3)), zeros }).h_n);
    expect_error("LSTM: Expected hidden[0] size (1, 3, 3), got [1, 2, 3]");
    assert_null(tg_lstm_forward_packed(lstm, x, (tg_lstm_state){ zeros, tg_zeros(tg_shape(3, 3)) }).output.data);
    expect_error("LSTM: Expected hidden[1] size (1, 3, 3), got [3, 3]");
    assert_null(tg_lstm_forward_packed(lstm, x, (tg_lstm_state){ zeros, NULL }).c_n);
    expect_error("LSTM: argument 3 is NULL");
    assert_null(tg_gru_forward_packed(gru, tg_pack_padded_sequence(tg_zeros(tg_shape(4, 3)), lengths)).h_n);
    expect_error("GRU: input must have 2 dimensions, got 1");
    assert_null(tg_gru_forward_packed(gru, tg_pack_padded_sequence(tg_zeros(tg_shape(4, 3, 5)), lengths)).h_n);
    expect_error("GRU: input.size(-1) must be equal to input_size. Expected 2, got 5");
    assert_null(tg_gru_forward_packed(NULL, x).h_n);
    expect_error("GRU: the module is NULL");
    tg_module_free(lstm);
    tg_module_free(gru);
    tg_scope_end(scope);
}

/* What was put together by hand is looked at before it is used. */
TEST(test_wrong_packed_sequences)
{
    IN_SCOPE;
    tg_rnn *rnn = tg_rnn_new(2, 3);
    tg_tensor *data = tg_zeros(tg_shape(5, 2)), *order = tg_tensor_of(0, 1, 2);
    tg_tensor *const wrong[] = {
        tg_tensor_of(2, 3),  tg_tensor_of(3, 1),      tg_tensor_of(3, 2, 0),
        tg_tensor_of(6, -1), tg_tensor_of(3.0, 2.0),  tg_zeros(tg_shape(0), .dtype = TG_INT64),
        tg_scalar(5),        tg_tensor_of(INT64_MAX), tg_slice(tg_tensor_of(3, 1, 2), 0, 0, 3, 2)
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const tg_packed_sequence p = { data, wrong[i], NULL, NULL };
        assert_null(tg_rnn_forward_packed(rnn, p).h_n);
        expect_error("RNN: batch_sizes should be a contiguous int64 vector of sizes that never grow, are at least 1");
    }
    tg_tensor *sizes = tg_tensor_of(3, 2);
    tg_tensor *const orders[][2] = { { order, NULL },
                                     { NULL, order },
                                     { order, tg_tensor_of(0, 1) },
                                     { tg_tensor_of(0, 1, 3), order },
                                     { tg_tensor_of(0, -1, 2), order },
                                     { tg_tensor_of(0.0, 1.0, 2.0), order },
                                     { order, tg_tensor_of(1, 0, 2) },
                                     { tg_tensor_of(0, 0, 0), order } };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const tg_packed_sequence p = { data, sizes, orders[i][0], orders[i][1] };
        assert_null(tg_pad_packed_sequence(p).output);
        expect_error("sorted_indices and unsorted_indices should be contiguous int64 vectors of 3 indices");
    }
    const tg_packed_sequence right = { data, sizes, order, order };
    assert_non_null(tg_pad_packed_sequence(right).output);
    tg_module_free(rnn);
    tg_scope_end(scope);
}

/* ---- memory ---- */

static double step(void)
{
    tg_manual_seed(1);
    tg_lstm *lstm = tg_lstm_new(2, 2, .bidirectional = true);
    tg_tensor *x = tg_ones(tg_shape(3, 2), .requires_grad = true);
    const tg_tensor_list list = tg_list(tg_narrow(x, 0, 0, 1), x);
    const tg_lstm_packed_output out = tg_lstm_forward_packed(lstm, tg_pack_sequence(list, .enforce_sorted = false));
    tg_tensor *padded = tg_pad_sequence(tg_unpack_sequence(out.output));
    tg_backward(tg_add(tg_sum(padded), tg_sum(out.c_n)));
    const double result = 1 + tg_item(tg_sum(tg_grad_of(x)));
    tg_module_free(lstm);
    return tg_failed() ? 0 : result;
}

TEST(test_every_allocation_may_fail) { fail_each_allocation(step); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* before the library is used: each block is an allocation */
    const struct CMUnitTest tests[] = {
        T(test_golden_modules),
        T(test_golden_functions),
        T(test_packed_is_each_alone),
        T(test_equal_lengths_are_the_padded_batch),
        T(test_derivatives),
        T(test_other_dtypes),
        T(test_packing_errors),
        T(test_list_errors),
        T(test_module_errors),
        T(test_wrong_packed_sequences),
        T(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("packed_sequence", tests, NULL, NULL);
}

/* test_state_assign.c: a model whose tensors lie in the memory of a list's, as a mapped file's pages are: any module
 * computes with them, nobody who holds a parameter is left behind, and the file stays as it was. And parameters that
 * are replaced by their names, which the modules' own fields follow. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    tg_module base;
    tg_linear *in, *tied;
    tg_lstm *lstm;
    tg_transformer_encoder *encoder;
    tg_batch_norm *norm;
    tg_tensor *mask;
} net;

static net *net_new(void)
{
    net *m = tg_module_new(net, .name = "Net");
    if (!m) return NULL;
    TG_SUBMODULE(m, in, tg_linear_new(4, 4));
    TG_SUBMODULE(m, tied, tg_linear_new(4, 4));
    if (m->tied && m->in) TG_REPLACE_PARAMETER(m->tied, weight, m->in->weight);
    TG_SUBMODULE(m, lstm, tg_lstm_new(4, 4, .num_layers = 2, .bidirectional = true, .proj_size = 2));
    TG_SUBMODULE(m, encoder,
                 tg_transformer_encoder_new(tg_transformer_encoder_layer_new(4, 2, .dim_feedforward = 8, .dropout = 0),
                                            2));
    TG_SUBMODULE(m, norm, tg_batch_norm1d_new(4));
    TG_BUFFER(m, mask, tg_full(tg_shape(4), 0.5));
    return m;
}

static tg_tensor *forward(net *m, tg_tensor *x) /* [5, 3, 4] */
{
    tg_tensor *y = tg_linear_forward(m->tied, tg_relu(tg_linear_forward(m->in, x)));
    y = tg_transformer_encoder_forward(m->encoder, tg_lstm_forward(m->lstm, y).output);
    return tg_mul(tg_batch_norm_forward(m->norm, tg_reshape(y, tg_shape(15, 4))), m->mask);
}

static const char *folder, *path;

static int make_file(void **state)
{
    static char text[4200];
    folder = make_folder();
    snprintf(text, sizeof text, "%s/net.safetensors", folder);
    path = text;
    return silence_errors(state);
}
static int remove_file(void **state)
{
    remove_folder(folder);
    return expect_no_error(state);
}

static bool lies_in(const tg_tensor *t, const tg_tensor *other)
{
    return tg_data(t, tg_dtype_of(t)) == tg_data(other, tg_dtype_of(other));
}

static tg_status map_into(net *m)
{
    const tg_scope scope = tg_scope_begin();
    const tg_named_tensor_list list = tg_load_safetensors(path, .mapped = true), own = tg_state_dict(m);
    const tg_status status = tg_load_state_dict(m, list, .assign = true);
    for (int64_t i = 0; i < own.count; i++) /* what has two names has the memory of the last one */
        if (own.items[i].tensor != m->in->weight || strcmp(own.items[i].name, "tied.weight") == 0)
            assert_true(lies_in(own.items[i].tensor, tg_tensor_named(list, own.items[i].name)));
    tg_scope_end(scope); /* the list goes, the mapping stays */
    return status;
}

/* A step of Adam on models that hold the same numbers, the optimiser made before. */
static tg_tensor *step(net *m, tg_optimizer *adam, tg_tensor *x)
{
    tg_zero_grad(adam);
    tg_backward(tg_sum(tg_square(forward(m, x))));
    tg_step(adam);
    return forward(m, x);
}

TEST(test_mapped)
{
    IN_SCOPE;
    tg_manual_seed(1);
    net *m = net_new(), *other = net_new();
    tg_tensor *x = tg_randn(tg_shape(5, 3, 4));
    tg_optimizer *adam = tg_adam_new(tg_parameters(m)), *of_other = tg_adam_new(tg_parameters(other));
    step(other, of_other, x); /* with gradients and states, and others' numbers */
    tg_requires_grad_(other->in->bias, false);
    assert_int_equal(tg_save(tg_state_dict(m), path), TG_OK);
    size_t count, again;
    unsigned char *before = read_file(path, &count);
    tg_tensor *const weight = other->in->weight, *const hidden = other->lstm->core.weights[0].weight_hh;
    assert_int_equal(map_into(other), TG_OK);
    assert_true(other->in->weight == weight && other->tied->weight == weight);
    assert_true(other->lstm->core.weights[0].weight_hh == hidden && tg_requires_grad(hidden) && tg_is_leaf(hidden));
    assert_false(tg_requires_grad(other->in->bias) || tg_requires_grad(other->mask));
    assert_null(tg_grad_of(weight));
    tg_requires_grad_(other->in->bias, true);
    for (int i = 0; i < 3; i++) { /* the second product by a weight packs it, and the third finds it */
        tg_tensor *y = forward(m, x), *z = forward(other, x);
        assert_true(tg_equal(y, z));
    }
    tg_optimizer_load_state_dict(of_other, tg_optimizer_state_dict(adam)); /* no state yet, as adam's */
    for (int i = 0; i < 3; i++) assert_true(tg_equal(step(m, adam, x), step(other, of_other, x)));
    unsigned char *after = read_file(path, &again);
    assert_true(count == again && memcmp(before, after, count) == 0);
    assert_int_equal(map_into(other), TG_OK); /* once more: from one mapping into another */
    tg_load_state_dict(m, tg_load(path));
    assert_true(tg_equal(forward(m, x), forward(other, x)));
    free(before);
    free(after);
    tg_optimizer_free(adam);
    tg_optimizer_free(of_other);
    tg_module_free(m);
    tg_module_free(other);
    tg_scope_end(scope);
}

/* What a list's tensors are seen in: both ways, by neither's flags. */
TEST(test_shared_memory)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(2, 2), *other = tg_linear_new(2, 2);
    tg_tensor *const frozen = tg_tensor_of(1, 2);
    tg_tensor *both = tg_to(tg_reshape(tg_arange(8), tg_shape(4, 2)), TG_FLOAT32);
    const tg_named_tensor items[] = { { "weight", tg_narrow(both, 0, 2, 2) }, { "bias", tg_to(frozen, TG_FLOAT32) } };
    const tg_named_tensor_list list = { items, 2 };
    assert_int_equal(tg_load_state_dict(m, list, .assign = true), TG_OK);
    VALUES(m->weight, 0, 4, 5, 6, 7); /* from the middle of its memory */
    assert_true(tg_requires_grad(m->bias) && !tg_requires_grad(items[1].tensor) && !tg_requires_grad(both));
    tg_scope no_grad = tg_no_grad_begin();
    tg_fill_(m->weight, 9);
    tg_scope_end(no_grad);
    VALUES(both, 0, 0, 1, 2, 3, 9, 9, 9, 9);
    tg_fill_(items[1].tensor, 3);
    VALUES(m->bias, 0, 3, 3);
    assert_int_equal(tg_load_state_dict(other, tg_state_dict(m), .assign = true), TG_OK);
    assert_true(lies_in(other->weight, m->weight) && other->weight != m->weight);
    tg_module_free(m);
    VALUES(other->weight, 0, 9, 9, 9, 9);
    const tg_named_tensor turned[] = { { "weight", tg_transpose(tg_narrow(both, 0, 0, 2), 0, 1) } };
    assert_int_equal(tg_load_state_dict(other, ((tg_named_tensor_list){ turned, 1 }), .assign = true, .strict = false),
                     TG_OK);
    VALUES(other->weight, 0, 0, 2, 1, 3); /* a copy: its elements did not lie side by side */
    assert_false(lies_in(other->weight, both));
    VALUES(other->bias, 0, 3, 3);
    assert_int_equal(tg_load_state_dict(other, tg_state_dict(other), .assign = true), TG_OK);
    VALUES(other->weight, 0, 0, 2, 1, 3);
    tg_module_free(other);
    tg_scope_end(scope);
}

/* The list is the model's own tensors under each other's names. */
TEST(test_exchanged)
{
    IN_SCOPE;
    tg_module *pair = tg_module_new(tg_module);
    tg_tensor *a = tg_register_parameter(pair, "a", tg_full(tg_shape(2), 1.0));
    tg_tensor *b = tg_register_parameter(pair, "b", tg_full(tg_shape(2), 2.0));
    tg_tensor *c = tg_register_buffer(pair, "c", tg_full(tg_shape(2), 3.0));
    const tg_named_tensor items[] = { { "a", b }, { "b", c }, { "c", a } };
    assert_int_equal(tg_load_state_dict(pair, ((tg_named_tensor_list){ items, 3 }), .assign = true), TG_OK);
    VALUES(a, 0, 2, 2);
    VALUES(b, 0, 3, 3);
    VALUES(c, 0, 1, 1);
    assert_true(tg_requires_grad(a) && tg_requires_grad(b) && !tg_requires_grad(c));
    tg_module_free(pair);
    tg_scope_end(scope);
}

TEST(test_all_or_nothing)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(2, 2);
    const tg_named_tensor items[] = { { "weight", tg_ones(tg_shape(2, 2)) },
                                      { "bias", tg_ones(tg_shape(2), .dtype = TG_FLOAT64) },
                                      { "x", tg_ones(tg_shape(2)) } };
    tg_tensor *weight = tg_clone(m->weight);
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ items, 2 }), .assign = true), TG_FAILED);
    expect_error("bias is float32 and would be float64: without .assign it is converted.");
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ items, 1 }), .assign = true), TG_FAILED);
    expect_error("Missing key(s) in state_dict: \"bias\"");
    tg_incompatible_keys keys;
    assert_true(tg_equal(m->weight, weight));
    const tg_named_tensor some[] = { items[2], items[0] };
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ some, 2 }), .assign = true, .strict = false,
                                        .incompatible = &keys),
                     TG_OK);
    assert_true(keys.missing.count == 1 && keys.unexpected.count == 1 && lies_in(m->weight, items[0].tensor));
    tg_module_free(m);
    tg_scope_end(scope);
}

/* A tape that needs what was there finds that it is another tensor's now, whatever the versions were. */
TEST(test_a_running_tape)
{
    IN_SCOPE;
    for (int writes = 0; writes < 4; writes++) {
        tg_linear *m = tg_linear_new(2, 2, .bias = false);
        const tg_named_tensor items[] = { { "weight", tg_ones(tg_shape(2, 2)) } };
        for (int i = 0; i < writes; i++) tg_fill_(items[0].tensor, i);
        tg_scope no_grad = tg_no_grad_begin();
        tg_fill_(m->weight, 1);
        tg_fill_(m->weight, 2);
        tg_scope_end(no_grad);
        tg_tensor *loss = tg_sum(tg_square(m->weight));
        assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ items, 1 }), .assign = true), TG_OK);
        assert_int_equal(tg_backward(loss), TG_FAILED);
        expect_error("has been modified by an inplace operation");
        tg_module_free(m);
    }
    tg_module *m = tg_module_new(tg_module); /* a buffer with a history loses it */
    tg_tensor *w = tg_requires_grad_(tg_ones(tg_shape(2)), true);
    tg_tensor *b = tg_register_buffer(m, "b", tg_zeros(tg_shape(2)));
    tg_add_(b, w);
    assert_false(tg_is_leaf(b));
    const tg_named_tensor items[] = { { "b", tg_mul(w, 2.0) } };
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ items, 1 }), .assign = true), TG_OK);
    assert_true(tg_is_leaf(b) && !tg_requires_grad(b));
    VALUES(b, 0, 2, 2);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- parameters replaced by their names ---- */

static tg_tensor *of_recurrent(tg_module *m, tg_tensor *x)
{
    if (tg_module_is(m, "LSTM")) return tg_lstm_forward((tg_lstm *)m, x).output;
    if (tg_module_is(m, "GRU")) return tg_gru_forward((tg_gru *)m, x).output;
    if (tg_module_is(m, "RNN")) return tg_rnn_forward((tg_rnn *)m, x).output;
    return tg_multihead_attention_forward((tg_multihead_attention *)m, x, x, x).output;
}

TEST(test_fields_follow)
{
    IN_SCOPE;
    for (int kind = 0; kind < 4; kind++) {
        tg_module *made[2];
        for (int i = 0; i < 2; i++)
            made[i] = kind == 0   ? TG_MODULE(tg_lstm_new(4, 4, .num_layers = 2))
                      : kind == 1 ? TG_MODULE(tg_gru_new(4, 4, .bidirectional = true))
                      : kind == 2 ? TG_MODULE(tg_rnn_new(4, 4))
                                  : TG_MODULE(tg_multihead_attention_new(4, 2));
        tg_tensor *x = tg_randn(tg_shape(3, 2, 4));
        const tg_scope inner = tg_scope_begin();
        const tg_named_tensor_list from = tg_named_parameters(made[0]);
        for (int64_t i = 0; i < from.count; i++)
            if (!strchr(from.items[i].name, '.'))
                assert_non_null(tg_replace_parameter(made[1], from.items[i].name, tg_clone(from.items[i].tensor)));
        if (kind == 3)
            for (int64_t i = 0; i < from.count; i++)
                if (strchr(from.items[i].name, '.'))
                    assert_non_null(tg_replace_parameter(tg_get_submodule(made[1], "out_proj"),
                                                         strchr(from.items[i].name, '.') + 1,
                                                         tg_clone(from.items[i].tensor)));
        tg_scope_end(inner); /* the module alone has them now, and nobody those before */
        assert_true(tg_equal(of_recurrent(made[0], x), of_recurrent(made[1], x)));
        tg_module *copy = tg_module_copy(made[1]);
        assert_true(tg_equal(of_recurrent(made[0], x), of_recurrent(copy, x)));
        for (int i = 0; i < 2; i++) tg_module_free(made[i]);
        tg_module_free(copy);
    }
    tg_scope_end(scope);
}

/* One weight under two names: the array has it twice, and only the one whose name was given is another. */
TEST(test_fields_of_one_weight)
{
    IN_SCOPE;
    tg_lstm *m = tg_lstm_new(4, 4, .bidirectional = true);
    tg_tensor *shared = m->core.weights[0].weight_hh, *other = tg_ones(tg_shape(16, 4));
    assert_ptr_equal(tg_replace_parameter(m, "weight_hh_l0_reverse", shared), shared);
    assert_ptr_equal(m->core.weights[1].weight_hh, shared);
    assert_ptr_equal(tg_replace_parameter(m, "weight_hh_l0_reverse", other), other);
    assert_true(m->core.weights[0].weight_hh == shared && m->core.weights[1].weight_hh == other);
    assert_ptr_equal(tg_replace_parameter(m, "weight_hh_l0_reverse", shared), shared);
    assert_ptr_equal(tg_replace_parameter(m, "weight_hh_l0", other), other);
    assert_true(m->core.weights[0].weight_hh == other && m->core.weights[1].weight_hh == shared);
    assert_null(tg_replace_parameter(m, "bias_ih_l0", NULL));
    assert_null(m->core.weights[0].bias_ih);
    assert_non_null(tg_lstm_forward(m, tg_ones(tg_shape(2, 1, 4))).output);
    tg_linear *linear = tg_linear_new(2, 2);
    assert_ptr_equal(tg_replace_parameter(linear, "bias", linear->bias), linear->bias);
    tg_tensor *bias = tg_zeros(tg_shape(2));
    assert_ptr_equal(tg_replace_parameter(linear, "bias", bias), bias);
    assert_ptr_equal(linear->bias, bias);
    tg_module_free(linear);
    tg_module_free(m);
    tg_scope_end(scope);
}

static double load(void)
{
    tg_lstm *m = tg_lstm_new(2, 3), *other = tg_lstm_new(2, 3);
    tg_named_tensor_list list = tg_state_dict(other);
    tg_tensor *before = m ? tg_clone(tg_detach(m->core.weights[0].bias_hh)) : NULL;
    const bool loaded = tg_load_state_dict(m, list, .assign = true) == TG_OK;
    double result = 0;
    if (loaded) {
        result = lies_in(m->core.weights[0].bias_hh, other->core.weights[0].bias_hh);
    } else if (before) { /* nothing of it was loaded */
        const tg_tensor *now = m->core.weights[0].bias_hh;
        assert_memory_equal(tg_data(now, TG_FLOAT32), tg_data(before, TG_FLOAT32), 12 * sizeof(float));
    }
    tg_module_free(m);
    tg_module_free(other);
    return tg_failed() ? 0 : result;
}

TEST(test_each_allocation) { fail_each_allocation(load); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mapped, make_file, remove_file),
        T(test_shared_memory),
        T(test_exchanged),
        T(test_all_or_nothing),
        T(test_a_running_tape),
        T(test_fields_follow),
        T(test_fields_of_one_weight),
        T(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

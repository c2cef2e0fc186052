/* test_module_kinds.c: every kind of module that has a struct of its own is found by it, and by no other. */
#include "tests/support/suite.h"

#include "tapegrad.h"

/* How many of the structs a module is found by. */
static int kinds_of(tg_module *m)
{
    int count = 0;
#define COUNT(type) count += tg_module_as(m, type) != NULL;
    COUNT(tg_linear)
    COUNT(tg_bilinear)
    COUNT(tg_adaptive_log_softmax)
    COUNT(tg_conv)
    COUNT(tg_max_unpool)
    COUNT(tg_embedding)
    COUNT(tg_embedding_bag)
    COUNT(tg_batch_norm)
    COUNT(tg_layer_norm)
    COUNT(tg_rms_norm)
    COUNT(tg_group_norm)
    COUNT(tg_prelu)
    COUNT(tg_lstm)
    COUNT(tg_lstm_cell)
    COUNT(tg_gru)
    COUNT(tg_gru_cell)
    COUNT(tg_rnn)
    COUNT(tg_rnn_cell)
    COUNT(tg_sequential)
    COUNT(tg_module_list)
    COUNT(tg_module_dict)
    COUNT(tg_parameter_list)
    COUNT(tg_loss)
    COUNT(tg_triple_loss)
    COUNT(tg_ctc_loss)
#undef COUNT
    return count;
}

#define EXPECT(type, made)                                                                                             \
    do {                                                                                                               \
        type *made_ = made;                                                                                            \
        assert_ptr_equal(tg_module_as(made_, type), made_);                                                            \
        assert_int_equal(kinds_of(TG_MODULE(made_)), 1);                                                               \
        tg_module_free(made_);                                                                                         \
    } while (0)

TEST(test_structs)
{
    EXPECT(tg_linear, tg_linear_new(2, 3));
    EXPECT(tg_adaptive_log_softmax, tg_adaptive_log_softmax_new(4, 5, tg_shape(2, 3)));
    EXPECT(tg_bilinear, tg_bilinear_new(2, 3, 4));
    EXPECT(tg_conv, tg_conv2d_new(2, 3, tg_shape(1)));
    EXPECT(tg_max_unpool, tg_max_unpool2d_new(tg_shape(2)));
    EXPECT(tg_embedding, tg_embedding_new(2, 3));
    EXPECT(tg_embedding_bag, tg_embedding_bag_new(2, 3));
    EXPECT(tg_batch_norm, tg_batch_norm1d_new(2));
    EXPECT(tg_layer_norm, tg_layer_norm_new(tg_shape(2)));
    EXPECT(tg_rms_norm, tg_rms_norm_new(tg_shape(2)));
    EXPECT(tg_group_norm, tg_group_norm_new(1, 2));
    EXPECT(tg_prelu, tg_prelu_new());
    EXPECT(tg_lstm, tg_lstm_new(2, 3));
    EXPECT(tg_lstm_cell, tg_lstm_cell_new(2, 3));
    EXPECT(tg_gru, tg_gru_new(2, 3));
    EXPECT(tg_gru_cell, tg_gru_cell_new(2, 3));
    EXPECT(tg_rnn, tg_rnn_new(2, 3));
    EXPECT(tg_rnn_cell, tg_rnn_cell_new(2, 3));
    EXPECT(tg_sequential, tg_sequential_new());
    EXPECT(tg_module_list, tg_module_list_new());
    EXPECT(tg_module_dict, tg_module_dict_new());
    EXPECT(tg_parameter_list, tg_parameter_list_new());
    EXPECT(tg_loss, tg_mse_loss_new());
    EXPECT(tg_loss, tg_cross_entropy_loss_new());
    EXPECT(tg_triple_loss, tg_triplet_margin_loss_new());
    EXPECT(tg_ctc_loss, tg_ctc_loss_new());
    assert_false(tg_failed());
}

/* Other languages fill the class in by themselves. */
TEST(test_class_without_type)
{
    tg_module *m = tg_module_new_at(NULL, sizeof(tg_linear), (tg_module_class){ .name = "Mine" });
    assert_non_null(m);
    assert_int_equal(kinds_of(m), 0);
    assert_true(tg_module_is(m, "Mine"));
    tg_module_free(m);
    m = tg_relu_new();
    assert_int_equal(kinds_of(m), 0);
    tg_module_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_structs),
        T(test_class_without_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

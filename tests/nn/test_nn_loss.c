/* test_nn_loss.c: each loss, and each distance, as a module is its function with the same options; explicit zeros are
 * zeros; weights are buffers; what fails leaks nothing. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>

typedef struct tensors {
    tg_tensor *x, *y, *signs, *probabilities, *classes, *labels, *weight;
} tensors;

static tensors make_tensors(void)
{
    const int signs[] = { 1, -1, -1, 1, 1, 1, -1, 1, -1, -1, 1, -1 }, classes[] = { 0, 2, 1, 0 };
    const int labels[] = { 0, 1, -1, 2, -1, 0, 1, -1, -1, -1, 2, 1 };
    return (tensors){ .x = tg_randn(tg_shape(4, 3)),
                      .y = tg_randn(tg_shape(4, 3)),
                      .signs = tg_from_data(signs, tg_shape(4, 3)),
                      .probabilities = tg_sigmoid(tg_randn(tg_shape(4, 3))),
                      .classes = tg_from_data(classes, tg_shape(4)),
                      .labels = tg_from_data(labels, tg_shape(4, 3)),
                      .weight = tg_rand(tg_shape(3)) };
}

/* The module gives to the bit what the function gave. Frees it. */
static void check(int line, tg_loss *m, tg_tensor *input, tg_tensor *target, tg_tensor *expected)
{
    double *values = elements(expected);
    tg_tensor *y = tg_loss_forward(m, input, target);
    if (!y) fail_msg("line %d: %s", line, tg_error_message());
    assert_values(y, values, tg_numel(expected), 0);
    free(values);
    tg_module_free(m);
}
#define CHECK(m, input, target, expected) check(__LINE__, m, input, target, expected)

TEST(test_reductions_and_weights)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape(4, 3)), *y = tg_randn(tg_shape(4, 3)), *weight = tg_rand(tg_shape(3));
    tg_tensor *classes = tg_from_data(((const int[]){ 0, 2, 1, 0 }), tg_shape(4));
    tg_loss *losses[] = {
        tg_mse_loss_new(),
        tg_mse_loss_new(.reduction = TG_REDUCTION_NONE),
        tg_mse_loss_new(.reduction = TG_REDUCTION_SUM),
        tg_cross_entropy_loss_new(),
        tg_cross_entropy_loss_new(.weight = weight, .ignore_index = 0, .label_smoothing = 0.1),
        tg_cross_entropy_loss_new(.label_smoothing = 0.0),
        tg_nll_loss_new(.ignore_index = 0),
        tg_nll_loss_new(.weight = weight),
    };
    tg_tensor *expected[] = {
        tg_mse_loss(x, y),
        tg_mse_loss(x, y, .reduction = TG_REDUCTION_NONE),
        tg_mse_loss(x, y, .reduction = TG_REDUCTION_SUM),
        tg_cross_entropy(x, classes),
        tg_cross_entropy(x, classes, .weight = weight, .ignore_index = 0, .label_smoothing = 0.1),
        tg_cross_entropy(x, classes),
        tg_nll_loss(x, classes, .ignore_index = 0),
        tg_nll_loss(x, classes, .weight = weight),
    };
    for (int i = 0; i < 8; i++) {
        double values[12];
        tg_to_array(expected[i], values, tg_numel(expected[i]));
        assert_values(tg_loss_forward(losses[i], x, i < 3 ? y : classes), values, tg_numel(expected[i]), 0);
    }
    assert_string_equal(tg_named_buffers(losses[4]).items[0].name, "weight");
    assert_int_equal(tg_buffers(losses[3]).count, 0);
    for (int i = 0; i < 8; i++) tg_module_free(losses[i]);
    assert_null(tg_cross_entropy_loss_new(.weight = tg_ones(tg_shape(-1)))); /* a failed weight is not an omitted one */
    expect_error("negative dimension");
    tg_scope_end(scope);
}

TEST(test_of_numbers)
{
    tg_scope scope = tg_scope_begin();
    const tensors t = make_tensors();
    CHECK(tg_l1_loss_new(), t.x, t.y, tg_l1_loss(t.x, t.y));
    CHECK(tg_l1_loss_new(.reduction = TG_REDUCTION_NONE), t.x, t.y, tg_abs(tg_sub(t.x, t.y)));
    CHECK(tg_smooth_l1_loss_new(.beta = 0.5), t.x, t.y, tg_smooth_l1_loss(t.x, t.y, .beta = 0.5));
    CHECK(tg_smooth_l1_loss_new(.beta = 0), t.x, t.y, tg_l1_loss(t.x, t.y));
    CHECK(tg_huber_loss_new(.delta = 0.5, .reduction = TG_REDUCTION_SUM), t.x, t.y,
          tg_huber_loss(t.x, t.y, .delta = 0.5, .reduction = TG_REDUCTION_SUM));
    CHECK(tg_poisson_nll_loss_new(.log_input = false, .eps = 0), t.probabilities, t.probabilities,
          tg_poisson_nll_loss(t.probabilities, t.probabilities, .log_input = false, .eps = 0));
    CHECK(tg_poisson_nll_loss_new(.full = true), t.x, t.probabilities,
          tg_poisson_nll_loss(t.x, t.probabilities, .full = true));
    tg_scope_end(scope);
}

TEST(test_of_probabilities)
{
    tg_scope scope = tg_scope_begin();
    const tensors t = make_tensors();
    CHECK(tg_bce_loss_new(.weight = t.weight), t.probabilities, t.probabilities,
          tg_binary_cross_entropy(t.probabilities, t.probabilities, .weight = t.weight));
    CHECK(tg_bce_with_logits_loss_new(), t.x, t.probabilities,
          tg_binary_cross_entropy_with_logits(t.x, t.probabilities));
    CHECK(tg_bce_with_logits_loss_new(.weight = t.weight, .pos_weight = t.weight), t.x, t.probabilities,
          tg_binary_cross_entropy_with_logits(t.x, t.probabilities, .weight = t.weight, .pos_weight = t.weight));
    CHECK(tg_kl_div_loss_new(.reduction = TG_REDUCTION_BATCHMEAN), t.x, t.probabilities,
          tg_kl_div(t.x, t.probabilities, .reduction = TG_REDUCTION_BATCHMEAN));
    CHECK(tg_kl_div_loss_new(.reduction = TG_REDUCTION_SUM, .log_target = true), t.x, t.y,
          tg_kl_div(t.x, t.y, .reduction = TG_REDUCTION_SUM, .log_target = true));
    tg_loss *m = tg_bce_with_logits_loss_new(.weight = t.weight, .pos_weight = t.weight);
    assert_string_equal(tg_named_buffers(m).items[0].name, "weight"); /* the same tensor: listed once */
    assert_int_equal(tg_buffers(m).count, 1);
    tg_module_free(m);
    assert_null(tg_bce_with_logits_loss_new(.pos_weight = tg_ones(tg_shape(-1))));
    expect_error("negative dimension");
    assert_null(tg_bce_loss_new(.weight = tg_ones(tg_shape(-1))));
    expect_error("negative dimension");
    tg_scope_end(scope);
}

TEST(test_of_margins)
{
    tg_scope scope = tg_scope_begin();
    const tensors t = make_tensors();
    CHECK(tg_hinge_embedding_loss_new(.margin = 0), t.x, t.signs, tg_hinge_embedding_loss(t.x, t.signs, .margin = 0));
    CHECK(tg_soft_margin_loss_new(), t.x, t.signs, tg_soft_margin_loss(t.x, t.signs));
    CHECK(tg_multi_margin_loss_new(.p = 2, .margin = 0, .weight = t.weight), t.x, t.classes,
          tg_multi_margin_loss(t.x, t.classes, .p = 2, .margin = 0, .weight = t.weight));
    CHECK(tg_multilabel_margin_loss_new(), t.x, t.labels, tg_multilabel_margin_loss(t.x, t.labels));
    CHECK(tg_multilabel_soft_margin_loss_new(.weight = t.weight), t.x, t.probabilities,
          tg_multilabel_soft_margin_loss(t.x, t.probabilities, .weight = t.weight));
    tg_scope_end(scope);
}

static void check_triple(tg_triple_loss *m, tg_tensor *a, tg_tensor *b, tg_tensor *c, tg_tensor *expected)
{
    double *values = elements(expected);
    assert_values(tg_triple_loss_forward(m, a, b, c), values, tg_numel(expected), 0);
    free(values);
    tg_module_free(m);
}

TEST(test_of_three)
{
    tg_scope scope = tg_scope_begin();
    const tensors t = make_tensors();
    tg_tensor *signs = tg_select(t.signs, 1, 0);
    check_triple(tg_gaussian_nll_loss_new(.full = true, .eps = 0), t.x, t.y, t.probabilities,
                 tg_gaussian_nll_loss(t.x, t.y, t.probabilities, .full = true, .eps = 0));
    check_triple(tg_margin_ranking_loss_new(.margin = 0.5), t.x, t.y, t.signs,
                 tg_margin_ranking_loss(t.x, t.y, t.signs, .margin = 0.5));
    check_triple(tg_cosine_embedding_loss_new(.reduction = TG_REDUCTION_NONE), t.x, t.y, signs,
                 tg_cosine_embedding_loss(t.x, t.y, signs, .reduction = TG_REDUCTION_NONE));
    check_triple(tg_triplet_margin_loss_new(.margin = 0, .p = 1, .eps = 0, .swap = true), t.x, t.y, t.probabilities,
                 tg_triplet_margin_loss(t.x, t.y, t.probabilities, .margin = 0, .p = 1, .eps = 0, .swap = true));
    assert_null(tg_triple_loss_forward((tg_triple_loss *)NULL, t.x, t.y, t.y));
    expect_error("NULL");
    tg_scope_end(scope);
}

TEST(test_of_sequences)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *log_probs = tg_log_softmax(tg_randn(tg_shape(5, 2, 3)), 2);
    tg_tensor *targets = tg_from_data(((const int[]){ 1, 2, 2, 1 }), tg_shape(2, 2));
    tg_tensor *lengths = tg_full(tg_shape(2), 5, .dtype = TG_INT64), *two = tg_full(tg_shape(2), 2, .dtype = TG_INT64);
    tg_ctc_loss *m = tg_ctc_loss_new(.reduction = TG_REDUCTION_SUM);
    tg_tensor *y = tg_ctc_loss_forward(m, log_probs, targets, lengths, two);
    assert_true(tg_equal(y, tg_ctc_loss(log_probs, targets, lengths, two, .reduction = TG_REDUCTION_SUM)));
    assert_null(tg_ctc_loss_forward(m, log_probs, targets, NULL, two));
    expect_error("NULL");
    assert_null(tg_ctc_loss_forward((tg_ctc_loss *)NULL, log_probs, targets, lengths, two));
    expect_error("NULL");
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_distances)
{
    tg_scope scope = tg_scope_begin();
    const tensors t = make_tensors();
    tg_distance *cosine = tg_cosine_similarity_new(.dim = 0),
                *pairwise = tg_pairwise_distance_new(.p = 1, .keepdim = true);
    tg_tensor *similarity = tg_distance_forward(cosine, t.x, t.y), *distance = tg_distance_forward(pairwise, t.x, t.y);
    assert_true(tg_equal(similarity, tg_cosine_similarity(t.x, t.y, .dim = 0)));
    assert_true(tg_equal(distance, tg_pairwise_distance(t.x, t.y, .p = 1, .keepdim = true)));
    assert_null(tg_distance_forward((tg_distance *)NULL, t.x, t.y));
    expect_error("NULL");
    tg_module_free(cosine);
    tg_module_free(pairwise);
    tg_scope_end(scope);
}

static char warning[400];
static void remember_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)context;
    snprintf(warning, sizeof warning, "%s", message);
}

TEST(test_warnings)
{
    tg_scope scope = tg_scope_begin();
    const tensors t = make_tensors();
    tg_set_warning_handler(remember_warning, NULL);
    tg_l1_loss(t.x, tg_select(t.y, 0, 0));
    assert_string_equal(
        warning, "Using a target size (torch.Size([3])) that is different to the input size (torch.Size([4, 3])). This "
                 "will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.");
    warning[0] = 0;
    tg_kl_div(t.x, t.probabilities, .reduction = TG_REDUCTION_SUM);
    assert_string_equal(warning, "");
    tg_kl_div(t.x, t.probabilities);
    assert_non_null(
        strstr(warning, "reduction: 'mean' divides the total loss by both the batch size and the support size."));
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_reductions_and_weights),
        T(test_of_numbers),
        T(test_of_probabilities),
        T(test_of_margins),
        T(test_of_three),
        T(test_of_sequences),
        T(test_distances),
        T(test_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

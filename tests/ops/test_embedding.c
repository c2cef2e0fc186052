/* test_embedding.c: what samples cannot say of embeddings: rows shortened in place, gradients by frequency, tables and
 * batches of a size where threads share the work, the modules and their first weights. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <string.h>

static tg_tensor *indices(const int *values, int64_t n) { return tg_from_data(values, tg_shape(n)); }
#define INDICES(...) tg_from_data(((const int[]){ __VA_ARGS__ }), tg_shape(TG_COUNT(__VA_ARGS__)))

TEST(test_max_norm_writes_the_table)
{
    tg_scope scope = tg_scope_begin();
    const double rows[] = { 3, 4, 0.3, 0.4, 6, 8 };
    tg_tensor *weight = tg_requires_grad_(tg_from_data(rows, tg_shape(3, 2)), true);
    const int64_t version = tg_version(weight);
    tg_tensor *y = tg_embedding(INDICES(0, 1, 0), weight, .max_norm = 1);
    VALUES(y, 1e-6, 0.6, 0.8, 0.3, 0.4, 0.6, 0.8);
    VALUES(weight, 1e-6, 0.6, 0.8, 0.3, 0.4, 6, 8); /* row 2 was not used */
    assert_true(tg_version(weight) > version);
    tg_backward(tg_sum(y));
    VALUES(tg_grad_of(weight), 0, 2, 2, 1, 1, 0, 0);
    const int64_t now = tg_version(weight);
    tg_embedding(INDICES(1), weight, .max_norm = 1); /* short enough: nothing is written */
    assert_int_equal(tg_version(weight), now);
    tg_tensor *turned = tg_transpose(tg_from_data(((const double[]){ 3, 0, 4, 1 }), tg_shape(2, 2)), 0, 1);
    VALUES(tg_embedding(INDICES(0), turned, .max_norm = 5 / 2.0, .norm_type = INFINITY), 1e-6, 1.875, 2.5);
    VALUES(turned, 1e-6, 1.875, 2.5, 0, 1);
    tg_scope_end(scope);
}

/* Rows of 3 and 4 times a size whose powers do not fit become 0.6 and 0.8. */
static void check_max_norm(double size, tg_dtype dtype, double p)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *weight = tg_from_data(((const double[]){ 3 * size, 4 * size }), tg_shape(1, 2), .dtype = dtype);
    const double length = p == 2 ? 5 : pow(pow(3, p) + pow(4, p), 1 / p);
    tg_embedding(INDICES(0), weight, .max_norm = 1, .norm_type = p);
    VALUES(weight, 1e-6, 3 / length, 4 / length);
    tg_scope_end(scope);
}

TEST(test_max_norm_of_any_size)
{
    check_max_norm(1e200, TG_FLOAT64, 2);
    check_max_norm(1e300, TG_FLOAT64, 3);
    check_max_norm(8e37, TG_FLOAT32, 2);
    check_max_norm(8e37, TG_FLOAT32, 20);
}

/* The padding row begins as zeros, and no optimiser moves it by look-ups; another use of the table does. */
TEST(test_padding_row)
{
    tg_scope scope = tg_scope_begin();
    tg_embedding *m = tg_embedding_new(4, 2, .padding_idx = -3);
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.1, .weight_decay = 0.1);
    for (int i = 0; i < 3; i++) {
        tg_zero_grad(adam);
        tg_backward(tg_sum(tg_square(tg_add(tg_embedding_forward(m, INDICES(0, 1, 1, 3)), 1.0))));
        VALUES(tg_select(tg_grad_of(m->weight), 0, 1), 0, 0, 0);
        tg_step(adam);
        VALUES(tg_select(tg_detach(m->weight), 0, 1), 0, 0, 0);
    }
    tg_zero_grad(adam);
    tg_backward(tg_sum(m->weight));
    tg_step(adam);
    assert_true(tg_item(tg_select(tg_select(tg_detach(m->weight), 0, 1), 0, 0)) != 0);
    tg_optimizer_free(adam);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* The gradient's gradient divides by the count, too, which PyTorch's does not. */
TEST(test_by_frequency)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *weight = tg_ones(tg_shape(3, 1), .requires_grad = true),
              *g = tg_ones(tg_shape(4, 1), .requires_grad = true);
    tg_tensor *y = tg_embedding(INDICES(0, 2, 2, 2), weight, .scale_grad_by_freq = true);
    tg_tensor *d = tg_grad(tg_list(y), tg_list(weight), .grad_outputs = { g }, .create_graph = true).items[0];
    VALUES(d, 1e-6, 1, 0, 1);
    VALUES(tg_grad(tg_list(tg_sum(d)), tg_list(g)).items[0], 1e-6, 1, 1 / 3.0, 1 / 3.0, 1 / 3.0);
    y = tg_embedding_bag(INDICES(0, 2, 2, 2), weight, .offsets = INDICES(0, 2), .mode = "sum",
                         .scale_grad_by_freq = true);
    VALUES(tg_grad(tg_list(tg_sum(y)), tg_list(weight)).items[0], 1e-6, 1, 0, 1);
    tg_scope_end(scope);
}

/* Large enough for several threads: the sum for each row in the order of the indices, to the bit. */
TEST(test_large)
{
    enum { ROWS = 300, WIDTH = 40, COUNT = 5000 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *weight = tg_randn(tg_shape(ROWS, WIDTH), .requires_grad = true),
              *index = tg_randint(0, ROWS, tg_shape(COUNT));
    tg_tensor *g = tg_randn(tg_shape(COUNT, WIDTH)), *y = tg_embedding(index, weight);
    tg_tensor *d = tg_grad(tg_list(y), tg_list(weight), .grad_outputs = { g }).items[0];
    static float sum[ROWS][WIDTH];
    const float *w = tg_data(weight, TG_FLOAT32), *got = tg_data(y, TG_FLOAT32), *from = tg_data(g, TG_FLOAT32);
    const int64_t *at = tg_data(index, TG_INT64);
    for (int i = 0; i < COUNT; i++) {
        assert_memory_equal(got + i * WIDTH, w + at[i] * WIDTH, WIDTH * sizeof *w);
        for (int j = 0; j < WIDTH; j++) sum[at[i]][j] += from[i * WIDTH + j];
    }
    assert_memory_equal(tg_data(d, TG_FLOAT32), sum, sizeof sum);
    tg_scope_end(scope);
}

TEST(test_bags)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *weight = tg_from_data(((const double[]){ 1, 2, 4, 8 }), tg_shape(4, 1));
    /* What lies behind the last offset is in no bag. */
    tg_tensor *index = INDICES(0, 1, 2, 3), *offsets = INDICES(0, 1, 3);
    VALUES(tg_embedding_bag(index, weight, .offsets = offsets, .include_last_offset = true), 0, 1, 3);
    VALUES(tg_embedding_bag(index, weight, .offsets = offsets), 0, 1, 3, 8);
    VALUES(tg_embedding_bag(index, weight, .offsets = INDICES(0, 0, 4), .mode = "max"), 0, 0, 8, 0);
    VALUES(tg_embedding_bag(index, weight, .offsets = offsets, .padding_idx = 0, .mode = "sum"), 0, 0, 6, 8);
    tg_fail("earlier", "a failure");
    assert_null(tg_embedding_bag(index, weight, .offsets = NULL)); /* a failed one, not an omitted one */
    tg_error_clear();
    tg_scope_end(scope);
}

TEST(test_modules)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(0);
    tg_embedding *m = tg_embedding_new(3, 2, .padding_idx = 1);
    VALUES(m->weight, 1e-6, 1.540996075, -0.293428898, 0, 0, -1.084522367, -1.398595452); /* PyTorch's, of seed 0 */
    VALUES(tg_embedding_forward(m, INDICES(2, 1)), 1e-6, -1.084522367, -1.398595452, 0, 0);
    tg_backward(tg_sum(tg_module_forward(m, INDICES(2, 1))));
    VALUES(tg_grad_of(m->weight), 0, 0, 0, 0, 0, 1, 1);
    assert_string_equal(tg_named_parameters(m).items[0].name, "weight");
    tg_module_free(m);
    tg_manual_seed(0);
    tg_embedding_bag *bag = tg_embedding_bag_new(4, 5);
    VALUES(tg_select(bag->weight, 0, 0), 1e-6, -1.125839829, -1.152360201, -0.250578582, -0.433878809, 0.598839462);
    tg_tensor *y = tg_embedding_bag_forward(bag, INDICES(0, 0, 1), INDICES(0, 2), NULL);
    VALUES(tg_select(y, 0, 0), 1e-6, -1.125839829, -1.152360201, -0.250578582, -0.433878809, 0.598839462);
    assert_int_equal(tg_size(tg_module_forward(bag, tg_zeros(tg_shape(2, 3), .dtype = TG_INT64)), 0), 2);
    tg_module_free(bag);
    assert_null(tg_embedding_new(3, 2, .padding_idx = 3));
    expect_error("Padding_idx must be within num_embeddings");
    assert_null(tg_embedding_bag_new(3, 2, .padding_idx = -4));
    expect_error("padding_idx must be within num_embeddings");
    assert_null(tg_embedding_forward(NULL, indices((const int[]){ 0 }, 1)));
    expect_error("NULL");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_max_norm_writes_the_table),
        T(test_max_norm_of_any_size),
        T(test_padding_row),
        T(test_by_frequency),
        T(test_large),
        T(test_bags),
        T(test_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_view.c: views, slices and copies.
 *
 * Strides, which were printed by PyTorch 1.13.1; writes through a view; what is refused. Values and gradients of any
 * views are test_view_chains.c's. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/join.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <stdio.h>

/* ---- strides ---- */

static void check_strides(int line, const tg_tensor *t, tg_shape shape, tg_shape strides, int64_t offset,
                          bool contiguous)
{
    const tg_shape have = tg_shape_of(t);
    if (!t || !tg_shape_equal(&have, &shape)) fail_msg("line %d: another shape", line);
    for (int d = 0; d < shape.ndim; d++)
        if (tg_stride(t, d) != strides.dims[d]) fail_msg("line %d: stride %d is %d", line, d, (int)tg_stride(t, d));
    if (tg_storage_offset(t) != offset) fail_msg("line %d: the offset is %d", line, (int)tg_storage_offset(t));
    if (tg_is_contiguous(t) != contiguous) fail_msg("line %d: contiguous or not", line);
}
#define STRIDES(...) check_strides(__LINE__, __VA_ARGS__)
#define S            tg_shape

TEST(test_strides)
{
    tg_tensor *a = tg_zeros(S(2, 3, 4)), *b = tg_zeros(S(3, 4)), *v = tg_zeros(S(3)), *w = tg_zeros(S(4, 5));
    tg_tensor *thin = tg_narrow(tg_zeros(S(4, 3)), 1, 0, 1);
    STRIDES(tg_transpose(a, 0, 2), S(4, 3, 2), S(1, 4, 12), 0, false);
    STRIDES(tg_permute(a, S(1, 2, 0)), S(3, 4, 2), S(4, 1, 12), 0, false);
    STRIDES(tg_unsqueeze(tg_t(b), 1), S(4, 1, 3), S(1, 12, 4), 0, false);
    STRIDES(tg_unsqueeze(v, 0), S(1, 3), S(3, 1), 0, true);
    STRIDES(tg_unsqueeze(v, 1), S(3, 1), S(1, 1), 0, true);
    STRIDES(tg_unsqueeze(tg_zeros(S()), 0), S(1), S(1), 0, true);
    STRIDES(tg_unsqueeze(tg_t(b), -1), S(4, 3, 1), S(1, 4, 1), 0, false);
    STRIDES(tg_expand(b, S(5, 3, 4)), S(5, 3, 4), S(0, 4, 1), 0, false);
    STRIDES(tg_expand(tg_zeros(S(3, 1)), S(2, 1, 3, 5)), S(2, 1, 3, 5), S(0, 3, 1, 0), 0, false);
    STRIDES(tg_expand(tg_zeros(S(1, 3)), S(1, 2, 3)), S(1, 2, 3), S(0, 0, 1), 0, false);
    STRIDES(tg_squeeze(tg_zeros(S(2, 1, 3)), 1), S(2, 3), S(3, 1), 0, true);
    STRIDES(tg_squeeze(tg_zeros(S(2, 1, 3, 1)), TG_NO_DIM), S(2, 3), S(3, 1), 0, true);
    STRIDES(tg_slice(tg_zeros(S(5, 6)), 0, 1, 5, 2), S(2, 6), S(12, 1), 6, false);
    STRIDES(tg_slice(tg_zeros(S(5, 6)), 1, 1, 5, 3), S(5, 2), S(6, 3), 1, false);
    STRIDES(tg_slice(tg_zeros(S(5, 6)), 0, -3), S(3, 6), S(6, 1), 12, true);
    STRIDES(tg_slice(tg_zeros(S(5, 6)), 1, 1, INT64_MAX, 2), S(5, 3), S(6, 2), 1, false);
    STRIDES(tg_slice(v, 0, 0, 3, 5), S(1), S(5), 0, true);
    STRIDES(tg_select(w, 1, 2), S(4), S(5), 2, false);
    STRIDES(tg_narrow(w, 1, 2, 3), S(4, 3), S(5, 1), 2, false);
    STRIDES(tg_narrow(w, 0, 4, 0), S(0, 5), S(5, 1), 20, true);
    STRIDES(tg_reshape(tg_t(b), S(4, 3, 1)), S(4, 3, 1), S(1, 4, 4), 0, false);
    STRIDES(tg_reshape(tg_t(b), S(6, 2)), S(6, 2), S(2, 1), 0, true);
    STRIDES(tg_view(tg_t(b), S(1, 4, 1, 3)), S(1, 4, 1, 3), S(4, 1, 12, 4), 0, false);
    STRIDES(tg_view(tg_transpose(a, 0, 1), S(3, 2, 2, 2)), S(3, 2, 2, 2), S(4, 12, 2, 1), 0, false);
    STRIDES(tg_view(tg_narrow(tg_zeros(S(2, 6)), 1, 1, 3), S(2, 1, 3)), S(2, 1, 3), S(6, 3, 1), 1, false);
    STRIDES(tg_view(thin, S(4)), S(4), S(3), 0, false);
    STRIDES(tg_view(thin, S(2, 2, 1)), S(2, 2, 1), S(6, 3, 1), 0, false);
    STRIDES(tg_view(tg_zeros(S(0, 2, 1)), S(0, 5)), S(0, 5), S(5, 1), 0, true);
    STRIDES(tg_view(tg_zeros(S(0, 3)), S(3, 0)), S(3, 0), S(1, 1), 0, true);
    STRIDES(tg_view(tg_permute(tg_zeros(S(2, 0, 3)), S(2, 0, 1)), S(3, 2, 0)), S(3, 2, 0), S(1, 3, 3), 0, true);
    STRIDES(tg_view(tg_expand(tg_zeros(S(6)), S(3, 6)), S(3, 2, 3)), S(3, 2, 3), S(0, 3, 1), 0, false);
    STRIDES(tg_view(tg_expand(tg_zeros(S(1)), S(4, 3)), S(12)), S(12), S(0), 0, false);
    STRIDES(tg_clone(tg_t(tg_zeros(S(2, 3)))), S(3, 2), S(2, 1), 0, true);
}

/* ---- the tensor itself ---- */

TEST(test_nothing_to_do)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_zeros(S(2, 3), .requires_grad = true);
    const int64_t length = tg_tape_length();
    assert_ptr_equal(tg_contiguous(x), x);
    assert_ptr_equal(tg_to(x, TG_FLOAT32), x);
    assert_ptr_equal(tg_flatten(x, 1, 1), x);
    assert_int_equal(tg_tape_length(), length);
    tg_tensor *y = tg_to(x, TG_INT64); /* no gradient flows through integers, so nothing is recorded */
    assert_false(tg_requires_grad(y));
    assert_int_equal(tg_tape_length(), length);
    tg_tensor *same = tg_squeeze(x, 0); /* a size that is not 1: a view, another handle */
    assert_ptr_not_equal(same, x);
    assert_true(tg_shares_storage(same, x) && tg_requires_grad(same));
    assert_false(tg_shares_storage(tg_clone(x), x));
    tg_scope_end(scope);
}

TEST(test_dtypes)
{
    tg_scope scope = tg_scope_begin();
    const double values[] = { -2.7, -0.5, 0, 0.5, 1e10 };
    const double integers[] = { -2, 0, 0, 0, 1e10 };
    double found[5];
    tg_tensor *x = tg_requires_grad_(tg_from_data(values, S(5)), true);
    tg_to_array(tg_to(x, TG_INT64), found, 5);
    assert_memory_equal(found, integers, sizeof found);
    tg_to_array(tg_to(x, TG_BOOL), found, 5);
    for (int i = 0; i < 5; i++) assert_true(found[i] == (values[i] != 0));
    tg_to_array(tg_to(x, TG_FLOAT32), found, 5);
    for (int i = 0; i < 5; i++) assert_true(found[i] == (double)(float)values[i]);
    tg_tensor *narrow = tg_to(x, TG_FLOAT32); /* the gradient comes back in the input's dtype */
    tg_tensor *loss = tg_sum(tg_mul(narrow, narrow));
    tg_tensor *g = tg_grad(tg_list(loss), tg_list(x), .create_graph = true).items[0];
    assert_int_equal(tg_dtype_of(g), TG_FLOAT64);
    tg_to_array(g, found, 5);
    for (int i = 0; i < 5; i++) assert_true(found[i] == (double)(2 * (float)values[i]));
    tg_to_array(tg_grad(tg_list(tg_sum(g)), tg_list(x)).items[0], found, 5);
    for (int i = 0; i < 5; i++) assert_true(found[i] == 2);
    assert_true(tg_item(tg_repeat(tg_select(tg_from_data(((bool[]){ true, false }), S(2)), 0, 0), S(1))) == 1);
    tg_scope_end(scope);
}

/* ---- writing in place ---- */

TEST(test_writes)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_zeros(S(2, 3));
    tg_tensor *column = tg_select(x, 1, 1);
    const int64_t version = tg_version(x);
    tg_copy_(column, tg_from_data(((float[]){ 5, 7 }), S(2)));
    tg_mul_(tg_slice(x, 0, 1, 2, 1), 2);
    assert_int_equal(tg_version(x), version + 2);
    const float expected[] = { 0, 5, 0, 0, 14, 0 };
    assert_memory_equal(tg_data(x, TG_FLOAT32), expected, sizeof expected);
    assert_null(tg_add_(tg_expand(tg_zeros(S(1)), S(3)), 1));
    expect_error("more than one element of the written-to tensor refers to a single memory location");
    tg_scope_end(scope);
}

/* A copy that reshape makes is a tensor of its own, and may be written while gradients are recorded; a view may not. */
TEST(test_tracked_writes)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(S(2, 3), .requires_grad = true);
    tg_tensor *y = tg_reshape(tg_t(tg_mul(x, 2)), S(6));
    assert_ptr_equal(tg_add_(y, 1), y);
    assert_non_null(tg_mul_(tg_clone(tg_t(x)), 3));
    tg_tensor *g = tg_grad(tg_list(tg_sum(tg_mul(y, y))), tg_list(x)).items[0];
    for (int i = 0; i < 6; i++) assert_true(((const float *)tg_data(tg_contiguous(g), TG_FLOAT32))[i] == 12);
    assert_null(tg_add_(tg_reshape(tg_mul(x, 2), S(6)), 1));
    expect_error("a view is being written in place while gradients are recorded");
    assert_null(tg_add_(tg_split(tg_mul(x, 2), 1, 0).items[0], 1));
    expect_error("a view is being written in place while gradients are recorded");
    tg_scope_end(scope);
}

/* What a node saved through a view is known to be damaged when the base is written, and the other way round. */
TEST(test_damage)
{
    for (int through_view = 0; through_view < 2; through_view++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *x = tg_ones(S(2, 3)), *w = tg_ones(S(3), .requires_grad = true);
        tg_tensor *row = tg_select(x, 0, 0);
        tg_tensor *loss = tg_sum(tg_mul(through_view ? row : tg_narrow(x, 0, 1, 1), w));
        tg_add_(through_view ? x : row, 1);
        assert_int_equal(tg_backward(loss), TG_FAILED);
        expect_error("modified by an inplace operation");
        tg_scope_end(scope);
    }
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_mul(tg_ones(S(2, 3), .requires_grad = true), 1);
    tg_tensor *row = tg_select(x, 0, 0);
    tg_add_(x, 1);
    assert_null(tg_mul(row, 2));
    expect_error("Make the view again after the write");
    assert_non_null(tg_mul(tg_select(x, 0, 0), 2));
    tg_scope_end(scope);
}

/* ---- limits and errors ---- */

TEST(test_many_dimensions)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(S(2, 1, 2, 1, 2, 1, 2, 1), .requires_grad = true);
    tg_tensor *y = tg_repeat(x, S(1, 3, 2, 1, 2, 2, 1, 3));
    assert_int_equal(tg_numel(y), 16 * 72);
    tg_tensor *g = tg_grad(tg_list(tg_sum(y)), tg_list(x)).items[0];
    double values[16];
    assert_int_equal(tg_to_array(g, values, 16), TG_OK);
    for (int i = 0; i < 16; i++) assert_true(values[i] == 72);
    assert_int_equal(tg_numel(tg_repeat(tg_ones(S(1)), S(100000))), 100000);
    assert_null(tg_unsqueeze(x, 0));
    expect_error("a tensor has at most 8 dimensions");
    tg_shape nine = { 9, { 1, 1, 1, 1, 1, 1, 1, 1 } };
    assert_null(tg_reshape(tg_ones(S(1)), nine));
    expect_error("a list of sizes has 0 to 8 entries, but got 9");
    assert_null(tg_expand(tg_ones(S(1)), nine));
    expect_error("a list of sizes has 0 to 8 entries, but got 9");
    tg_scope_end(scope);
}

/* Each element is the one that its place stands for; dimensions of one, and blocks below and above what is near. */
static void check_repeat(tg_dtype dtype, tg_shape dims, tg_shape repeats)
{
    IN_SCOPE;
    tg_tensor *x = tg_to(tg_randint(0, 100, dims), dtype), *y = tg_repeat(x, repeats);
    double *from = elements(x), *got = elements(y);
    for (int64_t i = 0; i < tg_numel(y); i++) {
        int64_t rest = i, at = 0, stride = 1;
        for (int d = 1; d <= repeats.ndim; d++) {
            const int64_t own = d <= dims.ndim ? dims.dims[dims.ndim - d] : 1,
                          all = own * repeats.dims[repeats.ndim - d];
            at += rest % all % own * stride;
            stride *= own;
            rest /= all;
        }
        if (got[i] != from[at]) fail_msg("dtype %d, element %d of %d", (int)dtype, (int)i, (int)tg_numel(y));
    }
    free(from);
    free(got);
    tg_scope_end(scope);
}

TEST(test_repeat_by_definition)
{
    for (tg_dtype dtype = TG_FLOAT32; dtype < TG_DTYPES; dtype++) {
        for (int threads = 1; threads <= 3; threads++) {
            tg_set_num_threads(threads);
            check_repeat(dtype, S(1001), S(70, 1));
            check_repeat(dtype, S(63, 1), S(1, 1001));
            check_repeat(dtype, S(17, 1), S(5, 63));
            check_repeat(dtype, S(17, 1, 3), S(2, 5, 7));
            check_repeat(dtype, S(1, 15), S(3, 1001));
            check_repeat(dtype, S(3, 1, 1, 2), S(2, 1, 4, 3, 1));
            check_repeat(dtype, S(2, 5000), S(3, 2));
            check_repeat(dtype, S(), S(2, 1001));
        }
    }
    tg_set_num_threads(1);
}

TEST(test_huge_numbers)
{
    tg_scope scope = tg_scope_begin();
    const int64_t huge = INT64_MAX;
    tg_tensor *x = tg_ones(S(3)), *empty = tg_ones(S(0));
    assert_int_equal(tg_numel(tg_slice(x, 0, INT64_MIN, huge, huge)), 1);
    assert_int_equal(tg_numel(tg_slice(x, 0, 1, huge, huge)), 1);
    assert_int_equal(tg_numel(tg_slice(x, 0, huge, INT64_MIN, 1)), 0);
    assert_null(tg_view(empty, S(0, huge, huge)));
    expect_error("numel: integer multiplication overflow");
    assert_null(tg_expand(tg_ones(S(1)), S(huge, 2)));
    expect_error("numel: integer multiplication overflow");
    assert_null(tg_repeat(x, S(huge)));
    expect_error("out of memory");
    assert_null(tg_to(x, (tg_dtype)7));
    expect_error("7 is not a dtype");
    assert_null(tg_select(x, huge, 0));
    expect_error("Dimension out of range (expected to be in range of [-1, 0], but got 9223372036854775807)");
    assert_null(tg_select(x, 0, INT64_MIN));
    expect_error("select(): index -9223372036854775808 out of range for tensor of size [3] at dimension 0");
    tg_scope_end(scope);
}

/* The message names the op, the inputs and this line; what follows from it stays silent. */
TEST(test_where)
{
    char here[64];
    tg_tensor *x = tg_zeros(S(3, 4));
    snprintf(here, sizeof here, "test_view.c:%d", __LINE__ + 1);
    tg_tensor *y = tg_view(x, S(3, 5));
    assert_null(tg_transpose(tg_unsqueeze(tg_expand(tg_to(y, TG_FLOAT64), S(2, 3, 5)), 0), 0, 1));
    assert_null(tg_repeat(tg_select(tg_narrow(tg_contiguous(y), 0, 0, 1), 0, 0), S(2)));
    const tg_error error = tg_error_get();
    assert_int_equal(error.later, 0);
    assert_string_equal(error.op, "view");
    assert_string_equal(error.message, "shape '[3, 5]' is invalid for input of size 12");
    assert_string_equal(error.inputs, "float32[3, 4]");
    assert_non_null(strstr(error.where, here));
    tg_error_clear();
    assert_null(tg_permute(NULL, S(0)));
    expect_error("permute: argument 1 is NULL");
}

/* What PyTorch calls new is never a view of the input, even where it could be. */
TEST(test_no_views)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(S(1, 1, 1), .requires_grad = true), *line = tg_slice(tg_arange(10), 0, 0, 10, 2);
    tg_tensor *y[] = { tg_repeat_interleave(x, 3, .dim = 0), tg_repeat_interleave(x, 1), tg_pixel_shuffle(x, 1),
                       tg_pixel_unshuffle(x, 1) };
    for (int i = 0; i < 4; i++) {
        assert_true(tg_is_contiguous(y[i]));
        tg_fill_(tg_detach(y[i]), 7);
        assert_true(tg_item(x) == 1);
    }
    tg_backward(tg_sum(tg_add(y[2], tg_sum(y[0])))); /* written behind the tape's back, but not needed */
    assert_true(tg_item(tg_grad_of(x)) == 4);
    assert_true(tg_is_contiguous(tg_ravel(line)));
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_strides),        T(test_nothing_to_do), T(test_dtypes),          T(test_writes),
        T(test_tracked_writes), T(test_damage),        T(test_many_dimensions), T(test_repeat_by_definition),
        T(test_huge_numbers),   T(test_no_views),      T(test_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_dataset.c: datasets give the samples they are made of, one by one and in batches; each is freed once, by who has
 * it last; what a program's own functions do wrong is an error. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/caching.h"
#include "tests/support/failing.h"
#include "tests/support/loaders.h"

#include <math.h>
#include <string.h>

static int64_t number(tg_dataset *d, int64_t index)
{
    const tg_tensor_list fields = tg_dataset_item(d, index);
    return fields.count ? tg_item_int64(fields.items[0]) : -1;
}

/* The batch of these samples is the samples, stacked, to the bit. */
static void assert_batch_is_stacked(tg_dataset *d, const int64_t *indices, int64_t n)
{
    const tg_tensor_list batch = tg_dataset_batch(d, tg_from_data(indices, tg_shape(n)));
    assert_true(tg_ok() && batch.count > 0);
    for (int64_t k = 0; k < batch.count; k++) {
        tg_tensor *rows[32];
        for (int64_t i = 0; i < n; i++) rows[i] = tg_dataset_item(d, indices[i]).items[k];
        assert_true(tg_equal(batch.items[k], tg_stack(tg_list_of(rows, n), 0)));
        assert_true(tg_dtype_of(batch.items[k]) == tg_dtype_of(rows[0]));
    }
}

static tg_dataset *letters(int64_t from, int64_t n)
{
    tg_tensor *x = tg_arange(from, from + n);
    return tg_tensor_dataset_new(tg_list(x, tg_reshape(tg_arange(0.0, 6.0 * (double)n, 1.0), tg_shape(-1, 2, 3))));
}

TEST(test_tensors)
{
    IN_SCOPE;
    tg_tensor *x = tg_arange(8), *y = tg_rand(tg_shape(8, 2, 3));
    tg_dataset *d = tg_tensor_dataset_new(tg_list(x, y));
    assert_int_equal(tg_dataset_length(d), 8);
    assert_int_equal(number(d, 3), 3);
    assert_int_equal(number(d, -1), 7);
    assert_true(tg_shares_storage(tg_dataset_item(d, 2).items[1], y)); /* nothing is copied */
    static const int64_t some[] = { 5, 0, 5, 7 };
    assert_batch_is_stacked(d, some, 4);
    tg_fill_(x, 9);
    assert_int_equal(number(d, 3), 9);
    tg_dataset_free(d);
    expect_refusal(tg_tensor_dataset_new(tg_list(x, tg_ones(tg_shape(7)))), "Size mismatch between tensors");
    expect_refusal(tg_tensor_dataset_new(tg_list(tg_scalar(1))), "no dimensions");
    expect_refusal(tg_tensor_dataset_new(tg_list()), "there can be 1 to 16");
    expect_refusal(tg_tensor_dataset_new(tg_list(x, NULL)), "NULL");
    tg_scope_end(scope);
}

TEST(test_a_dataset_outlives_the_scope_of_its_tensors)
{
    const tg_scope inner = tg_scope_begin();
    tg_dataset *d = tg_subset_new(letters(3, 5), tg_tensor_of(4, 0));
    tg_scope_end(inner);
    IN_SCOPE;
    assert_int_equal(number(d, 0), 7);
    assert_int_equal(number(d, 1), 3);
    tg_dataset_free(d);
    tg_scope_end(scope);
}

TEST(test_subset)
{
    IN_SCOPE;
    static const int64_t some[] = { 2, 2, 0, 1 };
    tg_dataset *d = tg_subset_new(tg_subset_new(letters(10, 9), tg_tensor_of(8, 6, 4, 2)), tg_tensor_of(3, 0, 0));
    assert_int_equal(tg_dataset_length(d), 3);
    assert_int_equal(number(d, 0), 12);
    assert_int_equal(number(d, 2), 18);
    assert_batch_is_stacked(d, some, 4);
    tg_dataset_free(d);
    d = tg_subset_new(numbers(9, .item = numbers_item), tg_tensor_of(8, 6, 4));
    assert_batch_is_stacked(d, some, 4);
    tg_dataset_free(d);
    expect_refusal(tg_subset_new(letters(0, 3), tg_tensor_of(0, 3)), "sample 3 of a TensorDataset of 3");
    expect_refusal(tg_subset_new(letters(0, 3), tg_tensor_of(-1)), "sample -1");
    expect_refusal(tg_subset_new(letters(0, 3), tg_tensor_of(0.5)), "a contiguous int64 vector, not float32[1]");
    tg_tensor *indices = tg_tensor_of(0, 1);
    d = tg_subset_new(letters(0, 3), indices);
    tg_fill_(indices, 7); /* what leads astray later is an error, too */
    assert_int_equal(number(d, 0), -1);
    expect_error("sample 7 of a TensorDataset of 3");
    assert_int_equal(tg_dataset_batch(d, tg_tensor_of(0)).count, 0);
    expect_error("sample 7 of a TensorDataset of 3");
    tg_dataset_free(d);
    tg_scope_end(scope);
}

TEST(test_concat)
{
    IN_SCOPE;
    static const int64_t some[] = { 9, 0, 4, 3, 4, 8, 2, 5 }, in_one[] = { 4, 3, 4 };
    tg_dataset *d = tg_concat_dataset_new(tg_datasets(letters(0, 3), letters(100, 2), letters(200, 5)));
    assert_int_equal(tg_dataset_length(d), 10);
    assert_int_equal(number(d, 2), 2);
    assert_int_equal(number(d, 3), 100);
    assert_int_equal(number(d, -1), 204);
    assert_batch_is_stacked(d, some, 8);
    assert_batch_is_stacked(d, in_one, 3);
    tg_dataset_free(d);
    d = tg_concat_dataset_new(tg_datasets(numbers(4, .item = numbers_item), numbers(0, .item = numbers_item),
                                          numbers(6, .batch = numbers_batch)));
    assert_batch_is_stacked(d, some, 8);
    tg_dataset_free(d);
    tg_dataset *twice = letters(5, 4);
    d = tg_concat_dataset_new(tg_datasets(twice, twice));
    assert_int_equal(number(d, 7), 8);
    tg_dataset_free(d);
    expect_refusal(tg_concat_dataset_new(tg_datasets()), "a list of 0 datasets");
    d = tg_concat_dataset_new(tg_datasets(letters(0, 2), tg_tensor_dataset_new(tg_list(tg_arange(3)))));
    assert_int_equal(tg_dataset_batch(d, tg_tensor_of(0, 4)).count, 0);
    expect_error("samples of 2 and of 1 fields");
    tg_dataset_free(d);
    tg_scope_end(scope);
}

static int add_and_drop(tg_tensor **fields, int count, void *context)
{
    fields[0] = tg_add(fields[0], *(const int64_t *)context);
    return count - 1;
}

TEST(test_map)
{
    IN_SCOPE;
    static int64_t thousand = 1000;
    static const int64_t some[] = { 2, 0 };
    const int64_t before = freed_contexts;
    tg_dataset *d = tg_map_dataset_new(letters(5, 4), add_and_drop, .context = &thousand, .free = count_freed);
    assert_int_equal(number(d, 3), 1008);
    assert_int_equal(tg_dataset_item(d, 3).count, 1);
    assert_batch_is_stacked(d, some, 2);
    tg_dataset_free(d);
    assert_int_equal(freed_contexts, before + 1);
    expect_refusal(tg_map_dataset_new(letters(5, 4), NULL, .free = count_freed), "the function is NULL");
    assert_int_equal(freed_contexts, before + 2);
    d = tg_map_dataset_new(tg_tensor_dataset_new(tg_list(tg_arange(3))), add_and_drop, .context = &thousand);
    assert_int_equal(tg_dataset_item(d, 0).count, 0);
    expect_error("sample 0 has 0 fields; there can be 1 to 16");
    tg_dataset_free(d);
    tg_scope_end(scope);
}

/* ---- who frees ---- */

TEST(test_the_last_owner_frees)
{
    IN_SCOPE;
    int64_t before = freed_contexts;
    tg_dataset *d = numbers(9, .item = numbers_item);
    tg_dataset *a = tg_subset_new(d, tg_tensor_of(0, 1)), *b = tg_subset_new(d, tg_tensor_of(2));
    tg_dataset_free(d);
    expect_error("belongs to a loader or another dataset, which frees it");
    tg_loader *loader = tg_loader_new(a), *other = tg_loader_new(b);
    tg_dataset_free(a);
    expect_error("this Subset belongs to");
    tg_loader_free(loader);
    assert_int_equal(freed_contexts, before);
    assert_int_equal(number(d, 4), 4);
    tg_loader_free(other);
    assert_int_equal(freed_contexts, ++before);
    d = tg_dataset_keep(numbers(9, .item = numbers_item));
    for (int fold = 0; fold < 3; fold++) {
        loader = tg_loader_new(tg_subset_new(d, tg_tensor_of(fold)));
        TG_FOR_BATCHES(batch, loader) assert_int_equal(tg_item_int64(batch->items[0]), fold);
        tg_loader_free(loader);
        assert_int_equal(freed_contexts, before);
    }
    loader = tg_loader_new(d);
    tg_dataset_free(d); /* the keeping ends; the loader has it still */
    assert_int_equal(freed_contexts, before);
    tg_loader_free(loader);
    assert_int_equal(freed_contexts, before + 1);
    tg_dataset_free(NULL);
    tg_loader_free(NULL);
    tg_sampler_free(NULL);
    tg_scope_end(scope);
}

TEST(test_what_fails_frees)
{
    IN_SCOPE;
    int64_t before = freed_contexts;
    expect_refusal(tg_dataset_new(.free = count_freed), "a dataset needs .length");
    expect_refusal(tg_dataset_new(.length = numbers_length, .free = count_freed), "a dataset needs .item or batch");
    expect_refusal(tg_sampler_new(.free = count_freed), "a sampler needs .length");
    assert_int_equal(freed_contexts, before += 3);
    expect_refusal(tg_subset_new(numbers(2, .item = numbers_item), tg_tensor_of(2)), "sample 2");
    expect_refusal(tg_concat_dataset_new(tg_datasets(numbers(2, .item = numbers_item), NULL)), "the dataset is NULL");
    assert_int_equal(freed_contexts, before += 2);
    assert_int_equal(tg_random_split(numbers(5, .item = numbers_item), tg_parts(2, 2)).count, 0);
    expect_error("Sum of input lengths does not equal the length of the input dataset!");
    assert_int_equal(tg_random_split(numbers(5, .item = numbers_item), tg_parts(1.5, 3.5)).count, 0);
    expect_error("they are whole numbers, or fractions");
    assert_int_equal(tg_random_split(numbers(5, .item = numbers_item), tg_parts(-0.5, 1.5)).count, 0);
    expect_error("Fraction at index 0 is not between 0 and 1");
    assert_int_equal(tg_random_split(numbers(5, .item = numbers_item), tg_parts((double)NAN, 1)).count, 0);
    expect_error("Sum of input lengths");
    assert_int_equal(freed_contexts, before += 4);
    tg_dataset *kept = tg_dataset_keep(numbers(2, .item = numbers_item));
    expect_refusal(tg_subset_new(kept, tg_tensor_of(2)), "sample 2");
    assert_int_equal(freed_contexts, before);
    tg_fail("test", "pending");
    assert_null(tg_loader_new(tg_subset_new(kept, tg_tensor_of(0)))); /* what is pending is passed on */
    tg_dataset_free(kept);
    assert_int_equal(freed_contexts, before + 1);
    expect_error("pending");
    tg_scope_end(scope);
}

TEST(test_used_too_late)
{
    if (!caching()) return;
    IN_SCOPE;
    tg_dataset *d = letters(0, 3);
    tg_sampler *s = tg_sequential_sampler_new(3);
    tg_loader *l = tg_loader_new(d, .sampler = s);
    tg_sampler_free(s);
    expect_error("this SequentialSampler belongs to a loader");
    tg_loader_free(l);
    assert_int_equal(tg_dataset_length(d), -1);
    expect_error("the dataset was freed");
    assert_int_equal(tg_sampler_length(s), -1);
    expect_error("the sampler was freed");
    assert_int_equal(tg_loader_epoch(l), -1);
    expect_error("the loader was freed");
    TG_FOR_BATCHES(batch, l) fail_msg("a batch of a loader that was freed");
    expect_error("the loader was freed");
    tg_scope_end(scope);
}

/* ---- functions that do wrong ---- */

static int wrong_item(int64_t index, tg_tensor **fields, void *context)
{
    (void)context;
    fields[0] = fields[1] = tg_scalar(index);
    if (index == 1) return TG_MAX_FIELDS + 1;
    if (index == 2) return -1;
    if (index == 3) fields[1] = NULL;
    if (index == 4) tg_fail("wrong_item", "of its own");
    if (index == 5) tg_ones(tg_shape(2, -1));
    if (index == 6) {
        const tg_scope gone = tg_scope_begin();
        fields[1] = tg_ones(tg_shape(2));
        tg_scope_end(gone);
    }
    return index == 7 ? 1 : 2;
}

TEST(test_functions_that_do_wrong)
{
    static const char *const messages[] = { NULL,
                                            "sample 1 has 17 fields",
                                            "sample 2 has -1 fields",
                                            "field 1 of sample 3 is NULL",
                                            "of its own",
                                            "negative",
                                            "freed",
                                            NULL };
    IN_SCOPE;
    for (int64_t i = 1; i < 7; i++) {
        if (i == 6 && !caching()) continue;
        tg_dataset *d = numbers(8, .item = wrong_item);
        assert_int_equal(tg_dataset_item(d, i).count, 0);
        expect_error(messages[i]);
        tg_dataset_free(d);
    }
    tg_loader *loader =
        tg_loader_new(tg_subset_new(numbers(8, .item = wrong_item), tg_tensor_of(0, 7)), .batch_size = 2);
    TG_FOR_BATCHES(batch, loader) fail_msg("samples of 2 and of 1 fields in one batch");
    expect_error("each sample of a batch should have as many fields: sample 0 has 2, sample 1 has 1");
    tg_loader_free(loader);
    assert_int_equal(tg_dataset_item(NULL, 0).count, 0);
    expect_error("the dataset is NULL");
    tg_scope_end(scope);
}

/* The line of a call inside a user's function is the user's; afterwards it is the loop's again. */
TEST(test_lines)
{
    IN_SCOPE;
    tg_dataset *d = numbers(8, .item = wrong_item);
    assert_int_equal(tg_dataset_item_at("caller.c:7", d, 5).count, 0);
    assert_non_null(strstr(tg_error_message(), "test_dataset.c:"));
    tg_error_clear();
    assert_int_equal(tg_dataset_item_at("caller.c:8", d, 3).count, 0);
    expect_error("caller.c:8: Numbers: field 1 of sample 3");
    tg_dataset_free(d);
    tg_scope_end(scope);
}

/* ---- without memory ---- */

static int scale(tg_tensor **fields, int count, void *context)
{
    (void)context;
    fields[1] = tg_add(tg_mul(fields[1], 0.5), tg_mul(tg_rand(tg_shape(3)), 0.0));
    return count;
}

static double everything(void)
{
    double sum = 0;
    tg_manual_seed(2);
    tg_dataset *all =
        tg_concat_dataset_new(tg_datasets(numbers(7, .batch = numbers_batch), numbers(5, .batch = numbers_batch)));
    const tg_dataset_list parts = tg_random_split(all, tg_parts(0.75, 0.25));
    if (parts.count != 2) return 0;
    tg_loader *loaders[] = {
        tg_loader_new(tg_map_dataset_new(parts.items[0], scale), .batch_size = 4, .shuffle = true),
        tg_loader_new(parts.items[1], .batch_size = 2,
                      .sampler = tg_weighted_random_sampler_new(tg_ones(tg_shape(3)), 5)),
    };
    for (int i = 0; i < 2; i++) {
        TG_FOR_BATCHES(batch, loaders[i]) {
            sum += tg_item(tg_sum(batch->items[1]));
            const tg_named_tensor_list list = tg_loader_state_dict(loaders[i]);
            if (tg_failed() || list.count == 0) break;
            if (batch->index == 1) break;
        }
        tg_loader_free(loaders[i]);
    }
    return tg_failed() ? 0 : sum + 1;
}

TEST(test_every_allocation_fails_in_turn)
{
    const int64_t before = freed_contexts;
    const char *setting = getenv("TAPEGRAD_POOL");
    char kept[64] = "";
    if (setting) snprintf(kept, sizeof kept, "%s", setting);
    setenv("TAPEGRAD_POOL", "0", 1); /* what a pool would have had in stock fails, too */
    fail_each_allocation(everything);
    if (setting)
        setenv("TAPEGRAD_POOL", kept, 1);
    else
        unsetenv("TAPEGRAD_POOL");
    assert_true(freed_contexts > before && (freed_contexts - before) % 2 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_tensors),
        T(test_a_dataset_outlives_the_scope_of_its_tensors),
        T(test_subset),
        T(test_concat),
        T(test_map),
        T(test_the_last_owner_frees),
        T(test_what_fails_frees),
        T(test_used_too_late),
        T(test_functions_that_do_wrong),
        T(test_lines),
        T(test_every_allocation_fails_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

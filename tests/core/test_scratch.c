/* test_scratch.c: what kernels work in comes from the user's allocator, goes back to it, and may not be there. */
#include "tests/support/compare.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include "ops/kernels/template/scratch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What an allocator has handed out, and how much it will. */
typedef struct account {
    int64_t blocks, bytes, calls, largest; /* `largest`: more than that at once it has not */
} account;

static void *take(size_t bytes, void *context)
{
    account *a = context;
    __atomic_add_fetch(&a->calls, 1, __ATOMIC_RELAXED);
    void *block = (int64_t)bytes > a->largest ? NULL : aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!block) return NULL;
    __atomic_add_fetch(&a->blocks, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&a->bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    return block;
}

static void put_back(void *block, size_t bytes, void *context)
{
    account *a = context;
    __atomic_sub_fetch(&a->blocks, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&a->bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    free(block);
}

static void in_thread(void *(*body)(void *), void *context)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- blocks ---- */

static account first, second;

static void *use_blocks(void *ok)
{
    bool good = true;
    tg_set_allocator(take, put_back, &first);
    char *a = tgi_scratch(TGI_SCRATCH_A, 100000), *again = tgi_scratch(TGI_SCRATCH_A, 50000);
    good &= a && a == again && (uintptr_t)a % 4096 == 0 && first.calls == 1 && first.bytes >= 100000;
    memset(a, 1, 100000);
    tg_set_allocator(take, put_back, &second); /* what the first gave goes back to the first */
    good &= tgi_scratch(TGI_SCRATCH_B, 5000) && second.blocks == 1 && first.blocks == 1;
    good &= tgi_scratch(TGI_SCRATCH_A, 200000) && second.blocks == 2 && first.blocks == 0 && first.bytes == 0;
    second.largest = 0; /* what there was is still there */
    good &= !tgi_scratch(TGI_SCRATCH_SORT, 10) && !tgi_scratch(TGI_SCRATCH_A, 300000);
    good &= !tgi_scratch(TGI_SCRATCH_A, SIZE_MAX) && tgi_scratch(TGI_SCRATCH_A, 200000);
    *(bool *)ok = good;
    return NULL;
}

TEST(test_blocks)
{
    bool ok = false;
    first = second = (account){ .largest = INT64_MAX };
    in_thread(use_blocks, &ok);
    tg_set_allocator(NULL, NULL, NULL);
    assert_true(ok);
    assert_true(first.blocks == 0 && second.blocks == 0 && second.bytes == 0);
}

/* ---- ops ---- */

enum { SIZE = 160 };

/* Ops whose kernels work in such memory. */
static tg_tensor *product(tg_tensor *a) { return tg_matmul(a, a); }
static tg_tensor *sorted(tg_tensor *a) { return tg_sort(a, .dim = 0).values; }
static tg_tensor *convolved(tg_tensor *a)
{
    return tg_conv2d(tg_reshape(a, tg_shape(1, 16, 40, 40)),
                     tg_reshape(tg_narrow(tg_flatten(a), 0, 0, 2304), tg_shape(16, 16, 3, 3)));
}
static tg_tensor *attended(tg_tensor *a) { return tg_scaled_dot_product_attention(a, a, a); }
static tg_tensor *differentiated(tg_tensor *a)
{
    tg_tensor *x = tg_requires_grad_(tg_detach(a), true);
    return tg_grad(tg_list(tg_sum(tg_square(attended(x)))), tg_list(x)).items[0];
}

typedef struct trial {
    tg_tensor *(*op)(tg_tensor *);
    int64_t scarce; /* no block of more bytes */
    double *values; /* NULL: failed */
    int64_t count;
    tg_error_code code;
} trial;

static void *try_op(void *context)
{
    trial *t = context;
    const tg_scope scope = tg_scope_begin();
    tg_set_error_handler(NULL, NULL);
    tg_tensor *a = numbers(tg_shape(SIZE, SIZE), TG_FLOAT32, 1);
    first.largest = t->scarce;
    tg_tensor *y = t->op(a);
    first.largest = INT64_MAX;
    t->count = tg_numel(y);
    t->values = y ? elements(y) : NULL;
    t->code = tg_error_get().code;
    tg_error_clear();
    tg_scope_end(scope);
    return NULL;
}

/* Without working memory an op has the same result or fails for want of memory, and of nothing else. */
TEST(test_ops)
{
    static tg_tensor *(*const ops[])(tg_tensor *) = { product, sorted, convolved, attended, differentiated };
    int done = 0, failed = 0;
    first = (account){ .largest = INT64_MAX };
    tg_set_allocator(take, put_back, &first);
    for (int i = 0; i < 5; i++) {
        trial expected = { .op = ops[i], .scarce = INT64_MAX };
        in_thread(try_op, &expected);
        assert_non_null(expected.values);
        for (int64_t most = 1 << 12; most <= 1 << 22; most *= 2) {
            trial t = { .op = ops[i], .scarce = most };
            in_thread(try_op, &t);
            if (t.values)
                assert_memory_equal(t.values, expected.values, (size_t)t.count * sizeof *t.values);
            else
                assert_int_equal(t.code, TG_ERROR_MEMORY);
            done += t.values != NULL;
            failed += !t.values;
            free(t.values);
        }
        free(expected.values);
    }
    tg_set_allocator(NULL, NULL, NULL);
    assert_true(done > 5 && failed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_blocks), T(test_ops) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

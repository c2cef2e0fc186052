/* test_packed.c: weights that are packed once for many products: the same results to the bit, the new values after every
 * way of writing, the memory; and weights whose storage is exchanged (tg_module_to). */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */

#include <tapegrad.h>

#include "tests/support/caching.h"
#include "tests/support/compare.h"
#include "tests/support/suite.h"
#include "tests/support/failing.h"

#include <pthread.h>
#include <string.h>

#define S tg_shape
static int64_t live(void) { return tg_memory_stats().live_bytes; }

static void assert_same_at(int line, tg_tensor *a, tg_tensor *b)
{
    assert_alike_at(line, a, b, 0);
    assert_true(tg_is_contiguous(a) && tg_is_contiguous(b));
    const tg_dtype dtype = tg_dtype_of(a);
    const size_t bytes = (size_t)tg_numel(a) * (dtype == TG_FLOAT32 ? 4 : 8);
    if (bytes && memcmp(tg_data(a, dtype), tg_data(b, dtype), bytes)) fail_msg("line %d: the bits differ", line);
}
#define assert_same(a, b) assert_same_at(__LINE__, a, b)

/* ---- ways to multiply by a weight [n, k] or [k, n] ---- */

enum form { LINEAR, BIASED, RIGHT, RIGHT_T, NARROW, BATCHES, FORMS };

static tg_shape weight_shape(enum form form, int64_t k, int64_t n)
{
    return form == RIGHT || form == BATCHES ? S(k, n) : form == NARROW ? S(k, n + 3) : S(n, k);
}

static tg_tensor *multiply(enum form form, tg_tensor *x, tg_tensor *w)
{
    switch (form) {
    case LINEAR: return tg_linear(x, w, NULL);
    case BIASED: return tg_linear(x, w, numbers(S(tg_size(w, 0)), tg_dtype_of(w), 77));
    case RIGHT: return tg_matmul(x, w);
    case RIGHT_T: return tg_matmul(x, tg_t(w));
    case NARROW: return tg_matmul(x, tg_narrow(w, 1, 2, tg_size(w, 1) - 3));
    default: return tg_matmul(tg_expand(tg_unsqueeze(x, 0), S(3, tg_size(x, 0), tg_size(x, 1))), w);
    }
}

static tg_tensor *copy_of(tg_tensor *w) { return tg_clone(tg_detach(w)); }

TEST(test_same_to_the_bit)
{
    static const int64_t sizes[][2] = { { 8, 8 },    { 33, 31 },  { 32, 32 }, { 40, 50 },
                                        { 300, 17 }, { 1, 2000 }, { 600, 2 }, { 70, 300 } };
    static const int64_t rows[] = { 1, 2, 7, 32, 150 };
    for (int i = 0; i < 2 * 8 * 5 * FORMS; i++) {
        IN_SCOPE;
        const tg_dtype dtype = i & 1 ? TG_FLOAT64 : TG_FLOAT32;
        const int64_t k = sizes[i / 2 % 8][0], n = sizes[i / 2 % 8][1];
        const enum form form = (enum form)(i / 80);
        tg_tensor *w = parameter(weight_shape(form, k, n), dtype, 1), *plain = copy_of(w);
        tg_tensor *x = numbers(S(rows[i / 16 % 5], k), dtype, 2), *expected = multiply(form, x, plain);
        for (int use = 0; use < 4; use++) {
            assert_same(multiply(form, x, w), expected);
            assert_same(multiply(form, x, plain), expected);
        }
        tg_tensor *row = numbers(S(1, k), dtype, 3); /* by what is packed already */
        assert_same(multiply(form, row, w), multiply(form, row, plain));
        tg_scope_end(scope);
    }
}

/* A weight, its transpose and a part of it are different matrices of one storage. */
TEST(test_several_of_one_storage)
{
    IN_SCOPE;
    tg_tensor *w = parameter(S(64, 64), TG_FLOAT32, 1), *plain = copy_of(w), *x = numbers(S(2, 64), TG_FLOAT32, 2);
    for (int use = 0; use < 4; use++) {
        for (int form = 0; form < FORMS; form++) {
            tg_tensor *factor = form == NARROW ? tg_narrow(x, 1, 0, 64) : x;
            assert_same(multiply((enum form)form, factor, w), multiply((enum form)form, factor, plain));
        }
        tg_tensor *half = tg_narrow(w, 0, 32, 32), *plain_half = tg_narrow(plain, 0, 32, 32);
        assert_same(tg_linear(x, half, NULL), tg_linear(x, plain_half, NULL));
    }
    tg_scope_end(scope);
}

/* The gradient of x is a product by the weight, too. */
TEST(test_gradients)
{
    for (int i = 0; i < 2 * FORMS; i++) {
        IN_SCOPE;
        const tg_dtype dtype = i & 1 ? TG_FLOAT64 : TG_FLOAT32;
        const enum form form = (enum form)(i / 2);
        tg_tensor *w = parameter(weight_shape(form, 60, 70), dtype, 1), *plain = copy_of(w);
        tg_tensor *x = parameter(S(5, 60), dtype, 2), *g[4];
        for (int use = 0; use < 4; use++) {
            tg_tensor *y = multiply(form, x, use ? w : plain);
            tg_tensor *c = numbers(tg_shape_of(y), dtype, 3);
            g[use] = tg_grad(tg_list(tg_sum(tg_mul(y, c))), tg_list(x)).items[0];
            assert_alike(g[use], g[0], dtype == TG_FLOAT64 ? 1e-14 : 1e-5);
        }
        tg_scope_end(scope);
    }
}

/* ---- what is packed ---- seen from the memory that it takes */

static int64_t bytes_of_uses(tg_tensor *w, int uses)
{
    const int64_t before = live();
    for (int i = 0; i < uses; i++) {
        const tg_scope quiet = tg_no_grad_begin();
        tg_linear(numbers(S(2, tg_size(w, 1)), TG_FLOAT32, 2), w, NULL);
        tg_scope_end(quiet);
    }
    return live() - before;
}

TEST(test_when_it_is_packed)
{
    IN_SCOPE;
    const int64_t all = 64 * 64 * 4;
    tg_tensor *w = parameter(S(64, 64), TG_FLOAT32, 1);
    assert_true(bytes_of_uses(w, 1) < all); /* not at the first use */
    assert_true(bytes_of_uses(w, 1) >= all);
    assert_int_equal(bytes_of_uses(w, 5), 0);
    const tg_scope quiet = tg_no_grad_begin();
    tg_mul_(w, 2);
    tg_scope_end(quiet);
    assert_int_equal(bytes_of_uses(w, 5), 0); /* anew, in the same memory */
    assert_true(bytes_of_uses(numbers(S(64, 64), TG_FLOAT32, 1), 5) == 0);
    assert_true(bytes_of_uses(parameter(S(31, 33), TG_FLOAT32, 1), 5) < 31 * 33 * 4);
    tg_tensor *open = parameter(S(64, 64), TG_FLOAT32, 1);
    assert_non_null(tg_mutable_data(open, TG_FLOAT32));
    assert_true(bytes_of_uses(open, 5) == 0);
    tg_data_written(open);
    assert_true(bytes_of_uses(open, 5) >= all);
    tg_scope_end(scope);
}

TEST(test_memory_comes_back)
{
    for (int i = 0; i < 3; i++) { /* tensors on their own, a module, a module that was trained */
        const tg_scope warm = tg_scope_begin();
        tg_scope_end(warm);
        const int64_t before = live();
        const tg_scope scope = tg_scope_begin();
        tg_linear *m = i ? tg_linear_new(64, 64) : NULL;
        tg_tensor *w = i ? m->weight : parameter(S(64, 64), TG_FLOAT32, 1);
        tg_optimizer *sgd = i == 2 ? tg_sgd_new(tg_parameters(m), .lr = 0.1) : NULL;
        for (int use = 0; use < 4; use++) {
            const tg_scope inner = tg_scope_begin();
            tg_tensor *x = parameter(S(3, 64), TG_FLOAT32, 2);
            assert_int_equal(tg_backward(tg_sum(tg_linear(tg_tanh(tg_linear(x, w, NULL)), w, NULL))), TG_OK);
            if (sgd) assert_int_equal(tg_step(sgd), TG_OK);
            tg_scope_end(inner);
        }
        assert_true(live() >= before + 3 * 64 * 64 * 4); /* the weight, its gradient, and packed */
        tg_optimizer_free(sgd);
        tg_module_free(m);
        tg_scope_end(scope);
        assert_int_equal(live(), before);
    }
}

/* ---- after every way of writing, the next product sees the new values ---- */

enum way {
    STEP,
    ADAM,
    ADD,
    COPY_INTO_VIEW,
    FILL_DETACHED,
    POINTER,
    POINTER_OF_VIEW,
    POINTER_OF_DETACHED,
    KEPT_POINTER,
    KEPT_LONGER,
    WRITTEN,
    TO_AND_BACK,
    LOADED,
    WAYS
};

typedef struct writing {
    tg_linear *m;
    tg_optimizer *optimizer;
    float *kept;
} writing;

static void write_with(writing *s, enum way how)
{
    const tg_scope quiet = tg_no_grad_begin();
    tg_tensor *w = s->m->weight;
    float *p;
    switch (how) {
    case STEP:
    case ADAM:
        tg_set_grad(w, numbers(tg_shape_of(w), TG_FLOAT32, 5));
        assert_int_equal(tg_step(s->optimizer), TG_OK);
        break;
    case ADD: tg_add_(w, 0.5); break;
    case COPY_INTO_VIEW: tg_copy_(tg_narrow(w, 0, 3, 2), tg_mul(tg_narrow(w, 0, 3, 2), -2)); break;
    case FILL_DETACHED: tg_fill_(tg_select(tg_detach(w), 1, 4), tg_item(tg_sum(w))); break;
    case POINTER_OF_VIEW:
    case POINTER_OF_DETACHED:
    case POINTER:
        p = tg_mutable_data(how == POINTER           ? w
                            : how == POINTER_OF_VIEW ? tg_narrow(w, 0, 0, 2)
                                                     : tg_detach(w),
                            TG_FLOAT32);
        p[7] += 1;
        break;
    case KEPT_POINTER:
        if (!s->kept) s->kept = tg_mutable_data(w, TG_FLOAT32);
        s->kept[9] += 1;
        break;
    case KEPT_LONGER: s->kept[9] += 1; break; /* taken before the first use, and nothing is told */
    case WRITTEN:
        p = tg_mutable_data(w, TG_FLOAT32);
        p[11] += 1;
        tg_data_written(w);
        break;
    case TO_AND_BACK:
        assert_int_equal(tg_module_to(s->m, TG_FLOAT64), TG_OK);
        tg_add_(w, 0.25);
        assert_int_equal(tg_module_to(s->m, TG_FLOAT32), TG_OK);
        break;
    default: tg_copy_(w, tg_mul(w, -1.5));
    }
    tg_scope_end(quiet);
}

TEST(test_sees_what_was_written)
{
    for (int i = 0; i < WAYS * 2; i++) {
        IN_SCOPE;
        const enum way how = (enum way)(i / 2);
        writing s = { .m = i & 1 ? tg_linear_new(48, 40) : tg_linear_new(8, 8) };
        const tg_tensor_list parameters = tg_parameters(s.m);
        s.optimizer = how == ADAM ? tg_adam_new(parameters, .lr = 0.1) : tg_sgd_new(parameters, .lr = 0.1);
        if (how == KEPT_LONGER) s.kept = tg_mutable_data(s.m->weight, TG_FLOAT32);
        tg_tensor *x = numbers(S(2, tg_size(s.m->weight, 1)), TG_FLOAT32, 3), *last = NULL;
        for (int round = 0; round < 4; round++) {
            tg_tensor *expected = tg_linear(x, copy_of(s.m->weight), copy_of(s.m->bias));
            const int uses = round == 1 ? 1 : 3; /* after several the first use packs at once, after one it does not */
            for (int use = 0; use < uses; use++) assert_same(tg_linear_forward(s.m, x), expected);
            assert_true(!last ||
                        memcmp(tg_data(last, TG_FLOAT32), tg_data(expected, TG_FLOAT32), (size_t)tg_numel(last) * 4));
            last = expected;
            write_with(&s, how);
        }
        tg_optimizer_free(s.optimizer);
        tg_module_free(s.m);
        tg_scope_end(scope);
    }
}

/* ---- threads ---- */

typedef struct net {
    tg_lstm *lstm;
    tg_linear *fc;
} net;

static net net_new(void)
{
    tg_manual_seed(3);
    return (net){ tg_lstm_new(12, 40, .num_layers = 2, .batch_first = true), tg_linear_new(40, 30) };
}

static void net_free(net *n)
{
    tg_module_free(n->lstm);
    tg_module_free(n->fc);
}

static tg_tensor *net_forward(const net *n, int64_t batch)
{
    return tg_linear_forward(n->fc, tg_lstm_forward(n->lstm, numbers(S(batch, 6, 12), TG_FLOAT32, 9)).output);
}

enum { THREADS = 4, ROUNDS = 8, OUTPUTS = 3 * 6 * 30 };

typedef struct job {
    const net *net;
    pthread_barrier_t *start;
    int64_t batch;
    float results[3][OUTPUTS];
} job;

static void *infer(void *argument)
{
    job *j = argument;
    pthread_barrier_wait(j->start);
    for (int i = 0; i < 3; i++) {
        const tg_scope quiet = tg_no_grad_begin();
        tg_tensor *y = net_forward(j->net, j->batch);
        memcpy(j->results[i], tg_data(y, TG_FLOAT32), (size_t)tg_numel(y) * 4);
        tg_scope_end(quiet);
    }
    return NULL;
}

/* Each round begins with weights that were just written, so all threads come to pack them. */
TEST(test_threads)
{
    IN_SCOPE;
    net shared = net_new(), own = net_new();
    const tg_tensor_list lists[] = { tg_parameters(shared.lstm), tg_parameters(shared.fc), tg_parameters(own.lstm),
                                     tg_parameters(own.fc) };
    job *jobs = calloc(THREADS, sizeof *jobs);
    for (int round = 0; round < ROUNDS; round++) {
        const int count = 2 + round % (THREADS - 1);
        pthread_barrier_t start;
        pthread_t threads[THREADS];
        pthread_barrier_init(&start, NULL, (unsigned)count);
        for (int i = 0; i < count; i++) {
            jobs[i] = (job){ .net = &shared, .start = &start, .batch = 1 + (i + round) % 3 };
            assert_int_equal(pthread_create(&threads[i], NULL, infer, &jobs[i]), 0);
        }
        for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&start);
        const tg_scope quiet = tg_no_grad_begin();
        for (int i = 0; i < count * 3; i++) {
            tg_tensor *expected = net_forward(&own, jobs[i / 3].batch);
            assert_memory_equal(jobs[i / 3].results[i % 3], tg_data(expected, TG_FLOAT32),
                                (size_t)tg_numel(expected) * 4);
        }
        for (int i = 0; i < 4; i++)
            for (int64_t k = 0; k < lists[i].count; k++) tg_mul_(lists[i].items[k], 0.9);
        tg_scope_end(quiet);
    }
    free(jobs);
    net_free(&shared);
    net_free(&own);
    tg_scope_end(scope);
}

/* ---- no allocation when warm ---- */

TEST(test_inference_allocates_nothing)
{
    if (!caching()) skip(); /* under sanitizers every block is malloc's on purpose */
    net n = net_new();
    int64_t allocated = 0, bytes = 0;
    for (int i = 0; i < 30; i++) {
        if (i == 3) allocated = tg_memory_stats().system_allocations, bytes = live();
        const tg_scope quiet = tg_no_grad_begin();
        assert_non_null(net_forward(&n, 3));
        tg_scope_end(quiet);
    }
    assert_int_equal(tg_memory_stats().system_allocations, allocated);
    assert_int_equal(live(), bytes);
    net_free(&n);
}

TEST(test_training_allocates_nothing)
{
    if (!caching()) skip();
    net n = net_new();
    const tg_scope lists = tg_scope_begin();
    tg_optimizer *adam = tg_adam_new(tg_parameters(n.lstm), .lr = 1e-3);
    tg_optimizer_add_param_group(adam, tg_parameters(n.fc));
    tg_scope_end(lists);
    int64_t allocated = 0, bytes = 0;
    for (int i = 0; i < 30; i++) {
        if (i == 3) allocated = tg_memory_stats().system_allocations, bytes = live();
        const tg_scope scope = tg_scope_begin();
        tg_tensor *y = net_forward(&n, 3);
        tg_zero_grad(adam);
        assert_int_equal(tg_backward(tg_mse_loss(y, tg_ones(tg_shape_of(y)))), TG_OK);
        assert_int_equal(tg_step(adam), TG_OK);
        tg_scope_end(scope);
    }
    assert_int_equal(tg_memory_stats().system_allocations, allocated);
    assert_int_equal(live(), bytes);
    tg_optimizer_free(adam);
    net_free(&n);
}

static double step(void)
{
    tg_tensor *w = parameter(S(64, 64), TG_FLOAT32, 1), *x = parameter(S(2, 64), TG_FLOAT32, 2), *y = x;
    for (int i = 0; i < 4; i++) y = tg_tanh(tg_linear(y, w, NULL));
    tg_backward(tg_sum(y));
    return tg_failed() ? 0 : tg_item(tg_sum(tg_grad_of(x))) + tg_item(tg_sum(tg_grad_of(w)));
}

TEST(test_every_allocation_may_fail) { fail_each_allocation(step); }

/* ---- another storage ---- */

TEST(test_conversion_keeps_handles)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(40, 30);
    tg_tensor *w = m->weight, *view = tg_narrow(tg_detach(w), 0, 0, 2), *old = copy_of(w);
    tg_tensor *x = numbers(S(2, 40), TG_FLOAT32, 1), *y = tg_linear_forward(m, x);
    tg_set_grad(w, numbers(S(30, 40), TG_FLOAT32, 2));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tg_module_to(m, TG_FLOAT64), TG_OK);
        assert_true(m->weight == w && tg_is_leaf(w) && tg_requires_grad(w));
        assert_alike(w, tg_to(old, TG_FLOAT64), 0);
        assert_alike(tg_grad_of(w), tg_to(numbers(S(30, 40), TG_FLOAT32, 2), TG_FLOAT64), 0);
        assert_alike(tg_linear_forward(m, tg_to(x, TG_FLOAT64)), tg_to(y, TG_FLOAT64), 1e-5);
        assert_int_equal(tg_module_to(m, TG_FLOAT32), TG_OK);
        assert_same(tg_linear_forward(m, x), y);
    }
    assert_same(w, old);
    const tg_scope quiet = tg_no_grad_begin();
    tg_zero_(w);
    assert_alike(view, tg_narrow(old, 0, 0, 2), 0); /* of the old storage */
    tg_scope_end(quiet);
    tg_module_free(m);
    assert_alike(view, tg_narrow(old, 0, 0, 2), 0);
    tg_scope_end(scope);
}

/* A transposed parameter becomes contiguous. */
TEST(test_conversion_of_a_view)
{
    IN_SCOPE;
    tg_module *m = tg_module_new(tg_module);
    tg_tensor *base = numbers(S(30, 40), TG_FLOAT32, 1);
    tg_tensor *w = tg_register_parameter(m, "w", tg_detach(tg_t(base)));
    assert_int_equal(tg_module_to(m, TG_FLOAT64), TG_OK);
    assert_true(tg_is_contiguous(w) && !tg_shares_storage(w, base));
    assert_alike(w, tg_to(tg_t(base), TG_FLOAT64), 0);
    tg_module_free(m);
    assert_alike(base, numbers(S(30, 40), TG_FLOAT32, 1), 0);
    tg_scope_end(scope);
}

TEST(test_conversion_frees)
{
    enum { OVERHEAD = 4096 }; /* handles and small data stay with the handles */
    const int64_t all = 64 * 64 * 4;
    const int64_t none = live();
    tg_linear *m = tg_linear_new(64, 64, .bias = false);
    for (int used = 0; used < 2; used++) {
        const int64_t before = live();
        if (used) bytes_of_uses(m->weight, 3);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(tg_module_to(m, TG_FLOAT64), TG_OK);
            assert_true(live() >= before + all - OVERHEAD && live() <= before + all + OVERHEAD);
            assert_int_equal(tg_module_to(m, TG_FLOAT32), TG_OK);
            assert_true(live() <= before + OVERHEAD);
        }
    }
    tg_module_free(m);
    assert_int_equal(live(), none);
    m = tg_linear_new(64, 64, .bias = false);
    bytes_of_uses(m->weight, 3);
    assert_true(live() >= none + 2 * all);
    assert_int_equal(tg_module_to(m, TG_FLOAT64), TG_OK);
    assert_true(live() <= none + 2 * all + OVERHEAD); /* what was packed went with the old storage */
    tg_module_free(m);
    assert_int_equal(live(), none);
}

TEST(test_conversion_after_forward)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(3, 2);
    tg_tensor *x = parameter(S(2, 3), TG_FLOAT32, 1), *loss = tg_sum(tg_linear_forward(m, x));
    assert_int_equal(tg_module_to(m, TG_FLOAT64), TG_OK);
    assert_int_equal(tg_module_to(m, TG_FLOAT32), TG_OK);
    assert_int_equal(tg_backward(loss), TG_FAILED);
    expect_error("modified by an inplace operation");
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_same_to_the_bit),
        T(test_several_of_one_storage),
        T(test_gradients),
        T(test_when_it_is_packed),
        T(test_memory_comes_back),
        T(test_sees_what_was_written),
        T(test_inference_allocates_nothing),
        T(test_training_allocates_nothing),
        T(test_conversion_keeps_handles),
        T(test_conversion_of_a_view),
        T(test_conversion_frees),
        T(test_conversion_after_forward),
        T(test_threads),
        T(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}

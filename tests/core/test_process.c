/* test_process.c: the library in a process that forks, closes shared objects and makes many threads. */
#define _GNU_SOURCE /* usleep */
#include <tapegrad.h>

#include "core/thread.h"
#include "ops/schema.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDE = 300, PATIENCE = 20 }; /* the product is large enough for several threads; seconds until a child hangs */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* What `child` returns in a process of its own; one that hangs or crashes fails the test. */
static int in_child(int (*child)(void))
{
    const pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE);
        signal(SIGSEGV, SIG_DFL); /* not CMocka's */
        _exit(child());
    }
    int status = 0;
    assert_int_equal(waitpid(id, &status, 0), id);
    if (WIFSIGNALED(status)) fail_msg("the child was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void in_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- before the library is first used ---- */

/* The system has no key left that would tell when a thread ends: an error, not a crash. */
static int no_key_left(void)
{
    pthread_key_t key;
    tg_set_error_handler(NULL, NULL);
    while (pthread_key_create(&key, NULL) == 0) continue;
    if (tg_ones(tg_shape(3)) || tg_error_get().code != TG_ERROR_MEMORY) return 1;
    if (!strstr(tg_error_message(), "out of thread-specific keys")) return 2;
    tg_error_clear();
    return tg_ones(tg_shape(3)) || !tg_failed() ? 3 : 0;
}

TEST(test_no_key_left) { assert_int_equal(in_child(no_key_left), 0); }

/* Opens the shared object, computes on several threads, and closes it; then the thread ends. */
static void *open_use_close(void *failure)
{
    const char *path = getenv("TAPEGRAD_LIBRARY");
    void *library = dlopen(path ? path : "build/libtapegrad.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), *(int *)failure = 1, NULL;
    const tg_op *(*op_find)(const char *);
    tg_tensor_list (*op_call)(const char *, const tg_op *, const tg_value *, int);
    void *symbols[] = { dlsym(library, "tg_op_find"), dlsym(library, "tg_op_call_at") };
    memcpy(&op_find, &symbols[0], sizeof op_find);
    memcpy(&op_call, &symbols[1], sizeof op_call);
    const tg_value sizes = { .kind = TG_VALUE_INTS, .as.ints = tg_shape(SIDE, SIDE) };
    const tg_value ones = { .kind = TG_VALUE_TENSOR, .as.tensor = op_call(NULL, op_find("ones"), &sizes, 1).items[0] };
    const tg_value factors[] = { ones, ones };
    if (!op_call(NULL, op_find("matmul"), factors, 2).items[0]) *(int *)failure = 2;
    if (dlclose(library) != 0) *(int *)failure = 3;
    return NULL;
}

static int close_in_threads(void)
{
    int failure = 0;
    for (int i = 0; i < 3; i++) in_thread(open_use_close, &failure); /* opened anew by each */
    return failure;
}

TEST(test_closed_before_its_thread_ends)
{
    if (SANITIZED) skip(); /* their runtimes keep what is closed */
    assert_int_equal(in_child(close_in_threads), 0);
}

/* ---- how many threads ---- */

static tg_tensor *product(void)
{
    tg_manual_seed(1);
    tg_tensor *a = tg_rand(tg_shape(SIDE, SIDE));
    return tg_matmul(a, a);
}

static int tasks(void)
{
    DIR *folder = opendir("/proc/self/task");
    if (!folder) return -1;
    int count = -2; /* . and .. */
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static int use_three_threads(void)
{
    tg_set_num_threads(1);
    product();
    const int before = tasks();
    if (before < 0) return 0;
    if (before > 2) return 1; /* a sanitizer may have one of its own */
    tg_set_num_threads(3);
    product();
#ifdef _OPENMP
    return tasks() >= 3 ? 0 : 2;
#else
    return tasks() == before ? 0 : 3;
#endif
}

TEST(test_as_many_threads_as_told) { assert_int_equal(in_child(use_three_threads), 0); }

static void *read_num_threads(void *count)
{
    *(int *)count = tg_num_threads();
    return NULL;
}

TEST(test_num_threads)
{
    assert_true(tg_num_threads() >= 1);
    assert_int_equal(tg_set_num_threads(3), TG_OK);
    int elsewhere = 0;
    in_thread(read_num_threads, &elsewhere);
#ifdef _OPENMP
    const int expected = 3;
#else
    const int expected = 1;
#endif
    assert_int_equal(tg_num_threads(), expected);
    assert_int_equal(elsewhere, expected);
    const int wrong[] = { 0, -1, TG_MAX_THREADS + 1, INT_MIN, INT_MAX };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(tg_set_num_threads(wrong[i]), TG_FAILED);
        expect_error("test_process.c:");
        assert_int_equal(tg_num_threads(), expected);
    }
    tg_set_num_threads(0);
    expect_error("set_num_threads: expected 1 to 1024 threads, but got 0");
    assert_int_equal(tg_set_num_threads(2), TG_OK);
}

/* ---- fork ---- */

static const void *expected_bytes;

static int repeat_product(void)
{
    const tg_tensor *c = product();
    if (tg_failed() || memcmp(tg_data(c, TG_FLOAT32), expected_bytes, SIDE * SIDE * sizeof(float)) != 0) return 1;
    return tg_num_threads() >= 1 ? 0 : 2;
}

/* And so does a child of the child. */
static int repeat_product_twice(void)
{
    const int result = repeat_product();
    return result ? result : in_child(repeat_product);
}

TEST(test_child_computes)
{
    const tg_scope scope = tg_scope_begin();
    tg_set_num_threads(2);
    expected_bytes = tg_data(product(), TG_FLOAT32);
    assert_int_equal(in_child(repeat_product_twice), 0);
    assert_int_equal(in_child(repeat_product), 0); /* the parent goes on as before */
    tg_scope_end(scope);
}

/* A child has threads of its own, as many as it asks for. */
static int use_two_threads(void)
{
    if (tg_set_num_threads(2) != TG_OK) return 1;
    const int result = repeat_product();
    if (result) return result;
#ifdef _OPENMP
    if (tg_num_threads() != 2) return 3;
    if (tasks() >= 0 && tasks() < 2) return 4;
#endif
    return 0;
}

TEST(test_child_has_threads)
{
    if (SANITIZED) skip(); /* TSan forbids them */
    const tg_scope scope = tg_scope_begin();
    tg_set_num_threads(2);
    expected_bytes = tg_data(product(), TG_FLOAT32);
    assert_int_equal(in_child(use_two_threads), 0);
    tg_set_num_threads(1); /* and may ask for more than its parent */
    assert_int_equal(in_child(use_two_threads), 0);
    tg_set_num_threads(2);
    tg_scope_end(scope);
}

enum { FORKS = 100 };
static tg_tensor *shared; /* of the main thread's pool */
static int stop;          /* atomic */

/* What giving a block back to the main thread's pool does, again and again. */
static void *use_lock(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        pthread_mutex_lock(&shared->pool->lock);
        pthread_mutex_unlock(&shared->pool->lock);
    }
    return NULL;
}

/* The child has no other thread, and gives a block back to the pool of the one that was its parent's main thread. */
static void *fork_and_release(void *status)
{
    for (int i = 0; i < FORKS && *(int *)status == 0; i++) {
        const pid_t id = fork();
        if (id == 0) {
            alarm(PATIENCE);
            tg_release(shared);
            _exit(tg_failed() || !tg_ones(tg_shape(3)));
        }
        if (waitpid(id, status, 0) != id) *(int *)status = -1;
    }
    return NULL;
}

TEST(test_fork_while_a_pool_is_locked)
{
    const tg_scope scope = tg_scope_begin();
    shared = tg_keep(tg_full(tg_shape(2), 1.5));
    tg_scope_end(scope);
    pthread_t user;
    assert_int_equal(pthread_create(&user, NULL, use_lock, NULL), 0);
    int status = 0;
    in_thread(fork_and_release, &status);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(user, NULL);
    assert_int_equal(status, 0);
    tg_release(shared);
}

/* What takes the locks of ops: a product by a weight that is remembered packed, and a schema with a string. */
static tg_linear *layer;

static bool use_ops(void)
{
    tgi_schema schema;
    const tg_scope scope = tg_no_grad_begin();
    for (int i = 0; i < 10; i++) tg_linear_forward(layer, tg_ones(tg_shape(1, 64)));
    for (int i = 0; i < 200; i++) tgi_schema_read("f(str a='x', str b='y', str c='z') -> Tensor", &schema);
    tg_scope_end(scope);
    return !tg_failed();
}

static void *keep_using_ops(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) use_ops();
    return unused;
}

static int use_ops_in_child(void) { return use_ops() ? 0 : 1; }

TEST(test_fork_while_ops_are_locked)
{
    const tg_scope scope = tg_scope_begin();
    layer = tg_linear_new(64, 64);
    pthread_t user;
    __atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
    assert_int_equal(pthread_create(&user, NULL, keep_using_ops, NULL), 0);
    for (int i = 0; i < FORKS; i++) assert_int_equal(in_child(use_ops_in_child), 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(user, NULL);
    tg_module_free(layer);
    tg_scope_end(scope);
}

/* ---- many threads ---- */

static tg_tensor *leaf(void) { return tg_requires_grad_(tg_ones(tg_shape(2)), true); }

static void *serial_of_a_node(void *serial)
{
    *(uint64_t *)serial = tg_exp(leaf())->origin.serial;
    return NULL;
}

/* A handle tells by its node's serial number whether that still exists. A million threads later a new thread's nodes must
 * not have those of this one. */
TEST(test_serials_after_a_million_threads)
{
    const tg_scope scope = tg_scope_begin();
    const uint64_t here = tg_exp(leaf())->origin.serial;
    for (int i = 0; i < 1 << 21; i++) {
        const uint64_t first = tgi_take_serials();
        if (first / TGI_SERIALS == here / TGI_SERIALS || first % TGI_SERIALS != 1)
            fail_msg("range %d begins with %llu", i, (unsigned long long)first);
    }
    uint64_t there = 0;
    in_thread(serial_of_a_node, &there);
    assert_true(there != 0 && there / TGI_SERIALS != here / TGI_SERIALS);
    tg_scope_end(scope);
}

/* The end of a thread's range: the nodes on both sides of it have serials of their own, and backward goes through. */
TEST(test_serials_run_out)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf();
    tg_tensor *y[4] = { tg_mul(x, 2.0) };
    tgi_self.next_serial += TGI_SERIALS - 2 - tgi_self.next_serial % TGI_SERIALS;
    for (int i = 1; i < 4; i++) y[i] = tg_mul(y[i - 1], 2.0);
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(y[i]->origin.serial % TGI_SERIALS, 0);
        for (int j = 0; j < i; j++) assert_int_not_equal(y[i]->origin.serial, y[j]->origin.serial);
    }
    assert_int_not_equal(y[1]->origin.serial / TGI_SERIALS, y[3]->origin.serial / TGI_SERIALS);
    assert_int_equal(tg_backward(tg_sum(y[3])), TG_OK);
    assert_true(((const float *)tg_data(tg_grad_of(x), TG_FLOAT32))[0] == 16);
    tg_scope_end(scope);
}

enum { KEEPS = 200000 };
static pthread_barrier_t both_run;

static void *keep_and_release(void *t)
{
    pthread_barrier_wait(&both_run);
    for (int i = 0; i < KEEPS; i++) {
        tg_keep(t);
        tg_keep(t);
        tg_release(t);
        tg_release(t);
    }
    return tg_failed() ? t : NULL;
}

TEST(test_two_threads_keep_one_tensor)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(3));
    pthread_t threads[2];
    pthread_barrier_init(&both_run, NULL, 2);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, keep_and_release, t), 0);
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    tg_release(t); /* every one was given back */
    expect_error("the tensor is not held by tg_keep");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_key_left), /* first: the library is not in use yet */
        T(test_closed_before_its_thread_ends),
        T(test_as_many_threads_as_told),
        T(test_num_threads),
        T(test_child_computes),
        T(test_child_has_threads),
        T(test_fork_while_a_pool_is_locked),
        T(test_fork_while_ops_are_locked),
        T(test_serials_after_a_million_threads),
        T(test_serials_run_out),
        T(test_two_threads_keep_one_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

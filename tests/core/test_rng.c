/* test_rng.c: the generator against PyTorch's and NumPy's streams (golden/rng.txt), and its manners: a default one for
 * each thread, seeding, empty requests. */
#include "tests/support/suite.h"
#include "tests/support/golden.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* float64 normals hang on the C library's log, sin and cos. The files were written over glibc's; another one may round
 * otherwise. */
#if defined(__GLIBC__) && defined(__x86_64__)
enum { LIBRARY_ULPS = 0 };
#else
enum { LIBRARY_ULPS = 4 };
#endif

/* What one call drew: `size` bytes an element. */
typedef struct drawn {
    void *data;
    int64_t count;
    size_t size;
    bool floating;
} drawn;

typedef struct call {
    char what[32];
    int64_t count;
    double a, b;
    int64_t low, high;
} call;

static call read_call(const char *text)
{
    call c = { .count = -1 };
    char a[64], b[64];
    assert_int_equal(sscanf(text, "%31s %" SCNd64 " %63s %63s", c.what, &c.count, a, b), 4);
    c.a = strtod(a, NULL);
    c.b = strtod(b, NULL);
    c.low = strtoll(a, NULL, 10);
    c.high = strtoll(b, NULL, 10);
    return c;
}

static void normal_f32(tg_generator *g, void *to, const call *c)
{
    tg_generate_normal_f32(g, to, c->count, c->a, c->b);
}
static void normal_f64(tg_generator *g, void *to, const call *c)
{
    tg_generate_normal_f64(g, to, c->count, c->a, c->b);
}
static void uniform_f32(tg_generator *g, void *to, const call *c)
{
    tg_generate_uniform_f32(g, to, c->count, c->a, c->b);
}
static void uniform_f64(tg_generator *g, void *to, const call *c)
{
    tg_generate_uniform_f64(g, to, c->count, c->a, c->b);
}
static void randn(tg_generator *g, void *to, const call *c) { tg_generate_normal_f32(g, to, c->count, 0, 1); }
static void uniform_01(tg_generator *g, void *to, const call *c) { tg_generate_uniform_f32(g, to, c->count, 0, 1); }
static void randperm(tg_generator *g, void *to, const call *c) { tg_generate_randperm(g, to, c->count); }
static void randint(tg_generator *g, void *to, const call *c) { tg_generate_randint(g, to, c->count, c->low, c->high); }
static void bernoulli(tg_generator *g, void *to, const call *c) { tg_generate_bernoulli(g, to, c->count, c->a); }
static void numpy_rand(tg_generator *g, void *to, const call *c) { tg_generate_numpy_rand(g, to, c->count); }

static void raw32(tg_generator *g, void *to, const call *c)
{
    for (int64_t i = 0; i < c->count; i++) ((int64_t *)to)[i] = tg_random32(g);
}

static void raw64(tg_generator *g, void *to, const call *c)
{
    for (int64_t i = 0; i < c->count; i++) ((int64_t *)to)[i] = (int64_t)tg_random64(g);
}

static const struct {
    const char *name;
    void (*draw)(tg_generator *g, void *to, const call *c);
    size_t size;
    bool floating;
} calls_known[] = {
    { "normal_f32", normal_f32, 4, true },
    { "normal_f64", normal_f64, 8, true },
    { "randn", randn, 4, true },
    { "uniform_f32", uniform_f32, 4, true },
    { "uniform_f64", uniform_f64, 8, true },
    { "rand", uniform_01, 4, true },
    { "randperm", randperm, 8, false },
    { "randint", randint, 8, false },
    { "bernoulli", bernoulli, 1, false },
    { "numpy_rand", numpy_rand, 8, true },
    { "random32", raw32, 8, false },
    { "random64", raw64, 8, false },
};

static drawn draw(tg_generator *g, const call *c)
{
    drawn d = { .count = c->count };
    for (size_t k = 0; k < sizeof calls_known / sizeof calls_known[0] && !d.data; k++) {
        if (strcmp(c->what, calls_known[k].name) != 0) continue;
        d.size = calls_known[k].size;
        d.floating = calls_known[k].floating;
        d.data = calloc((size_t)c->count + 1, d.size);
        assert_non_null(d.data);
        calls_known[k].draw(g, d.data, c);
    }
    if (!d.data) fail_msg("no call '%s'", c->what);
    return d;
}

static uint64_t bits_of(const drawn *d, int64_t i)
{
    switch (d->size) {
    case 1: return ((const uint8_t *)d->data)[i];
    case 4: return ((const uint32_t *)d->data)[i];
    default: return ((const uint64_t *)d->data)[i];
    }
}

static int64_t hash_of(const drawn *d)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0; i < d->count; i++) h = (h ^ bits_of(d, i)) * UINT64_C(0x100000001b3);
    return (int64_t)h;
}

static void check_floats(const golden *g, const char *key, const drawn *d, int64_t ulps)
{
    golden_array a = golden_array_of(g, key);
    assert_int_equal(a.count, d->count);
    for (int64_t i = 0; i < a.count; i++) {
        bool single = d->size == 4;
        double expected = single ? (double)(float)a.values[i] : a.values[i]; /* nine digits name a float */
        double value = single ? (double)((float *)d->data)[i] : ((double *)d->data)[i];
        double step = nextafter(fabs(expected), INFINITY) - fabs(expected);
        if (value != expected && fabs(value - expected) > (double)ulps * step)
            fail_msg("case '%s', %s[%" PRId64 "]: %.17g, expected %.17g", golden_case(g), key, i, value, expected);
    }
}

static void check_ints(const golden *g, const char *key, const drawn *d)
{
    const int64_t *expected;
    assert_int_equal(golden_ints(g, key, &expected), d->count);
    for (int64_t i = 0; i < d->count; i++)
        if ((int64_t)bits_of(d, i) != expected[i])
            fail_msg("case '%s', %s[%" PRId64 "]: %" PRId64 ", expected %" PRId64, golden_case(g), key, i,
                     (int64_t)bits_of(d, i), expected[i]);
}

static void check_call(const golden *g, int number, tg_generator *generator, const char *text)
{
    char key[32];
    const call c = read_call(text);
    drawn d = draw(generator, &c);
    snprintf(key, sizeof key, "%d.hash", number);
    if (golden_has(g, key)) {
        if (golden_int(g, key) != hash_of(&d)) fail_msg("case '%s', '%s' draws another stream", golden_case(g), text);
    } else if (d.floating) {
        snprintf(key, sizeof key, "%d.values", number);
        check_floats(g, key, &d, strcmp(c.what, "normal_f64") == 0 ? LIBRARY_ULPS : 0);
    } else {
        snprintf(key, sizeof key, "%d.ints", number);
        check_ints(g, key, &d);
    }
    free(d.data);
}

TEST(test_streams)
{
    int calls = 0;
    golden *g = golden_open("rng.txt");
    while (golden_next(g)) {
        tg_generator generator;
        tg_generator_seed(&generator, (uint64_t)golden_int(g, "seed"));
        char key[16];
        for (int k = 0; snprintf(key, sizeof key, "%d", k), golden_has(g, key); k++, calls++)
            check_call(g, k, &generator, golden_string(g, key));
    }
    golden_close(g);
    assert_true(calls > 400);
}

/* The default generator draws the same, is seeded with 0 before it is used, and is what NULL means. */
TEST(test_default)
{
    tg_generator own;
    tg_generator_seed(&own, 0);
    for (int i = 0; i < 5; i++) assert_int_equal(tg_random32(tg_default_generator()), tg_random32(&own));
    tg_manual_seed(42);
    tg_generator_seed(&own, 42);
    float a[40], b[40];
    tg_generate_normal_f32(NULL, a, 40, 0, 1);
    tg_generate_normal_f32(&own, b, 40, 0, 1);
    assert_memory_equal(a, b, sizeof a);
    assert_true(tg_random64(NULL) == tg_random64(&own));
    tg_generator_seed(NULL, 7);
    tg_generator_seed(&own, 7);
    assert_true(tg_random64(tg_default_generator()) == tg_random64(&own));
}

static void *in_thread(void *out)
{
    uint32_t *drawn_there = out;
    drawn_there[0] = tg_random32(tg_default_generator());
    tg_manual_seed(5);
    drawn_there[1] = tg_random32(tg_default_generator());
    return NULL;
}

TEST(test_threads)
{
    tg_generator zero, five, nine;
    tg_generator_seed(&zero, 0);
    tg_generator_seed(&five, 5);
    tg_generator_seed(&nine, 9);
    tg_manual_seed(9);
    assert_int_equal(tg_random32(tg_default_generator()), tg_random32(&nine));
    pthread_t thread;
    uint32_t there[2] = { 0, 0 };
    assert_int_equal(pthread_create(&thread, NULL, in_thread, there), 0);
    pthread_join(thread, NULL);
    assert_int_equal(there[0], tg_random32(&zero));
    assert_int_equal(there[1], tg_random32(&five));
    assert_int_equal(tg_random32(tg_default_generator()), tg_random32(&nine));
}

/* Seeding forgets the kept normal number; a copy of a generator goes on as the original does. */
TEST(test_seed_and_copy)
{
    tg_generator a, b;
    double x, y;
    tg_generator_seed(&a, 1);
    tg_generate_normal_f64(&a, &x, 1, 0, 1);
    b = a;
    tg_generate_normal_f64(&a, &x, 1, 0, 1);
    tg_generate_normal_f64(&b, &y, 1, 0, 1);
    assert_true(x == y);
    tg_generate_normal_f64(&a, &x, 1, 0, 1);
    assert_true(a.has_next_normal);
    tg_generator_seed(&a, 1);
    tg_generator_seed(&b, 1);
    tg_generate_normal_f64(&a, &x, 1, 0, 1);
    tg_generate_normal_f64(&b, &y, 1, 0, 1);
    assert_true(x == y);
    const tg_generator saved = *tg_default_generator();
    x = tg_random_normal(NULL, 0, 1) + tg_random_uniform(NULL);
    assert_true(x != tg_random_normal(NULL, 0, 1) + tg_random_uniform(NULL));
    *tg_default_generator() = saved;
    assert_true(x == tg_random_normal(NULL, 0, 1) + tg_random_uniform(NULL));
}

/* Requests for nothing draw nothing, and an empty range has one answer. */
TEST(test_edges)
{
    tg_generator g, untouched;
    tg_generator_seed(&g, 3);
    tg_generator_seed(&untouched, 3);
    tg_generate_uniform_f32(&g, NULL, 0, 0, 1);
    tg_generate_uniform_f64(&g, NULL, 0, 0, 1);
    tg_generate_normal_f32(&g, NULL, 0, 0, 1);
    tg_generate_normal_f64(&g, NULL, 0, 0, 1);
    tg_generate_randperm(&g, NULL, 0);
    tg_generate_randint(&g, NULL, 0, 0, 10);
    tg_generate_bernoulli(&g, NULL, 0, 0.5);
    tg_generate_numpy_rand(&g, NULL, 0);
    int64_t one = -1;
    tg_generate_randperm(&g, &one, 1);
    assert_int_equal(one, 0);
    assert_int_equal(tg_random32(&g), tg_random32(&untouched));
    tg_generate_randint(&g, &one, 1, 7, 7);
    assert_int_equal(one, 7);
    tg_generate_randint(&g, &one, 1, INT64_MIN, INT64_MAX);
    float lowest = 1;
    tg_generate_normal_f32(&g, &lowest, 1, 2.5, 0); /* std 0: the mean */
    assert_true(lowest == 2.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_default), /* first: it sees the default generator before anybody seeds it */
        T(test_streams), T(test_threads), T(test_seed_and_copy), T(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_kernels_optim.c: the optimisers' updates of every set of kernels this machine can run, against the slow reference,
 * and to the bit against themselves in another place. */
#include "tests/support/kernels.h"

#include "ops/kernels/optim/optim_kernels.h"

enum { PARAMETERS = 70 };
typedef struct update_state {
    char p[PARAMETERS * 8 + 1], g[PARAMETERS * 8 + 1], m[PARAMETERS * 8 + 1], v[PARAMETERS * 8 + 1],
        top[PARAMETERS * 8 + 1];
} update_state;

static void fill_update(int d, update_state *s)
{
    for (int64_t i = 0; i < PARAMETERS; i++) {
        int64_t at = 1 + i * sizes[d]; /* unaligned */
        set(d, s->p + at, uniform(-1, 1));
        set(d, s->g + at, uniform(-1, 1));
        set(d, s->m + at, uniform(-1, 1));
        set(d, s->v + at, uniform(0, 1));
        set(d, s->top + at, uniform(0, 1));
    }
}

static void compare_updates(int d, int64_t n, const update_state *got, const update_state *want, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 1 + i * sizes[d];
        assert_close(d, got->p + at, want->p + at, 4, what, n);
        assert_close(d, got->m + at, want->m + at, 4, what, n);
        assert_close(d, got->v + at, want->v + at, 4, what, n);
        assert_close(d, got->top + at, want->top + at, 4, what, n);
    }
}

static void test_adam(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= PARAMETERS; n++) {
            for (int flags = 0; flags < 16; flags++) {
                tgi_adam h = { 0.01,      0.9,      0.999, 1e-8, flags & 1 ? 0.1 : 0, 1 - 0.9 * 0.9, 1 - 0.999 * 0.999,
                               flags & 2, flags & 4 };
                update_state fast, slow, alone;
                fill_update(d, &fast);
                slow = alone = fast;
                K(optim)->adam[d](&h, n, fast.p + 1, fast.g + 1, fast.m + 1, fast.v + 1,
                                  flags & 8 ? fast.top + 1 : NULL);
                R(optim)->adam[d](&h, n, slow.p + 1, slow.g + 1, slow.m + 1, slow.v + 1,
                                  flags & 8 ? slow.top + 1 : NULL);
                compare_updates(d, n, &fast, &slow, "adam");
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = 1 + i * sizes[d];
                    K(optim)->adam[d](&h, 1, alone.p + at, alone.g + at, alone.m + at, alone.v + at,
                                      flags & 8 ? alone.top + at : NULL);
                }
                assert_memory_equal(&alone, &fast, sizeof fast);
            }
        }
    }
}

static void test_sgd(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= PARAMETERS; n++) {
            for (int flags = 0; flags < 32; flags++) {
                tgi_sgd h = { 0.1, 0.9, 0.25, flags & 1 ? 0.1 : 0, flags & 2, flags & 4, flags & 8 };
                update_state fast, slow, alone;
                fill_update(d, &fast);
                slow = alone = fast;
                K(optim)->sgd[d](&h, n, fast.p + 1, fast.g + 1, flags & 16 ? fast.m + 1 : NULL);
                R(optim)->sgd[d](&h, n, slow.p + 1, slow.g + 1, flags & 16 ? slow.m + 1 : NULL);
                compare_updates(d, n, &fast, &slow, "sgd");
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = 1 + i * sizes[d];
                    K(optim)->sgd[d](&h, 1, alone.p + at, alone.g + at, flags & 16 ? alone.m + at : NULL);
                }
                assert_memory_equal(&alone, &fast, sizeof fast);
            }
        }
    }
}

/* A decay of 0 does not touch the weight: 0 times infinity would be NaN. */
static void test_no_decay_of_infinity(void **unused)
{
    (void)unused;
    float p = INFINITY, g = 1, m = 0, v = 0;
    tgi_adam adam = { 0.01, 0.9, 0.999, 1e-8, 0, 0.1, 0.001, false, false };
    tgi_sgd sgd = { 0.1, 0, 0, 0, false, false, false };
    K(optim)->adam[TGI_F32](&adam, 1, &p, &g, &m, &v, NULL);
    assert_true(isinf(p) && m == 0.1f);
    K(optim)->sgd[TGI_F32](&sgd, 1, &p, &g, NULL);
    assert_true(isinf(p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_no_decay_of_infinity),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

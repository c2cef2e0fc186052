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
        set(d, s->v + at, uniform(2, 3)); /* more than any square of a mean */
        set(d, s->top + at, uniform(0, 4));
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

/* ---- each update, its switches turned by the bits of `flags`, of n elements from the byte `at` on ---- */

typedef struct call {
    const tgi_optim_kernels *kernels;
    int dtype, flags;
    int64_t n, at;
} call;

static void run_adam(const call *c, update_state *s)
{
    const int f = c->flags;
    const tgi_adam h = { .step = 0.01 / (1 - 0.9 * 0.9),
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .eps = 1e-8,
                         .decay = f & 1 ? 0.1 : 0,
                         .shrink = f & 2 ? 0.999 : 1,
                         .root = sqrt(1 - 0.999 * 0.999),
                         .maximize = f & 4,
                         .undivided = (f & 16) && !(f & 8) };
    c->kernels->adam[c->dtype](&h, c->n, s->p + c->at, s->g + c->at, s->m + c->at, s->v + c->at,
                               f & 8 ? s->top + c->at : NULL);
}

static void run_sgd(const call *c, update_state *s)
{
    const int f = c->flags;
    const tgi_sgd h = { 0.1, 0.9, 0.25, f & 1 ? 0.1 : 0, f & 2, f & 4, f & 8 };
    c->kernels->sgd[c->dtype](&h, c->n, s->p + c->at, s->g + c->at, f & 16 ? s->m + c->at : NULL);
}

static void run_rmsprop(const call *c, update_state *s)
{
    const int f = c->flags;
    const tgi_rmsprop h = { .step = 0.01,
                            .alpha = 0.9,
                            .eps = 1e-8,
                            .decay = f & 1 ? 0.1 : 0,
                            .momentum = 0.5,
                            .maximize = f & 2 };
    c->kernels->rmsprop[c->dtype](&h, c->n, s->p + c->at, s->g + c->at, s->v + c->at, f & 4 ? s->top + c->at : NULL,
                                  f & 8 ? s->m + c->at : NULL);
}

static void run_adagrad(const call *c, update_state *s)
{
    const tgi_adagrad h = { .step = 0.1, .eps = 1e-10, .decay = c->flags & 1 ? 0.1 : 0, .maximize = c->flags & 2 };
    c->kernels->adagrad[c->dtype](&h, c->n, s->p + c->at, s->g + c->at, s->v + c->at);
}

static void run_adadelta(const call *c, update_state *s)
{
    const tgi_adadelta h = { .step = 0.1,
                             .rho = 0.9,
                             .eps = 1e-6,
                             .decay = c->flags & 1 ? 0.1 : 0,
                             .maximize = c->flags & 2 };
    c->kernels->adadelta[c->dtype](&h, c->n, s->p + c->at, s->g + c->at, s->v + c->at, s->top + c->at);
}

static void run_adamax(const call *c, update_state *s)
{
    const tgi_adamax h = { .step = 0.01,
                           .beta1 = 0.9,
                           .beta2 = 0.3,
                           .eps = 0.1,
                           .decay = c->flags & 1 ? 0.1 : 0,
                           .maximize = c->flags & 2 };
    c->kernels->adamax[c->dtype](&h, c->n, s->p + c->at, s->g + c->at, s->m + c->at, s->top + c->at);
}

static const struct {
    const char *name;
    void (*run)(const call *c, update_state *s);
    int flags; /* how many combinations there are */
} updates[] = {
    { "adam", run_adam, 32 },      { "sgd", run_sgd, 32 },          { "rmsprop", run_rmsprop, 16 },
    { "adagrad", run_adagrad, 4 }, { "adadelta", run_adadelta, 4 }, { "adamax", run_adamax, 4 },
};
enum { UPDATES = sizeof updates / sizeof *updates };

static void compare_with_reference(int u, int d, int flags, int64_t n)
{
    update_state fast, slow, alone;
    fill_update(d, &fast);
    slow = alone = fast;
    updates[u].run(&(call){ K(optim), d, flags, n, 1 }, &fast);
    updates[u].run(&(call){ R(optim), d, flags, n, 1 }, &slow);
    compare_updates(d, n, &fast, &slow, updates[u].name);
    for (int64_t i = 0; i < n; i++) updates[u].run(&(call){ K(optim), d, flags, 1, 1 + i * sizes[d] }, &alone);
    assert_memory_equal(&alone, &fast, sizeof fast);
}

static void test_updates(void **unused)
{
    (void)unused;
    for (int u = 0; u < UPDATES; u++)
        for (int d = TGI_F32; d <= TGI_F64; d++)
            for (int64_t n = 0; n <= PARAMETERS; n++)
                for (int flags = 0; flags < updates[u].flags; flags++) compare_with_reference(u, d, flags, n);
}

/* A decay of 0 does not touch the weight: 0 times infinity would be NaN. Nor does a shrinking by nothing. */
static void test_no_decay_of_infinity(void **unused)
{
    (void)unused;
    for (int u = 0; u < UPDATES; u++) {
        update_state s;
        fill_update(TGI_F32, &s);
        set(TGI_F32, s.p + 1, INFINITY);
        updates[u].run(&(call){ K(optim), TGI_F32, 0, 1, 1 }, &s);
        assert_true(isinf(get(TGI_F32, s.p + 1)));
    }
}

/* The largest of all is NaN once one was, as torch.maximum and torch.amax have it. */
static void test_nan_stays(void **unused)
{
    (void)unused;
    for (int u = 0; u < UPDATES; u++) {
        if (updates[u].run != run_adam && updates[u].run != run_adamax) continue;
        update_state s;
        fill_update(TGI_F32, &s);
        set(TGI_F32, s.g + 1, NAN);
        set(TGI_F32, s.top + 1 + sizes[TGI_F32], NAN);
        updates[u].run(&(call){ K(optim), TGI_F32, 8, 2, 1 }, &s);
        for (int i = 0; i < 2; i++) {
            assert_true(isnan(get(TGI_F32, s.top + 1 + i * sizes[TGI_F32])));
            assert_true(isnan(get(TGI_F32, s.p + 1 + i * sizes[TGI_F32])));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_no_decay_of_infinity),
        cmocka_unit_test(test_nan_stays),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

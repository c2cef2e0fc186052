/* test_kernels_gemm.c: the matrix product of every set of kernels this machine can run. On small integers, where
 * every order of summation gives the same, to the bit against the slow reference; on real numbers within the bound of
 * the theory; and each element to the bit against the same element computed alone, since neither shape nor layout nor
 * path may show in a value. */
#include "tests/support/kernels.h"

#include "ops/kernels/gemm/gemm_kernels.h"

#include <pthread.h>
#ifdef _OPENMP
#include <omp.h>
#endif

typedef enum kind { INTEGERS, REALS } kind;

static void fill(int d, kind of, char *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = of == INTEGERS ? (double)(int64_t)(draw() % 9) - 4 : (double)(draw() % 2000001) / 1000000.0 - 1;
        set(d, at + i * sizes[d], x);
    }
}

static double element(int d, const void *from, int64_t i) { return get(d, (const char *)from + i * sizes[d]); }

/* How a and b lie. */
enum { A_BY_COLUMN = 1, B_BY_COLUMN = 2, SPREAD = 4, UNALIGNED = 8, BIAS = 16, ACCUMULATE = 32, LAYOUTS = 64 };

/* A product over memory of its own. */
typedef struct problem {
    int d, flags;
    tgi_gemm x;
    char *a, *b, *c, *bias;
    int64_t c_count;
} problem;

static void *room(int64_t count, int d)
{
    void *memory = malloc((size_t)(count + 2) * (d == TGI_F32 ? 4 : 8));
    assert_non_null(memory);
    return memory;
}

static problem problem_new(int d, kind of, int64_t m, int64_t n, int64_t k, int flags)
{
    int64_t spread = flags & SPREAD ? 2 : 1, gap = flags & SPREAD ? 3 : 0, shift = flags & UNALIGNED ? 1 : 0;
    problem p = { .d = d, .flags = flags, .x = { .m = m, .n = n, .k = k, .accumulate = flags & ACCUMULATE } };
    tgi_gemm *x = &p.x;
    x->a_row = flags & A_BY_COLUMN ? spread : (k + gap) * spread;
    x->a_col = flags & A_BY_COLUMN ? (m + gap) * spread : spread;
    x->b_row = flags & B_BY_COLUMN ? spread : (n + gap) * spread;
    x->b_col = flags & B_BY_COLUMN ? (k + gap) * spread : spread;
    x->c_row = n + gap;
    int64_t a_count = (m + gap) * (k + gap) * spread, b_count = (n + gap) * (k + gap) * spread;
    p.c_count = m * x->c_row;
    p.a = room(a_count, d);
    p.b = room(b_count, d);
    p.c = room(p.c_count, d);
    p.bias = room(n, d);
    fill(d, of, p.a + shift, a_count);
    fill(d, of, p.b + shift, b_count);
    fill(d, of, p.c + shift, p.c_count);
    fill(d, of, p.bias + shift, n);
    x->a = p.a + shift;
    x->b = p.b + shift;
    x->c = p.c + shift;
    x->bias = flags & BIAS ? p.bias + shift : NULL;
    return p;
}

static void problem_free(problem *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
    free(p->bias);
}

/* The sum of the magnitudes of an element's terms. */
static double magnitude(const problem *p, const char *old, int64_t i, int64_t j)
{
    const tgi_gemm *x = &p->x;
    double sum = (x->bias ? fabs(element(p->d, x->bias, j)) : 0) +
                 (x->accumulate ? fabs(element(p->d, old, i * x->c_row + j)) : 0);
    for (int64_t l = 0; l < x->k; l++)
        sum +=
            fabs(element(p->d, x->a, i * x->a_row + l * x->a_col) * element(p->d, x->b, l * x->b_row + j * x->b_col));
    return sum;
}

/* Against the reference; and what lies between the rows of c must stay. */
static void check(int d, kind of, int64_t m, int64_t n, int64_t k, int flags)
{
    problem p = problem_new(d, of, m, n, k, flags);
    size_t size = d == TGI_F32 ? 4 : 8, bytes = (size_t)p.c_count * size;
    char *old = room(p.c_count, d), *want = room(p.c_count, d);
    memcpy(old, p.x.c, bytes);
    R(gemm)->run[d](&p.x);
    memcpy(want, p.x.c, bytes);
    memcpy(p.x.c, old, bytes);
    K(gemm)->run[d](&p.x);
    double eps = d == TGI_F32 ? 0x1p-24 : 0x1p-52; /* in float64 the reference rounds as often */
    for (int64_t at = 0; at < p.c_count; at++) {
        int64_t i = at / p.x.c_row, j = at % p.x.c_row;
        if (memcmp((char *)p.x.c + at * (int64_t)size, want + at * (int64_t)size, size) == 0) continue;
        double got = element(d, p.x.c, at), wanted = element(d, want, at);
        bool close = of == REALS && j < n &&
                     fabs(got - wanted) <= eps * (2 + fmin((double)k, 3 * sqrt((double)k))) * magnitude(&p, old, i, j);
        if (of == INTEGERS && got == wanted) close = true; /* 0 and -0 */
        if (!close)
            fail_msg("%s gemm %s m %d n %d k %d flags %d: c[%d, %d] is %.17g, want %.17g", set_name(),
                     d ? "f64" : "f32", (int)m, (int)n, (int)k, flags, (int)i, (int)j, got, wanted);
    }
    free(old);
    free(want);
    problem_free(&p);
}

static void test_every_small_shape(void **unused)
{
    (void)unused;
    static const int64_t some[] = { 0, 1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 16, 17, 25, 32, 33 },
                         depths[] = { 0, 1, 2, 7, 13, 40 };
    enum { SOME = sizeof some / sizeof *some, DEPTHS = sizeof depths / sizeof *depths };
    int flags = 0;
    for (int i = 0; i < SOME; i++) {
        for (int j = 0; j < SOME; j++) {
            for (int l = 0; l < DEPTHS; l++) {
                for (int d = TGI_F32; d <= TGI_F64; d++) {
                    for (int step = 0; step < 5; step++) { /* every layout comes by soon enough */
                        flags = (flags + 7) % LAYOUTS;
                        check(d, step ? INTEGERS : REALS, some[i], some[j], depths[l], flags);
                    }
                }
            }
        }
    }
}

static void test_larger_shapes(void **unused)
{
    (void)unused;
    static const int64_t shapes[]
                               [3] = {
                                   { 100, 13, 300 },   { 1, 300, 700 }, { 1, 129, 257 },  { 300, 1, 520 },
                                   { 97, 3, 257 },     { 64, 65, 256 }, { 67, 64, 513 },  { 130, 140, 257 },
                                   { 5, 513, 30 },     { 257, 40, 33 }, { 12, 200, 260 }, { 25, 2100, 9 },
                                   { 26, 1040, 1040 }, /* more columns, and more steps of k, than are packed at once */
                               };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int flags = 0; flags < LAYOUTS; flags++) {
            if (shapes[s][0] * shapes[s][1] * shapes[s][2] > 1000000 && flags % 7) continue;
            for (int d = TGI_F32; d <= TGI_F64; d++)
                check(d, flags % 2 ? INTEGERS : REALS, shapes[s][0], shapes[s][1], shapes[s][2], flags);
        }
    }
}

/* Each element of a large product against the same element asked for alone, and against pieces of other shapes. */
static void check_pieces(int d, int64_t m, int64_t n, int64_t k, int flags)
{
    problem p = problem_new(d, REALS, m, n, k, flags);
    int64_t size = d == TGI_F32 ? 4 : 8;
    size_t bytes = (size_t)(p.c_count * size);
    char *old = room(p.c_count, d), *whole = room(p.c_count, d);
    memcpy(old, p.x.c, bytes);
    K(gemm)->run[d](&p.x);
    memcpy(whole, p.x.c, bytes);
    static const int64_t pieces[][2] = {
        { 1, 1 }, { 1, 1000 }, { 1000, 1 }, { 7, 5 }, { 2, 70 }, { 31, 9 }, { 64, 33 }
    };
    for (size_t s = 0; s < sizeof pieces / sizeof *pieces; s++) {
        memcpy(p.x.c, old, bytes);
        for (int64_t i = 0; i < m; i += pieces[s][0]) {
            for (int64_t j = 0; j < n; j += pieces[s][1]) {
                tgi_gemm x = p.x;
                x.m = m - i < pieces[s][0] ? m - i : pieces[s][0];
                x.n = n - j < pieces[s][1] ? n - j : pieces[s][1];
                x.a = (const char *)x.a + i * x.a_row * size;
                x.b = (const char *)x.b + j * x.b_col * size;
                x.c = (char *)x.c + (i * x.c_row + j) * size;
                if (x.bias) x.bias = (const char *)x.bias + j * size;
                K(gemm)->run[d](&x);
            }
        }
        if (memcmp(p.x.c, whole, bytes) != 0)
            fail_msg("%s gemm %d %d %d flags %d depends on the shape (%d by %d)", set_name(), (int)m, (int)n, (int)k,
                     flags, (int)pieces[s][0], (int)pieces[s][1]);
    }
    free(old);
    free(whole);
    problem_free(&p);
}

static void test_value_depends_on_nothing_else(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int flags = 0; flags < LAYOUTS; flags += 5) {
            check_pieces(d, 70, 67, 80, flags);
            check_pieces(d, 40, 35, 520, flags);
        }
        check_pieces(d, 150, 130, 300, BIAS);
        check_pieces(d, 150, 130, 300, A_BY_COLUMN | B_BY_COLUMN | ACCUMULATE);
    }
}

/* What `x` makes of its c, as it was before, in memory of its own. */
static char *result(const problem *p, const char *old, const tgi_gemm *x)
{
    size_t bytes = (size_t)p->c_count * (size_t)sizes[p->d];
    memcpy(p->x.c, old, bytes);
    K(gemm)->run[p->d](x);
    char *got = room(p->c_count, p->d);
    memcpy(got, p->x.c, bytes);
    return got;
}

static void assert_same(const problem *p, const char *want, const char *got, const char *how, int pieces)
{
    if (memcmp(want, got, (size_t)p->c_count * (size_t)sizes[p->d]) != 0)
        fail_msg("%s gemm %s %d %d %d flags %d: %s (%d) differs", set_name(), p->d ? "f64" : "f32", (int)p->x.m,
                 (int)p->x.n, (int)p->x.k, p->flags, how, pieces);
}

static void check_packed(const problem *p, const char *old, const char *plain)
{
    size_t bytes = (K(gemm)->packed_bytes[p->d](p->x.n, p->x.k) + 63) / 64 * 64;
    tgi_gemm x = p->x;
    void *packed = aligned_alloc(64, bytes + 64);
    assert_non_null(packed);
    memset(packed, 0x7f, bytes + 64);
    K(gemm)->pack[p->d](&x, packed);
    for (size_t i = bytes; i < bytes + 64; i++) assert_int_equal(((char *)packed)[i], 0x7f);
    x.packed_b = packed;
    x.b = NULL;
    char *got = result(p, old, &x);
    assert_same(p, plain, got, "packed", 1);
    free(got);
    free(packed);
}

enum { MOST_PARTS = 40 };

/* Cuts k into `count` parts, some of them empty, each with b in memory of its own; with `turned` some by columns. */
static void check_parts(const problem *p, const char *old, const char *plain, int count, bool turned)
{
    int64_t size = sizes[p->d], from = 0;
    tgi_gemm_part part[MOST_PARTS];
    char *own[MOST_PARTS];
    for (int t = 0; t < count; t++) {
        int64_t left = p->x.k - from, k = t == count - 1 ? left : (int64_t)(draw() % 4 ? draw() % 60 : 0);
        if (k > left) k = left;
        const tgi_gemm *x = &p->x;
        part[t] = (tgi_gemm_part){ .k = k, .a_row = x->a_row, .a_col = x->a_col, .b_row = x->n + 1, .b_col = 1 };
        part[t].a = (const char *)x->a + from * x->a_col * size;
        own[t] = room(k * (x->n + 1), p->d);
        if (turned && t % 3 == 2) {
            part[t].b_row = 1;
            part[t].b_col = k;
        }
        part[t].b = own[t];
        for (int64_t l = 0; l < k; l++) {
            for (int64_t j = 0; j < x->n; j++)
                memcpy(own[t] + (l * part[t].b_row + j * part[t].b_col) * size,
                       (const char *)x->b + ((from + l) * x->b_row + j * x->b_col) * size, (size_t)size);
        }
        from += k;
    }
    tgi_gemm x = p->x;
    x.k = x.a_row = x.a_col = x.b_row = x.b_col = -77; /* not looked at */
    x.a = x.b = NULL;
    x.parts = count;
    x.part = part;
    char *got = result(p, old, &x);
    assert_same(p, plain, got, "sum over parts", count);
    memcpy(p->x.c, old, (size_t)(p->c_count * size));
    R(gemm)->run[p->d](&x);
    for (int64_t at = 0; at < p->c_count; at++)
        assert_true(fabs(element(p->d, got, at) - element(p->d, p->x.c, at)) < 1e-3 + 1e-4 * fabs((double)p->x.k));
    free(got);
    for (int t = 0; t < count; t++) free(own[t]);
}

/* An addend is what a loop after the product would add: whether b is packed or k is in two parts. */
static void check_addend(const problem *p, const char *old, const char *plain)
{
    const int64_t size = sizes[p->d], row = p->x.n + 3, half = p->x.k / 2;
    const tgi_gemm *x = &p->x;
    char *addend = room(x->m * row, p->d), *want = room(p->c_count, p->d);
    void *packed = aligned_alloc(64, (K(gemm)->packed_bytes[p->d](x->n, x->k) + 63) / 64 * 64);
    assert_non_null(packed);
    K(gemm)->pack[p->d](x, packed);
    fill(p->d, REALS, addend, x->m * row);
    memcpy(want, plain, (size_t)(p->c_count * size));
    for (int64_t i = 0; i < x->m; i++)
        for (int64_t j = 0; j < x->n; j++)
            set(p->d, want + (i * x->c_row + j) * size,
                element(p->d, plain, i * x->c_row + j) + element(p->d, addend, i * row + j));
    tgi_gemm_part part[] = { { half, x->a, x->a_row, x->a_col, x->b, x->b_row, x->b_col },
                             { x->k - half, (const char *)x->a + half * x->a_col * size, x->a_row, x->a_col,
                               (const char *)x->b + half * x->b_row * size, x->b_row, x->b_col } };
    for (int way = 0; way < 3; way++) {
        tgi_gemm sum = *x;
        sum.addend = addend;
        sum.addend_row = row;
        if (way == 1) sum.packed_b = packed;
        if (way == 2) sum.parts = 2, sum.part = part;
        char *got = result(p, old, &sum);
        assert_same(p, want, got, "addend", way);
        free(got);
    }
    memcpy(p->x.c, old, (size_t)(p->c_count * size));
    tgi_gemm sum = *x;
    sum.addend = addend;
    sum.addend_row = row;
    R(gemm)->run[p->d](&sum);
    for (int64_t at = 0; at < p->c_count; at++)
        assert_true(fabs(element(p->d, want, at) - element(p->d, p->x.c, at)) < 1e-3 + 1e-4 * (double)x->k);
    free(packed);
    free(addend);
    free(want);
}

static void check_packed_and_parts(int d, int64_t m, int64_t n, int64_t k, int flags)
{
    problem p = problem_new(d, REALS, m, n, k, flags);
    char *old = room(p.c_count, d);
    memcpy(old, p.x.c, (size_t)(p.c_count * sizes[d]));
    char *plain = result(&p, old, &p.x);
    check_packed(&p, old, plain);
    check_parts(&p, old, plain, 1, false);
    check_parts(&p, old, plain, 3, false);
    check_parts(&p, old, plain, 3, true);
    check_parts(&p, old, plain, MOST_PARTS, false);
    check_parts(&p, old, plain, MOST_PARTS, true);
    check_addend(&p, old, plain);
    free(plain);
    free(old);
    problem_free(&p);
}

/* Neither b packed beforehand nor k in parts shows in a value. */
static void test_packed_and_in_parts(void **unused)
{
    (void)unused;
    static const int64_t some[] = { 1, 2, 3, 8, 13, 16, 33, 77 }, depths[] = { 0, 9, 300 };
    enum { SOME = sizeof some / sizeof *some, DEPTHS = sizeof depths / sizeof *depths };
    int flags = 0;
    for (int i = 0; i < SOME; i++) {
        for (int j = 0; j < SOME; j++) {
            for (int l = 0; l < DEPTHS; l++) {
                for (int d = TGI_F32; d <= TGI_F64; d++) {
                    flags = (flags + 7) % LAYOUTS;
                    check_packed_and_parts(d, some[i], some[j], depths[l], flags);
                }
            }
        }
    }
    static const int64_t larger[][3] = { { 1, 300, 520 },   { 3, 270, 300 }, { 300, 5, 300 }, { 60, 150, 530 },
                                         { 230, 140, 600 }, { 1, 1, 5000 },  { 1, 8, 1000 },  { 1, 32, 1024 },
                                         { 1, 45, 1030 },   { 8, 1, 2300 } };
    for (size_t s = 0; s < sizeof larger / sizeof *larger; s++) {
        for (int step = 0; step < 4; step++) {
            flags = (flags + 7) % LAYOUTS;
            for (int d = TGI_F32; d <= TGI_F64; d++)
                check_packed_and_parts(d, larger[s][0], larger[s][1], larger[s][2], flags);
        }
    }
}

static void test_nothing_to_multiply(void **unused)
{
    (void)unused;
    float c[6] = { 1, 2, 3, 4, 5, 6 }, bias[2] = { 10, 20 };
    tgi_gemm x = { .m = 2, .n = 2, .k = 0, .c = c, .c_row = 3 };
    K(gemm)->run[TGI_F32](&x);
    assert_true(c[0] == 0 && c[1] == 0 && c[2] == 3 && c[3] == 0 && c[4] == 0 && c[5] == 6);
    x.bias = bias;
    x.accumulate = true;
    K(gemm)->run[TGI_F32](&x);
    K(gemm)->run[TGI_F32](&x);
    assert_true(c[0] == 20 && c[1] == 40 && c[2] == 3 && c[3] == 20 && c[4] == 40 && c[5] == 6);
    x.m = 0;
    x.c = NULL;
    K(gemm)->run[TGI_F32](&x);
}

static void test_not_a_number_stays_in_its_row(void **unused)
{
    (void)unused;
    enum { N = 70 };
    static float a[N * N], b[N * N], c[N * N];
    for (int i = 0; i < N * N; i++) a[i] = b[i] = 1;
    a[3 * N + 5] = NAN;
    b[7 * N + 9] = INFINITY;
    tgi_gemm x = { .m = N,
                   .n = N,
                   .k = N,
                   .a = a,
                   .a_row = N,
                   .a_col = 1,
                   .b = b,
                   .b_row = N,
                   .b_col = 1,
                   .c = c,
                   .c_row = N };
    K(gemm)->run[TGI_F32](&x);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            if (i == 3)
                assert_true(isnan(c[i * N + j]));
            else if (j == 9)
                assert_true(isinf(c[i * N + j]));
            else
                assert_true(c[i * N + j] == N);
        }
    }
}

/* Threads that multiply at the same time do not share their working memory. */
static void *multiply(void *argument)
{
    tgi_gemm *x = argument;
    for (int i = 0; i < 20; i++) K(gemm)->run[TGI_F32](x);
    return NULL;
}

static void test_many_threads(void **unused)
{
    (void)unused;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    problem p[THREADS];
    for (int i = 0; i < THREADS; i++) {
        p[i] = problem_new(TGI_F32, INTEGERS, 90, 80, 270, i);
        assert_int_equal(pthread_create(&thread[i], NULL, multiply, &p[i].x), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        char *got = room(p[i].c_count, TGI_F32);
        memcpy(got, p[i].x.c, (size_t)p[i].c_count * 4);
        R(gemm)->run[TGI_F32](&p[i].x);
        for (int64_t at = 0; at < p[i].c_count; at++)
            assert_true(element(TGI_F32, got, at) == element(TGI_F32, p[i].x.c, at));
        free(got);
        problem_free(&p[i]);
    }
}

/* The number of threads shows in no value. */
static void test_any_number_of_threads(void **unused)
{
    (void)unused;
#ifdef _OPENMP
    static const int64_t shapes[][3] = { { 32, 1024, 256 }, { 300, 260, 300 }, { 3, 2500, 600 }, { 1, 7000, 800 },
                                         { 7000, 1, 800 },  { 1500, 6, 700 },  { 33, 129, 127 }, { 80, 80, 80 },
                                         { 81, 83, 85 },    { 1, 1300, 500 },  { 25, 700, 31 } };
    int before = omp_get_max_threads();
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int flags = (int)s % 2; flags < 4; flags += 2) {
            problem p = problem_new((int)s / 2 % 2, REALS, shapes[s][0], shapes[s][1], shapes[s][2],
                                    flags + (flags % 2 ? ACCUMULATE : BIAS));
            char *old = room(p.c_count, p.d);
            memcpy(old, p.x.c, (size_t)(p.c_count * sizes[p.d]));
            omp_set_num_threads(1);
            char *one = result(&p, old, &p.x);
            for (int threads = 2; threads <= 4; threads++) {
                omp_set_num_threads(threads);
                char *got = result(&p, old, &p.x);
                assert_same(&p, one, got, "with threads", threads);
                free(got);
            }
            check_packed(&p, old, one);
            check_parts(&p, old, one, 7, flags % 2);
            omp_set_num_threads(before);
            free(one);
            free(old);
            problem_free(&p);
        }
    }
#endif
}

/* Every layout, on both sides of a strip's width and of a block of k; some results wrap. */
static void test_integers(void **unused)
{
    (void)unused;
    static const int64_t sizes_of[] = { 1, 2, 7, 8, 31, 32, 33, 70 }, steps[] = { 0, 1, 3, 255, 256, 300 };
    enum { MOST = 2 * 70 * 300 };
    static int64_t a[MOST], b[MOST], got[70 * 72], want[70 * 72], bias[70];
    for (int i = 0; i < MOST; i++) a[i] = any_integer(), b[i] = any_integer();
    for (int i = 0; i < 70; i++) bias[i] = any_integer();
    for (int i = 0; i < 8 * 8 * 6; i++) {
        const int64_t m = sizes_of[i / 8 % 8], n = sizes_of[i % 8], k = steps[i / 64];
        for (int flags = 0; flags < 16; flags++) {
            const bool a_turned = flags & 1, b_turned = flags & 2;
            const tgi_gemm x = { .m = m,
                                 .n = n,
                                 .k = k,
                                 .a = a,
                                 .a_row = a_turned ? 1 : 2 * k,
                                 .a_col = a_turned ? m : 2,
                                 .b = b,
                                 .b_row = b_turned ? 1 : n,
                                 .b_col = b_turned ? k : 1,
                                 .c = got,
                                 .c_row = 72,
                                 .bias = flags & 4 ? bias : NULL,
                                 .accumulate = flags & 8 };
            tgi_gemm y = x;
            y.c = want;
            for (int j = 0; j < 70 * 72; j++) got[j] = want[j] = j;
            K(gemm)->integers(&x);
            R(gemm)->integers(&y);
            assert_memory_equal(got, want, sizeof got);
        }
    }
}

/* On integers to the bit, on real numbers within the bound of pairwise sums; the same wherever the numbers lie. */
static void test_products_of_vectors(void **unused)
{
    (void)unused;
    static const int64_t lengths[] = { 0, 1, 3, 15, 16, 17, 64, 127, 128, 129, 1000, 1023, 1024, 1025, 5000, 7169 };
    for (int d = 0; d < 3; d++)
        for (int way = 0; way < 8; way++)
            for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                const int64_t n = lengths[i], size = sizes[d], a_step = way & 1 ? 3 : 1, b_step = way & 2 ? 2 : 1;
                char *a = malloc((size_t)(3 * n + 1) * 8), *b = malloc((size_t)(3 * n + 1) * 8), got[8], want[8],
                     near[8];
                char *dense = malloc((size_t)(n + 1) * 8), *other = malloc((size_t)(n + 1) * 8);
                for (int64_t k = 0; k < 3 * n; k++) {
                    set(d, a + k * size, way & 4 ? uniform(-1, 1) : (double)(draw() % 9) - 4);
                    set(d, b + k * size, way & 4 ? uniform(-1, 1) : (double)(draw() % 9) - 4);
                }
                for (int64_t k = 0; k < n; k++) {
                    memcpy(dense + k * size, a + k * a_step * size, (size_t)size);
                    memcpy(other + k * size, b + k * b_step * size, (size_t)size);
                }
                K(gemm)->dot[d](n, a, a_step, b, b_step, got);
                R(gemm)->dot[d](n, a, a_step, b, b_step, want);
                K(gemm)->dot[d](n, dense, 1, other, 1, near);
                assert_memory_equal(got, near, (size_t)size);
                if (d == TGI_I64 || !(way & 4))
                    assert_memory_equal(got, want, (size_t)size);
                else
                    assert_true(fabs(get(d, got) - get(d, want)) <= (d == TGI_F32 ? 1e-6 : 1e-15) * (double)(n + 20));
                free(a), free(b), free(dense), free(other);
            }
}

/* To the bit, in place or not, and nothing beside it is written. */
static void test_outer_sum(void **unused)
{
    (void)unused;
    static const int64_t lengths[] = { 0, 1, 3, 7, 8, 15, 16, 17, 63, 64, 65, 150 };
    double a[15], b[152], x[5 * 152], got[5 * 152], want[5 * 152];
    for (int d = 0; d < 2; d++)
        for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
            const int64_t n = lengths[i / 2], row = n + 2;
            for (int64_t k = 0; k < 15; k++) set(d, (char *)a + k * sizes[d], uniform(-1, 1));
            for (int64_t k = 0; k < n; k++) set(d, (char *)b + k * sizes[d], uniform(-1, 1));
            for (int64_t k = 0; k < 5 * row; k++) {
                set(d, (char *)x + k * sizes[d], uniform(-1, 1));
                set(d, (char *)got + k * sizes[d], 7);
            }
            if (i % 2) memcpy(got, x, sizeof x);
            memcpy(want, got, sizeof x);
            tgi_outer_sum s = { .m = 5,
                                .n = n,
                                .a = a,
                                .a_step = i % 2 ? 3 : 1,
                                .b = b,
                                .x = i % 2 ? got : x,
                                .x_row = row,
                                .y = got,
                                .y_row = row,
                                .alpha = 0.7,
                                .beta = i % 4 < 2 ? 1 : -0.3 };
            K(gemm)->add_outer[d](&s);
            s.x = i % 2 ? want : x;
            s.y = want;
            R(gemm)->add_outer[d](&s);
            assert_memory_equal(got, want, (size_t)(5 * row * sizes[d]));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_small_shape),
        cmocka_unit_test(test_larger_shapes),
        cmocka_unit_test(test_value_depends_on_nothing_else),
        cmocka_unit_test(test_packed_and_in_parts),
        cmocka_unit_test(test_nothing_to_multiply),
        cmocka_unit_test(test_not_a_number_stays_in_its_row),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_products_of_vectors),
        cmocka_unit_test(test_outer_sum),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_any_number_of_threads),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}

/* peak.c: what the processor can do, measured: multiply-adds on registers alone, twelve independent chains, so that
 * neither memory nor an instruction's latency holds them up. Compiled for any processor: each loop names the instruction
 * set it needs, and only the one that the kernels in use need is run. */
#include "bench.h"

#include "ops/kernels/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { CHAINS = 12, ROUNDS = 20000 };

static volatile float one_half = 0.5F; /* volatile: nothing is known at compile time */
static volatile float sink;

#define CHAINS_OF(x)   x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define CHAIN_BEGIN(i) c##i = SPLAT(one_half);
#define CHAIN_STEP(i)  c##i = MULTIPLY_ADD(c##i, x);
#define CHAIN_END(i)   x = SUM(x, c##i);

/* c = c x + x, over and over. Each chain reads its start anew, or the compiler would see twelve equal ones. */
#define LOOP(name, target, vector)                                                                                     \
    target static void name(void *unused)                                                                              \
    {                                                                                                                  \
        (void)unused;                                                                                                  \
        vector x = SPLAT(one_half), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11;                                  \
        CHAINS_OF(CHAIN_BEGIN)                                                                                         \
        for (int round = 0; round < ROUNDS; round++) { CHAINS_OF(CHAIN_STEP) }                                         \
        CHAINS_OF(CHAIN_END)                                                                                           \
        sink = FIRST(x);                                                                                               \
    }

struct peak_loop {
    const char *isa; /* of the kernels that reach no further */
    bench_body run;
    int floats; /* in a register */
};

#if defined(__x86_64__)

#define SPLAT              _mm_set1_ps
#define MULTIPLY_ADD(c, x) _mm_add_ps(_mm_mul_ps(c, x), x)
#define SUM                _mm_add_ps
#define FIRST              _mm_cvtss_f32
LOOP(loop_baseline, , __m128)
#undef SPLAT
#undef MULTIPLY_ADD
#undef SUM
#undef FIRST

#define SPLAT              _mm256_set1_ps
#define MULTIPLY_ADD(c, x) _mm256_fmadd_ps(c, x, x)
#define SUM                _mm256_add_ps
#define FIRST              _mm256_cvtss_f32
LOOP(loop_avx2, __attribute__((target("avx2,fma"))), __m256)
#undef SPLAT
#undef MULTIPLY_ADD
#undef SUM
#undef FIRST

#define SPLAT              _mm512_set1_ps
#define MULTIPLY_ADD(c, x) _mm512_fmadd_ps(c, x, x)
#define SUM                _mm512_add_ps
#define FIRST              _mm512_cvtss_f32
LOOP(loop_avx512, __attribute__((target("avx512f"))), __m512)

static const struct peak_loop loops[] = {
    { "baseline", loop_baseline, 4 },
    { "avx2", loop_avx2, 8 },
    { "avx512", loop_avx512, 16 },
};

#elif defined(__aarch64__)

#define SPLAT              vdupq_n_f32
#define MULTIPLY_ADD(c, x) vfmaq_f32(x, c, x)
#define SUM                vaddq_f32
#define FIRST(v)           vgetq_lane_f32(v, 0)
LOOP(loop_neon, , float32x4_t)

static const struct peak_loop loops[] = { { "neon", loop_neon, 4 }, { "baseline", loop_neon, 4 } };

#else

static const struct peak_loop loops[] = { { "", NULL, 0 } };

#endif

static void on_all_threads(void *loop)
{
    const struct peak_loop *l = loop;
#ifdef _OPENMP
#pragma omp parallel
#endif
    l->run(NULL);
}

double bench_peak_flops(int threads, bool doubles)
{
    const char *isa = tgi_set_name(tgi_set());
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        if (strcmp(loops[i].isa, isa) != 0) continue;
        struct peak_loop loop = loops[i];
        const double operations = 2.0 * CHAINS * ROUNDS * loop.floats * threads;
        return operations / bench_time(on_all_threads, &loop, 0.2) / (doubles ? 2 : 1); /* half as many to a register */
    }
    return 0;
}

/* rng.c: the random streams of PyTorch's CPU generator and of NumPy's legacy one, draw for draw and bit for bit.
 *
 * Every function here states how many draws it takes and how they become numbers; a port that must reproduce its
 * author's losses depends on both. This file must never draw more, fewer or in another order than PyTorch does, and
 * never round where PyTorch does not: its kernels are compiled with contraction, so products that are added to
 * something are fused there (fma) and fused here.
 *
 * The float32 normal stream needs the logarithm, sine and cosine that PyTorch uses there: those of S. Moshier's Cephes
 * library in single precision (the polynomials of its logf, sinf and cosf). The float64 stream takes the C library's,
 * as PyTorch does. */
#include "rng.h"

#include "error.h"
#include "thread.h"

#include <math.h>
#include <string.h>

#define STATE_SIZE  624
#define STATE_SHIFT 397
#define PAIRS       8 /* PyTorch makes normal numbers in blocks of 16: 8 pairs (i, i + 8) */
#define BLOCK       (2 * PAIRS)

#define TWO_PI 6.28318530717958647692

/* Unsigned arithmetic that wraps on purpose: clang's -fsanitize=integer is told so. */
#ifdef __clang__
#define WRAPS __attribute__((no_sanitize("integer")))
#else
#define WRAPS
#endif

/* ---- the engine ---- */

WRAPS void tg_generator_seed(tg_generator *g, uint64_t seed)
{
    if (!g) g = tg_default_generator();
    g->state[0] = (uint32_t)seed; /* PyTorch drops the upper half too */
    for (uint32_t i = 1; i < STATE_SIZE; i++) {
        uint32_t previous = g->state[i - 1];
        g->state[i] = 1812433253u * (previous ^ (previous >> 30)) + i;
    }
    g->index = STATE_SIZE;
    g->has_next_normal = false;
    g->next_normal = 0.0;
}

WRAPS static inline uint32_t twist(uint32_t upper, uint32_t lower, uint32_t shifted)
{
    uint32_t joined = (upper & 0x80000000u) | (lower & 0x7fffffffu);
    return shifted ^ (joined >> 1) ^ ((0u - (lower & 1u)) & 0x9908b0dfu);
}

static void next_state(tg_generator *g)
{
    uint32_t *s = g->state;
    int i = 0;
    for (; i < STATE_SIZE - STATE_SHIFT; i++) s[i] = twist(s[i], s[i + 1], s[i + STATE_SHIFT]);
    for (; i < STATE_SIZE - 1; i++) s[i] = twist(s[i], s[i + 1], s[i + STATE_SHIFT - STATE_SIZE]);
    s[i] = twist(s[i], s[0], s[STATE_SHIFT - 1]);
    g->index = 0;
}

WRAPS static inline uint32_t temper(uint32_t y)
{
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint32_t draw32(tg_generator *g)
{
    if (g->index >= STATE_SIZE) next_state(g);
    return temper(g->state[g->index++]);
}

static inline uint64_t draw64(tg_generator *g)
{
    uint64_t high = draw32(g);
    return high << 32 | draw32(g);
}

/* How many numbers can be written: none to NULL, which is an error. */
static int64_t writable(const char *function, const void *out, int64_t n)
{
    if (out || n <= 0) return n;
    tg_fail_at(NULL, TG_ERROR_NULL, function, "the array is NULL");
    return 0;
}

/* Where a function takes a generator, NULL is the thread's default one. */
static inline tg_generator *given(tg_generator *g) { return g ? g : tg_default_generator(); }

uint32_t tg_random32(tg_generator *g) { return draw32(given(g)); }
uint64_t tg_random64(tg_generator *g) { return draw64(given(g)); }

/* ---- uniform ---- */

/* [0, 1), with as many random bits as the type has digits. */
static inline double unit_f64(tg_generator *g) { return (double)(draw64(g) & 0x1fffffffffffffu) * 0x1p-53; }

double tg_random_uniform(tg_generator *g) { return unit_f64(given(g)); }

/* The same in float, one draw each, in runs that the compiler turns into vectors. */
static void fill_unit_f32(tg_generator *g, float *out, int64_t n)
{
    while (n > 0) {
        if (g->index >= STATE_SIZE) next_state(g);
        const uint32_t *s = g->state + g->index;
        int run = n < STATE_SIZE - g->index ? (int)n : STATE_SIZE - g->index;
        for (int i = 0; i < run; i++) out[i] = (float)(int32_t)(temper(s[i]) & 0xffffffu) * 0x1p-24f;
        g->index += run;
        out += run;
        n -= run;
    }
}

void tg_generate_uniform_f32(tg_generator *g, float *out, int64_t n, double from, double to)
{
    n = writable("generate_uniform", out, n);
    fill_unit_f32(given(g), out, n);
    float low = (float)from, range = (float)to - low;
    if (low == 0.0f && range == 1.0f) return;
    for (int64_t i = 0; i < n; i++) out[i] = fmaf(out[i], range, low);
}

void tg_generate_uniform_f64(tg_generator *g, double *out, int64_t n, double from, double to)
{
    g = given(g);
    n = writable("generate_uniform", out, n);
    double range = to - from;
    for (int64_t i = 0; i < n; i++) out[i] = fma(unit_f64(g), range, from);
}

/* ---- normal ---- */

static inline __attribute__((always_inline)) float bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) uint32_t float_to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The natural logarithm of a normal x > 0. With x = m 2^e, m in [sqrt(1/2), sqrt(2)) and t = m - 1:
 * log x = t - t^2 / 2 + t^3 P(t) + e log 2, where log 2 is added in two parts. */
WRAPS static inline __attribute__((always_inline)) float cephes_log(float x)
{
    uint32_t bits = float_to_bits(x);
    uint32_t m_bits = (bits & 0x007fffffu) | 0x3f000000u;
    float m = bits_to_float(m_bits); /* [1/2, 1) */
    int32_t small = m < 0.707106781186547524f;
    float exponent = (float)((int32_t)(bits >> 23) - 126 - small);
    float t = (m - 1.0f) + bits_to_float(m_bits & (0u - (uint32_t)small)); /* 2m - 1 when small: no branch */
    float t2 = t * t;
    float p = 7.0376836292e-2f;
    p = fmaf(p, t, -1.1514610310e-1f);
    p = fmaf(p, t, 1.1676998740e-1f);
    p = fmaf(p, t, -1.2420140846e-1f);
    p = fmaf(p, t, 1.4249322787e-1f);
    p = fmaf(p, t, -1.6668057665e-1f);
    p = fmaf(p, t, 2.0000714765e-1f);
    p = fmaf(p, t, -2.4999993993e-1f);
    p = fmaf(p, t, 3.3333331174e-1f);
    float y = fmaf(p * t, t2, exponent * -2.12194440e-4f);
    y = fmaf(t2, -0.5f, y);
    return fmaf(exponent, 0.693359375f, t + y);
}

/* Sine and cosine of x >= 0. x is brought to [-pi/4, pi/4] by an even multiple of pi/4, subtracted in three parts. */
static inline __attribute__((always_inline)) void cephes_sincos(float x, float *sine, float *cosine)
{
    int32_t octant = ((int32_t)(x * 1.27323954473516f) + 1) & ~1;
    float k = (float)octant;
    x = fmaf(k, -0.78515625f, x);
    x = fmaf(k, -2.4187564849853515625e-4f, x);
    x = fmaf(k, -3.77489497744594108e-8f, x);
    float x2 = x * x;

    float c = 2.443315711809948e-5f;
    c = fmaf(c, x2, -1.388731625493765e-3f);
    c = fmaf(c, x2, 4.166664568298827e-2f);
    c = fmaf(c * x2, x2, x2 * -0.5f) + 1.0f;

    float s = -1.9515295891e-4f;
    s = fmaf(s, x2, 8.3321608736e-3f);
    s = fmaf(s, x2, -1.6666654611e-1f);
    s = fmaf(s * x2, x, x);

    bool swapped = octant & 2;
    uint32_t sine_sign = (uint32_t)(octant & 4) << 29, cosine_sign = (uint32_t)(~(octant - 2) & 4) << 29;
    *sine = bits_to_float(float_to_bits(swapped ? c : s) ^ sine_sign);
    *cosine = bits_to_float(float_to_bits(swapped ? s : c) ^ cosine_sign);
}

/* Box-Muller on whole blocks: pairs of uniforms (u[i], u[i + PAIRS]) become pairs of normals. */
static inline __attribute__((always_inline)) void box_muller_blocks_f32(float *u, int64_t blocks, float mean, float std)
{
    for (int64_t b = 0; b < blocks; b++, u += BLOCK) {
        float radius[PAIRS], sine[PAIRS], cosine[PAIRS];
        for (int i = 0; i < PAIRS; i++) radius[i] = -2.0f * cephes_log(1.0f - u[i]);
        for (int i = 0; i < PAIRS; i++) radius[i] = sqrtf(radius[i]); /* apart: errno keeps it from being a vector */
        for (int i = 0; i < PAIRS; i++) cephes_sincos((float)TWO_PI * u[PAIRS + i], &sine[i], &cosine[i]);
        for (int i = 0; i < PAIRS; i++) u[i] = fmaf(radius[i] * cosine[i], std, mean);
        for (int i = 0; i < PAIRS; i++) u[PAIRS + i] = fmaf(radius[i] * sine[i], std, mean);
    }
}

/* The same text twice: with the processor's fused multiply-add where there is one, else with the C library's. The
 * results are the same, so TAPEGRAD_ISA has no say here. */
#if defined(__x86_64__) && !defined(__FMA__)
__attribute__((target("avx2,fma"))) static void box_muller_f32_fma(float *u, int64_t blocks, float mean, float std)
{
    box_muller_blocks_f32(u, blocks, mean, std);
}

static void box_muller_f32(float *u, int64_t blocks, float mean, float std)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        box_muller_f32_fma(u, blocks, mean, std);
    else
        box_muller_blocks_f32(u, blocks, mean, std);
}
#else
static void box_muller_f32(float *u, int64_t blocks, float mean, float std)
{
    box_muller_blocks_f32(u, blocks, mean, std);
}
#endif

static void box_muller_f64(double *u, int64_t blocks, double mean, double std)
{
    for (int64_t b = 0; b < blocks; b++, u += BLOCK) {
        for (int i = 0; i < PAIRS; i++) {
            double radius = sqrt(-2.0 * log(1.0 - u[i])), theta = TWO_PI * u[PAIRS + i];
            u[i] = fma(radius * cos(theta), std, mean);
            u[PAIRS + i] = fma(radius * sin(theta), std, mean);
        }
    }
}

/* One normal number, as PyTorch makes them for fewer than 16 elements: always in double, the second of each pair kept
 * for the next call. */
static double single_normal(tg_generator *g, double mean, double std)
{
    if (g->has_next_normal) {
        g->has_next_normal = false;
        return fma(g->next_normal, std, mean);
    }
    double u1 = unit_f64(g), u2 = unit_f64(g);
    double radius = sqrt(-2.0 * log(1.0 - u2)), theta = TWO_PI * u1;
    g->next_normal = radius * sin(theta);
    g->has_next_normal = true;
    return fma(radius * cos(theta), std, mean);
}

double tg_random_normal(tg_generator *g, double mean, double std) { return single_normal(given(g), mean, std); }

void tg_generate_normal_f32(tg_generator *g, float *out, int64_t n, double mean, double std)
{
    g = given(g);
    n = writable("generate_normal", out, n);
    if (n < BLOCK) {
        for (int64_t i = 0; i < n; i++) out[i] = (float)single_normal(g, mean, std);
        return;
    }
    fill_unit_f32(g, out, n);
    box_muller_f32(out, n / BLOCK, (float)mean, (float)std);
    if (n % BLOCK == 0) return;
    float *last = out + (n - BLOCK); /* drawn anew, over numbers that were finished already */
    fill_unit_f32(g, last, BLOCK);
    box_muller_f32(last, 1, (float)mean, (float)std);
}

void tg_generate_normal_f64(tg_generator *g, double *out, int64_t n, double mean, double std)
{
    g = given(g);
    n = writable("generate_normal", out, n);
    if (n < BLOCK) {
        for (int64_t i = 0; i < n; i++) out[i] = single_normal(g, mean, std);
        return;
    }
    for (int64_t i = 0; i < n; i++) out[i] = unit_f64(g);
    box_muller_f64(out, n / BLOCK, mean, std);
    if (n % BLOCK == 0) return;
    double *last = out + (n - BLOCK);
    for (int i = 0; i < BLOCK; i++) last[i] = unit_f64(g);
    box_muller_f64(last, 1, mean, std);
}

/* ---- discrete ---- */

void tg_generate_randperm(tg_generator *g, int64_t *out, int64_t n)
{
    g = given(g);
    n = writable("generate_randperm", out, n);
    for (int64_t i = 0; i < n; i++) out[i] = i;
    for (int64_t i = 0; i + 1 < n; i++) {
        int64_t other = i + (int64_t)(draw32(g) % (uint64_t)(n - i));
        int64_t kept = out[i];
        out[i] = out[other];
        out[other] = kept;
    }
}

/* One draw of 32 bits an element; from a range of 2^32 on, one of 64. The subtraction and addition wrap, so that any
 * two bounds do. */
WRAPS void tg_generate_randint(tg_generator *g, int64_t *out, int64_t n, int64_t low, int64_t high)
{
    g = given(g);
    n = writable("generate_randint", out, n);
    uint64_t range = (uint64_t)high - (uint64_t)low;
    if (high <= low) range = 1;
    for (int64_t i = 0; i < n; i++) {
        uint64_t drawn = range >> 32 ? draw64(g) : draw32(g);
        out[i] = (int64_t)(drawn % range + (uint64_t)low);
    }
}

void tg_generate_bernoulli(tg_generator *g, bool *out, int64_t n, double p)
{
    g = given(g);
    n = writable("generate_bernoulli", out, n);
    for (int64_t i = 0; i < n; i++) out[i] = unit_f64(g) < p;
}

void tg_generate_numpy_rand(tg_generator *g, double *out, int64_t n)
{
    g = given(g);
    n = writable("generate_numpy_rand", out, n);
    for (int64_t i = 0; i < n; i++) {
        uint32_t high = draw32(g) >> 5, low = draw32(g) >> 6;
        out[i] = ((double)high * 67108864.0 + (double)low) / 9007199254740992.0;
    }
}

/* ---- the default generator ---- */

static tg_generator *lent_generator(tgi_lent_generator *lent)
{
    if (!lent->seeded) tg_generator_seed(&lent->generator, lent->seed);
    lent->seeded = true;
    return &lent->generator;
}

tgi_lent_generator *tgi_lend_generator(tgi_lent_generator *lent)
{
    if (!tgi_pool_of_thread()) return NULL;
    tgi_lent_generator *before = tgi_self.pool->rare.lent;
    tgi_self.pool->rare.lent = lent;
    return before;
}

tg_generator *tg_default_generator(void)
{
    static tg_generator without_memory; /* an error is pending then, and nobody uses what it draws */
    if (!tgi_pool_of_thread()) return &without_memory;
    tgi_rare *rare = &tgi_self.pool->rare;
    if (rare->lent) return lent_generator(rare->lent);
    if (!rare->seeded) {
        rare->seeded = true; /* first: seeding a generator that is there does not come back here */
        tg_generator_seed(&rare->generator, 0);
    }
    return &rare->generator;
}

void tg_manual_seed(uint64_t seed) { tg_generator_seed(tg_default_generator(), seed); }

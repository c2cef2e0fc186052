/* rng.h: random numbers, bit for bit those of PyTorch's CPU generator and of NumPy's legacy one.
 *
 * Both use the Mersenne Twister mt19937 (Matsumoto and Nishimura, 1998). A generator belongs to its user; each thread
 * has a default one, seeded by tg_manual_seed. */
#ifndef TG_CORE_RNG_H
#define TG_CORE_RNG_H

#include "base.h"

TG_BEGIN_DECLS

typedef struct tg_generator {
    uint32_t state[624];
    int index;
    bool has_next_normal;    /* the cached second value of Box-Muller */
    double next_normal;
} tg_generator;

void tg_generator_seed(tg_generator *g, uint64_t seed);
uint32_t tg_random32(tg_generator *g);               /* the next 32 bits */
uint64_t tg_random64(tg_generator *g);               /* two draws, the first one the high half */

/* One number, always made in double: uniform in [0, 1), of 53 bits; normal, the second of each pair kept for the next
 * call. */
double tg_random_uniform(tg_generator *g);
double tg_random_normal(tg_generator *g, double mean, double std);

/* PyTorch's streams, into contiguous memory. */
void tg_generate_uniform_f32(tg_generator *g, float *out, int64_t n, double from, double to);   /* [from, to) */
void tg_generate_uniform_f64(tg_generator *g, double *out, int64_t n, double from, double to);
void tg_generate_normal_f32(tg_generator *g, float *out, int64_t n, double mean, double std);
void tg_generate_normal_f64(tg_generator *g, double *out, int64_t n, double mean, double std);
void tg_generate_randperm(tg_generator *g, int64_t *out, int64_t n);
void tg_generate_randint(tg_generator *g, int64_t *out, int64_t n, int64_t low, int64_t high);  /* [low, high), high - low < 2^32 */
void tg_generate_bernoulli(tg_generator *g, bool *out, int64_t n, double p);                    /* a scalar p: 53-bit draws */

/* NumPy's `np.random.seed(s); np.random.rand(...)`: same engine and seeding, its own way to make a double. */
void tg_generate_numpy_rand(tg_generator *g, double *out, int64_t n);

/* The calling thread's default generator; seeded with 0 until tg_manual_seed seeds it. Its state is the struct: what
 * `tg_generator saved = *tg_default_generator();` keeps, `*tg_default_generator() = saved;` brings back. */
tg_generator *tg_default_generator(void);
void tg_manual_seed(uint64_t seed);

TG_END_DECLS

#endif

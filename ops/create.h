/* create.h: tensors from nothing, from numbers and from the random generator. */
#ifndef TG_OPS_CREATE_H
#define TG_OPS_CREATE_H

#include "../core/rng.h"
#include "../core/tensor.h"
#include "operand.h"

TG_BEGIN_DECLS

/* Without a dtype: the default float where PyTorch takes it, int64 or bool where the arguments say so. */
typedef struct tg_create_options {
    tg_dtype dtype;
    bool requires_grad;
    tg_generator *generator;   /* random functions; NULL: the thread's default */
    TG_OPTIONS_END
} tg_create_options;
#define TG_CREATE_DEFAULTS /* dtype */ TG_DEFAULT_DTYPE, /* requires_grad */ false, /* generator */ NULL TG_DEFAULTS_END
#define TG_CREATE_OPTIONS(...) TG_OPTIONS(tg_create_options, TG_CREATE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `tg_zeros(tg_shape(2, 3), .dtype = TG_FLOAT64, .requires_grad = true)` */
tg_tensor *tg_empty_at(const char *where, tg_shape shape, tg_create_options options);
tg_tensor *tg_zeros_at(const char *where, tg_shape shape, tg_create_options options);
tg_tensor *tg_ones_at(const char *where, tg_shape shape, tg_create_options options);
tg_tensor *tg_full_at(const char *where, tg_shape shape, tg_operand value, tg_create_options options);
#define tg_empty(shape, ...)       tg_empty_at(TG_HERE, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_zeros(shape, ...)       tg_zeros_at(TG_HERE, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_ones(shape, ...)        tg_ones_at(TG_HERE, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_full(shape, value, ...) tg_full_at(TG_HERE, shape, TG_OPERAND(value), TG_CREATE_OPTIONS(__VA_ARGS__))

/* A 0-d tensor: `tg_scalar(3.5)`. */
tg_tensor *tg_scalar_at(const char *where, tg_operand value, tg_create_options options);
#define tg_scalar(value, ...) tg_scalar_at(TG_HERE, TG_OPERAND(value), TG_CREATE_OPTIONS(__VA_ARGS__))

/* start, start + step, ... below end; int64 when all three are integers: `tg_arange(10)`, `tg_arange(2, 10)`,
 * `tg_arange(2, 10, 2)`. Options come after all three: `tg_arange(0, 10, 1, .dtype = TG_FLOAT32)`. */
tg_tensor *tg_arange_at(const char *where, tg_operand start, tg_operand end, tg_operand step, tg_create_options options);
#define tg_arange(...)                  TGI_ARANGE_(TGI_UP_TO_3(__VA_ARGS__))(__VA_ARGS__)
#define TGI_ARANGE_(count)              TGI_ARANGE__(count)
#define TGI_ARANGE__(count)             TGI_ARANGE_##count
#define TGI_ARANGE_1(end)               TGI_ARANGE_3(0, end, 1)
#define TGI_ARANGE_2(start, end)        TGI_ARANGE_3(start, end, 1)
#define TGI_ARANGE_3(start, end, step, ...)                                                                           \
    tg_arange_at(TG_HERE, TG_OPERAND(start), TG_OPERAND(end), TG_OPERAND(step), TG_CREATE_OPTIONS(__VA_ARGS__))
/* `steps` values from start to end, both included. */
tg_tensor *tg_linspace_at(const char *where, double start, double end, int64_t steps, tg_create_options options);
#define tg_linspace(start, end, steps, ...) tg_linspace_at(TG_HERE, start, end, steps, TG_CREATE_OPTIONS(__VA_ARGS__))
/* The n x m matrix (TG_NO_DIM: n x n) with ones on its diagonal: `tg_eye(3)`, `tg_eye(3, 4)`, `tg_eye(3, 3, .dtype = TG_FLOAT64)`. */
tg_tensor *tg_eye_at(const char *where, int64_t n, int64_t m, tg_create_options options);
#define tg_eye(...)             TGI_EYE_(TGI_UP_TO_2(__VA_ARGS__))(__VA_ARGS__)
#define TGI_EYE_(count)         TGI_EYE__(count)
#define TGI_EYE__(count)        TGI_EYE_##count
#define TGI_EYE_1(n)            tg_eye_at(TG_HERE, n, TG_NO_DIM, TG_CREATE_OPTIONS())
#define TGI_EYE_2(n, m, ...)    tg_eye_at(TG_HERE, n, m, TG_CREATE_OPTIONS(__VA_ARGS__))

/* PyTorch's random streams (core/rng.h). randint draws from [low, high) and randperm permutes 0..n-1; both are
 * int64. */
tg_tensor *tg_rand_at(const char *where, tg_shape shape, tg_create_options options);
tg_tensor *tg_randn_at(const char *where, tg_shape shape, tg_create_options options);
tg_tensor *tg_randint_at(const char *where, int64_t low, int64_t high, tg_shape shape, tg_create_options options);
tg_tensor *tg_randperm_at(const char *where, int64_t n, tg_create_options options);
#define tg_rand(shape, ...)               tg_rand_at(TG_HERE, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_randn(shape, ...)              tg_randn_at(TG_HERE, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_randint(low, high, shape, ...) tg_randint_at(TG_HERE, low, high, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_randperm(n, ...)               tg_randperm_at(TG_HERE, n, TG_CREATE_OPTIONS(__VA_ARGS__))

/* A copy of a C array in row-major order: float, double, int64_t, int or bool; the tensor's dtype is the array's (int
 * becomes int64) unless .dtype says otherwise. `tg_from_data(values, tg_shape(2, 3))`. An array shorter than that is an
 * error; of a pointer nobody knows, and `bytes` are -1. */
typedef enum tg_element { TG_ELEMENT_FLOAT, TG_ELEMENT_DOUBLE, TG_ELEMENT_INT64, TG_ELEMENT_INT, TG_ELEMENT_BOOL } tg_element;
tg_tensor *tg_from_data_at(const char *where, const void *data, int64_t bytes, tg_element element, tg_shape shape,
                           tg_create_options options);
#define tg_from_data(data, shape, ...)                                                                                \
    tg_from_data_at(TG_HERE, data, TGI_BYTES_OF(data), TG_ELEMENT_OF(data), shape, TG_CREATE_OPTIONS(__VA_ARGS__))

/* The same shape and dtype as `t`, on whose gradient they do not depend. */
tg_tensor *tg_empty_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_zeros_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_ones_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_full_like_at(const char *where, tg_tensor *t, tg_operand value, tg_create_options options);
tg_tensor *tg_rand_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_randn_like_at(const char *where, tg_tensor *t, tg_create_options options);
#define tg_empty_like(t, ...)       tg_empty_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_zeros_like(t, ...)       tg_zeros_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_ones_like(t, ...)        tg_ones_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_full_like(t, value, ...) tg_full_like_at(TG_HERE, t, TG_OPERAND(value), TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_rand_like(t, ...)        tg_rand_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_randn_like(t, ...)       tg_randn_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#ifdef __cplusplus
inline tg_element tgi_element_of(const float *) { return TG_ELEMENT_FLOAT; }
inline tg_element tgi_element_of(const double *) { return TG_ELEMENT_DOUBLE; }
inline tg_element tgi_element_of(const int64_t *) { return TG_ELEMENT_INT64; }
inline tg_element tgi_element_of(const int *) { return TG_ELEMENT_INT; }
inline tg_element tgi_element_of(const bool *) { return TG_ELEMENT_BOOL; }
#define TG_ELEMENT_OF(data) tgi_element_of(data)
template <class T> struct tgi_bytes { static const int64_t of = -1; };
template <class T, size_t N> struct tgi_bytes<T[N]> { static const int64_t of = sizeof(T[N]); };
#define TGI_BYTES_OF(data) (int64_t{ tgi_bytes<__typeof__(data)>::of })
#else
/* -1 for a pointer. */
#define TGI_BYTES_OF(data)                                                                                            \
    (__builtin_types_compatible_p(__typeof__(data), __typeof__(&*(data))) ? INT64_C(-1)                               \
                                                                          : (int64_t)sizeof(__typeof__(data)))
#define TG_ELEMENT_OF(data)                                                                                           \
    _Generic(&*(data),                                                                                                \
        float *: TG_ELEMENT_FLOAT, const float *: TG_ELEMENT_FLOAT,                                                   \
        double *: TG_ELEMENT_DOUBLE, const double *: TG_ELEMENT_DOUBLE,                                               \
        int64_t *: TG_ELEMENT_INT64, const int64_t *: TG_ELEMENT_INT64,                                               \
        int *: TG_ELEMENT_INT, const int *: TG_ELEMENT_INT,                                                           \
        bool *: TG_ELEMENT_BOOL, const bool *: TG_ELEMENT_BOOL)
#endif

#endif

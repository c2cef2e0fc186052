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
 * `tg_arange(2, 10, 2)`. Options come after all three, since a macro cannot tell an option from a number:
 * `tg_arange(0, 10, 1, .dtype = TG_FLOAT32)`, not `tg_arange(10, .dtype = TG_FLOAT32)`. */
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
/* The n x m matrix (TG_NO_DIM: n x n) with ones on its diagonal: `tg_eye(3)`, `tg_eye(3, 4)`, `tg_eye(3, 3, .dtype =
 * TG_FLOAT64)`. */
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

/* A 1-d tensor of numbers, none to 64: `tg_tensor_of(1, 2, 3)`. Its dtype is what torch.tensor([1, 2, 3]) has: bool of
 * bools alone, the default float where one of them is a float or double, otherwise int64. (C's `true` is an int.) */
tg_tensor *tg_tensor_of_at(const char *where, const tg_operand *numbers, int64_t count);
#define tg_tensor_of(...)                                                                                             \
    tg_tensor_of_at(TG_HERE, TGI_OPERANDS(__VA_ARGS__),                                                               \
                    (int64_t)(sizeof(TGI_OPERANDS(__VA_ARGS__)) / sizeof(tg_operand)) - 1)

/* The same of t's dtype, whatever the numbers are: `tg_new_tensor(x, 1, 2, 3)`. */
tg_tensor *tg_new_tensor_at(const char *where, tg_tensor *t, const tg_operand *numbers, int64_t count);
#define tg_new_tensor(t, ...)                                                                                         \
    tg_new_tensor_at(TG_HERE, t, TGI_OPERANDS(__VA_ARGS__),                                                           \
                     (int64_t)(sizeof(TGI_OPERANDS(__VA_ARGS__)) / sizeof(tg_operand)) - 1)

/* A copy of C data in row-major order:
 *
 *     tg_from_data(values, tg_shape(2, 3))                   // float values[6], double values[2][3], int64_t *values
 *     tg_from_data((float[]){ 1, 2, 3 }, tg_shape(3), .requires_grad = true)
 *
 * The data is an array of up to four dimensions, a pointer, or a literal of up to 60 elements, of float, double, bool
 * or integers of up to 64 bits; a longer literal does not compile. The tensor's dtype is the data's (integers become
 * int64, bytes too) unless .dtype says otherwise. An array shorter than the shape is an error, and so is an integer
 * that no int64 holds; of a pointer nobody knows the length, and `bytes` are -1. */
typedef enum tg_element {
    TG_ELEMENT_FLOAT,
    TG_ELEMENT_DOUBLE,
    TG_ELEMENT_INT64,
    TG_ELEMENT_INT, /* 32 bits */
    TG_ELEMENT_BOOL,
    TG_ELEMENT_UINT8,
    TG_ELEMENT_INT8,
    TG_ELEMENT_INT16,
    TG_ELEMENT_UINT16,
    TG_ELEMENT_UINT32,
    TG_ELEMENT_UINT64,
} tg_element;
#define TGI_ELEMENT_CHAR ((char)-1 < 0 ? TG_ELEMENT_INT8 : TG_ELEMENT_UINT8)
#define TGI_ELEMENT_LONG (sizeof(long) == 8 ? TG_ELEMENT_INT64 : TG_ELEMENT_INT)
#define TGI_ELEMENT_ULONG (sizeof(long) == 8 ? TG_ELEMENT_UINT64 : TG_ELEMENT_UINT32)
int64_t tg_element_size(tg_element element); /* in bytes; 0 for what is none */
tg_tensor *tg_from_data_at(const char *where, const void *data, int64_t bytes, tg_element element, tg_shape shape,
                           tg_create_options options);

/* The same shape and dtype as `t`, on whose gradient they do not depend. */
tg_tensor *tg_empty_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_zeros_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_ones_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_full_like_at(const char *where, tg_tensor *t, tg_operand value, tg_create_options options);
tg_tensor *tg_rand_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_randn_like_at(const char *where, tg_tensor *t, tg_create_options options);
tg_tensor *tg_randint_like_at(const char *where, tg_tensor *t, int64_t low, int64_t high, tg_create_options options);
#define tg_empty_like(t, ...)       tg_empty_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_zeros_like(t, ...)       tg_zeros_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_ones_like(t, ...)        tg_ones_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_full_like(t, value, ...) tg_full_like_at(TG_HERE, t, TG_OPERAND(value), TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_rand_like(t, ...)        tg_rand_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_randn_like(t, ...)       tg_randn_like_at(TG_HERE, t, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_randint_like(t, low, high, ...)                                                                            \
    tg_randint_like_at(TG_HERE, t, low, high, TG_CREATE_OPTIONS(__VA_ARGS__))

/* Of another shape, but of t's dtype: `tg_new_zeros(x, tg_shape(2, 3))`. */
tg_tensor *tg_new_empty_at(const char *where, tg_tensor *t, tg_shape shape, tg_create_options options);
tg_tensor *tg_new_zeros_at(const char *where, tg_tensor *t, tg_shape shape, tg_create_options options);
tg_tensor *tg_new_ones_at(const char *where, tg_tensor *t, tg_shape shape, tg_create_options options);
tg_tensor *tg_new_full_at(const char *where, tg_tensor *t, tg_shape shape, tg_operand value, tg_create_options options);
#define tg_new_empty(t, shape, ...)       tg_new_empty_at(TG_HERE, t, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_new_zeros(t, shape, ...)       tg_new_zeros_at(TG_HERE, t, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_new_ones(t, shape, ...)        tg_new_ones_at(TG_HERE, t, shape, TG_CREATE_OPTIONS(__VA_ARGS__))
#define tg_new_full(t, shape, value, ...)                                                                             \
    tg_new_full_at(TG_HERE, t, shape, TG_OPERAND(value), TG_CREATE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#ifdef __cplusplus
#include <type_traits>
template <class T> struct tgi_element_of;
template <> struct tgi_element_of<float> { static const tg_element value = TG_ELEMENT_FLOAT; };
template <> struct tgi_element_of<double> { static const tg_element value = TG_ELEMENT_DOUBLE; };
template <> struct tgi_element_of<bool> { static const tg_element value = TG_ELEMENT_BOOL; };
template <> struct tgi_element_of<unsigned char> { static const tg_element value = TG_ELEMENT_UINT8; };
template <> struct tgi_element_of<signed char> { static const tg_element value = TG_ELEMENT_INT8; };
template <> struct tgi_element_of<char> { static const tg_element value = TGI_ELEMENT_CHAR; };
template <> struct tgi_element_of<short> { static const tg_element value = TG_ELEMENT_INT16; };
template <> struct tgi_element_of<int> { static const tg_element value = TG_ELEMENT_INT; };
template <> struct tgi_element_of<long> { static const tg_element value = TGI_ELEMENT_LONG; };
template <> struct tgi_element_of<long long> { static const tg_element value = TG_ELEMENT_INT64; };
template <> struct tgi_element_of<unsigned short> { static const tg_element value = TG_ELEMENT_UINT16; };
template <> struct tgi_element_of<unsigned> { static const tg_element value = TG_ELEMENT_UINT32; };
template <> struct tgi_element_of<unsigned long> { static const tg_element value = TGI_ELEMENT_ULONG; };
template <> struct tgi_element_of<unsigned long long> { static const tg_element value = TG_ELEMENT_UINT64; };
template <class T>
inline tg_tensor *tgi_from_data(const char *where, T &&data, tg_shape shape,
                                tg_create_options options = tg_create_options{ TG_CREATE_DEFAULTS })
{
    using given = typename std::remove_reference<T>::type;
    using row = typename std::remove_pointer<typename std::decay<T>::type>::type;
    using element = typename std::remove_cv<typename std::remove_all_extents<row>::type>::type;
    return tg_from_data_at(where, data, tgi_array<given>::bytes, tgi_element_of<element>::value, shape, options);
}
template <class T> inline tg_tensor *tgi_from_data(const char *, T &&)
{
    static_assert(sizeof(T) == 0, "tg_from_data needs a shape: tg_from_data(values, tg_shape(n))");
    return nullptr;
}
#define tg_from_data(...) tgi_from_data(TG_HERE, __VA_ARGS__)
template <int N> struct tgi_cxx_operands {
    tg_operand items[N + 1];
};
#define TGI_OPERANDS(...)                                                                                             \
    (tgi_cxx_operands<TG_COUNT(__VA_ARGS__)>{                                                                         \
        { TGI_EACH(TG_OPERAND, __VA_ARGS__) __VA_OPT__(,) tg_operand_int(0) } }.items)
#else
#define TGI_OPERANDS(...)                                                                                             \
    ((const tg_operand[]){ TGI_EACH(TG_OPERAND, __VA_ARGS__) __VA_OPT__(,) tg_operand_int(0) })

/* What an array or pointer points to, be it rows or elements, as its elements; by its type, nothing is read. */
#define TGI_PEEL(data)          __builtin_choose_expr(TGI_IS_ARRAY((data)[0]), (data)[0], (data))
#define TGI_ELEMENT_OF(type)   TG_ELEMENT_OF(TGI_PEEL(TGI_PEEL(TGI_PEEL(*(type *)0))))
#define TG_ELEMENT_OF(data)                                                                                           \
    _Generic(*(data),                                                                                                 \
        float: TG_ELEMENT_FLOAT, double: TG_ELEMENT_DOUBLE, bool: TG_ELEMENT_BOOL,                                    \
        char: TGI_ELEMENT_CHAR, signed char: TG_ELEMENT_INT8, unsigned char: TG_ELEMENT_UINT8,                        \
        short: TG_ELEMENT_INT16, int: TG_ELEMENT_INT, long: TGI_ELEMENT_LONG, long long: TG_ELEMENT_INT64,            \
        unsigned short: TG_ELEMENT_UINT16, unsigned: TG_ELEMENT_UINT32, unsigned long: TGI_ELEMENT_ULONG,             \
        unsigned long long: TG_ELEMENT_UINT64)

/* A literal has commas of its own, which part the arguments of a macro. So the arguments stay together, as initialisers
 * of a tgi_from_data_call; the type of the literal (or the cast, or what else begins with a parenthesis) is what stands
 * between the first parentheses. What does not begin with one has no such commas. */
#define tg_from_data(...)                                                                                             \
    TGI_FROM_DATA(TGI_BEYOND_64(__VA_ARGS__), TGI_OPENS(__VA_ARGS__, ), TGI_UP_TO_3(__VA_ARGS__))(__VA_ARGS__)
#define TGI_FROM_DATA(many, opens, count)  TGI_FROM_DATA_(many, opens, count)
#define TGI_FROM_DATA_(many, opens, count) TGI_FROM_DATA_##many##opens##_##count
#define TGI_FROM_DATA_00_1(data)         TGI_NEEDS_A_SHAPE
#define TGI_FROM_DATA_00_2(data, shape)  TGI_FROM_ARRAY(data, shape)
#define TGI_FROM_DATA_00_3(...)          TGI_FROM_ARRAY(__VA_ARGS__)
#define TGI_FROM_DATA_01_1(data)         TGI_NEEDS_A_SHAPE
#define TGI_FROM_DATA_01_2(data, shape)  TGI_FROM_ARRAY(data, shape)
#define TGI_FROM_DATA_01_3(...)          TGI_FROM_LITERAL(TGI_GROUP(__VA_ARGS__, ), __VA_ARGS__)
#define TGI_FROM_DATA_11_3(...)                                                                                       \
    TGI_REFUSED("tg_from_data takes a literal of up to 60 elements; a longer one is an array with a name")
#define TGI_NEEDS_A_SHAPE                TGI_REFUSED("tg_from_data needs a shape: tg_from_data(values, tg_shape(n))")
#define TGI_REFUSED(why)                                                                                              \
    __extension__({                                                                                                   \
        _Static_assert(0, why);                                                                                       \
        (tg_tensor *)NULL;                                                                                            \
    })
#define TGI_OPENS(first, ...)            TGI_SECOND_OF(TGI_OPENS_ first, 0, )
#define TGI_OPENS_(...)                  ~, 1,
#define TGI_GROUP(first, ...)            TGI_FIRST_OF(TGI_GROUP_ first, )
#define TGI_GROUP_(...)                  (__VA_ARGS__),
#define TGI_FIRST_OF(...)                TG_FIRST_(__VA_ARGS__)
#define TGI_SECOND_OF(...)               TG_SECOND_(__VA_ARGS__)

#define TGI_FROM_ARRAY(data, shape, ...)                                                                              \
    __extension__({                                                                                                   \
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")                                 \
        typedef __typeof__(data) tgi_data;                                                                            \
        _Pragma("GCC diagnostic pop")                                                                                 \
        tg_from_data_at(TG_HERE, data, TGI_BYTES_OF(data), TGI_ELEMENT_OF(tgi_data), shape,                           \
                        TG_CREATE_OPTIONS(__VA_ARGS__));                                                              \
    })
#define TGI_FROM_LITERAL(group, ...)                                                                                  \
    __extension__({                                                                                                   \
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")                                 \
        typedef __typeof__ group tgi_data;                                                                            \
        _Pragma("GCC diagnostic pop")                                                                                 \
        TGI_DECLARE_OPTIONS(const tgi_from_data_call, TGI_FROM_DATA_CALL, .data = __VA_ARGS__)                        \
        tgi_from_literal(TG_HERE, tg_options_must_be_named_,                                                          \
                         TGI_IS_ARRAY(*(tgi_data *)0) ? (int64_t)sizeof((tgi_data){ 0 }) : INT64_C(-1),               \
                         TGI_ELEMENT_OF(tgi_data), TGI_COUNTED(__VA_ARGS__));                                         \
    })

typedef struct tgi_from_data_call {
    const void *data;
    tg_shape shape;
    TG_OPTIONS_END
    /* the options, which are none of these when they are given */
    tg_dtype dtype;
    int requires_grad;
} tgi_from_data_call;
#define TGI_NO_DTYPE       ((tg_dtype)14)
#define TGI_FROM_DATA_CALL .shape = { -1, { 0 } }, .dtype = TGI_NO_DTYPE, .requires_grad = -1

/* Without a shape ndim stays -1. The data has at least `bytes`, and as many elements as there are arguments besides the
 * shape and the options. */
static inline tg_tensor *tgi_from_literal(const char *where, tgi_from_data_call call, int64_t bytes, tg_element element,
                                          int64_t arguments)
{
    tg_create_options o = TG_CREATE_OPTIONS();
    const bool dtype = call.dtype != TGI_NO_DTYPE, requires_grad = call.requires_grad != -1;
    if (dtype) o.dtype = call.dtype;
    if (requires_grad) o.requires_grad = call.requires_grad;
    const int64_t size = tg_element_size(element), spelled = (arguments - 1 - dtype - requires_grad) * size;
    return tg_from_data_at(where, call.data, bytes < 0 || bytes > spelled ? bytes : spelled, element, call.shape, o);
}
#endif

#endif

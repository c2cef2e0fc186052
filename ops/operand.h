/* operand.h: an argument that is a tensor or a number.
 *
 * PyTorch takes numbers where it takes tensors, on either side, and a number never promotes a float32 tensor:
 * `tg_mul(x, 2.0)`, `tg_sub(1, x)`. TG_OPERAND turns either into a tg_operand; the op macros apply it. */
#ifndef TG_OPS_OPERAND_H
#define TG_OPS_OPERAND_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

typedef enum tg_operand_kind { TG_OPERAND_TENSOR, TG_OPERAND_INT, TG_OPERAND_REAL, TG_OPERAND_BOOL } tg_operand_kind;

typedef struct tg_operand {
    union {
        tg_tensor *tensor;
        int64_t integer;
        double real;
    } as;
    tg_operand_kind kind;
} tg_operand;

static inline tg_operand tg_operand_tensor(tg_tensor *t)
{
    tg_operand x;
    x.as.tensor = t;
    x.kind = TG_OPERAND_TENSOR;
    return x;
}
static inline tg_operand tg_operand_int(int64_t v)
{
    tg_operand x;
    x.as.integer = v;
    x.kind = TG_OPERAND_INT;
    return x;
}
static inline tg_operand tg_operand_real(double v)
{
    tg_operand x;
    x.as.real = v;
    x.kind = TG_OPERAND_REAL;
    return x;
}
static inline tg_operand tg_operand_bool(bool v)
{
    tg_operand x;
    x.as.integer = v;
    x.kind = TG_OPERAND_BOOL;
    return x;
}

TG_END_DECLS

#ifdef __cplusplus
inline tg_operand tgi_operand(tg_operand v) { return v; }
inline tg_operand tgi_operand(tg_tensor *v) { return tg_operand_tensor(v); }
inline tg_operand tgi_operand(decltype(nullptr)) { return tg_operand_tensor(nullptr); }
inline tg_operand tgi_operand(bool v) { return tg_operand_bool(v); }
inline tg_operand tgi_operand(int v) { return tg_operand_int(v); }
inline tg_operand tgi_operand(long v) { return tg_operand_int(v); }
inline tg_operand tgi_operand(long long v) { return tg_operand_int(v); }
inline tg_operand tgi_operand(float v) { return tg_operand_real(v); }
inline tg_operand tgi_operand(double v) { return tg_operand_real(v); }
#define TG_OPERAND(v) tgi_operand(v)
#else
static inline tg_operand tgi_operand_same(tg_operand v) { return v; }
static inline tg_operand tgi_operand_const(const tg_tensor *v) { return tg_operand_tensor((tg_tensor *)v); }
static inline tg_operand tgi_operand_unsigned(unsigned long long v) { return tg_operand_int((int64_t)v); }
/* Names `v` once: text that stood in the macro twice would double with each call inside a call. */
#define TG_OPERAND(v)               TGI_OPERAND_AS(v, TGI_JOINED(tgi_operand_, __COUNTER__))
#define TGI_OPERAND_AS(v, name)     __extension__({ __auto_type name = (v); TGI_OPERAND_OF(name); })
#define TGI_JOINED(name, number)    TGI_JOINED_(name, number)
#define TGI_JOINED_(name, number)   name##number
#define TGI_OPERAND_OF(v)                                                                                             \
    _Generic((v),                                                                                                     \
        tg_operand: tgi_operand_same,                                                                                 \
        tg_tensor *: tg_operand_tensor,                                                                               \
        const tg_tensor *: tgi_operand_const,                                                                         \
        void *: tg_operand_tensor,                                                                                    \
        float: tg_operand_real,                                                                                       \
        double: tg_operand_real,                                                                                      \
        bool: tg_operand_bool,                                                                                        \
        char: tg_operand_int, signed char: tg_operand_int, unsigned char: tg_operand_int,                             \
        short: tg_operand_int, unsigned short: tg_operand_int, int: tg_operand_int, unsigned: tg_operand_int,         \
        long: tg_operand_int, unsigned long: tgi_operand_unsigned,                                                    \
        long long: tg_operand_int, unsigned long long: tgi_operand_unsigned)(v)
#endif

#endif

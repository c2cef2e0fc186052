/* element.c: see element_impl.h. */
#include "element_impl.h"

#include <string.h>

const tgi_element_kind tgi_elements[TGI_ELEMENTS] = {
    [TGI_F64] = { "float64", 8, TG_FLOAT64, true },  [TGI_F32] = { "float32", 4, TG_FLOAT32, true },
    [TGI_F16] = { "float16", 2, TG_FLOAT32, false }, [TGI_BF16] = { "bfloat16", 2, TG_FLOAT32, false },
    [TGI_I64] = { "int64", 8, TG_INT64, true },      [TGI_I32] = { "int32", 4, TG_INT64, false },
    [TGI_I16] = { "int16", 2, TG_INT64, false },     [TGI_I8] = { "int8", 1, TG_INT64, false },
    [TGI_U64] = { "uint64", 8, TG_INT64, false },    [TGI_U32] = { "uint32", 4, TG_INT64, false },
    [TGI_U16] = { "uint16", 2, TG_INT64, false },    [TGI_U8] = { "uint8", 1, TG_INT64, false },
    [TGI_BOOLEAN] = { "bool", 1, TG_BOOL, false }, /* a byte may be neither 0 nor 1 */
};

tgi_element tgi_element_of(tg_dtype dtype)
{
    switch (dtype) {
    case TG_FLOAT64: return TGI_F64;
    case TG_INT64: return TGI_I64;
    case TG_BOOL: return TGI_BOOLEAN;
    default: return TGI_F32;
    }
}

int64_t tgi_elements_bytes(tgi_element element, const tg_shape *shape)
{
    int64_t extent = 16; /* the same room that a tensor's own sizes are given */
    bool empty = false;
    for (int d = 0; d < shape->ndim; d++) {
        if (shape->dims[d] < 0) return -1;
        empty |= shape->dims[d] == 0;
        if (shape->dims[d] > 0 && __builtin_mul_overflow(extent, shape->dims[d], &extent)) return -1;
    }
    return empty ? 0 : extent / 16 * tgi_elements[element].bytes;
}

/* IEEE 754 binary16 as binary32: the exponents' biases are 15 and 127, and every half that is not normal has a place
 * among the floats. */
static uint32_t half_as_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ffu;
    if (exponent == 31) return sign | 0x7f800000u | mantissa << 13;
    if (exponent == 0) {
        if (mantissa == 0) return sign;
        for (exponent = 1; !(mantissa & 0x400u); exponent--) mantissa <<= 1; /* wraps below 0, and back in the sum */
        mantissa &= 0x3ffu;
    }
    return sign | (exponent + 127 - 15) << 23 | mantissa << 13;
}

/* Memory in a file has no alignment. */
#define CONVERT(from_type, to_type, expression)                                                                        \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        from_type x;                                                                                                   \
        memcpy(&x, (const char *)from + (size_t)i * sizeof x, sizeof x);                                               \
        ((to_type *)to)[i] = expression;                                                                               \
    }                                                                                                                  \
    return -1

int64_t tgi_elements_convert(void *to, const void *from, int64_t count, tgi_element element)
{
    switch (element) {
    case TGI_F16: CONVERT(uint16_t, uint32_t, half_as_float(x));
    case TGI_BF16: CONVERT(uint16_t, uint32_t, (uint32_t)x << 16);
    case TGI_I32: CONVERT(int32_t, int64_t, x);
    case TGI_I16: CONVERT(int16_t, int64_t, x);
    case TGI_I8: CONVERT(int8_t, int64_t, x);
    case TGI_U32: CONVERT(uint32_t, int64_t, x);
    case TGI_U16: CONVERT(uint16_t, int64_t, x);
    case TGI_U8: CONVERT(uint8_t, int64_t, x);
    case TGI_BOOLEAN: CONVERT(uint8_t, uint8_t, x != 0);
    case TGI_U64:
        memcpy(to, from, (size_t)count * sizeof(int64_t));
        for (int64_t i = 0; i < count; i++)
            if (((int64_t *)to)[i] < 0) return i;
        return -1;
    default: memcpy(to, from, (size_t)count * (size_t)tgi_elements[element].bytes); return -1;
    }
}

/* scaled.c: see scaled_impl.h. */
#include "scaled_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>
#include <string.h>

static bool is_real(tgi_element element) { return element == TGI_F32 || element == TGI_F64; }

bool tgi_scaled_dtype(const char *function, tgi_element element, const tg_load_idx_options *options, tg_dtype *dtype)
{
    *dtype = options->dtype;
    if (*dtype == TG_DEFAULT_DTYPE && is_real(element)) *dtype = tgi_elements[element].dtype;
    if (*dtype == TG_DEFAULT_DTYPE) *dtype = options->scale == 1 ? TG_INT64 : TG_FLOAT32;
    const char *problem = NULL;
    if (!isfinite(options->scale)) problem = "the scale is no number";
    if (*dtype != TG_FLOAT32 && *dtype != TG_FLOAT64 && *dtype != TG_INT64)
        problem = "elements become float32, float64 or int64";
    if (*dtype == TG_INT64 && options->scale != 1) problem = "int64 elements have no scale";
    if (*dtype == TG_INT64 && is_real(element)) problem = "the file's elements are floats, and no int64";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s", problem);
    return !problem;
}

static double read_real(const void *from, int64_t i, tgi_element element)
{
    float single;
    double real;
    int64_t whole;
    switch (element) {
    case TGI_F32: memcpy(&single, (const char *)from + i * 4, sizeof single); return (double)single;
    case TGI_F64: memcpy(&real, (const char *)from + i * 8, sizeof real); return real;
    default:
        tgi_elements_convert(&whole, (const char *)from + i * tgi_elements[element].bytes, 1, element);
        return (double)whole;
    }
}

/* A product that is rounded to double and then to float is, of bytes and 1 / 255., the quotient. */
static void copy_bytes(float *to, const unsigned char *from, int64_t count, double scale)
{
    for (int64_t i = 0; i < count; i++) to[i] = (float)((double)from[i] * scale);
}

void tgi_scaled_copy(tg_tensor *t, int64_t first, const void *from, int64_t count, tgi_element element, double scale)
{
    void *to = (char *)tgi_ptr(t) + (size_t)first * tgi_element_size(t);
    if (count == 0) return;
    if (scale == 1 && t->dtype == tgi_elements[element].dtype)
        tgi_elements_convert(to, from, count, element); /* of floats the same bits */
    else if (t->dtype == TG_FLOAT32 && element == TGI_U8)
        copy_bytes(to, from, count, scale);
    else if (t->dtype == TG_FLOAT32)
        for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)(read_real(from, i, element) * scale);
    else
        for (int64_t i = 0; i < count; i++) ((double *)to)[i] = read_real(from, i, element) * scale;
}

/* picture.c: see picture_impl.h. */
#include "picture_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

static int64_t place(const tgi_picture *p, int64_t channel, int64_t y, int64_t x)
{
    return channel * p->strides[0] + y * p->strides[1] + x * p->strides[2];
}

/* int64 beyond a byte would be another colour. */
static bool in_range(const tgi_picture *p, const char *function)
{
    const int64_t *elements = p->t->dtype == TG_INT64 ? tgi_ptr(p->t) : NULL;
    for (int64_t c = 0; elements && c < p->channels; c++)
        for (int64_t y = 0; y < p->height; y++)
            for (int64_t x = 0; x < p->width; x++) {
                const int64_t value = elements[place(p, c, y, x)];
                if (value >= 0 && value <= 255) continue;
                return tg_fail_at(NULL, TG_ERROR_VALUE, function,
                                  "%lld at channel %lld, row %lld, column %lld: int64 pixels go from 0 to 255",
                                  (long long)value, (long long)c, (long long)y, (long long)x);
            }
    return true;
}

bool tgi_picture_of(tgi_picture *p, const char *function, const tg_tensor *t, int channels)
{
    const int64_t *strides = tgi_strides(t);
    const int n = t->ndim;
    const tg_shape shape = tgi_shape(t);
    char text[TG_SHAPE_TEXT];
    if ((n != 2 && n != 3) || t->numel == 0 ||
        (n == 3 && (t->dims[0] > channels || t->dims[0] == 2 || (t->dims[0] == 4 && channels < 4))))
        return tg_fail_at(NULL, TG_ERROR_VALUE, function,
                          "a picture is [height, width] or [channels, height, width] of 1%s 3%s channels, not %s",
                          channels > 3 ? "," : " or", channels > 3 ? " or 4" : "", tg_shape_text(&shape, text));
    *p =
        (tgi_picture){ .t = t, .channels = n == 3 ? t->dims[0] : 1, .height = t->dims[n - 2], .width = t->dims[n - 1] };
    p->strides[0] = n == 3 ? strides[0] : 0;
    p->strides[1] = strides[n - 2];
    p->strides[2] = strides[n - 1];
    if (p->height <= INT32_MAX && p->width <= INT32_MAX / 4) return in_range(p, function);
    return tg_fail_at(NULL, TG_ERROR_VALUE, function, "a picture of %lld by %lld pixels", (long long)p->height,
                      (long long)p->width);
}

/* x.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8), in the tensor's own precision. */
static unsigned char from_float(float x)
{
    const float level = x * 255.0f + 0.5f;
    return level > 0 ? level < 255 ? (unsigned char)level : 255 : 0;
}

static unsigned char from_double(double x)
{
    const double level = x * 255.0 + 0.5;
    return level > 0 ? level < 255 ? (unsigned char)level : 255 : 0;
}

void tgi_picture_row(const tgi_picture *p, int64_t y, unsigned char *to)
{
    const void *elements = tgi_ptr(p->t);
    for (int64_t x = 0; x < p->width; x++)
        for (int64_t c = 0; c < p->channels; c++) {
            const int64_t at = place(p, c, y, x);
            switch (p->t->dtype) {
            case TG_FLOAT32: *to++ = from_float(((const float *)elements)[at]); break;
            case TG_FLOAT64: *to++ = from_double(((const double *)elements)[at]); break;
            case TG_INT64: *to++ = (unsigned char)((const int64_t *)elements)[at]; break;
            default: *to++ = ((const uint8_t *)elements)[at] ? 255 : 0; break;
            }
        }
}

/* ppm.c: pictures as PPM and PGM: a header of text, "P6 640 480 255" with any blanks and comments, then numbers, as
 * bytes or as text. */
#include "image.h"
#include "input_impl.h"
#include "output_impl.h"
#include "picture_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <string.h>

/* ---- writing ---- */

tg_status tg_save_ppm_at(const char *where, const tg_tensor *image, const char *path)
{
    static const char what[] = "save_ppm";
    tgi_begin(where, what);
    tgi_picture p;
    if (!tgi_handle_ok(what, image) || tg_failed() || !tgi_picture_of(&p, what, image, 3)) return TG_FAILED;
    tgi_output out;
    const size_t bytes = (size_t)(p.width * p.channels);
    const tg_scope scope = tg_scope_begin();
    unsigned char *row = tgi_scope_alloc(bytes);
    bool saved = row && tgi_output_open(&out, what, path);
    if (saved) {
        tgi_output_format(&out, "P%c\n%lld %lld\n255\n", p.channels == 3 ? '6' : '5', (long long)p.width,
                          (long long)p.height);
        for (int64_t y = 0; !out.failed && y < p.height; y++) {
            tgi_picture_row(&p, y, row);
            tgi_output_write(&out, row, bytes);
        }
        saved = tgi_output_commit(&out);
    }
    tg_scope_end(scope);
    return saved ? TG_OK : TG_FAILED;
}

/* ---- reading ---- */

static const char what[] = "load_ppm";

typedef struct reader {
    const tgi_input *in;
    const char *begin, *at, *end; /* of the file's bytes; at `end` stands a zero byte */
    bool text;                    /* the numbers are */
    int64_t channels, height, width, most;
} reader;

static bool fail(const reader *r, const char *field, const char *text)
{
    return tgi_input_fail(r->in, r->at - r->begin, field, "%s", text);
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Passes over blanks and, from a # to the end of its line, comments. */
static void skip_blanks(reader *r)
{
    for (; is_space(*r->at) || *r->at == '#'; r->at++)
        if (*r->at == '#')
            while (r->at + 1 < r->end && r->at[1] != '\n' && r->at[1] != '\r') r->at++;
}

static bool read_number(reader *r, const char *field, int64_t most, int64_t *number)
{
    skip_blanks(r);
    if (*r->at < '0' || *r->at > '9') return fail(r, field, r->at == r->end ? "the file ends here" : "no number");
    for (*number = 0; *r->at >= '0' && *r->at <= '9'; r->at++) {
        *number = *number * 10 + (*r->at - '0');
        if (*number > most) return tgi_input_fail(r->in, r->at - r->begin, field, "more than %lld", (long long)most);
    }
    return true;
}

static bool read_header(reader *r)
{
    if (r->end - r->begin < 2 || r->at[0] != 'P' || !memchr("2356", r->at[1], 4))
        return fail(r, "magic", "a picture of this kind begins with P2, P3, P5 or P6");
    r->text = r->at[1] < '4';
    r->channels = r->at[1] == '3' || r->at[1] == '6' ? 3 : 1;
    r->at += 2;
    if (!is_space(*r->at) && *r->at != '#') return fail(r, "magic", "a blank is missing behind it");
    if (!read_number(r, "width", INT32_MAX, &r->width) || !read_number(r, "height", INT32_MAX, &r->height) ||
        !read_number(r, "maxval", 65535, &r->most))
        return false;
    if (r->width == 0 || r->height == 0 || r->most == 0) return fail(r, "sizes", "one of them is 0");
    if (!is_space(*r->at)) return fail(r, "maxval", "a blank is missing behind it");
    r->at++;
    const int64_t left = r->end - r->at, bytes = r->most > 255 ? 2 : 1;
    const int64_t samples = r->width * r->height; /* below 2^62 */
    const int64_t room = (r->text ? (left + 1) / 2 : left / bytes) / r->channels;
    if (samples <= room) return true;
    return tgi_input_fail(r->in, r->end - r->begin, NULL, "the file ends, and %lld by %lld pixels do not",
                          (long long)r->width, (long long)r->height);
}

/* The next sample: of one channel of one pixel. */
static bool read_sample(reader *r, int64_t *sample)
{
    if (r->text) return read_number(r, "pixels", r->most, sample);
    const unsigned char *b = (const unsigned char *)r->at;
    *sample = r->most > 255 ? b[0] << 8 | b[1] : b[0];
    if (*sample > r->most) return fail(r, "pixels", "a pixel is more than maxval");
    r->at += r->most > 255 ? 2 : 1;
    return true;
}

static void store(tg_tensor *t, int64_t at, int64_t sample, int64_t most)
{
    void *elements = tgi_ptr(t);
    switch (t->dtype) {
    case TG_FLOAT32: ((float *)elements)[at] = (float)sample / (float)most; break;
    case TG_FLOAT64: ((double *)elements)[at] = (double)sample / (double)most; break;
    default: ((int64_t *)elements)[at] = sample; break;
    }
}

static tg_tensor *read_pixels(reader *r, tg_dtype dtype)
{
    const tg_shape shape = tg_shape(r->channels, r->height, r->width);
    tg_tensor *t = tgi_new(&shape, dtype);
    const int64_t pixels = r->height * r->width;
    for (int64_t i = 0; t && i < pixels; i++)
        for (int64_t c = 0; c < r->channels; c++) {
            int64_t sample;
            if (!read_sample(r, &sample)) return NULL;
            store(t, c * pixels + i, sample, r->most);
        }
    while (r->at < r->end && is_space(*r->at)) r->at++;
    return r->at == r->end ? t : (fail(r, NULL, "something stands behind the pixels"), NULL);
}

tg_tensor *tg_load_ppm_at(const char *where, const char *path, tg_load_ppm_options options)
{
    tgi_begin(where, what);
    tgi_input in;
    const tg_dtype dtype = options.dtype == TG_DEFAULT_DTYPE ? TG_FLOAT32 : options.dtype;
    if (tg_failed()) return NULL;
    if (dtype != TG_FLOAT32 && dtype != TG_FLOAT64 && dtype != TG_INT64)
        return tg_fail_at(where, TG_ERROR_VALUE, what, "pixels become float32, float64 or int64");
    if (!tgi_input_open(&in, what, path)) return NULL;
    const tg_scope scope = tg_scope_begin();
    reader r = { .in = &in, .begin = tgi_input_block(&in, 0, in.size) };
    r.at = r.begin;
    r.end = r.begin ? r.begin + in.size : NULL;
    tg_tensor *t = r.begin && read_header(&r) ? read_pixels(&r, dtype) : NULL;
    tgi_input_close(&in);
    return tg_scope_return(scope, t);
}

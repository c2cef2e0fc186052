/* idx.c: see idx.h. An IDX file is two zero bytes, the type of its elements, the number of its sizes, the sizes (32
 * bits each) and the elements, row-major, all of it big-endian. */
#include "idx.h"
#include "gzip_impl.h"
#include "scaled_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <string.h>

static const char what[] = "load_idx";

typedef struct header {
    tgi_element element;
    tg_shape shape;
    int64_t bytes;    /* where the elements begin */
    int64_t elements; /* the bytes of all of them */
} header;

static bool find_element(const tgi_input *in, int code, tgi_element *element)
{
    static const struct {
        int code;
        tgi_element element;
    } types[] = { { 0x08, TGI_U8 },  { 0x09, TGI_I8 },  { 0x0b, TGI_I16 },
                  { 0x0c, TGI_I32 }, { 0x0d, TGI_F32 }, { 0x0e, TGI_F64 } };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        *element = types[i].element;
        if (types[i].code == code) return true;
    }
    return tgi_input_fail(in, 2, "type", "there are no elements of type 0x%02x", code);
}

static bool read_header(const tgi_unpacked *file, header *h)
{
    unsigned char bytes[4 + 4 * TG_MAX_DIMS];
    if (!tgi_unpacked_head(file, bytes, 4)) return false;
    if (bytes[0] || bytes[1])
        return tgi_input_fail(file->in, 0, "magic", "an IDX file begins with two zero bytes, not 0x%02x%02x", bytes[0],
                              bytes[1]);
    if (!find_element(file->in, bytes[2], &h->element)) return false;
    h->shape = tg_shape();
    if (bytes[3] > TG_MAX_DIMS)
        return tgi_input_fail(file->in, 3, "dimensions", "%d of them; there are %d at most", bytes[3], TG_MAX_DIMS);
    h->shape.ndim = bytes[3];
    h->bytes = 4 + 4 * h->shape.ndim;
    if (!tgi_unpacked_head(file, bytes, h->bytes)) return false;
    for (int d = 0; d < h->shape.ndim; d++) {
        const unsigned char *b = bytes + 4 + 4 * d;
        h->shape.dims[d] = (int64_t)b[0] << 24 | (int64_t)b[1] << 16 | (int64_t)b[2] << 8 | (int64_t)b[3];
    }
    h->elements = tgi_elements_bytes(h->element, &h->shape);
    if (h->elements == file->size - h->bytes) return true;
    char text[TG_SHAPE_TEXT];
    return tgi_input_fail(file->in, 4, "sizes", "%s elements of shape %s in %lld bytes", tgi_elements[h->element].name,
                          tg_shape_text(&h->shape, text), (long long)(file->size - h->bytes));
}

/* Into this machine's order. */
static void swap_bytes(char *bytes, int64_t count, int width)
{
    for (int64_t i = 0; i < count && width > 1; i++, bytes += width)
        for (int k = 0; k < width / 2; k++) {
            const char byte = bytes[k];
            bytes[k] = bytes[width - 1 - k];
            bytes[width - 1 - k] = byte;
        }
}

static void convert(tg_tensor *t, int64_t first, char *from, int64_t count, const header *h, double scale)
{
    swap_bytes(from, count, tgi_elements[h->element].bytes);
    tgi_scaled_copy(t, first, from, count, h->element, scale);
}

/* A packed file is made longer at once, a plain one is read piece by piece. */
static bool read_elements(const tgi_unpacked *file, const header *h, tg_tensor *t, double scale)
{
    enum { PIECE = 16384 };
    _Alignas(64) char piece[PIECE];
    const int64_t width = tgi_elements[h->element].bytes;
    if (file->packed) {
        char *all = tgi_scope_alloc((size_t)file->size + 1);
        if (!all || !tgi_unpacked_read(file, all)) return false;
        convert(t, 0, all + h->bytes, t->numel, h, scale);
        return true;
    }
    for (int64_t done = 0, n; done < t->numel; done += n) {
        n = t->numel - done < PIECE / width ? t->numel - done : PIECE / width;
        if (!tgi_input_read(file->in, h->bytes + done * width, piece, n * width)) return false;
        convert(t, done, piece, n, h, scale);
    }
    return true;
}

static tg_tensor *load(const tgi_input *in, const tg_load_idx_options *options)
{
    tgi_unpacked file;
    header h;
    tg_dtype dtype;
    if (!tgi_unpacked_open(&file, in) || !read_header(&file, &h) ||
        !tgi_scaled_dtype(what, h.element, options, &dtype) || !tgi_unpacked_credible(&file))
        return NULL;
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tgi_new(&h.shape, dtype);
    if (t && !read_elements(&file, &h, t, options->scale)) t = NULL;
    return tg_scope_return(scope, t);
}

tg_tensor *tg_load_idx_at(const char *where, const char *path, tg_load_idx_options options)
{
    tgi_begin(where, what);
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, what, path)) return NULL;
    tg_tensor *t = load(&in, &options);
    tgi_input_close(&in);
    return t;
}

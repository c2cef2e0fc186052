/* npy.c: files of one array. The header: npy_header.c; archives of several: npz.c. */
#include "npy.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "format_impl.h"
#include "npy_impl.h"
#include "output_impl.h"

#include <string.h>

/* ---- Fortran's order ---- */

enum { TILE = 16 };

/* Rows lie one element apart in `from` and columns in `to`: small squares, so that both stay in the caches. `size` is a
 * constant where it is called. */
static inline __attribute__((always_inline)) void transpose(char *to, int64_t to_row, const char *from,
                                                            int64_t from_column, int64_t rows, int64_t columns,
                                                            size_t size)
{
    for (int64_t row = 0; row < rows; row += TILE)
        for (int64_t column = 0; column < columns; column += TILE)
            for (int64_t i = row; i < rows && i < row + TILE; i++)
                for (int64_t j = column; j < columns && j < column + TILE; j++)
                    memcpy(to + (size_t)(i * to_row + j) * size, from + (size_t)(i + j * from_column) * size, size);
}

/* From the order in which the first index runs fastest into that in which the last does. The indices between them are
 * counted by the loop. */
static void to_row_major(tg_tensor *to, const char *from)
{
    const int last = to->ndim - 1;
    const int64_t rows = to->dims[0], columns = to->dims[last], between = to->numel / (rows * columns);
    int64_t index[TG_MAX_DIMS] = { 0 };
    char *p = tgi_ptr(to);
    const size_t size = tgi_element_size(to);
    for (int64_t k = 0; k < between; k++) {
        int64_t place = 0;
        for (int d = last - 1; d > 0; d--) place = place * to->dims[d] + index[d];
        char *there = p + (size_t)(k * columns) * size;
        const char *here = from + (size_t)(place * rows) * size;
        switch (size) {
        case 1: transpose(there, between * columns, here, rows * between, rows, columns, 1); break;
        case 4: transpose(there, between * columns, here, rows * between, rows, columns, 4); break;
        default: transpose(there, between * columns, here, rows * between, rows, columns, 8);
        }
        for (int d = last - 1; d > 0 && ++index[d] == to->dims[d]; d--) index[d] = 0;
    }
}

static tg_tensor *read_fortran(const tgi_npy_source *source, const tgi_npy_header *h)
{
    tg_shape reversed = { .ndim = h->shape.ndim };
    for (int d = 0; d < reversed.ndim; d++) reversed.dims[d] = h->shape.dims[reversed.ndim - 1 - d];
    const tg_scope scope = tg_scope_begin();
    tg_tensor *result = NULL, *t = source->tensor(source, h->data_at, h->element, &reversed);
    if (t && tg_ok()) result = tgi_new(&h->shape, (tg_dtype)t->dtype);
    if (result && t->numel > 0) to_row_major(result, tgi_ptr(t));
    return tg_scope_return(scope, result);
}

/* ---- reading ---- */

tg_tensor *tgi_npy_read(const tgi_npy_source *source)
{
    tgi_npy_header h = { 0 };
    char text[TG_SHAPE_TEXT];
    if (!tgi_npy_read_header(source, &h)) return NULL;
    const int64_t bytes = tgi_elements_bytes(h.element, &h.shape), there = source->size - h.data_at;
    tg_shape_text(&h.shape, text);
    if (bytes < 0) return tgi_npy_fail(source, 0, "no tensor has the shape %s", text);
    if (there < bytes)
        return tgi_npy_fail(source, source->size,
                            "ends too early: %s elements of shape %s are %lld bytes, and %lld are there",
                            tgi_elements[h.element].name, text, (long long)bytes, (long long)there);
    if (there > bytes)
        return tgi_npy_fail(source, h.data_at + bytes,
                            "%lld bytes follow the array of shape %s; one array is read from a file",
                            (long long)(there - bytes), text);
    return h.fortran && h.shape.ndim > 1 ? read_fortran(source, &h)
                                         : source->tensor(source, h.data_at, h.element, &h.shape);
}

static bool read_file(const tgi_npy_source *source, int64_t at, void *to, int64_t bytes)
{
    return tgi_input_read(source->in, at, to, bytes);
}

static tg_tensor *file_tensor(const tgi_npy_source *source, int64_t at, tgi_element element, const tg_shape *shape)
{
    return tgi_input_tensor(source->in, at, element, shape, NULL);
}

static tg_tensor *load(const tgi_input *in)
{
    const tgi_npy_source source = { .in = in, .size = in->size, .read = read_file, .tensor = file_tensor };
    const tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, tg_ok() ? tgi_npy_read(&source) : NULL);
}

tg_tensor *tg_load_npy_at(const char *where, const char *path)
{
    static const char name[] = "load_npy";
    tgi_begin(where, name);
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, name, path)) return NULL;
    tg_tensor *t = load(&in);
    tgi_input_close(&in);
    return t;
}

/* ---- writing ---- */

static tg_status save(const char *function, const tg_tensor *t, const char *path)
{
    char head[TGI_NPY_HEAD];
    tgi_output out;
    if (!tgi_output_open(&out, function, path)) return TG_FAILED;
    if (tgi_output_write(&out, head, tgi_npy_head(head, t)) && tgi_output_tensor(&out, t))
        return tgi_output_commit(&out) ? TG_OK : TG_FAILED;
    tgi_output_abandon(&out);
    return TG_FAILED;
}

tg_status tg_save_npy_at(const char *where, const tg_tensor *t, const char *path)
{
    static const char name[] = "save_npy";
    tgi_begin(where, name);
    return tg_failed() || !tgi_handle_ok(name, t) ? TG_FAILED : save(name, t, path);
}

/* ---- tg_load and tg_save ---- of one tensor, whose name is no part of the file */

static bool is_npy(const tgi_input *in)
{
    char begin[TGI_NPY_MAGIC_BYTES];
    return in->size >= (int64_t)sizeof begin && tgi_input_read(in, 0, begin, sizeof begin) &&
           memcmp(begin, tgi_npy_magic, sizeof begin) == 0;
}

static tg_named_tensor_list load_list(const tgi_input *in)
{
    tg_named_tensor_list list = { NULL, 0 };
    tg_tensor *t = load(in);
    tg_named_tensor *named = t ? tgi_scope_alloc(sizeof *named) : NULL;
    if (!named) return list;
    *named = (tg_named_tensor){ "", t };
    list = (tg_named_tensor_list){ named, 1 };
    return list;
}

static tg_status save_list(const char *function, tg_named_tensor_list list, const char *path)
{
    if (list.count == 1) return save(function, list.items[0].tensor, path);
    tg_fail_at(NULL, TG_ERROR_VALUE, function,
               "%s: a .npy file holds one tensor, not %lld; a .npz file holds any number", path, (long long)list.count);
    return TG_FAILED;
}

const tgi_file_format tgi_format_npy = { "npy", ".npy", is_npy, load_list, save_list };

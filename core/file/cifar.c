/* cifar.c: CIFAR's binary records: one label (of CIFAR-100 the superclass and the class), then 1024 bytes each of red,
 * green and blue. See idx.h. */
#include "gzip_impl.h"
#include "idx.h"
#include "scaled_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

enum { PIXELS = 3 * 32 * 32 };

/* Which bytes of a record are labels, and how many classes they know. */
typedef struct kind {
    const char *function;
    int labels;
    int classes[2];
} kind;

static bool read_labels(const tgi_input *in, const kind *k, const unsigned char *record, int64_t i, tg_tensor **labels)
{
    for (int n = 0; n < k->labels; n++) {
        if (record[n] >= k->classes[n])
            return tgi_input_fail(in, i * (k->labels + PIXELS) + n, "label", "%d of %d classes", record[n],
                                  k->classes[n]);
        ((int64_t *)tgi_ptr(labels[n]))[i] = record[n];
    }
    return true;
}

static bool read_records(const tgi_unpacked *file, const kind *k, tg_tensor *images, tg_tensor **labels, double scale)
{
    unsigned char record[2 + PIXELS];
    const int64_t bytes = k->labels + PIXELS, count = images->dims[0];
    unsigned char *all = file->packed ? tgi_scope_alloc((size_t)file->size + 1) : NULL;
    if (file->packed && (!all || !tgi_unpacked_read(file, all))) return false;
    for (int64_t i = 0; i < count; i++) {
        if (!all && !tgi_input_read(file->in, i * bytes, record, bytes)) return false;
        const unsigned char *one = all ? all + i * bytes : record;
        if (!read_labels(file->in, k, one, i, labels)) return false;
        tgi_scaled_copy(images, i * PIXELS, one + k->labels, PIXELS, TGI_U8, scale);
    }
    return true;
}

static bool load_file(const tgi_input *in, const kind *k, const tg_load_idx_options *options, tg_cifar *cifar)
{
    tgi_unpacked file;
    tg_dtype dtype;
    if (!tgi_unpacked_open(&file, in) || !tgi_scaled_dtype(k->function, TGI_U8, options, &dtype)) return false;
    const int64_t bytes = k->labels + PIXELS, count = file.size / bytes;
    if (file.size % bytes)
        return tgi_input_fail(in, TGI_NOWHERE, NULL, "%lld bytes are not so many records of %lld", (long long)file.size,
                              (long long)bytes);
    if (!tgi_unpacked_credible(&file)) return false;
    const tg_shape many = tg_shape(count), shape = tg_shape(count, 3, 32, 32);
    tg_tensor *labels[2] = { NULL, NULL }; /* in the order of the record */
    const tg_scope scope = tg_scope_begin();
    cifar->images = tgi_new(&shape, dtype);
    for (int n = 0; n < k->labels; n++) labels[n] = tgi_new(&many, TG_INT64);
    const bool read = cifar->images && labels[0] && labels[k->labels - 1] &&
                      read_records(&file, k, cifar->images, labels, options->scale);
    if (!read) labels[0] = labels[1] = cifar->images = NULL;
    tg_scope_end_with(scope, &cifar->images, &labels[0], &labels[1]);
    cifar->labels = labels[k->labels - 1];
    cifar->coarse = k->labels == 2 ? labels[0] : NULL;
    return read;
}

static tg_cifar load(const char *where, const char *path, const kind *k, const tg_load_idx_options *options)
{
    tg_cifar cifar = { NULL, NULL, NULL };
    tgi_begin(where, k->function);
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, k->function, path)) return cifar;
    load_file(&in, k, options, &cifar);
    tgi_input_close(&in);
    return cifar;
}

tg_cifar tg_load_cifar10_at(const char *where, const char *path, tg_load_idx_options options)
{
    static const kind k = { "load_cifar10", 1, { 10, 0 } };
    return load(where, path, &k, &options);
}

tg_cifar tg_load_cifar100_at(const char *where, const char *path, tg_load_idx_options options)
{
    static const kind k = { "load_cifar100", 2, { 20, 100 } };
    return load(where, path, &k, &options);
}

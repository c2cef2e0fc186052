/* npy_impl.h: what .npy files and the entries of .npz archives share. Internal. */
#ifndef TG_CORE_FILE_NPY_IMPL_H
#define TG_CORE_FILE_NPY_IMPL_H

#include "input_impl.h"

TG_EXTERN_C_BEGIN

/* Where an array is read from: a file, or an entry of an archive. */
typedef struct tgi_npy_source {
    const tgi_input *in;
    const void *context;   /* of the functions */
    const char *name;      /* what errors call it; NULL: the file alone */
    int64_t at;            /* where it begins in the file */
    bool packed;           /* its bytes do not follow one another there */
    int64_t size;
    /* As tgi_input_read and tgi_input_tensor, from `at` on within it. */
    bool (*read)(const struct tgi_npy_source *source, int64_t at, void *to, int64_t bytes);
    tg_tensor *(*tensor)(const struct tgi_npy_source *source, int64_t at, tgi_element element, const tg_shape *shape);
} tgi_npy_source;

typedef struct tgi_npy_header {
    tgi_element element;
    bool fortran;          /* the first index runs fastest */
    tg_shape shape;
    int64_t data_at;       /* where the elements begin */
} tgi_npy_header;

/* Records what is wrong at a byte of it. NULL, and so false. */
TG_RARE TG_PRINTF(3, 4) void *tgi_npy_fail(const tgi_npy_source *source, int64_t at, const char *format, ...);

/* Every file begins so. */
enum { TGI_NPY_MAGIC_BYTES = 6 };
extern const char tgi_npy_magic[TGI_NPY_MAGIC_BYTES + 1];

/* False with an error pending. */
bool tgi_npy_read_header(const tgi_npy_source *source, tgi_npy_header *header);
/* The array, in C's order. NULL with an error pending. */
tg_tensor *tgi_npy_read(const tgi_npy_source *source);

/* The bytes before the elements, whose number is returned. */
enum { TGI_NPY_HEAD = 512 };
size_t tgi_npy_head(char head[TGI_NPY_HEAD], const tg_tensor *t);

TG_EXTERN_C_END

#endif

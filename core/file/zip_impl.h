/* zip_impl.h: zip archives: those that PyTorch, NumPy and everybody else write are read, stored entries are written.
 * Internal. */
#ifndef TG_CORE_FILE_ZIP_IMPL_H
#define TG_CORE_FILE_ZIP_IMPL_H

#include "crc32_impl.h"
#include "input_impl.h"
#include "output_impl.h"

TG_EXTERN_C_BEGIN

/* ---- reading ---- */

typedef struct tgi_zip_entry {
    const char *name;
    bool deflated;       /* otherwise stored */
    int64_t compressed;  /* bytes in the file */
    int64_t size;        /* bytes of what it holds */
    int64_t data_at;     /* where they begin in the file: the local header was read */
    uint32_t crc;        /* of what it holds */
} tgi_zip_entry;

typedef struct tgi_zip {
    const tgi_input *in;
    tgi_zip_entry *entries; /* in the order of the directory, in the innermost scope's memory */
    int64_t count;
    int64_t *by_name;       /* their indices, sorted by name */
} tgi_zip;

/* Whether the file begins as a zip archive does. */
bool tgi_zip_is(const tgi_input *in);
/* Reads the directory (zip64, too) and what stands before each entry. Every entry lies within the file, no two
 * overlap, no name comes twice, none is encrypted, none has another method. A name is a name: nobody opens a file of
 * that name. False with an error pending. */
bool tgi_zip_open(tgi_zip *zip, const tgi_input *in);
/* NULL if there is none. */
const tgi_zip_entry *tgi_zip_find(const tgi_zip *zip, const char *name);
/* Copies so many bytes of what it holds, from `at` on; it must have them. The sum is not looked at, and of a deflated
 * entry all that comes before is inflated: for its head. False with an error pending. */
bool tgi_zip_read(const tgi_zip *zip, const tgi_zip_entry *entry, int64_t at, void *to, int64_t bytes);
/* What it holds, of which `crc` must be the sum, in the innermost scope's memory, with a zero byte behind. What a
 * deflated entry says of its size is believed when it is not much, or was found to be true. NULL with an error
 * pending. */
char *tgi_zip_block(const tgi_zip *zip, const tgi_zip_entry *entry);
/* A tensor of what lies at `offset` in it: as tgi_input_tensor, and as strict; the sum is checked where the entry ends
 * with the tensor, and always of a deflated one. */
tg_tensor *tgi_zip_tensor(const tgi_zip *zip, const tgi_zip_entry *entry, int64_t offset, tgi_element element,
                          const tg_shape *shape);

/* ---- writing ---- */

typedef struct tgi_zip_writer {
    tgi_output *out;
    struct tgi_zip_written *entries; /* what the directory will say */
    int64_t count, capacity;
    char *names;                     /* one behind the other, each with a zero byte */
    int64_t names_bytes, names_capacity;
} tgi_zip_writer;

void tgi_zip_begin(tgi_zip_writer *zip, tgi_output *out);
/* One entry, stored: a head and, if there is one, a tensor's elements behind it. They begin at a multiple of
 * `alignment` in the file (1 to 4096, by an extra field "FB" as PyTorch's). A date of 1980, so that the same content
 * gives the same bytes. False with an error pending; the rest does nothing then. */
bool tgi_zip_add(tgi_zip_writer *zip, const char *name, int alignment, const void *head, size_t head_bytes,
                 const tg_tensor *t);
/* The directory, zip64 where it must be; no name may have come twice. False with an error pending; either way `zip` is
 * done with. The file is not: tgi_output_commit. */
bool tgi_zip_end(tgi_zip_writer *zip);

TG_EXTERN_C_END

#endif

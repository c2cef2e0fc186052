/* output_impl.h: a file that is written, whole or not at all. Internal.
 *
 * What is written goes into a temporary file beside the target, "model.pt.part". tgi_output_commit brings it to the
 * disk and then, by one rename, in the target's place, and the folder's entry to the disk: who reads, or looks after
 * the machine lost its power, finds the old file or the new one. What a killed program leaves there the next one that
 * writes the same file writes over. Two that write the same file at once: the second is told.
 *
 *     tgi_output out;
 *     if (!tgi_output_open(&out, "save_npy", path)) return TG_FAILED;
 *     tgi_output_write(&out, magic, 8);             after a failure the rest does nothing
 *     return tgi_output_commit(&out) ? TG_OK : TG_FAILED; */
#ifndef TG_CORE_FILE_OUTPUT_IMPL_H
#define TG_CORE_FILE_OUTPUT_IMPL_H

#include "core/tensor.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_output {
    const char *function;  /* whose errors these are, "save_npy" */
    const char *path;      /* the user's */
    char *names;           /* the target, links followed, and the temporary file: two strings in a row */
    size_t names_bytes;
    const char *target, *temporary; /* `temporary` is NULL where nothing can be renamed: a device, a pipe, appending */
    int fd;
    bool failed;           /* an error is pending */
    int64_t written;       /* bytes so far; of one that is appended to, those that were there, too */
    unsigned char *buffer;
    size_t used;
} tgi_output;

/* False with an error pending; then there is nothing to abandon, but it does no harm. */
bool tgi_output_open(tgi_output *out, const char *function, const char *path);
/* Opens a file in place, or makes it, to write behind its end: for logs, which grow line by line. */
bool tgi_output_append(tgi_output *out, const char *function, const char *path);

bool tgi_output_write(tgi_output *out, const void *bytes, size_t count);
bool tgi_output_zeros(tgi_output *out, size_t count);
/* Numbers with a point in every locale. */
TG_PRINTF(2, 3) bool tgi_output_format(tgi_output *out, const char *format, ...);
/* The elements in row-major order. */
bool tgi_output_tensor(tgi_output *out, const tg_tensor *t);
/* Hands what is buffered to the system. */
bool tgi_output_flush(tgi_output *out);

/* Ends it. False with an error pending: the target is what it was, or, where the last of it failed (the folder's entry
 * could not be brought to the disk), new and whole. */
bool tgi_output_commit(tgi_output *out);
/* Ends it without a result. */
void tgi_output_abandon(tgi_output *out);

/* t's elements in row-major order: t's own where they lie so, or a copy that lives as long as the innermost scope. NULL
 * with an error pending, or when there are none. */
const void *tgi_row_major(const tg_tensor *t);

TG_EXTERN_C_END

#endif

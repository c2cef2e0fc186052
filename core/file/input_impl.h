/* input_impl.h: a file that is read. Internal.
 *
 * Bytes are asked for by their place, each time with a look at the file's size: what a hostile file says of itself
 * leads to an error and never beyond its end. Every error names the file, the byte and the field. */
#ifndef TG_CORE_FILE_INPUT_IMPL_H
#define TG_CORE_FILE_INPUT_IMPL_H

#include "core/tensor.h"
#include "element_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_input {
    const char *function; /* whose errors these are, "load_npy" */
    const char *path;     /* the user's */
    int fd;
    int64_t size;         /* in bytes, when it was opened */
} tgi_input;

enum { TGI_NOWHERE = -1 };

/* Opens a regular file. False with an error pending; then nothing is to be closed. */
bool tgi_input_open(tgi_input *in, const char *function, const char *path);
void tgi_input_close(tgi_input *in);

/* Records that the field (or NULL) at that byte (or TGI_NOWHERE) is wrong. NULL, and so false. */
TG_RARE TG_PRINTF(4, 5) void *tgi_input_fail(const tgi_input *in, int64_t at, const char *field, const char *format, ...);

/* Copies so many bytes from there; the file must have them. False with an error pending. */
bool tgi_input_read(const tgi_input *in, int64_t at, void *to, int64_t bytes);

/* The same into the innermost scope's memory, with a zero byte behind. NULL with an error pending. */
char *tgi_input_block(const tgi_input *in, int64_t at, int64_t bytes);

/* Whether the file has so many elements there. False with an error pending. */
bool tgi_input_fits(const tgi_input *in, int64_t at, tgi_element element, const tg_shape *shape, const char *name);
/* A tensor of that shape whose elements lie there, one after another in row-major order, in the file as `element` says.
 * Its dtype is that of the element (tgi_elements). No more memory is asked for than the file has elements. `name` is
 * what errors call it. NULL with an error pending. */
tg_tensor *tgi_input_tensor(const tgi_input *in, int64_t at, tgi_element element, const tg_shape *shape, const char *name);

TG_EXTERN_C_END

#endif

/* element_impl.h: the element types that files have, and what becomes of them in a tensor. Internal. */
#ifndef TG_CORE_FILE_ELEMENT_IMPL_H
#define TG_CORE_FILE_ELEMENT_IMPL_H

#include "core/shape.h"

TG_EXTERN_C_BEGIN

/* Little-endian, as is the memory of the machines that tapegrad runs on. */
typedef enum tgi_element {
    TGI_F64, TGI_F32, TGI_F16, TGI_BF16,
    TGI_I64, TGI_I32, TGI_I16, TGI_I8,
    TGI_U64, TGI_U32, TGI_U16, TGI_U8,
    TGI_BOOLEAN,
    TGI_ELEMENTS
} tgi_element;

typedef struct tgi_element_kind {
    const char *name;  /* "float16" */
    int bytes;         /* in the file */
    tg_dtype dtype;    /* of the tensor: the narrowest that holds every value, but int64 for uint64 */
    bool as_it_is;     /* the file's bytes are the tensor's */
} tgi_element_kind;
extern const tgi_element_kind tgi_elements[TGI_ELEMENTS];

/* What a tensor of that dtype is written as. */
tgi_element tgi_element_of(tg_dtype dtype);

/* The bytes of so many elements in a file; -1 for sizes that no tensor can have: below 0, or a product (zeros left out)
 * beyond 64 bits. */
int64_t tgi_elements_bytes(tgi_element element, const tg_shape *shape);

/* Elements of a file into those of a tensor, which do not overlap. NaNs keep their payloads, -0 its sign. The index of
 * the first uint64 that int64 cannot hold, or -1. */
int64_t tgi_elements_convert(void *to, const void *from, int64_t count, tgi_element element);

TG_EXTERN_C_END

#endif

/* pickle_impl.h: Python's pickles, read and written without Python. Internal.
 *
 * A pickle is a program for a machine with a stack and a memo. Here the machine has no function to call: a class or
 * function in a pickle is a name, and what is "called" is looked up by its name among the few that make tensors and
 * containers (pickle_calls.c). Any other is an error that says which. Each opcode makes at most one object, so that
 * what is asked for stays within a small factor of the pickle's length, and one that lies in itself cannot be made. */
#ifndef TG_CORE_FILE_PICKLE_IMPL_H
#define TG_CORE_FILE_PICKLE_IMPL_H

#include "element_impl.h"
#include "input_impl.h"
#include "object_impl.h"

TG_EXTERN_C_BEGIN

/* ---- reading ---- */

/* The elements of tensors lie outside of the pickle, under a name. */
typedef struct tgi_storage_name {
    const char *key;   /* "0" */
    int64_t told;      /* the number that is told with the name: elements, but bytes where it is untyped */
    bool untyped;      /* the first tensor says of which type it is */
    tgi_element element;
    int64_t count;     /* of elements */
    tg_tensor *tensor; /* of one dimension, all of them; NULL as long as none was asked for */
} tgi_storage_name;

typedef struct tgi_pickle {
    const tgi_input *in;
    int64_t at;                 /* of its first byte in the file; TGI_NOWHERE if it is not there as it is */
    const unsigned char *bytes; /* with a zero behind */
    int64_t size;
    /* Makes the tensor of a storage. NULL with an error pending. */
    tg_tensor *(*load)(struct tgi_pickle *p, const tgi_storage_name *storage);
    void *context;
    /* What follows is zeros at first. */
    int64_t next, opcode_at, copied;
    tgi_objects memory;
    const tg_object **stack, **memo; /* a memo's entry may be NULL */
    int64_t *marks;                  /* how high the stack was */
    int64_t count, capacity, memo_count, memo_capacity, mark_count, mark_capacity;
    tgi_storage_name *storages;
    int64_t storage_count, storage_capacity;
    int64_t *slots; /* numbers of storages by their keys, -1: none; a power of two of them */
    int64_t slot_count;
    bool ended;
} tgi_pickle;

/* What the pickle makes, in the innermost scope. NULL with an error pending. */
const tg_object *tgi_pickle_load(tgi_pickle *p);

/* For pickle_*.c: records an error at the opcode at work. NULL, and so false. */
TG_RARE TG_PRINTF(2, 3) void *tgi_pickle_fail(const tgi_pickle *p, const char *format, ...);
/* Puts an item into a container; false with an error pending. */
bool tgi_pickle_add(const tgi_pickle *p, const tg_object *container, const tg_object *item);

/* What "calling" that class or function with that tuple gives; an object of a class, made of that tuple; an object
 * after `state` was put into it; a storage of what is told by a tuple. NULL with an error pending. (pickle_calls.c,
 * pickle_tensor.c) */
const tg_object *tgi_pickle_call(tgi_pickle *p, const tg_object *function, const tg_object *arguments);
const tg_object *tgi_pickle_instance(tgi_pickle *p, const tg_object *type, const tg_object *arguments);
const tg_object *tgi_pickle_build(tgi_pickle *p, const tg_object *object, const tg_object *state);
const tg_object *tgi_pickle_storage(tgi_pickle *p, const tg_object *id);
/* What the name of a class or function stands for: itself, but a dtype is a text. */
const tg_object *tgi_pickle_global(tgi_pickle *p, const char *module, int64_t module_bytes, const char *name,
                                   int64_t name_bytes);

/* The functions that make tensors, with how many arguments at least. NULL: the name is none of them. */
typedef const tg_object *(*tgi_pickle_function)(tgi_pickle *p, const tg_object *const *arguments, int64_t count);
tgi_pickle_function tgi_pickle_rebuild(const char *name, int64_t *least);

/* ---- writing ---- */

/* Bytes that grow. */
typedef struct tgi_bytes {
    unsigned char *items;
    int64_t count, capacity;
} tgi_bytes;

/* What of a storage's elements the tensors in an object show: it is written once, under its number. */
typedef struct tgi_shown_storage {
    const void *storage; /* a tgi_storage */
    tg_tensor *tensor;   /* one of those that show it */
    int64_t begin, end;  /* elements */
} tgi_shown_storage;

typedef struct tgi_shown {
    tgi_shown_storage *items; /* in the order in which they are first met */
    int64_t count, capacity;
    int64_t *slots; /* numbers of items by their storages' addresses, -1: none; a power of two of them */
    int64_t slot_count;
} tgi_shown;

/* Finds the storages of all tensors in an object. False with an error pending; either way tgi_shown_free. */
bool tgi_shown_find(tgi_shown *shown, const char *function, const tg_object *o);
int64_t tgi_shown_number(const tgi_shown *shown, const tg_tensor *t);
void tgi_shown_free(tgi_shown *shown);

/* Appends the pickle of an object, in protocol 2. False with an error pending. */
bool tgi_pickle_write(tgi_bytes *to, const tgi_shown *shown, const char *function, const tg_object *o);

TG_EXTERN_C_END

#endif

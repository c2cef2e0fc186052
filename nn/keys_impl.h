/* keys_impl.h: lists of named tensors that are loaded, into a module, an optimiser or a scheduler: names made, tensors
 * found by their names, and one error that tells all that is wrong. */
#ifndef TG_NN_KEYS_IMPL_H
#define TG_NN_KEYS_IMPL_H

#include "core/thread.h"
#include "module.h"

TG_EXTERN_C_BEGIN

/* A name, in the innermost scope's memory; NULL with an error pending. */
TG_PRINTF(1, 2) const char *tgi_key(const char *format, ...);

/* ---- finding ---- */

typedef struct tgi_keys {
    tg_named_tensor_list list;
    const tg_named_tensor **sorted; /* by name; of the same name the later one comes first */
    bool *taken;                    /* of each tensor of the list */
} tgi_keys;

/* Sorts the list, in the innermost scope's memory. False, with an error pending, for one that cannot be read. */
bool tgi_keys_begin(tgi_keys *keys, const char *function, tg_named_tensor_list list);
/* The last tensor of that name, which is marked as taken with its namesakes; NULL if there is none. */
tg_tensor *tgi_keys_take(tgi_keys *keys, const char *key);

/* ---- the error ---- */

/* What finds no room is left out, and three points tell of it. */
typedef struct tgi_key_text {
    size_t used;
    char text[TGI_MESSAGE];
} tgi_key_text;

/* Begins with zeros. */
typedef struct tgi_key_report {
    tgi_key_text first, missing, unexpected, other;
} tgi_key_report;

void tgi_report_missing(tgi_key_report *r, const char *key);
void tgi_report_unexpected(tgi_key_report *r, const char *key);
/* That the tensor of this name should have another shape. */
void tgi_report_size(tgi_key_report *r, const char *key, const tg_tensor *given, const tg_shape *expected);
/* A line before all others, which says what they have in common. */
TG_PRINTF(2, 3) void tgi_report_first(tgi_key_report *r, const char *format, ...);
/* A line of its own. */
TG_PRINTF(2, 3) void tgi_report_line(tgi_key_report *r, const char *format, ...);
/* False, with PyTorch's error, if anything was reported. `name` is whose state it is. */
bool tgi_report_end(const tgi_key_report *r, const char *where, const char *function, const char *name);

/* ---- in two steps ---- Several things are loaded, or none: each is looked at and made ready, which may fail, and when
 * all are, each is ended. */

/* What one thing is to become, in the innermost scope's memory, where what makes it ready runs under no_grad. */
typedef struct tgi_loading tgi_loading;
struct tgi_loading {
    tgi_loading *next; /* for who has several */
    void (*end)(tgi_loading *loading, bool take); /* moves it in, which cannot fail; or drops it */
};

/* tg_load_state_dict, strict. NULL with an error pending; then there is nothing to end. */
tgi_loading *tgi_state_loading(const char *where, tg_module *m, tg_named_tensor_list state);

TG_EXTERN_C_END

#endif

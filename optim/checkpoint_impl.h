/* checkpoint_impl.h: what the checkpoint*.c files share. */
#ifndef TG_OPTIM_CHECKPOINT_IMPL_H
#define TG_OPTIM_CHECKPOINT_IMPL_H

#include "checkpoint.h"
#include "core/error.h"
#include "core/file/safetensors.h"
#include "nn/keys_impl.h"

TG_EXTERN_C_BEGIN

/* ---- out (checkpoint_entries.c) ---- */

/* All that a file will have. Names and texts are in the innermost scope. */
typedef struct tgi_checkpoint_out {
    const char *function; /* whose errors these are, "checkpoint_save" */
    tg_named_tensor *items;
    int64_t count, room;
    tg_text_pair *texts;
    int64_t text_count, text_room;
    const char *parts; /* "model optimizer" */
} tgi_checkpoint_out;

/* An error is pending if there is no memory. */
void tgi_checkpoint_put(tgi_checkpoint_out *out, const char *name, tg_tensor *t);
void tgi_checkpoint_put_text(tgi_checkpoint_out *out, const char *name, const char *text);

/* ---- in (checkpoint_entries.c) ---- */

typedef struct tgi_checkpoint_in {
    const char *function, *path;
    tg_named_tensor_list list; /* all that the file has */
    tgi_keys keys;             /* to find it by */
    tg_text_pairs texts;
    bool partial;          /* parts may be missing */
    tgi_loading *loadings; /* what was made ready, the last first */
} tgi_checkpoint_in;

/* One more that is ready; false, for one that is none. */
bool tgi_checkpoint_add(tgi_checkpoint_in *in, tgi_loading *loading);
/* Records that the file is not what it was (TG_ERROR_FILE), or that it does not fit (TG_ERROR_VALUE). False. */
TG_RARE TG_PRINTF(3, 4) bool tgi_checkpoint_fail(const tgi_checkpoint_in *in, tg_error_code code, const char *format,
                                                 ...);

/* ---- values (checkpoint_values.c) ---- */

/* False, with an error pending, for one that nothing can be read from. */
bool tgi_variable_ok(const char *function, const char *name, const tg_variable *v);
/* A variable under a full name, "critic.values.best". False with an error pending. */
bool tgi_checkpoint_put_variable(tgi_checkpoint_out *out, const char *name, const tg_variable *v);
bool tgi_checkpoint_load_variable(tgi_checkpoint_in *in, const char *name, const tg_variable *v);
bool tgi_checkpoint_put_generator(tgi_checkpoint_out *out, const char *name, tg_generator *g);
bool tgi_checkpoint_load_generator(tgi_checkpoint_in *in, const char *name, tg_generator *g);

/* ---- whole files (checkpoint.c) ---- */

/* False, with an error pending, for parts that are none: every public function asks first. */
bool tgi_checkpoint_parts_ok(const char *function, const tg_checkpoint_parts *parts);

/* tg_checkpoint_save and tg_checkpoint_load in a scope of their own, with some variables more, under their names. */
bool tgi_checkpoint_save(const char *function, const char *path, const tg_checkpoint_parts *parts, tg_variable_list more);
bool tgi_checkpoint_load(const char *function, const char *path, const tg_checkpoint_parts *parts, tg_variable_list more);

/* ---- (checkpoint_sum.c) ---- */

/* A sum that tells whether names, texts or elements have changed; the order does not count. */
uint64_t tgi_checksum(tg_named_tensor_list list, tg_text_pairs texts);

TG_EXTERN_C_END

#endif

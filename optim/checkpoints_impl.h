/* checkpoints_impl.h: the folder of a tg_checkpoints, and its files (checkpoints_folder.c). */
#ifndef TG_OPTIM_CHECKPOINTS_IMPL_H
#define TG_OPTIM_CHECKPOINTS_IMPL_H

#include "checkpoints.h"

TG_EXTERN_C_BEGIN

struct tg_checkpoints {
    uint64_t alive; /* what one begins with, and no other handle */
    size_t bytes;   /* of this block */
    int64_t keep;
    tg_best best;
    int64_t at;          /* the step that was last saved or loaded; -1: none */
    double best_metric;  /* NaN: there is none */
    int64_t best_step;
    char folder[];
};

/* Makes a folder and those that it is to lie in. False with an error pending. */
bool tgi_folder_make(const char *function, const char *folder);

/* The steps that the folder has, the first one first. */
typedef struct tgi_steps {
    int64_t *items;
    int64_t count, room;
} tgi_steps;
/* False with an error pending; either way it is to be freed. */
bool tgi_checkpoints_list(const tg_checkpoints *c, const char *function, tgi_steps *steps);
void tgi_steps_free(tgi_steps *steps);

/* In the innermost scope's memory; NULL with an error pending. */
const char *tgi_checkpoints_path(const tg_checkpoints *c, int64_t step);
const char *tgi_checkpoints_best_path(const tg_checkpoints *c);

bool tgi_file_is_there(const char *path);
/* Removes a file; what cannot be removed is a warning. NULL: nothing. */
void tgi_file_remove(const char *path);
/* Removes what saves that were cut off have left, but for one that is going on. */
void tgi_checkpoints_clear(const tg_checkpoints *c);

typedef enum tgi_linked {
    TGI_LINKED,
    TGI_NOT_LINKED, /* the file system does not; nothing has changed */
    TGI_LINK_FAILED /* an error is pending */
} tgi_linked;
/* Gives a file a second name, instead of the file that had it before: at every moment the name has one or the other. */
tgi_linked tgi_file_link(const char *function, const char *path, const char *name, const char *folder);

TG_EXTERN_C_END

#endif

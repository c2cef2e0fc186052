/* loader_impl.h: what a loader is made of. */
#ifndef TG_NN_DATA_LOADER_IMPL_H
#define TG_NN_DATA_LOADER_IMPL_H

#include "core/scope.h"
#include "cursor_impl.h"
#include "loader.h"
#include "nn/keys_impl.h"
#include "prefetch_impl.h"

TG_EXTERN_C_BEGIN

/* Behind a batch's fields: so many are NULL, for who reads one too many. */
enum { TGI_NO_FIELDS = 8 };

struct tg_loader {
    uint32_t alive;
    tg_loader_options is;
    tg_dataset *dataset;
    tg_sampler *sampler;        /* as it was handed over; the cursor may use the one inside */
    tgi_cursor cursor;
    tgi_producer producer;
    uint64_t base_seed;
    int64_t epoch;
    int64_t batches_done;       /* the one in the body included */
    int64_t submitted;          /* batches of this pass that were asked for */
    bool running;
    bool resumed;               /* the next pass begins where a loaded state says */
    bool dying;                 /* freed in the body of its loop */
    bool in_batch;              /* `scope` is open */
    bool drew_wrong;            /* asking ahead failed: */
    tgi_error_record drawn_error; /* of batch `submitted` */
    tg_scope scope;
    tg_batch batch;
    tg_tensor *items[TG_MAX_FIELDS + TGI_NO_FIELDS];
};

/* Opens a function that was given a loader; false, with an error pending, for one that cannot be used. */
bool tgi_loader_ok(const char *where, const tg_loader *loader, const char *what);

/* tg_loader_load_state_dict in two steps. NULL with an error pending. */
tgi_loading *tgi_loader_loading(const char *where, tg_loader *loader, tg_named_tensor_list state);

TG_EXTERN_C_END

#endif

/* checkpoint.h: a run in one file: stopped at any moment and gone on with, it ends with the very bits of one that never
 * stopped.
 *
 *     int64_t step = 0;
 *     double best = INFINITY;
 *     const tg_checkpoint_parts run = {
 *         .model = TG_MODULE(model), .optimizer = optimizer, .scheduler = scheduler, .loader = loader,
 *         .step = &step, .values = tg_variables(tg_variable("best", &best)),
 *     };
 *     if (resume) tg_checkpoint_load("run.safetensors", .parts = &run);
 *     for (int64_t epoch = tg_loader_epoch(loader); tg_ok() && epoch < 10; epoch++) {
 *         TG_FOR_BATCHES(batch, loader) {
 *             ...
 *             if (++step % 100 == 0) tg_checkpoint_save("run.safetensors", .parts = &run);
 *         }
 *         tg_scheduler_step(scheduler);
 *     }
 *
 * Parts that are described once serve both ways, and `tg_checkpoint_save(path, .model = ..., .step = &step)` names them
 * in the call. checkpoints.h keeps the last few of a run, and the best.
 *
 * A checkpoint says what a run is between two steps: save it when all that a step changes is changed. Gradients are no
 * part of it, nor is what a program makes anew when it starts: modules and what they are made with, datasets, the
 * functions of a LambdaLR.
 *
 * The file is safetensors, for everybody to read. Its names: "model.KEY", "optimizer.KEY", "scheduler.KEY",
 * "schedulers.0.KEY", "loader.KEY" as in the state dict of each; "generator.state", "default_generator.state" and the
 * rest of tg_generator; "step", "epoch", "values.NAME". Its metadata: "format", which is "tapegrad.checkpoint",
 * "version", "parts", which lists those it has, "checksum", which is "none" where another program has made or changed
 * it, and each text among the values. A model alone is read by
 *
 *     tg_load_state_dict(model, tg_named_with_prefix(tg_load("run.safetensors"), "model."));
 *
 * or by `tg_checkpoint_load("run.safetensors", .model = TG_MODULE(model), .leave_generator = true)`. */
#ifndef TG_OPTIM_CHECKPOINT_H
#define TG_OPTIM_CHECKPOINT_H

#include "../core/rng.h"
#include "../nn/data/loader.h"
#include "../nn/state.h"
#include "scheduler.h"
#include "state_dict.h"

TG_BEGIN_DECLS

/* ---- the program's own values ---- */

typedef enum tg_variable_kind {
    TG_VARIABLE_TENSOR = 1,
    TG_VARIABLE_TEXT,
    TG_VARIABLE_BOOL,
    TG_VARIABLE_INT32,
    TG_VARIABLE_UINT32,
    TG_VARIABLE_INT64,
    TG_VARIABLE_UINT64,
    TG_VARIABLE_FLOAT32,
    TG_VARIABLE_FLOAT64,
} tg_variable_kind;

/* Where a value lies that is saved and loaded under a name; made by tg_variable. */
typedef struct tg_variable {
    const char *name;
    tg_variable_kind kind;
    void *at;
    int64_t count; /* of an array's elements; -1: it is none */
} tg_variable;

/* `tg_variables(tg_variable("best", &best), tg_variable("note", note))`; in C it lives to the end of the block, in C++
 * as long as the innermost scope. */
typedef struct tg_variable_list {
    const tg_variable *items;
    int64_t count;
} tg_variable_list;

TG_END_DECLS

/* A number or bool by its address, an array of them, a text in an array of char, or a tensor. In the file integers are
 * int64 (a uint64 of the same bits), floats float32, doubles float64. What is loaded must be a value that the
 * variable's type has, of as many elements; a text must find room; a tensor gets the values, in its own dtype, and
 * stays the same tensor. */
#ifdef __cplusplus
inline tg_variable_kind tgi_variable_kind(tg_tensor *) { return TG_VARIABLE_TENSOR; }
inline tg_variable_kind tgi_variable_kind(char *) { return TG_VARIABLE_TEXT; }
inline tg_variable_kind tgi_variable_kind(bool *) { return TG_VARIABLE_BOOL; }
inline tg_variable_kind tgi_variable_kind(int *) { return TG_VARIABLE_INT32; }
inline tg_variable_kind tgi_variable_kind(unsigned *) { return TG_VARIABLE_UINT32; }
inline tg_variable_kind tgi_variable_kind(long *) { return TG_VARIABLE_INT64; }
inline tg_variable_kind tgi_variable_kind(long long *) { return TG_VARIABLE_INT64; }
inline tg_variable_kind tgi_variable_kind(unsigned long *) { return TG_VARIABLE_UINT64; }
inline tg_variable_kind tgi_variable_kind(unsigned long long *) { return TG_VARIABLE_UINT64; }
inline tg_variable_kind tgi_variable_kind(float *) { return TG_VARIABLE_FLOAT32; }
inline tg_variable_kind tgi_variable_kind(double *) { return TG_VARIABLE_FLOAT64; }
#define tg_variable(name, address) (tg_variable{ name, tgi_variable_kind(address), address, TGI_LENGTH_OF(address) })
#define tg_variables(...) (tgi_list_in_scope<tg_variable_list, tg_variable>({ __VA_ARGS__ }))
#else
#define tg_variable(name, address)                                                                                     \
    ((tg_variable){ name,                                                                                              \
                    _Generic((address),                                                                                \
                        tg_tensor * : TG_VARIABLE_TENSOR, char * : TG_VARIABLE_TEXT, bool * : TG_VARIABLE_BOOL,        \
                        int * : TG_VARIABLE_INT32, unsigned * : TG_VARIABLE_UINT32, long * : TG_VARIABLE_INT64,        \
                        long long * : TG_VARIABLE_INT64, unsigned long * : TG_VARIABLE_UINT64,                         \
                        unsigned long long * : TG_VARIABLE_UINT64, float * : TG_VARIABLE_FLOAT32,                      \
                        double * : TG_VARIABLE_FLOAT64),                                                               \
                    (address), TGI_LENGTH_OF(TGI_NO_TENSOR(address)) })
/* What is pointed to by a tensor's handle has no size. */
#define TGI_NO_TENSOR(address) _Generic((address), tg_tensor * : (char *)0, default : (address))
#define tg_variables(...)                                                                                              \
    ((tg_variable_list){ (const tg_variable[]){ __VA_ARGS__ },                                                         \
                         (int64_t)(sizeof((const tg_variable[]){ __VA_ARGS__ }) / sizeof(tg_variable)) })
#endif

TG_BEGIN_DECLS

/* ---- what a run consists of ---- */

typedef struct tg_checkpoint_parts {
    tg_module *model;
    tg_optimizer *optimizer;
    tg_scheduler *scheduler;
    tg_scheduler_list schedulers; /* where there are several: always in the same order */
    tg_loader *loader;            /* which is in no loop when it is loaded */
    tg_generator *generator;      /* the program's own */
    int64_t *step, *epoch;
    tg_variable_list values;
    const struct tg_checkpoint_parts *parts; /* further ones, in a struct of their own: those of a run, described once; */
    const char *name;     /* or those of a second model: "critic", of letters, digits, _ and -, makes "critic.model.KEY" */
    bool leave_generator; /* the thread's default generator is no part; if not, and if no struct says so, it always is */
    bool partial;         /* what is to be loaded and is not in the file stays as it is; if not, that is an error */
    TG_OPTIONS_END
} tg_checkpoint_parts;
#define TG_CHECKPOINT_PARTS_DEFAULTS                                                                                   \
    /* model */ NULL, /* optimizer */ NULL, /* scheduler */ NULL, /* schedulers */ { NULL, 0 }, /* loader */ NULL,     \
        /* generator */ NULL, /* step */ NULL, /* epoch */ NULL, /* values */ { NULL, 0 }, /* parts */ NULL, /* name */ NULL,                \
        /* leave_generator */ false, /* partial */ false TG_DEFAULTS_END

/* A call with parts as its last arguments; lists among them live until it is over. */
#define TGI_UNPACKED(...) __VA_ARGS__
#ifdef __cplusplus
#define TGI_WITH_PARTS(function, arguments, ...)                                                                       \
    function(TG_HERE, TGI_UNPACKED arguments,                                                                          \
             TG_OPTIONS(tg_checkpoint_parts, TG_CHECKPOINT_PARTS_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#else
#define TGI_WITH_PARTS(function, arguments, ...)                                                                       \
    __extension__({                                                                                                    \
        TGI_DECLARE_OPTIONS(const tg_checkpoint_parts, TG_CHECKPOINT_PARTS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)         \
        function(TG_HERE, TGI_UNPACKED arguments, tg_options_must_be_named_);                                          \
    })
#endif

/* Writes all parts that are named. The file is there whole, and on the disk, or is as it was before: on an error, and
 * when the program or the machine stops in the middle. Nothing is saved while an error is pending. */
tg_status tg_checkpoint_save_at(const char *where, const char *path, tg_checkpoint_parts parts);
#define tg_checkpoint_save(path, ...) TGI_WITH_PARTS(tg_checkpoint_save_at, (path) __VA_OPT__(,) __VA_ARGS__)

/* Takes over all parts that are named. What else the file has is passed over: who wants the model alone names nothing
 * else. All or nothing: when anything is wrong with the file, or one part does not fit, none has changed, and the error
 * says what it was. So it is with a file that another program has damaged: the checksum tells. Training modes, and
 * gradients, are left as they are. */
tg_status tg_checkpoint_load_at(const char *where, const char *path, tg_checkpoint_parts parts);
#define tg_checkpoint_load(path, ...) TGI_WITH_PARTS(tg_checkpoint_load_at, (path) __VA_OPT__(,) __VA_ARGS__)

TG_END_DECLS

#endif

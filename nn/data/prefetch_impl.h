/* prefetch_impl.h: batches made one after the other, by a thread or by who waits for them. */
#ifndef TG_NN_DATA_PREFETCH_IMPL_H
#define TG_NN_DATA_PREFETCH_IMPL_H

#include "core/thread.h"
#include "fetch_impl.h"

#include <pthread.h>
#include <sys/types.h>

TG_EXTERN_C_BEGIN

/* A ring of jobs. Those from `made` to `submitted` are still to be made, in that order; the caller sees to it that
 * there are never more than `room` between the oldest one it needs and the newest. */
typedef struct tgi_producer {
    tgi_job *ring;
    int64_t room;
    tgi_recipe recipe;
    const char *where;           /* the user's line */
    int64_t submitted, made;     /* in this pass; shared with the thread, as all below */
    bool wanted;                 /* a thread is */
    bool busy, stop, failed;
    tgi_error_record error;      /* when failed: of job number `made` */
    tg_flush flush;              /* what the caller chose, which the thread takes over */
    pthread_t thread;
    pid_t process;               /* that has the thread; 0: there is none */
    pthread_cond_t work, done;   /* for the thread, from the thread */
} tgi_producer;

/* `ahead` batches are made ahead. False with an error pending. */
bool tgi_producer_new(tgi_producer *p, int64_t ahead);
/* Waits until its thread has gone, if it has one in this process. */
void tgi_producer_free(tgi_producer *p);

/* Begins a pass whose next batch is number `first`; starts the thread if there is to be one. */
void tgi_producer_begin(tgi_producer *p, const tgi_recipe *recipe, int64_t first);
/* Ends it: waits for the batch that is being made, and drops what was not used. */
void tgi_producer_end(tgi_producer *p);

/* The place for the next job. */
static inline tgi_job *tgi_producer_job(tgi_producer *p, int64_t number) { return &p->ring[number % p->room]; }
/* Hands the next job over. */
void tgi_producer_submit(tgi_producer *p);
/* That job, made; NULL with its error pending in the caller's thread. */
tgi_job *tgi_producer_wait(tgi_producer *p, int64_t number);

TG_EXTERN_C_END

#endif

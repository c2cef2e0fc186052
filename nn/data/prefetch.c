/* prefetch.c: batches made ahead by one thread, which rests between passes and lives as long as its loader.
 *
 * Without a thread who waits for a batch makes it, in the same way. A lock that belongs to all loaders guards what both
 * sides see; it is held for moments, and free when the process forks. In a child there is no thread: what it had begun
 * is begun anew by who waits for it. */
#include "prefetch_impl.h"

#include "core/denormals.h"
#include "core/error.h"

#include <signal.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
__attribute__((constructor)) static void expect_fork(void) { tgi_lock_at_fork(&gate); }

static bool has_thread(const tgi_producer *p) { return p->process && p->process == getpid(); }

/* ---- the thread ---- */

static void become_worker(void)
{
    tgi_set_untold(true);
#ifdef _OPENMP
    omp_set_num_threads(1); /* the processors are busy with the training */
#endif
}

/* With the lock held, which it gives up meanwhile: the pass does not end before it is back. */
static void make_one(tgi_producer *p)
{
    tgi_job *job = tgi_producer_job(p, p->made);
    p->busy = true;
    pthread_mutex_unlock(&gate);
    tgi_self.where = p->where;
    if (p->flush != tg_flush_denormal()) tg_set_flush_denormal(p->flush);
    const bool ok = tgi_job_run(job, &p->recipe);
    if (!ok) tgi_error_take(&p->error);
    pthread_mutex_lock(&gate);
    p->busy = false;
    p->failed = !ok;
    p->made += ok;
    pthread_cond_signal(&p->done);
}

static void *work(void *context)
{
    tgi_producer *p = context;
    become_worker();
    pthread_mutex_lock(&gate);
    while (!p->stop) {
        if (p->made < p->submitted && !p->failed)
            make_one(p);
        else
            pthread_cond_wait(&p->work, &gate);
    }
    pthread_mutex_unlock(&gate);
    return NULL;
}

/* Signals are for the threads that the program knows of. Without a thread things go on. */
static void start_thread(tgi_producer *p)
{
    sigset_t all, before;
    if (pthread_cond_init(&p->work, NULL) != 0) return;
    if (pthread_cond_init(&p->done, NULL) != 0) {
        pthread_cond_destroy(&p->work);
        return;
    }
    p->stop = p->busy = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&p->thread, NULL, work, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->process = started ? getpid() : 0;
    if (started) return;
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
}

/* ---- its life ---- */

bool tgi_producer_new(tgi_producer *p, int64_t ahead)
{
    p->room = ahead + 1;
    p->wanted = ahead > 0;
    p->ring = tgi_calloc((size_t)p->room * sizeof *p->ring);
    return p->ring != NULL;
}

void tgi_producer_free(tgi_producer *p)
{
    if (has_thread(p)) {
        pthread_mutex_lock(&gate);
        p->stop = true;
        pthread_cond_signal(&p->work);
        pthread_mutex_unlock(&gate);
        pthread_join(p->thread, NULL);
        pthread_cond_destroy(&p->work);
        pthread_cond_destroy(&p->done);
    }
    for (int64_t i = 0; p->ring && i < p->room; i++) tgi_job_free(&p->ring[i]);
    tgi_free(p->ring, (size_t)p->room * sizeof *p->ring);
    p->ring = NULL;
}

/* ---- a pass ---- */

void tgi_producer_begin(tgi_producer *p, const tgi_recipe *recipe, int64_t first)
{
    if (p->wanted && !has_thread(p)) start_thread(p);
    pthread_mutex_lock(&gate);
    p->recipe = *recipe;
    p->where = tgi_self.where;
    p->flush = tg_flush_denormal();
    p->submitted = p->made = first;
    p->failed = false;
    pthread_mutex_unlock(&gate);
}

void tgi_producer_end(tgi_producer *p)
{
    pthread_mutex_lock(&gate);
    p->submitted = p->made; /* a batch that is being made is finished, but counts no more */
    while (p->busy && has_thread(p)) pthread_cond_wait(&p->done, &gate);
    p->busy = p->failed = false;
    p->submitted = p->made;
    pthread_mutex_unlock(&gate);
    for (int64_t i = 0; i < p->room; i++) tgi_job_drop(&p->ring[i]);
}

void tgi_producer_submit(tgi_producer *p)
{
    pthread_mutex_lock(&gate);
    p->submitted++;
    if (has_thread(p)) pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&gate);
}

static tgi_job *made_here(tgi_producer *p, int64_t number)
{
    for (; p->made <= number; p->made++)
        if (!tgi_job_run(tgi_producer_job(p, p->made), &p->recipe)) return NULL;
    return tgi_producer_job(p, number);
}

tgi_job *tgi_producer_wait(tgi_producer *p, int64_t number)
{
    if (!has_thread(p)) return made_here(p, number);
    pthread_mutex_lock(&gate);
    while (p->made <= number && !p->failed) pthread_cond_wait(&p->done, &gate);
    const bool ok = p->made > number;
    pthread_mutex_unlock(&gate);
    if (!ok) tgi_error_give(&p->error);
    return ok ? tgi_producer_job(p, number) : NULL;
}

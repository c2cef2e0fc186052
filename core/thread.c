/* thread.c: a thread's first use of the library, its end, and fork.
 *
 * A thread registers itself when it first needs memory; the system then tells when it ends, and all it holds goes. A
 * child process has the one thread that forked, whole, and whatever the other threads held; their locks are free. */
#include "thread.h"

#include <assert.h>
#include <string.h>

static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;
static bool thread_end_made;
static bool process_ends; /* nobody will be told of a thread's end any more */
static void (*release)(void);
void (*tgi_thread_begins)(void);

void tgi_at_thread_end(void (*function)(void)) { release = function; }

static void end_thread(void *unused)
{
    (void)unused;
    tgi_thread *self = &tgi_self;
    if (!self->registered) return;
    if (release) release();
    tgi_pool *pool = self->pool;
    memset(self, 0, sizeof *self);
    tgi_pool_abandon(pool);
}

static void make_thread_end(void) { thread_end_made = pthread_key_create(&thread_end, end_thread) == 0; }

/* The thread that ends the process is told nothing of it. The key goes too: where the library is part of a shared object
 * that is closed again, a thread that ends later must not call into memory that is no longer there. */
__attribute__((destructor)) static void end_process(void)
{
    end_thread(NULL);
    process_ends = true;
    if (thread_end_made) pthread_key_delete(thread_end);
    thread_end_made = false;
}

/* NULL, or what it could not do. */
static const char *announce_end(void *not_null)
{
    if (process_ends) return NULL;
    pthread_once(&thread_end_once, make_thread_end);
    if (thread_end_made && pthread_setspecific(thread_end, not_null) == 0) return NULL;
    return "out of thread-specific keys: the system cannot tell the library when this thread ends";
}

/* In the middle of a call, which may be one that fails: that is nothing to them. */
static void begin_watchers(tgi_thread *self)
{
    if (!tgi_thread_begins) return;
    tgi_error_record *const pending = self->error;
    const tgi_place place = tgi_place_keep();
    self->error = NULL;
    tgi_thread_begins();
    tgi_place_back(place);
    if (pending) self->error = pending;
}

bool tgi_thread_begin(const char **why)
{
    tgi_thread *self = &tgi_self;
    if (self->pool) return true;
    tgi_pool *pool = tgi_pool_new();
    if (!pool) return false;
    if ((*why = announce_end(pool))) {
        tgi_pool_abandon(pool);
        return false;
    }
    self->pool = pool;
    tgi_set_seen(true);
    self->registered = true;
    begin_watchers(self);
    return true;
}

uint64_t tgi_take_serials(void)
{
    static uint64_t taken;
    return __atomic_fetch_add(&taken, TGI_SERIALS, __ATOMIC_RELAXED) + 1;
}

/* ---- fork ---- */

enum { MOST_LOCKS = 8 };
static pthread_mutex_t *locks[MOST_LOCKS];
static int lock_count;

void tgi_lock_at_fork(pthread_mutex_t *lock)
{
    assert(lock_count < MOST_LOCKS);
    locks[lock_count++] = lock;
}

static void lock_all(void)
{
    for (int i = 0; i < lock_count; i++) pthread_mutex_lock(locks[i]);
    tgi_pools_lock();
}

static void unlock_all(void)
{
    tgi_pools_unlock();
    for (int i = 0; i < lock_count; i++) pthread_mutex_unlock(locks[i]);
}

/* Should it fail, for want of memory at the start of the program, a child hangs in the rare case that another thread held
 * a lock when its parent forked. */
__attribute__((constructor)) static void expect_fork(void) { pthread_atfork(lock_all, unlock_all, unlock_all); }

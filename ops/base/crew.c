/* crew.c: see crew.h.
 *
 * Each thread that calls ops has a crew of its own, whose hands (threads) start when they are first needed and end with
 * it. Why not a parallel region of OpenMP? The loops here are short, some microseconds, and a region of gcc's takes 1.2
 * us where a share offered and taken takes 0.5 (performance.md); it cannot be entered in a child process; and it waits
 * for threads that have not even begun.
 *
 * All that passes between the caller and a hand lies on one cache line: a share (the caller writes it while the hand is
 * idle) and the hand's state:
 *
 *     IDLE -> OFFERED (caller) -> TAKEN (hand) -> IDLE (hand)
 *                              -> IDLE (caller, who does the share himself)
 *
 * A hand without work looks at its line for a while and then sleeps; so does the caller who waits for one. */
#define _POSIX_C_SOURCE 200809L /* sysconf */
#include "crew.h"

#include "core/denormals_impl.h"
#include "ops/kernels/template/pieces.h"
#include "ops/kernels/template/threads.h"
#include "ops/kernels/template/workers.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { IDLE, OFFERED, TAKEN };
enum {
    LINE = 64,
    PATIENCE = 1 << 16,  /* looks, each some 15 to 50 ns: longer than a training step leaves its threads alone */
    IMPATIENCE = 1 << 6, /* where others want the processor */
    BETWEEN_YIELDS = 1 << 8
};

typedef struct share {
    int64_t from, to;
    void (*task)(const void *work, int64_t i);
    const void *work;
    tgi_float_mode mode; /* the caller's: no thread rounds or flushes otherwise */
} share;

typedef struct crew crew;

typedef struct hand {
    _Alignas(LINE) share share;
    int state;  /* atomic, as the two below */
    int asleep; /* it sleeps, or is about to: who offers something wakes it */
    int dismissed;
    _Alignas(LINE) crew *of;
    pthread_cond_t offered;
    pthread_t thread;
} hand;

struct crew {
    int wanted, count;    /* hands asked for; those of them that have a thread */
    int waiting;          /* the caller sleeps until a hand is idle; atomic */
    pthread_mutex_t lock; /* around sleeping and waking */
    pthread_cond_t done;
    crew *next, *previous; /* of all crews */
    hand hands[];
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static crew *all;
static int all_hands; /* atomic */
static pthread_key_t thread_end;
static bool ready; /* the rest of this: made once */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int processors;
static bool passive; /* OMP_WAIT_POLICY says that who waits sleeps */

static _Thread_local crew *mine;

/* ---- waiting ---- */

/* `left` looks are left. Now and then whoever else is there for this processor gets it, such as who is waited for. */
static inline void look_again_later(int left)
{
    if (left % BETWEEN_YIELDS == 0) {
        sched_yield();
        return;
    }
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

/* How often to look before one sleeps. */
static int patience(void)
{
    return passive || __atomic_load_n(&all_hands, __ATOMIC_RELAXED) >= processors ? IMPATIENCE : PATIENCE;
}

static int state_of(const hand *h) { return __atomic_load_n(&h->state, __ATOMIC_SEQ_CST); }

static bool is_called(const hand *h)
{
    return state_of(h) == OFFERED || __atomic_load_n(&h->dismissed, __ATOMIC_SEQ_CST);
}

/* ---- a hand ---- */

static void run_share(const share *s)
{
    for (int64_t i = s->from; i < s->to; i++) s->task(s->work, i);
}

/* One of the two who want it. */
static bool take(hand *h, int as)
{
    int offered = OFFERED;
    return __atomic_compare_exchange_n(&h->state, &offered, as, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void await_call(hand *h)
{
    for (int left = patience(); left > 0; left--) {
        if (is_called(h)) return;
        look_again_later(left);
    }
    pthread_mutex_lock(&h->of->lock);
    __atomic_store_n(&h->asleep, 1, __ATOMIC_SEQ_CST);
    while (!is_called(h)) pthread_cond_wait(&h->offered, &h->of->lock);
    __atomic_store_n(&h->asleep, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&h->of->lock);
}

static void *work_on(void *context)
{
    hand *h = context;
    tgi_in_task = true;
    for (;;) {
        await_call(h);
        if (__atomic_load_n(&h->dismissed, __ATOMIC_SEQ_CST)) return NULL;
        if (!take(h, TAKEN)) continue;
        tgi_float_mode_set(h->share.mode);
        run_share(&h->share);
        __atomic_store_n(&h->state, IDLE, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&h->of->waiting, __ATOMIC_SEQ_CST)) continue;
        pthread_mutex_lock(&h->of->lock);
        pthread_cond_signal(&h->of->done);
        pthread_mutex_unlock(&h->of->lock);
    }
}

static void wake(hand *h)
{
    if (!__atomic_load_n(&h->asleep, __ATOMIC_SEQ_CST)) return;
    pthread_mutex_lock(&h->of->lock);
    pthread_cond_signal(&h->offered);
    pthread_mutex_unlock(&h->of->lock);
}

/* ---- its caller ---- */

static void offer(hand *h, const share *s)
{
    h->share = *s;
    __atomic_store_n(&h->state, OFFERED, __ATOMIC_SEQ_CST);
    wake(h);
}

/* Until the hand's share is done, by the caller if the hand has not begun. */
static void finish(hand *h)
{
    if (take(h, IDLE)) {
        run_share(&h->share);
        return;
    }
    for (int left = patience(); left > 0; left--) {
        if (state_of(h) == IDLE) return;
        look_again_later(left);
    }
    crew *c = h->of;
    pthread_mutex_lock(&c->lock);
    __atomic_store_n(&c->waiting, 1, __ATOMIC_SEQ_CST);
    while (state_of(h) != IDLE) pthread_cond_wait(&c->done, &c->lock);
    __atomic_store_n(&c->waiting, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&c->lock);
}

/* ---- a crew's life ---- */

/* Signals are for the threads that the program knows of. */
static bool start(hand *h)
{
    sigset_t every, before;
    if (pthread_cond_init(&h->offered, NULL) != 0) return false;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    const bool started = pthread_create(&h->thread, NULL, work_on, h) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) pthread_cond_destroy(&h->offered);
    return started;
}

/* Ends the threads, once. A share that one has begun is done first; what is offered afterwards the caller does. */
static void dismiss(crew *c)
{
    if (!c->count || __atomic_exchange_n(&c->hands[0].dismissed, 1, __ATOMIC_SEQ_CST)) return;
    for (int i = 0; i < c->count; i++) {
        __atomic_store_n(&c->hands[i].dismissed, 1, __ATOMIC_SEQ_CST);
        wake(&c->hands[i]);
    }
    for (int i = 0; i < c->count; i++) pthread_join(c->hands[i].thread, NULL);
    __atomic_fetch_sub(&all_hands, c->count, __ATOMIC_RELAXED);
}

/* The calling thread's. */
static void crew_free(void *of_thread)
{
    crew *c = of_thread;
    pthread_mutex_lock(&all_lock);
    *(c->previous ? &c->previous->next : &all) = c->next;
    if (c->next) c->next->previous = c->previous;
    dismiss(c);
    pthread_mutex_unlock(&all_lock);
    for (int i = 0; i < c->count; i++) pthread_cond_destroy(&c->hands[i].offered);
    pthread_cond_destroy(&c->done);
    pthread_mutex_destroy(&c->lock);
    free(c);
    mine = NULL;
}

/* Other threads may go on, without hands. */
static void end_process(void)
{
    pthread_mutex_lock(&all_lock);
    ready = false;
    for (crew *c = all; c; c = c->next) dismiss(c);
    pthread_mutex_unlock(&all_lock);
    pthread_key_delete(thread_end);
}

static void lock_all(void) { pthread_mutex_lock(&all_lock); }
static void unlock_all(void) { pthread_mutex_unlock(&all_lock); }

/* No hand has come along. Crews of other threads are left where they are. */
static void in_child(void)
{
    all = NULL;
    all_hands = 0;
    if (ready) pthread_setspecific(thread_end, NULL);
    free(mine);
    mine = NULL;
    pthread_mutex_unlock(&all_lock);
}

static void get_ready(void)
{
    const char *policy = getenv("OMP_WAIT_POLICY");
    passive = policy && strcasecmp(policy, "passive") == 0;
#ifdef _OPENMP
    processors = omp_get_num_procs();
#else
    processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
#endif
    ready = pthread_key_create(&thread_end, crew_free) == 0 && pthread_atfork(lock_all, unlock_all, in_child) == 0 &&
            atexit(end_process) == 0;
}

/* With as many hands as the system starts. */
static crew *crew_new(int wanted)
{
    const size_t bytes = sizeof(crew) + (size_t)wanted * sizeof(hand);
    crew *c = aligned_alloc(LINE, bytes);
    if (!c) return NULL;
    memset(c, 0, bytes);
    c->wanted = wanted;
    if (pthread_mutex_init(&c->lock, NULL) != 0 || pthread_cond_init(&c->done, NULL) != 0 ||
        pthread_setspecific(thread_end, c) != 0) {
        free(c);
        return NULL;
    }
    for (int i = 0; i < wanted; i++) c->hands[i].of = c;
    while (c->count < wanted && start(&c->hands[c->count])) c->count++;
    __atomic_fetch_add(&all_hands, c->count, __ATOMIC_RELAXED);
    pthread_mutex_lock(&all_lock);
    c->next = all;
    if (all) all->previous = c;
    all = c;
    pthread_mutex_unlock(&all_lock);
    return c;
}

/* The calling thread's, or NULL. */
static crew *crew_of(int hands)
{
    if (mine && mine->wanted >= hands) return mine;
    pthread_once(&once, get_ready);
    if (!ready) return NULL;
    if (mine) crew_free(mine);
    return mine = crew_new(hands);
}

/* ---- a loop ---- */

void tgi_crew_run(int threads, int64_t tasks, void (*task)(const void *work, int64_t i), const void *work)
{
    crew *c = tgi_in_task || tasks < 2 ? NULL : crew_of(threads - 1);
    const int64_t shares = c ? 1 + tgi_smaller(tgi_smaller(threads, tasks) - 1, c->count) : 1;
    share s = { .task = task, .work = work };
    if (shares > 1) s.mode = tgi_float_mode_get();
    const bool in_task = tgi_in_task;
    tgi_in_task = shares > 1 || in_task;
    for (int64_t i = shares - 1; i >= 0; i--) { /* the caller's last */
        s.from = tgi_pieces(tasks * i, shares);
        s.to = tgi_pieces(tasks * (i + 1), shares);
        if (i > 0) offer(&c->hands[i - 1], &s);
    }
    run_share(&s);
    for (int64_t i = 1; i < shares; i++) finish(&c->hands[i - 1]);
    tgi_in_task = in_task;
}

/* Whatever loop an op has, its file calls the function above: so every program that has ops lends kernels its threads. */
__attribute__((constructor)) static void lend_workers(void) { tgi_kernel_workers = tgi_crew_run; }

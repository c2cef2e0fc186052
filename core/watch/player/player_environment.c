/* player_environment.c: TAPEGRAD_PLAY=tape.html: the page of one backward of a program that knows nothing of it.
 *
 * TAPEGRAD_PLAY=tape.html:5, or TAPEGRAD_PLAY_STEP=5 beside it, is the fifth of a thread. The tape is watched from the end
 * of the backward before. The first thread to get there writes; then all is as if nobody had asked. Whatever goes wrong is
 * told and is no error of the program's. */
#include "player_impl.h"

#include "core/autograd.h"
#include "core/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct playing {
    int64_t number;        /* as an observer */
    int64_t wanted, count; /* which backward; those that have been */
    int depth;             /* of walks in walks */
    bool is_backward;      /* the outermost of them */
    bool watches;          /* it was we who began to watch */
    int path_length;
    const char *path; /* the environment's, which ends behind it or goes on ":5" */
} playing;

/* Of all threads together. */
static bool written;
static int64_t backwards, grads; /* that went well: tg_backward, tg_grad */
static pid_t asked_by;           /* the process; 0: nobody asked */

/* ---- the variable's value ---- */

static int64_t whole_number(const char *text)
{
    char *end;
    const long long number = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && number > 0 ? number : 0;
}

/* How much of it is the path: ":5" may follow. */
static int path_length(const char *value)
{
    const char *colon = strrchr(value, ':');
    return (int)(colon && whole_number(colon + 1) ? colon - value : (ptrdiff_t)strlen(value));
}

/* ---- what is told ---- */

static void say(const playing *p, const char *text)
{
    if (tgi_around_message) tgi_around_message(true);
    fprintf(stderr, "tapegrad: %.*s: %s\n", p->path_length, p->path, text);
    if (tgi_around_message) tgi_around_message(false);
}

/* An error of ours, which was recorded untold, is said and forgotten. */
static void say_error(const playing *p)
{
    tgi_error_record record;
    char text[sizeof record.message + 32];
    tgi_error_take(&record);
    snprintf(text, sizeof text, "no page was written: %s", record.message);
    say(p, text);
}

/* ---- one page ---- */

static void watch(playing *p)
{
    if (tg_is_watched()) return;
    const bool before = tgi_set_untold(true);
    p->watches = tg_watch_at(NULL, true) == TG_OK;
    tgi_set_untold(before);
    if (tg_failed()) say_error(p);
}

static bool write_page(const playing *p, tgi_player_written *page)
{
    const tg_walk_step first = tg_walk_step_at(0);
    char *path = tg_copy_in_scope(p->path, p->path_length + 1);
    if (!path) return false;
    path[p->path_length] = '\0';
    if (!first.to) return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, "play", "backward began at a leaf");
    const tg_tape_html_options options = { .backward = p->wanted };
    return tgi_player_write("play", path, first.to, first.output, NULL, &options, page);
}

static void play(playing *p)
{
    if (__atomic_exchange_n(&written, true, __ATOMIC_ACQ_REL)) return;
    const bool before = tgi_set_untold(true);
    tgi_player_written page;
    const bool ok = write_page(p, &page);
    tgi_set_untold(before);
    if (!ok) {
        say_error(p);
        return;
    }
    char text[128];
    snprintf(text, sizeof text, "backward %lld, %lld node%s, %lld bytes", (long long)p->wanted, (long long)page.nodes,
             page.nodes == 1 ? "" : "s", (long long)page.bytes);
    say(p, text);
}

/* ---- the observer ---- */

static void walk(void *context, const tg_walk *what)
{
    playing *p = context;
    if (++p->depth == 1) p->is_backward = strcmp(what->function, "backward") == 0;
}

static void walked(void *context, tg_status status)
{
    playing *p = context;
    if (--p->depth > 0 || status != TG_OK) return;
    __atomic_add_fetch(p->is_backward ? &backwards : &grads, 1, __ATOMIC_RELAXED);
    if (!p->is_backward) return;
    p->count++;
    const bool over = __atomic_load_n(&written, __ATOMIC_ACQUIRE);
    if (!over && p->count + 1 == p->wanted) watch(p);
    if (!over && p->count < p->wanted) return;
    if (!over) play(p);
    if (p->watches) tg_watch_at(NULL, false);
    tg_unobserve(p->number); /* p goes */
}

static void ended(void *context)
{
    playing *p = context;
    char text[128];
    if (p->count > 0 && p->count < p->wanted && !__atomic_load_n(&written, __ATOMIC_ACQUIRE)) {
        snprintf(text, sizeof text, "no page was written: of backward %lld was to be one, and there were %lld",
                 (long long)p->wanted, (long long)p->count);
        say(p, text);
    }
    tgi_free(p, sizeof *p);
}

/* The program ends. A thread that ends cannot know whether another one will go backward. */
__attribute__((destructor)) static void end_process(void)
{
    const char *value = getenv("TAPEGRAD_PLAY");
    if (!value || asked_by != getpid() || written || backwards) return;
    const playing none = { .path = value, .path_length = path_length(value) };
    say(&none, grads ? "no page was written: no tg_backward was done, and of a tg_grad tg_tape_write_html writes one"
                     : "no page was written: no tg_backward was done");
}

/* ---- it begins ---- */

void tgi_play_begin(const char *value)
{
    static const tg_observer player = { .walk = walk, .walked = walked, .ended = ended };
    if (__atomic_load_n(&written, __ATOMIC_ACQUIRE)) return;
    playing *p = tgi_calloc(sizeof *p);
    if (!p) return;
    const char *step = getenv("TAPEGRAD_PLAY_STEP");
    __atomic_store_n(&asked_by, getpid(), __ATOMIC_RELAXED);
    p->path = value;
    p->path_length = path_length(value);
    p->wanted = value[p->path_length] ? whole_number(value + p->path_length + 1) : 0;
    if (!p->wanted && step) p->wanted = whole_number(step);
    if (!p->wanted) p->wanted = 1;
    p->number = tg_observe_at(NULL, &player, p);
    if (p->number < 0)
        tgi_free(p, sizeof *p);
    else if (p->wanted == 1)
        watch(p);
}

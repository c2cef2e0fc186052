/* handles.c: calls every public function with what it must refuse, one argument at a time.
 *
 * handles.awk reads the headers and writes a call of each function. In such a call each argument, and each member of an
 * options struct, is "taken": it has its usual value, or, when its turn has come, one of those that are wrong for its
 * type: a freed handle, NULL, a handle of another kind, a shape of too many dimensions, a value that no enum has. What
 * is expected then:
 *
 *   anything    a result or an error, no crash
 *   an error    and no tensor for a result
 *   freed       an error that says so
 *   passed on   NULL, and the error that was pending before is still the first
 *
 * Each function is called in a process of its own, so that a crash names the call and nothing else is lost.
 *
 *     handles [part of a name]        calls some functions only, and lists what it does */
#define _GNU_SOURCE
#include "tapegrad.h"

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLER "caller.c:1"

/* Under a sanitizer freed memory may not be looked at. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FREED_MEMORY_STAYS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define FREED_MEMORY_STAYS false
#endif
#endif
#ifndef FREED_MEMORY_STAYS
#define FREED_MEMORY_STAYS true
#endif

enum { SECONDS = 60, LARGEST = 1 << 24, ROOM = 1 << 16 };

typedef enum expected { ANYTHING, AN_ERROR, FREED, PASSED_ON } expected;

typedef struct call {
    const char *name;
    void (*function)(void);
    bool in_backward; /* it takes what a backward function is handed */
    bool raw_memory;  /* it takes a plain pointer */
} call;

/* What the next call does wrong, and how far it has come; lives through a crash. */
typedef struct progress {
    int profile;        /* of tensors */
    int argument, kind; /* the argument whose turn it is, and which wrong value it gets */
    int taken;          /* arguments so far in this call */
    int kinds;          /* how many wrong values there are for it */
    char name[64], what[64];
    expected expects;
    int64_t calls, faults;
} progress;
static progress *now;
static bool loud, quiet;

/* A wrong value. */
typedef struct choice {
    const char *what;
    expected expects;
} choice;

/* Which of its wrong values an argument gets; -1: none, it is not its turn. */
static int turn(const char *name, const choice *choices, int count)
{
    if (now->taken++ != now->argument) return -1;
    now->kinds = count;
    snprintf(now->name, sizeof now->name, "%s", name);
    snprintf(now->what, sizeof now->what, "%s", choices[now->kind].what);
    now->expects = choices[now->kind].expects;
    if (FREED_MEMORY_STAYS || !strstr(now->what, "freed")) return now->kind;
    now->expects = ANYTHING;
    return -1;
}
#define TURN(name, choices) turn(name, choices, (int)(sizeof choices / sizeof choices[0]))

#include "handles_arguments.inc"
#include "handles_values.inc"

/* The result of the call, of functions that return a tensor. */
static tg_tensor *result;
static tg_tensor *got(tg_tensor *t) { return result = t; }

#include "calls.inc"

/* ---- one call ---- */

static const call *current;

static void probe_backward(tg_context *ctx)
{
    world.context = ctx;
    current->function();
}

/* A function for backwards is called in one. */
static void call_in_backward(void)
{
    static const tg_op probe = { .name = "probe",
                                 .schema = "probe(Tensor self) -> Tensor",
                                 .backward = probe_backward };
    tg_tensor *x = world.tensor, *y = tg_zeros(tg_shape());
    if (tg_record(&probe, tg_list(x), tg_list(y), tg_list(x), NULL, 0) == TG_OK) tg_backward(y);
}

/* Those that give a neutral answer instead of an error, as their header says. */
static bool is_neutral(const char *name)
{
    static const char *const names[] = { "tg_dtype_size",
                                         "tg_dtype_name",
                                         "tg_dtype_is_floating",
                                         "tg_element_size",
                                         "tg_any_tensors",
                                         "tg_any_named",
                                         NULL };
    static const char *const recording[] = { "tg_record", "tg_record_in_place",
                                             NULL }; /* nothing to do, nothing to see */
    return is_one_of(name, names) || (!profiles[now->profile].requires_grad && is_one_of(name, recording));
}

static const char *complaint(void)
{
    if (now->argument < 0 || (!tg_failed() && is_neutral(current->name))) return NULL;
    if (now->expects == PASSED_ON && !strstr(tg_error_message(), "an error that came before"))
        return "the error that was pending is lost";
    if (tg_failed() && result) return "an error and a result";
    if (now->expects == PASSED_ON && result) return "a result while an error is pending";
    if ((now->expects == AN_ERROR || now->expects == FREED) && !tg_failed()) return "no error";
    if (now->expects == FREED && !strstr(tg_error_message(), "freed"))
        return "the error does not say that it was freed";
    return NULL;
}

static void run(void)
{
    const tg_scope scope = tg_scope_begin();
    now->taken = 0;
    result = NULL;
    alarm(SECONDS);
    if (current->in_backward)
        call_in_backward();
    else
        current->function();
    alarm(0);
    now->calls++;
    const char *problem = complaint();
    if (problem) now->faults++;
    if (problem || loud)
        printf("%s  %s, %s is %s: %s: %s\n", problem ? "FAIL" : "ok", current->name, now->name, now->what,
               problem ? problem : "", tg_error_message());
    tg_error_clear();
    tg_scope_end(scope);
    tg_error_clear();
}

/* The wrong values of one argument after the other, from where `now` stands. */
static void try_arguments(void)
{
    for (; now->argument < now->taken; now->argument++, now->kind = 0) {
        now->kinds = now->kind + 1; /* the call tells how many there are */
        for (; now->kind < now->kinds; now->kind++) run();
    }
}

/* All calls of one function that are left. */
static void run_all(void)
{
    world.raw_memory = current->raw_memory;
    make_world();
    if (tg_failed()) {
        printf("FAIL  the samples cannot be made: %s\n", tg_error_message());
        exit(1);
    }
    for (; now->profile < PROFILES; now->profile++, now->argument = -1, now->kind = 0) {
        if (now->argument < 0) {
            run();
            now->argument = now->kind = 0;
        }
        try_arguments();
    }
}

/* Calls a function in a process of its own, and in another one from the next call on when that crashes. */
static void try_function(const call *c)
{
    current = c;
    now->profile = 0;
    now->argument = -1;
    now->kind = 0;
    for (;;) {
        snprintf(now->name, sizeof now->name, "nothing");
        snprintf(now->what, sizeof now->what, "wrong");
        fflush(stdout);
        const pid_t child = fork();
        int status = 0;
        if (child == 0) {
            if (quiet && !freopen("/dev/null", "w", stderr)) _exit(1);
            run_all();
            fflush(stdout);
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0) exit(1);
        if (status == 0) return;
        printf("FAIL  %s, %s is %s: ", c->name, now->name, now->what);
        printf(WIFSIGNALED(status) ? "killed by signal %d\n" : "exit status %d\n",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        now->faults++;
        if (now->argument < 0) { /* even the usual call crashes */
            if (++now->profile == PROFILES) return;
            continue;
        }
        if (++now->kind < now->kinds) continue;
        now->argument++;
        now->kind = 0;
    }
}

/* ---- limits ---- */

static void *limited_allocate(size_t bytes, void *context)
{
    (void)context;
    return bytes > LARGEST ? NULL : aligned_alloc(64, (bytes + 63) & ~(size_t)63);
}

static void limited_free(void *block, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    free(block);
}

int main(int argc, char **argv)
{
    now = mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (now == MAP_FAILED) return 1;
    loud = argc > 1;
    quiet = !loud && FREED_MEMORY_STAYS; /* a sanitizer's report is wanted, what default handlers write is not */
    tg_set_allocator(limited_allocate, limited_free, NULL);
    tg_set_error_handler(NULL, NULL);
    tg_set_warning_handler(NULL, NULL);
    int functions = 0, failed = 0;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (argc > 1 && !strstr(calls[i].name, argv[1])) continue;
        const int64_t before = now->faults;
        try_function(&calls[i]);
        functions++;
        failed += now->faults > before;
    }
    printf("%lld calls, %lld faults\n", (long long)now->calls, (long long)now->faults);
    printf("%d passed, %d failed\n", functions - failed, failed);
    return failed != 0;
}

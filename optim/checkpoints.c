/* checkpoints.c: see checkpoints.h. A new file is written whole first, and only then anything else moves; so whenever a
 * program is stopped, the folder has all that it had or all that it is to have, and perhaps what the next save clears
 * away. */
#include "checkpoints.h"

#include "core/error.h"
#include "core/file/input_impl.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "checkpoint_impl.h"
#include "checkpoints_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALIVE UINT64_C(0x636865636b706f69)

static bool checkpoints_ok(const char *where, const tg_checkpoints *c, const char *what)
{
    tgi_begin(where, what);
    if (c && c->alive == ALIVE) return true;
    if (c)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the checkpoints were freed, or are none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the checkpoints are NULL");
    return false;
}

/* ---- one file ---- */

/* What each file says of itself beside the parts. */
typedef struct about {
    int64_t step;
    double metric;
    tg_variable variables[2];
} about;

static tg_variable_list list_of(about *a)
{
    a->variables[0] = (tg_variable){ "checkpoint.step", TG_VARIABLE_INT64, &a->step, -1 };
    a->variables[1] = (tg_variable){ "checkpoint.metric", TG_VARIABLE_FLOAT64, &a->metric, -1 };
    return (tg_variable_list){ a->variables, 2 };
}

typedef enum outcome { LOADED, DAMAGED, FAILED } outcome;

/* What cannot even be opened is not damaged: the reason may pass, and the checkpoint with it if it were given up. */
static bool can_be_opened(const char *function, const char *path)
{
    tgi_input in;
    if (!tgi_input_open(&in, function, path)) return false;
    tgi_input_close(&in);
    return true;
}

/* Loads a file that may be damaged: then that is a warning. What else fails is an error. `consequence` is what the
 * warning says will be done. */
static outcome try_to_load(const char *function, const char *path, const tg_checkpoint_parts *parts, about *a,
                           const char *consequence)
{
    if (!path || !can_be_opened(function, path)) return FAILED;
    const bool before = tgi_set_untold(true);
    const bool loaded = tgi_checkpoint_load(function, path, parts, list_of(a));
    tgi_set_untold(before);
    if (loaded) return LOADED;
    tgi_error_record record;
    tgi_error_take(&record);
    if (record.code != TG_ERROR_FILE) {
        tgi_error_give(&record);
        return FAILED;
    }
    tg_warn_at(NULL, "%s; %s", record.message, consequence);
    return DAMAGED;
}

/* ---- making ---- */

/* What the best one of a run before had. False with an error pending. */
static bool read_best(tg_checkpoints *c)
{
    static const tg_checkpoint_parts nothing = { .leave_generator = true };
    const tg_scope scope = tg_scope_begin();
    const char *path = tgi_checkpoints_best_path(c);
    about a;
    bool ok = path != NULL;
    if (ok && tgi_file_is_there(path)) {
        const outcome how =
            try_to_load("checkpoints_new", path, &nothing, &a, "the next one that is saved counts as the best");
        ok = how != FAILED;
        if (how == LOADED) {
            c->best_step = a.step;
            c->best_metric = a.metric;
        }
    }
    tg_scope_end(scope);
    return ok;
}

tg_checkpoints *tg_checkpoints_new_at(const char *where, const char *folder, tg_checkpoints_options options)
{
    static const char what[] = "checkpoints_new";
    tgi_begin(where, what);
    if (tg_failed()) return NULL;
    const char *problem = NULL;
    if (!folder || !*folder) problem = folder ? "the folder has no name" : "the folder is NULL";
    if (options.keep < 1) problem = "at least one checkpoint is kept";
    if (options.best != TG_NO_BEST && options.best != TG_LOWEST && options.best != TG_HIGHEST)
        problem = "best is TG_NO_BEST, TG_LOWEST or TG_HIGHEST";
    if (problem) {
        tg_fail_at(where, folder ? TG_ERROR_VALUE : TG_ERROR_NULL, what, "%s", problem);
        return NULL;
    }
    char *real = tgi_folder_make(what, folder) ? realpath(folder, NULL) : NULL; /* where it is after a chdir, too */
    if (tg_failed()) return NULL;
    if (real) folder = real;
    const size_t length = strlen(folder), bytes = sizeof(tg_checkpoints) + length + 1;
    tg_checkpoints *c = tgi_calloc(bytes);
    if (!c) {
        free(real);
        return NULL;
    }
    c->alive = ALIVE;
    c->bytes = bytes;
    c->keep = options.keep;
    c->best = options.best;
    c->at = c->best_step = -1;
    c->best_metric = NAN;
    memcpy(c->folder, folder, length + 1);
    free(real);
    if (read_best(c)) return c;
    tg_checkpoints_free(c);
    return NULL;
}

void tg_checkpoints_free_at(const char *where, tg_checkpoints *c)
{
    if (!c || !checkpoints_ok(where, c, "checkpoints_free")) return;
    c->alive = 0;
    tgi_free(c, c->bytes);
}

/* ---- saving ---- */

/* Whether a step may be saved in a folder that has these. */
static bool step_ok(const tg_checkpoints *c, const char *what, int64_t step, const tgi_steps *there)
{
    const int64_t last = there->count ? there->items[there->count - 1] : -1;
    if (step < 0)
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "step %lld: steps begin at 0", (long long)step);
    else if (step < c->at)
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "step %lld after step %lld: steps do not fall", (long long)step,
                   (long long)c->at);
    else if (c->at < 0 && step <= last)
        tg_fail_at(
            NULL, TG_ERROR_VALUE, what,
            "step %lld, but %s has step %lld of another run: load it (tg_checkpoints_load_latest), or take another "
            "folder",
            (long long)step, c->folder, (long long)last);
    else
        return true;
    return false;
}

static bool is_better(const tg_checkpoints *c, double metric)
{
    if (c->best == TG_NO_BEST || isnan(metric)) return false;
    if (isnan(c->best_metric)) return true;
    return c->best == TG_LOWEST ? metric < c->best_metric : metric > c->best_metric;
}

/* The same file under the other name; where a file system has no links, or refuses them, written once more. */
static bool make_best(tg_checkpoints *c, const char *what, const char *path, const tg_checkpoint_parts *parts, about *a)
{
    const char *best = tgi_checkpoints_best_path(c);
    if (!best) return false;
    const tgi_linked how = tgi_file_link(what, path, best, c->folder);
    if (how == TGI_NOT_LINKED ? !tgi_checkpoint_save(what, best, parts, list_of(a)) : how != TGI_LINKED) return false;
    c->best_metric = a->metric;
    c->best_step = a->step;
    return true;
}

/* Removes what is beyond the last ones, and steps of a run that was left. */
static void rotate(const tg_checkpoints *c, int64_t step, const tgi_steps *there)
{
    int64_t older = 0;
    for (int64_t i = there->count - 1; i >= 0; i--) {
        const int64_t other = there->items[i];
        if (other == step) continue;
        if (other > c->at || ++older >= c->keep) tgi_file_remove(tgi_checkpoints_path(c, other));
    }
}

static bool save(tg_checkpoints *c, const char *what, int64_t step, double metric, const tg_checkpoint_parts *parts)
{
    tgi_steps there = { 0 };
    about a = { .step = step, .metric = metric };
    const char *path = NULL;
    bool saved = tgi_checkpoints_list(c, what, &there) && step_ok(c, what, step, &there) &&
                 (path = tgi_checkpoints_path(c, step)) && tgi_checkpoint_save(what, path, parts, list_of(&a));
    if (saved) {
        const bool good = !is_better(c, metric) || make_best(c, what, path, parts, &a);
        if (c->at < 0 && there.count) c->at = there.items[there.count - 1]; /* those that are there are this run's */
        if (good) rotate(c, step, &there);
        if (good) tgi_checkpoints_clear(c);
        c->at = step;
        saved = good && !tg_failed();
    }
    tgi_steps_free(&there);
    return saved;
}

tg_status tg_checkpoints_save_at(const char *where, tg_checkpoints *c, int64_t step, double metric,
                                 tg_checkpoint_parts parts)
{
    static const char what[] = "checkpoints_save";
    if (!checkpoints_ok(where, c, what) || tg_failed() || !tgi_checkpoint_parts_ok(what, &parts)) return TG_FAILED;
    const tg_scope scope = tg_scope_begin();
    const bool saved = save(c, what, step, metric, &parts);
    tg_scope_end(scope);
    return saved ? TG_OK : TG_FAILED;
}

/* ---- loading ---- */

static int64_t load_latest(tg_checkpoints *c, const char *what, const tg_checkpoint_parts *parts,
                           const tgi_steps *there)
{
    about a;
    outcome how = DAMAGED;
    for (int64_t i = there->count - 1; i >= 0 && how == DAMAGED; i--)
        how = try_to_load(what, tgi_checkpoints_path(c, there->items[i]), parts, &a, "the one before it is tried");
    const char *best = tgi_checkpoints_best_path(c);
    const bool has_best = best && tgi_file_is_there(best);
    if (how == DAMAGED && has_best) how = try_to_load(what, best, parts, &a, "there is no other");
    if (how == DAMAGED && !tg_failed() && (there->count || has_best))
        tg_fail_at(NULL, TG_ERROR_FILE, what, "%s: none of its checkpoints can be read", c->folder);
    return how == LOADED ? a.step : -1;
}

int64_t tg_checkpoints_load_latest_at(const char *where, tg_checkpoints *c, tg_checkpoint_parts parts)
{
    static const char what[] = "checkpoints_load_latest";
    if (!checkpoints_ok(where, c, what) || tg_failed() || !tgi_checkpoint_parts_ok(what, &parts)) return -1;
    const tg_scope scope = tg_scope_begin();
    tgi_steps there = { 0 };
    const int64_t step = tgi_checkpoints_list(c, what, &there) ? load_latest(c, what, &parts, &there) : -1;
    if (step >= 0) c->at = step;
    tgi_steps_free(&there);
    tg_scope_end(scope);
    return step;
}

int64_t tg_checkpoints_load_best_at(const char *where, tg_checkpoints *c, tg_checkpoint_parts parts)
{
    static const char what[] = "checkpoints_load_best";
    if (!checkpoints_ok(where, c, what) || tg_failed() || !tgi_checkpoint_parts_ok(what, &parts)) return -1;
    const tg_scope scope = tg_scope_begin();
    about a = { .step = -1 };
    const char *path = tgi_checkpoints_best_path(c);
    const bool loaded = path && tgi_file_is_there(path) && tgi_checkpoint_load(what, path, &parts, list_of(&a));
    if (loaded) c->at = a.step;
    tg_scope_end(scope);
    return loaded ? a.step : -1;
}

/* ---- what it knows ---- */

double tg_checkpoints_best_metric_at(const char *where, const tg_checkpoints *c)
{
    return checkpoints_ok(where, c, "checkpoints_best_metric") ? c->best_metric : (double)NAN;
}

int64_t tg_checkpoints_best_step_at(const char *where, const tg_checkpoints *c)
{
    return checkpoints_ok(where, c, "checkpoints_best_step") ? c->best_step : -1;
}

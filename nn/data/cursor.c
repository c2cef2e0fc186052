/* cursor.c: the indices of a pass. A sampler is asked when PyTorch's would be: not before a batch lacks an index, unless
 * it may be asked at any time. */
#include "cursor_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"

#include <string.h>

void tgi_cursor_begin(tgi_cursor *c, int64_t samples)
{
    c->samples = samples;
    c->given = c->used = c->place = c->done = c->taken = c->drawn = 0;
    c->over = c->seeded = false;
}

/* What is done makes room first. */
bool tgi_cursor_put(tgi_cursor *c, const int64_t *indices, int64_t count)
{
    const int64_t kept = c->drawn - c->done, needed = kept + count;
    int64_t *to = c->indices, room = c->room;
    if (needed > room) {
        room = needed > 2 * room ? needed : 2 * room;
        to = room < INT64_MAX / 16 ? tgi_calloc((size_t)room * sizeof *to) : NULL;
        if (!to && !tg_failed())
            tg_fail_at(NULL, TG_ERROR_MEMORY, "loader", "out of memory: %lld indices", (long long)needed);
        if (!to) return false;
    }
    if (kept) memmove(to, c->indices + c->done, (size_t)kept * sizeof *to);
    if (count) memcpy(to + kept, indices, (size_t)count * sizeof *to);
    if (to != c->indices) {
        tgi_free(c->indices, (size_t)c->room * sizeof *to);
        c->indices = to;
        c->room = room;
    }
    c->taken -= c->done;
    c->done = 0;
    c->drawn = needed;
    return true;
}

void tgi_cursor_free(tgi_cursor *c)
{
    tgi_free(c->indices, (size_t)c->room * sizeof *c->indices);
    c->indices = NULL;
    c->room = 0;
}

/* ---- asking the sampler ---- */

static tg_generator *seeded_generator(tgi_cursor *c, bool anew)
{
    if (!c->seeded) c->seed = tg_random64(NULL) & INT64_MAX;
    if (!c->seeded || anew) tg_generator_seed(&c->generator, c->seed);
    c->seeded = true;
    return &c->generator;
}

/* In a scope of the caller's; NULL when there are no more, or with an error pending. */
static const int64_t *ask(tgi_cursor *c, int64_t *count)
{
    tg_sampler *s = c->sampler;
    tg_generator *generator = s->is.when == TG_DRAW_SEEDED ? seeded_generator(c, c->given == 0) : s->is.generator;
    const tgi_place place = tgi_place_keep();
    tg_tensor *drawn = s->is.draw(c->given, generator, s->is.context);
    tgi_place_back(place);
    *count = 0;
    c->over = !drawn;
    if (!drawn || tg_failed()) return NULL;
    const int64_t *indices = tgi_index_vector(s->is.name, drawn, count);
    if (indices && *count == 0)
        tg_fail_at(NULL, TG_ERROR_VALUE, s->is.name, "a draw without an index; when there are no more it is NULL");
    return *count ? indices : NULL;
}

static bool in_range(const tgi_cursor *c, const int64_t *indices, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (indices[i] >= 0 && indices[i] < c->samples) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, c->sampler->is.name, "sample %lld of a dataset of %lld", (long long)indices[i],
                   (long long)c->samples);
        return false;
    }
    return true;
}

/* One draw more. False when there are no more, or with an error pending. */
static bool draw(tgi_cursor *c)
{
    int64_t count;
    const tg_scope scope = tg_no_grad_begin();
    const int64_t *indices = tg_failed() ? NULL : ask(c, &count);
    const bool ok = indices && in_range(c, indices, count) && tgi_cursor_put(c, indices, count);
    if (ok) c->given += c->batches ? 1 : count;
    tg_scope_end(scope);
    return ok;
}

/* What it gives is thrown away but for what lies behind `until`. */
static bool ask_again(tgi_cursor *c, int64_t until)
{
    c->given = c->done = c->taken = c->drawn = 0;
    c->over = false;
    while (c->given < until) {
        if (!draw(c)) {
            if (!tg_failed())
                tg_fail_at(NULL, TG_ERROR_VALUE, c->sampler->is.name,
                           "it gave no more than %lld where the pass that is resumed had used %lld",
                           (long long)c->given, (long long)until);
            return false;
        }
        c->done = c->taken = c->given > until ? c->drawn - (c->given - until) : c->drawn;
    }
    return true;
}

bool tgi_cursor_go_on(tgi_cursor *c, int64_t batches)
{
    c->place = c->used;
    return c->sampler->is.when == TG_DRAW_IN_TURN || ask_again(c, c->batches ? batches : c->used);
}

/* ---- batches ---- */

static tgi_taken fill(tgi_cursor *c, tgi_job *job, int64_t count)
{
    if (!tgi_job_reserve(job, count)) return TGI_NOT_TAKEN;
    memcpy(job->indices, c->indices + c->taken, (size_t)count * sizeof *job->indices);
    job->count = count;
    job->first = c->place;
    c->taken += count;
    c->place += count;
    return TGI_TAKEN;
}

tgi_taken tgi_cursor_take(tgi_cursor *c, tgi_job *job, bool its_turn)
{
    const bool may_ask = its_turn || c->sampler->is.when != TG_DRAW_IN_TURN;
    int64_t wanted = c->batches ? 1 : c->batch_size;
    while (c->drawn - c->taken < wanted && !c->over) {
        if (!may_ask) return TGI_NOT_YET;
        if (!draw(c) && tg_failed()) return TGI_NOT_TAKEN;
    }
    const int64_t left = c->drawn - c->taken;
    if (left == 0 || (c->drop_last && left < wanted)) return TGI_NO_MORE;
    return fill(c, job, c->batches || left < wanted ? left : wanted);
}

void tgi_cursor_done(tgi_cursor *c, int64_t count)
{
    c->done += count;
    c->used += count;
}

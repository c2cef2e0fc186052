/* loader.c: a loader's life, and a pass. Where it stands, out and in, is loader_state.c's.
 *
 * All draws happen here, on the caller's thread, and when PyTorch's do: so nobody can tell whether a thread makes the
 * batches. */
#include "loader_impl.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/rng.h"

enum { ALIVE = 0x4c6f6155, FREED = 0x4c6f6144 };

bool tgi_loader_ok(const char *where, const tg_loader *l, const char *what)
{
    tgi_begin(where, what);
    if (l && l->alive == ALIVE) return !tg_failed();
    if (l)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the loader was freed%s", l->alive == FREED ? "" : ", or is no loader");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the loader is NULL");
    return false;
}

/* ---- made ---- */

static const char *problem_of(const tg_loader_options *o)
{
    if (o->sampler && o->sampler == o->batch_sampler) return "one sampler is both sampler and batch_sampler";
    if (o->sampler && o->shuffle) return "sampler option is mutually exclusive with shuffle";
    if (o->batch_sampler && (o->batch_size != 1 || o->shuffle || o->sampler || o->drop_last))
        return "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last";
    if (o->sampler && o->sampler->inner) return "the sampler is a batch sampler: it is handed over as .batch_sampler";
    return NULL;
}

static bool options_ok(const char *where, const tg_loader_options *o)
{
    static const char what[] = "loader";
    if (o->sampler && !tgi_sampler_ok(where, o->sampler, what)) return false;
    if (o->batch_sampler && !tgi_sampler_ok(where, o->batch_sampler, what)) return false;
    const char *problem = problem_of(o);
    if (problem)
        tg_fail_at(where, TG_ERROR_VALUE, what, "%s", problem);
    else if (o->batch_size < 1)
        tg_fail_at(where, TG_ERROR_VALUE, what,
                   "batch_size should be a positive integer value, but got batch_size=%lld", (long long)o->batch_size);
    else if (o->prefetch < 0 || o->prefetch > TG_MAX_PREFETCH)
        tg_fail_at(where, TG_ERROR_VALUE, what, "prefetch can be 0 to %d, not %lld", TG_MAX_PREFETCH,
                   (long long)o->prefetch);
    return !tg_failed();
}

/* Nobody else has them yet when it fails. */
static tg_loader *take_over(tg_dataset *d, const tg_loader_options *o)
{
    tg_loader *l = tgi_calloc(sizeof *l);
    if (!l) return NULL;
    tg_sampler *s = o->batch_sampler ? o->batch_sampler : o->sampler;
    const bool own = !s;
    if (own) s = tgi_sampler_of(d, o->shuffle, o->generator);
    if (!s || !tgi_producer_new(&l->producer, o->prefetch)) {
        if (own) tgi_sampler_drop(s);
        tgi_free(l, sizeof *l);
        return NULL;
    }
    tgi_dataset_own(l->dataset = d);
    tgi_sampler_own(l->sampler = s);
    l->alive = ALIVE;
    l->is = *o;
    l->cursor.sampler = s->inner ? s->inner : s;
    l->cursor.batches = o->batch_sampler && !s->inner;
    l->cursor.batch_size = s->inner ? s->batch_size : l->cursor.batches ? 0 : o->batch_size;
    l->cursor.drop_last = s->inner ? s->drop_last : o->drop_last;
    l->batch = (tg_batch){ .items = l->items, .loader = l };
    return l;
}

tg_loader *tg_loader_new_at(const char *where, tg_dataset *d, tg_loader_options options)
{
    const bool ok = tgi_dataset_ok(where, d, "loader") && options_ok(where, &options);
    tg_loader *l = ok ? take_over(d, &options) : NULL;
    if (l) return l;
    tgi_dataset_drop(d);
    tgi_sampler_drop(options.sampler);
    if (options.batch_sampler != options.sampler) tgi_sampler_drop(options.batch_sampler);
    return NULL;
}

static void destroy(tg_loader *l)
{
    l->alive = FREED;
    tgi_producer_free(&l->producer);
    tgi_cursor_free(&l->cursor);
    tgi_sampler_disown(l->sampler);
    tgi_dataset_disown(l->dataset);
    tgi_free(l, sizeof *l);
}

/* Also while an error is pending, unlike all else. */
void tg_loader_free_at(const char *where, tg_loader *l)
{
    if (!l || (!tgi_loader_ok(where, l, "loader_free") && l->alive != ALIVE)) return;
    l->alive = FREED;
    l->dying = l->running;
    if (!l->running) destroy(l);
}

/* ---- a pass ---- */

/* The body may have ended a scope around the loop, and this one with it. */
static void end_scope(tg_loader *l)
{
    const tgi_thread *self = &tgi_self;
    const tg_scope s = l->scope;
    if (l->in_batch && s.depth >= 0 && s.depth < self->scope_count && self->scopes[s.depth].serial == s.serial)
        tg_scope_end(s);
    l->in_batch = false;
}

static tg_batch *end_pass(tg_loader *l)
{
    end_scope(l);
    tgi_producer_end(&l->producer);
    l->running = l->resumed = l->drew_wrong = false;
    l->batches_done = 0;
    l->epoch++;
    if (l->dying) destroy(l);
    return NULL;
}

/* What goes wrong ahead of time is told when its time has come. */
static tgi_taken take_ahead(tg_loader *l)
{
    const bool before = tgi_set_untold(true);
    const tgi_taken taken = tgi_cursor_take(&l->cursor, tgi_producer_job(&l->producer, l->submitted), false);
    tgi_set_untold(before);
    if (taken != TGI_NOT_TAKEN) return taken;
    tgi_error_take(&l->drawn_error);
    l->drew_wrong = true;
    return taken;
}

static tgi_taken take(tg_loader *l)
{
    if (l->drew_wrong && l->submitted > l->batches_done) return TGI_NOT_TAKEN;
    if (l->submitted > l->batches_done) return take_ahead(l);
    if (!l->drew_wrong) return tgi_cursor_take(&l->cursor, tgi_producer_job(&l->producer, l->submitted), true);
    tgi_error_give(&l->drawn_error);
    return TGI_NOT_TAKEN;
}

/* Asks for the next batch, and for those behind it that there is room for. False when there is no next one. */
static bool ask_for_batches(tg_loader *l)
{
    while (l->submitted < l->batches_done + l->producer.room && take(l) == TGI_TAKEN) {
        tgi_producer_submit(&l->producer);
        l->submitted++;
    }
    return l->submitted > l->batches_done && !tg_failed();
}

/* Hands the job's references to the scope of the batch. False with an error pending. */
static bool open_batch(tg_loader *l, tgi_job *job)
{
    l->scope = tg_scope_begin();
    l->in_batch = !tg_failed();
    int count = 0;
    while (l->in_batch && count < job->fields) {
        l->items[count] = tgi_scope_adopt(job->field[count]);
        job->field[count] = NULL; /* whether it has one now or not */
        if (!l->items[count++]) return false;
    }
    job->fields = l->in_batch ? 0 : job->fields;
    for (int i = count; i < TG_MAX_FIELDS + TGI_NO_FIELDS; i++) l->items[i] = NULL;
    l->batch.count = count;
    l->batch.size = job->count;
    l->batch.indices = job->indices;
    l->batch.index = l->batches_done;
    l->batch.epoch = l->epoch;
    return l->in_batch;
}

static tg_batch *make_next(tg_loader *l)
{
    tgi_job *job = ask_for_batches(l) ? tgi_producer_wait(&l->producer, l->batches_done) : NULL;
    if (!job || !open_batch(l, job)) return end_pass(l);
    tgi_cursor_done(&l->cursor, job->count);
    l->batches_done++;
    return &l->batch;
}

static tg_batch *next(tg_loader *l)
{
    tgi_tell_task("load", NULL, NULL, true);
    tg_batch *batch = make_next(l);
    tgi_tell_task("load", NULL, NULL, false);
    return batch;
}

/* False with an error pending. */
static bool resume(tg_loader *l, int64_t samples)
{
    if (samples == l->cursor.samples) return tgi_cursor_go_on(&l->cursor, l->batches_done);
    tg_fail_at(NULL, TG_ERROR_VALUE, "loader", "the pass that is resumed was one over %lld samples; there are %lld now",
               (long long)l->cursor.samples, (long long)samples);
    return false;
}

/* False with an error pending. */
static bool begin_pass(tg_loader *l)
{
    const int64_t samples = tgi_dataset_length(l->dataset);
    if (samples < 0) return false;
    if (!l->resumed) {
        tgi_cursor_begin(&l->cursor, samples);
        l->base_seed = tg_random64(l->is.generator) & INT64_MAX;
    } else if (!resume(l, samples)) {
        return false;
    }
    const tgi_recipe recipe = { l->dataset, l->is.collate, l->is.collate_context, l->base_seed };
    tgi_producer_begin(&l->producer, &recipe, l->batches_done);
    l->submitted = l->batches_done;
    l->running = true;
    return true;
}

tg_batch *tg_batches_begin_at(const char *where, tg_loader *l)
{
    static const char what[] = "loader";
    if (!tgi_loader_ok(where, l, what)) return NULL;
    if (l->running) {
        tg_fail_at(where, TG_ERROR_VALUE, what,
                   "a loop over this loader is running already; a second loader of the same dataset can run inside it");
        return NULL;
    }
    return begin_pass(l) ? next(l) : NULL;
}

tg_batch *tg_batches_next_at(const char *where, tg_batch *batch)
{
    static const char what[] = "loader";
    tg_loader *l = batch ? batch->loader : NULL;
    if (!l || !l->dying) {
        const bool ok = tgi_loader_ok(where, l, what);
        if (!ok && (!l || l->alive != ALIVE)) return NULL;
        if (!l->running) {
            if (ok) tg_fail_at(where, TG_ERROR_VALUE, what, "this batch's pass has ended");
            return NULL;
        }
    }
    end_scope(l);
    if (l->dying || tg_failed()) return end_pass(l);
    return next(l);
}

void tg_batches_end(tg_batch **batch)
{
    tg_loader *l = batch && *batch ? (*batch)->loader : NULL;
    if (!l) return;
    *batch = NULL;
    if ((l->alive == ALIVE && l->running) || l->dying) end_pass(l);
}

/* ---- where it is ---- */

int64_t tg_loader_length_at(const char *where, tg_loader *l)
{
    if (!tgi_loader_ok(where, l, "loader_length")) return -1;
    const int64_t n = tgi_sampler_length(l->cursor.sampler), size = l->cursor.batch_size;
    if (n < 0 || l->cursor.batches) return n;
    return n / size + (!l->cursor.drop_last && n % size);
}

int64_t tg_loader_epoch_at(const char *where, tg_loader *l)
{
    return tgi_loader_ok(where, l, "loader_epoch") ? l->epoch : -1;
}

int64_t tg_loader_batches_done_at(const char *where, tg_loader *l)
{
    return tgi_loader_ok(where, l, "loader_batches_done") ? l->batches_done : -1;
}

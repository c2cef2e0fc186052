/* fetch.c: a batch made of the numbers of its samples.
 *
 * It must come out the same on the loader's thread as on the caller's: nothing is recorded on a tape, and random numbers
 * come from the sample's place in the pass. */
#include "fetch_impl.h"

#include "collate_impl.h"
#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"

#include <string.h>

bool tgi_job_reserve(tgi_job *job, int64_t count)
{
    if (count <= job->room) return true;
    int64_t *indices = count < INT64_MAX / 16 ? tgi_calloc((size_t)count * sizeof *indices) : NULL;
    if (!indices) {
        if (!tg_failed())
            tg_fail_at(NULL, TG_ERROR_MEMORY, "loader", "out of memory: a batch of %lld", (long long)count);
        return false;
    }
    tgi_free(job->indices, (size_t)job->room * sizeof *indices);
    job->indices = indices;
    job->room = count;
    return true;
}

/* Steele, Lea and Flood's SplitMix64: neighbours get seeds that have nothing in common. */
#ifdef __clang__
__attribute__((no_sanitize("integer")))
#endif
static uint64_t
seed_of(uint64_t base_seed, int64_t place)
{
    uint64_t z = base_seed + ((uint64_t)place + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int run_batch(const tgi_job *job, const tgi_recipe *r, tgi_lent_generator *lent, tg_tensor **fields)
{
    tg_tensor *indices = tgi_index_tensor(job->indices, job->count);
    lent->seed = seed_of(r->base_seed, job->first);
    return indices ? tgi_dataset_batch(r->dataset, indices, fields) : -1;
}

static int check_collated(int count, tg_tensor *const *fields)
{
    if (count < 1 || count > TG_MAX_FIELDS) {
        if (!tg_failed())
            tg_fail_at(NULL, TG_ERROR_VALUE, "collate", "a batch of %d fields; there can be 1 to %d", count,
                       TG_MAX_FIELDS);
        return -1;
    }
    for (int i = 0; i < count; i++)
        if (!tgi_handle_ok("collate", fields[i])) return -1;
    return tg_failed() ? -1 : count;
}

static int run_items(const tgi_job *job, const tgi_recipe *r, tgi_lent_generator *lent, tg_tensor **fields)
{
    tgi_samples samples;
    if (!tgi_samples_begin(&samples, job->count)) return -1;
    for (int64_t i = 0; i < job->count; i++) {
        lent->seed = seed_of(r->base_seed, job->first + i);
        lent->seeded = false;
        const int count = tgi_dataset_item(r->dataset, job->indices[i], fields);
        if (count < 0 || !tgi_samples_add(&samples, fields, count)) return -1;
    }
    for (int i = 0; i < TG_MAX_FIELDS; i++) fields[i] = NULL;
    if (!r->collate) return tg_collate_stack(samples.items, job->count, fields, NULL);
    lent->seed = seed_of(~r->base_seed, job->first); /* of the batch's own */
    lent->seeded = false;
    const tgi_place place = tgi_place_keep();
    const int count = r->collate(samples.items, job->count, fields, r->collate_context);
    tgi_place_back(place);
    return check_collated(count, fields);
}

/* The scope that a user's function works in is closed above its head if it does not return to it. */
bool tgi_job_run(tgi_job *job, const tgi_recipe *r)
{
    tgi_lent_generator lent = { .seeded = false };
    tg_tensor *fields[TG_MAX_FIELDS] = { NULL };
    const tg_scope scope = tg_no_grad_begin();
    if (tg_failed()) return false;
    tgi_lent_generator *before = tgi_lend_generator(&lent);
    const bool whole = r->dataset->is.batch && (!r->collate || r->collate == tg_collate_stack);
    const int count = whole ? run_batch(job, r, &lent, fields) : run_items(job, r, &lent, fields);
    tgi_lend_generator(before);
    const bool ok = count > 0 && !tg_failed();
    for (int i = 0; ok && i < count; i++) job->field[i] = tgi_ref(fields[i]);
    job->fields = ok ? count : 0;
    tg_scope_end(scope);
    return ok;
}

void tgi_job_drop(tgi_job *job)
{
    for (int i = 0; i < job->fields; i++) tgi_unref(job->field[i]);
    job->fields = 0;
}

void tgi_job_free(tgi_job *job)
{
    tgi_job_drop(job);
    tgi_free(job->indices, (size_t)job->room * sizeof *job->indices);
    job->indices = NULL;
    job->room = 0;
}

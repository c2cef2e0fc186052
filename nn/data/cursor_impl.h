/* cursor_impl.h: the indices of a pass, as a sampler gives them and batches take them. */
#ifndef TG_NN_DATA_CURSOR_IMPL_H
#define TG_NN_DATA_CURSOR_IMPL_H

#include "core/rng.h"
#include "fetch_impl.h"
#include "sampler_impl.h"

TG_EXTERN_C_BEGIN

/* Samplers give indices in draws of any length. What was drawn is kept until the batch that has it is done: a state
 * needs what is left.
 *
 *     indices     ......done......taken......drawn
 *                      |in batches|no batch's| */
typedef struct tgi_cursor {
    tg_sampler *sampler;
    bool batches;          /* each draw is a batch */
    bool drop_last;
    int64_t batch_size;    /* 0 when each draw is a batch */
    int64_t samples;       /* of the dataset: what indices must be below */
    int64_t given;         /* as the sampler counts */
    int64_t used;          /* how many samples are done */
    int64_t place;         /* in the pass, of the next sample that a batch takes */
    bool over;             /* the sampler has no more */
    bool seeded;
    uint64_t seed;         /* of `generator`, when seeded */
    tg_generator generator;
    int64_t *indices;
    int64_t room, done, taken, drawn;
} tgi_cursor;

/* The beginning of a pass over so many samples. */
void tgi_cursor_begin(tgi_cursor *c, int64_t samples);
/* Goes on behind so many batches, of which `used`, `seed` and, of a sampler that draws in turn, what it has given and
 * what is left of it are known. Others are asked anew. False with an error pending. */
bool tgi_cursor_go_on(tgi_cursor *c, int64_t batches);
/* Puts indices behind those that were drawn. False with an error pending. */
bool tgi_cursor_put(tgi_cursor *c, const int64_t *indices, int64_t count);

typedef enum tgi_taken { TGI_TAKEN, TGI_NOT_YET, TGI_NO_MORE, TGI_NOT_TAKEN } tgi_taken;

/* Fills the job with the indices of the next batch. TGI_NOT_YET: the sampler would have to be asked, and it is not
 * `its_turn`. TGI_NOT_TAKEN: an error is pending. */
tgi_taken tgi_cursor_take(tgi_cursor *c, tgi_job *job, bool its_turn);
/* The oldest batch is done, of so many samples. */
void tgi_cursor_done(tgi_cursor *c, int64_t count);
void tgi_cursor_free(tgi_cursor *c);

TG_EXTERN_C_END

#endif

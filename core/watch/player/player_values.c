/* player_values.c: a run's numbers: all of a small tensor, of a large one heat maps.
 *
 * Equal numbers lie in one place: much of what a walk hands on is what it was handed. */
#include "player_impl.h"

#include "core/file/output_impl.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <math.h>
#include <string.h>

enum { IN_FULL = 64, CELLS = TGI_HEAT_SIDE * TGI_HEAT_SIDE };

typedef struct tgi_chunk {
    int64_t offset, bytes;
} tgi_chunk;

static double element(const void *elements, tg_dtype dtype, int64_t i)
{
    switch (dtype) {
    case TG_FLOAT32: return (double)((const float *)elements)[i];
    case TG_FLOAT64: return ((const double *)elements)[i];
    case TG_INT64: return (double)((const int64_t *)elements)[i];
    default: return ((const bool *)elements)[i];
    }
}

/* ---- numbers that are there already ---- */

typedef struct sought {
    const tgi_values *values;
    const void *bytes;
    int64_t count;
} sought;

static bool is_it(const void *context, int64_t entry)
{
    const sought *s = context;
    const tgi_chunk *chunk = &s->values->chunks[entry];
    return chunk->bytes == s->count && memcmp(s->values->numbers.text + chunk->offset, s->bytes, (size_t)s->count) == 0;
}

/* Where these bytes lie; -1 with an error pending. */
static int64_t place_of(tgi_values *v, const void *bytes, int64_t count)
{
    if (count == 0) return 0;
    const uint64_t hash = tgi_hash_of(bytes, (size_t)count);
    const int64_t there = tgi_hashed_find(&v->found, hash, is_it, &(sought){ v, bytes, count });
    if (there >= 0) return v->chunks[there].offset;
    const int64_t offset = v->numbers.length;
    tgi_page_bytes(&v->numbers, bytes, count);
    if (v->numbers.failed || !tgi_grow(&v->chunks, &v->chunk_capacity, v->chunk_count + 1, sizeof *v->chunks))
        return -1;
    v->chunks[v->chunk_count] = (tgi_chunk){ offset, count };
    return tgi_hashed_add(&v->found, hash, v->chunk_count++) ? offset : -1;
}

/* ---- what is kept of a tensor ---- */

/* Floats as they are; of other types doubles. */
static bool add_elements(tgi_values *v, const tg_tensor *t, const void *elements, tgi_value *value)
{
    double doubles[IN_FULL];
    value->count = (int32_t)t->numel;
    value->size = t->dtype == TG_FLOAT32 ? 4 : 8;
    if (!tgi_is_floating(t)) {
        for (int64_t i = 0; i < t->numel; i++) doubles[i] = element(elements, (tg_dtype)t->dtype, i);
        elements = doubles;
    }
    value->offset = place_of(v, elements, t->numel * value->size);
    return value->offset >= 0;
}

/* Of elements that are finite: their sum or, once that is too large, their mean. */
typedef struct sum {
    double total;
    int64_t count;
    bool is_mean;
} sum;

static void add(sum *s, double x)
{
    s->count++;
    if (!s->is_mean && isfinite(s->total + x)) {
        s->total += x;
        return;
    }
    if (!s->is_mean && s->count > 1) s->total /= (double)(s->count - 1);
    s->is_mean = true;
    s->total += x / (double)s->count - s->total / (double)s->count;
}

static double mean_of(const sum *s) { return s->is_mean ? s->total : s->total / (double)s->count; }

/* What is known of so many elements, and the sum of those that are finite. */
static void look_at(tgi_value *value, const void *elements, tg_dtype dtype, int64_t first, int64_t count, sum *s)
{
    for (int64_t i = first; i < first + count; i++) {
        const double x = element(elements, dtype, i);
        if (!isfinite(x)) {
            value->nonfinite++;
            continue;
        }
        if (!value->any_finite || x < value->low) value->low = x;
        if (!value->any_finite || x > value->high) value->high = x;
        value->any_finite = true;
        add(s, x);
    }
}

/* One matrix of the tensor, cut as core/show/matrix.c does: the means of its cells. `finite`: how many
 * elements the tensor's mean is of so far. */
static void add_map(tgi_value *value, const void *elements, tg_dtype dtype, const int64_t size[2], int64_t first,
                    float *means, int64_t *finite)
{
    const int64_t rows = size[0], columns = size[1];
    sum cells[CELLS] = { { .count = 0 } };
    for (int64_t i = 0; i < value->rows; i++)
        for (int64_t r = i * rows / value->rows; r < (i + 1) * rows / value->rows; r++)
            for (int64_t j = 0; j < value->columns; j++) {
                const int64_t left = j * columns / value->columns, right = (j + 1) * columns / value->columns;
                look_at(value, elements, dtype, first + r * columns + left, right - left,
                        &cells[i * value->columns + j]);
            }
    for (int i = 0; i < value->rows * value->columns; i++) {
        means[i] = (float)mean_of(&cells[i]);
        if (!cells[i].count) continue;
        *finite += cells[i].count;
        const double share = (double)cells[i].count / (double)*finite;
        value->mean += mean_of(&cells[i]) * share - value->mean * share;
    }
}

/* The last two dimensions are a matrix; there is one for each index of those before them, of which the first are kept. */
static bool add_heat_maps(tgi_values *v, const tg_tensor *t, const void *elements, tgi_value *value)
{
    const int64_t columns = t->dims[t->ndim - 1], rows = t->ndim > 1 ? t->dims[t->ndim - 2] : 1;
    const int64_t count = t->numel / (rows * columns);
    value->maps = (int32_t)(count < v->most_maps ? count : v->most_maps);
    v->left_out |= value->maps < count;
    value->rows = (int32_t)(rows < v->most ? rows : v->most);
    value->columns = (int32_t)(columns < v->most ? columns : v->most);
    const int64_t cells = (int64_t)value->rows * value->columns;
    float *means = tgi_scope_alloc((size_t)(value->maps * cells) * sizeof *means), unkept[CELLS];
    if (!means) return false;
    int64_t finite = 0;
    for (int64_t m = 0; m < count; m++)
        add_map(value, elements, (tg_dtype)t->dtype, (int64_t[]){ rows, columns }, m * rows * columns,
                m < value->maps ? means + m * cells : unkept, &finite);
    value->count = -1;
    value->single = t->dtype == TG_FLOAT32;
    if (value->single) value->mean = (double)(float)value->mean;
    value->offset = place_of(v, means, value->maps * cells * (int64_t)sizeof *means);
    return value->offset >= 0;
}

int64_t tgi_values_add(tgi_values *v, const tg_tensor *t)
{
    const int64_t known = v->tensors.count, i = tgi_pointers_add(&v->tensors, t);
    if (i < known) return i;
    if (!tgi_grow(&v->values, &v->capacity, i + 1, sizeof *v->values)) return -1;
    tgi_value value = { .offset = 0 };
    const tg_scope scope = tg_scope_begin();
    const void *elements = tgi_row_major(t);
    bool ok = elements || t->numel == 0;
    if (ok && t->numel <= IN_FULL)
        ok = add_elements(v, t, elements, &value);
    else if (ok)
        ok = add_heat_maps(v, t, elements, &value);
    tg_scope_end(scope);
    v->values[i] = value;
    return ok && !tg_failed() ? i : -1;
}

void tgi_values_free(tgi_values *v)
{
    tgi_page_free(&v->numbers);
    tgi_pointers_free(&v->tensors);
    tgi_grow_free(v->values, v->capacity, sizeof *v->values);
    tgi_grow_free(v->chunks, v->chunk_capacity, sizeof *v->chunks);
    tgi_hashed_free(&v->found);
}

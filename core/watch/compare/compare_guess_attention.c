/* compare_guess_attention.c: attention done otherwise: another scale or none, a mask, softmax along the queries, another
 * number of heads. Of a MultiheadAttention, whose projections are recorded, and of what stands between recorded queries,
 * keys and values and the next tensor. */
#include "compare_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_WORK = 4000000, MOST_HEADS = 16 };

typedef struct manner {
    int heads, scale; /* scale: index of `scales` */
    bool causal, over_queries, time_first, interleaved;
} manner;

static const char *const scales[] = { "1/sqrt(d) of a head's size", "no scale", "1/sqrt(d) of all heads' size", "1/d" };
enum { SCALES = sizeof scales / sizeof *scales };

typedef struct block {
    const double *q, *k, *v;
    int64_t first, second, size; /* shape [first, second, size]: batch and time, or the reverse */
    double *scores, *y;
} block;

static double scale_of(const manner *m, int64_t size)
{
    const double d = (double)size / m->heads;
    return m->scale == 0 ? 1 / sqrt(d) : m->scale == 1 ? 1 : m->scale == 2 ? 1 / sqrt((double)size) : 1 / d;
}

/* Where a number of a head lies within its row. */
static int64_t column(const manner *m, int64_t size, int64_t head, int64_t i)
{
    return m->interleaved ? i * m->heads + head : head * (size / m->heads) + i;
}

/* Along the keys, or along the queries. */
static void softmax(double *scores, int64_t time, bool over_queries)
{
    const int64_t step = over_queries ? time : 1, line = over_queries ? 1 : time;
    for (int64_t l = 0; l < time; l++) {
        double *at = scores + l * line, largest = -INFINITY, sum = 0;
        for (int64_t i = 0; i < time; i++) largest = fmax(largest, at[i * step]);
        for (int64_t i = 0; i < time; i++) sum += at[i * step] = exp(at[i * step] - largest);
        for (int64_t i = 0; i < time; i++) at[i * step] /= sum;
    }
}

static void attend_head(const block *b, const manner *m, int64_t item, int64_t head)
{
    const int64_t time = m->time_first ? b->first : b->second, batch = m->time_first ? b->second : b->first;
    const int64_t d = b->size / m->heads, step = (m->time_first ? batch : 1) * b->size;
    const int64_t start = item * (m->time_first ? 1 : time) * b->size;
    const double scale = scale_of(m, b->size);
    for (int64_t i = 0; i < time; i++)
        for (int64_t j = 0; j < time; j++) {
            double sum = 0;
            for (int64_t c = 0; c < d; c++) {
                const int64_t at = column(m, b->size, head, c);
                sum += b->q[start + i * step + at] * b->k[start + j * step + at];
            }
            b->scores[i * time + j] = m->causal && j > i ? -INFINITY : sum * scale;
        }
    softmax(b->scores, time, m->over_queries);
    for (int64_t i = 0; i < time; i++)
        for (int64_t c = 0; c < d; c++) {
            const int64_t at = column(m, b->size, head, c);
            double sum = 0;
            for (int64_t j = 0; j < time; j++) sum += b->scores[i * time + j] * b->v[start + j * step + at];
            b->y[start + i * step + at] = sum;
        }
}

static void attend(const block *b, const manner *m)
{
    const int64_t batch = m->time_first ? b->second : b->first;
    for (int64_t item = 0; item < batch; item++)
        for (int64_t head = 0; head < m->heads; head++) attend_head(b, m, item, head);
}

/* ---- manners ---- */

/* The manner number `code`, PyTorch's first. False: there is no more. */
static bool manner_of(int code, manner *m)
{
    *m = (manner){ .scale = code % SCALES };
    code /= SCALES;
    m->causal = code % 2;
    m->over_queries = code / 2 % 2;
    m->time_first = code / 4 % 2;
    m->interleaved = code / 8 % 2;
    m->heads = 1 + code / 16;
    return m->heads <= MOST_HEADS;
}

typedef struct target {
    const block *b;
    const double *out_weight, *out_bias; /* NULL: none is behind it */
    double *made;
} target;

/* What comes out of it, in the end. */
static const double *output_of(const target *t, const manner *m)
{
    const block *b = t->b;
    attend(b, m);
    if (!t->out_weight) return b->y;
    for (int64_t r = 0; r < b->first * b->second; r++)
        for (int64_t o = 0; o < b->size; o++) {
            double sum = t->out_bias ? t->out_bias[o] : 0;
            for (int64_t i = 0; i < b->size; i++) sum += t->out_weight[o * b->size + i] * b->y[r * b->size + i];
            t->made[r * b->size + o] = sum;
        }
    return t->made;
}

/* The manner that makes `y`, most like `like` if that is given. */
static bool find(const tgi_suspect *s, const target *t, tgi_reals y, const manner *like, manner *best, double *misfit)
{
    manner m;
    double fit;
    int least = 100;
    for (int code = 0; manner_of(code, &m); code++) {
        if (t->b->size % m.heads || (m.interleaved && m.heads == 1)) continue;
        const int changes = !like ? 0
                                  : (m.heads != like->heads) + (m.scale != like->scale) + (m.causal != like->causal) +
                                        (m.over_queries != like->over_queries) + (m.time_first != like->time_first) +
                                        (m.interleaved != like->interleaved);
        if (changes >= least || !tgi_fits(s, output_of(t, &m), y.at, y.count, &fit)) continue;
        *best = m;
        *misfit = fit;
        least = changes;
        if (!like) break;
    }
    return least < 100;
}

static void say(tgi_suspect *s, const manner *a, const manner *b, double misfit)
{
    char text[240] = "";
    size_t used = 0;
#define SAY(...) (used += used < sizeof text ? (size_t)snprintf(text + used, sizeof text - used, __VA_ARGS__) : 0)
    if (a->scale != b->scale) SAY("; %s here, %s there", scales[a->scale], scales[b->scale]);
    if (a->heads != b->heads) SAY("; %d heads here, %d there", a->heads, b->heads);
    if (a->causal != b->causal)
        SAY("; %s", a->causal ? "a causal mask here, none there" : "no mask here, a causal one there");
    if (a->over_queries != b->over_queries)
        SAY("; softmax along the %s",
            a->over_queries ? "queries here, the keys there" : "keys here, the queries there");
    if (a->time_first != b->time_first)
        SAY("; batch_first: %s first here", a->time_first ? "time comes" : "the batch comes");
    if (a->interleaved != b->interleaved) SAY("; rows are split into heads in another order");
#undef SAY
    if (used) tgi_guess_add(s, 8, misfit, "attention: %s", text + 2);
}

static void compare_manners(tgi_suspect *s, const target *t)
{
    manner ours, theirs;
    double a, b;
    if (find(s, t, s->theirs, NULL, &theirs, &a) && find(s, t, s->ours, &theirs, &ours, &b))
        say(s, &ours, &theirs, fmax(a, b));
}

/* ---- where queries, keys and values come from ---- */

static bool set_shape(block *b, const tg_shape *shape)
{
    b->first = shape->dims[0];
    b->second = shape->dims[1];
    b->size = shape->dims[2];
    const int64_t longest = b->first > b->second ? b->first : b->second, n = b->first * b->second * b->size;
    if (!n || longest * n > MOST_WORK / 16) return false;
    b->scores = tgi_reals_new(longest * longest);
    b->y = tgi_reals_new(n);
    return b->scores && b->y;
}

/* x W^T + b, for one third of the rows of in_proj. */
static double *project(const block *b, tgi_reals x, tgi_reals w, tgi_reals bias, int third)
{
    double *y = tgi_reals_new(x.count);
    const int64_t size = b->size;
    for (int64_t r = 0; y && r < x.count / size; r++)
        for (int64_t o = 0; o < size; o++) {
            const int64_t row = third * size + o;
            double sum = bias.count ? bias.at[row] : 0;
            for (int64_t i = 0; i < size; i++) sum += w.at[row * size + i] * x.at[r * size + i];
            y[r * size + o] = sum;
        }
    return y;
}

static void guess_module(tgi_suspect *s)
{
    const tgi_recorded *what = s->what;
    tgi_reals in[3], w, bias = { 0 }, out, out_bias = { 0 };
    if (what->role != TGI_OUTPUT || what->index != 0 || s->theirs.shape.ndim != 3) return;
    if (!tgi_recorded_reals(&w, tgi_run_find_parameter(s->run, what->module, "in_proj_weight"))) return;
    if (!tgi_recorded_reals(&out, tgi_run_find_parameter(s->run, what->module, "out_proj.weight"))) return;
    tgi_recorded_reals(&bias, tgi_run_find_parameter(s->run, what->module, "in_proj_bias"));
    tgi_recorded_reals(&out_bias, tgi_run_find_parameter(s->run, what->module, "out_proj.bias"));
    block b = { 0 };
    if (!set_shape(&b, &s->theirs.shape)) return;
    const int64_t square = b.size * b.size;
    if (w.count != 3 * square || out.count != square || (bias.count && bias.count != 3 * b.size)) return;
    if (out_bias.count && out_bias.count != b.size) return;
    const double *projected[3];
    for (int i = 0; i < 3; i++) {
        const tgi_recorded *input = tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, i);
        if (!tgi_recorded_reals(&in[i], input) || in[i].count != s->theirs.count) return;
        if (!(projected[i] = project(&b, in[i], w, bias, i))) return;
    }
    b.q = projected[0];
    b.k = projected[1];
    b.v = projected[2];
    const target t = { &b, out.at, out_bias.count ? out_bias.at : NULL, tgi_reals_new(s->theirs.count) };
    if (t.made) compare_manners(s, &t);
}

/* One of the three used for another: `order` says which is which there, `m` how it is done. */
static void guess_mixed_up(tgi_suspect *s, const target *t, block *b, const tgi_reals found[3], const int order[3],
                           const manner *m)
{
    static const char *const names[] = { "queries", "keys", "values" };
    double misfit;
    for (int code = 0; code < 27; code++) {
        const int used[3] = { code / 9, code / 3 % 3, code % 3 };
        b->q = found[order[used[0]]].at;
        b->k = found[order[used[1]]].at;
        b->v = found[order[used[2]]].at;
        if (!tgi_fits(s, output_of(t, m), s->ours.at, s->ours.count, &misfit)) continue;
        tgi_guess_add(s, 8, misfit, "attention: of queries, keys and values ours takes the %s, the %s and the %s",
                      names[used[0]], names[used[1]], names[used[2]]);
        return;
    }
}

/* The latest three outputs of one shape are queries, keys and values, in any order. */
static void guess_between(tgi_suspect *s)
{
    static const int orders[6][3] = { { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 }, { 0, 2, 1 }, { 1, 0, 2 }, { 0, 1, 2 } };
    tgi_reals found[3];
    int count = 0;
    if (s->theirs.shape.ndim != 3 || s->what->role > TGI_OUTPUT) return;
    for (int i = 0; i < s->recent_count && count < 3; i++) {
        if (s->recent[i]->role != TGI_OUTPUT || tg_numel(s->recent[i]->tensor) != s->theirs.count) continue;
        if (tgi_recorded_reals(&found[count], s->recent[i]) && tg_shape_equal(&found[count].shape, &s->theirs.shape))
            count++;
    }
    block b = { 0 };
    if (count < 3 || !set_shape(&b, &s->theirs.shape)) return;
    const target t = { &b, NULL, NULL, NULL };
    for (int o = 0; o < 6; o++) {
        manner theirs;
        double misfit;
        b.q = found[orders[o][0]].at;
        b.k = found[orders[o][1]].at;
        b.v = found[orders[o][2]].at;
        if (!find(s, &t, s->theirs, NULL, &theirs, &misfit)) continue;
        compare_manners(s, &t);
        guess_mixed_up(s, &t, &b, found, orders[o], &theirs);
        return;
    }
}

/* The latest output of three times the width holds all three. */
static void guess_joined(tgi_suspect *s)
{
    if (s->theirs.shape.ndim != 3 || s->what->role > TGI_OUTPUT) return;
    for (int i = 0; i < s->recent_count; i++) {
        tgi_reals all;
        if (s->recent[i]->role != TGI_OUTPUT || tg_numel(s->recent[i]->tensor) != 3 * s->theirs.count) continue;
        if (!tgi_recorded_reals(&all, s->recent[i]) || all.shape.ndim != 3) continue;
        block b = { 0 };
        if (!set_shape(&b, &s->theirs.shape) || all.shape.dims[2] != 3 * b.size) continue;
        double *parts = tgi_reals_new(all.count);
        if (!parts) return;
        for (int64_t at = 0; at < all.count; at++) {
            const int64_t row = at / (3 * b.size), part = at % (3 * b.size) / b.size, c = at % b.size;
            parts[part * s->theirs.count + row * b.size + c] = all.at[at];
        }
        b.q = parts;
        b.k = parts + s->theirs.count;
        b.v = parts + 2 * s->theirs.count;
        const target t = { &b, NULL, NULL, NULL };
        compare_manners(s, &t);
        return;
    }
}

void tgi_guess_attention(tgi_suspect *s)
{
    if (s->ours.count != s->theirs.count) return;
    guess_module(s);
    guess_between(s);
    guess_joined(s);
}

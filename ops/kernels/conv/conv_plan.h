/* conv_plan.h: what a convolution decides from its sizes alone, for every dtype.
 *
 * Result and image are computed by one loop, the implicit matrix product (weight times the columns of unfold, of which
 * no more exists than a task needs): each output position takes, under each tap, one input position a fixed way off. Of
 * a result that is the convolution's own definition. Of an image with a stride, positions fall into phases by their
 * place modulo the stride: those of a phase meet the same taps, and the result that they take from goes on by one from
 * each to the next. */
#ifndef TG_OPS_KERNELS_CONV_CONV_PLAN_H
#define TG_OPS_KERNELS_CONV_CONV_PLAN_H

#include "conv_kernels.h"
#include "ops/kernels/template/pieces.h"
#include "ops/kernels/template/scalar.h"

/* Along one dimension. Output index i of the phase is element first + i * step of the output; under tap u of `taps` it
 * takes element i * stride + from + u * from_step of the input, by tap weight + u * weight_step of the weight. */
typedef struct tgi_implicit_line {
    int64_t in, out, count, first, step;
    int64_t stride, taps, from, from_step, weight, weight_step;
} tgi_implicit_line;

typedef struct tgi_implicit {
    int64_t batch, groups;
    int64_t channels, rows;        /* of a group: summed over; computed */
    int64_t row_step, channel_step, weight_row;   /* in the weight, whose groups are `rows * channels * all taps` apart */
    int64_t taps;                  /* of the weight, all of them */
    tgi_implicit_line y, x;
} tgi_implicit;

TGI_INLINE tgi_implicit_line tgi_result_line(int64_t image, int64_t result, int64_t taps, int64_t stride, int64_t pad,
                                           int64_t dilation)
{
    return (tgi_implicit_line){ .in = image, .out = result, .count = result, .step = 1, .stride = stride, .taps = taps,
                              .from = -pad, .from_step = dilation, .weight_step = 1 };
}

/* The phase of image positions phase, phase + stride, ...: taps for which (position + pad - tap * dilation) is a
 * multiple of the stride. */
TGI_INLINE tgi_implicit_line tgi_image_line(int64_t image, int64_t result, int64_t taps, int64_t stride, int64_t pad,
                                          int64_t dilation, int64_t phase)
{
    tgi_implicit_line l = { .in = result, .out = image, .first = phase, .step = stride, .stride = 1, .weight_step = 1 };
    l.count = phase < image ? (image - 1 - phase) / stride + 1 : 0;
    while (l.weight_step < taps && l.weight_step * dilation % stride != 0) l.weight_step++; /* at most stride turns */
    while (l.weight < taps && l.weight < l.weight_step && (phase + pad - l.weight * dilation) % stride != 0) l.weight++;
    if (l.weight < taps && l.weight < l.weight_step) {
        l.taps = (taps - 1 - l.weight) / l.weight_step + 1;
        l.from = (phase + pad - l.weight * dilation) / stride;
        l.from_step = -(l.weight_step * dilation / stride);
    }
    return l;
}

/* Those of an image's dimension that have a position. */
TGI_INLINE int64_t tgi_line_phases(int64_t image, int64_t stride) { return image < stride ? image : stride; }

TGI_INLINE int64_t tgi_implicit_phases(const tgi_conv *s, tgi_conv_map map)
{
    return map == TGI_CONV_IMAGE ? tgi_line_phases(s->h, s->stride_h) * tgi_line_phases(s->w, s->stride_w) : 1;
}

/* Taps of one element that meet every element once: an image is one row, and no panel ends with a row of its own. */
TGI_INLINE tgi_conv tgi_conv_in_rows(tgi_conv s)
{
    const bool alone = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1;
    if (!alone || s.h != s.oh || s.w != s.ow || s.pad_h || s.pad_w) return s;
    s.w = s.ow = s.h * s.w;
    s.h = s.oh = 1;
    return s;
}

TGI_INLINE tgi_implicit tgi_implicit_of(const tgi_conv *given, tgi_conv_map map, int64_t phase)
{
    const tgi_conv rows = tgi_conv_in_rows(*given), *s = &rows;
    tgi_implicit g = { .batch = s->batch, .groups = s->groups, .taps = s->kh * s->kw, .weight_row = s->kw };
    if (map == TGI_CONV_RESULT) {
        g.channels = s->c;
        g.rows = s->k;
        g.row_step = s->c * g.taps;
        g.channel_step = g.taps;
        g.y = tgi_result_line(s->h, s->oh, s->kh, s->stride_h, s->pad_h, s->dilation_h);
        g.x = tgi_result_line(s->w, s->ow, s->kw, s->stride_w, s->pad_w, s->dilation_w);
    } else {
        g.channels = s->k;
        g.rows = s->c;
        g.row_step = g.taps;
        g.channel_step = s->c * g.taps;
        const int64_t phases = tgi_line_phases(s->w, s->stride_w);
        g.y = tgi_image_line(s->h, s->oh, s->kh, s->stride_h, s->pad_h, s->dilation_h, phase / phases);
        g.x = tgi_image_line(s->w, s->ow, s->kw, s->stride_w, s->pad_w, s->dilation_w, phase % phases);
    }
    return g;
}

/* The element of a plane furthest to the front that a position at 0 takes, and how far it is to the last one. */
TGI_INLINE int64_t tgi_line_front(const tgi_implicit_line *l)
{
    return l->from_step < 0 && l->taps > 0 ? l->from + (l->taps - 1) * l->from_step : l->from;
}
TGI_INLINE int64_t tgi_line_span(const tgi_implicit_line *l)
{
    const int64_t span = l->taps > 0 ? (l->taps - 1) * l->from_step : 0;
    return span < 0 ? -span : span;
}

/* Every position finds all its taps inside, a step apart from those of the one before. */
TGI_INLINE bool tgi_line_inside(const tgi_implicit_line *l)
{
    const int64_t front = tgi_line_front(l);
    return front >= 0 && (l->count - 1) * l->stride + front + tgi_line_span(l) < l->in;
}

/* ---- blocks ---- */
enum { TGI_CONV_K = 288,          /* steps of one chain, if one channel has no more taps */
       TGI_CONV_ROWS = 288,       /* rows of one task, at most */
       TGI_CONV_POSITIONS = 256,  /* and positions, */
       TGI_CONV_AREA = 4096,      /* or so many where rows are too few for a tile */
       TGI_CONV_STRIP = 1 << 24   /* elements; only absurd strides and paddings want more */
};

typedef struct tgi_implicit_tasks {
    bool by_planes;               /* not by tiles */
    int64_t positions;            /* of a phase, all images together */
    int64_t span, block, per_span; /* a task has `block` of them, or fewer: none crosses from a span into the next */
    int64_t blocks;
    int64_t rows, row_blocks;     /* of a block of rows */
    int64_t steps;                /* of k */
} tgi_implicit_tasks;

/* Of one chain: whole channels. */
TGI_INLINE int64_t tgi_implicit_channels(const tgi_implicit *g)
{
    const int64_t taps = g->y.taps * g->x.taps, most = taps > 0 ? TGI_CONV_K / taps : g->channels;
    if (most < 1 || g->channels < 1) return 1;
    return tgi_pieces(g->channels, tgi_pieces(g->channels, most));
}

/* Into blocks of at most `block` positions. Of large images each is a span: a strip is for a part of one, or for
 * several whole ones. `rows`: a block is whole rows, or a part of one. */
TGI_INLINE void tgi_cut_positions(tgi_implicit_tasks *t, const tgi_implicit *g, int64_t block, bool rows)
{
    const int64_t image = g->y.count * g->x.count, row = g->x.count;
    t->positions = g->batch * image;
    if (t->positions == 0) return;
    const bool large = image >= 2 * block || (rows && image > block);
    t->span = large ? image : t->positions;
    if (rows && !large) block -= block % image;
    else if (rows && row <= block) block = tgi_pieces(g->y.count, tgi_pieces(g->y.count, block / row)) * row;
    else if (rows) t->span = row;
    t->block = block;
    t->per_span = tgi_pieces(t->span, block);
    t->blocks = t->positions / t->span * t->per_span;
}

/* The positions of a block. */
TGI_INLINE void tgi_block_positions(const tgi_implicit_tasks *t, int64_t block, int64_t *from, int64_t *end)
{
    const int64_t span = block / t->per_span * t->span, at = block % t->per_span * t->block;
    *from = span + at;
    *end = span + (at + t->block < t->span ? at + t->block : t->span);
}

TGI_INLINE tgi_implicit_tasks tgi_implicit_cut(const tgi_implicit *g)
{
    tgi_implicit_tasks t = { .by_planes = g->rows <= 2 && g->channels <= tgi_implicit_channels(g) };
    tgi_cut_positions(&t, g, t.by_planes ? TGI_CONV_AREA : TGI_CONV_POSITIONS, true);
    t.row_blocks = tgi_pieces(g->rows, TGI_CONV_ROWS);
    t.rows = t.row_blocks ? tgi_pieces(g->rows, t.row_blocks) : 0;
    t.steps = g->channels * g->y.taps * g->x.taps;
    return t;
}

/* ---- by tiles of four ---- Winograd's way, for float32 and windows of 3 by 3 without a stride */

enum { TGI_WINOGRAD_CHANNELS = 24,   /* from so many on, of both kinds, */
       TGI_WINOGRAD_TILES = 9,       /* and so many tiles in a plane; the batch is not looked at, lest it change bits */
       TGI_WINOGRAD_BLOCK = 128,     /* tiles of a task, at most */
       TGI_WINOGRAD_POINTS = 16 };

TGI_INLINE bool tgi_conv_by_winograd(const tgi_conv *s, tgi_conv_map map)
{
    const int64_t oh = map == TGI_CONV_RESULT ? s->oh : s->h, ow = map == TGI_CONV_RESULT ? s->ow : s->w;
    return map != TGI_CONV_WEIGHT && s->kh == 3 && s->kw == 3 && s->stride_h == 1 && s->stride_w == 1 &&
           s->dilation_h == 1 && s->dilation_w == 1 && s->c >= TGI_WINOGRAD_CHANNELS && s->k >= TGI_WINOGRAD_CHANNELS &&
           (oh + 1) / 2 * ((ow + 1) / 2) >= TGI_WINOGRAD_TILES;
}

/* Tiles of 2 by 2 outputs as positions, with windows of 4 by 4. */
TGI_INLINE tgi_implicit tgi_winograd_tiles(const tgi_implicit *g)
{
    tgi_implicit tiles = *g;
    for (int i = 0; i < 2; i++) {
        const tgi_implicit_line *from = i ? &g->y : &g->x;
        *(i ? &tiles.y : &tiles.x) = (tgi_implicit_line){ .in = from->in, .out = from->out, .count = (from->count + 1) / 2,
                                                        .step = 2, .stride = 2, .taps = 4,
                                                        .from = tgi_line_front(from), .from_step = 1 };
    }
    return tiles;
}

/* Tasks of few tiles, so that what they become, for all channels and rows, stays near. */
TGI_INLINE tgi_implicit_tasks tgi_winograd_cut(const tgi_implicit *tiles)
{
    tgi_implicit_tasks t = { .row_blocks = 1, .rows = tiles->rows, .steps = tiles->channels };
    tgi_cut_positions(&t, tiles, TGI_WINOGRAD_BLOCK, false);
    return t;
}

#endif

/* drive.h: brings operands of any layout before a loop over contiguous ones.
 *
 * A flat loop knows whole vectors of contiguous memory only. Contiguous operands are given to it as they are; what is
 * left over at their end, and blocks of operands that lie otherwise, go through a small buffer, padded. So a loop never
 * has a tail, an element meets the same instructions wherever it stands, and many short rows cost little more than one
 * long one. A missing operand is a null pointer and is never touched; the loop must not name it. A pointer to
 * parameters, behind the operands, is passed on as it is. */
#ifndef TG_OPS_KERNELS_TEMPLATE_DRIVE_H
#define TG_OPS_KERNELS_TEMPLATE_DRIVE_H

#include <stdbool.h>
#include <string.h>

#include "copy.h"

/* Elements of a block, at most; rows of so many, if contiguous, are not gathered; easy elements. */
enum { TGI_OPERANDS = 6, TGI_BLOCK = 512, TGI_LONG = 128, TGI_TILE = 16, TGI_EASY = 256 };

typedef void (*tgi_flat_loop)(int64_t n, char *const *p);
/* The same, of at most TGI_EASY elements that are easy; false: not all are, and nothing was written. */
typedef bool (*tgi_easy_loop)(int64_t n, char *const *p);

typedef struct tgi_flat {
    tgi_flat_loop loop;
    int count;                      /* of operands */
    int64_t unit;                   /* the loop wants a multiple of so many elements, a power of 2 */
    int64_t size[TGI_OPERANDS];     /* of each operand's elements in bytes: 1, 4 or 8 */
    /* NULL, or what finds a loop that need not read operand b, where that is one number for all; NULL if none. */
    tgi_flat_loop (*fixed)(const char *number);
    bool parameters;                /* whether p[count] points to parameters */
} tgi_flat;

/* ---- running a loop ---- */

/* By blocks: those of easy elements alone by `easy`, which gives what `loop` would, and the others by that. */
static __attribute__((unused)) void tgi_run_easy(tgi_easy_loop easy, tgi_flat_loop loop, int count, bool parameters,
                                                 int64_t size, int64_t n, char *const *p)
{
    char *at[TGI_OPERANDS + 1] = { NULL };
    if (parameters) at[count] = p[count];
    for (int64_t i = 0; i < n; i += TGI_EASY) {
        const int64_t some = n - i < TGI_EASY ? n - i : TGI_EASY;
        for (int k = 0; k < count; k++) at[k] = p[k] ? p[k] + i * size : NULL;
        if (!easy(some, at)) loop(some, at);
    }
}

/* Whether the loop writes nothing that it reads. */
TGI_INLINE bool tgi_writes_apart(const tgi_flat *f, char *const *p)
{
    for (int k = 1; k < f->count; k++) {
        if (p[k] == p[0]) return false;
    }
    return true;
}

/* The `rest` elements from index `done` on, less than a unit. The last unit is done once more where that does no harm,
 * which is quicker than a copy of it. */
static __attribute__((noinline, unused)) void tgi_run_rest(const tgi_flat *f, int64_t done, int64_t rest,
                                                           char *const *p)
{
    if (done >= f->unit && tgi_writes_apart(f, p)) {
        char *last[TGI_OPERANDS + 1] = { NULL };
        for (int k = 0; k < f->count; k++) last[k] = p[k] ? p[k] + (done + rest - f->unit) * f->size[k] : NULL;
        if (f->parameters) last[f->count] = p[f->count];
        f->loop(f->unit, last);
        return;
    }
    _Alignas(TGI_LINE) char buffer[TGI_OPERANDS][TGI_VECTOR_BYTES * 8 + TGI_LINE];
    char *block[TGI_OPERANDS + 1];
    if (f->parameters) block[f->count] = p[f->count];
    for (int k = 0; k < f->count; k++) {
        int64_t size = f->size[k];
        block[k] = buffer[k];
        if (k > 0 && p[k]) tgi_copy_padded(buffer[k], p[k] + done * size, rest * size, f->unit * size);
    }
    f->loop(f->unit, block);
    tgi_copy_bytes(p[0] + done * f->size[0], buffer[0], rest * f->size[0]);
}

TGI_INLINE void tgi_run_flat(const tgi_flat *f, int64_t n, char *const *p)
{
    int64_t rest = n & (f->unit - 1);
    if (n != rest) f->loop(n - rest, p);
    if (rest) tgi_run_rest(f, n - rest, rest, p);
}

/* Each pointer is written, a null one too: the compiler makes vectors of them, and of one that is stored by a mask the
 * loop's loads of the pointers wait until it and all before it are in the cache. */
TGI_INLINE void tgi_advance(const tgi_flat *f, char **at, const int64_t *step)
{
    for (int k = 0; k < f->count; k++) at[k] = at[k] ? at[k] + step[k] : NULL;
}

/* Whether each row of each operand is contiguous, and whether the rows follow each other. */
TGI_INLINE bool tgi_rows_flat(const tgi_flat *f, int64_t n, char *const *p, const int64_t *stride)
{
    for (int k = 0; k < f->count; k++) {
        if (p[k] && stride[k] != f->size[k] && n > 1) return false;
    }
    return true;
}
TGI_INLINE bool tgi_rows_follow(const tgi_flat *f, int64_t rows, int64_t n, char *const *p, const int64_t *row)
{
    for (int k = 0; k < f->count && rows > 1; k++) {
        if (p[k] && row[k] != n * f->size[k]) return false;
    }
    return true;
}

/* Blocks are several short rows, or a part of a long one; where an operand is transposed, as wide as high, so that its
 * columns are short pieces of memory too. */
static int64_t tgi_block_width(const tgi_flat *f, int64_t rows, int64_t n, char *const *p, const int64_t *row,
                               const int64_t *stride)
{
    for (int k = 0; k < f->count; k++) {
        if (p[k] && n > 2 * TGI_TILE && tgi_is_turned(f->size[k], rows, n, row[k], stride[k])) return 2 * TGI_TILE;
    }
    return n < TGI_BLOCK ? n : TGI_BLOCK;
}

/* Rows of w times the number that stands at the head of each, one behind the other; a line more may be written. */
typedef uint64_t tgi_line_8 __attribute__((vector_size(TGI_LINE)));
typedef uint32_t tgi_line_4 __attribute__((vector_size(TGI_LINE)));
#define TGI_SPREAD(SIZE)                                                                                              \
    for (int64_t r = 0; r < rows; r++) {                                                                              \
        tgi_line_##SIZE line = { 0 };                                                                                 \
        memcpy(&line, from + r * from_row, SIZE);                                                                     \
        line = (tgi_line_##SIZE){ 0 } + line[0];                                                                      \
        memcpy(to + r * w * SIZE, &line, TGI_LINE);                                                                   \
    }
static void tgi_spread(int64_t size, int64_t rows, int64_t w, char *to, const char *from, int64_t from_row)
{
    if (size == 4) TGI_SPREAD(4)
    else if (size == 8) TGI_SPREAD(8)
    else
        for (int64_t r = 0; r < rows; r++) memset(to + r * w, from[r * from_row], (size_t)w);
}
#undef TGI_SPREAD

static __attribute__((noinline, unused)) void tgi_run_blocks(const tgi_flat *f, int64_t rows, int64_t n, char *const *p,
                                                             const int64_t *row, const int64_t *stride)
{
    _Alignas(TGI_LINE) char buffer[TGI_OPERANDS][TGI_BLOCK * 8 + TGI_LINE];
    char *block[TGI_OPERANDS + 1] = { NULL };
    if (f->parameters) block[f->count] = p[f->count];
    int64_t width = tgi_block_width(f, rows, n, p, row, stride), height = TGI_BLOCK / width;
    if (height > f->unit) height &= -f->unit; /* the loop has no rest */
    for (int64_t r = 0; r < rows; r += height) {
        int64_t h = rows - r < height ? rows - r : height;
        for (int64_t c = 0; c < n; c += width) {
            int64_t w = n - c < width ? n - c : width;
            for (int k = 0; k < f->count; k++) {
                if (!p[k]) continue;
                int64_t size = f->size[k];
                char *at = p[k] + r * row[k] + c * stride[k];
                bool direct = stride[k] == size && (h == 1 || row[k] == w * size);
                /* What the block before needed, if it was not less, may be what this one needs. */
                bool moved = c > 0 ? stride[k] != 0 || (h > 1 && row[k] != 0)
                                   : r == 0 || row[k] != 0 || (stride[k] != 0 && width < n);
                block[k] = direct ? at : buffer[k];
                if (k == 0 || direct || !moved) continue;
                if (stride[k] == 0 && w * size <= TGI_LINE) tgi_spread(size, h, w, buffer[k], at, row[k]);
                else tgi_copy(size, h, w, buffer[k], w * size, size, at, row[k], stride[k]);
            }
            tgi_run_flat(f, h * w, block);
            if (block[0] == buffer[0])
                tgi_copy(f->size[0], h, w, p[0] + r * row[0] + c * stride[0], row[0], stride[0], buffer[0],
                         w * f->size[0], f->size[0]);
        }
    }
}

/* Whether each operand is, along a row, contiguous or one number. */
static bool tgi_numbers(const tgi_flat *f, char *const *p, const int64_t *stride)
{
    for (int k = 0; k < f->count; k++) {
        if (p[k] && stride[k] != f->size[k] && (k == 0 || stride[k] != 0)) return false;
    }
    return true;
}

/* Such rows by blocks, where they lie. A number has a block that is full of it, written once for as many rows as have
 * that number. */
static __attribute__((noinline, unused)) void tgi_run_numbers(const tgi_flat *f, int64_t rows, int64_t n,
                                                              char *const *p, const int64_t *row,
                                                              const int64_t *stride)
{
    _Alignas(TGI_LINE) char buffer[TGI_OPERANDS][TGI_BLOCK * 8];
    char *at[TGI_OPERANDS + 1] = { NULL };
    int64_t step[TGI_OPERANDS] = { 0 };
    if (f->parameters) at[f->count] = p[f->count];
    for (int64_t r = 0; r < rows; r++) {
        for (int k = 0; k < f->count; k++) {
            if (!p[k]) continue;
            at[k] = p[k] + r * row[k];
            step[k] = stride[k] * TGI_BLOCK;
            if (step[k] != 0) continue;
            if (r == 0 || row[k] != 0)
                tgi_fill_rows(f->size[k], 1, n < TGI_BLOCK ? n : TGI_BLOCK, buffer[k], 0, at[k], 0);
            at[k] = buffer[k];
        }
        for (int64_t c = 0; c < n; c += TGI_BLOCK) {
            tgi_run_flat(f, n - c < TGI_BLOCK ? n - c : TGI_BLOCK, at);
            tgi_advance(f, at, step);
        }
    }
}

/* Where some operands that are read are transposed, and each row of the others is contiguous or one number: how many
 * bytes of a strip an element takes. -1: not so, or none are. One transposed operand, `direct` (0: none), needs no
 * strip: it can be turned to where the result will be. */
static int64_t tgi_turned(const tgi_flat *f, int64_t rows, int64_t n, char *const *p, const int64_t *row,
                          const int64_t *stride, int *direct)
{
    int64_t bytes = 0;
    bool some = false;
    *direct = 0;
    for (int k = 0; k < f->count; k++) {
        if (!p[k] || stride[k] == f->size[k]) continue;
        if (k > 0 && stride[k] == 0) {
            bytes += row[k] ? f->size[k] : 0;
            continue;
        }
        if (k == 0 || !tgi_is_turned(f->size[k], rows, n, row[k], stride[k])) return -1;
        some = true;
        if (!*direct && f->size[k] == f->size[0] && tgi_writes_apart(f, p) && tgi_rows_apart(rows, row[0]))
            *direct = k;
        else
            bytes += f->size[k];
    }
    return some ? bytes : -1;
}

/* Strips of `height` rows: transposed operands are turned into `strip`, where `width` elements of each row have room,
 * numbers are repeated there, and the others are taken from where they lie, row by row. */
static __attribute__((noinline, unused)) void tgi_run_strips(const tgi_flat *f, int64_t rows, int64_t n, char *const *p,
                                                             const int64_t *row, const int64_t *stride, int direct,
                                                             int64_t height, int64_t width, char *strip)
{
    char *at[TGI_OPERANDS + 1] = { NULL };
    int64_t step[TGI_OPERANDS] = { 0 };
    if (f->parameters) at[f->count] = p[f->count];
    for (int64_t r = 0; r < rows; r += height) {
        const int64_t h = rows - r < height ? rows - r : height;
        for (int64_t c = 0; c < n; c += width) {
            const int64_t w = n - c < width ? n - c : width;
            char *to = strip;
            for (int k = 0; k < f->count; k++) {
                if (!p[k]) continue;
                const int64_t size = f->size[k], room = tgi_strip_row(width * size);
                const char *from = at[k] = p[k] + r * row[k] + c * stride[k];
                step[k] = row[k];
                if (stride[k] == size) continue;
                at[k] = k == direct ? at[0] : to;
                step[k] = k == direct ? row[0] : stride[k] || row[k] ? room : 0;
                if (stride[k]) tgi_turn(size, h, w, at[k], step[k], from, stride[k]);
                else tgi_fill_rows(size, step[k] ? h : 1, w, to, step[k], from, row[k]);
                if (k != direct) to += step[k] ? TGI_STRIP_ROWS * room : room;
            }
            const bool follow = w == n && tgi_rows_follow(f, h, n, at, step);
            for (int64_t i = 0; i < (follow ? 1 : h); i++) {
                tgi_run_flat(f, follow ? h * n : w, at);
                tgi_advance(f, at, step);
            }
        }
    }
}

/* By strips where they pay; false: nothing was done. */
static bool tgi_in_strips(const tgi_flat *f, int64_t rows, int64_t n, char *const *p, const int64_t *row,
                          const int64_t *stride)
{
    int direct;
    const int64_t turned = n >= TGI_LONG ? tgi_turned(f, rows, n, p, row, stride, &direct) : -1;
    if (turned < 0) return false;
    const int64_t height = turned ? TGI_STRIP_ROWS : TGI_TURNED_ROWS;
    const int64_t most = turned ? TGI_STRIP / turned : 4 * TGI_STRIP / f->size[0]; /* a result is used at once */
    const int64_t room = most / height & -TGI_TILE, width = n < room ? n : room;
    const int64_t bytes = turned * width + 2 * TGI_LINE * TGI_OPERANDS; /* of all rows that are turned at a time */
    const int64_t numbers = TGI_OPERANDS * tgi_strip_row(width * 8);
    char *strip = tgi_scratch(TGI_SCRATCH_STRIP, (size_t)(TGI_STRIP_ROWS * bytes + numbers));
    if (strip) tgi_run_strips(f, rows, n, p, row, stride, direct, height, width, strip);
    return strip;
}

/* Whether there is a loop that knows the one number in operand b; if so sets it in `f` and takes the operand from p. */
TGI_INLINE bool tgi_fix(tgi_flat *f, int b, int64_t rows, char **p, const int64_t *row, const int64_t *stride)
{
    if (!p[b] || stride[b] != 0 || (rows > 1 && row[b] != 0)) return false;
    tgi_flat_loop loop = f->fixed(p[b]);
    if (!loop) return false;
    f->loop = loop;
    f->fixed = NULL;
    p[b] = NULL;
    return true;
}

/* Any layout; see tgi_loop. */
static __attribute__((noinline, unused)) void tgi_drive(const tgi_flat *f, int64_t rows, int64_t n, char *const *p,
                                                        const int64_t *row, const int64_t *stride)
{
    static const int64_t one_row[TGI_OPERANDS] = { 0 };
    if (f->fixed) {
        tgi_flat copy = *f;
        char *at[TGI_OPERANDS + 1] = { NULL };
        for (int k = 0; k < f->count; k++) at[k] = p[k];
        if (tgi_fix(&copy, f->count == 3 ? 2 : 3 /* { y, a, b } or { d, g, a, b, y } */, rows, at, row, stride)) {
            tgi_drive(&copy, rows, n, at, row, stride);
            return;
        }
    }
    bool flat = tgi_rows_flat(f, n, p, stride);
    if (rows <= 1) row = one_row;
    if (flat && tgi_rows_follow(f, rows, n, p, row)) {
        tgi_run_flat(f, rows * n, p);
    } else if (flat && n >= TGI_LONG) {
        for (int64_t r = 0; r < rows; r++) {
            char *at[TGI_OPERANDS + 1];
            for (int k = 0; k < f->count; k++) at[k] = p[k] ? p[k] + r * row[k] : NULL;
            if (f->parameters) at[f->count] = p[f->count];
            tgi_run_flat(f, n, at);
        }
    } else if (n >= TGI_LONG && tgi_numbers(f, p, stride)) {
        tgi_run_numbers(f, rows, n, p, row, stride);
    } else if (n > 0 && !tgi_in_strips(f, rows, n, p, row, stride)) {
        tgi_run_blocks(f, rows, n, p, row, stride);
    }
}

#endif

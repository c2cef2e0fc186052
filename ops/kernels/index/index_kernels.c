/* index_kernels.c: gather and scatter. Compiled once for each instruction set.
 *
 * Each piece of a row is checked before it is used, while its indices are in the nearest cache. Loads by index are left
 * to scalar code: it is no slower than the processors' own gather, where there is one. */
#include "ops/kernels/template/body.h"
#include "ops/kernels/template/copy.h"
#include "index_kernels.h"

/* Elements of a piece; bytes of a strip, and the sizes of the indexed dimension for which strips are made. */
enum { LINE = 512, STRIP = 256, STRIP_LEAST = 64, STRIP_MOST = 4096, AHEAD = 4 };

/* Loops that no vectors are made of. */
#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll_count(4)")
#else
#define UNROLLED _Pragma("GCC unroll 4")
#endif

typedef bool (*piece_loop)(const tgi_index_rows *w, bool checked, int64_t row, int64_t from, int64_t n);

/* The sign of the sum of all bits tells: an index below 0 has it, and size - 1 less an index that is too large. */
TGI_INLINE bool in_range(int64_t n, const tgi_mem_i64 *index, int64_t step, int64_t size)
{
    uint64_t bits = 0, last = (uint64_t)size - 1;
    if (size == 0) return n == 0;
    if (step == 1)
        for (int64_t j = 0; j < n; j++) bits |= (uint64_t)index[j] | (last - (uint64_t)index[j]);
    else
        for (int64_t j = 0; j < n; j++) bits |= (uint64_t)index[j * step] | (last - (uint64_t)index[j * step]);
    return bits >> 63 == 0;
}

static bool rows_in_range(const tgi_index_rows *w)
{
    for (int64_t r = 0; r < w->rows; r++)
        if (!in_range(w->n, (const tgi_mem_i64 *)w->index + r * w->index_row, w->index_step, w->size)) return false;
    return true;
}

/* Whole rows, each named by one index: so many are checked, then copied, that a short row costs little more than its
 * copy. */
static bool gather_rows(const tgi_index_rows *w, int64_t element)
{
    const int64_t bytes = w->n * element, row = w->y_row * element, jump = w->jump * element;
    for (int64_t first = 0; first < w->rows; first += LINE) {
        const tgi_mem_i64 *index = (const tgi_mem_i64 *)w->index + first * w->index_row;
        const int64_t rows = LINE < w->rows - first ? LINE : w->rows - first;
        const char *x = w->x;
        char *y = (char *)w->y + first * row;
        if (!in_range(rows, index, w->index_row, w->size)) return false;
        if (bytes == 16)
            for (int64_t r = 0; r < rows; r++) memcpy(y + r * row, x + index[r * w->index_row] * jump, 16);
        else if (bytes == 32)
            for (int64_t r = 0; r < rows; r++) memcpy(y + r * row, x + index[r * w->index_row] * jump, 32);
        else if (bytes == 64)
            for (int64_t r = 0; r < rows; r++) memcpy(y + r * row, x + index[r * w->index_row] * jump, 64);
        else
            for (int64_t r = 0; r < rows; r++) tgi_copy_row(y + r * row, x + index[r * w->index_row] * jump, bytes);
    }
    return true;
}

/* Row after row, piece after piece. */
TGI_INLINE bool walk_rows(const tgi_index_rows *w, piece_loop piece)
{
    const bool whole = w->index_step == 0; /* one index for all of a row */
    const int64_t length = whole ? w->n : LINE;
    const bool same = w->index_row == 0 && w->rows > 1 && !whole; /* all rows have the indices of the first */
    if (same && !w->checked && !in_range(w->n, (const tgi_mem_i64 *)w->index, w->index_step, w->size)) return false;
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t from = 0; from < w->n; from += length)
            if (!piece(w, same || w->checked, r, from, length < w->n - from ? length : w->n - from)) return false;
    return true;
}

/* Columns `from` to `to`, each element of which jumps in a column of its own. */
TGI_INLINE tgi_index_rows columns_of(const tgi_index_rows *w, int64_t element, int64_t from, int64_t to)
{
    tgi_index_rows part = *w;
    part.n = to - from;
    part.index += from * w->index_step;
    part.x = (const char *)w->x + from * w->x_step * element;
    part.y = (char *)w->y + from * w->y_step * element;
    return part;
}

/* The rows of a strip are far from each other, so that nobody but the program foresees what is read next. */
TGI_INLINE bool walk_strip(const tgi_index_rows *w, int64_t element, bool scatter, piece_loop piece)
{
    const char *plain = scatter ? w->x : w->y;
    const int64_t row = (scatter ? w->x_row : w->y_row) * element,
                  bytes = w->n * (scatter ? w->x_step : w->y_step) * element;
    for (int64_t r = 0; r < w->rows; r++) {
        if (r + AHEAD < w->rows) {
            const char *index = (const char *)(w->index + (r + AHEAD) * w->index_row),
                       *next = plain + (r + AHEAD) * row;
            for (int64_t k = 0; k < w->n * w->index_step * 8; k += 64) __builtin_prefetch(index + k);
            for (int64_t k = 0; k < bytes; k += 64) __builtin_prefetch(next + k);
        }
        if (!piece(w, w->checked, r, 0, w->n)) return false;
    }
    return true;
}

/* Where rows jump up and down in long columns every jump is to another page, which costs more than the element. So a few
 * columns of the indexed tensor are copied together first, and back if they were written. */
TGI_INLINE bool walk(const tgi_index_rows *w, int64_t element, bool scatter, piece_loop piece)
{
    const int64_t own_step = scatter ? w->y_step : w->x_step, own_row = scatter ? w->y_row : w->x_row;
    const int64_t columns = STRIP / element;
    char *strip = NULL;
    if (own_step == 1 && own_row == 0 && w->index_step != 0 && w->size >= STRIP_LEAST && w->size <= STRIP_MOST &&
        w->rows >= w->size / 2)
        strip = tgi_scratch(TGI_SCRATCH_INDEX, (size_t)w->size * STRIP);
    if (!strip) return walk_rows(w, piece);
    for (int64_t c = 0; c < w->n; c += columns) {
        tgi_index_rows part = columns_of(w, element, c, columns < w->n - c ? c + columns : w->n);
        char *own = scatter ? part.y : (char *)(uintptr_t)part.x;
        tgi_copy_rows(w->size, part.n * element, strip, STRIP, own, w->jump * element);
        if (scatter)
            part.y = strip;
        else
            part.x = strip;
        part.jump = columns;
        if (!walk_strip(&part, element, scatter, piece)) return false;
        if (scatter) tgi_copy_rows(w->size, part.n * element, own, w->jump * element, strip, STRIP);
    }
    return true;
}

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "index.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "index.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "index.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "index.inc"

#include "index_table.inc"

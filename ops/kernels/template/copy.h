/* copy.h: moving elements as they are, from any layout to any other. */
#ifndef TG_OPS_KERNELS_TEMPLATE_COPY_H
#define TG_OPS_KERNELS_TEMPLATE_COPY_H

#include <stdbool.h>
#include <string.h>

#include "scratch.h"
#include "vectors.h"

#define DTYPE 0
#include "dtype.inc"
#include "fill.inc"
#include "transpose.inc"
#define DTYPE 1
#include "dtype.inc"
#include "fill.inc"
#include "transpose.inc"

/* Copies n elements of `size` bytes (1, 4 or 8) from one stride to another. */
TGI_INLINE void tgi_move(int64_t n, int64_t size, char *to, int64_t to_stride, const char *from, int64_t from_stride)
{
    if (size == 4) {
        for (int64_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, 4);
    } else if (size == 8) {
        for (int64_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, 8);
    } else {
        for (int64_t i = 0; i < n; i++) to[i * to_stride] = from[i * from_stride];
    }
}

/* Fills rows of n contiguous elements, each with one number of its own. */
static void tgi_fill_rows(int64_t size, int64_t rows, int64_t n, char *to, int64_t to_row, const char *from,
                          int64_t from_row)
{
    if (size == 4) fill_rows_f32(rows, n, to, to_row, from, from_row);
    else if (size == 8) fill_rows_f64(rows, n, to, to_row, from, from_row);
    else
        for (int64_t r = 0; r < rows; r++) memset(to + r * to_row, from[r * from_row], (size_t)n);
}

/* Each element of a row `n` times, one after the other; a whole line is written for each as long as there is room, and
 * what it writes too much is written over. */
typedef uint32_t tgi_line_4 __attribute__((vector_size(TGI_LINE), aligned(1), may_alias));
typedef uint64_t tgi_line_8 __attribute__((vector_size(TGI_LINE), aligned(1), may_alias));
#define TGI_REPEAT(T, LINE)                                                                                            \
    for (; (rows - r) * n * size >= TGI_LINE; r++) {                                                                   \
        T value;                                                                                                       \
        memcpy(&value, from + r * from_row, sizeof value);                                                             \
        *(LINE *)(to + r * n * size) = (LINE){ 0 } + value;                                                            \
    }
static void tgi_repeat(int64_t size, int64_t rows, int64_t n, char *to, const char *from, int64_t from_row)
{
    int64_t r = 0;
    if (size == 4) {
        TGI_REPEAT(uint32_t, tgi_line_4)
    } else if (size == 8) {
        TGI_REPEAT(uint64_t, tgi_line_8)
    }
    tgi_fill_rows(size, rows - r, n, to + r * n * size, n * size, from + r * from_row, from_row);
}
#undef TGI_REPEAT

/* A library's copy knows more about long rows, and takes longer to begin. In between several vectors are read before
 * the first is written: many processors tell by the last 12 bits of an address whether a load must wait for a store. */
TGI_INLINE void tgi_copy_row(char *to, const char *from, int64_t bytes)
{
    enum { AT_ONCE = 4, STEP = AT_ONCE * TGI_VECTOR_BYTES, LONG = 8192 };
    if (bytes > LONG) {
        memmove(to, from, (size_t)bytes);
        return;
    }
    if (bytes > 8 * TGI_LINE)
        for (; bytes >= STEP; bytes -= STEP, to += STEP, from += STEP) {
            tgi_vec_f32 x[AT_ONCE];
            TGI_UNROLLED
            for (int v = 0; v < AT_ONCE; v++) x[v] = ((const tgi_memvec_f32 *)from)[v];
            TGI_UNROLLED
            for (int v = 0; v < AT_ONCE; v++) ((tgi_memvec_f32 *)to)[v] = x[v];
        }
    tgi_copy_bytes(to, from, bytes);
}

/* Short rows of a usual length: each is one instruction or two, with no mask to set up. */
#define TGI_COPY_ROWS(bytes)                                                                                          \
    for (int64_t r = 0; r < rows; r++) memcpy(to + r * to_row, from + r * from_row, bytes)
static void tgi_copy_rows(int64_t rows, int64_t bytes, char *to, int64_t to_row, const char *from, int64_t from_row)
{
    if (bytes == 16) TGI_COPY_ROWS(16);
    else if (bytes == 32) TGI_COPY_ROWS(32);
    else if (bytes == 64) TGI_COPY_ROWS(64);
    else
        for (int64_t r = 0; r < rows; r++) tgi_copy_row(to + r * to_row, from + r * from_row, bytes);
}
#undef TGI_COPY_ROWS

/* Whether columns stand in memory as the rows of a transposed matrix do, and are worth turning in tiles. */
TGI_INLINE bool tgi_is_turned(int64_t size, int64_t rows, int64_t n, int64_t row, int64_t stride)
{
    return size > 1 && row == size && stride != size && stride != 0 && rows >= 4 && n >= 4;
}

/* Rows of a transposed matrix are made so many side by side (see transpose.inc); in strips so many, of so many bytes in
 * all. */
enum { TGI_TURNED_ROWS = 64, TGI_STRIP_ROWS = 32, TGI_STRIP = 1 << 17 };

/* Room for a strip's row: an odd number of lines, so that what stands below each other shares no set of a cache. */
TGI_INLINE int64_t tgi_strip_row(int64_t bytes) { return ((bytes + TGI_LINE - 1) / TGI_LINE | 1) * TGI_LINE; }

/* Makes `rows` rows of n elements of a transposed matrix: its columns are contiguous, `from_column` bytes apart. */
TGI_INLINE void tgi_turn(int64_t size, int64_t rows, int64_t n, char *to, int64_t to_row, const char *from,
                         int64_t from_column)
{
    (size == 4 ? turn_f32 : turn_f64)(n, rows, from, from_column, to, to_row);
}

/* Whether the lines that rows made at a time are written to stay in the nearest cache, since they lie in different sets
 * of it, until tiles that follow have filled them. */
static bool tgi_rows_apart(int64_t rows, int64_t to_row)
{
    enum { SETS = 64, WAYS = 8 };
    uint8_t lines[SETS] = { 0 };
    bool apart = true;
    for (int64_t r = 0; r < rows && r < TGI_TURNED_ROWS; r++) {
        const uint64_t start = (uint64_t)(r * to_row), first = start / TGI_LINE % SETS;
        apart &= ++lines[first] <= WAYS;
        if (start % TGI_LINE) apart &= ++lines[(first + 1) % SETS] <= WAYS;
    }
    return apart;
}

/* The same of a large one. Where rows of the result push each other out of the cache, they are made in a strip whose
 * rows do not, and copied. */
static void tgi_turn_large(int64_t size, int64_t rows, int64_t n, char *to, int64_t to_row, const char *from,
                           int64_t from_column)
{
    enum { LEAST = TGI_STRIP_ROWS / 2 };
    const int64_t room = TGI_STRIP / TGI_STRIP_ROWS / size, width = n < room ? n : room;
    const int64_t strip_row = tgi_strip_row(width * size);
    const bool large = rows >= TGI_STRIP_ROWS && n * size >= 8 * TGI_LINE && !tgi_rows_apart(rows, to_row);
    char *strip = large ? tgi_scratch(TGI_SCRATCH_STRIP, (size_t)(TGI_STRIP_ROWS * strip_row)) : NULL;
    if (!strip) {
        tgi_turn(size, rows, n, to, to_row, from, from_column);
        return;
    }
    for (int64_t c = 0; c < n; c += width) {
        const int64_t w = n - c < width ? n - c : width;
        for (int64_t next = 0; next < rows; next += TGI_STRIP_ROWS) {
            const int64_t r = next < rows - LEAST ? next : rows - LEAST; /* the last strip has a tile at least */
            const int64_t h = rows - r < TGI_STRIP_ROWS ? rows - r : TGI_STRIP_ROWS;
            tgi_turn(size, h, w, strip, strip_row, from + c * from_column + r * size, from_column);
            for (int64_t i = 0; i < h; i++)
                memcpy(to + (r + i) * to_row + c * size, strip + i * strip_row, (size_t)(w * size));
        }
    }
}

/* Rows whose elements stand in memory the other way round, the last one first. */
static void tgi_reverse(int64_t size, int64_t rows, int64_t n, char *to, int64_t to_row, const char *from,
                        int64_t from_row)
{
    for (int64_t r = 0; r < rows; r++, to += to_row, from += from_row) {
        const char *end = from - (n - 1) * size;
        if (size == 4) reverse_f32(n, to, end);
        else if (size == 8) reverse_f64(n, to, end);
        else
            for (int64_t i = 0; i < n; i++) to[i] = end[n - 1 - i];
    }
}

/* Copies `rows` rows of n elements of `size` bytes; rows and elements may lie anywhere. */
static __attribute__((unused)) void tgi_copy(int64_t size, int64_t rows, int64_t n, char *to, int64_t to_row,
                                             int64_t to_stride, const char *from, int64_t from_row,
                                             int64_t from_stride)
{
    bool in_rows = from_stride == size || n == 1, out_rows = to_stride == size || n == 1;
    if (from_row == -size && rows > 1) { /* the last row first: to what is transposed it makes no difference */
        from += (rows - 1) * from_row;
        to += (rows - 1) * to_row;
        from_row = size;
        to_row = -to_row;
    }
    if (in_rows && out_rows) {
        if (rows > 1 && from_row == n * size && to_row == n * size) n *= rows, rows = 1;
        tgi_copy_rows(rows, n * size, to, to_row, from, from_row);
    } else if (out_rows && from_stride == -size) {
        tgi_reverse(size, rows, n, to, to_row, from, from_row);
    } else if (out_rows && from_stride == 0 && n * size <= TGI_LINE && to_row == n * size) {
        tgi_repeat(size, rows, n, to, from, from_row);
    } else if (out_rows && from_stride == 0) {
        tgi_fill_rows(size, rows, n, to, to_row, from, from_row);
    } else if (out_rows && tgi_is_turned(size, rows, n, from_row, from_stride)) {
        tgi_turn_large(size, rows, n, to, to_row, from, from_stride);
    } else if (in_rows && tgi_is_turned(size, rows, n, to_row, to_stride)) {
        tgi_turn_large(size, n, rows, to, to_stride, from, from_row);
    } else {
        for (int64_t r = 0; r < rows; r++)
            tgi_move(n, size, to + r * to_row, to_stride, from + r * from_row, from_stride);
    }
}

/* The same as a tgi_loop. */
TGI_INLINE void tgi_copy_loop(int64_t size, int64_t rows, int64_t n, char *const *p, const int64_t *row,
                              const int64_t *stride)
{
    bool several = rows > 1;
    tgi_copy(size, rows, n, p[0], several ? row[0] : 0, stride[0], p[1], several ? row[1] : 0, stride[1]);
}

#endif

/* kernels.h: loops over raw memory, no tensor in sight.
 *
 * Kernels come in families. A family F has in its folder
 *
 *     F_kernels.h       its interface: a table of functions, struct tgi_F_kernels
 *     F_kernels.c       compiled once for each instruction set into one such table
 *     F_table.inc       that table's entries, from the names that the templates make
 *     F_reference.c     the same table, slow and obviously right, which the tests compare every other one with
 *
 * and a test, tests/kernels/test_kernels_F.c. Families of rows share rows_table.inc and the test test_kernels_rows.c.
 * What ops call is TGI_KERNELS(F)->function. A program takes from the static library the families that it names.
 *
 * Files end in
 *
 *     .h      an interface, with a guard, that compiles alone
 *     .inc    a piece of code for the file that includes it, which sets parameters before: most often the dtype, by
 *             template/dtype.inc
 *     .def    a table of rows, each a call of a macro that the file that includes it defines
 *
 * One set of tables is picked at the first call, by what the processor and the operating system offer, or by
 * TAPEGRAD_ISA=baseline|avx2|avx512|neon. A value depends on its inputs and the instruction set only, never on its
 * index, the length, the layout or the number of threads.
 *
 * Pointers may be unaligned, strides are in bytes and may be 0 or negative. An output may be the same memory as an
 * input with the same stride; any other overlap is the caller's mistake. */
#ifndef TG_OPS_KERNELS_KERNELS_H
#define TG_OPS_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of tg_dtype. */
enum { TGI_F32, TGI_F64, TGI_I64, TGI_BOOL, TGI_DTYPES };

/* A loop over `rows` rows of n elements: p[0] is written, p[1].. are read; rows are row[k] bytes apart (one row: `row`
 * is not read, it may be NULL), elements stride[k]. Operands the formula does not name may be NULL. */
typedef void (*tgi_loop)(int64_t rows, int64_t n, char *const *p, const int64_t *row, const int64_t *stride);

/* ---- the sets ---- one for each instruction set of this build (the Makefile's ISAS), counted from the best */

/* Of the set: "avx2"; NULL: there are not so many. */
const char *tgi_set_name(int set);
/* Whether the processor and the operating system have what it needs. */
bool tgi_set_supported(int set);
/* The set of this name becomes the one in use; false if it is unknown or not supported. */
bool tgi_set_select(const char *name);

extern int tgi_set_in_use; /* atomic; negative until the first call */
int tgi_set_choose(void);

static inline int tgi_set(void)
{
    const int set = __atomic_load_n(&tgi_set_in_use, __ATOMIC_RELAXED);
    return set >= 0 ? set : tgi_set_choose();
}

/* ---- the families ---- */

/* Declares a family: its tables, one for each set, which sets.c lists; and the reference, which is in no library but
 * that of the tests. */
#define TGI_KERNEL_FAMILY(family)                                                                                      \
    typedef struct tgi_##family##_kernels tgi_##family##_kernels;                                                      \
    extern const tgi_##family##_kernels *const tgi_##family##_sets[];                                                  \
    extern const tgi_##family##_kernels tgi_##family##_kernels_reference

/* The table in use: TGI_KERNELS(gemm)->run[TGI_F32](&args). Wants the family's header. */
#define TGI_KERNELS(family)  TGI_KERNELS_(family)
#define TGI_KERNELS_(family) (tgi_##family##_sets[tgi_set()])

#endif

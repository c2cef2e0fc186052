/* kernels.h: loops over raw memory, no tensor in sight.
 *
 * Every function here is compiled once for each instruction set; one table is picked when the program starts, by what
 * the processor and the operating system offer, or by TAPEGRAD_ISA=baseline|avx2|avx512|neon. A value depends on its
 * inputs and the instruction set only, never on its index, the length, the layout or the number of threads.
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

/* What softmax runs over: [outer, n, m] along n. An index of n is `row` elements from the next, one of outer n * row;
 * the m inner elements are contiguous, m <= row. The same for all tensors. */
typedef struct tgi_softmax {
    int64_t outer, n, m, row;
} tgi_softmax;

/* c[i, j] = sum over l < k of a[i, l] b[l, j], plus bias[j] if bias is not NULL, plus the old c[i, j] if `accumulate`.
 * Row and column strides in elements; c's columns are contiguous (its column stride is 1). k = 0 gives zeros (and bias).
 * c overlaps nothing.
 *
 * `packed_b`, if not NULL, is what gemm_pack made of this b, n and k: it is read instead of b, which may then be NULL.
 * It needs parts == 0.
 *
 * `parts`, if not 0, makes a and b the parts' matrices set side by side along k: c = sum over the parts of a_t b_t. The
 * fields a, b, k and their strides are then not looked at. A part's k may be 0.
 *
 * Neither changes a bit of the result: it is that of the plain product of the same (the joined) matrices. */
typedef struct tgi_gemm_part {
    int64_t k;
    const void *a;
    int64_t a_row, a_col;
    const void *b;
    int64_t b_row, b_col;
} tgi_gemm_part;
typedef struct tgi_gemm {
    int64_t m, n, k;
    const void *a;
    int64_t a_row, a_col;
    const void *b;
    int64_t b_row, b_col;
    void *c;
    int64_t c_row;
    const void *bias;
    bool accumulate;
    const void *packed_b;
    int64_t parts;
    const tgi_gemm_part *part;
} tgi_gemm;

/* The state of one parameter's update; see optim/ for the formulas. All arrays are contiguous, n long. */
typedef struct tgi_adam {
    double lr, beta1, beta2, eps, weight_decay;
    double correction1, correction2;   /* 1 - beta^t */
    bool decoupled;                    /* AdamW: the decay shrinks the parameter first */
    bool maximize;
} tgi_adam;
typedef struct tgi_sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;    /* first: the momentum buffer takes the gradient as it is */
} tgi_sgd;

/* Families of kernels stand in tables of their own: tgi_NAME_kernels, declared in NAME_kernels.h, defined for each
 * instruction set by NAME_kernels.c and for the reference by NAME_reference.c. */
#define TG_KERNEL_FAMILY(family) typedef struct tgi_##family##_kernels tgi_##family##_kernels;
#include "families.def"

typedef struct tgi_kernels {
    const char *name;    /* "avx2" */
    bool (*supported)(void);

#define TG_KERNEL_FAMILY(family) const tgi_##family##_kernels *family;
#include "families.def"

    /* [to][from], p = { y, a }; to bool: a != 0; float to int64 truncates */
    tgi_loop copy[TGI_DTYPES][TGI_DTYPES];

    /* y[r] = the sum of the n elements of row r: rows `row` bytes apart, elements `stride`; y contiguous. Pairwise
     * (error O(log n) eps); f32 sums in f32. bool counts into int64: y has the dtype of a, or int64 for bool. */
    void (*sum[TGI_DTYPES])(int64_t rows, int64_t n, const void *a, int64_t row, int64_t stride, void *y);
    /* y[j] = sum over i < n of a[i][j], for j < m: rows `row` bytes apart, elements `col` bytes apart, y contiguous.
     * Pairwise over i. For reductions whose kept dimension is the inner one. */
    void (*sum_rows[TGI_DTYPES])(int64_t n, int64_t m, const void *a, int64_t row, int64_t col, void *y);

    /* y = softmax(a) or log_softmax(a) along n, by the maximum-shifted formula; see tgi_softmax. Backward: da from y
     * and g: y (g - sum(g y)), and g - e^y sum(g). f32 and f64 ([0], [1]). The result overlaps nothing. */
    void (*softmax[2])(const tgi_softmax *shape, const void *a, void *y);
    void (*log_softmax[2])(const tgi_softmax *shape, const void *a, void *y);
    void (*softmax_backward[2])(const tgi_softmax *shape, const void *g, const void *y, void *da);
    void (*log_softmax_backward[2])(const tgi_softmax *shape, const void *g, const void *y, void *da);

    void (*gemm[2])(const tgi_gemm *args);               /* f32, f64 */
    /* A matrix b packed once for many products: the bytes it takes, for 64-byte aligned memory, and the packing, which
     * looks at n, k, b and its strides only. The layout is this table's own. */
    size_t (*gemm_packed_bytes[2])(int64_t n, int64_t k);
    void (*gemm_pack[2])(const tgi_gemm *args, void *packed);

    void (*adam[2])(const tgi_adam *h, int64_t n, void *p, const void *g, void *m, void *v, void *vmax /* NULL: no amsgrad */);
    void (*sgd[2])(const tgi_sgd *h, int64_t n, void *p, const void *g, void *momentum /* NULL without momentum */);
} tgi_kernels;

/* The table in use, chosen at the first call. */
const tgi_kernels *tgi_kernels_get(void);

/* Every table compiled in, NULL at the end, for tests and benchmarks. Check `supported()` before use. */
extern const tgi_kernels *const tgi_kernels_all[];

/* Slow and obviously right: scalar loops, naive sums in double where the type is float. Every variant is tested against
 * it. */
extern const tgi_kernels tgi_kernels_reference;

/* For tests: the variant by name becomes the one in use; false if it is unknown or unsupported. */
bool tgi_kernels_select(const char *name);

#endif

/* triangle.c: triangles of matrices, and matrices made of diagonals. */
#include "ops/triangle.h"
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* ---- tril and triu ---- */

typedef struct triangle {
    bool upper;
    int64_t diagonal;
} triangle;

/* Work of PARALLEL elements is shared by threads. */
enum { PARALLEL = 1 << 17 };

/* Matrices in memory, rows contiguous: rows of zeros but for columns `from` to `to`, which hold those of x. */
typedef struct triangle_work {
    triangle kind;
    int64_t rows, columns;
    size_t element;
    const char *x; /* NULL: what y has there stays */
    char *y;
} triangle_work;

static int64_t clamped(int64_t value, int64_t size) { return value < 0 ? 0 : value > size ? size : value; }

/* The columns of row r that stay: those up to r + diagonal, or from there on. */
static void kept_columns(const triangle *kind, int64_t row, int64_t columns, int64_t *from, int64_t *to)
{
    *from = kind->upper ? clamped(row + kind->diagonal, columns) : 0;
    *to = kind->upper ? columns : clamped(row + kind->diagonal + 1, columns);
}

static void run_row(const void *work, int64_t i)
{
    const triangle_work *w = work;
    int64_t from, to;
    kept_columns(&w->kind, i % w->rows, w->columns, &from, &to);
    const size_t start = (size_t)from * w->element, end = (size_t)to * w->element,
                 all = (size_t)w->columns * w->element;
    char *y = w->y + (size_t)i * all;
    memset(y, 0, start);
    if (w->x) memcpy(y + start, w->x + (size_t)i * all + start, end - start);
    memset(y + end, 0, all - end);
}

/* y = x but for the other triangle; y is contiguous, x too, or NULL: y itself. */
static void run_triangle(triangle kind, tg_tensor *y, tg_tensor *x)
{
    const triangle_work w = { .kind = kind,
                              .rows = y->dims[y->ndim - 2],
                              .columns = y->dims[y->ndim - 1],
                              .element = tgi_element_size(y),
                              .x = x ? tgi_ptr(x) : NULL,
                              .y = tgi_ptr(y) };
    if (y->numel) tgi_run_tasks(y->numel >= PARALLEL, y->numel / w.columns, run_row, &w);
}

static void triangle_backward(tg_context *ctx)
{
    const triangle *kind = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    tg_set_grad_input(ctx, 0, kind->upper ? tg_triu(g, kind->diagonal) : tg_tril(g, kind->diagonal));
}

static tg_tensor_list triangle_again(const tg_node *node, tg_tensor_list inputs)
{
    const triangle *kind = tg_node_attributes(node);
    return tgi_result((kind->upper ? tg_triu_at : tg_tril_at)(NULL, inputs.items[0], kind->diagonal));
}

static tg_tensor_list tril_call(const tg_value *v) { return tgi_result(tg_tril(v[0].as.tensor, v[1].as.integer)); }
static tg_tensor_list triu_call(const tg_value *v) { return tgi_result(tg_triu(v[0].as.tensor, v[1].as.integer)); }
static tg_tensor_list tril_in_place_call(const tg_value *v)
{
    return tgi_result(tg_tril_(v[0].as.tensor, v[1].as.integer));
}
static tg_tensor_list triu_in_place_call(const tg_value *v)
{
    return tgi_result(tg_triu_(v[0].as.tensor, v[1].as.integer));
}

const tg_op tgi_op_tril = {
    .name = "tril",
    .schema = "tril(Tensor self, int diagonal=0) -> Tensor",
    .formula = "y[.., i, j] = self[.., i, j] if j <= i + diagonal, else 0",
    .gradient = "dself = tril(g, diagonal)",
    .doc = "the lower triangle of matrices",
    .shapes = "[*, M, N] to [*, M, N]",
    .usage = "tg_tril(self, diagonal)",
    .backward = triangle_backward,
    .call = tril_call,
    .again = triangle_again,
    .samples = (const char *const[]){ "tril(f(3, 4))", "tril(f(4, 3), -1)", "tril(f(2, 3, 3), 1)", "tril(f(3, 3), 9)",
                                      "tril(f(3, 3), -9)", "tril(f(0, 3))", "tril(f(2, 0))", "tril(i(3, 3))",
                                      "tril(b(3, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "tril(f(3))",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got -2)" },
                                         { "tril(f())", "Dimension specified as -2 but tensor has no dimensions" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_triu = {
    .name = "triu",
    .schema = "triu(Tensor self, int diagonal=0) -> Tensor",
    .formula = "y[.., i, j] = self[.., i, j] if j >= i + diagonal, else 0",
    .gradient = "dself = triu(g, diagonal)",
    .doc = "the upper triangle of matrices",
    .shapes = "[*, M, N] to [*, M, N]",
    .usage = "tg_triu(self, diagonal)",
    .backward = triangle_backward,
    .call = triu_call,
    .again = triangle_again,
    .samples = (const char *const[]){ "triu(f(3, 4))", "triu(f(4, 3), -1)", "triu(f(2, 3, 3), 1)", "triu(f(3, 3), 9)",
                                      "triu(f(3, 3), -9)", "triu(f(0, 3))", "triu(f(2, 0))", "triu(i(3, 3))",
                                      "triu(b(3, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "triu(f(3))",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got -2)" },
                                         { "triu(f())", "Dimension specified as -2 but tensor has no dimensions" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_tril_ = {
    .name = "tril_",
    .schema = "tril_(Tensor(a!) self, int diagonal=0) -> Tensor(a!)",
    .formula = "self[.., i, j] = 0 if j > i + diagonal",
    .gradient = "dself = tril(g, diagonal)",
    .doc = "tril in place",
    .backward = triangle_backward,
    .call = tril_in_place_call,
    .in_place_of = &tgi_op_tril,
};
const tg_op tgi_op_triu_ = {
    .name = "triu_",
    .schema = "triu_(Tensor(a!) self, int diagonal=0) -> Tensor(a!)",
    .formula = "self[.., i, j] = 0 if j < i + diagonal",
    .gradient = "dself = triu(g, diagonal)",
    .doc = "triu in place",
    .backward = triangle_backward,
    .call = triu_in_place_call,
    .in_place_of = &tgi_op_triu,
};

static bool is_matrix(const tg_op *op, tg_tensor *t)
{
    if (t->ndim == 0) return tg_op_fail(op, tg_list(t), "Dimension specified as -2 but tensor has no dimensions");
    return tgi_op_dim(op, tg_list(t), -2, t->ndim) >= 0;
}

/* Beyond any matrix, and no danger to sums. */
static triangle kind_of(bool upper, int64_t diagonal)
{
    const int64_t far = INT64_MAX / 4;
    return (triangle){ upper, diagonal < -far ? -far : diagonal > far ? far : diagonal };
}

static tg_tensor *triangle_of(const char *where, const tg_op *op, tg_tensor *t, bool upper, int64_t diagonal)
{
    if (!tg_op_begin(where, op, tg_list(t)) || !is_matrix(op, t)) return NULL;
    const triangle kind = kind_of(upper, diagonal);
    tg_tensor *y = tgi_new_like(t, (tg_dtype)t->dtype);
    if (!y) return NULL;
    if (!tg_is_contiguous(t)) tgi_copy_raw(y, t);
    run_triangle(kind, y, tg_is_contiguous(t) ? t : NULL);
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &kind, sizeof kind) == TG_OK ? y : NULL;
}

static tg_tensor *triangle_in_place(const char *where, const tg_op *op, tg_tensor *t, bool upper, int64_t diagonal)
{
    if (!tg_op_begin(where, op, tg_list(t)) || !is_matrix(op, t) || !tg_in_place_begin(op, t, NULL)) return NULL;
    const triangle kind = kind_of(upper, diagonal);
    if (tg_is_contiguous(t)) {
        run_triangle(kind, t, NULL);
    } else {
        tg_tensor *y = tgi_own(tgi_contiguous_raw(t));
        if (!y) return NULL;
        run_triangle(kind, y, NULL);
        tgi_copy_raw(t, y);
        tgi_unref(y);
    }
    return tg_record_in_place(op, tg_list(t), t, TG_NONE, &kind, sizeof kind) == TG_OK ? t : NULL;
}

tg_tensor *tg_tril_at(const char *where, tg_tensor *t, int64_t diagonal)
{
    return triangle_of(where, &tgi_op_tril, t, false, diagonal);
}

tg_tensor *tg_triu_at(const char *where, tg_tensor *t, int64_t diagonal)
{
    return triangle_of(where, &tgi_op_triu, t, true, diagonal);
}

tg_tensor *tg_tril_in_place_at(const char *where, tg_tensor *t, int64_t diagonal)
{
    return triangle_in_place(where, &tgi_op_tril_, t, false, diagonal);
}

tg_tensor *tg_triu_in_place_at(const char *where, tg_tensor *t, int64_t diagonal)
{
    return triangle_in_place(where, &tgi_op_triu_, t, true, diagonal);
}

/* ---- diag, diagflat and diag_embed ---- */

static tg_tensor_list diag_call(const tg_value *v) { return tgi_result(tg_diag(v[0].as.tensor, v[1].as.integer)); }
static tg_tensor_list diagflat_call(const tg_value *v)
{
    return tgi_result(tg_diagflat(v[0].as.tensor, v[1].as.integer));
}
static tg_tensor_list diag_embed_call(const tg_value *v)
{
    return tgi_result(
        tg_diag_embed(v[0].as.tensor, .offset = v[1].as.integer, .dim1 = v[2].as.integer, .dim2 = v[3].as.integer));
}

const tg_op tgi_op_diag = {
    .name = "diag",
    .schema = "diag(Tensor self, int diagonal=0) -> Tensor",
    .formula = "y = a matrix of zeros with the vector self on its diagonal, or the diagonal of the matrix self",
    .gradient = "dself = diag(g, diagonal), in zeros of self's shape",
    .doc = "a vector as a diagonal, a diagonal as a vector",
    .usage = "tg_diag(self, diagonal)",
    .shapes = "[N] to [N + |diagonal|, N + |diagonal|], [M, N] to [L]",
    .composite = true,
    .call = diag_call,
    .samples = (const char *const[]){ "diag(f(3))", "diag(f(2), 1)", "diag(f(2), -2)", "diag(f(3, 4))",
                                      "diag(f(3, 4), -1)", "diag(f(3, 3), 5)", "diag(f(0))", "diag(i(3))", NULL },
    .errors = (const tg_error_sample[]){ { "diag(f())", "matrix or a vector expected" },
                                         { "diag(f(2, 2, 2))", "matrix or a vector expected" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_diagflat = {
    .name = "diagflat",
    .schema = "diagflat(Tensor self, int offset=0) -> Tensor",
    .formula = "y = diag(flatten(self), offset)",
    .gradient = "dself = the diagonal of g, in self's shape",
    .doc = "all elements as the diagonal of a matrix",
    .usage = "tg_diagflat(self, offset)",
    .shapes = "[*] to [N + |offset|, N + |offset|], N elements",
    .composite = true,
    .call = diagflat_call,
    .samples = (const char *const[]){ "diagflat(f(3))", "diagflat(f(2, 2), 1)", "diagflat(f(), -1)",
                                      "diagflat(f(0, 2))", "diagflat(b(2, 1, 2))", NULL },
    .errors =
        (const tg_error_sample[]){ { "diagflat(f(2), 9223372036854775807)", "numel: integer multiplication overflow" },
                                   { NULL, NULL } },
};
const tg_op tgi_op_diag_embed = {
    .name = "diag_embed",
    .schema = "diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    .formula = "y = zeros; diagonal(y, offset, dim1, dim2) = self",
    .gradient = "dself = diagonal(g, offset, dim1, dim2)",
    .doc = "the vectors of the last dimension as diagonals of matrices",
    .shapes = "[*, N] to [*, N + |offset|, N + |offset|]",
    .composite = true,
    .call = diag_embed_call,
    .samples =
        (const char *const[]){ "diag_embed(f(3))", "diag_embed(f(2, 3), 1)", "diag_embed(f(2, 3), -1, 0, 2)",
                               "diag_embed(f(2, 3), 0, -1, 0)", "diag_embed(f(0))", "diag_embed(b(2, 2))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "diag_embed(f(3), 0, 0, 0)", "diagonal dimensions cannot be identical 0, 0" },
            { "diag_embed(f(3), 0, 2, 0)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "diag_embed(f())", "diag_embed expects at least a 1-dimensional tensor" },
                                   { NULL, NULL } },
};

tg_tensor *tg_diag_at(const char *where, tg_tensor *t, int64_t diagonal)
{
    if (!tg_op_begin(where, &tgi_op_diag, tg_list(t))) return NULL;
    if (t->ndim == 1) return tg_diag_embed(t, .offset = diagonal);
    if (t->ndim == 2) return tg_clone(tg_diagonal(t, .offset = diagonal));
    return tg_op_fail(&tgi_op_diag, tg_list(t), "matrix or a vector expected");
}

tg_tensor *tg_diagflat_at(const char *where, tg_tensor *t, int64_t offset)
{
    if (!tg_op_begin(where, &tgi_op_diagflat, tg_list(t))) return NULL;
    return tg_diag(tg_reshape(t, tg_shape(-1)), offset);
}

tg_tensor *tg_diag_embed_at(const char *where, tg_tensor *t, tg_diag_embed_options options)
{
    const tg_op *op = &tgi_op_diag_embed;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->ndim == 0) return tg_op_fail(op, tg_list(t), "diag_embed expects at least a 1-dimensional tensor");
    const int a = tgi_op_dim(op, tg_list(t), options.dim1, t->ndim + 1);
    const int b = a < 0 ? -1 : tgi_op_dim(op, tg_list(t), options.dim2, t->ndim + 1);
    if (b < 0 || !tgi_op_can_grow(op, tg_list(t), t->ndim)) return NULL;
    if (a == b)
        return tg_op_fail(op, tg_list(t), "diagonal dimensions cannot be identical %" PRId64 ", %" PRId64, options.dim1,
                          options.dim2);
    int64_t size = t->dims[t->ndim - 1], apart = options.offset < 0 ? -(options.offset + 1) : options.offset;
    if (__builtin_add_overflow(size, apart, &size) || __builtin_add_overflow(size, options.offset < 0, &size))
        return tg_op_fail(op, tg_list(t), "numel: integer multiplication overflow");
    tg_shape shape = { t->ndim + 1, { 0 } };
    for (int d = 0, from = 0; d < shape.ndim; d++) shape.dims[d] = d == a || d == b ? size : t->dims[from++];
    return tgi_on_diagonal(t, shape, options.offset, a, b);
}

/* ---- the indices of triangles ---- */

static tg_tensor_list tril_indices_call(const tg_value *v)
{
    return tgi_result(tg_tril_indices(v[0].as.integer, v[1].as.integer, v[2].as.integer));
}
static tg_tensor_list triu_indices_call(const tg_value *v)
{
    return tgi_result(tg_triu_indices(v[0].as.integer, v[1].as.integer, v[2].as.integer));
}

#define INDICES(name_, relation, doc_)                                                                                 \
    .name = #name_, .schema = #name_ "(int row, int col, int offset=0) -> Tensor",                                     \
    .formula = "y[:, k] = the k-th (i, j) with j " relation " i + offset", .gradient = "none: indices", .doc = doc_,   \
    .usage = "tg_" #name_ "(row, col, offset)", .shapes = "[2, n]", .call = name_##_call,                              \
    .samples = (const char *const[]){ #name_ "(3, 3)",                                                                 \
                                      #name_ "(3, 4, 1)",                                                              \
                                      #name_ "(4, 2, -1)",                                                             \
                                      #name_ "(0, 4)",                                                                 \
                                      #name_ "(2, 3, -5)",                                                             \
                                      #name_ "(2, 3, 5)",                                                              \
                                      NULL },                                                                          \
    .errors = (const tg_error_sample[])                                                                                \
    {                                                                                                                  \
        { #name_ "(-1, 2)", "row must be non-negative, got-1" },                                                       \
            { #name_ "(2, -1)", "col must be non-negative, got-1" },                                                   \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_tril_indices = { INDICES(tril_indices, "<=", "the indices of a matrix's lower triangle; int64") };
const tg_op tgi_op_triu_indices = { INDICES(triu_indices, ">=", "the indices of a matrix's upper triangle; int64") };

/* How many elements of a matrix have j <= i + diagonal. */
static int64_t count_below(int64_t rows, int64_t columns, int64_t diagonal)
{
    if (rows == 0 || columns == 0) return 0;
    const int64_t first = clamped(-diagonal, rows), full = clamped(columns - diagonal - 1, rows);
    const uint64_t growing = (uint64_t)(full - first), ends = (uint64_t)(first + full + 2 * diagonal + 1);
    return (int64_t)(growing * ends / 2) + (rows - full) * columns;
}

static tg_tensor *indices(const char *where, const tg_op *op, bool upper, int64_t rows, int64_t columns, int64_t offset)
{
    if (!tg_op_begin(where, op, TG_NONE)) return NULL;
    if (rows < 0) return tg_op_fail(op, TG_NONE, "row must be non-negative, got%" PRId64, rows);
    if (columns < 0) return tg_op_fail(op, TG_NONE, "col must be non-negative, got%" PRId64, columns);
    const tg_shape room = tg_shape(4, rows, columns); /* so that sums of sizes fit, too */
    if (tgi_op_numel(op, TG_NONE, &room) < 0) return NULL;
    const triangle kind = { upper, offset < -rows ? -rows : offset > columns ? columns : offset };
    const int64_t below = count_below(rows, columns, kind.diagonal - upper);
    const int64_t count = upper ? rows * columns - below : below;
    const tg_shape shape = tg_shape(2, count);
    tg_tensor *y = tgi_new(&shape, TG_INT64);
    int64_t *row = y && count ? tgi_ptr(y) : NULL, from, to;
    /* Only rows that keep something. */
    const int64_t begin = upper ? 0 : clamped(-kind.diagonal, rows),
                  end = upper ? clamped(columns - kind.diagonal, rows) : rows;
    for (int64_t r = begin; row && r < end; r++) {
        kept_columns(&kind, r, columns, &from, &to);
        for (int64_t c = from; c < to; c++, row++) {
            row[0] = r;
            row[count] = c;
        }
    }
    return y;
}

tg_tensor *tg_tril_indices_at(const char *where, int64_t row, int64_t col, int64_t offset)
{
    return indices(where, &tgi_op_tril_indices, false, row, col, offset);
}

tg_tensor *tg_triu_indices_at(const char *where, int64_t row, int64_t col, int64_t offset)
{
    return indices(where, &tgi_op_triu_indices, true, row, col, offset);
}

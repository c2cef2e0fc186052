/* vector.c: tg_parameters_to_vector and tg_vector_to_parameters. */
#include "vector.h"

#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/base/copy.h"
#include "ops/join.h"
#include "ops/view.h"

tg_tensor *tg_parameters_to_vector_at(const char *where, tg_tensor_list parameters)
{
    static const tg_op op = { .name = "parameters_to_vector" };
    if (!tg_op_begin(where, &op, parameters)) return NULL;
    if (parameters.count == 0) return tg_op_fail(&op, parameters, "expected a non-empty list of Tensors");
    tg_scope scope = tg_scope_begin();
    tg_tensor **rows = tg_list_new(parameters.count);
    for (int64_t i = 0; rows && i < parameters.count; i++) rows[i] = tg_reshape(parameters.items[i], tg_shape(-1));
    return tg_scope_return(scope, rows ? tg_cat(tg_list_of(rows, parameters.count)) : NULL);
}

static bool fits(const tg_op *op, const tg_tensor *vector, tg_tensor_list parameters)
{
    int64_t n = 0;
    for (int64_t i = 0; i < parameters.count; i++) {
        n += parameters.items[i]->numel;
        if (!tg_in_place_begin(op, parameters.items[i], NULL)) return false;
    }
    if (vector->ndim == 1 && vector->numel == n) return true;
    tg_op_fail(op, tg_list((tg_tensor *)vector), "expected a vector of %lld elements, those of all parameters",
               (long long)n);
    return false;
}

/* What each of them gets, as views of the vector; one that lies in the memory of a parameter is copied first. NULL on
 * error. */
static tg_tensor **parts_of(tg_tensor *vector, tg_tensor_list parameters)
{
    tg_tensor **parts = tg_list_new(parameters.count);
    for (int64_t i = 0; i < parameters.count; i++)
        if (parameters.items[i]->storage == vector->storage) vector = tg_clone(vector);
    int64_t at = 0;
    for (int64_t i = 0; parts && i < parameters.count; i++) {
        const int64_t n = tg_numel(parameters.items[i]);
        parts[i] = tg_reshape(tg_narrow(vector, 0, at, n), tg_shape_of(parameters.items[i]));
        if (!parts[i]) return NULL;
        at += n;
    }
    return parts;
}

tg_status tg_vector_to_parameters_at(const char *where, tg_tensor *vector, tg_tensor_list parameters)
{
    static const tg_op op = { .name = "vector_to_parameters" };
    if (!tg_op_begin(where, &op, parameters) || !tg_op_begin(where, &op, tg_list(vector)) || tg_failed())
        return TG_FAILED;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor **parts = fits(&op, vector, parameters) ? parts_of(vector, parameters) : NULL;
    for (int64_t i = 0; parts && i < parameters.count; i++) { /* nothing here can fail */
        tgi_copy_raw(parameters.items[i], parts[i]);
        tg_bump_version(parameters.items[i]);
    }
    tg_scope_end(scope);
    return parts ? TG_OK : TG_FAILED;
}

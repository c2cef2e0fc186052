/* parametrize.c: weight_norm and spectral_norm.
 *
 * Each kind is a function that computes the weight from the parameters and buffers that took its place. The rest is the
 * same for both: the change of what is registered, the field of the struct, the hook that renews it. */
#include "parametrize.h"

#include "core/error.h"
#include "core/scope.h"
#include "ops/create.h"
#include "ops/distance.h"
#include "ops/moments.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "ops/view.h"
#include "init.h"
#include "module_hooks_impl.h"

#include <string.h>

enum { PARTS = 3, LONGEST_SUFFIX = 8 };

typedef struct parametrization parametrization;

typedef struct norm_kind {
    const char *suffix[PARTS]; /* of what it registers; NULL: no more */
    /* The weight, differentiable; `train`: what it learns from being called, it may. NULL on error. */
    tg_tensor *(*compute)(const parametrization *p, bool train);
    const tgi_hook_owner *owner;
} norm_kind;

struct parametrization {
    const norm_kind *kind;
    int64_t dim, iterations;
    double eps;
    tgi_slot *part[PARTS];
    tg_tensor **field; /* of the module's struct */
    tg_tensor *weight; /* what the field holds; a reference */
    size_t bytes;      /* of this block, the name included */
    char name[];
};

/* ---- weight_norm ---- */

/* Along all dimensions but one, which keep the size 1; of the whole tensor without any. */
static tg_tensor *norms(tg_tensor *v, int64_t dim)
{
    if (dim == TG_WHOLE_WEIGHT) return tg_norm(v);
    tg_shape others = { 0 };
    for (int64_t d = 0; d < tg_ndim(v); d++)
        if (d != dim) others.dims[others.ndim++] = d;
    return others.ndim ? tg_norm(v, .dims = others, .keepdim = true) : tg_abs(v);
}

static tg_tensor *compute_weight_norm(const parametrization *p, bool train)
{
    (void)train;
    tg_tensor *g = p->part[0]->as.tensor, *v = p->part[1]->as.tensor;
    return tg_mul(v, tg_div(g, norms(v, p->dim)));
}

/* ---- spectral_norm ---- */

static tg_tensor *as_matrix(tg_tensor *weight, int64_t dim)
{
    tg_shape order = tg_shape(dim);
    for (int64_t d = 0; d < tg_ndim(weight); d++)
        if (d != dim) order.dims[order.ndim++] = d;
    return tg_reshape(dim ? tg_permute(weight, order) : weight, tg_shape(tg_size(weight, dim), -1));
}

static tg_tensor *compute_spectral_norm(const parametrization *p, bool train)
{
    tg_tensor *weight = p->part[0]->as.tensor, *u = p->part[1]->as.tensor, *v = p->part[2]->as.tensor;
    tg_tensor *matrix = as_matrix(weight, p->dim);
    if (train) {
        tg_scope scope = tg_no_grad_begin();
        for (int64_t i = 0; i < p->iterations && u; i++) {
            v = tg_normalize(tg_mv(tg_t(matrix), u), .dim = 0, .eps = p->eps);
            u = tg_normalize(tg_mv(matrix, v), .dim = 0, .eps = p->eps);
        }
        tg_copy_(p->part[2]->as.tensor, v);
        tg_copy_(p->part[1]->as.tensor, u);
        tg_scope_end_with(scope, &u, &v);
    }
    return tg_div(weight, tg_dot(u, tg_mv(matrix, v)));
}

/* ---- the hook ---- */

static void set_field(parametrization *p, tg_tensor *weight)
{
    *p->field = weight;
    tgi_ref(weight);
    tgi_unref(p->weight);
    p->weight = weight;
}

static void renew(tg_module *m, const tg_module_call *call, void *context)
{
    (void)call;
    parametrization *p = context;
    tg_scope scope = tg_scope_begin();
    tg_tensor *weight = tg_scope_return(scope, p->kind->compute(p, m->training));
    if (weight) set_field(p, weight);
}

static void free_parametrization(void *context)
{
    parametrization *p = context;
    tgi_unref(p->weight);
    tgi_free(p, p->bytes);
}

/* The place in the copy, whose struct and array have the same places as the original's. */
static tg_tensor **same_field(tg_module *copy, const tg_module *original, tg_tensor **field)
{
    const size_t at = (uintptr_t)field - (uintptr_t)original;
    if (at < original->bytes) return (tg_tensor **)((char *)copy + at);
    int64_t count;
    return copy->base.array(copy, &count) + (field - original->base.array((tg_module *)original, &count));
}

static tgi_slot *same_slot(const tg_module *copy, const tg_module *original, const tgi_slot *slot)
{
    tgi_slot *same = copy->first;
    for (const tgi_slot *at = original->first; at != slot; at = at->next) same = same->next;
    return same;
}

static void *copy_parametrization(tg_module *copy, const tg_module *original, const void *context)
{
    const parametrization *from = context;
    parametrization *p = tgi_calloc(from->bytes);
    if (!p) return NULL;
    memcpy(p, from, from->bytes);
    for (int i = 0; i < PARTS && p->kind->suffix[i]; i++) p->part[i] = same_slot(copy, original, from->part[i]);
    p->field = same_field(copy, original, from->field);
    p->weight = NULL;
    tg_tensor *weight = p->kind->compute(p, false);
    if (weight) {
        set_field(p, weight);
        return p;
    }
    free_parametrization(p);
    return NULL;
}

static bool is_of(const void *context, const char *name)
{
    return strcmp(((const parametrization *)context)->name, name) == 0;
}

static const tgi_hook_owner weight_owner = { "weight_norm", copy_parametrization, free_parametrization },
                            spectral_owner = { "spectral_norm", copy_parametrization, free_parametrization };
static const norm_kind weight_kind = { { "_g", "_v" }, compute_weight_norm, &weight_owner },
                       spectral_kind = { { "_orig", "_u", "_v" }, compute_spectral_norm, &spectral_owner };

/* ---- coming and going ---- */

/* The parameter's slot, and the field that holds it. NULL with an error pending. */
static tgi_slot *find_parameter(const char *where, tg_module *m, const norm_kind *kind, const char *name,
                                tg_tensor ***field)
{
    int64_t number;
    if (!tgi_module_ok(where, m, kind->owner->name)) return NULL;
    tgi_slot *slot = name ? tgi_slot_find(m, name, strlen(name)) : NULL;
    *field = slot && slot->kind == TGI_PARAMETER && slot->as.tensor ? tgi_field_of(m, slot->as.tensor) : NULL;
    if (*field) return slot;
    if (name && tgi_hook_find(m, kind->owner, name, is_of, &number))
        tg_fail_at(where, TG_ERROR_VALUE, kind->owner->name, "Cannot register two %s hooks on the same parameter %s",
                   kind->owner->name, name);
    else
        tg_fail_at(where, TG_ERROR_VALUE, kind->owner->name, "%s has no parameter '%s' in a field of its struct",
                   m->base.name, name ? name : "");
    return NULL;
}

static parametrization *new_parametrization(const norm_kind *kind, const char *name)
{
    const size_t bytes = sizeof(parametrization) + strlen(name) + LONGEST_SUFFIX;
    parametrization *p = tgi_calloc(bytes);
    if (!p) return NULL;
    p->kind = kind;
    p->bytes = bytes;
    memcpy(p->name, name, strlen(name));
    return p;
}

/* Registers part `i` behind the others. False with an error pending. */
static bool add_part(tg_module *m, parametrization *p, int i, tgi_slot_kind slot_kind, tg_tensor *t)
{
    char *suffix = p->name + strlen(p->name);
    strcpy(suffix, p->kind->suffix[i]);
    tg_tensor *registered = slot_kind == TGI_PARAMETER ? tg_register_parameter_at(NULL, m, p->name, t)
                                                       : tg_register_buffer_at(NULL, m, p->name, t);
    if (registered) p->part[i] = tgi_slot_find(m, p->name, strlen(p->name));
    *suffix = '\0';
    return registered;
}

static void remove_parts(tg_module *m, tgi_slot *const *part)
{
    for (int i = 0; i < PARTS; i++)
        if (part[i]) tgi_slot_remove(m, part[i]);
}

/* `p` has its parts, if `ready`: it takes the parameter's place. Otherwise all is as it was. */
static tg_status begin(tg_module *m, parametrization *p, bool ready, tgi_slot *slot, tg_tensor **field)
{
    tg_tensor *weight = ready ? p->kind->compute(p, false) : NULL;
    if (!weight || tgi_hook_add(m, TGI_BEFORE_FORWARD, renew, p, p->kind->owner) < 0) {
        remove_parts(m, p->part);
        free_parametrization(p);
        return TG_FAILED;
    }
    tgi_slot_remove(m, slot);
    p->field = field;
    set_field(p, weight);
    return TG_OK;
}

tg_status tg_weight_norm_at(const char *where, tg_module *m, const char *name, tg_weight_norm_options options)
{
    tg_tensor **field;
    tgi_slot *slot = find_parameter(where, m, &weight_kind, name, &field);
    if (!slot) return TG_FAILED;
    tg_tensor *v = slot->as.tensor;
    if (options.dim < TG_WHOLE_WEIGHT || options.dim >= tg_ndim(v)) {
        tg_fail_at(where, TG_ERROR_VALUE, weight_owner.name, "'%s' has %d dimensions, and no dimension %lld", name,
                   (int)tg_ndim(v), (long long)options.dim);
        return TG_FAILED;
    }
    parametrization *p = new_parametrization(&weight_kind, name);
    if (!p) return TG_FAILED;
    p->dim = options.dim;
    tg_scope scope = tg_no_grad_begin();
    const bool ready = add_part(m, p, 0, TGI_PARAMETER, norms(v, p->dim)) && add_part(m, p, 1, TGI_PARAMETER, v);
    const tg_status status = begin(m, p, ready, slot, field);
    tg_scope_end(scope);
    return status;
}

static bool spectral_ok(const char *where, const char *name, const tg_tensor *weight, const tg_spectral_norm_options *o)
{
    if (o->n_power_iterations <= 0)
        tg_fail_at(where, TG_ERROR_VALUE, spectral_owner.name,
                   "Expected n_power_iterations to be positive, but got n_power_iterations=%lld",
                   (long long)o->n_power_iterations);
    else if (o->dim < 0 || o->dim >= tg_ndim(weight))
        tg_fail_at(where, TG_ERROR_VALUE, spectral_owner.name, "'%s' has %d dimensions, and no dimension %lld", name,
                   (int)tg_ndim(weight), (long long)o->dim);
    else
        return true;
    return false;
}

static tg_tensor *draw(int64_t size, tg_dtype dtype, double eps)
{
    return tg_normalize(tg_init_normal_(tg_empty(tg_shape(size), .dtype = dtype), 0, 1), .dim = 0, .eps = eps);
}

tg_status tg_spectral_norm_at(const char *where, tg_module *m, const char *name, tg_spectral_norm_options o)
{
    tg_tensor **field;
    tgi_slot *slot = find_parameter(where, m, &spectral_kind, name, &field);
    if (!slot) return TG_FAILED;
    tg_tensor *weight = slot->as.tensor;
    if (o.dim == TG_OUTPUT_DIM) o.dim = strncmp(m->base.name, "ConvTranspose", strlen("ConvTranspose")) == 0;
    if (!spectral_ok(where, name, weight, &o)) return TG_FAILED;
    parametrization *p = new_parametrization(&spectral_kind, name);
    if (!p) return TG_FAILED;
    p->dim = o.dim;
    p->iterations = o.n_power_iterations;
    p->eps = o.eps;
    tg_scope scope = tg_no_grad_begin();
    const int64_t rows = tg_size(weight, p->dim), columns = rows ? tg_numel(weight) / rows : 0;
    tg_tensor *u = draw(rows, tg_dtype_of(weight), p->eps), *v = u ? draw(columns, tg_dtype_of(weight), p->eps) : NULL;
    const bool ready = v && add_part(m, p, 0, TGI_PARAMETER, weight) && add_part(m, p, 1, TGI_BUFFER, u) &&
                       add_part(m, p, 2, TGI_BUFFER, v);
    const tg_status status = begin(m, p, ready, slot, field);
    tg_scope_end(scope);
    return status;
}

static tg_status end(const char *where, tg_module *m, const norm_kind *kind, const char *name)
{
    if (!tgi_module_ok(where, m, kind->owner->name)) return TG_FAILED;
    int64_t number = -1;
    parametrization *p = name ? tgi_hook_find(m, kind->owner, name, is_of, &number) : NULL;
    if (!p) {
        tg_fail_at(where, TG_ERROR_VALUE, kind->owner->name, "%s of '%s' not found in %s", kind->owner->name,
                   name ? name : "", m->base.name);
        return TG_FAILED;
    }
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *weight = kind->compute(p, false), *registered = NULL;
    if (weight) registered = tg_register_parameter_at(NULL, m, name, weight);
    if (registered) {
        *p->field = registered;
        remove_parts(m, p->part);
        tg_remove_module_hook_at(NULL, m, number);
    }
    tg_scope_end(scope);
    return registered ? TG_OK : TG_FAILED;
}

tg_status tg_remove_weight_norm_at(const char *where, tg_module *m, const char *name)
{
    return end(where, m, &weight_kind, name);
}

tg_status tg_remove_spectral_norm_at(const char *where, tg_module *m, const char *name)
{
    return end(where, m, &spectral_kind, name);
}

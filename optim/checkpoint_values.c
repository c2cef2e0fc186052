/* checkpoint_values.c: the program's own numbers, texts and tensors, and generators, which are four of them. */
#include "checkpoint_impl.h"

#include "core/error.h"
#include "core/op.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "ops/base/copy.h"

#include <string.h>

/* ---- kinds ---- */

typedef struct variable_kind {
    const char *name;
    size_t size;    /* of one, in memory */
    tg_dtype dtype; /* in the file */
    bool same;      /* has the same bytes there */
} variable_kind;

static const variable_kind kinds[] = {
    [TG_VARIABLE_BOOL] = { "bool", sizeof(bool), TG_BOOL, true },
    [TG_VARIABLE_INT32] = { "int32", 4, TG_INT64, false },
    [TG_VARIABLE_UINT32] = { "uint32", 4, TG_INT64, false },
    [TG_VARIABLE_INT64] = { "int64", 8, TG_INT64, true },
    [TG_VARIABLE_UINT64] = { "uint64", 8, TG_INT64, true },
    [TG_VARIABLE_FLOAT32] = { "float", 4, TG_FLOAT32, true },
    [TG_VARIABLE_FLOAT64] = { "double", 8, TG_FLOAT64, true },
};

static bool refuse(const char *function, const char *name, const char *problem)
{
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s: %s", name, problem);
    return false;
}

bool tgi_variable_ok(const char *function, const char *name, const tg_variable *v)
{
    if (!v->at) return refuse(function, name, "its address is NULL");
    if (v->kind == TG_VARIABLE_TENSOR) return tgi_handle_ok(function, v->at);
    if (v->kind == TG_VARIABLE_TEXT)
        return v->count > 0 || refuse(function, name, "a text is an array of char, which knows its room");
    if (v->kind < TG_VARIABLE_BOOL || v->kind > TG_VARIABLE_FLOAT64)
        return refuse(function, name, "a variable of no kind: see tg_variable");
    return v->count >= -1 || refuse(function, name, "a negative number of elements");
}

static int64_t elements_of(const tg_variable *v) { return v->count < 0 ? 1 : v->count; }

static tg_shape shape_of(const tg_variable *v) { return v->count < 0 ? tg_shape() : tg_shape(v->count); }

/* ---- out ---- */

static tg_tensor *tensor_of(const tg_variable *v)
{
    const variable_kind *kind = &kinds[v->kind];
    const tg_shape shape = shape_of(v);
    tg_tensor *t = tgi_new(&shape, kind->dtype);
    if (!t || t->numel == 0) return t;
    int64_t *whole = tgi_ptr(t);
    if (kind->same)
        memcpy(tgi_ptr(t), v->at, (size_t)t->numel * kind->size);
    else
        for (int64_t i = 0; i < t->numel; i++)
            whole[i] = v->kind == TG_VARIABLE_INT32 ? (int64_t)((const int32_t *)v->at)[i]
                                                    : (int64_t)((const uint32_t *)v->at)[i];
    return t;
}

bool tgi_checkpoint_put_variable(tgi_checkpoint_out *out, const char *name, const tg_variable *v)
{
    if (!name || !tgi_variable_ok(out->function, name, v)) return false;
    if (v->kind == TG_VARIABLE_TENSOR) {
        tgi_checkpoint_put(out, name, v->at);
    } else if (v->kind == TG_VARIABLE_TEXT) {
        if (!memchr(v->at, '\0', (size_t)v->count)) return refuse(out->function, name, "a text without an end");
        tgi_checkpoint_put_text(out, name, v->at);
    } else {
        tg_tensor *t = tensor_of(v);
        if (t) tgi_checkpoint_put(out, name, t);
    }
    return !tg_failed();
}

/* ---- in ---- */

typedef struct loading {
    tgi_loading base;
    void *to;
    const void *from;
    size_t bytes;
    tg_tensor *tensor; /* NULL: `to` gets so many bytes */
    tg_tensor *given;
} loading;

static void end(tgi_loading *base, bool take)
{
    const loading *l = (const loading *)base;
    if (take && l->tensor) {
        tgi_copy_raw(l->tensor, l->given);
        tg_bump_version(l->tensor);
    } else if (take && l->bytes) {
        memcpy(l->to, l->from, l->bytes);
    }
}

static bool add(tgi_checkpoint_in *in, loading ready)
{
    loading *l = tgi_scope_alloc(sizeof *l);
    if (!l) return false;
    *l = ready;
    l->base.end = end;
    return tgi_checkpoint_add(in, &l->base);
}

static bool shape_ok(const tgi_checkpoint_in *in, const char *name, const tg_tensor *given, const tg_shape *expected)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape its = tgi_shape(given);
    bool same = its.ndim == expected->ndim;
    for (int d = 0; same && d < its.ndim; d++) same = its.dims[d] == expected->dims[d];
    if (same || (expected->ndim == 0 && its.ndim == 1 && its.dims[0] == 1)) return true;
    return tgi_checkpoint_fail(in, TG_ERROR_VALUE, "%s has the shape %s, not %s", name, tg_shape_text(&its, a),
                               tg_shape_text(expected, b));
}

static bool load_tensor(tgi_checkpoint_in *in, const char *name, tg_tensor *to, tg_tensor *given)
{
    const tg_shape shape = tgi_shape(to);
    if (!shape_ok(in, name, given, &shape)) return false;
    if (tgi_overlaps_itself(to)) return refuse(in->function, name, "several of its elements are one place in memory");
    return add(in, (loading){ .tensor = to, .given = given });
}

static bool load_text(tgi_checkpoint_in *in, const char *name, const tg_variable *v)
{
    const char *text = tg_text_of(in->texts, name);
    if (!text) return tgi_checkpoint_fail(in, TG_ERROR_VALUE, "has no text %s", name);
    const size_t bytes = strlen(text) + 1;
    if (bytes > (size_t)v->count)
        return tgi_checkpoint_fail(in, TG_ERROR_VALUE, "%s is a text of %lld bytes, for which there is room for %lld",
                                   name, (long long)bytes, (long long)v->count);
    return add(in, (loading){ .to = v->at, .from = text, .bytes = bytes });
}

/* Element i as a variable of that kind; false if the kind does not have it. */
static bool convert(void *to, tg_variable_kind kind, const tg_tensor *t, int64_t i)
{
    const tg_dtype dtype = (tg_dtype)t->dtype;
    const double real = dtype == TG_FLOAT64   ? ((const double *)tgi_ptr(t))[i]
                        : dtype == TG_FLOAT32 ? (double)((const float *)tgi_ptr(t))[i]
                                              : 0;
    const bool is_real = dtype == TG_FLOAT64 || dtype == TG_FLOAT32;
    if (is_real && kind < TG_VARIABLE_FLOAT32 && !(real >= -0x1p63 && real < 0x1p63 && real == (double)(int64_t)real))
        return false;
    const int64_t whole = dtype == TG_INT64            ? ((const int64_t *)tgi_ptr(t))[i]
                          : dtype == TG_BOOL           ? (int64_t)((const bool *)tgi_ptr(t))[i]
                          : kind < TG_VARIABLE_FLOAT32 ? (int64_t)real
                                                       : 0;
    const double value = is_real ? real : (double)whole;
    switch (kind) {
    case TG_VARIABLE_BOOL: ((bool *)to)[i] = whole == 1; return whole == 0 || whole == 1;
    case TG_VARIABLE_INT32: ((int32_t *)to)[i] = (int32_t)whole; return whole >= INT32_MIN && whole <= INT32_MAX;
    case TG_VARIABLE_UINT32: ((uint32_t *)to)[i] = (uint32_t)whole; return whole >= 0 && whole <= UINT32_MAX;
    case TG_VARIABLE_INT64:
    case TG_VARIABLE_UINT64: ((int64_t *)to)[i] = whole; return true;
    case TG_VARIABLE_FLOAT32: ((float *)to)[i] = (float)value; return value != value || (double)(float)value == value;
    default: ((double *)to)[i] = value; return is_real || (value < 0x1p63 && (int64_t)value == whole);
    }
}

static bool load_numbers(tgi_checkpoint_in *in, const char *name, const tg_variable *v, const tg_tensor *given)
{
    const variable_kind *kind = &kinds[v->kind];
    const tg_shape shape = shape_of(v);
    if (!shape_ok(in, name, given, &shape)) return false;
    const size_t bytes = (size_t)elements_of(v) * kind->size;
    if (kind->same && (tg_dtype)given->dtype == kind->dtype)
        return add(in, (loading){ .to = v->at, .from = tgi_ptr(given), .bytes = bytes });
    void *converted = tgi_scope_alloc(bytes);
    if (!converted) return false;
    for (int64_t i = 0; i < given->numel; i++)
        if (!convert(converted, v->kind, given, i))
            return tgi_checkpoint_fail(in, TG_ERROR_VALUE, "element %lld of %s is no %s", (long long)i, name,
                                       kind->name);
    return add(in, (loading){ .to = v->at, .from = converted, .bytes = bytes });
}

bool tgi_checkpoint_load_variable(tgi_checkpoint_in *in, const char *name, const tg_variable *v)
{
    if (!name || !tgi_variable_ok(in->function, name, v)) return false;
    if (v->kind == TG_VARIABLE_TEXT) return load_text(in, name, v);
    tg_tensor *given = tgi_keys_take(&in->keys, name);
    if (!given) return tgi_checkpoint_fail(in, TG_ERROR_VALUE, "has no %s", name);
    if (v->kind == TG_VARIABLE_TENSOR) return load_tensor(in, name, v->at, given);
    return load_numbers(in, name, v, given);
}

/* ---- generators ---- */

enum { GENERATOR = 4 };

static void describe(tg_variable *parts, tg_generator *g)
{
    parts[0] = (tg_variable){ "state", TG_VARIABLE_UINT32, g->state, sizeof g->state / sizeof *g->state };
    parts[1] = (tg_variable){ "index", TG_VARIABLE_INT32, &g->index, -1 };
    parts[2] = (tg_variable){ "has_next_normal", TG_VARIABLE_BOOL, &g->has_next_normal, -1 };
    parts[3] = (tg_variable){ "next_normal", TG_VARIABLE_FLOAT64, &g->next_normal, -1 };
}

bool tgi_checkpoint_put_generator(tgi_checkpoint_out *out, const char *name, tg_generator *g)
{
    tg_variable parts[GENERATOR];
    describe(parts, g);
    for (int i = 0; i < GENERATOR; i++)
        if (!tgi_checkpoint_put_variable(out, tgi_key("%s.%s", name, parts[i].name), &parts[i])) return false;
    return true;
}

bool tgi_checkpoint_load_generator(tgi_checkpoint_in *in, const char *name, tg_generator *g)
{
    tg_variable parts[GENERATOR];
    describe(parts, g);
    for (int i = 0; i < GENERATOR; i++)
        if (!tgi_checkpoint_load_variable(in, tgi_key("%s.%s", name, parts[i].name), &parts[i])) return false;
    const char *key = tgi_key("%s.index", name);
    if (!key) return false;
    const double index = tg_item(tgi_keys_take(&in->keys, key));
    const double most = (double)(sizeof g->state / sizeof *g->state);
    return (index >= 0 && index <= most) ||
           tgi_checkpoint_fail(in, TG_ERROR_VALUE, "%s is %g, not 0 to %g", key, index, most);
}

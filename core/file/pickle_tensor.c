/* pickle_tensor.c: tensors in a pickle: a storage, told by its type, name and size, and a view of it. */
#include "pickle_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <string.h>

/* ---- storages ---- */

static const struct {
    const char *name; /* behind "torch." */
    tgi_element element;
    bool untyped;
} storage_types[] = {
    { "FloatStorage", TGI_F32, false }, { "DoubleStorage", TGI_F64, false },
    { "HalfStorage", TGI_F16, false },  { "BFloat16Storage", TGI_BF16, false },
    { "LongStorage", TGI_I64, false },  { "IntStorage", TGI_I32, false },
    { "ShortStorage", TGI_I16, false }, { "CharStorage", TGI_I8, false },
    { "ByteStorage", TGI_U8, false },   { "BoolStorage", TGI_BOOLEAN, false },
    { "UntypedStorage", TGI_U8, true }, { "storage.UntypedStorage", TGI_U8, true },
};

static bool storage_type(const tg_object *type, tgi_storage_name *s)
{
    if (type->kind != TGI_OBJECT_CLASS || strncmp(type->as.text, "torch.", 6) != 0) return false;
    for (size_t i = 0; i < sizeof storage_types / sizeof *storage_types; i++) {
        if (strcmp(type->as.text + 6, storage_types[i].name) != 0) continue;
        s->element = storage_types[i].element;
        s->untyped = storage_types[i].untyped;
        return true;
    }
    return false;
}

/* The slot that has the number of the storage of that key, or the empty one where it goes. */
static int64_t *find_slot(const tgi_pickle *p, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u, mask = (uint64_t)p->slot_count - 1;
    for (const char *c = key; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    uint64_t at = (hash ^ hash >> 32) & mask;
    while (p->slots[at] >= 0 && strcmp(p->storages[p->slots[at]].key, key) != 0) at = (at + 1) & mask;
    return &p->slots[at];
}

/* At most half of the slots are taken. */
static bool make_slots(tgi_pickle *p)
{
    if (2 * (p->storage_count + 1) <= p->slot_count) return true;
    int64_t *slots = NULL, count = 0;
    if (!tgi_grow(&slots, &count, p->slot_count ? 2 * p->slot_count : 64, sizeof *slots)) return false;
    tgi_grow_free(p->slots, p->slot_count, sizeof *p->slots);
    p->slots = slots;
    p->slot_count = count;
    for (int64_t i = 0; i < count; i++) slots[i] = -1;
    for (int64_t i = 0; i < p->storage_count; i++) *find_slot(p, p->storages[i].key) = i;
    return true;
}

/* The number of a storage, which is new or as it was told before; -1 with an error pending. */
static int64_t enter(tgi_pickle *p, const tgi_storage_name *s)
{
    if (!make_slots(p)) return -1;
    int64_t *slot = find_slot(p, s->key);
    if (*slot < 0) {
        if (!tgi_grow(&p->storages, &p->storage_capacity, p->storage_count + 1, sizeof *p->storages)) return -1;
        p->storages[p->storage_count] = *s;
        return *slot = p->storage_count++;
    }
    const int64_t at = *slot;
    const tgi_storage_name *old = &p->storages[at];
    if (old->told == s->told && old->untyped == s->untyped && (s->untyped || old->element == s->element)) return at;
    tgi_pickle_fail(p, "storage \"%s\" is told in two ways: %lld %s and %lld %s", s->key, (long long)old->told,
                    tgi_elements[old->element].name, (long long)s->told, tgi_elements[s->element].name);
    return -1;
}

/* ("storage", torch.FloatStorage, "0", "cpu", 12) */
const tg_object *tgi_pickle_storage(tgi_pickle *p, const tg_object *id)
{
    const tg_object *const *parts = id->as.items;
    if (id->kind != TG_OBJECT_TUPLE || id->count < 5 || parts[0]->kind != TG_OBJECT_TEXT ||
        strcmp(parts[0]->as.text, "storage") != 0 || parts[2]->kind != TG_OBJECT_TEXT || parts[2]->flags & TGI_INNER ||
        parts[4]->kind != TG_OBJECT_INT)
        return tgi_pickle_fail(p, "what lies outside of it is no storage of PyTorch");
    tgi_storage_name s = { .key = parts[2]->as.text, .told = parts[4]->as.integer, .count = parts[4]->as.integer };
    if (!storage_type(parts[1], &s))
        return tgi_pickle_fail(p, "a storage of %s, which there is none of here", tgi_object_name(parts[1]));
    if (s.count < 0) return tgi_pickle_fail(p, "storage \"%s\" has %lld elements", s.key, (long long)s.count);
    const int64_t number = enter(p, &s);
    tg_object *o = number < 0 ? NULL : tgi_object_new(&p->memory, TGI_OBJECT_STORAGE);
    if (o) o->as.integer = number;
    return o;
}

/* Its elements, of that type if it has none itself. NULL with an error pending. */
static tg_tensor *elements_of(tgi_pickle *p, const tg_object *storage, tgi_element element)
{
    tgi_storage_name *s = &p->storages[storage->as.integer];
    if (s->untyped) {
        const int64_t bytes = tgi_elements[element].bytes;
        if (s->tensor && s->element != element) return tgi_pickle_fail(p, "storage \"%s\" is of two types", s->key);
        if (!s->tensor && s->count % bytes)
            return tgi_pickle_fail(p, "storage \"%s\" of %lld bytes has no %s", s->key, (long long)s->count,
                                   tgi_elements[element].name);
        if (!s->tensor) s->count /= bytes;
        s->element = element;
    }
    if (!s->tensor) s->tensor = p->load(p, s);
    return s->tensor;
}

/* ---- tensors ---- */

typedef struct view {
    int ndim;
    int64_t dims[TG_MAX_DIMS], strides[TG_MAX_DIMS], offset, numel;
} view;

/* A tuple of integers; how many, or -1 with an error pending. */
static int integers(const tgi_pickle *p, const tg_object *tuple, int64_t *to, const char *what)
{
    const bool row = tuple->kind == TG_OBJECT_TUPLE || tuple->kind == TG_OBJECT_LIST;
    if (!row) tgi_pickle_fail(p, "a tensor's %s are %s, not a tuple", what, tgi_object_name(tuple));
    if (row && tuple->count > TG_MAX_DIMS)
        tgi_pickle_fail(p, "a tensor of %lld %s: there may be %d", (long long)tuple->count, what, TG_MAX_DIMS);
    if (!row || tuple->count > TG_MAX_DIMS) return -1;
    for (int64_t i = 0; i < tuple->count; i++) {
        if (tuple->as.items[i]->kind != TG_OBJECT_INT || tuple->as.items[i]->as.integer < 0) {
            tgi_pickle_fail(p, "among a tensor's %s is one that is below 0, or no integer", what);
            return -1;
        }
        to[i] = tuple->as.items[i]->as.integer;
    }
    return (int)tuple->count;
}

static bool read_view(const tgi_pickle *p, view *v, const tg_object *offset, const tg_object *dims,
                      const tg_object *strides)
{
    v->ndim = integers(p, dims, v->dims, "sizes");
    const int count = v->ndim < 0 ? -1 : integers(p, strides, v->strides, "strides");
    if (count < 0) return false;
    if (count != v->ndim) return tgi_pickle_fail(p, "a tensor of %d sizes and %d strides", v->ndim, count);
    if (offset->kind != TG_OBJECT_INT || offset->as.integer < 0)
        return tgi_pickle_fail(p, "a tensor begins at an element below 0, or at no integer");
    v->offset = offset->as.integer;
    v->numel = 1;
    bool empty = false, over = false;
    for (int d = 0; d < v->ndim; d++) {
        empty |= v->dims[d] == 0;
        over |= v->dims[d] > 0 && __builtin_mul_overflow(v->numel, v->dims[d], &v->numel);
    }
    if (over || v->numel > INT64_MAX / 16) return tgi_pickle_fail(p, "the product of a tensor's sizes is too large");
    if (empty) v->numel = 0;
    return true;
}

/* Whether no two elements lie in one place, but for those of an expanded dimension, whose stride is 0. Dimensions are
 * looked at from the smallest stride on: each begins behind what those before it reach. */
static bool lies_apart(const view *v)
{
    bool done[TG_MAX_DIMS] = { false };
    int64_t reach = 0; /* the last element's place, of the dimensions looked at */
    for (int k = 0; k < v->ndim; k++) {
        int least = -1;
        for (int d = 0; d < v->ndim; d++)
            if (!done[d] && (least < 0 || v->strides[d] < v->strides[least])) least = d;
        done[least] = true;
        if (v->dims[least] == 1 || v->strides[least] == 0) continue;
        if (v->strides[least] <= reach) return false;
        reach += (v->dims[least] - 1) * v->strides[least];
    }
    return true;
}

/* Whether all of its elements are in a storage of so many. */
static bool fits(const tgi_pickle *p, const view *v, const tgi_storage_name *s)
{
    enum {
        FEW = 1 << 20
    }; /* elements that a small storage may be expanded to; who walks over all of them comes to an end */
    int64_t last = v->offset, reach;
    bool over = false;
    for (int d = 0; d < v->ndim && v->numel; d++)
        over |=
            __builtin_mul_overflow(v->dims[d] - 1, v->strides[d], &reach) || __builtin_add_overflow(last, reach, &last);
    if (over || (v->numel ? last >= s->count : v->offset > s->count))
        return tgi_pickle_fail(p, "a tensor reaches beyond the %lld elements of storage \"%s\"", (long long)s->count,
                               s->key);
    if (v->numel && !lies_apart(v))
        return tgi_pickle_fail(p, "a tensor's elements lie over one another: clone it before saving");
    if (v->numel > FEW && v->numel / 16 > s->count)
        return tgi_pickle_fail(p, "a tensor shows the %lld elements of storage \"%s\" as %lld: clone it before saving",
                               (long long)s->count, s->key, (long long)v->numel);
    return true;
}

/* Not a view in the tape's eyes, for nobody wrote through what it is a part of. */
static const tg_object *view_of(tgi_pickle *p, const tg_object *const *arguments, tgi_element element,
                                bool requires_grad)
{
    view v;
    if (arguments[0]->kind != TGI_OBJECT_STORAGE)
        return tgi_pickle_fail(p, "a tensor is made of %s, not of a storage", tgi_object_name(arguments[0]));
    if (!read_view(p, &v, arguments[1], arguments[2], arguments[3])) return NULL;
    tg_tensor *all = elements_of(p, arguments[0], element);
    if (!all || !fits(p, &v, &p->storages[arguments[0]->as.integer])) return NULL;
    if (requires_grad && !tgi_is_floating(all))
        return tgi_pickle_fail(p, "a tensor of %s cannot require grad", tg_dtype_name((tg_dtype)all->dtype));
    tg_tensor *t = tgi_new_view(all, v.ndim, v.dims, v.strides, v.offset);
    if (!t) return NULL;
    t->is_view = false;
    t->requires_grad = requires_grad;
    return tgi_object_tensor(&p->memory, t);
}

static bool is_true(const tg_object *o)
{
    return (o->kind == TG_OBJECT_BOOL || o->kind == TG_OBJECT_INT) && o->as.integer;
}

/* _rebuild_tensor(storage, offset, sizes, strides) */
static const tg_object *rebuild(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)count;
    return view_of(p, arguments, TGI_U8, false);
}

/* _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, backward_hooks, ...) */
static const tg_object *rebuild_v2(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)count;
    return view_of(p, arguments, TGI_U8, is_true(arguments[4]));
}

/* _rebuild_tensor_v3(storage, offset, sizes, strides, requires_grad, backward_hooks, dtype, ...) */
static const tg_object *rebuild_v3(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    static const char *const other[][2] = { { "double", "float64" }, { "float", "float32" }, { "half", "float16" },
                                            { "long", "int64" },     { "int", "int32" },     { "short", "int16" } };
    (void)count;
    const tg_object *dtype = arguments[6];
    if (dtype->kind != TG_OBJECT_TEXT || strncmp(dtype->as.text, "torch.", 6) != 0)
        return tgi_pickle_fail(p, "a tensor's dtype is %s", tgi_object_name(dtype));
    const char *name = dtype->as.text + 6;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (strcmp(name, other[i][0]) == 0) name = other[i][1];
    for (int e = 0; e < TGI_ELEMENTS; e++)
        if (strcmp(tgi_elements[e].name, name) == 0)
            return view_of(p, arguments, (tgi_element)e, is_true(arguments[4]));
    return tgi_pickle_fail(p, "a tensor of %s, which there is none of here", dtype->as.text);
}

/* _rebuild_parameter(tensor, requires_grad, backward_hooks); Parameter(tensor, requires_grad) */
static const tg_object *parameter(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    const tg_object *o = arguments[0];
    if (o->kind != TG_OBJECT_TENSOR) return tgi_pickle_fail(p, "a parameter is made of %s", tgi_object_name(o));
    const bool requires_grad = count < 2 || is_true(arguments[1]);
    if (requires_grad && !tgi_is_floating(o->as.tensor))
        return tgi_pickle_fail(p, "a parameter of %s cannot require grad",
                               tg_dtype_name((tg_dtype)o->as.tensor->dtype));
    o->as.tensor->requires_grad = requires_grad;
    return o;
}

/* _rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes. */
static const tg_object *of_type(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)count;
    int64_t least = 0;
    const tg_object *function = arguments[0], *type = arguments[1], *given = arguments[2];
    const bool tensor = type->kind == TGI_OBJECT_CLASS && (strcmp(type->as.text, "torch.Tensor") == 0 ||
                                                           strcmp(type->as.text, "torch.nn.parameter.Parameter") == 0);
    if (!tensor)
        return tgi_pickle_fail(p, "it holds a %s object, a kind of tensor that is not known here",
                               tgi_object_name(type));
    const tgi_pickle_function make =
        function->kind == TGI_OBJECT_CLASS ? tgi_pickle_rebuild(function->as.text, &least) : NULL;
    if (!make || make == of_type || given->kind != TG_OBJECT_TUPLE || given->count < least)
        return tgi_pickle_fail(p, "a tensor is made by %s", tgi_object_name(function));
    return make(p, given->as.items, given->count);
}

tgi_pickle_function tgi_pickle_rebuild(const char *name, int64_t *least)
{
    static const struct {
        const char *name;
        tgi_pickle_function make;
        int64_t least;
    } functions[] = {
        { "torch._utils._rebuild_tensor", rebuild, 4 },       { "torch._utils._rebuild_tensor_v2", rebuild_v2, 5 },
        { "torch._utils._rebuild_tensor_v3", rebuild_v3, 7 }, { "torch._utils._rebuild_parameter", parameter, 1 },
        { "torch.nn.parameter.Parameter", parameter, 1 },     { "torch._tensor._rebuild_from_type_v2", of_type, 3 },
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, name) != 0) continue;
        *least = functions[i].least;
        return functions[i].make;
    }
    return NULL;
}

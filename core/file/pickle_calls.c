/* pickle_calls.c: what stands for Python's classes and functions in a pickle. Nothing is called: each known name has a
 * function here that looks at the arguments and makes an object, and there is none for any other name. */
#include "pickle_impl.h"

#include "core/error.h"
#include "core/thread.h"
#include "core/utf8_impl.h"

#include <math.h>
#include <string.h>

/* ---- containers ---- */

/* One list may be told to be copied again and again: all in all that is bounded as everything else, by the pickle's
 * length. */
static bool may_copy(tgi_pickle *p, const tg_object *from)
{
    p->copied += from->count;
    return p->copied <= p->size || tgi_pickle_fail(p, "more is copied than the pickle can hold");
}

static bool add_pairs(tgi_pickle *p, tg_object *dict, const tg_object *list)
{
    if (!may_copy(p, list)) return false;
    for (int64_t i = 0; i < list->count; i++) {
        const tg_object *pair = list->as.items[i];
        if (!tgi_is_container(pair) || pair->kind == TG_OBJECT_DICT || pair->count != 2)
            return tgi_pickle_fail(p, "a dict is made of something that is no pair");
        if (!tgi_pickle_add(p, dict, pair->as.items[0]) || !tgi_pickle_add(p, dict, pair->as.items[1])) return false;
    }
    return true;
}

static bool add_all(tgi_pickle *p, tg_object *to, const tg_object *from)
{
    if (!may_copy(p, from)) return false;
    for (int64_t i = 0; i < from->count; i++)
        if (!tgi_pickle_add(p, to, from->as.items[i])) return false;
    return true;
}

static tg_object *new_dict(tgi_pickle *p, uint8_t flags)
{
    tg_object *dict = tgi_object_new(&p->memory, TG_OBJECT_DICT);
    if (dict) dict->flags = flags | TGI_UNCHECKED;
    return dict;
}

/* OrderedDict(), and as Python 2 wrote it, OrderedDict([[key, value], ...]); Counter({key: number}). */
static const tg_object *a_dict(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    tg_object *dict = new_dict(p, TGI_ORDERED);
    if (!dict || count == 0) return dict;
    if (count > 1 || !tgi_is_container(arguments[0])) return tgi_pickle_fail(p, "a dict is made of no list of pairs");
    const bool good =
        arguments[0]->kind == TG_OBJECT_DICT ? add_all(p, dict, arguments[0]) : add_pairs(p, dict, arguments[0]);
    return good ? dict : NULL;
}

/* What makes missing values is left out. */
static const tg_object *default_dict(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)arguments, (void)count;
    return new_dict(p, 0);
}

/* A set, which is a list here. */
static const tg_object *a_list(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    tg_object *list = tgi_object_new(&p->memory, TG_OBJECT_LIST);
    if (!list || count == 0) return list;
    if (!tgi_is_container(arguments[0]) || arguments[0]->kind == TG_OBJECT_DICT)
        return tgi_pickle_fail(p, "a set is made of no list");
    return add_all(p, list, arguments[0]) ? list : NULL;
}

/* torch.Size((2, 3)) is the tuple, torch.device("cpu") the text, _get_layout("torch.strided") too. */
static const tg_object *the_first(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)p, (void)count;
    return arguments[0];
}

/* ---- numbers of numpy ---- */

/* _codecs.encode("...", "latin1"): bytes, as older protocols have them; of a number there are few. */
static const tg_object *encoded(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)count;
    const tg_object *text = arguments[0];
    if (text->kind != TG_OBJECT_TEXT) return tgi_pickle_fail(p, "bytes are made of %s", tgi_object_name(text));
    if (text->count > 2 * (int64_t)sizeof(double)) return tgi_pickle_fail(p, "it holds bytes");
    tg_object *o = tgi_object_text(&p->memory, TGI_OBJECT_BYTES, text->as.text, text->count);
    if (!o) return NULL;
    char *to = (char *)(uintptr_t)o->as.text;
    for (int64_t i = 0; i < text->count; i++) {
        const unsigned char c = (unsigned char)text->as.text[i];
        if (c >= 0xc4) return tgi_pickle_fail(p, "bytes are made of letters that are none of latin1");
        unsigned letter = c;
        if (c >= 0x80) letter = (letter << 6 | ((unsigned char)text->as.text[++i] & 63u)) & 0xffu;
        *to++ = (char)letter;
    }
    o->count = to - o->as.text;
    return o;
}

/* numpy.dtype("f8", False, True) */
static const tg_object *numpy_dtype(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    static const struct {
        const char *name;
        tgi_element element;
    } dtypes[] = { { "f8", TGI_F64 }, { "f4", TGI_F32 }, { "f2", TGI_F16 }, { "i8", TGI_I64 },
                   { "i4", TGI_I32 }, { "i2", TGI_I16 }, { "i1", TGI_I8 },  { "u8", TGI_U64 },
                   { "u4", TGI_U32 }, { "u2", TGI_U16 }, { "u1", TGI_U8 },  { "b1", TGI_BOOLEAN } };
    (void)count;
    const tg_object *name = arguments[0];
    for (size_t i = 0; name->kind == TG_OBJECT_TEXT && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(name->as.text, dtypes[i].name) != 0) continue;
        tg_object *o = tgi_object_new(&p->memory, TGI_OBJECT_DTYPE);
        if (o) o->as.integer = dtypes[i].element;
        return o;
    }
    return tgi_pickle_fail(p, "numpy's dtype %s is not known here",
                           name->kind == TG_OBJECT_TEXT ? name->as.text : tgi_object_name(name));
}

/* numpy.core.multiarray.scalar(dtype, bytes) */
static const tg_object *numpy_scalar(tgi_pickle *p, const tg_object *const *arguments, int64_t count)
{
    (void)count;
    const tg_object *dtype = arguments[0], *bytes = arguments[1];
    if (dtype->kind != TGI_OBJECT_DTYPE || bytes->kind != TGI_OBJECT_BYTES)
        return tgi_pickle_fail(p, "a number of numpy is made of no dtype and bytes");
    const tgi_element element = (tgi_element)dtype->as.integer;
    union {
        double f64;
        float f32;
        int64_t i64;
        bool boolean;
    } value;
    if (bytes->count != tgi_elements[element].bytes)
        return tgi_pickle_fail(p, "a %s of numpy has %lld bytes", tgi_elements[element].name, (long long)bytes->count);
    if (tgi_elements_convert(&value, bytes->as.text, 1, element) >= 0)
        return tgi_pickle_fail(p, "a uint64 of 2^63 or more has no int64");
    switch (tgi_elements[element].dtype) {
    case TG_FLOAT64: return tgi_object_float(&p->memory, value.f64);
    case TG_FLOAT32: return tgi_object_float(&p->memory, (double)value.f32);
    case TG_INT64: return tgi_object_int(&p->memory, value.i64);
    default: return tg_object_of_bool(value.boolean);
    }
}

/* ---- names ---- */

static const struct known {
    const char *name;
    tgi_pickle_function make;
    int64_t least; /* arguments */
} known[] = {
    { "collections.OrderedDict", a_dict, 0 },
    { "collections.Counter", a_dict, 0 },
    { "collections.defaultdict", default_dict, 0 },
    { "torch.Size", the_first, 1 },
    { "torch.device", the_first, 1 },
    { "torch.serialization._get_layout", the_first, 1 },
    { "builtins.set", a_list, 0 },
    { "builtins.frozenset", a_list, 0 },
    { "__builtin__.set", a_list, 0 },
    { "__builtin__.frozenset", a_list, 0 },
    { "_codecs.encode", encoded, 1 },
    { "numpy.dtype", numpy_dtype, 1 },
    { "numpy.core.multiarray.scalar", numpy_scalar, 2 },
    { "numpy._core.multiarray.scalar", numpy_scalar, 2 },
};

static tgi_pickle_function find(const char *name, int64_t *least)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        *least = known[i].least;
        return known[i].make;
    }
    return tgi_pickle_rebuild(name, least);
}

const tg_object *tgi_pickle_global(tgi_pickle *p, const char *module, int64_t module_bytes, const char *name,
                                   int64_t name_bytes)
{
    static const char *const dtypes[] = { "float64", "float32", "float16",   "bfloat16",  "double", "float",
                                          "half",    "int64",   "int32",     "int16",     "int8",   "uint8",
                                          "uint16",  "uint32",  "uint64",    "long",      "int",    "short",
                                          "bool",    "strided", "complex64", "complex128" };
    enum { LONGEST = 1000 };
    char full[2 * LONGEST + 2];
    if (module_bytes > LONGEST || name_bytes > LONGEST || tgi_not_utf8(module, module_bytes) >= 0 ||
        tgi_not_utf8(name, name_bytes) >= 0 || memchr(module, 0, (size_t)module_bytes) ||
        memchr(name, 0, (size_t)name_bytes))
        return tgi_pickle_fail(p, "the name of a class is no name");
    memcpy(full, module, (size_t)module_bytes);
    full[module_bytes] = '.';
    memcpy(full + module_bytes + 1, name, (size_t)name_bytes);
    full[module_bytes + 1 + name_bytes] = '\0';
    int kind = TGI_OBJECT_CLASS;
    for (size_t i = 0; module_bytes == 5 && memcmp(module, "torch", 5) == 0 && i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(full + 6, dtypes[i]) == 0) kind = TG_OBJECT_TEXT;
    return tgi_object_text(&p->memory, kind, full, module_bytes + 1 + name_bytes);
}

static const tg_object *unknown_object(const tgi_pickle *p, const char *name)
{
    return tgi_pickle_fail(p, "it holds a %.200s object: save its state_dict instead, or numbers and texts", name);
}

const tg_object *tgi_pickle_call(tgi_pickle *p, const tg_object *function, const tg_object *arguments)
{
    if (function->kind != TGI_OBJECT_CLASS || arguments->kind != TG_OBJECT_TUPLE)
        return tgi_pickle_fail(p, "%s is to be called, with %s", tgi_object_name(function), tgi_object_name(arguments));
    const char *name = function->as.text;
    int64_t least = 0;
    const tgi_pickle_function make = find(name, &least);
    if (make && arguments->count < least) return tgi_pickle_fail(p, "%s needs more arguments", name);
    if (make) return make(p, arguments->as.items, arguments->count);
    const bool reconstructs =
        strcmp(name, "copy_reg._reconstructor") == 0 || strcmp(name, "copyreg._reconstructor") == 0;
    if (reconstructs && arguments->count && arguments->as.items[0]->kind == TGI_OBJECT_CLASS)
        return unknown_object(p, arguments->as.items[0]->as.text);
    if (strncmp(name, "torch._utils._rebuild", 21) == 0)
        return tgi_pickle_fail(p, "it holds a tensor made by %.200s, of a kind that is not known here", name);
    return tgi_pickle_fail(
        p,
        "it wants %.200s to be called, and nothing in a file is: save a state_dict instead, or numbers "
        "and texts",
        name);
}

const tg_object *tgi_pickle_instance(tgi_pickle *p, const tg_object *type, const tg_object *arguments)
{
    if (type->kind != TGI_OBJECT_CLASS) return tgi_pickle_fail(p, "%s is no class", tgi_object_name(type));
    if (strcmp(type->as.text, "collections.OrderedDict") == 0) return tgi_pickle_call(p, type, arguments);
    return unknown_object(p, type->as.text);
}

/* A dict's attributes, as the _metadata of a state dict, are nobody's here. */
const tg_object *tgi_pickle_build(tgi_pickle *p, const tg_object *object, const tg_object *state)
{
    if (object->kind == TG_OBJECT_DICT) return object;
    if (object->kind != TGI_OBJECT_DTYPE)
        return tgi_pickle_fail(p, "%s is given attributes, which it cannot have", tgi_object_name(object));
    const tg_object *order = state->kind == TG_OBJECT_TUPLE && state->count > 1 ? state->as.items[1] : NULL;
    if (!order || order->kind != TG_OBJECT_TEXT) return tgi_pickle_fail(p, "a dtype of numpy without its byte order");
    if (strcmp(order->as.text, ">") == 0) return tgi_pickle_fail(p, "a number of numpy whose byte order is big-endian");
    return object;
}

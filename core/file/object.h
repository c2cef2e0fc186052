/* object.h: what a .pt file holds: a tree of None, numbers, texts, lists, tuples, dicts and tensors, as Python has
 * them.
 *
 *     tg_object *c = tg_dict("epoch", 3, "lr", 0.1, "model", tg_state_dict(model));
 *     tg_dict_set(c, "name", "lstm");
 *     tg_save_pt(c, "checkpoint.pt");                                      pytorch.h
 *
 *     const tg_object *c = tg_load_pt("checkpoint.pt");
 *     tg_load_state_dict(model, tg_object_tensors(c, "model"));
 *     const int64_t epoch = tg_object_int(c, "epoch");
 *
 * Objects, and the texts and lists they are asked for, live as long as the scope in which they were made; tensors are
 * not copied, and live as long as they do elsewhere. An object that was put into another one is finished: it cannot
 * change any more, so that no object can lie in itself. It may lie in several. */
#ifndef TG_CORE_FILE_OBJECT_H
#define TG_CORE_FILE_OBJECT_H

#include "../tensor.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_object tg_object;

typedef enum tg_object_kind {
    TG_OBJECT_NONE,
    TG_OBJECT_BOOL,
    TG_OBJECT_INT,   /* of 64 bits */
    TG_OBJECT_FLOAT, /* a double */
    TG_OBJECT_TEXT,  /* UTF-8 */
    TG_OBJECT_TENSOR,
    TG_OBJECT_LIST,
    TG_OBJECT_TUPLE,
    TG_OBJECT_DICT   /* keys are texts or integers; in the order in which they came */
} tg_object_kind;

/* ---- what an object is made of ---- The macros below make one of whatever stands in its place. */

typedef enum tg_any_kind {
    TG_ANY_BOOL, TG_ANY_INT, TG_ANY_FLOAT, TG_ANY_TEXT, TG_ANY_TENSOR, TG_ANY_TENSORS, TG_ANY_NAMED, TG_ANY_OBJECT
} tg_any_kind;

typedef struct tg_any {
    union {
        int64_t integer;
        double real;
        const char *text;              /* copied */
        tg_tensor *tensor;
        tg_tensor_list tensors;        /* a list of them */
        tg_named_tensor_list named;    /* a dict of them, such as a state dict; written as PyTorch's OrderedDict */
        const tg_object *object;
    } as;
    tg_any_kind kind;
} tg_any;

static inline tg_any tg_any_bool(bool v)
{
    tg_any x;
    x.as.integer = v;
    x.kind = TG_ANY_BOOL;
    return x;
}
static inline tg_any tg_any_int(int64_t v)
{
    tg_any x;
    x.as.integer = v;
    x.kind = TG_ANY_INT;
    return x;
}
static inline tg_any tg_any_float(double v)
{
    tg_any x;
    x.as.real = v;
    x.kind = TG_ANY_FLOAT;
    return x;
}
static inline tg_any tg_any_text(const char *v)
{
    tg_any x;
    x.as.text = v;
    x.kind = TG_ANY_TEXT;
    return x;
}
static inline tg_any tg_any_tensor(tg_tensor *v)
{
    tg_any x;
    x.as.tensor = v;
    x.kind = TG_ANY_TENSOR;
    return x;
}
/* The lists are copied at once, for as long as the innermost scope: what TG_ANY is given, as `tg_list(a, b)`, may
 * live no longer than the macro. */
tg_any tg_any_tensors(tg_tensor_list v);
tg_any tg_any_named(tg_named_tensor_list v);
static inline tg_any tg_any_object(const tg_object *v)
{
    tg_any x;
    x.as.object = v;
    x.kind = TG_ANY_OBJECT;
    return x;
}

/* ---- making ---- Each is NULL with an error pending, which functions that are given a NULL object pass on. */

/* A dict of keys and values in turn, up to 32 pairs: `tg_dict("epoch", 3, "model", tg_state_dict(m))`, `tg_dict()`. */
tg_object *tg_dict_at(const char *where, const tg_any *items, int64_t count);
#define tg_dict(...) tg_dict_at(TG_HERE, TGI_ANYS(__VA_ARGS__), TGI_COUNTED(__VA_ARGS__))
/* `tg_object_list(1, 2.5, "three")`, and the same as a tuple. */
tg_object *tg_object_list_at(const char *where, const tg_any *items, int64_t count);
tg_object *tg_object_tuple_at(const char *where, const tg_any *items, int64_t count);
#define tg_object_list(...)  tg_object_list_at(TG_HERE, TGI_ANYS(__VA_ARGS__), TGI_COUNTED(__VA_ARGS__))
#define tg_object_tuple(...) tg_object_tuple_at(TG_HERE, TGI_ANYS(__VA_ARGS__), TGI_COUNTED(__VA_ARGS__))

/* Of a single thing: `tg_object_of(0.5)`; None; and a bool, for C's `true` is an int. */
tg_object *tg_object_of_at(const char *where, tg_any value);
#define tg_object_of(value) tg_object_of_at(TG_HERE, TG_ANY(value))
const tg_object *tg_object_none(void);
const tg_object *tg_object_of_bool(bool value);

/* Puts a value under a key, which is a text or an integer, in place of one that is there: `tg_dict_set(d, "lr",
 * 0.1)`. A dict can be changed in the scope that it was made in, until it is put into another object. */
tg_status tg_dict_set_at(const char *where, tg_object *dict, tg_any key, tg_any value);
#define tg_dict_set(dict, key, value) tg_dict_set_at(TG_HERE, dict, TG_ANY(key), TG_ANY(value))
/* Puts a value at a list's end; the same rule. */
tg_status tg_object_append_at(const char *where, tg_object *list, tg_any value);
#define tg_object_append(list, value) tg_object_append_at(TG_HERE, list, TG_ANY(value))

/* ---- asking ---- */

tg_object_kind tg_object_kind_of_at(const char *where, const tg_object *o); /* TG_OBJECT_NONE on error, too */
#define tg_object_kind_of(o) tg_object_kind_of_at(TG_HERE, o)
/* Items of a list or tuple, pairs of a dict; 0 of all else. */
int64_t tg_object_count_at(const char *where, const tg_object *o);
#define tg_object_count(o) tg_object_count_at(TG_HERE, o)
/* The i-th item of a list or tuple or value of a dict, from the end where i is negative; and a dict's i-th key. */
const tg_object *tg_object_item_at(const char *where, const tg_object *o, int64_t i);
const tg_object *tg_object_key_at(const char *where, const tg_object *o, int64_t i);
#define tg_object_item(o, i) tg_object_item_at(TG_HERE, o, i)
#define tg_object_key(o, i)  tg_object_key_at(TG_HERE, o, i)

/* What lies at the end of a path of keys and numbers: `tg_object_get(c, "optimizer.param_groups.0.lr")`. Keys may have
 * dots in them: at each step the longest one that fits counts. NULL or "": `o` itself. What is not there is an error,
 * which says where the path ended and what there is. */
const tg_object *tg_object_get_at(const char *where, const tg_object *o, const char *path);
#define tg_object_get(o, path) tg_object_get_at(TG_HERE, o, path)
/* Whether there is something; never an error for a path. */
bool tg_object_has_at(const char *where, const tg_object *o, const char *path);
#define tg_object_has(o, path) tg_object_has_at(TG_HERE, o, path)

/* The value of `o`, or of what lies at a path in it: `tg_object_int(c, "epoch")`. Another kind is an error that names
 * the path, but for numbers: an integer is a number, too, and so is a tensor of one element; a whole number is an
 * integer; 0 and 1 are bools. On error: 0, NaN, false, NULL. */
int64_t tg_object_int_at(const char *where, const tg_object *o, const char *path);
double tg_object_number_at(const char *where, const tg_object *o, const char *path);
bool tg_object_bool_at(const char *where, const tg_object *o, const char *path);
const char *tg_object_text_at(const char *where, const tg_object *o, const char *path);
tg_tensor *tg_object_tensor_at(const char *where, const tg_object *o, const char *path);
#define tg_object_int(o, ...)    tg_object_int_at(TG_HERE, o, TG_OR(NULL, __VA_ARGS__))
#define tg_object_number(o, ...) tg_object_number_at(TG_HERE, o, TG_OR(NULL, __VA_ARGS__))
#define tg_object_bool(o, ...)   tg_object_bool_at(TG_HERE, o, TG_OR(NULL, __VA_ARGS__))
#define tg_object_text(o, ...)   tg_object_text_at(TG_HERE, o, TG_OR(NULL, __VA_ARGS__))
#define tg_object_tensor(o, ...) tg_object_tensor_at(TG_HERE, o, TG_OR(NULL, __VA_ARGS__))

/* All tensors in it, under the path that leads to each, in their order: "model.0.weight". What is no tensor is passed
 * over. Of an object that is a tensor the name is "". The list lives as long as the innermost scope; empty on error. */
tg_named_tensor_list tg_object_tensors_at(const char *where, const tg_object *o, const char *path);
#define tg_object_tensors(o, ...) tg_object_tensors_at(TG_HERE, o, TG_OR(NULL, __VA_ARGS__))

/* For a look: an entry a line, tensors by dtype and shape; of many alike only the first. Never an error for a NULL. */
void tg_object_print_at(const char *where, const tg_object *o);
void tg_object_fprint_at(const char *where, FILE *file, const tg_object *o);
#define tg_object_print(o)        tg_object_print_at(TG_HERE, o)
#define tg_object_fprint(file, o) tg_object_fprint_at(TG_HERE, file, o)

TG_END_DECLS

#ifdef __cplusplus
inline tg_any tgi_any(tg_any v) { return v; }
inline tg_any tgi_any(bool v) { return tg_any_bool(v); }
inline tg_any tgi_any(int v) { return tg_any_int(v); }
inline tg_any tgi_any(unsigned v) { return tg_any_int(v); }
inline tg_any tgi_any(long v) { return tg_any_int(v); }
inline tg_any tgi_any(long long v) { return tg_any_int(v); }
inline tg_any tgi_any(unsigned long v) { return tg_any_int(static_cast<int64_t>(v)); }
inline tg_any tgi_any(unsigned long long v) { return tg_any_int(static_cast<int64_t>(v)); }
inline tg_any tgi_any(float v) { return tg_any_float(static_cast<double>(v)); }
inline tg_any tgi_any(double v) { return tg_any_float(v); }
inline tg_any tgi_any(const char *v) { return tg_any_text(v); }
inline tg_any tgi_any(tg_tensor *v) { return tg_any_tensor(v); }
inline tg_any tgi_any(tg_tensor_list v) { return tg_any_tensors(v); }
inline tg_any tgi_any(tg_named_tensor_list v) { return tg_any_named(v); }
inline tg_any tgi_any(const tg_object *v) { return tg_any_object(v); }
inline tg_any tgi_any(decltype(nullptr)) { return tg_any_object(nullptr); }
#define TG_ANY(v) tgi_any(v)
template <int N> struct tgi_cxx_anys {
    tg_any items[N + 1];
};
#define TGI_ANYS(...)                                                                                                  \
    (tgi_cxx_anys<TG_COUNT(__VA_ARGS__)>{ { TGI_EACH(TG_ANY, __VA_ARGS__) __VA_OPT__(,) tg_any_int(0) } }.items)
#else
static inline tg_any tgi_any_same(tg_any v) { return v; }
static inline tg_any tgi_any_const(const tg_tensor *v) { return tg_any_tensor((tg_tensor *)v); }
static inline tg_any tgi_any_unsigned(unsigned long long v) { return tg_any_int((int64_t)v); }
static inline tg_any tgi_any_null(const void *v) { return tg_any_object((const tg_object *)v); }
/* Names `v` once: text that stood in the macro twice would double with each call inside a call. */
#define TG_ANY(v)               TGI_ANY_AS(v, TGI_ANY_NAME(tgi_any_, __COUNTER__))
#define TGI_ANY_AS(v, name)     __extension__({ __auto_type name = (v); TGI_ANY_OF(name); })
#define TGI_ANY_NAME(name, number)  TGI_ANY_NAME_(name, number)
#define TGI_ANY_NAME_(name, number) name##number
#define TGI_ANY_OF(v)                                                                                                  \
    _Generic((v),                                                                                                      \
        tg_any: tgi_any_same,                                                                                          \
        bool: tg_any_bool,                                                                                             \
        float: tg_any_float,                                                                                           \
        double: tg_any_float,                                                                                          \
        char *: tg_any_text,                                                                                           \
        const char *: tg_any_text,                                                                                     \
        tg_tensor *: tg_any_tensor,                                                                                    \
        const tg_tensor *: tgi_any_const,                                                                              \
        tg_tensor_list: tg_any_tensors,                                                                                \
        tg_named_tensor_list: tg_any_named,                                                                            \
        tg_object *: tg_any_object,                                                                                    \
        const tg_object *: tg_any_object,                                                                              \
        void *: tgi_any_null,                                                                                          \
        char: tg_any_int, signed char: tg_any_int, unsigned char: tg_any_int, short: tg_any_int,                       \
        unsigned short: tg_any_int, int: tg_any_int, unsigned: tg_any_int,                                             \
        long: tg_any_int, long long: tg_any_int,                                                                       \
        unsigned long: tgi_any_unsigned, unsigned long long: tgi_any_unsigned)(v)
#define TGI_ANYS(...) ((const tg_any[]){ TGI_EACH(TG_ANY, __VA_ARGS__) __VA_OPT__(,) tg_any_int(0) })
#endif

#endif

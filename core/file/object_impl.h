/* object_impl.h: what an object is made of, for those who read and write them. Internal.
 *
 * An object that was put into another one is finished and never changes, so that there are no circles, and what lies in
 * an object is known when it is put together: how deep, how many. A file of lists in lists cannot make more of either
 * than there is room for: who walks over an object may call itself for what lies in it, and comes to an end. */
#ifndef TG_CORE_FILE_OBJECT_IMPL_H
#define TG_CORE_FILE_OBJECT_IMPL_H

#include "object.h"

TG_EXTERN_C_BEGIN

/* What only a pickle has. What holds one is marked as TGI_INNER, and cannot be put into a list or a dict. */
enum {
    TGI_OBJECT_BYTES = TG_OBJECT_DICT + 1, /* as a text */
    TGI_OBJECT_CLASS,                      /* its name as a text, "torch.FloatStorage" */
    TGI_OBJECT_STORAGE,                    /* a tensor of one dimension */
    TGI_OBJECT_DTYPE                       /* numpy's: a tgi_element as an integer */
};

enum {
    TGI_ORDERED = 1,   /* a dict: PyTorch's OrderedDict */
    TGI_DETACHED = 2,  /* a tensor: of a state; that it requires grad is nobody's business */
    TGI_FINISHED = 4,
    TGI_UNCHECKED = 8, /* a dict: two keys may be the same */
    TGI_INNER = 16
};

enum { TGI_OBJECT = 0x7e0b1ec7, TGI_OBJECT_DEPTH = 100, TGI_OBJECT_MOST = 1 << 24 };

struct tg_object {
    uint32_t mark;
    uint8_t kind;
    uint8_t flags;
    uint8_t depth;  /* of containers in it, itself included */
    union {
        int64_t integer; /* of a bool, too */
        double real;
        const char *text; /* with a zero byte behind */
        tg_tensor *tensor;
        const tg_object **items; /* of a dict keys and values in turn */
    } as;
    int64_t count;    /* of items; of a text, bytes */
    /* Only containers have what follows. */
    int64_t capacity; /* of items */
    int64_t size;     /* all in it, itself included; what lies in several places counts as often */
    uint64_t scope;   /* in which it was made */
    const int64_t *order; /* of a dict that came whole, with many keys: its pairs by their keys; or NULL */
};

/* Below 0 when the key `a` comes before `b`: integers first, then texts, the shorter ones first. */
int tgi_object_compare_keys(const tg_object *a, const tg_object *b);

/* Memory for many of them, zeros at first; NULL: one alone. It ends with the scope in which it was asked for. */
typedef struct tgi_objects {
    char *at;
    size_t left;
} tgi_objects;

static inline bool tgi_is_container(const tg_object *o)
{
    return o->kind >= TG_OBJECT_LIST && o->kind <= TG_OBJECT_DICT;
}

/* NULL with an error pending, as all that makes an object. */
tg_object *tgi_object_new(tgi_objects *from, int kind);
tg_object *tgi_object_text(tgi_objects *from, int kind, const char *text, int64_t bytes);
tg_object *tgi_object_int(tgi_objects *from, int64_t value);
tg_object *tgi_object_float(tgi_objects *from, double value);
tg_object *tgi_object_tensor(tgi_objects *from, tg_tensor *t);

/* Room for so many more items. False with an error pending. */
bool tgi_object_reserve(tg_object *container, int64_t more);
/* Puts an item at a container's end, of a dict a key or, after it, its value, and finishes the item. NULL, or what is
 * wrong: a text, which is "" when an error is pending. */
const char *tgi_object_add(tg_object *container, const tg_object *item);
/* No more changes: NULL, or what is wrong as above, as two keys that are the same. */
const char *tgi_object_finish(const tg_object *o);
/* What is wrong, in the innermost scope's memory. */
TG_PRINTF(1, 2) const char *tgi_object_problem(const char *format, ...);

/* Of what a macro was given; NULL with an error pending. */
const tg_object *tgi_object_of(const char *function, tg_any given);

/* tg_object_tensors of all of it; where the names have more bytes than that, *over is true, without an error. */
tg_named_tensor_list tgi_object_tensors(const tg_object *o, int64_t most_names_bytes, bool *over);

/* What an object is, for errors: "a list", "torch.FloatStorage". */
const char *tgi_object_name(const tg_object *o);

/* Remembers the user's place. False with an error pending: o is no object. */
bool tgi_object_ok(const char *where, const char *function, const tg_object *o);

TG_EXTERN_C_END

#endif

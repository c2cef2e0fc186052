/* module_impl.h: what the modules of this folder share. Users have module.h. */
#ifndef TG_NN_MODULE_IMPL_H
#define TG_NN_MODULE_IMPL_H

#include "core/op.h"
#include "module.h"

TG_EXTERN_C_BEGIN

typedef enum tgi_slot_kind { TGI_PARAMETER, TGI_BUFFER, TGI_MODULE } tgi_slot_kind;

/* One registered thing. */
struct tgi_slot {
    tgi_slot *next;
    size_t bytes; /* of this block, the name included */
    tgi_slot_kind kind;
    bool outside;   /* the list of an array that does not lie in the struct */
    bool transient; /* a buffer that is no part of the state */
    union {
        tg_tensor *tensor; /* one reference is the module's; NULL: there is none */
        tg_module *module;
    } as;
    char name[];
};

extern const char *const tgi_kind_names[], *const tgi_macro_names[]; /* "module", "SUBMODULE" */

/* A zeroed module of a kind: `TGI_MODULE_NEW(where, tg_linear, .name = "Linear", .forward = forward)`. */
#define TGI_MODULE_NEW(where, struct_type, ...)                                                                        \
    ((struct_type *)tg_module_new_at(                                                                                  \
        where, TGI_MODULE_SIZE(struct_type),                                                                           \
        TG_OPTIONS(tg_module_class, TG_MODULE_DEFAULTS(#struct_type) __VA_OPT__(,) __VA_ARGS__)))

/* Assigns options to a field of a module. What lies between their members becomes zero if the compiler can do that: a
 * deep copy looks at every word, and valgrind tells of those that were never written. */
#ifdef __has_builtin
#if __has_builtin(__builtin_clear_padding)
#define TGI_CLEAR_PADDING(at) __builtin_clear_padding(at)
#endif
#endif
#ifndef TGI_CLEAR_PADDING
#define TGI_CLEAR_PADDING(at) (void)(at)
#endif
#define TGI_SET_OPTIONS(field, options)                                                                                \
    do {                                                                                                               \
        (field) = (options);                                                                                           \
        TGI_CLEAR_PADDING(&(field));                                                                                   \
    } while (0)

/* ---- names (module_slots.c) ---- */

/* The slot called `name`, of `length` characters, or NULL. */
tgi_slot *tgi_slot_find(const tg_module *m, const char *name, size_t length);
/* A slot for the kind under a new name, or under one that has nothing; with `replace` under one that is there. NULL
 * with an error pending. */
tgi_slot *tgi_slot_for(tg_module *m, tgi_slot_kind kind, const char *name, bool replace);
/* Takes a parameter or buffer away; the others keep their order. */
void tgi_slot_remove(tg_module *m, tgi_slot *slot);
/* Where the struct, or the array that it owns, holds the tensor; NULL: nowhere. */
tg_tensor **tgi_field_of(tg_module *m, const tg_tensor *t);
/* Puts `t` (or NULL) in the fields that hold the slot's tensor, which it is to replace. Where several slots have that
 * one, it cannot be told whose a field of the struct is: only the array follows, which is in the slots' order. */
void tgi_fields_follow(tg_module *m, const tgi_slot *slot, tg_tensor *t);
/* tg_register_module under the number of children that are there: "0", "1", ... */
tg_status tgi_append_child(const char *where, tg_module *m, tg_module *child);
/* The child with that number; negative ones count from the end. NULL with an error when there is none. */
tg_module *tgi_child_at(const char *where, tg_module *m, int64_t index, const char *what);
#define TGI_INDEX_TEXT 24
const char *tgi_index_text(int64_t index, char text[TGI_INDEX_TEXT]);
/* One owner fewer; the last one frees the child. NULL is fine. */
void tgi_disown(tg_module *m, tg_module *child);
/* Frees a module that nobody owns, and all it owns. */
void tgi_module_destroy(tg_module *m);

/* ---- trees (module_tree.c) ---- */

/* A set of addresses. */
typedef struct tgi_address_set {
    const void **items;
    int64_t room, count;
} tgi_address_set;
typedef enum tgi_added { TGI_ADDED, TGI_KNOWN, TGI_NOT_ADDED } tgi_added;
tgi_added tgi_set_add(tgi_address_set *set, const void *item); /* TGI_NOT_ADDED: no memory, an error is pending */
void tgi_set_free(tgi_address_set *set);

/* Goes through a tree without recursion, since trees may be deep, depth first and in the order of registration. */
typedef enum tgi_visit {
    TGI_EVERY_SLOT,     /* what is shared as often as it is there, and children that are NULL */
    TGI_EVERY_CHILD,    /* once for each parent, as PyTorch's apply */
    TGI_ONCE
} tgi_visit;
typedef enum tgi_event { TGI_ENTER, TGI_LEAVE, TGI_END } tgi_event; /* a NULL is entered and never left */
typedef enum tgi_level_state { TGI_FRESH, TGI_INSIDE, TGI_LEFT } tgi_level_state;
typedef struct tgi_level {
    tg_module *module;
    tgi_slot *slot;     /* that led here; NULL at the top */
    tgi_slot *below;    /* the last child visited */
    tgi_level_state state;
    bool mark;          /* the visitor's own */
} tgi_level;
typedef struct tgi_tree {
    tgi_visit visit;
    tgi_level *levels;  /* [depth - 1] is the module that was entered, or is left */
    int64_t depth, room;
    tgi_address_set seen;
    tgi_level few[16];
} tgi_tree;
void tgi_tree_begin(tgi_tree *tree, tg_module *top, tgi_visit visit);
tgi_event tgi_tree_next(tgi_tree *tree); /* TGI_END, and an error, when memory runs out */
void tgi_tree_end(tgi_tree *tree);
/* What was entered, or is left. */
tg_module *tgi_tree_module(const tgi_tree *tree);
/* Whether `sought` is `m` or in its tree; also true, with an error, when memory ran out. */
bool tgi_tree_contains(tg_module *m, const tg_module *sought);
/* Calls `fn` once on each module, parents first. */
void tgi_for_each_module(tg_module *m, tg_module_fn fn, void *context);

/* What tg_module.alive says. A tensor has the upper half of an address there, which is never one of these. */
enum { TGI_MODULE_ALIVE = 0x6d6f6455, TGI_MODULE_FREED = 0x6d6f6444 };

/* True when the module is there; otherwise an error is pending, made now if nothing explains the NULL. */
bool tgi_module_ok(const char *where, const tg_module *m, const char *what);

/* Whether a forward of the module is running in this thread. */
bool tgi_at_work(const tg_module *m);

/* True for an array that can be read; of its modules it says nothing. */
bool tgi_module_array_ok(const char *where, tg_module_array modules, const char *what);

/* The name of its kind; `otherwise` if there is no module. */
const char *tgi_module_name(const tg_module *m, const char *otherwise);

/* Opens a module's forward: tgi_module_ok and tg_op_begin in one. */
bool tgi_forward_begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor_list inputs);

/* ---- text (module_print.c) ---- */

/* Where text goes. */
typedef struct tgi_writer {
    FILE *file; /* or NULL, and then: */
    char *buffer;
    int64_t size;
    int64_t length; /* written or left out so far */
} tgi_writer;
void tgi_put(tgi_writer *w, const char *text, size_t length);
void tgi_put_text(tgi_writer *w, const char *text);
int64_t tgi_put_end(tgi_writer *w); /* ends the text in a buffer; the whole length */

/* What print shows of a module alone, "Linear(in_features=5, out_features=8, bias=True)"; what is too long is cut. */
void tgi_module_settings(const tg_module *m, char *text, size_t size);

/* `value` as Python prints a float: the shortest text that reads back the same, "0.5", "1.0", "1e-05". */
#define TGI_REAL_TEXT 32
const char *tgi_real_text(double value, char buffer[TGI_REAL_TEXT]);

/* `before` and the list as Python prints a tuple, "(3, 2)" or "(3,)", into `buffer`, which is returned. */
const char *tgi_print_list(const char *before, const tg_shape *list, char *buffer, size_t size);

/* The same of sizes as the user gave them: a number where there is one entry. */
const char *tgi_print_size(const char *before, const tg_shape *list, char *buffer, size_t size);

TG_EXTERN_C_END

#endif

/* module.h: what a module is: a struct that owns parameters, buffers and other modules.
 *
 *     typedef struct {
 *         tg_module base;               // always the first member, always called base
 *         tg_linear *fc;
 *         tg_tensor *scale;
 *         tg_linear *layers[3];
 *     } my_model;
 *
 *     my_model *my_model_new(void)
 *     {
 *         my_model *m = tg_module_new(my_model, .name = "MyModel");
 *         TG_SUBMODULE(m, fc, tg_linear_new(5, 8));            // sets m->fc, registers "fc"
 *         TG_PARAMETER(m, scale, tg_ones(tg_shape(8)));        // sets m->scale, registers "scale"
 *         for (int i = 0; i < 3; i++)
 *             TG_SUBMODULES(m, layers, i, tg_linear_new(8, 8)); // sets m->layers[i], registers "layers.0", ...
 *         return m;
 *     }
 *
 * A module owns what is registered with it, whichever scope was open, and tg_module_free frees it all. A child or
 * tensor that could not be made is NULL and does no harm: an error is pending, and every function passes NULL on. A
 * module itself is NULL when memory ran out, or where its constructor refuses its arguments; code that sets its other
 * fields checks for that.
 *
 * Wherever a macro below takes a module `m`, it takes a pointer to any such struct as well as a tg_module *. */
#ifndef TG_NN_MODULE_H
#define TG_NN_MODULE_H

#include "../core/error.h"
#include "../core/tensor.h"
#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_module tg_module;
typedef struct tgi_slot tgi_slot;
typedef struct tgi_names tgi_names;
typedef struct tgi_module_hooks tgi_module_hooks;

typedef tg_tensor *(*tg_forward_fn)(tg_module *module, tg_tensor *x);

/* What distinguishes a kind of module; the keyword options of tg_module_new. */
typedef struct tg_module_class {
    const char *name;      /* what print shows: "Linear"; the name of the type unless given. Borrowed */
    const char *type;      /* the struct's name, "tg_linear", for tg_module_as; tg_module_new knows it. NULL: none. Borrowed */
    tg_forward_fn forward; /* what tg_module_forward and Sequential call; NULL if it does not map one tensor to one */
    /* Writes what print shows between the parentheses, as snprintf does, and returns what snprintf returns. Called with
     * C's own locale, so that numbers read the same everywhere. May be NULL. */
    int (*extra_repr)(tg_module *module, char *buffer, size_t size);
    void (*free)(tg_module *module); /* frees what the struct owns besides registered things. May be NULL */
    /* What `free` frees: `copy`, a plain copy of the struct, gets its own. See tg_module_copy. May be NULL */
    tg_status (*copy)(tg_module *copy, const tg_module *original);
    /* Where a struct that allocates an array of tensors has it, in the order in which they were registered, and how
     * many they are: so that one can be replaced, or computed anew before each forward (parametrize.h). May be NULL */
    tg_tensor **(*array)(tg_module *module, int64_t *count);
    bool has_modes; /* its own forward does otherwise while it trains than while it evaluates, as dropout's */
    TG_OPTIONS_END
} tg_module_class;
#define TG_MODULE_DEFAULTS(type)                                                                                       \
    /* name */ type, /* type */ type, /* forward */ NULL, /* extra_repr */ NULL, /* free */ NULL,                      \
        /* copy */ NULL, /* array */ NULL, /* has_modes */ false TG_DEFAULTS_END

struct tg_module {
    tg_module_class base;   /* called base so that TG_MODULE takes a tg_module too */
    bool training;          /* true after tg_module_train and at first, false after tg_module_eval */
    uint32_t alive;         /* tells a module from one that was freed, and from anything else */
    int32_t owners;         /* modules it is registered with */
    size_t bytes;           /* of the whole struct */
    tgi_slot *first, *last; /* what is registered, in that order */
    int64_t slots;          /* how many */
    int64_t children;       /* how many of them are for modules */
    tgi_names *names;       /* finds one of many by its name; NULL for a few */
    tg_module *parent;      /* the first of its owners, while that lives: errors say where in a model they arose */
    tgi_module_hooks *hooks; /* module_hooks.h; NULL before there is one */
};

/* Modules, counted: what tg_children and tg_modules return. (nn.ModuleList is tg_module_list in containers.h.) */
typedef struct tg_module_array {
    tg_module *const *items;
    int64_t count;
} tg_module_array;

typedef struct tg_named_module {
    const char *name; /* "" for the module itself */
    tg_module *module;
} tg_named_module;
typedef struct tg_named_module_list {
    const tg_named_module *items;
    int64_t count;
} tg_named_module_list;

#ifndef __cplusplus
static inline tg_module *tgi_module(void *m) { return (tg_module *)m; }
/* Any module struct's pointer, NULL included, as a tg_module *; anything else does not compile. */
#define TG_MODULE(m) _Generic(&(m)->base, tg_module * : tgi_module, tg_module_class * : tgi_module)(m)
#endif

/* ---- making and freeing ---- */

/* A zeroed `type`, in training mode: `tg_module_new(my_model, .name = "MyModel", .forward = my_forward)`. The class is
 * copied into the module. */
void *tg_module_new_at(const char *where, size_t bytes, tg_module_class module_class);
#define tg_module_new(type, ...)                                                                                       \
    ((type *)tg_module_new_at(TG_HERE, TGI_MODULE_SIZE(type),                                                          \
                              TG_OPTIONS(tg_module_class, TG_MODULE_DEFAULTS(#type) __VA_OPT__(,) __VA_ARGS__)))
/* A negative size, and no compilation, if `base` is not the first member. */
#define TGI_MODULE_SIZE(type) (sizeof(type) + 0 * sizeof(char[offsetof(type, base) == 0 ? 1 : -1]))

/* Frees the module and all it owns; NULL is fine. A module that is registered with another one is freed by that one. */
void tg_module_free_at(const char *where, tg_module *m);
#define tg_module_free(m) tg_module_free_at(TG_HERE, TG_MODULE(m))

/* A deep copy, as copy.deepcopy makes it: parameters, buffers, children and flags, what was shared being shared in the
 * copy. Parameters and buffers have the same values and requires_grad, and neither gradients nor hooks; a
 * module's hooks are copied. Pointers in the structs to tensors and modules of the tree point to their copies. A class
 * that has `free` owns more than that, and so does a struct with an allocated array of TG_SUBMODULES: it must have
 * `copy` as well, which is called once all this is done; if it fails, `free` is not called. NULL on error. */
tg_module *tg_module_copy_at(const char *where, tg_module *m);
#define tg_module_copy(m) ((__typeof__(m))tg_module_copy_at(TG_HERE, TG_MODULE(m)))

/* Hands `child` over to `m`, which prints and walks it under `name` (copied; without a point) and frees it. A
 * child may be registered more than once, under several parents too: then it is shared, and the last one frees it.
 * A name taken already is an error, unless there is nothing under it. When this fails the child is freed, unless it has
 * an owner. */
tg_status tg_register_module_at(const char *where, tg_module *m, const char *name, tg_module *child);
#define tg_register_module(m, name, child) tg_register_module_at(TG_HERE, TG_MODULE(m), name, TG_MODULE(child))

/* The module holds the tensor from now on, under its name. A parameter requires grad; a tensor with a history is
 * detached first, as by torch.nn.Parameter. Returns what was registered, NULL for nothing. The same parameter
 * in two modules, or under two names, is one parameter: listed, counted, zeroed and stepped once. */
tg_tensor *tg_register_parameter_at(const char *where, tg_module *m, const char *name, tg_tensor *t);
tg_tensor *tg_register_buffer_at(const char *where, tg_module *m, const char *name, tg_tensor *t);
#define tg_register_parameter(m, name, t) tg_register_parameter_at(TG_HERE, TG_MODULE(m), name, t)
#define tg_register_buffer(m, name, t)    tg_register_buffer_at(TG_HERE, TG_MODULE(m), name, t)

/* Another one under a name that is there, in the same place; what was there is released, and freed if nobody else has
 * it. NULL while an error is pending is what could not be made, and replaces nothing. As `m.fc = other` in PyTorch; so
 * weights are tied: `tg_replace_parameter(decoder, "weight", encoder->weight)`. The fields of the struct that held a
 * tensor, and the class's `array`, hold the other one then, unless it was there under several names; fields that hold
 * modules, and those of other structs, are set by the macros TG_REPLACE_... below. */
tg_status tg_replace_module_at(const char *where, tg_module *m, const char *name, tg_module *child);
tg_tensor *tg_replace_parameter_at(const char *where, tg_module *m, const char *name, tg_tensor *t);
tg_tensor *tg_replace_buffer_at(const char *where, tg_module *m, const char *name, tg_tensor *t);
#define tg_replace_module(m, name, child) tg_replace_module_at(TG_HERE, TG_MODULE(m), name, TG_MODULE(child))
#define tg_replace_parameter(m, name, t)  tg_replace_parameter_at(TG_HERE, TG_MODULE(m), name, t)
#define tg_replace_buffer(m, name, t)     tg_replace_buffer_at(TG_HERE, TG_MODULE(m), name, t)

/* Statements that set m->field and register it under the field's name, or put another in its place. One that fails
 * leaves the field as it is. `m` is evaluated more than once. */
#define TG_SUBMODULE(m, field, child)         TGI_SUBMODULE_(tg_register_module, m, field, child)
#define TG_PARAMETER(m, field, t)             TGI_REGISTER_(tg_register_parameter, m, field, t)
#define TG_BUFFER(m, field, t)                TGI_REGISTER_(tg_register_buffer, m, field, t)
#define TG_REPLACE_SUBMODULE(m, field, child) TGI_SUBMODULE_(tg_replace_module, m, field, child)
#define TG_REPLACE_PARAMETER(m, field, t)     TGI_REGISTER_(tg_replace_parameter, m, field, t)
#define TG_REPLACE_BUFFER(m, field, t)        TGI_REGISTER_(tg_replace_buffer, m, field, t)
#define TGI_SUBMODULE_(function, m, field, child)                                                                      \
    do {                                                                                                               \
        __typeof__((m)->field) tg_child_ = (child);                                                                    \
        if (function(m, #field, tg_child_) == TG_OK) (m)->field = tg_child_;                                           \
    } while (0)
#define TGI_REGISTER_(function, m, field, t)                                                                           \
    do {                                                                                                               \
        tg_tensor *tg_given_ = (t), *tg_registered_ = function(m, #field, tg_given_);                                  \
        if ((m) && (tg_registered_ || (!tg_given_ && !tg_failed()))) (m)->field = tg_registered_;                               \
    } while (0)

/* The same for element i of an array: it is registered as element i of a ModuleList, ParameterList or BufferList under
 * the field's name, made with its first element, and so called "field.0", "field.1", ...: PyTorch's keys. The elements
 * come in order. `m` is evaluated more than once.
 *
 * The array is in the struct, `tg_linear *layers[3];`, or it is allocated beforehand, where its length is not known
 * earlier: `tg_linear **layers;`. Then the struct owns it: the class has `free`, and `copy` that makes another array,
 * whose elements are `(tg_linear *)tg_get_submodule(copy, "layers.0")` and so on. */
#define TG_SUBMODULES(m, field, i, child)         TGI_CHILD_ELEMENT_(m, field, i, child, false)
#define TG_PARAMETERS(m, field, i, t)             TGI_TENSOR_ELEMENT_(parameter, m, field, i, t, false)
#define TG_BUFFERS(m, field, i, t)                TGI_TENSOR_ELEMENT_(buffer, m, field, i, t, false)
#define TG_REPLACE_SUBMODULES(m, field, i, child) TGI_CHILD_ELEMENT_(m, field, i, child, true)
#define TG_REPLACE_PARAMETERS(m, field, i, t)     TGI_TENSOR_ELEMENT_(parameter, m, field, i, t, true)
#define TG_REPLACE_BUFFERS(m, field, i, t)        TGI_TENSOR_ELEMENT_(buffer, m, field, i, t, true)
#define TGI_CHILD_ELEMENT_(m, field, i, child, replace)                                                                \
    do {                                                                                                               \
        const tg_array_element tg_element_ = TGI_ARRAY_ELEMENT_(m, field, i, replace);                                 \
        __typeof__((m)->field[0]) tg_child_ = (child);                                                                 \
        if (tg_set_child_element_at(TG_HERE, TG_MODULE(m), tg_element_, TG_MODULE(tg_child_)) == TG_OK)                \
            (m)->field[tg_element_.index] = tg_child_;                                                                 \
    } while (0)
#define TGI_TENSOR_ELEMENT_(kind, m, field, i, t, replace)                                                             \
    do {                                                                                                               \
        const tg_array_element tg_element_ = TGI_ARRAY_ELEMENT_(m, field, i, replace);                                 \
        tg_tensor *tg_given_ = (t);                                                                                    \
        tg_tensor *tg_set_ = tg_set_##kind##_element_at(TG_HERE, TG_MODULE(m), tg_element_, tg_given_);                \
        if (tg_element_.array && (tg_set_ || (!tg_given_ && !tg_failed())))                                            \
            (m)->field[tg_element_.index] = tg_set_;                                                                   \
    } while (0)
#define TGI_ARRAY_ELEMENT_(m, field, i, replace)                                                                       \
    { #field, (m) ? (const void *)(m)->field : NULL, TGI_LENGTH_OF((m)->field), (int64_t)(i), replace }

/* Element `index` of an array behind a field. */
typedef struct tg_array_element {
    const char *name;  /* the field's, and the list's */
    const void *array; /* where the elements are: in the struct, or elsewhere. NULL is an error */
    int64_t length;    /* an index beyond it is an error. -1: not known, as of an array that was allocated */
    int64_t index;
    bool replace;      /* the one that is there, instead of coming after the last one */
} tg_array_element;
/* They do not write to the array: the macros do. */
tg_status tg_set_child_element_at(const char *where, tg_module *m, tg_array_element element, tg_module *child);
tg_tensor *tg_set_parameter_element_at(const char *where, tg_module *m, tg_array_element element, tg_tensor *t);
tg_tensor *tg_set_buffer_element_at(const char *where, tg_module *m, tg_array_element element, tg_tensor *t);

/* ---- kinds ---- */

/* `tg_linear *fc = tg_module_as(m, tg_linear);`: m itself if it was made as such a struct, otherwise NULL. */
void *tg_module_as_type(tg_module *m, const char *type, size_t bytes);
#define tg_module_as(m, type) ((type *)tg_module_as_type(TG_MODULE(m), #type, sizeof(type)))
/* Whether print calls it so: `tg_module_is(m, "ReLU")`. False of NULL. */
bool tg_module_is_named(const tg_module *m, const char *name);
#define tg_module_is(m, name) tg_module_is_named(TG_MODULE(m), name)

/* ---- calling ---- */

/* Runs the class's forward in a new scope, so that temporaries are freed when it returns. */
tg_tensor *tg_module_forward_at(const char *where, tg_module *m, tg_tensor *x);
#define tg_module_forward(m, x) tg_module_forward_at(TG_HERE, TG_MODULE(m), x)

/* ---- looking around ---- The lists live as long as the innermost scope; the modules own what is in them. Each thing
 * is listed once, under its first name, in PyTorch's order: a module's own before its children's, in order of
 * registration. */
tg_tensor_list tg_parameters_at(const char *where, tg_module *m);
tg_tensor_list tg_buffers_at(const char *where, tg_module *m);
tg_module_array tg_children_at(const char *where, tg_module *m); /* one level down */
tg_module_array tg_modules_at(const char *where, tg_module *m);  /* itself and every level down */
tg_named_tensor_list tg_named_parameters_at(const char *where, tg_module *m);
tg_named_tensor_list tg_named_buffers_at(const char *where, tg_module *m);
tg_named_module_list tg_named_children_at(const char *where, tg_module *m);
tg_named_module_list tg_named_modules_at(const char *where, tg_module *m);
#define tg_parameters(m)       tg_parameters_at(TG_HERE, TG_MODULE(m))
#define tg_buffers(m)          tg_buffers_at(TG_HERE, TG_MODULE(m))
#define tg_children(m)         tg_children_at(TG_HERE, TG_MODULE(m))
#define tg_modules(m)          tg_modules_at(TG_HERE, TG_MODULE(m))
#define tg_named_parameters(m) tg_named_parameters_at(TG_HERE, TG_MODULE(m))
#define tg_named_buffers(m)    tg_named_buffers_at(TG_HERE, TG_MODULE(m))
#define tg_named_children(m)   tg_named_children_at(TG_HERE, TG_MODULE(m))
#define tg_named_modules(m)    tg_named_modules_at(TG_HERE, TG_MODULE(m))

/* By dotted name: `tg_get_parameter(model, "lstm.weight_ih_l0")`. No such name is an error. */
tg_tensor *tg_get_parameter_at(const char *where, tg_module *m, const char *name);
tg_tensor *tg_get_buffer_at(const char *where, tg_module *m, const char *name);
tg_module *tg_get_submodule_at(const char *where, tg_module *m, const char *name);
#define tg_get_parameter(m, name) tg_get_parameter_at(TG_HERE, TG_MODULE(m), name)
#define tg_get_buffer(m, name)    tg_get_buffer_at(TG_HERE, TG_MODULE(m), name)
#define tg_get_submodule(m, name) tg_get_submodule_at(TG_HERE, TG_MODULE(m), name)

/* The elements of all parameters. */
int64_t tg_module_parameter_count_at(const char *where, tg_module *m);
#define tg_module_parameter_count(m) tg_module_parameter_count_at(TG_HERE, TG_MODULE(m))

/* ---- the whole tree at once ---- */
void tg_module_train_at(const char *where, tg_module *m, bool mode);
#define tg_module_train(m) tg_module_train_at(TG_HERE, TG_MODULE(m), true)
#define tg_module_eval(m)  tg_module_train_at(TG_HERE, TG_MODULE(m), false)

void tg_module_requires_grad_at(const char *where, tg_module *m, bool requires_grad);
#define tg_module_requires_grad_(m, requires_grad) tg_module_requires_grad_at(TG_HERE, TG_MODULE(m), requires_grad)

/* Every parameter's .grad becomes NULL; tg_zero_grad of an optimiser does the same for its own parameters. */
void tg_module_zero_grad_at(const char *where, tg_module *m);
#define tg_module_zero_grad(m) tg_module_zero_grad_at(TG_HERE, TG_MODULE(m))

/* Floating parameters and buffers, and their gradients, become `dtype` (a floating one); the handles stay the same. */
tg_status tg_module_to_at(const char *where, tg_module *m, tg_dtype dtype);
#define tg_module_to(m, dtype) tg_module_to_at(TG_HERE, TG_MODULE(m), dtype)

/* Calls `fn` on every module of the tree, children before their parent. */
typedef void (*tg_module_fn)(tg_module *module, void *context);
void tg_module_apply_at(const char *where, tg_module *m, tg_module_fn fn, void *context);
#define tg_module_apply(m, fn, context) tg_module_apply_at(TG_HERE, TG_MODULE(m), fn, context)

/* ---- printing ---- what print(model) prints; format writes the text alone, without a newline, as tg_format does. */
void tg_module_print_to(FILE *file, tg_module *m);
int64_t tg_module_format_to(tg_module *m, char *buffer, int64_t size);
#define tg_module_print(m)                tg_module_print_to(stdout, TG_MODULE(m))
#define tg_module_fprint(file, m)         tg_module_print_to(file, TG_MODULE(m))
#define tg_module_format(m, buffer, size) tg_module_format_to(TG_MODULE(m), buffer, size)

TG_END_DECLS

#ifdef __cplusplus
inline tg_module *tgi_module(tg_module *m) { return m; }
inline tg_module *tgi_module(decltype(nullptr)) { return nullptr; }
template <class T> inline tg_module *tgi_module(T *m)
{
    static_assert(sizeof(tgi_module(&m->base)) != 0, "the first member of a module is a tg_module called base");
    return reinterpret_cast<tg_module *>(m);
}
#define TG_MODULE(m) tgi_module(m)
#endif

#endif

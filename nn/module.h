/* module.h: what a module is: a struct that owns parameters, buffers and other modules.
 *
 *     typedef struct {
 *         tg_module base;               // always the first member, always called base
 *         tg_linear *fc;
 *         tg_tensor *scale;
 *     } my_model;
 *
 *     my_model *my_model_new(void)
 *     {
 *         my_model *m = tg_module_new(my_model, .name = "MyModel");
 *         TG_SUBMODULE(m, fc, tg_linear_new(5, 8));            // sets m->fc, registers "fc"
 *         TG_PARAMETER(m, scale, tg_ones(tg_shape(8)));        // sets m->scale, registers "scale"
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

#include "../core/tensor.h"
#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_module tg_module;
typedef struct tgi_slot tgi_slot;

typedef tg_tensor *(*tg_forward_fn)(tg_module *module, tg_tensor *x);

/* What a kind of module has of its own; the keyword options of tg_module_new. */
typedef struct tg_module_class {
    const char *name;      /* what print shows: "Linear"; the name of the type unless given. Borrowed */
    tg_forward_fn forward; /* what tg_module_forward and Sequential call; NULL if it does not map one tensor to one */
    /* Writes what print shows between the parentheses, as snprintf does, and returns what snprintf returns. Called with
     * C's own locale, so that numbers read the same everywhere. May be NULL. */
    int (*extra_repr)(tg_module *module, char *buffer, size_t size);
    void (*free)(tg_module *module); /* lets go of what the struct owns besides registered things. May be NULL */
} tg_module_class;
#define TG_MODULE_DEFAULTS(name) /* name */ name, /* forward */ NULL, /* extra_repr */ NULL, /* free */ NULL

struct tg_module {
    tg_module_class base;   /* called base so that TG_MODULE takes a tg_module too */
    bool training;          /* true after tg_module_train and at first, false after tg_module_eval */
    int32_t owners;         /* modules it is registered with */
    size_t bytes;           /* of the whole struct */
    tgi_slot *first, *last; /* what is registered, in that order */
};

typedef struct tg_module_list {
    tg_module *const *items;
    int64_t count;
} tg_module_list;

typedef struct tg_named_tensor {
    const char *name; /* "lstm.weight_ih_l0" */
    tg_tensor *tensor;
} tg_named_tensor;
typedef struct tg_named_tensor_list {
    const tg_named_tensor *items;
    int64_t count;
} tg_named_tensor_list;

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

/* A zeroed `type`, in training mode: `tg_module_new(my_model, .name = "MyModel", .forward = my_forward)`. */
void *tg_module_new_at(const char *where, size_t bytes, tg_module_class module_class);
#define tg_module_new(type, ...)                                                                                       \
    ((type *)tg_module_new_at(TG_HERE, TGI_MODULE_SIZE(type),                                                          \
                              TG_OPTIONS(tg_module_class, TG_MODULE_DEFAULTS(#type) __VA_OPT__(,) __VA_ARGS__)))
/* A negative size, and no compilation, if `base` is not the first member. */
#define TGI_MODULE_SIZE(type) (sizeof(type) + 0 * sizeof(char[offsetof(type, base) == 0 ? 1 : -1]))

/* Frees the module and all it owns; NULL is fine. A module that is registered with another one is freed by that one. */
void tg_module_free_at(const char *where, tg_module *m);
#define tg_module_free(m) tg_module_free_at(TG_HERE, TG_MODULE(m))

/* Hands `child` over to `m`, which prints and walks it under `name` (copied; without a point) and frees it. A
 * child may be registered more than once, under several parents too: then it is shared, and the last one frees it.
 * A name used before for the same kind is given its new meaning. When this fails the child is freed, unless it has
 * an owner. */
tg_status tg_register_module_at(const char *where, tg_module *m, const char *name, tg_module *child);
#define tg_register_module(m, name, child) tg_register_module_at(TG_HERE, TG_MODULE(m), name, TG_MODULE(child))

/* The module holds the tensor from now on, under its name. A parameter requires grad; a tensor with a history is
 * detached first, as by torch.nn.Parameter. Returns what was registered, NULL for nothing. The same parameter
 * in two modules is one parameter. */
tg_tensor *tg_register_parameter_at(const char *where, tg_module *m, const char *name, tg_tensor *t);
tg_tensor *tg_register_buffer_at(const char *where, tg_module *m, const char *name, tg_tensor *t);
#define tg_register_parameter(m, name, t) tg_register_parameter_at(TG_HERE, TG_MODULE(m), name, t)
#define tg_register_buffer(m, name, t)    tg_register_buffer_at(TG_HERE, TG_MODULE(m), name, t)

/* Statements that set m->field and register it under the field's name. `m` is evaluated more than once. */
#define TG_SUBMODULE(m, field, child)                                                                                  \
    do {                                                                                                               \
        __typeof__((m)->field) tg_child_ = (child);                                                                    \
        if (tg_register_module(m, #field, tg_child_) != TG_OK) tg_child_ = NULL;                                       \
        if (m) (m)->field = tg_child_;                                                                                 \
    } while (0)
#define TG_PARAMETER(m, field, t) TGI_REGISTER_(parameter, m, field, t)
#define TG_BUFFER(m, field, t)    TGI_REGISTER_(buffer, m, field, t)
#define TGI_REGISTER_(kind, m, field, t)                                                                               \
    do {                                                                                                               \
        tg_tensor *tg_registered_ = tg_register_##kind(m, #field, t);                                                  \
        if (m) (m)->field = tg_registered_;                                                                            \
    } while (0)

/* ---- calling ---- */

/* The class's forward, in a scope of its own, so that temporaries die when it returns. */
tg_tensor *tg_module_forward_at(const char *where, tg_module *m, tg_tensor *x);
#define tg_module_forward(m, x) tg_module_forward_at(TG_HERE, TG_MODULE(m), x)

/* ---- looking around ---- The lists live as long as the innermost scope; the modules own what is in them. Each thing
 * is listed once, under its first name, in PyTorch's order: a module's own before its children's, in order of
 * registration. */
tg_tensor_list tg_parameters_at(const char *where, tg_module *m);
tg_tensor_list tg_buffers_at(const char *where, tg_module *m);
tg_module_list tg_children_at(const char *where, tg_module *m); /* one level down */
tg_module_list tg_modules_at(const char *where, tg_module *m);  /* itself and every level down */
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

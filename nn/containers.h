/* containers.h: modules in lists and by keys, as torch.nn's ModuleList, ModuleDict and ParameterList.
 *
 *     tg_module_list *blocks = tg_module_list_new();
 *     for (int i = 0; i < depth; i++) tg_module_list_append(blocks, tg_linear_new(8, 8));
 *     TG_SUBMODULE(m, blocks, blocks);                       // "blocks.0.weight", ...
 *     for (int64_t i = 0; i < tg_module_list_len(m->blocks); i++)
 *         x = tg_module_forward(tg_module_list_get(m->blocks, i), x);
 *
 * A container has no forward. An array of the struct is registered as one of these by TG_SUBMODULES. */
#ifndef TG_NN_CONTAINERS_H
#define TG_NN_CONTAINERS_H

#include "sequential.h"

TG_BEGIN_DECLS

typedef struct tg_module_list {
    tg_module base;
} tg_module_list;

/* Takes over modules of any kinds, none to 64, and names them "0", "1", ...; tg_module_list_append takes more. */
tg_module_list *tg_module_list_new_at(const char *where, tg_module_array modules);
#define tg_module_list_new(...) tg_module_list_new_at(TG_HERE, TG_MODULES(__VA_ARGS__))
/* One more at the end, or before the one at `index`. What cannot be taken over is freed, unless it has an owner. */
tg_status tg_module_list_append_at(const char *where, tg_module_list *m, tg_module *module);
tg_status tg_module_list_insert_at(const char *where, tg_module_list *m, int64_t index, tg_module *module);
#define tg_module_list_append(m, module)        tg_module_list_append_at(TG_HERE, m, TG_MODULE(module))
#define tg_module_list_insert(m, index, module) tg_module_list_insert_at(TG_HERE, m, index, TG_MODULE(module))
/* The one at `index`; negative ones count from the end. NULL with an error when there is none. */
tg_module *tg_module_list_get_at(const char *where, tg_module_list *m, int64_t index);
#define tg_module_list_get(m, index) tg_module_list_get_at(TG_HERE, m, index)
int64_t tg_module_list_len_at(const char *where, tg_module_list *m);
#define tg_module_list_len(m) tg_module_list_len_at(TG_HERE, m)

typedef struct tg_module_dict {
    tg_module base;
} tg_module_dict;

tg_module_dict *tg_module_dict_new_at(const char *where);
#define tg_module_dict_new() tg_module_dict_new_at(TG_HERE)
/* `d[key] = module`: takes the module over under a key, in the place of the one that is there. Order is kept:
 * tg_named_children lists keys and modules. */
tg_status tg_module_dict_set_at(const char *where, tg_module_dict *m, const char *key, tg_module *module);
#define tg_module_dict_set(m, key, module) tg_module_dict_set_at(TG_HERE, m, key, TG_MODULE(module))
/* NULL with an error when there is no such key. */
tg_module *tg_module_dict_get_at(const char *where, tg_module_dict *m, const char *key);
#define tg_module_dict_get(m, key) tg_module_dict_get_at(TG_HERE, m, key)
bool tg_module_dict_contains_at(const char *where, tg_module_dict *m, const char *key);
#define tg_module_dict_contains(m, key) tg_module_dict_contains_at(TG_HERE, m, key)
int64_t tg_module_dict_len_at(const char *where, tg_module_dict *m);
#define tg_module_dict_len(m) tg_module_dict_len_at(TG_HERE, m)

typedef struct tg_parameter_list {
    tg_module base;
} tg_parameter_list;

tg_parameter_list *tg_parameter_list_new_at(const char *where, tg_tensor_list parameters);
#define tg_parameter_list_new(...) tg_parameter_list_new_at(TG_HERE, tg_list(__VA_ARGS__))
/* Returns the parameter, as tg_register_parameter. */
tg_tensor *tg_parameter_list_append_at(const char *where, tg_parameter_list *m, tg_tensor *t);
#define tg_parameter_list_append(m, t) tg_parameter_list_append_at(TG_HERE, m, t)
tg_tensor *tg_parameter_list_get_at(const char *where, tg_parameter_list *m, int64_t index);
#define tg_parameter_list_get(m, index) tg_parameter_list_get_at(TG_HERE, m, index)
int64_t tg_parameter_list_len_at(const char *where, tg_parameter_list *m);
#define tg_parameter_list_len(m) tg_parameter_list_len_at(TG_HERE, m)

TG_END_DECLS

#endif

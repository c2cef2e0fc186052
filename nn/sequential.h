/* sequential.h: modules one after another, and the two that have no arithmetic.
 *
 *     tg_sequential *net = tg_sequential_new(tg_linear_new(5, 8), tg_relu_new(), tg_linear_new(8, 1));
 *     y = tg_sequential_forward(net, x); */
#ifndef TG_NN_SEQUENTIAL_H
#define TG_NN_SEQUENTIAL_H

#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_sequential {
    tg_module base;
} tg_sequential;

/* Takes over modules of any kinds, none to 64, and names them "0", "1", ...; tg_sequential_append takes more. */
tg_sequential *tg_sequential_new_at(const char *where, tg_module_array modules);
#define tg_sequential_new(...) tg_sequential_new_at(TG_HERE, TG_MODULES(__VA_ARGS__))

/* Takes over one more. TG_FAILED when it could not. */
tg_status tg_sequential_append_at(const char *where, tg_sequential *m, tg_module *module);
#define tg_sequential_append(m, module) tg_sequential_append_at(TG_HERE, m, TG_MODULE(module))

tg_tensor *tg_sequential_forward_at(const char *where, tg_sequential *m, tg_tensor *x);
#define tg_sequential_forward(m, x) tg_sequential_forward_at(TG_HERE, m, x)

/* The module at `index`; negative ones count from the end. NULL with an error when there is none. */
tg_module *tg_sequential_get_at(const char *where, tg_sequential *m, int64_t index);
#define tg_sequential_get(m, index) tg_sequential_get_at(TG_HERE, m, index)
int64_t tg_sequential_len_at(const char *where, tg_sequential *m);
#define tg_sequential_len(m) tg_sequential_len_at(TG_HERE, m)

/* x as it is. */
tg_module *tg_identity_new_at(const char *where);
#define tg_identity_new() tg_identity_new_at(TG_HERE)

/* Dimensions start_dim to end_dim made one. */
typedef struct tg_flatten_options {
    int64_t start_dim, end_dim;
    TG_OPTIONS_END
} tg_flatten_options;
#define TG_FLATTEN_DEFAULTS /* start_dim */ 1, /* end_dim */ -1 TG_DEFAULTS_END
tg_module *tg_flatten_new_at(const char *where, tg_flatten_options options);
#define tg_flatten_new(...)                                                                                            \
    tg_flatten_new_at(TG_HERE, TG_OPTIONS(tg_flatten_options, TG_FLATTEN_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

/* Modules of any kinds as a tg_module_array, 64 at most. The NULL at the end is not counted: it keeps the array of an
 * empty list from having no element. */
#ifdef __cplusplus
template <class... M> inline tg_module_array tgi_modules(M... modules)
{
    tg_module *const items[] = { tgi_module(modules)..., nullptr };
    const tg_tensor_list kept = tg_list_in_scope(reinterpret_cast<tg_tensor *const *>(items), sizeof...(M));
    return tg_module_array{ reinterpret_cast<tg_module *const *>(kept.items), kept.count };
}
#define TG_MODULES(...) tgi_modules(__VA_ARGS__)
#else
#define TG_MODULES(...)                                                                                                \
    ((tg_module_array){ (tg_module *const[]){ TGI_EACH(TG_MODULE, __VA_ARGS__) __VA_OPT__(,) NULL },                   \
                        TGI_COUNTED(__VA_ARGS__) })
#endif

#endif

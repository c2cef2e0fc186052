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

/* Takes over up to 16 modules of any kinds and names them "0", "1", ... */
tg_sequential *tg_sequential_new_at(const char *where, tg_module_list modules);
#define tg_sequential_new(...) tg_sequential_new_at(TG_HERE, TG_MODULE_LIST(__VA_ARGS__))

/* Takes over one more. TG_FAILED when it could not. */
tg_status tg_sequential_append_at(const char *where, tg_sequential *m, tg_module *module);
#define tg_sequential_append(m, module) tg_sequential_append_at(TG_HERE, m, TG_MODULE(module))

tg_tensor *tg_sequential_forward_at(const char *where, tg_sequential *m, tg_tensor *x);
#define tg_sequential_forward(m, x) tg_sequential_forward_at(TG_HERE, m, x)

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

/* TG_MODULE of each argument, 32 at most. */
#define TGI_MODULES_(count)  TGI_MODULES__(count)
#define TGI_MODULES__(count) TGI_MODULES_##count
#define TGI_MODULES_0()
#define TGI_MODULES_1(a)       TG_MODULE(a)
#define TGI_MODULES_2(a, ...)  TG_MODULE(a), TGI_MODULES_1(__VA_ARGS__)
#define TGI_MODULES_3(a, ...)  TG_MODULE(a), TGI_MODULES_2(__VA_ARGS__)
#define TGI_MODULES_4(a, ...)  TG_MODULE(a), TGI_MODULES_3(__VA_ARGS__)
#define TGI_MODULES_5(a, ...)  TG_MODULE(a), TGI_MODULES_4(__VA_ARGS__)
#define TGI_MODULES_6(a, ...)  TG_MODULE(a), TGI_MODULES_5(__VA_ARGS__)
#define TGI_MODULES_7(a, ...)  TG_MODULE(a), TGI_MODULES_6(__VA_ARGS__)
#define TGI_MODULES_8(a, ...)  TG_MODULE(a), TGI_MODULES_7(__VA_ARGS__)
#define TGI_MODULES_9(a, ...)  TG_MODULE(a), TGI_MODULES_8(__VA_ARGS__)
#define TGI_MODULES_10(a, ...) TG_MODULE(a), TGI_MODULES_9(__VA_ARGS__)
#define TGI_MODULES_11(a, ...) TG_MODULE(a), TGI_MODULES_10(__VA_ARGS__)
#define TGI_MODULES_12(a, ...) TG_MODULE(a), TGI_MODULES_11(__VA_ARGS__)
#define TGI_MODULES_13(a, ...) TG_MODULE(a), TGI_MODULES_12(__VA_ARGS__)
#define TGI_MODULES_14(a, ...) TG_MODULE(a), TGI_MODULES_13(__VA_ARGS__)
#define TGI_MODULES_15(a, ...) TG_MODULE(a), TGI_MODULES_14(__VA_ARGS__)
#define TGI_MODULES_16(a, ...) TG_MODULE(a), TGI_MODULES_15(__VA_ARGS__)
#define TGI_MODULES_17(a, ...) TG_MODULE(a), TGI_MODULES_16(__VA_ARGS__)
#define TGI_MODULES_18(a, ...) TG_MODULE(a), TGI_MODULES_17(__VA_ARGS__)
#define TGI_MODULES_19(a, ...) TG_MODULE(a), TGI_MODULES_18(__VA_ARGS__)
#define TGI_MODULES_20(a, ...) TG_MODULE(a), TGI_MODULES_19(__VA_ARGS__)
#define TGI_MODULES_21(a, ...) TG_MODULE(a), TGI_MODULES_20(__VA_ARGS__)
#define TGI_MODULES_22(a, ...) TG_MODULE(a), TGI_MODULES_21(__VA_ARGS__)
#define TGI_MODULES_23(a, ...) TG_MODULE(a), TGI_MODULES_22(__VA_ARGS__)
#define TGI_MODULES_24(a, ...) TG_MODULE(a), TGI_MODULES_23(__VA_ARGS__)
#define TGI_MODULES_25(a, ...) TG_MODULE(a), TGI_MODULES_24(__VA_ARGS__)
#define TGI_MODULES_26(a, ...) TG_MODULE(a), TGI_MODULES_25(__VA_ARGS__)
#define TGI_MODULES_27(a, ...) TG_MODULE(a), TGI_MODULES_26(__VA_ARGS__)
#define TGI_MODULES_28(a, ...) TG_MODULE(a), TGI_MODULES_27(__VA_ARGS__)
#define TGI_MODULES_29(a, ...) TG_MODULE(a), TGI_MODULES_28(__VA_ARGS__)
#define TGI_MODULES_30(a, ...) TG_MODULE(a), TGI_MODULES_29(__VA_ARGS__)
#define TGI_MODULES_31(a, ...) TG_MODULE(a), TGI_MODULES_30(__VA_ARGS__)
#define TGI_MODULES_32(a, ...) TG_MODULE(a), TGI_MODULES_31(__VA_ARGS__)

/* The NULL at the end is not counted: it keeps the array of an empty list from having no element. */
#ifdef __cplusplus
template <int N> struct tgi_cxx_modules {
    tg_module *items[N + 1];
    operator tg_module_list() const { return tg_module_list{ items, N }; }
};
#define TG_MODULE_LIST(...)                                                                                            \
    (tgi_cxx_modules<TG_COUNT(__VA_ARGS__)>{                                                                           \
        { TGI_MODULES_(TG_COUNT(__VA_ARGS__))(__VA_ARGS__) __VA_OPT__(,) nullptr } })
#else
#define TG_MODULE_LIST(...)                                                                                            \
    ((tg_module_list){ (tg_module *const[]){ TGI_MODULES_(TG_COUNT(__VA_ARGS__))(__VA_ARGS__) __VA_OPT__(,) NULL },    \
                                             TG_COUNT(__VA_ARGS__) })
#endif

#endif

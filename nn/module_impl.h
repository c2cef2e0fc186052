/* module_impl.h: what the modules of this folder share. Users have module.h. */
#ifndef TG_NN_MODULE_IMPL_H
#define TG_NN_MODULE_IMPL_H

#include "../core/op.h"
#include "module.h"

TG_EXTERN_C_BEGIN

typedef enum tgi_slot_kind { TGI_PARAMETER, TGI_BUFFER, TGI_MODULE } tgi_slot_kind;

/* One registered thing. */
struct tgi_slot {
    tgi_slot *next;
    size_t bytes; /* of this block, the name included */
    tgi_slot_kind kind;
    union {
        tg_tensor *tensor; /* one reference is the module's; NULL: there is none */
        tg_module *module;
    } as;
    char name[];
};

/* True when the module is there; otherwise an error is pending, made now if nothing explains the NULL. */
bool tgi_module_ok(const char *where, const tg_module *m, const char *what);

/* Opens a module's forward: tgi_module_ok and tg_op_begin in one. */
bool tgi_forward_begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor_list inputs);

/* `value` as Python prints a float: the shortest text that reads back the same, "0.5", "1.0", "1e-05". */
#define TGI_REAL_TEXT 32
const char *tgi_real_text(double value, char buffer[TGI_REAL_TEXT]);

/* `before` and the list as Python prints a tuple, "(3, 2)" or "(3,)", into `buffer`, which is returned. */
const char *tgi_print_list(const char *before, const tg_shape *list, char *buffer, size_t size);

TG_EXTERN_C_END

#endif

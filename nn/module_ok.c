/* module_ok.c: whether what a function was given is a module, before it is used as one. */
#include "module_impl.h"

#include "core/error.h"
#include "core/thread.h"

bool tgi_module_ok(const char *where, const tg_module *m, const char *what)
{
    tgi_begin(where, what);
    if (m && m->alive == TGI_MODULE_ALIVE) return true;
    if (m)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the module was freed%s",
                   m->alive == TGI_MODULE_FREED ? "" : ", or is no module");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the module is NULL");
    return false;
}

bool tgi_module_array_ok(const char *where, tg_module_array modules, const char *what)
{
    if (modules.count == 0 || (modules.count > 0 && modules.items)) return true;
    tg_fail_at(where, TG_ERROR_VALUE, what, "a list of %lld modules%s", (long long)modules.count,
               modules.items ? "" : " is NULL");
    return false;
}

const char *tgi_module_name(const tg_module *m, const char *otherwise)
{
    return m && m->alive == TGI_MODULE_ALIVE ? m->base.name : otherwise;
}

bool tgi_forward_begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor_list inputs)
{
    return tgi_module_ok(where, m, op->name) && tg_op_begin(where, op, inputs);
}

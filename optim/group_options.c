/* group_options.c: the options of parameter groups by name, the learning rate among them. */
#include "optimizer_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool group_number_ok(const tg_optimizer *optimizer, int64_t number)
{
    if (number >= 0 && number < optimizer->group_count) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, optimizer->kind->name, "there is no parameter group %lld: the last one is %lld",
               (long long)number, (long long)optimizer->group_count - 1);
    return false;
}

/* An option that a caller names; NULL with an error pending. */
static const tg_option *find(const tg_optimizer_class *kind, const char *name)
{
    const tg_option *found = tgi_option_named(kind, name);
    if (found) return found;
    char names[512] = "";
    int length = 0;
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name && length < (int)sizeof names; i++)
        length += snprintf(names + length, sizeof names - (size_t)length, "%s%s", i ? ", " : "", kind->options[i].name);
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "there is no option \"%s\": they are %s", name ? name : "NULL", names);
    return NULL;
}

double tg_group_option_at(const char *where, const tg_optimizer *optimizer, int64_t group, const char *name)
{
    if (!tgi_optimizer_ok(where, optimizer, "group_option") || !group_number_ok(optimizer, group)) return NAN;
    const tg_option *option = find(optimizer->kind, name);
    const tgi_group *g = optimizer->first;
    while (group--) g = g->next;
    return option ? tgi_option_value(option, g->options) : NAN;
}

/* Whether a group's options are good with another value, tried on a copy in `scratch`. */
static bool may_set(const tg_optimizer_class *kind, const tgi_group *g, const tg_option *option, double value,
                    void *scratch)
{
    memcpy(scratch, g->options, kind->options_bytes);
    return tgi_option_write(kind, option, scratch, value) && tgi_options_ok(kind, scratch);
}

tg_status tg_set_group_option_at(const char *where, tg_optimizer *optimizer, int64_t group, const char *name,
                                 double value)
{
    if (!tgi_optimizer_ok(where, optimizer, "set_group_option")) return TG_FAILED;
    if (group != TG_ALL_GROUPS && !group_number_ok(optimizer, group)) return TG_FAILED;
    const tg_optimizer_class *kind = optimizer->kind;
    const tg_option *option = find(kind, name);
    void *scratch = option ? tgi_calloc(kind->options_bytes) : NULL;
    bool ok = scratch != NULL;
    int64_t i = 0;
    for (const tgi_group *g = optimizer->first; ok && g; g = g->next, i++)
        if (group == TG_ALL_GROUPS || group == i) ok = may_set(kind, g, option, value, scratch);
    i = 0;
    for (tgi_group *g = optimizer->first; ok && g; g = g->next, i++)
        if (group == TG_ALL_GROUPS || group == i) tgi_option_write(kind, option, g->options, value);
    if (scratch) tgi_free(scratch, kind->options_bytes);
    return ok ? TG_OK : TG_FAILED;
}

double tg_group_lr_at(const char *where, const tg_optimizer *optimizer, int64_t group)
{
    return tg_group_option_at(where, optimizer, group, "lr");
}

tg_status tg_set_group_lr_at(const char *where, tg_optimizer *optimizer, int64_t group, double lr)
{
    return tg_set_group_option_at(where, optimizer, group, "lr", lr);
}

/* options.c: a class's table of options, and what it says of a struct. */
#include "optimizer_impl.h"

#include "core/error.h"
#include "core/thread.h"
#include "ops/create.h"

#include <math.h>
#include <string.h>

/* ---- the table ---- */

const tg_option *tgi_option_named(const tg_optimizer_class *kind, const char *name)
{
    const tg_option *o = kind->options;
    for (int i = 0; name && i < TG_MAX_OPTIONS && o[i].name; i++)
        if (strcmp(o[i].name, name) == 0) return &o[i];
    return NULL;
}

static size_t size_of(tg_option_kind kind)
{
    switch (kind) {
    case TG_OPTION_DOUBLE: return sizeof(double);
    case TG_OPTION_BOOL: return sizeof(bool);
    case TG_OPTION_INT64: return sizeof(int64_t);
    }
    return SIZE_MAX; /* no kind at all: fits nowhere */
}

bool tgi_option_fits(const tg_option *option, size_t bytes)
{
    const size_t size = size_of(option->kind);
    return size <= bytes && option->offset <= bytes - size;
}

const char *tgi_option_table_problem(const tg_optimizer_class *kind)
{
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++)
        if (!tgi_option_fits(&kind->options[i], kind->options_bytes))
            return "an option of the class's table is not in its options: see TG_OPTION";
    const tg_option *lr = tgi_option_named(kind, "lr"), *decay = tgi_option_named(kind, "weight_decay");
    if (!lr || lr->kind != TG_OPTION_DOUBLE) return "the class has no double among its options that is called lr";
    return decay && decay->kind != TG_OPTION_DOUBLE ? "the class's weight_decay is no double" : NULL;
}

/* ---- values ---- */

double tgi_option_value(const tg_option *option, const void *options)
{
    const void *at = (const char *)options + option->offset;
    if (option->kind == TG_OPTION_DOUBLE) return *(const double *)at;
    return option->kind == TG_OPTION_BOOL ? (double)*(const bool *)at : (double)*(const int64_t *)at;
}

tg_tensor *tgi_option_tensor(const tg_option *option, const void *options)
{
    const double value = tgi_option_value(option, options);
    if (option->kind == TG_OPTION_DOUBLE) return tg_scalar(value, .dtype = TG_FLOAT64);
    return tg_scalar((int64_t)value, .dtype = option->kind == TG_OPTION_BOOL ? TG_BOOL : TG_INT64);
}

bool tgi_option_takes(const tg_option *option, double value)
{
    if (option->kind == TG_OPTION_BOOL) return value == 0 || value == 1;
    return option->kind == TG_OPTION_DOUBLE || (fabs(value) < (double)TGI_MOST_COUNT && value == floor(value));
}

void tgi_option_put(const tg_option *option, void *options, double value)
{
    void *at = (char *)options + option->offset;
    if (option->kind == TG_OPTION_DOUBLE)
        *(double *)at = value;
    else if (option->kind == TG_OPTION_BOOL)
        *(bool *)at = value != 0;
    else
        *(int64_t *)at = (int64_t)value;
}

bool tgi_option_write(const tg_optimizer_class *kind, const tg_option *option, void *options, double value)
{
    if (!tg_option_ok(kind, tgi_option_takes(option, value), option->name, value)) return false;
    tgi_option_put(option, options, value);
    return true;
}

bool tg_option_ok(const tg_optimizer_class *kind, bool ok, const char *what, double value)
{
    if (!ok)
        tg_fail_at(NULL, TG_ERROR_VALUE, kind && kind->name ? kind->name : "option_ok", "Invalid %s: %g",
                   what ? what : "option", value);
    return ok;
}

bool tgi_options_ok(const tg_optimizer_class *kind, const void *options)
{
    const double lr = tgi_option_value(tgi_option_named(kind, "lr"), options);
    if (!tg_option_ok(kind, lr >= 0, "learning rate", lr)) return false;
    const tg_option *weight_decay = tgi_option_named(kind, "weight_decay");
    const double decay = weight_decay ? tgi_option_value(weight_decay, options) : 0;
    if (!tg_option_ok(kind, decay >= 0, "weight_decay value", decay)) return false;
    const tgi_place place = tgi_place_keep();
    const bool ok = !kind->check || kind->check(kind, options);
    tgi_place_back(place);
    if (ok) return true;
    if (!tg_failed()) tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "the class refuses these options");
    return false;
}

/* checkpoint.c: see checkpoint.h. The parts in a table: whether one is there, how it goes out, how it comes in.
 *
 * Coming in, each part is looked at and made ready (tgi_loading); when all are, they are moved in, which cannot fail. */
#include "checkpoint_impl.h"

#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/module_impl.h"
#include "nn/data/loader_impl.h"
#include "optimizer_impl.h"
#include "scheduler_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char format_name[] = "tapegrad.checkpoint";
enum { VERSION = 1, MOST_SETS = 64 };

static bool refuse(const char *function, const char *problem)
{
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s", problem);
    return false;
}

/* ---- out ---- */

static bool put_list(tgi_checkpoint_out *out, const char *part, tg_named_tensor_list list)
{
    for (int64_t i = 0; i < list.count && !tg_failed(); i++)
        tgi_checkpoint_put(out, tgi_key("%s.%s", part, list.items[i].name), list.items[i].tensor);
    return !tg_failed();
}

/* ---- in ---- */

/* The entries of a part, without its name. */
static tg_named_tensor_list entries_of(const tgi_checkpoint_in *in, const char *part)
{
    const char *prefix = tgi_key("%s.", part);
    return prefix ? tg_named_with_prefix(in->list, prefix) : (tg_named_tensor_list){ NULL, 0 };
}

/* Whether the file has a part. */
static bool has(const tgi_checkpoint_in *in, const char *part)
{
    const size_t length = strlen(part);
    const char *at = tg_text_of(in->texts, "parts");
    for (size_t n; at && *at; at += n + (at[n] == ' ')) {
        n = strcspn(at, " ");
        if (n == length && memcmp(at, part, n) == 0) return true;
    }
    return false;
}

/* ---- the parts ---- */

typedef const tg_checkpoint_parts parts;

/* Each function has its full name, "critic.model". False with an error pending. */
typedef struct part {
    const char *name;
    bool (*given)(parts *p);
    bool (*put)(tgi_checkpoint_out *out, const char *name, parts *p);
    bool (*load)(tgi_checkpoint_in *in, const char *name, parts *p);
} part;

static bool has_model(parts *p) { return p->model; }
static bool put_model(tgi_checkpoint_out *out, const char *name, parts *p)
{
    return put_list(out, name, tg_state_dict(p->model));
}
static bool load_model(tgi_checkpoint_in *in, const char *name, parts *p)
{
    return tgi_checkpoint_add(in, tgi_state_loading(NULL, p->model, entries_of(in, name)));
}

static bool has_optimizer(parts *p) { return p->optimizer; }
static bool put_optimizer(tgi_checkpoint_out *out, const char *name, parts *p)
{
    return put_list(out, name, tg_optimizer_state_dict(p->optimizer));
}
static bool load_optimizer(tgi_checkpoint_in *in, const char *name, parts *p)
{
    return tgi_checkpoint_add(in, tgi_optimizer_loading(NULL, p->optimizer, entries_of(in, name)));
}

static bool put_one_scheduler(tgi_checkpoint_out *out, const char *name, const tg_scheduler *s)
{
    return name && put_list(out, name, tg_scheduler_state_dict(s));
}
static bool load_one_scheduler(tgi_checkpoint_in *in, const char *name, tg_scheduler *s)
{
    return name && tgi_checkpoint_add(in, tgi_scheduler_loading(NULL, s, entries_of(in, name)));
}

static bool has_scheduler(parts *p) { return p->scheduler; }
static bool put_scheduler(tgi_checkpoint_out *out, const char *name, parts *p)
{
    return put_one_scheduler(out, name, p->scheduler);
}
static bool load_scheduler(tgi_checkpoint_in *in, const char *name, parts *p)
{
    return load_one_scheduler(in, name, p->scheduler);
}

static bool has_schedulers(parts *p) { return p->schedulers.count; }
static bool put_schedulers(tgi_checkpoint_out *out, const char *name, parts *p)
{
    for (int64_t i = 0; i < p->schedulers.count; i++)
        if (!put_one_scheduler(out, tgi_key("%s.%lld", name, (long long)i), p->schedulers.items[i])) return false;
    return true;
}
static bool load_schedulers(tgi_checkpoint_in *in, const char *name, parts *p)
{
    const int64_t count = p->schedulers.count;
    for (int64_t i = 0; i < count; i++)
        if (!load_one_scheduler(in, tgi_key("%s.%lld", name, (long long)i), p->schedulers.items[i])) return false;
    const tg_named_tensor_list more = entries_of(in, tgi_key("%s.%lld", name, (long long)count));
    return !tg_failed() && (more.count == 0 ||
                            tgi_checkpoint_fail(in, TG_ERROR_VALUE, "has more than the %lld schedulers that are given",
                                                (long long)count));
}

static bool has_loader(parts *p) { return p->loader; }
static bool put_loader(tgi_checkpoint_out *out, const char *name, parts *p)
{
    return put_list(out, name, tg_loader_state_dict(p->loader));
}
static bool load_loader(tgi_checkpoint_in *in, const char *name, parts *p)
{
    return tgi_checkpoint_add(in, tgi_loader_loading(NULL, p->loader, entries_of(in, name)));
}

static bool has_generator(parts *p) { return p->generator; }
static bool put_generator(tgi_checkpoint_out *out, const char *name, parts *p)
{
    return tgi_checkpoint_put_generator(out, name, p->generator);
}
static bool load_generator(tgi_checkpoint_in *in, const char *name, parts *p)
{
    return tgi_checkpoint_load_generator(in, name, p->generator);
}

static tg_variable count_at(int64_t *at) { return (tg_variable){ NULL, TG_VARIABLE_INT64, at, -1 }; }

static bool has_step(parts *p) { return p->step; }
static bool put_step(tgi_checkpoint_out *out, const char *name, parts *p)
{
    const tg_variable step = count_at(p->step);
    return tgi_checkpoint_put_variable(out, name, &step);
}
static bool load_step(tgi_checkpoint_in *in, const char *name, parts *p)
{
    const tg_variable step = count_at(p->step);
    return tgi_checkpoint_load_variable(in, name, &step);
}

static bool has_epoch(parts *p) { return p->epoch; }
static bool put_epoch(tgi_checkpoint_out *out, const char *name, parts *p)
{
    const tg_variable epoch = count_at(p->epoch);
    return tgi_checkpoint_put_variable(out, name, &epoch);
}
static bool load_epoch(tgi_checkpoint_in *in, const char *name, parts *p)
{
    const tg_variable epoch = count_at(p->epoch);
    return tgi_checkpoint_load_variable(in, name, &epoch);
}

static bool has_values(parts *p) { return p->values.count; }
static bool put_values(tgi_checkpoint_out *out, const char *name, parts *p)
{
    for (int64_t i = 0; i < p->values.count; i++)
        if (!tgi_checkpoint_put_variable(out, tgi_key("%s.%s", name, p->values.items[i].name), &p->values.items[i]))
            return false;
    return true;
}
/* One that is not there stays, where the file may lack parts. */
static bool load_values(tgi_checkpoint_in *in, const char *name, parts *p)
{
    for (int64_t i = 0; i < p->values.count; i++) {
        const char *key = tgi_key("%s.%s", name, p->values.items[i].name);
        if (!key) return false;
        if (in->partial && !tgi_keys_take(&in->keys, key) && !tg_text_of(in->texts, key)) continue;
        if (!tgi_checkpoint_load_variable(in, key, &p->values.items[i])) return false;
    }
    return true;
}

static const part all_parts[] = {
    { "model", has_model, put_model, load_model },
    { "optimizer", has_optimizer, put_optimizer, load_optimizer },
    { "scheduler", has_scheduler, put_scheduler, load_scheduler },
    { "schedulers", has_schedulers, put_schedulers, load_schedulers },
    { "loader", has_loader, put_loader, load_loader },
    { "generator", has_generator, put_generator, load_generator },
    { "step", has_step, put_step, load_step },
    { "epoch", has_epoch, put_epoch, load_epoch },
    { "values", has_values, put_values, load_values },
};
enum { PARTS = sizeof all_parts / sizeof all_parts[0] };

/* ---- structs of parts, one after another ---- */

static bool handles_ok(const char *function, parts *p)
{
    if (p->model && !tgi_module_ok(NULL, p->model, function)) return false;
    if (p->optimizer && !tgi_optimizer_ok(NULL, p->optimizer, function)) return false;
    if (p->scheduler && !tgi_scheduler_ok(NULL, p->scheduler, function)) return false;
    for (int64_t i = 0; i < p->schedulers.count; i++)
        if (!tgi_scheduler_ok(NULL, p->schedulers.items[i], function)) return false;
    if (p->loader && !tgi_loader_ok(NULL, p->loader, function)) return false;
    for (int64_t i = 0; i < p->values.count; i++)
        if (!tgi_variable_ok(function, p->values.items[i].name, &p->values.items[i])) return false;
    return true;
}

static bool has_any(parts *p)
{
    for (int i = 0; i < PARTS; i++)
        if (all_parts[i].given(p)) return true;
    return false;
}

/* Letters, digits, _ and -; no name that a part has. */
static bool name_ok(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    for (int i = 0; i < PARTS; i++)
        if (strcmp(name, all_parts[i].name) == 0) return false;
    return name[0] && name[strspn(name, letters)] == '\0' && strcmp(name, "default_generator") != 0;
}

static bool same_name(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static bool lists_ok(const char *function, parts *p)
{
    const tg_variable_list v = p->values;
    if (v.count < 0 || (v.count > 0 && !v.items)) return refuse(function, "a list of values that is none");
    if (p->schedulers.count < 0 || (p->schedulers.count > 0 && !p->schedulers.items))
        return refuse(function, "a list of schedulers that is none");
    for (int64_t i = 0; i < v.count; i++)
        if (!v.items[i].name || !v.items[i].name[0]) return refuse(function, "a value without a name");
    for (int64_t i = 0; i < v.count; i++)
        for (int64_t k = 0; k < i; k++)
            if (strcmp(v.items[i].name, v.items[k].name) == 0) return refuse(function, "two values have the same name");
    return true;
}

bool tgi_checkpoint_parts_ok(const char *function, parts *first)
{
    int count = 0;
    for (parts *p = first; p; p = p->parts) {
        if (++count > MOST_SETS)
            return refuse(function, "more than 64 structs of parts, or parts that lead in a circle");
        if (!lists_ok(function, p) || !handles_ok(function, p)) return false;
        if (p->name && !name_ok(p->name))
            return refuse(function, "the name of parts is of letters, digits, _ and -, and none that a part has");
        for (parts *q = first; q != p; q = q->parts)
            if (has_any(p) && has_any(q) && same_name(p->name, q->name))
                return refuse(function, p->name ? "two structs of parts have the same name"
                                                : "further parts need a name: two structs of parts have none");
    }
    return true;
}

static bool any_says(parts *p, size_t offset)
{
    for (; p; p = p->parts)
        if (*(const bool *)((const char *)p + offset)) return true;
    return false;
}

/* "critic.model" */
static const char *full_name(parts *p, const part *which)
{
    return tgi_key("%s%s%s", p->name ? p->name : "", p->name ? "." : "", which->name);
}

/* ---- saving ---- */

static bool put_part_name(tgi_checkpoint_out *out, const char *name)
{
    if (name) out->parts = tgi_key("%s%s%s", out->parts, *out->parts ? " " : "", name);
    return name && out->parts;
}

static bool put_all(tgi_checkpoint_out *out, parts *first, tg_variable_list more)
{
    for (parts *p = first; p; p = p->parts)
        for (int i = 0; i < PARTS; i++) {
            const char *name = all_parts[i].given(p) ? full_name(p, &all_parts[i]) : NULL;
            if (name && (!put_part_name(out, name) || !all_parts[i].put(out, name, p))) return false;
            if (tg_failed()) return false;
        }
    if (!any_says(first, offsetof(tg_checkpoint_parts, leave_generator)) &&
        (!put_part_name(out, "default_generator") ||
         !tgi_checkpoint_put_generator(out, "default_generator", tg_default_generator())))
        return false;
    for (int64_t i = 0; i < more.count; i++)
        if (!tgi_checkpoint_put_variable(out, more.items[i].name, &more.items[i])) return false;
    tgi_checkpoint_put_text(out, "format", format_name);
    tgi_checkpoint_put_text(out, "version", tgi_key("%d", VERSION));
    tgi_checkpoint_put_text(out, "parts", out->parts);
    const tg_named_tensor_list list = { out->items, out->count };
    if (tg_failed()) return false;
    const uint64_t sum = tgi_checksum(list, (tg_text_pairs){ out->texts, out->text_count });
    tgi_checkpoint_put_text(out, "checksum", tgi_key("%016" PRIx64, sum));
    return !tg_failed();
}

bool tgi_checkpoint_save(const char *function, const char *path, parts *first, tg_variable_list more)
{
    const tg_scope scope = tg_no_grad_begin();
    tgi_checkpoint_out out = { .function = function, .parts = "" };
    if (put_all(&out, first, more)) {
        const tg_named_tensor_list list = { out.items, out.count };
        tg_save_safetensors(list, path, .metadata = { out.texts, out.text_count });
    }
    tgi_grow_free(out.items, out.room, sizeof *out.items);
    tgi_grow_free(out.texts, out.text_room, sizeof *out.texts);
    tg_scope_end(scope);
    return !tg_failed();
}

tg_status tg_checkpoint_save_at(const char *where, const char *path, tg_checkpoint_parts given)
{
    static const char function[] = "checkpoint_save";
    tgi_begin(where, function);
    if (tg_failed() || !tgi_checkpoint_parts_ok(function, &given)) return TG_FAILED;
    return tgi_checkpoint_save(function, path, &given, (tg_variable_list){ NULL, 0 }) ? TG_OK : TG_FAILED;
}

/* ---- loading ---- */

static bool check_format(const tgi_checkpoint_in *in)
{
    const char *format = tg_text_of(in->texts, "format"), *version = tg_text_of(in->texts, "version");
    const char *sum = tg_text_of(in->texts, "checksum");
    if (!format || strcmp(format, format_name) != 0)
        return tgi_checkpoint_fail(in, TG_ERROR_FILE,
                                   "is no checkpoint: its metadata has no \"format\" that is \"%s\"; tg_load reads "
                                   "what it holds",
                                   format_name);
    if (!version || strcmp(version, "1") != 0)
        return tgi_checkpoint_fail(in, TG_ERROR_VALUE, "is a checkpoint of version %s; version 1 is read here",
                                   version ? version : "?");
    if (!tg_text_of(in->texts, "parts")) return tgi_checkpoint_fail(in, TG_ERROR_FILE, "its metadata has no \"parts\"");
    if (!sum) return tgi_checkpoint_fail(in, TG_ERROR_FILE, "its metadata has no \"checksum\"");
    char expected[24];
    snprintf(expected, sizeof expected, "%016" PRIx64, tgi_checksum(in->list, in->texts));
    if (tg_failed() || strcmp(sum, "none") == 0 || strcmp(sum, expected) == 0) return !tg_failed();
    return tgi_checkpoint_fail(in, TG_ERROR_FILE, "is damaged: its checksum is %s, and that of what it holds %s", sum,
                               expected);
}

/* An error of a part says, too, of which part of which file. */
static bool load_and_name(tgi_checkpoint_in *in, const char *name, const part *which, parts *p)
{
    const bool before = tgi_set_untold(true);
    const bool loaded = which->load(in, name, p);
    tgi_set_untold(before);
    if (loaded) return true;
    tgi_error_record record;
    tgi_error_take(&record);
    if (record.code == TG_ERROR_MEMORY || strncmp(record.message, in->path, strlen(in->path)) == 0)
        tgi_error_give(&record);
    else
        tg_fail_at(NULL, record.code, in->function, "%s: %s: %s", in->path, name, record.message);
    return false;
}

static bool load_part(tgi_checkpoint_in *in, const char *name, const part *which, parts *p)
{
    if (!name) return false;
    if (has(in, name)) return load_and_name(in, name, which, p);
    return in->partial || tgi_checkpoint_fail(in, TG_ERROR_VALUE, "has no %s; its parts are: %s", name,
                                              tg_text_of(in->texts, "parts"));
}

static bool load_default_generator(tgi_checkpoint_in *in, const char *name, parts *p)
{
    (void)p;
    return tgi_checkpoint_load_generator(in, name, tg_default_generator());
}

/* Makes everything ready. False with an error pending. */
static bool load_all(tgi_checkpoint_in *in, parts *first, tg_variable_list more)
{
    static const part default_generator = { .name = "default_generator", .load = load_default_generator };
    in->list = tg_load_safetensors(in->path, .metadata = &in->texts);
    if (tg_failed() || !check_format(in) || !tgi_keys_begin(&in->keys, in->function, in->list)) return false;
    in->partial = any_says(first, offsetof(tg_checkpoint_parts, partial));
    for (parts *p = first; p; p = p->parts)
        for (int i = 0; i < PARTS; i++)
            if (all_parts[i].given(p) && !load_part(in, full_name(p, &all_parts[i]), &all_parts[i], p)) return false;
    if (!any_says(first, offsetof(tg_checkpoint_parts, leave_generator)) &&
        !load_part(in, default_generator.name, &default_generator, first))
        return false;
    for (int64_t i = 0; i < more.count; i++)
        if (!tgi_checkpoint_load_variable(in, more.items[i].name, &more.items[i])) return false;
    return !tg_failed();
}

bool tgi_checkpoint_load(const char *function, const char *path, parts *first, tg_variable_list more)
{
    const tg_scope scope = tg_no_grad_begin();
    tgi_checkpoint_in in = { .function = function, .path = path };
    const bool ready = load_all(&in, first, more);
    for (tgi_loading *l = in.loadings; l; l = l->next) l->end(l, ready);
    tg_scope_end(scope);
    return ready;
}

tg_status tg_checkpoint_load_at(const char *where, const char *path, tg_checkpoint_parts given)
{
    static const char function[] = "checkpoint_load";
    tgi_begin(where, function);
    if (tg_failed() || !tgi_checkpoint_parts_ok(function, &given)) return TG_FAILED;
    return tgi_checkpoint_load(function, path, &given, (tg_variable_list){ NULL, 0 }) ? TG_OK : TG_FAILED;
}

/* compare_run.c: a recorded run in memory, its tensors found by what they are. */
#include "compare_impl.h"

#include "core/error.h"
#include "core/file/safetensors.h"
#include "core/file/sort_impl.h"
#include "core/text.h"
#include "core/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 1 << 30 };

static const struct {
    const char *prefix;
    bool of_call;
} roles[TGI_ROLES] = {
    [TGI_STATE] = { "state.", false },
    [TGI_INPUT] = { "input/", true },
    [TGI_OUTPUT] = { "output/", true },
    [TGI_LOSS] = { "loss", false },
    [TGI_STATE_AFTER] = { "state_after.", false },
    [TGI_OUTPUT_GRADIENT] = { "output_gradient/", true },
    [TGI_GRADIENT] = { "gradient.", false },
};

/* ---- what a file says ---- */

/* "lstm/0/1" of a call: the module's name, which call, which of its tensors. */
static bool read_call(const tgi_run *run, const char *text, tgi_recorded *r)
{
    const char *last = strrchr(text, '/'), *middle = last;
    while (middle && middle > text && *--middle != '/') continue;
    if (!middle || *middle != '/') return false;
    r->call = strtoll(middle + 1, NULL, 10);
    r->index = (int)strtol(last + 1, NULL, 10);
    r->module = tgi_run_module(run, text, (size_t)(middle - text));
    return r->module >= 0 && r->call >= 0 && r->call < MOST_CALLS && r->index >= 0;
}

static tgi_recorded read_key(const tgi_run *run, const char *key, tg_tensor *t)
{
    tgi_recorded r = { .key = key, .role = TGI_ROLES, .name = "", .module = -1, .tensor = t };
    for (int role = 0; role < TGI_ROLES; role++) {
        const size_t length = strlen(roles[role].prefix);
        if (strncmp(key, roles[role].prefix, length) != 0) continue;
        if (roles[role].of_call ? !read_call(run, key + length, &r) : role == TGI_LOSS && key[length]) break;
        r.role = (tgi_role)role;
        if (!roles[role].of_call) r.name = key + length;
        break;
    }
    const char *dot = r.module < 0 ? strrchr(r.name, '.') : NULL;
    r.owner = r.module >= 0 ? r.module : tgi_run_module(run, r.name, dot ? (size_t)(dot - r.name) : 0);
    return r;
}

static int by_key(const void *context, int64_t a, int64_t b)
{
    const tg_named_tensor *items = context;
    return strcmp(items[a].name, items[b].name);
}

static char *copy(char **to, const char *text)
{
    char *at = *to;
    const size_t bytes = strlen(text) + 1;
    memcpy(at, text, bytes);
    *to += bytes;
    return at;
}

static bool take_text(tgi_run *run, tg_named_tensor_list list, tg_text_pairs pairs)
{
    run->text_bytes = 1;
    for (int64_t i = 0; i < list.count; i++) run->text_bytes += strlen(list.items[i].name) + 1;
    for (int64_t i = 0; i < pairs.count; i++)
        run->text_bytes += strlen(pairs.items[i].key) + strlen(pairs.items[i].text) + 2;
    run->text = tgi_calloc(run->text_bytes);
    return run->text;
}

static bool take_modules(tgi_run *run, char **text, tg_text_pairs pairs)
{
    static const char prefix[] = "module.";
    for (int64_t i = 0; i < pairs.count; i++) {
        const char *key = pairs.items[i].key, *said = pairs.items[i].text;
        if (strncmp(key, prefix, sizeof prefix - 1) != 0) continue;
        if (!tgi_grow(&run->modules, &run->module_capacity, run->module_count + 1, sizeof *run->modules)) return false;
        const char *name = copy(text, key + sizeof prefix - 1), *settings = strchr(said, ' ');
        run->modules[run->module_count++] = (tgi_recorded_module){
            .name = name,
            .settings = copy(text, settings ? settings + 1 : said),
            .attributes = "",
            .trains = strncmp(said, "train ", 6) == 0,
        };
    }
    for (int64_t i = 0; i < pairs.count; i++) {
        if (strncmp(pairs.items[i].key, "attributes.", 11) != 0) continue;
        const int m = tgi_run_module(run, pairs.items[i].key + 11, strlen(pairs.items[i].key + 11));
        if (m >= 0) run->modules[m].attributes = copy(text, pairs.items[i].text);
    }
    return true;
}

static bool take_tensors(tgi_run *run, char **text, tg_named_tensor_list list)
{
    int64_t *order = tgi_scope_alloc((size_t)(list.count + 1) * sizeof *order);
    if (!order || !tgi_grow(&run->items, &run->capacity, list.count, sizeof *run->items)) return false;
    for (int64_t i = 0; i < list.count; i++) order[i] = i;
    tgi_sort(order, list.count, by_key, list.items);
    for (int64_t i = 0; i < list.count; i++) {
        const tg_named_tensor *from = &list.items[order[i]];
        tgi_recorded *r = &run->items[run->count];
        *r = read_key(run, copy(text, from->name), from->tensor);
        r->order = order[i];
        if (!tg_keep_at(NULL, r->tensor)) return false;
        run->count++;
        if (r->module >= 0 && r->call >= run->modules[r->module].calls) run->modules[r->module].calls = r->call + 1;
    }
    return true;
}

static bool find_largest(tgi_run *run)
{
    for (int64_t i = 0; i < run->count && tg_ok(); i++) {
        const tg_scope scope = tg_scope_begin();
        tgi_reals values;
        if (run->items[i].role < TGI_ROLES && tgi_reals_of(&values, run->items[i].tensor)) {
            const double largest = tgi_reals_largest(values);
            if (largest > run->largest[run->items[i].role]) run->largest[run->items[i].role] = largest;
        }
        tg_scope_end(scope);
    }
    return tg_ok();
}

bool tgi_run_load(tgi_run *run, const char *path)
{
    *run = (tgi_run){ 0 };
    const tg_scope scope = tg_scope_begin();
    tg_text_pairs pairs = { NULL, 0 };
    const tg_named_tensor_list list = tg_load_safetensors(path, .metadata = &pairs);
    const char *format = tg_text_of(pairs, "format");
    if (tg_ok() && (!format || strcmp(format, "tapegrad-run") != 0))
        tg_fail_at(NULL, TG_ERROR_FILE, "compare_begin",
                   "%s is no recorded run: examples/record_run.py records one (docs/port-checker.md)", path);
    bool ok = tg_ok() && take_text(run, list, pairs);
    char *text = run->text;
    ok = ok && take_modules(run, &text, pairs) && take_tensors(run, &text, list) && find_largest(run);
    if (!ok) tgi_run_free(run);
    tg_scope_end(scope);
    return ok;
}

void tgi_run_free(tgi_run *run)
{
    for (int64_t i = 0; i < run->count; i++) tg_release_at(NULL, run->items[i].tensor);
    tgi_grow_free(run->items, run->capacity, sizeof *run->items);
    tgi_grow_free(run->modules, run->module_capacity, sizeof *run->modules);
    if (run->text) tgi_free(run->text, run->text_bytes);
    *run = (tgi_run){ 0 };
}

/* ---- found ---- */

tgi_recorded *tgi_run_find(const tgi_run *run, const char *key)
{
    int64_t low = 0, high = run->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(run->items[middle].key, key);
        if (order == 0) return &run->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

tgi_recorded *tgi_run_find_call(const tgi_run *run, tgi_role role, int module, int64_t call, int index)
{
    char key[512];
    if (module < 0) return NULL;
    const int length = snprintf(key, sizeof key, "%s%s/%lld/%d", roles[role].prefix, run->modules[module].name,
                                (long long)call, index);
    return length < (int)sizeof key ? tgi_run_find(run, key) : NULL;
}

tgi_recorded *tgi_run_find_named(const tgi_run *run, tgi_role role, const char *name)
{
    char key[512];
    return snprintf(key, sizeof key, "%s%s", roles[role].prefix, name) < (int)sizeof key ? tgi_run_find(run, key)
                                                                                         : NULL;
}

tgi_recorded *tgi_run_find_parameter(const tgi_run *run, int module, const char *name)
{
    char dotted[512];
    if (module < 0) return NULL;
    const char *of = run->modules[module].name;
    const int length = snprintf(dotted, sizeof dotted, "%s%s%s", of, *of ? "." : "", name);
    return length < (int)sizeof dotted ? tgi_run_find_named(run, TGI_STATE, dotted) : NULL;
}

int tgi_run_module(const tgi_run *run, const char *name, size_t length)
{
    for (int64_t i = 0; i < run->module_count; i++)
        if (strlen(run->modules[i].name) == length && memcmp(run->modules[i].name, name, length) == 0) return (int)i;
    return -1;
}

size_t tgi_kind_length(const char *settings) { return strcspn(settings, "("); }

double tgi_attribute(const tgi_run *run, int module, const char *key, double otherwise)
{
    const size_t length = strlen(key);
    double value = otherwise;
    void *before = tgi_text_begin();
    for (const char *at = module < 0 ? NULL : run->modules[module].attributes; at && *at;) {
        if (strncmp(at, key, length) == 0 && at[length] == '=') {
            value = at[length + 1] == 'T' ? 1 : strtod(at + length + 1, NULL);
            break;
        }
        at = strstr(at, ", ");
        at = at ? at + 2 : NULL;
    }
    tgi_text_end(before);
    return value;
}

const char *tgi_recorded_text(const tgi_run *run, const tgi_recorded *r, char text[TGI_RECORDED_TEXT])
{
    static const char *const of_call[TGI_ROLES] = { [TGI_INPUT] = "input",
                                                    [TGI_OUTPUT] = "output",
                                                    [TGI_OUTPUT_GRADIENT] = "the gradient of output" };
    static const char *const named[TGI_ROLES] = { [TGI_STATE] = "",
                                                  [TGI_LOSS] = "the loss",
                                                  [TGI_STATE_AFTER] = "after forward, ",
                                                  [TGI_GRADIENT] = "the gradient of " };
    if (r->role == TGI_ROLES || r->module < 0) {
        snprintf(text, TGI_RECORDED_TEXT, "%s%.200s", r->role < TGI_ROLES ? named[r->role] : "", r->name);
        return text;
    }
    const tgi_recorded_module *m = &run->modules[r->module];
    const int kind = (int)tgi_kind_length(m->settings);
    const int length = snprintf(text, TGI_RECORDED_TEXT, "%s %d of %.150s", of_call[r->role], r->index,
                                *m->name ? m->name : "the model");
    if (*m->name && length > 0)
        snprintf(text + length, TGI_RECORDED_TEXT - (size_t)length, " (%.*s)", kind < 60 ? kind : 60, m->settings);
    const size_t used = strlen(text);
    if (m->calls > 1)
        snprintf(text + used, TGI_RECORDED_TEXT - used, ", call %lld of %lld", (long long)r->call + 1,
                 (long long)m->calls);
    return text;
}

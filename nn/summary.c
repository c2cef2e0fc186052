/* summary.c: a forward measured layer by layer, and the table of it.
 *
 * Hooks tell when a layer begins and ends. What the tape recorded since the last of these events belongs to the layer
 * that was at work: its nodes have the shapes that products are counted by, and the tensors saved for backward. */
#include "summary.h"

#include "core/error.h"
#include "core/rng.h"
#include "core/scope.h"
#include "core/tape_impl.h"
#include "ops/layers/conv_node.h"
#include "ops/view.h"
#include "module_hooks_impl.h"
#include "state.h"

#include <inttypes.h>
#include <string.h>

/* ---- multiply-adds of a node ---- */

/* False for an input that has no gradient: the tape does not know it. */
static bool input_shape(const tg_node *node, int i, tg_shape *shape)
{
    int output;
    const tg_tensor *leaf;
    const tg_node *from = tg_node_input(node, i, &output, &leaf);
    if (!from && !leaf) return false;
    *shape = from ? tg_node_output_shape(from, output) : tgi_shape(leaf);
    return true;
}

/* The size that a product of inputs `a` and `a + 1` sums over. */
static int64_t inner_size(const tg_node *node, int a)
{
    tg_shape s;
    if (input_shape(node, a, &s)) return s.dims[s.ndim - 1];
    if (input_shape(node, a + 1, &s)) return s.dims[s.ndim == 1 ? 0 : s.ndim - 2];
    return 0;
}

/* Each element of the weight but its first dimension takes part for each element of what has that dimension's channels:
 * the output, or of a transposed convolution the input. */
static int64_t convolution(const tg_node *node, int64_t made)
{
    tg_shape weight, input;
    if (!input_shape(node, 1, &weight) || weight.dims[0] == 0) return 0;
    if (tgi_conv_is_transposed(node)) made = input_shape(node, 0, &input) ? tg_shape_numel(&input) : 0;
    return made * (tg_shape_numel(&weight) / weight.dims[0]);
}

/* Scores, and the mean of the values: for each query and key the sizes of a key and of a value. */
static int64_t attention(const tg_node *node, int64_t made)
{
    tg_shape query, key, value;
    if (!input_shape(node, 0, &query) || !input_shape(node, 1, &key) || !input_shape(node, 2, &value)) return 0;
    const int64_t size = query.dims[query.ndim - 1], value_size = value.dims[value.ndim - 1];
    return value_size ? made / value_size * key.dims[key.ndim - 2] * (size + value_size) : 0;
}

static int64_t multiply_adds(const tg_node *node)
{
    const char *name = tg_node_op(node)->name;
    const tg_shape output = tg_node_output_shape(node, 0);
    const int64_t made = tg_shape_numel(&output);
    tg_shape x;
    if (strcmp(name, "linear") == 0) { /* the weight is [outputs, inputs] */
        if (input_shape(node, 0, &x) || input_shape(node, 1, &x)) return made * x.dims[x.ndim - 1];
        return 0;
    }
    if (strcmp(name, "matmul") == 0) return made * inner_size(node, 0);
    if (strcmp(name, "addmm") == 0) return made * inner_size(node, 1);
    if (strcmp(name, "convolution") == 0) return convolution(node, made);
    if (strcmp(name, "scaled_dot_product_attention") == 0) return attention(node, made);
    return 0;
}

/* ---- measuring ---- */

typedef struct measuring {
    tg_layer_summary *layers;
    int64_t at_work;          /* the layer; -1: none */
    int64_t counted;          /* nodes of the tape */
    tgi_address_set storages; /* that are known */
} measuring;

/* What the hooks of a layer know. */
typedef struct watcher {
    measuring *measuring;
    int64_t layer, outer;
} watcher;

static void count_node(measuring *m, tg_layer_summary *layer, const tg_node *node)
{
    layer->multiply_adds += multiply_adds(node);
    for (int i = 0; i < node->saved_count; i++) {
        const tg_tensor *saved = tgi_saved_of(node)[i].tensor;
        if (saved && tgi_set_add(&m->storages, saved->storage) == TGI_ADDED)
            layer->saved_bytes += (int64_t)saved->storage->bytes;
    }
}

/* What was recorded since belongs to the layer at work. */
static void count_nodes(measuring *m)
{
    const int64_t length = tg_tape_length();
    if (m->at_work >= 0)
        for (int64_t i = m->counted; i < length; i++) count_node(m, &m->layers[m->at_work], tg_tape_node(i));
    m->counted = length;
}

static void enter_layer(tg_module *module, const tg_module_call *call, void *context)
{
    (void)module, (void)call;
    watcher *w = context;
    count_nodes(w->measuring);
    w->outer = w->measuring->at_work;
    w->measuring->at_work = w->layer;
}

static void leave_layer(tg_module *module, const tg_module_call *call, void *context)
{
    (void)module;
    const watcher *w = context;
    tg_layer_summary *layer = &w->measuring->layers[w->layer];
    count_nodes(w->measuring);
    w->measuring->at_work = w->outer;
    layer->calls++;
    layer->output = tg_shape_of(call->outputs[0]);
}

/* The copy's tensors are known, so that they are not counted as saved; gradients flow to all of them. */
static bool prepare(measuring *m, tg_module *copy)
{
    const tg_named_tensor_list state = tg_state_dict_at(NULL, copy);
    for (int64_t i = 0; i < state.count; i++)
        if (tgi_set_add(&m->storages, state.items[i].tensor->storage) == TGI_NOT_ADDED) return false;
    tg_module_requires_grad_at(NULL, copy, true);
    const tg_module_array modules = tg_modules_at(NULL, copy);
    watcher *watchers = tgi_scope_alloc((size_t)(modules.count + 1) * sizeof *watchers);
    for (int64_t i = 0; watchers && i < modules.count; i++) {
        watchers[i] = (watcher){ m, i, -1 };
        if (tgi_hook_add(modules.items[i], TGI_BEFORE_FORWARD, enter_layer, &watchers[i], NULL) < 0) return false;
        if (tgi_hook_add(modules.items[i], TGI_AFTER_FORWARD, leave_layer, &watchers[i], NULL) < 0) return false;
    }
    return watchers && !tg_failed();
}

static bool measure(tg_module *module, tg_tensor *x, tg_layer_summary *layers)
{
    measuring m = { .layers = layers, .at_work = -1 };
    tg_module *copy = tg_module_copy_at(NULL, module);
    if (!copy) return false;
    const tg_generator stream = *tg_default_generator();
    tg_scope scope = tg_enable_grad_begin();
    m.counted = tg_tape_length();
    tg_tensor *input = tg_detach(x), *y = NULL;
    if (input && tgi_is_floating(input)) tg_requires_grad_(input, true);
    if (input && prepare(&m, copy)) y = tg_module_forward_at(NULL, copy, input);
    tg_scope_end(scope);
    *tg_default_generator() = stream;
    tgi_set_free(&m.storages);
    tg_module_free_at(NULL, copy);
    return y;
}

/* The module's own, but for what is known already. */
static bool count_parameters(const tg_module *m, tgi_address_set *known, tg_layer_summary *layer, int64_t *trainable)
{
    for (const tgi_slot *slot = m->first; slot; slot = slot->next) {
        if (slot->kind != TGI_PARAMETER || !slot->as.tensor) continue;
        const tgi_added added = tgi_set_add(known, slot->as.tensor);
        if (added == TGI_NOT_ADDED) return false;
        if (added == TGI_KNOWN) continue;
        layer->parameters += slot->as.tensor->numel;
        if (slot->as.tensor->requires_grad) *trainable += slot->as.tensor->numel;
    }
    return true;
}

tg_summary tg_module_summary_at(const char *where, tg_module *m, tg_tensor *x)
{
    const tg_op op = { .name = tgi_module_name(m, "module_summary") };
    const tg_summary nothing = { .count = 0 };
    if (!tgi_forward_begin(where, m, &op, tg_list(x))) return nothing;
    const tg_named_module_list modules = tg_named_modules_at(NULL, m);
    tg_layer_summary *layers = tgi_scope_alloc((size_t)(modules.count + 1) * sizeof *layers);
    tg_summary s = { .layers = layers, .count = modules.count };
    tgi_address_set known = { NULL, 0, 0 };
    bool fine = layers && modules.count;
    for (int64_t i = 0; fine && i < modules.count; i++) {
        const tg_module *module = modules.items[i].module;
        layers[i] = (tg_layer_summary){ .name = modules.items[i].name, .kind = module->base.name, .output.ndim = -1 };
        fine = count_parameters(module, &known, &layers[i], &s.trainable_parameters);
    }
    tgi_set_free(&known);
    if (!fine || !measure(m, x, layers)) return nothing;
    for (int64_t i = 0; i < s.count; i++) {
        s.parameters += layers[i].parameters;
        s.multiply_adds += layers[i].multiply_adds;
        s.saved_bytes += layers[i].saved_bytes;
    }
    return s;
}

/* ---- the table ---- */

enum { COLUMNS = 6, LEFT = 3, GAP = 3 }; /* the first ones stand to the left, numbers to the right */

typedef struct line {
    const char *cell[COLUMNS];
    char output[TG_SHAPE_TEXT], numbers[COLUMNS - LEFT][24];
} line;

static const line header = { .cell = { "Layer", "Kind", "Output", "Parameters", "Multiply-adds", "Saved bytes" } };

static void fill(line *l, const char *name, const char *kind, const tg_layer_summary *of)
{
    const int64_t numbers[] = { of->parameters, of->multiply_adds, of->saved_bytes };
    l->cell[0] = name;
    l->cell[1] = kind;
    l->cell[2] = of->output.ndim < 0 ? "" : tg_shape_text(&of->output, l->output);
    for (int i = 0; i < COLUMNS - LEFT; i++) {
        snprintf(l->numbers[i], sizeof l->numbers[i], "%" PRId64, numbers[i]);
        l->cell[LEFT + i] = l->numbers[i];
    }
}

static void fill_layer(line *l, const tg_layer_summary *layer)
{
    fill(l, *layer->name ? layer->name : "(model)", layer->kind, layer);
}

static void fill_total(line *l, const tg_summary *s)
{
    const tg_layer_summary total = { .output.ndim = -1,
                                     .parameters = s->parameters,
                                     .multiply_adds = s->multiply_adds,
                                     .saved_bytes = s->saved_bytes };
    fill(l, "Total", "", &total);
}

static void widen(size_t width[COLUMNS], const line *l)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strlen(l->cell[i]) > width[i]) width[i] = strlen(l->cell[i]);
}

static void put_many(tgi_writer *w, const char *character, size_t count)
{
    for (size_t i = 0; i < count; i++) tgi_put(w, character, 1);
}

static void put_line(tgi_writer *w, const size_t width[COLUMNS], const line *l)
{
    for (int i = 0; i < COLUMNS; i++) {
        const size_t blanks = width[i] - strlen(l->cell[i]);
        if (i >= LEFT) put_many(w, " ", blanks);
        tgi_put_text(w, l->cell[i]);
        if (i < LEFT) put_many(w, " ", blanks);
        put_many(w, " ", i + 1 < COLUMNS ? GAP : 0);
    }
}

static void put_summary(tgi_writer *w, const tg_summary *s)
{
    size_t width[COLUMNS] = { 0 }, all = GAP * (COLUMNS - 1);
    line l;
    widen(width, &header);
    fill_total(&l, s);
    widen(width, &l);
    for (int64_t i = 0; i < s->count; i++) {
        fill_layer(&l, &s->layers[i]);
        widen(width, &l);
    }
    for (int i = 0; i < COLUMNS; i++) all += width[i];
    put_line(w, width, &header);
    tgi_put_text(w, "\n");
    put_many(w, "-", all);
    for (int64_t i = 0; i < s->count; i++) {
        fill_layer(&l, &s->layers[i]);
        tgi_put_text(w, "\n");
        put_line(w, width, &l);
    }
    tgi_put_text(w, "\n");
    put_many(w, "-", all);
    tgi_put_text(w, "\n");
    fill_total(&l, s);
    put_line(w, width, &l);
}

static bool has_place(const void *to)
{
    if (!to) tg_fail_at(NULL, TG_ERROR_NULL, "module_summary", "there is nothing to write to");
    return to;
}

void tg_module_summary_print_to(FILE *file, tg_module *m, tg_tensor *x)
{
    if (!has_place(file)) return;
    tg_scope scope = tg_scope_begin();
    tgi_writer w = { file, NULL, 0, 0 };
    const tg_summary s = tg_module_summary_at(NULL, m, x);
    if (s.count) {
        put_summary(&w, &s);
        tgi_put_text(&w, "\n");
    }
    tg_scope_end(scope);
}

int64_t tg_module_summary_format_to(tg_module *m, tg_tensor *x, char *buffer, int64_t size)
{
    if (!has_place(size > 0 ? buffer : "")) return 0;
    tg_scope scope = tg_scope_begin();
    tgi_writer w = { NULL, buffer, size, 0 };
    const tg_summary s = tg_module_summary_at(NULL, m, x);
    if (s.count) put_summary(&w, &s);
    tg_scope_end(scope);
    return tgi_put_end(&w);
}

/* tape.c: recording.
 *
 * The tape is a list of nodes in the order of execution. A node is one block of memory that holds all its op will need:
 * where its inputs came from, the shapes of its outputs, the tensors it saved and its attributes. Tensors do not own
 * nodes and nodes do not own each other; the scopes decide how long the tape is. So there is nothing to sort, nothing
 * to recurse into, and a chain of a million nodes is freed by a loop.
 *
 * A tensor knows its node by position and serial number, never by address: when the node is gone, the tensor
 * notices. */
#include "observe_impl.h"
#include "reading_impl.h"
#include "tape_impl.h"

#include <string.h>

/* ---- nodes ----
 *
 * The block of one, here of y = linear(x, w, bias) with y of [5, 3], which saves x and w:
 *
 *     node         op | where | serial | first_slot | index, low, the counts, where the attributes are
 *     inputs       the node that made x      | which of its outputs
 *                  the leaf w, a reference   | TGI_TO_LEAF
 *                  bias, not to be trained   | TGI_TO_NOWHERE
 *     outputs      y: NULL, nobody watches   | where its sizes are, below | 2 dimensions, float32
 *     saved        x, a reference            | the version of its storage
 *                  w, a reference            | the version of its storage
 *     sizes        5 | 3
 *     attributes   none here; of other ops what they passed to tg_record, copied */

/* False, with an error recorded, when an output cannot be used. */
static inline bool dims_bytes(const tg_op *op, tg_tensor_list outputs, size_t *bytes)
{
    *bytes = 0;
    for (int64_t i = 0; i < outputs.count; i++) {
        if (!tgi_handle_ok(op->name, outputs.items[i])) return false;
        *bytes += (size_t)outputs.items[i]->ndim * sizeof(int64_t);
    }
    return true;
}

/* Lays the node and its arrays out in one block. */
static tg_node *node_new(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, int64_t saved_count,
                         size_t attributes_size)
{
    size_t dims_size;
    if (!dims_bytes(op, outputs, &dims_size)) return NULL;
    const size_t attributes_at = sizeof(tg_node) + (size_t)inputs.count * sizeof(tgi_edge) +
                                 (size_t)outputs.count * sizeof(tgi_output) + (size_t)saved_count * sizeof(tgi_saved) +
                                 dims_size;
    const size_t bytes = attributes_at + attributes_size;
    if ((bytes | attributes_size) > UINT32_MAX)
        return tg_fail_at(NULL, TG_ERROR_MEMORY, "", "out of memory: a node of %zu bytes", bytes), NULL;
    tg_node *node = tgi_alloc(bytes);
    if (!node) return NULL;
    node->bytes = (uint32_t)bytes;
    node->attributes_at = (uint32_t)attributes_at;
    node->input_count = (int32_t)inputs.count;
    node->output_count = (int32_t)outputs.count;
    node->saved_count = (int32_t)saved_count;
    node->spent = 0;
    node->place = 0;
    int64_t *dims = (int64_t *)(tgi_saved_of(node) + saved_count);
    for (int64_t i = 0; i < outputs.count; i++) {
        const tg_tensor *t = outputs.items[i];
        tgi_outputs(node)[i] = (tgi_output){ NULL, dims, t->ndim, t->dtype };
        for (int d = 0; d < t->ndim; d++) *dims++ = t->dims[d];
    }
    return node;
}

bool tgi_node_release_saved(tg_node *node)
{
    bool any = false;
    tgi_saved *saved = tgi_saved_of(node);
    for (int i = 0; i < node->saved_count; i++) {
        any |= saved[i].tensor || saved[i].packed;
        if (saved[i].tensor)
            tgi_unref(saved[i].tensor);
        else if (saved[i].packed)
            saved[i].packed->how->free(saved[i].packed);
        saved[i] = (tgi_saved){ .tensor = NULL, .packed = NULL };
    }
    return any;
}

tgi_watch *tgi_watch_of(tgi_output *output)
{
    if (!output->watch) output->watch = tgi_calloc(sizeof *output->watch);
    return output->watch;
}

static void watch_free(tgi_watch *watch)
{
    tgi_hooks_free(watch->hooks);
    tgi_unref(watch->retained);
    tgi_name_free(watch->name);
    tgi_free(watch, sizeof *watch);
}

static void node_free(tg_node *node)
{
    if (node->saved_count) tgi_node_release_saved(node);
    const tgi_edge *edge = tgi_inputs(node), *const end = edge + node->input_count;
    for (; edge < end; edge++)
        if (edge->output == TGI_TO_LEAF) tgi_unref(edge->to.leaf);
    const tgi_output *output = tgi_outputs(node), *const last = output + node->output_count;
    for (; output < last; output++)
        if (output->watch) watch_free(output->watch);
    tgi_dealloc(tgi_self.pool, node, node->bytes);
}

void tgi_tape_truncate(int64_t length)
{
    tgi_thread *self = &tgi_self;
    if (self->observers && self->node_count > length) self->observers->tell->truncated(length);
    while (self->node_count > length) {
        tg_node *node = self->nodes[--self->node_count];
        if (self->node_count >= TGI_AHEAD) tgi_prefetch(self->nodes[self->node_count - TGI_AHEAD]);
        self->next_slot = node->first_slot;
        node_free(node);
    }
}

/* ---- where tensors come from ---- */

static inline tg_node *node_of(const tgi_thread *self, const tg_tensor *t)
{
    if (!t->origin.serial || t->origin.index >= self->node_count) return NULL;
    tg_node *node = self->nodes[t->origin.index];
    return node->serial == t->origin.serial ? node : NULL;
}

tg_node *tgi_node_of(const tg_tensor *t) { return node_of(&tgi_self, t); }

static bool fail_severed(const tg_tensor *t, const char *op)
{
    tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, op,
        "the tensor made at %s has lost its history: the scope that recorded it has ended, or another thread recorded "
        "it. Use tg_detach if no gradient should flow through it",
        t->where ? t->where : "an unknown place");
    return false;
}

/* Of a tensor whose node is not on the tape. */
TG_RARE static bool edge_without_node(const tg_tensor *t, const char *op, tgi_edge *edge)
{
    if (t->origin.serial != TGI_STANDS_FOR_LEAF) return fail_severed(t, op);
    edge->to.leaf = t->extra->leaf;
    edge->output = TGI_TO_LEAF;
    return true;
}

static inline bool edge_to(const tgi_thread *self, tg_tensor *t, const char *op, tgi_edge *edge)
{
    if (!t->origin.serial) {
        edge->to.leaf = t;
        edge->output = t->requires_grad ? TGI_TO_LEAF : TGI_TO_NOWHERE;
        return true;
    }
    tg_node *node = node_of(self, t);
    if (!node) return edge_without_node(t, op, edge);
    edge->to.node = node;
    edge->output = t->origin.output;
    return true;
}

bool tgi_edge_to(tg_tensor *t, const char *op, tgi_edge *edge) { return edge_to(&tgi_self, t, op, edge); }

tg_tensor *tgi_with_origin(tg_tensor *t, tgi_origin origin, tg_tensor *leaf)
{
    if (leaf ? t == leaf && t->requires_grad
             : t->origin.serial == origin.serial && (!origin.serial || t->origin.output == origin.output) &&
                   !t->requires_grad)
        return t;
    tg_tensor *placed = tgi_new_view(t, t->ndim, t->dims, tgi_strides(t), t->offset);
    tgi_extra *extra = placed && leaf ? tgi_extra_of(placed) : NULL;
    if (!placed || (leaf && !extra)) return NULL;
    placed->rebased = placed->storage->rebased;
    placed->origin = origin;
    if (!leaf) return placed;
    extra->leaf = tgi_ref(leaf);
    placed->origin = (tgi_origin){ .serial = TGI_STANDS_FOR_LEAF };
    return placed;
}

/* Such a view has values that its history does not explain. */
static inline bool is_stale(const tg_tensor *t) { return t->is_view && t->rebased != t->storage->rebased; }

static bool fail_stale(const tg_tensor *t, const char *op)
{
    tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, op,
        "the view made at %s shares memory with a tensor that was modified by an inplace operation at %s, so its history is out "
        "of date. Make the view again after the write",
        t->where ? t->where : "an unknown place", t->storage->written_at ? t->storage->written_at : "an unknown place");
    return false;
}

bool tgi_check_stale(tg_tensor *t, const char *op) { return !is_stale(t) || fail_stale(t, op); }

bool tgi_output_edge(const char *name, tg_tensor *output, tgi_edge *edge)
{
    if (!tgi_handle_ok(name, output)) return false;
    if (!tgi_tracked(output)) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
                   "the tensor made at %s does not require grad and does not have a grad_fn",
                   output->where ? output->where : "an unknown place");
        return false;
    }
    return tgi_check_stale(output, name) && tgi_edge_to(output, name, edge);
}

static inline bool will_record(tg_tensor_list inputs)
{
    if (tgi_self.grad_disabled) return false;
    for (int64_t i = 0; i < inputs.count; i++) {
        const tg_tensor *t = inputs.items[i];
        if (t && (tgi_tracked(t) || is_stale(t))) return true;
    }
    return false;
}

bool tg_will_record(tg_tensor_list inputs)
{
    if (!tgi_list_ok("will_record", inputs)) return false;
    for (int64_t i = 0; i < inputs.count; i++)
        if (!tgi_handle_or_null("will_record", inputs.items[i])) return false;
    if (tgi_self.looks & TGI_READING && !tgi_reading_note(inputs, TG_NONE)) return false;
    return will_record(inputs);
}

/* ---- recording ---- */

/* False when an input is severed or stale; edges taken so far hold their references, node_free releases them. */
static bool connect(const tgi_thread *self, tg_node *node, const tg_op *op, tg_tensor_list inputs)
{
    tgi_edge *edge = tgi_inputs(node), *const end = edge + inputs.count;
    int32_t low = node->low;
    for (tg_tensor *const *item = inputs.items; edge < end; item++, edge++) {
        tg_tensor *t = *item;
        if (!t) {
            edge->output = TGI_TO_NOWHERE;
            continue;
        }
        if (t->alive != TGI_ALIVE && !tgi_fail_handle(op->name, 0, t)) break;
        if ((is_stale(t) && !fail_stale(t, op->name)) || !edge_to(self, t, op->name, edge)) break;
        if (edge->output == TGI_TO_LEAF)
            tgi_ref(edge->to.leaf);
        else if (edge->output >= 0 && edge->to.node->low < low)
            low = edge->to.node->low;
    }
    node->low = low;
    if (edge == end) return true;
    while (edge < end) (edge++)->output = TGI_TO_NOWHERE;
    return false;
}

/* False, with an error recorded, when one of them cannot be used. The node can be freed then. */
static bool save(tg_node *node, tg_tensor_list saved)
{
    tgi_saved *slots = tgi_saved_of(node);
    bool ok = true;
    for (int64_t i = 0; i < node->saved_count; i++) {
        tg_tensor *t = saved.items[i];
        if (t && t->alive != TGI_ALIVE) {
            ok = tgi_fail_handle(node->op->name, 0, t);
            t = NULL;
        }
        slots[i] = (tgi_saved){ t ? tgi_ref(t) : NULL, { t ? t->storage->version : 0 } };
    }
    return ok;
}

enum { MANY = 1 << 20, MOST = 1 << 30 };

static void warn_of_root(tgi_thread *self)
{
    if (self->node_count < MANY || self->scope_count || self->warned_of_tape) return;
    self->warned_of_tape = true;
    tg_warn_at(NULL,
               "the tape has grown to %d operations outside of any scope; put each step between tg_scope_begin and "
               "tg_scope_end, or evaluate inside tg_no_grad_begin",
               MANY);
}

/* Makes room for one more node. False with an error recorded. */
TG_RARE static bool grow_tape(tgi_thread *self, const tg_op *op)
{
    warn_of_root(self);
    if (self->node_count < MOST)
        return tgi_grow(&self->nodes, &self->node_capacity, self->node_count + 1, sizeof *self->nodes);
    tg_fail_at(NULL, TG_ERROR_MEMORY, op->name, "the tape is full: open a scope for each step");
    return false;
}

/* Appends a connected node; its outputs are then tensors that came from it. */
static void append(tgi_thread *self, tg_node *node, tg_tensor_list outputs)
{
    self->nodes[self->node_count++] = node;
    self->next_slot += tgi_slot_count(node);
    for (int i = 0; i < node->output_count; i++) {
        tg_tensor *t = outputs.items[i];
        if (!tgi_is_floating(t)) continue;
        t->origin = (tgi_origin){ node->serial, node->index, i };
        t->requires_grad = false;
    }
}

static bool fail_no_op(const char *function)
{
    tg_fail_at(NULL, TG_ERROR_NULL, function, "the op is NULL");
    return false;
}

/* What a user's op may have handed over that cannot be recorded. The tensors are looked at where they are used anyway:
 * outputs by dims_bytes, inputs by connect, saved ones by save. */
TG_RARE static bool check_lists(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved)
{
    if (!op) return fail_no_op("record");
    return tgi_list_ok(op->name, inputs) && tgi_list_ok(op->name, outputs) && tgi_list_ok(op->name, saved);
}

static inline bool lists_ok(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved)
{
    const bool plain = op && inputs.items && outputs.items && (saved.items || !saved.count) &&
                       (inputs.count | outputs.count | saved.count) >= 0;
    return plain || check_lists(op, inputs, outputs, saved);
}

static void copy_attributes(tg_node *node, const void *attributes, size_t size)
{
    if (attributes)
        memcpy((char *)node + node->attributes_at, attributes, size);
    else
        tg_fail_at(NULL, TG_ERROR_NULL, node->op->name, "%zu bytes of attributes are NULL", size);
}

/* Not inlined, so that the functions above, each used once, are: an op that records nothing pays for a jump. */
__attribute__((noinline)) static tg_status record(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs,
                                                  tg_tensor_list saved, const void *attributes, size_t attributes_size)
{
    tgi_thread *self = &tgi_self;
    if (self->node_count == self->node_capacity && !grow_tape(self, op)) return TG_FAILED;
    while (saved.count && !saved.items[saved.count - 1]) saved.count--;
    tg_node *node = node_new(op, inputs, outputs, saved.count, attributes_size);
    if (!node) return TG_FAILED;
    node->op = op;
    node->where = self->where;
    if (self->next_serial % TGI_SERIALS == 0) self->next_serial = tgi_take_serials();
    node->serial = self->next_serial++;
    node->index = node->low = (int32_t)self->node_count;
    node->first_slot = self->next_slot;
    if (attributes_size) copy_attributes(node, attributes, attributes_size);
    const bool saved_ok = save(node, saved);
    if (!connect(self, node, op, inputs) || !saved_ok || (attributes_size && !attributes)) {
        node_free(node);
        return TG_FAILED;
    }
    append(self, node, outputs);
    return TG_OK;
}

static inline bool is_looked_at(void) { return (uintptr_t)tgi_self.observers | tgi_self.looks; }

/* An op has done its work; NULL: without a node. While somebody looks. */
TG_RARE static tg_status shown(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_node *node)
{
    const tgi_thread *self = &tgi_self;
    if (self->looks & TGI_READING && !tgi_reading_note(inputs, outputs)) return TG_FAILED;
    if (self->looks & TGI_PACKING && node && !self->pool->rare.packing->pack(node)) return TG_FAILED;
    return self->observers ? self->observers->tell->computed(op, inputs, outputs, node) : TG_OK;
}

TG_RARE __attribute__((noinline)) static tg_status record_shown(const tg_op *op, tg_tensor_list inputs,
                                                                tg_tensor_list outputs, tg_tensor_list saved,
                                                                const void *attributes, size_t attributes_size)
{
    if (!will_record(inputs)) return shown(op, inputs, outputs, NULL);
    if (record(op, inputs, outputs, saved, attributes, attributes_size) != TG_OK) return TG_FAILED;
    return shown(op, inputs, outputs, tgi_self.nodes[tgi_self.node_count - 1]);
}

tg_status tg_record(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved,
                    const void *attributes, size_t attributes_size)
{
    if (!lists_ok(op, inputs, outputs, saved)) return TG_FAILED;
    if (is_looked_at()) return record_shown(op, inputs, outputs, saved, attributes, attributes_size);
    if (!will_record(inputs)) return TG_OK;
    return record(op, inputs, outputs, saved, attributes, attributes_size);
}

/* ---- writing in place ---- */

bool tg_in_place_begin(const tg_op *op, tg_tensor *t, tg_tensor *source)
{
    if (!op) return fail_no_op("in_place_begin");
    if (!tgi_handle_ok(op->name, t) || !tgi_handle_or_null(op->name, source)) return false;
    const char *problem = NULL;
    const bool tracked = will_record(tg_list(t, source));
    if (tgi_overlaps_itself(t))
        problem =
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation.";
    else if (tracked && t->requires_grad)
        problem =
            "a leaf Variable that requires grad is being used in an in-place operation. Weights are written between "
            "tg_no_grad_begin and tg_scope_end.";
    else if (tracked && t->is_view)
        problem =
            "a view is being written in place while gradients are recorded. Write to the whole tensor, build it with cat, "
            "stack or where, or write under no_grad";
    tgi_edge edge;
    if (!problem && !tracked) return true;
    if (!problem)
        return tgi_edge_to(t, op->name, &edge) &&
               (!source || (tgi_check_stale(source, op->name) && tgi_edge_to(source, op->name, &edge)));
    tg_tensor *inputs[] = { t };
    tg_op_fail(op, TG_LITERAL(tg_tensor_list){ inputs, 1 }, "%s", problem);
    return false;
}

tg_status tg_record_in_place(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_tensor_list saved,
                             const void *attributes, size_t attributes_size)
{
    tg_tensor *outputs[] = { t };
    const tg_tensor_list output = { outputs, 1 };
    if (!lists_ok(op, inputs, output, saved)) return TG_FAILED;
    if (!tgi_handle_ok(op->name, t)) return TG_FAILED;
    tg_bump_version(t);
    if (!will_record(inputs)) return is_looked_at() ? shown(op, inputs, output, NULL) : TG_OK;
    tg_node *old = tgi_node_of(t);
    tgi_watch *watch = old ? tgi_outputs(old)[t->origin.output].watch : NULL;
    if (record(op, inputs, output, saved, attributes, attributes_size) != TG_OK) return TG_FAILED;
    if (watch && (watch->retained == t || watch->name)) { /* .grad and the name are the latest value's */
        tgi_watch *newer = tgi_watch_of(tgi_outputs(tgi_node_of(t)));
        if (!newer) return TG_FAILED;
        if (watch->retained == t) newer->retained = t, watch->retained = NULL;
        newer->name = watch->name;
        watch->name = NULL;
    }
    t->rebased = ++t->storage->rebased; /* views made before now are stale */
    return is_looked_at() ? shown(op, inputs, output, tgi_node_of(t)) : TG_OK;
}

/* ---- opening an op ---- */

static inline bool inputs_ok(const tg_op *op, tg_tensor_list inputs)
{
    if (!tgi_list_ok(op->name, inputs)) return false;
    for (int64_t i = 0; i < inputs.count; i++) {
        const tg_tensor *t = inputs.items[i];
        if (!t || t->alive != TGI_ALIVE) return tgi_fail_handle(op->name, i + 1, t);
    }
    return true;
}

/* While somebody observes. */
TG_RARE __attribute__((noinline)) static bool begin_told(const char *where, const tg_op *op, tg_tensor_list inputs)
{
    return inputs_ok(op, inputs) && tgi_self.observers->tell->began(op, inputs, where != NULL);
}

bool tg_op_begin(const char *where, const tg_op *op, tg_tensor_list inputs)
{
    tgi_thread *self = &tgi_self;
    if (where) self->where = where;
    if (!op) return fail_no_op("op_begin");
    self->op = op->name;
    return self->observers ? begin_told(where, op, inputs) : inputs_ok(op, inputs);
}

bool tg_optional_ok(const tg_tensor *t) { return t ? tgi_handle_ok(tgi_self.op, t) : !tg_failed(); }

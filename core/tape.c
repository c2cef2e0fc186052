/* tape.c: recording.
 *
 * The tape is a list of nodes in the order of execution. A node is one block of memory that holds all its op will need:
 * where its inputs came from, the shapes of its outputs, the tensors it saved and its attributes. Tensors do not own
 * nodes and nodes do not own each other; the scopes decide how long the tape is. So there is nothing to sort, nothing
 * to recurse into, and a chain of a million nodes is freed by a loop.
 *
 * A tensor knows its node by position and serial number, never by address: when the node is gone, the tensor
 * notices. */
#include "tape_impl.h"
#include "thread.h"

#include <string.h>

/* ---- opening an op ---- */

static bool check_input(const tg_op *op, tg_tensor_list inputs, int64_t i)
{
    const tg_tensor *t = inputs.items[i];
    if (t && t->alive == TGI_ALIVE) return true;
    if (t)
        tg_fail_at(NULL, TG_ERROR_VALUE, op->name, "argument %lld was freed when its scope ended", (long long)i + 1);
    else if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_NULL, op->name, "argument %lld is NULL", (long long)i + 1);
    return false;
}

bool tg_op_begin(const char *where, const tg_op *op, tg_tensor_list inputs)
{
    if (where) tgi_self.where = where;
    tgi_self.op = op->name;
    for (int64_t i = 0; i < inputs.count; i++)
        if (!check_input(op, inputs, i)) return false;
    return true;
}

bool tg_optional_ok(const tg_tensor *t) { return t || !tg_failed(); }

/* ---- where tensors come from ---- */

tg_node *tgi_node_of(const tg_tensor *t)
{
    const tgi_thread *self = &tgi_self;
    if (!t->origin.serial || t->origin.index >= self->node_count) return NULL;
    tg_node *node = self->nodes[t->origin.index];
    return node->serial == t->origin.serial ? node : NULL;
}

bool tgi_edge_to(tg_tensor *t, const char *op, tgi_edge *edge)
{
    edge->node = NULL;
    edge->leaf = NULL;
    edge->output = 0;
    if (t->origin.serial) {
        edge->node = tgi_node_of(t);
        edge->output = t->origin.output;
        if (edge->node) return true;
        tg_fail_at(
            NULL, TG_ERROR_AUTOGRAD, op,
            "the tensor made at %s has lost its history: the scope that recorded it has ended, or another thread recorded "
            "it. Use tg_detach if no gradient should flow through it",
            t->where ? t->where : "an unknown place");
        return false;
    }
    if (t->requires_grad) edge->leaf = t;
    return true;
}

/* Such a view has values that its history does not explain. */
bool tgi_check_stale(tg_tensor *t, const char *op)
{
    if (!t->is_view || t->rebased == t->storage->rebased) return true;
    tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, op,
        "the view made at %s shares memory with a tensor that was modified by an inplace operation at %s, so its history is out "
        "of date. Make the view again after the write",
        t->where ? t->where : "an unknown place", t->storage->written_at ? t->storage->written_at : "an unknown place");
    return false;
}

bool tg_will_record(tg_tensor_list inputs)
{
    if (tgi_self.grad_disabled) return false;
    for (int64_t i = 0; i < inputs.count; i++) {
        const tg_tensor *t = inputs.items[i];
        if (t && (tgi_tracked(t) || (t->is_view && t->rebased != t->storage->rebased))) return true;
    }
    return false;
}

/* ---- nodes ---- */

static size_t dims_bytes(tg_tensor_list tensors)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < tensors.count; i++)
        if (tensors.items[i]) bytes += (size_t)tensors.items[i]->ndim * sizeof(int64_t);
    return bytes;
}

/* Lays the node and its arrays out in one block. */
static tg_node *node_new(tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved, size_t attributes_size)
{
    const size_t n_in = (size_t)inputs.count, n_out = (size_t)outputs.count, n_saved = (size_t)saved.count;
    const size_t bytes = sizeof(tg_node) + n_in * sizeof(tgi_edge) + n_out * sizeof(tgi_output) +
                         n_saved * sizeof(tgi_saved) + dims_bytes(outputs) + attributes_size;
    tg_node *node = tgi_pool_alloc(tgi_pool_of_thread(), bytes);
    if (!node) return NULL;
    memset(node, 0, sizeof *node);
    node->bytes = bytes;
    node->inputs = (tgi_edge *)(node + 1);
    node->outputs = (tgi_output *)(node->inputs + n_in);
    node->saved = (tgi_saved *)(node->outputs + n_out);
    int64_t *dims = (int64_t *)(node->saved + n_saved);
    for (size_t i = 0; i < n_out; i++) {
        const tg_tensor *t = outputs.items[i];
        node->outputs[i] = (tgi_output){ NULL, NULL, dims, t->ndim, t->dtype };
        memcpy(dims, t->dims, (size_t)t->ndim * sizeof *dims);
        dims += t->ndim;
    }
    node->attributes = dims;
    node->output_count = (int32_t)n_out;
    return node;
}

bool tgi_node_release_saved(tg_node *node)
{
    bool any = false;
    for (int i = 0; i < node->saved_count; i++) {
        any |= node->saved[i].tensor != NULL;
        tgi_unref(node->saved[i].tensor);
        node->saved[i].tensor = NULL;
    }
    return any;
}

void tgi_hooks_free(tgi_hook *hooks)
{
    while (hooks) {
        tgi_hook *next = hooks->next;
        tgi_free(hooks, sizeof *hooks);
        hooks = next;
    }
}

static void node_free(tg_node *node)
{
    tgi_node_release_saved(node);
    for (int i = 0; i < node->input_count; i++) tgi_unref(node->inputs[i].leaf);
    for (int i = 0; i < node->output_count; i++) {
        tgi_hooks_free(node->outputs[i].hooks);
        tgi_unref(node->outputs[i].retained);
    }
    tgi_pool_free(tgi_self.pool, node, node->bytes);
}

void tgi_tape_truncate(int64_t length)
{
    tgi_thread *self = &tgi_self;
    while (self->node_count > length) {
        tg_node *node = self->nodes[--self->node_count];
        self->next_slot = node->first_slot;
        node_free(node);
    }
}

/* ---- recording ---- */

/* False when an input is severed or stale; edges taken so far hold their references, node_free lets go of them. */
static bool connect(tg_node *node, const tg_op *op, tg_tensor_list inputs)
{
    for (int64_t i = 0; i < inputs.count; i++) {
        tgi_edge *edge = &node->inputs[i];
        *edge = (tgi_edge){ NULL, NULL, 0 };
        node->input_count++;
        tg_tensor *t = inputs.items[i];
        if (!t) continue;
        if (!tgi_check_stale(t, op->name) || !tgi_edge_to(t, op->name, edge)) return false;
        if (edge->leaf) tgi_ref(edge->leaf);
        if (edge->node && edge->node->low < node->low) node->low = edge->node->low;
    }
    return true;
}

static void save(tg_node *node, tg_tensor_list saved)
{
    for (int64_t i = 0; i < saved.count; i++) {
        tg_tensor *t = saved.items[i];
        node->saved[i] = (tgi_saved){ t ? tgi_ref(t) : NULL, t ? t->storage->version : 0 };
    }
    node->saved_count = (int32_t)saved.count;
}

static void warn_of_root(tgi_thread *self)
{
    enum { MANY = 1 << 20 };
    if (self->scope_count || self->warned_of_root || self->node_count < MANY) return;
    self->warned_of_root = true;
    tg_warn_at(NULL,
               "the tape has grown to %d operations outside of any scope; put each step between tg_scope_begin and "
               "tg_scope_end, or evaluate inside tg_no_grad_begin",
               MANY);
}

/* Appends a connected node; its outputs are then tensors that came from it. */
static void append(tgi_thread *self, tg_node *node, tg_tensor_list outputs)
{
    self->nodes[self->node_count++] = node;
    self->next_slot += node->output_count;
    for (int i = 0; i < node->output_count; i++) {
        tg_tensor *t = outputs.items[i];
        if (!tgi_is_floating(t)) continue;
        t->origin = (tgi_origin){ node->serial, node->index, i };
        t->requires_grad = false;
    }
    warn_of_root(self);
}

static tg_status record(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved,
                        const void *attributes, size_t attributes_size)
{
    tgi_thread *self = &tgi_self;
    if (self->node_count >= INT32_MAX) {
        tg_fail_at(NULL, TG_ERROR_MEMORY, op->name, "the tape is full: open a scope for each step");
        return TG_FAILED;
    }
    if (!tgi_grow(&self->nodes, &self->node_capacity, self->node_count + 1, sizeof *self->nodes)) return TG_FAILED;
    tg_node *node = node_new(inputs, outputs, saved, attributes_size);
    if (!node) return TG_FAILED;
    node->op = op;
    node->where = self->where;
    node->serial = self->next_serial++;
    node->index = node->low = (int32_t)self->node_count;
    node->first_slot = self->next_slot;
    if (attributes_size) memcpy(node->attributes, attributes, attributes_size);
    if (!connect(node, op, inputs)) {
        node_free(node);
        return TG_FAILED;
    }
    save(node, saved);
    append(self, node, outputs);
    return TG_OK;
}

tg_status tg_record(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved,
                    const void *attributes, size_t attributes_size)
{
    if (!tg_will_record(inputs)) return TG_OK;
    return record(op, inputs, outputs, saved, attributes, attributes_size);
}

/* ---- writing in place ---- */

void tg_bump_version(tg_tensor *t)
{
    t->storage->version++;
    t->storage->written_at = tgi_self.where;
}

static bool overlaps_itself(const tg_tensor *t)
{
    for (int d = 0; d < t->ndim; d++)
        if (t->strides[d] == 0 && t->dims[d] > 1) return true;
    return false;
}

bool tg_in_place_begin(const tg_op *op, tg_tensor *t, tg_tensor *source)
{
    const char *problem = NULL;
    const bool tracked = tg_will_record(tg_list(t, source));
    if (overlaps_itself(t))
        problem =
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation.";
    else if (tracked && t->requires_grad)
        problem = "a leaf Variable that requires grad is being used in an in-place operation.";
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
    tg_bump_version(t);
    if (!tg_will_record(inputs)) return TG_OK;
    tg_tensor *outputs[] = { t };
    tg_node *old = tgi_node_of(t);
    tg_tensor **retained = old ? &old->outputs[t->origin.output].retained : NULL;
    if (record(op, inputs, TG_LITERAL(tg_tensor_list){ outputs, 1 }, saved, attributes, attributes_size) != TG_OK)
        return TG_FAILED;
    if (retained && *retained == t) { /* .grad is that of the latest value */
        tgi_node_of(t)->outputs[0].retained = t;
        *retained = NULL;
    }
    t->rebased = ++t->storage->rebased; /* views made before now are stale */
    return TG_OK;
}

/* ---- lists ---- */

tg_tensor **tg_list_new(int64_t count)
{
    if (count > INT64_MAX / 16) {
        tg_fail_at(NULL, TG_ERROR_MEMORY, "", "out of memory: a list of %lld tensors", (long long)count);
        return NULL;
    }
    return tgi_scope_alloc((size_t)(count > 0 ? count : 1) * sizeof(tg_tensor *));
}

tg_tensor_list tg_list_failed(void)
{
    static tg_tensor *const nothing[64];
    return TG_LITERAL(tg_tensor_list){ nothing, 0 };
}

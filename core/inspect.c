/* inspect.c: the tape as data, for programs that want to look at it. */
#include "tape_impl.h"
#include "thread.h"

int64_t tg_tape_length(void) { return tgi_self.node_count; }

const tg_node *tg_tape_node(int64_t index)
{
    return index >= 0 && index < tgi_self.node_count ? tgi_self.nodes[index] : NULL;
}

const tg_node *tg_grad_fn(const tg_tensor *t) { return t && tgi_handle_ok("grad_fn", t) ? tgi_node_of(t) : NULL; }
int64_t tg_node_index(const tg_node *node) { return node ? node->index : -1; }
const tg_op *tg_node_op(const tg_node *node) { return node ? node->op : NULL; }
const char *tg_node_where(const tg_node *node) { return node && node->where ? node->where : ""; }
int tg_node_input_count(const tg_node *node) { return node ? node->input_count : 0; }
int tg_node_output_count(const tg_node *node) { return node ? node->output_count : 0; }

const tg_node *tg_node_input(const tg_node *node, int i, int *output, const tg_tensor **leaf)
{
    const tgi_edge none = { { NULL }, TGI_TO_NOWHERE };
    const tgi_edge *edge = node && i >= 0 && i < node->input_count ? &tgi_inputs(node)[i] : &none;
    if (output) *output = edge->output > 0 ? edge->output : 0;
    if (leaf) *leaf = tgi_edge_leaf(edge);
    return tgi_edge_node(edge);
}

tg_shape tg_node_output_shape(const tg_node *node, int i)
{
    tg_shape shape = tg_shape();
    if (!node || i < 0 || i >= node->output_count) return shape;
    const tgi_output *output = &tgi_outputs(node)[i];
    shape.ndim = output->ndim;
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = output->dims[d];
    return shape;
}

tg_dtype tg_node_output_dtype(const tg_node *node, int i)
{
    return node && i >= 0 && i < node->output_count ? (tg_dtype)tgi_outputs(node)[i].dtype : TG_FLOAT32;
}

int tg_node_saved_count(const tg_node *node) { return node ? node->saved_count : 0; }

const void *tg_node_attributes(const tg_node *node)
{
    return node && node->attributes_at < node->bytes ? (const char *)node + node->attributes_at : NULL;
}

const tg_tensor *tg_node_saved(const tg_node *node, int i)
{
    return node && i >= 0 && i < node->saved_count ? tgi_saved_of(node)[i].tensor : NULL;
}

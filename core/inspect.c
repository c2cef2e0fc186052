/* inspect.c: the tape as data, for people and programs that want to look at it. */
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

const tg_tensor *tg_node_saved(const tg_node *node, int i)
{
    return node && i >= 0 && i < node->saved_count ? tgi_saved_of(node)[i].tensor : NULL;
}

static void print_input(FILE *file, const tgi_edge *edge)
{
    char text[TG_SHAPE_TEXT];
    const tg_node *node = tgi_edge_node(edge);
    if (node && node->output_count > 1)
        fprintf(file, "%%%d.%d", node->index, edge->output);
    else if (node)
        fprintf(file, "%%%d", node->index);
    else if (edge->output == TGI_TO_LEAF) {
        const tg_shape shape = tgi_shape(edge->to.leaf);
        fprintf(file, "leaf%s", tg_shape_text(&shape, text));
    } else
        fputs("-", file);
}

static bool has_file(const char *function, FILE *file)
{
    if (!file) tg_fail_at(NULL, TG_ERROR_NULL, function, "the file is NULL");
    return file != NULL;
}

/* %7 = mul(%3, leaf[8]) -> [100, 8]    model.c:42 */
void tg_tape_print(FILE *file)
{
    if (!has_file("tape_print", file)) return;
    for (int64_t n = 0; n < tgi_self.node_count; n++) {
        const tg_node *node = tgi_self.nodes[n];
        char text[TG_SHAPE_TEXT];
        fprintf(file, "%%%d = %s(", node->index, node->op->name);
        for (int i = 0; i < node->input_count; i++) {
            if (i) fputs(", ", file);
            print_input(file, &tgi_inputs(node)[i]);
        }
        fputs(") ->", file);
        for (int i = 0; i < node->output_count; i++) {
            const tg_shape shape = tg_node_output_shape(node, i);
            fprintf(file, " %s", tg_shape_text(&shape, text));
        }
        fprintf(file, "    %s\n", tg_node_where(node));
    }
}

void tg_tape_print_dot(FILE *file)
{
    char text[TG_SHAPE_TEXT];
    if (!has_file("tape_print_dot", file)) return;
    fputs("digraph tape {\n    node [shape=box];\n", file);
    for (int64_t n = 0; n < tgi_self.node_count; n++) {
        const tg_node *node = tgi_self.nodes[n];
        const tg_shape made = tg_node_output_shape(node, 0);
        fprintf(file, "    n%d [label=\"%s %s\"];\n", node->index, node->op->name, tg_shape_text(&made, text));
        for (int i = 0; i < node->input_count; i++) {
            const tgi_edge *edge = &tgi_inputs(node)[i];
            tg_tensor *leaf = tgi_edge_leaf(edge);
            if (edge->output >= 0) fprintf(file, "    n%d -> n%d;\n", edge->to.node->index, node->index);
            if (!leaf) continue;
            const tg_shape shape = tgi_shape(leaf);
            fprintf(file, "    l%p [label=\"leaf %s\", shape=ellipse];\n    l%p -> n%d;\n", (void *)leaf,
                    tg_shape_text(&shape, text), (void *)leaf, node->index);
        }
    }
    fputs("}\n", file);
}

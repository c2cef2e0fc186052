/* words.c: see words_impl.h. */
#include "words_impl.h"

#include "core/thread.h"
#include "element_impl.h"

#include <limits.h>
#include <math.h>

/* ---- what things are called ---- */

void tgi_put_clean(tgi_page *page, const char *text) { tgi_page_columns(page, text, INT_MAX / 2, false); }

void tgi_put_leaf(tgi_page *page, const tgi_leaves *leaves, const tg_tensor *leaf)
{
    const tgi_leaf *known = tgi_leaf_find(leaves, leaf);
    const char *name = tg_name_of(leaf);
    if (name)
        tgi_put_clean(page, name);
    else
        tgi_page_put(page, "leaf");
    if (known && known->number) tgi_page_format(page, name ? "#%lld" : "%lld", (long long)known->number);
}

void tgi_put_output(tgi_page *page, const tg_node *node, int output)
{
    tgi_page_format(page, node->output_count > 1 ? "%%%d.%d" : "%%%d", node->index, output);
}

void tgi_put_result(tgi_page *page, const tg_node *node, int output)
{
    const char *name = tg_node_output_name(node, output);
    tgi_put_output(page, node, output);
    if (name) tgi_page_put(page, " ");
    if (name) tgi_put_clean(page, name);
}

void tgi_put_type(tgi_page *page, tg_dtype dtype, const tg_shape *shape)
{
    char text[TG_SHAPE_TEXT];
    tgi_page_put(page, tg_dtype_name(dtype));
    tgi_page_put(page, tg_shape_text(shape, text));
}

void tgi_put_constant(tgi_page *page, const tg_tensor *t, int64_t most)
{
    const char *name = t ? tg_name_of(t) : NULL;
    if (!t) {
        tgi_page_put(page, "-");
    } else if (name) {
        tgi_put_clean(page, name);
    } else if (t->numel == 1 || (t->numel > 0 && t->numel <= most)) {
        tgi_put_values(page, t, most);
    } else {
        const tg_shape shape = tgi_shape(t);
        tgi_put_type(page, (tg_dtype)t->dtype, &shape);
    }
}

void tgi_put_input(tgi_page *page, const tgi_leaves *leaves, const tg_node *node, int i, int64_t most)
{
    const tgi_edge *edge = &tgi_inputs(node)[i];
    if (edge->output >= 0)
        tgi_put_output(page, edge->to.node, edge->output);
    else if (edge->output == TGI_TO_LEAF)
        tgi_put_leaf(page, leaves, edge->to.leaf);
    else
        tgi_put_constant(page, tg_node_constant(node, i), most);
}

void tgi_put_call(tgi_page *page, const tgi_leaves *leaves, const tg_node *node)
{
    tgi_put_result(page, node, 0);
    tgi_page_put(page, " = ");
    tgi_put_clean(page, node->op->name);
    tgi_page_put(page, "(");
    for (int i = 0; i < node->input_count; i++) {
        const tgi_edge *edge = &tgi_inputs(node)[i];
        if (i) tgi_page_put(page, ", ");
        if (edge->output >= 0)
            tgi_put_result(page, edge->to.node, edge->output);
        else
            tgi_put_input(page, leaves, node, i, 1);
    }
    tgi_page_put(page, ")    ");
    tgi_put_clean(page, tg_node_where(node));
}

void tgi_put_tensor(tgi_page *page, const tgi_leaves *leaves, const tg_tensor *t, int64_t version)
{
    const tg_node *node = tgi_node_of(t);
    if (node)
        tgi_put_output(page, node, t->origin.output);
    else if (t->requires_grad)
        tgi_put_leaf(page, leaves, t);
    else
        tgi_put_constant(page, t, 0);
    if (version >= 0 && t->storage->version != version) tgi_page_put(page, " (written since)");
}

const tg_tensor *tgi_known_grad(const tg_node *node, int i)
{
    const tgi_watch *watch = tgi_outputs(node)[i].watch;
    const tg_tensor *grad = tg_node_grad(node, i), *retained = watch ? watch->retained : NULL;
    return grad ? grad : retained && retained->extra ? retained->extra->grad : NULL;
}

/* ---- numbers ---- */

void tgi_put_number(tgi_page *page, double value)
{
    if (isnan(value))
        tgi_page_put(page, "nan");
    else
        tgi_page_format(page, "%.4g", value);
}

void tgi_put_bytes(tgi_page *page, int64_t bytes)
{
    static const char *const units[] = { "KB", "MB", "GB", "TB" };
    double value = (double)bytes / 1000;
    int unit = 0;
    while (unit < 3 && value >= 999.5) {
        value /= 1000;
        unit++;
    }
    if (bytes < 1000)
        tgi_page_format(page, "%d B", (int)bytes);
    else
        tgi_page_format(page, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void tgi_put_count(tgi_page *page, int64_t count, const char *noun)
{
    tgi_page_format(page, "%lld %s%s", (long long)count, noun, count == 1 ? "" : "s");
}

static int64_t offset_at(const tg_tensor *t, const int64_t *index)
{
    int64_t offset = 0;
    for (int d = 0; d < t->ndim; d++) offset += index[d] * tgi_strides(t)[d];
    return offset;
}

double tgi_element_at(const tg_tensor *t, const int64_t *index) { return tgi_number_at(t, offset_at(t, index)); }

int tgi_next_index(const tg_tensor *t, int64_t *index)
{
    int began = 0;
    for (int d = t->ndim - 1; d >= 0; d--, began++) {
        if (++index[d] < t->dims[d]) return began;
        index[d] = 0;
    }
    return began;
}

static void put_element(tgi_page *page, const tg_tensor *t, const int64_t *index)
{
    const int64_t offset = offset_at(t, index);
    if (t->dtype == TG_INT64)
        tgi_page_format(page, "%lld", (long long)((const int64_t *)tgi_ptr(t))[offset]);
    else if (t->dtype == TG_BOOL)
        tgi_page_put(page, tgi_number_at(t, offset) != 0 ? "True" : "False");
    else
        tgi_put_number(page, tgi_number_at(t, offset));
}

static void put_all(tgi_page *page, const tg_tensor *t)
{
    int64_t index[TG_MAX_DIMS] = { 0 };
    int began = t->ndim;
    for (int64_t i = 0; i < t->numel; i++) {
        tgi_page_repeat(page, "[", began);
        put_element(page, t, index);
        began = tgi_next_index(t, index);
        tgi_page_repeat(page, "]", began);
        if (i + 1 < t->numel) tgi_page_put(page, ", ");
    }
}

static void put_summary(tgi_page *page, const tg_tensor *t)
{
    int64_t index[TG_MAX_DIMS] = { 0 }, finite = 0;
    double least = INFINITY, most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < t->numel; i++, tgi_next_index(t, index)) {
        const double value = tgi_element_at(t, index);
        if (!isfinite(value)) continue;
        finite++;
        sum += value;
        least = fmin(least, value);
        most = fmax(most, value);
    }
    if (finite) {
        const double numbers[] = { least, sum / (double)finite, most };
        static const char *const names[] = { "min ", ", mean ", ", max " };
        for (int i = 0; i < 3; i++) {
            tgi_page_put(page, names[i]);
            tgi_put_number(page, numbers[i] == 0 ? 0 : numbers[i]); /* of no sign: a mean of -0 has none */
        }
    }
    if (finite < t->numel)
        tgi_page_format(page, "%s%lld not finite", finite ? ", " : "", (long long)(t->numel - finite));
}

void tgi_put_values(tgi_page *page, const tg_tensor *t, int64_t most)
{
    if (!t)
        tgi_page_put(page, "none");
    else if (t->numel == 0)
        tgi_page_put(page, "[]");
    else if (t->numel <= most || t->numel == 1)
        put_all(page, t);
    else
        put_summary(page, t);
}

void tgi_put_index(tgi_page *page, const int64_t *index, int count)
{
    tgi_page_put(page, "[");
    for (int d = 0; d < count; d++) tgi_page_format(page, d ? ", %lld" : "%lld", (long long)index[d]);
    tgi_page_put(page, "]");
}

static double distance_at(const tg_tensor *a, const tg_tensor *b, int64_t i, const int64_t *index)
{
    const double value = tgi_number_at(a, a->contiguous ? i : offset_at(a, index));
    return b ? value - tgi_number_at(b, b->contiguous ? i : offset_at(b, index)) : value;
}

double tgi_distance(const tg_tensor *a, const tg_tensor *b)
{
    int64_t index[TG_MAX_DIMS] = { 0 };
    const bool counted = a->contiguous && (!b || b->contiguous);
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < a->numel; i++) {
        const double size = fabs(distance_at(a, b, i, index));
        if (!isfinite(size)) return size;
        largest = fmax(largest, size);
        if (!counted) tgi_next_index(a, index);
    }
    if (largest == 0) return 0;
    for (int64_t i = 0; i < a->numel; i++) {
        const double ratio = distance_at(a, b, i, index) / largest;
        sum += ratio * ratio;
        if (!counted) tgi_next_index(a, index);
    }
    return largest * sqrt(sum);
}

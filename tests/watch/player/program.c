/* program.c: a small recurrent network, its player page, and its numbers as the program itself knows them:
 * `program page.html numbers.js`. tests/watch/player/check.js compares the page with them. */
#include <tapegrad.h>

#include <math.h>
#include <stdio.h>

static FILE *out;

static void write_number(double x)
{
    if (isnan(x))
        fputs("NaN", out);
    else if (isinf(x))
        fputs(x > 0 ? "Infinity" : "-Infinity", out);
    else
        fprintf(out, "%.17g", x);
}

/* [ "key", "part", dtype, [numbers] ]: of the tensors that a page has in full. */
static void write_tensor(const char *key, const char *part, const tg_tensor *t)
{
    double numbers[64];
    if (!t || tg_numel(t) > 64 || tg_to_array(t, numbers, tg_numel(t)) != TG_OK) return;
    fprintf(out, "[\"%s\", \"%s\", \"%s\", [", key, part, tg_dtype_name(tg_dtype_of(t)));
    for (int64_t i = 0; i < tg_numel(t); i++) {
        if (i) fputs(", ", out);
        write_number(numbers[i]);
    }
    fputs("]],\n", out);
}

static void write_nodes(void)
{
    for (int64_t n = 0; n < tg_tape_length(); n++) {
        const tg_node *node = tg_tape_node(n);
        for (int i = 0; i < tg_node_output_count(node); i++) {
            char key[64];
            snprintf(key, sizeof key, "n%d.%d", (int)n, i);
            write_tensor(key, "value", tg_node_value(node, i));
            write_tensor(key, "grad", tg_node_grad(node, i));
        }
    }
}

/* One step of time, with what a page has to show: products that wait, parts of one tensor, numbers that are none. */
static tg_tensor *cell(tg_tensor *x, tg_tensor *h, tg_tensor *weight, tg_tensor *bias)
{
    tg_tensor_list gates = tg_chunk(tg_linear(tg_cat(tg_list(x, h), 1), weight, bias), 2, 1);
    tg_tensor *update = tg_sigmoid(gates.items[0]), *fresh = tg_tanh(gates.items[1]);
    return tg_add(tg_mul(update, fresh), tg_mul(tg_sub(1, update), h));
}

int main(int argc, char **argv)
{
    enum { STEPS = 4, BATCH = 2, INPUTS = 3, HIDDEN = 4 };
    if (argc != 3 || !(out = fopen(argv[2], "w"))) return 1;
    tg_manual_seed(1);
    tg_watch(true);
    tg_tensor *weight = tg_randn(tg_shape(2 * HIDDEN, INPUTS + HIDDEN), .requires_grad = true);
    tg_tensor *bias = tg_randn(tg_shape(2 * HIDDEN), .requires_grad = true);
    tg_tensor *scale = tg_randn(tg_shape(HIDDEN), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *cut = tg_tensor_of(-1.0f, 0.0f, 1.0f, 2.0f);
    tg_requires_grad_(cut, true);
    tg_set_name(weight, "weight");
    tg_set_name(bias, "bias");
    tg_set_name(scale, "scale");
    tg_set_name(cut, "cut");
    tg_tensor *h = tg_zeros(tg_shape(BATCH, HIDDEN));
    for (int t = 0; t < STEPS; t++) {
        tg_label("t=%d", t);
        h = cell(tg_randn(tg_shape(BATCH, INPUTS)), h, weight, bias);
    }
    tg_label_end();
    tg_tensor *loss = tg_add(tg_sum(tg_mul(h, scale)), tg_sum(tg_log(cut)));
    tg_backward(loss);

    fputs("window.programNumbers = [\n", out);
    write_nodes();
    const struct {
        const char *name;
        tg_tensor *leaf;
    } leaves[] = { { "weight", weight }, { "bias", bias }, { "scale", scale }, { "cut", cut } };
    for (int i = 0; i < 4; i++) {
        write_tensor(leaves[i].name, "value", leaves[i].leaf);
        write_tensor(leaves[i].name, "grad", tg_grad_of(leaves[i].leaf));
    }
    fputs("];\n", out);
    const bool written = tg_tape_write_html(loss, argv[1]) == TG_OK && fclose(out) == 0;
    return written && tg_ok() ? 0 : 1;
}

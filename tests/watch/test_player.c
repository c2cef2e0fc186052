/* The player's page: each number on it is the program's, to the bit; the walk on it is the engine's. */
#include <tapegrad.h>

#include "tests/support/compare.h"
#include "tests/support/mutate.h"
#include "tests/support/page.h"
#include "tests/support/record.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const char *folder;
static char path[4200];

static int open_folder(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/tape.html", folder);
    return 0;
}
static int close_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* ---- the page and what was recorded ---- */

/* A page beside the tape it shows: which node of the tape stands where. */
typedef struct shown {
    const page *page;
    const record *record;
    const tg_node **nodes;
    int64_t *number; /* [index on the tape]: on the page; -1 */
    int64_t count;
} shown;

static shown match(const page *p, const record *r, const tg_tensor *loss)
{
    const int64_t length = tg_tape_length();
    shown s = { p, r, calloc((size_t)length, sizeof *s.nodes), calloc((size_t)length, sizeof *s.number), 0 };
    assert_true(s.nodes && s.number);
    s.number[tg_node_index(tg_grad_fn(loss))] = 1;
    for (int64_t n = length - 1; n >= 0; n--)
        for (int i = 0; s.number[n] && i < tg_node_input_count(tg_tape_node(n)); i++) {
            const tg_node *input = tg_node_input(tg_tape_node(n), i, NULL, NULL);
            if (input) s.number[tg_node_index(input)] = 1;
        }
    for (int64_t n = 0; n < length; n++) {
        if (s.number[n]) s.nodes[s.count] = tg_tape_node(n);
        s.number[n] = s.number[n] ? s.count++ : -1;
    }
    assert_int_equal(json_member(p->run, "nodes")->count, s.count);
    return s;
}

static void assert_reference(const json *reference, const char *kind, int64_t a, int64_t b)
{
    assert_non_null(reference);
    assert_string_equal(json_item(reference, 0)->text, kind);
    assert_int_equal(json_integer(json_item(reference, 1)), a);
    if (*kind == 'n') assert_int_equal(json_integer(json_item(reference, 2)), b);
}

static void assert_shape(const json *shape, tg_shape expected)
{
    assert_int_equal(shape->count, expected.ndim);
    for (int d = 0; d < expected.ndim; d++) assert_int_equal(json_integer(json_item(shape, d)), expected.dims[d]);
}

/* The leaf on the page that a gradient arrives at; those of a test have different names. */
static const json *leaf_of(const page *p, const tg_tensor *leaf, int64_t *number)
{
    const json *leaves = json_member(p->run, "leaves");
    const char *name = tg_name_of(leaf);
    for (*number = 0; *number < leaves->count; ++*number) {
        const json *l = json_item(leaves, *number);
        if (name && json_text(l, "name") && !strcmp(json_text(l, "name"), name)) return l;
    }
    fail_msg("there is no leaf %s", name ? name : "without a name");
    return NULL;
}

static void check_inputs(const shown *s, const tg_node *node, const json *on_page)
{
    const recorded_node *was = &s->record->nodes[tg_node_index(node)];
    const json *inputs = json_member(on_page, "inputs");
    assert_int_equal(inputs->count, tg_node_input_count(node));
    for (int i = 0; i < inputs->count; i++) {
        int output;
        int64_t number;
        const tg_tensor *leaf;
        const json *reference = json_item(inputs, i);
        const tg_node *from = tg_node_input(node, i, &output, &leaf);
        if (from) assert_reference(reference, "n", s->number[tg_node_index(from)], output);
        if (leaf) {
            leaf_of(s->page, leaf, &number);
            assert_reference(reference, "l", number, 0);
        }
        if (from || leaf || !reference) continue;
        const json *constant = json_item(json_member(s->page->run, "constants"), json_integer(json_item(reference, 1)));
        assert_string_equal(json_item(reference, 0)->text, "c");
        assert_non_null(was->constants[i]);
        assert_shape(json_member(constant, "shape"), tg_shape_of(was->constants[i]));
        page_assert_value(s->page, json_member(constant, "value"), was->constants[i], "a constant");
    }
}

static void check_node(const shown *s, int64_t k)
{
    const tg_node *node = s->nodes[k];
    const recorded_node *was = &s->record->nodes[tg_node_index(node)];
    const json *on_page = json_item(json_member(s->page->run, "nodes"), k), *outputs = json_member(on_page, "outputs");
    const int64_t source = json_integer(json_member(on_page, "source"));
    const json *file = json_item(json_member(s->page->run, "sources"), source);
    char where[4300];
    assert_string_equal(json_text(on_page, "op"), tg_node_op(node)->name);
    snprintf(where, sizeof where, "%s:%d", json_text(file, "path"), (int)json_integer(json_member(on_page, "line")));
    assert_string_equal(where, tg_node_where(node));
    check_inputs(s, node, on_page);
    assert_int_equal(outputs->count, tg_node_output_count(node));
    for (int i = 0; i < outputs->count && i < RECORD_TENSORS; i++) {
        const json *output = json_item(outputs, i);
        const bool written = was->handles[i] && tg_version(was->handles[i]) != was->versions[i];
        assert_shape(json_member(output, "shape"), tg_node_output_shape(node, i));
        assert_string_equal(json_text(output, "dtype"), tg_dtype_name(tg_node_output_dtype(node, i)));
        page_assert_value(s->page, json_member(output, "value"), written ? NULL : was->outputs[i], tg_node_where(node));
        page_assert_value(s->page, json_member(output, "grad"), was->grads[i], tg_node_where(node));
    }
    for (int i = 0; i < tg_node_saved_count(node); i++)
        if (tg_node_saved(node, i)) assert_true(json_member(on_page, "saved")->count > 0);
}

/* Event by event. */
static void check_walk(const shown *s)
{
    static const char *const kinds[] = { "e", "v", "d", "r" };
    const json *walk = json_member(s->page->run, "walk");
    int64_t at = 0;
    for (int64_t i = 0; i < s->record->event_count; i++) {
        const recorded_event *was = &s->record->events[i];
        if (was->kind == TG_WALK_EDGE && was->node < 0) continue; /* where it starts */
        const json *event = json_item(walk, at++);
        assert_string_equal(json_item(event, 0)->text, kinds[was->kind]);
        int64_t number = was->node >= 0 ? s->number[was->node] : -1;
        if (was->kind == TG_WALK_LEAF) leaf_of(s->page, was->leaf, &number);
        assert_int_equal(json_integer(json_item(event, 1)), number);
        if (was->kind == TG_WALK_LEAF) page_assert_value(s->page, json_item(event, 2), was->value, "a leaf's gradient");
        if (was->kind != TG_WALK_EDGE) continue;
        assert_int_equal(json_integer(json_item(event, 2)), was->input);
        page_assert_value(s->page, json_item(event, 3), was->value, "a contribution");
        assert_int_equal(json_integer(json_item(event, 4)), was->product);
    }
    assert_int_equal(walk->count, at);
    assert_true(at > 0);
}

/* As assert_alike, where elements may be infinite or NaN, too. */
static void assert_close(const tg_tensor *t, const tg_tensor *expected, double tolerance)
{
    assert_int_equal(tg_numel(t), tg_numel(expected));
    double *a = elements(t), *b = elements(expected);
    for (int64_t i = 0; i < tg_numel(t); i++) {
        const bool same = a[i] == b[i] || (isnan(a[i]) && isnan(b[i]));
        if (!same && !(fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i]))))
            fail_msg("element %d is %.17g, not %.17g", (int)i, a[i], b[i]);
    }
    free(a);
    free(b);
}

/* Each gradient is the sum of its contributions; the leaves' are added to .grad (if `added`), which was `before`. */
static void check_sums(const shown *s, bool added)
{
    const json *leaves = json_member(s->page->run, "leaves");
    for (int64_t i = 0; i < s->record->event_count; i++) {
        const recorded_event *last = &s->record->events[i];
        int64_t number;
        if (last->kind != TG_WALK_LEAF) continue;
        const json *leaf = leaf_of(s->page, last->leaf, &number);
        tg_tensor *sum = NULL;
        for (int64_t e = 0; e < i; e++) {
            const recorded_event *one = &s->record->events[e];
            if (one->kind == TG_WALK_EDGE && one->leaf == last->leaf) sum = sum ? tg_add(sum, one->value) : one->value;
        }
        assert_close(sum, last->value, tg_dtype_of(sum) == TG_FLOAT32 ? 1e-4 : 1e-12);
        page_assert_value(s->page, json_member(leaf, "grad"), last->value, "a leaf's gradient");
        page_assert_value(s->page, json_member(leaf, "value"), last->leaf, "a leaf");
        assert_shape(json_member(leaf, "shape"), tg_shape_of(last->leaf));
        const json *before = json_member(leaf, "before");
        if (added && !before) assert_close(tg_grad_of(last->leaf), last->value, 0);
    }
    assert_true(leaves->count > 0);
}

/* tg_grad says the same of whatever the program still holds; of a long tape, of some. */
static void check_grads(const shown *s, tg_tensor *loss)
{
    for (int64_t k = 0; k < s->count; k += 1 + s->count / 200) {
        const recorded_node *was = &s->record->nodes[tg_node_index(s->nodes[k])];
        if (!was->grads[0] || tg_grad_fn(was->handles[0]) != s->nodes[k]) continue;
        tg_tensor *grad = tg_grad(tg_list(loss), tg_list(was->handles[0]), .retain_graph = true).items[0];
        assert_close(grad, was->grads[0], 0);
    }
}

static void check_page(const record *r, tg_tensor *loss, bool added)
{
    page *p = page_read(path);
    shown s = match(p, r, loss);
    for (int64_t k = 0; k < s.count; k++) check_node(&s, k);
    const json *root = json_member(p->run, "root");
    assert_int_equal(json_integer(json_item(root, 0)), s.number[tg_node_index(tg_grad_fn(loss))]);
    assert_int_equal(json_member(p->run, "notes")->count, 0);
    check_walk(&s);
    check_sums(&s, added);
    free(s.nodes);
    free(s.number);
    page_free(p);
}

/* A program, whose page is written after a backward, twice, and without one. */
static void check_program(tg_tensor *(*program)(void *context), void *context)
{
    tg_watch(true);
    for (int run = 0; run < 3; run++) {
        record *r = record_begin();
        IN_SCOPE;
        tg_tensor *loss = program(context);
        if (run < 2) assert_int_equal(tg_backward(loss, .retain_graph = run == 1), TG_OK);
        assert_int_equal(tg_tape_write_html(loss, path), TG_OK);
        record_stop(r);
        check_page(r, loss, run == 0);
        if (run == 1) {
            page *p = page_read(path);
            shown s = match(p, r, loss);
            check_grads(&s, loss);
            free(s.nodes);
            free(s.number);
            page_free(p);
        }
        record_end(r);
        tg_scope_end(scope);
    }
    tg_watch(false);
}

/* ---- programs ---- */

static tg_tensor *leaf(const char *name, tg_shape shape, uint64_t seed)
{
    return tg_set_name(parameter(shape, TG_FLOAT32, seed), name);
}

static tg_tensor *diamond(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(2, 3), 1), *b = leaf("b", tg_shape(3), 2);
    tg_tensor *y = tg_mul(a, b), *z = tg_add(tg_exp(y), tg_mul(y, y));
    return tg_sum(tg_mul(z, tg_add(z, a)));
}
TEST(test_where_paths_meet) { check_program(diamond, NULL); }

static tg_tensor *parts(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(6, 4), 3);
    const tg_tensor_list two = tg_split(tg_mul(a, a), 4, 0), rows = tg_unbind(two.items[0], 0);
    tg_tensor *turned = tg_transpose(two.items[1], 0, 1),
              *wide = tg_expand(tg_narrow(rows.items[2], 0, 1, 1), tg_shape(3));
    return tg_add(tg_sum(tg_mul(turned, turned)),
                  tg_add(tg_sum(tg_exp(wide)), tg_sum(tg_mul(rows.items[0], rows.items[3]))));
}
TEST(test_parts_and_views) { check_program(parts, NULL); }

static tg_tensor *in_place(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(3), 4), *buffer = tg_zeros(tg_shape(3));
    tg_add_(buffer, tg_mul(a, 2.0));
    tg_tensor *y = tg_mul(buffer, 3.0);
    tg_exp_(y);
    return tg_sum(tg_mul(y, a));
}
/* What was there before a write is no longer there to be shown. */
TEST(test_in_place)
{
    tg_watch(true);
    record *r = record_begin();
    IN_SCOPE;
    tg_tensor *loss = in_place(NULL);
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_int_equal(tg_tape_write_html(loss, path), TG_OK);
    record_stop(r);
    page *p = page_read(path);
    shown s = match(p, r, loss);
    for (int64_t k = 0; k < s.count; k++) check_node(&s, k);
    check_walk(&s);
    assert_int_equal(json_member(p->run, "notes")->count, 1);
    assert_non_null(strstr(json_item(json_member(p->run, "notes"), 0)->text, "1 value"));
    const json *add = json_item(json_member(p->run, "nodes"), 1);
    assert_string_equal(json_text(add, "op"), "add_");
    assert_null(json_item(json_member(add, "inputs"), 0)); /* the buffer of zeros, which is gone */
    free(s.nodes);
    free(s.number);
    page_free(p);
    record_end(r);
    tg_scope_end(scope);
    tg_watch(false);
}

static tg_tensor *of_all_types(void *context)
{
    (void)context;
    tg_tensor *x = tg_set_name(parameter(tg_shape(3, 4), TG_FLOAT64, 5), "x"), *w = leaf("w", tg_shape(10, 4), 6);
    tg_tensor *numbers = tg_from_data(((double[]){ 7, 0, 7 }), tg_shape(3), .dtype = TG_INT64);
    tg_tensor *picked = tg_to(tg_embedding(numbers, w), TG_FLOAT64);
    tg_tensor *chosen = tg_where(tg_gt(x, 0.0), x, picked), *scalar = tg_mean(chosen);
    tg_tensor *nothing = tg_sum(tg_narrow(chosen, 0, 3, 0));
    return tg_add(tg_add(tg_mul(scalar, scalar), nothing), tg_sum(tg_masked_fill(x, tg_lt(x, 0.0), -1e300)));
}
TEST(test_types_and_empty) { check_program(of_all_types, NULL); }

static tg_tensor *not_finite(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(20, 30), 7), *low = tg_log(a), *high = tg_exp(tg_mul(a, 100.0));
    return tg_add(tg_sum(tg_mul(low, high)), tg_sum(tg_log(tg_narrow(tg_narrow(a, 0, 0, 2), 1, 0, 3))));
}
TEST(test_what_is_not_finite) { check_program(not_finite, NULL); }

/* Heads, channels, and more matrices than a page keeps of one tensor; sides that are cut, dimensions of one. */
static tg_tensor *of_matrices(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(2, 4, 6, 6), 11), *b = leaf("b", tg_shape(3, 40, 19), 12);
    tg_tensor *many = leaf("c", tg_shape(5, 14, 2, 3), 13), *flat = leaf("d", tg_shape(70, 1, 3), 14);
    tg_tensor *holes = tg_log(tg_narrow(b, 2, 0, 7)), *scores = tg_softmax(tg_add(a, a), 3);
    tg_tensor *sums = tg_add(tg_sum(tg_mul(scores, a)), tg_sum(tg_masked_fill(holes, tg_isnan(holes), 1.0)));
    return tg_add(sums, tg_add(tg_sum(tg_mul(many, many)), tg_sum(tg_exp(flat))));
}
TEST(test_matrices_one_by_one) { check_program(of_matrices, NULL); }

typedef struct model {
    tg_lstm *lstm;
    tg_linear *fc;
    tg_tensor *x;
} model;

static tg_tensor *sequence(void *context)
{
    model *m = context;
    tg_tensor *y = tg_lstm_forward(m->lstm, m->x, (tg_lstm_state){ NULL, NULL }).output;
    return tg_mean(tg_relu(tg_linear_forward(m->fc, y)));
}

/* Two layers in two directions; its gradients are chains of products. .grad is there at the second step. */
TEST(test_lstm)
{
    tg_manual_seed(1);
    model m = { tg_lstm_new(3, 5, .num_layers = 2, .bidirectional = true), tg_linear_new(10, 30), NULL };
    m.x = tg_keep(tg_randn(tg_shape(6, 4, 3)));
    tg_set_name(m.fc->weight, "fc.weight"); /* beside the LSTM's, which have no such names */
    tg_set_name(m.fc->bias, "fc.bias");
    check_program(sequence, &m);
    tg_release(m.x);
    tg_module_free(m.lstm);
    tg_module_free(m.fc);
}

static tg_tensor *penalty(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(2, 3), 9), *y = tg_sum(tg_mul(tg_exp(a), a));
    tg_tensor *g = tg_grad(tg_list(y), tg_list(a), .create_graph = true).items[0];
    return tg_add(y, tg_sum(tg_mul(g, g)));
}
/* What a backward recorded is on the tape, too. */
TEST(test_second_derivatives) { check_program(penalty, NULL); }

static tg_tensor *twice(tg_tensor *grad, void *context)
{
    (void)context;
    return tg_mul(grad, 2.0);
}
static tg_tensor *hooked(void *context)
{
    (void)context;
    tg_tensor *a = leaf("a", tg_shape(4), 10), *y = tg_exp(a);
    tg_register_hook(y, twice, NULL);
    return tg_sum(tg_mul(y, y));
}
TEST(test_hooks) { check_program(hooked, NULL); }

static tg_tensor *long_loop(void *context)
{
    (void)context;
    tg_tensor *w = leaf("w", tg_shape(4, 4), 8), *h = numbers(tg_shape(1, 4), TG_FLOAT32, 9);
    for (int t = 0; t < 1000; t++) h = tg_tanh(tg_matmul(h, w));
    return tg_sum(h);
}
TEST(test_a_thousand_steps) { check_program(long_loop, NULL); }

/* ---- before ---- */

TEST(test_grad_before_the_walk)
{
    tg_tensor *a = tg_keep(leaf("a", tg_shape(2), 1));
    tg_watch(true);
    for (int step = 0; step < 3; step++) {
        IN_SCOPE;
        tg_tensor *before = tg_grad_of(a) ? tg_clone(tg_grad_of(a)) : NULL, *loss = tg_sum(tg_exp(a));
        if (step < 2) tg_backward(loss);
        assert_int_equal(tg_tape_write_html(loss, path), TG_OK);
        page *p = page_read(path);
        const json *on_page = json_item(json_member(p->run, "leaves"), 0);
        page_assert_value(p, json_member(on_page, "before"), before, "before");
        page_assert_value(p, json_member(on_page, "grad"), tg_exp(tg_detach(a)), "grad");
        if (step == 2) assert_close(tg_grad_of(a), before, 0); /* the page's own walk changes nothing */
        page_free(p);
        tg_scope_end(scope);
    }
    tg_watch(false);
    tg_release(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_where_paths_meet),
        T(test_parts_and_views),
        T(test_in_place),
        T(test_types_and_empty),
        T(test_what_is_not_finite),
        T(test_matrices_one_by_one),
        T(test_lstm),
        T(test_second_derivatives),
        T(test_hooks),
        T(test_a_thousand_steps),
        T(test_grad_before_the_walk),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}

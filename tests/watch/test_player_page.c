/* The player's page: what stands around the numbers (names, places, steps in time, sources), how it is written, and
 * TAPEGRAD_PLAY. */
#define _GNU_SOURCE
#include <tapegrad.h>

#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/failing_calls.h"
#include "tests/support/mutate.h"
#include "tests/support/page.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *folder;
static char path[4200], part[4300];

static int open_folder(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/tape.html", folder);
    snprintf(part, sizeof part, "%s.part", path);
    return 0;
}
static int close_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static bool exists(const char *name) { return access(name, F_OK) == 0; }

static tg_tensor *leaf(const char *name, tg_shape shape) { return tg_set_name(parameter(shape, TG_FLOAT32, 1), name); }

/* A product and a sum, at places of our choice. */
static tg_tensor *small_loss(const char *where)
{
    tg_tensor *a = leaf("a", tg_shape(2, 2)), *b = leaf("b", tg_shape(2, 2));
    return tg_sum_at(where, tg_mul_at(where, TG_OPERAND(a), TG_OPERAND(b)), TG_REDUCE_OPTIONS());
}

static page *written(tg_tensor *loss)
{
    assert_int_equal(tg_tape_write_html(loss, path), TG_OK);
    return page_read(path);
}

static const json *node_at(const page *p, int64_t i) { return json_item(json_member(p->run, "nodes"), i); }
static const json *place_at(const page *p, int64_t i) { return json_item(json_member(p->run, "places"), i); }
static int64_t step_of(const page *p, int64_t i) { return json_integer(json_member(node_at(p, i), "step")); }

/* ---- texts ---- */

#define ODD "</script><!-- <b> \"é\\ \t\x01 \xe2\x82\xac"

TEST(test_texts_that_end_elements)
{
    IN_SCOPE;
    tg_watch(true);
    tg_label(ODD);
    tg_tensor *a = leaf(ODD, tg_shape(2)), *two = tg_set_name(tg_full(tg_shape(2), 2.0), "a constant");
    tg_tensor *loss = tg_set_name(tg_sum(tg_mul(a, two)), ODD);
    assert_int_equal(tg_tape_write_html(loss, path, .title = ODD), TG_OK);
    page *p = page_read(path);
    assert_string_equal(json_text(p->run, "title"), ODD);
    assert_string_equal(json_text(place_at(p, 0), "name"), ODD);
    assert_string_equal(json_text(json_item(json_member(p->run, "leaves"), 0), "name"), ODD);
    assert_string_equal(json_text(json_item(json_member(node_at(p, 1), "outputs"), 0), "name"), ODD);
    assert_string_equal(json_text(json_item(json_member(p->run, "constants"), 0), "name"), "a constant");
    page_free(p);
    tg_set_name(a, "\xff\xc3"); /* no UTF-8 */
    p = written(loss);
    assert_string_equal(json_text(json_item(json_member(p->run, "leaves"), 0), "name"), "\xef\xbf\xbd\xef\xbf\xbd");
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_sources)
{
    static const char text[] = "line 1 </script>\nline 2 \xe2\x82\xac \"\\\n";
    char where[4300], file[4200];
    snprintf(file, sizeof file, "%s/a </script> b.c", folder);
    char *slash = strrchr(file, '/'); /* that of "</script>" would be a folder's */
    *slash = '-';
    snprintf(where, sizeof where, "%s:2", file);
    write_file(file, text, sizeof text - 1);
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *loss = small_loss(where), *other = tg_mul_at("no such file.c:7", TG_OPERAND(loss), TG_OPERAND(loss));
    page *p = written(tg_mul(other, other));
    const json *sources = json_member(p->run, "sources");
    assert_int_equal(sources->count, 3);
    assert_string_equal(json_text(json_item(sources, 0), "path"), file);
    assert_string_equal(json_text(json_item(sources, 0), "text"), text);
    assert_null(json_text(json_item(sources, 1), "text"));
    assert_string_equal(json_text(json_item(sources, 2), "path"), __FILE__); /* found, wherever we run */
    assert_non_null(strstr(json_text(json_item(sources, 2), "text"), "TEST(test_sources)"));
    assert_non_null(strstr(json_item(json_member(p->run, "notes"), 0)->text, "no such file.c"));
    assert_int_equal(json_integer(json_member(node_at(p, 0), "line")), 2);
    assert_int_equal(json_integer(json_member(node_at(p, 2), "line")), 7);
    page_free(p);
    tg_tensor *nowhere = tg_exp_at("somewhere", leaf("c", tg_shape())); /* no line */
    p = written(nowhere);
    assert_int_equal(json_integer(json_member(node_at(p, 0), "source")), -1);
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_a_folder_of_sources)
{
    char file[4300];
    snprintf(file, sizeof file, "%s/found.c", folder);
    write_file(file, "here", 4);
    IN_SCOPE;
    tg_tensor *loss = small_loss("found.c:1");
    assert_int_equal(tg_tape_write_html(loss, path, .source_root = folder), TG_OK);
    page *p = page_read(path);
    assert_string_equal(json_text(json_item(json_member(p->run, "sources"), 0), "text"), "here");
    page_free(p);
    tg_scope_end(scope);
}

/* ---- places and steps ---- */

typedef struct cell {
    tg_module base;
    tg_linear *gate;
} cell;
typedef struct net {
    tg_module base;
    cell *cell;
    bool labels;
} net;

static tg_tensor *beside(tg_tensor *x, tg_tensor *h);

/* The first step needs no cat on the tape: its state needs no gradient. */
static tg_tensor *net_forward(tg_module *module, tg_tensor *x)
{
    net *m = (net *)module;
    tg_tensor *h = tg_zeros(tg_shape(1, 2));
    for (int t = 0; t < 4; t++) {
        if (m->labels) tg_label("t=%d", t);
        h = tg_tanh(tg_linear_forward(m->cell->gate, beside(tg_narrow(x, 0, t, 1), h)));
    }
    tg_label_end();
    return tg_mean(h);
}

/* Stands behind the line that it is computed before. */
static tg_tensor *beside(tg_tensor *x, tg_tensor *h) { return tg_cat(tg_list(x, h), 1); }

static net *net_new(bool labels)
{
    net *m = tg_module_new(net, .name = "Net", .forward = net_forward);
    cell *c = tg_module_new(cell, .name = "Cell");
    TG_SUBMODULE(c, gate, tg_linear_new(4, 2));
    TG_SUBMODULE(m, cell, c);
    m->labels = labels;
    return m;
}

static void check_steps(bool labels)
{
    static const struct expected {
        const char *op;
        int step;
    } expected[] = {
        { "linear", 0 }, { "tanh", 0 }, { "cat", 1 }, { "linear", 1 }, { "tanh", 1 }, { "cat", 2 },
        { "linear", 2 }, { "tanh", 2 }, { "cat", 3 }, { "linear", 3 }, { "tanh", 3 }, { "mean", -1 },
    };
    enum { COUNT = sizeof expected / sizeof expected[0] };
    net *m = net_new(labels);
    IN_SCOPE;
    tg_watch(true);
    tg_label("step 7"); /* of training: there is no other one on the tape */
    page *p = written(tg_module_forward(m, numbers(tg_shape(4, 2), TG_FLOAT32, 1)));
    assert_int_equal(json_member(p->run, "nodes")->count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(json_text(node_at(p, i), "op"), expected[i].op);
        assert_int_equal(step_of(p, i), expected[i].step);
    }
    const json *gate = place_at(p, json_integer(json_member(node_at(p, 3), "place")));
    assert_string_equal(json_text(gate, "name"), "cell.gate");
    assert_string_equal(json_text(gate, "kind"), "Linear");
    const json *outer = place_at(p, json_integer(json_member(gate, "outer")));
    assert_string_equal(json_text(outer, "name"), labels ? "t=1" : "Net");
    if (labels) assert_int_equal(json_integer(json_member(outer, "step")), 1);
    assert_null(json_optional(place_at(p, 0), "step"));
    assert_string_equal(json_text(place_at(p, 0), "name"), "step 7");
    const json *weight = json_item(json_member(p->run, "leaves"), 0);
    assert_string_equal(json_text(weight, "name"), "cell.gate.weight");
    assert_string_equal(json_text(weight, "role"), "parameter");
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
    tg_module_free(m);
}
TEST(test_steps_that_labels_say) { check_steps(true); }
TEST(test_steps_that_are_inferred) { check_steps(false); }

/* Time is the inner one of two loops, and each layer has its own. */
TEST(test_layers_over_time)
{
    tg_manual_seed(1);
    tg_lstm *lstm = tg_lstm_new(2, 3, .num_layers = 2, .bidirectional = true);
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *y = tg_lstm_forward(lstm, tg_ones(tg_shape(5, 1, 2)), (tg_lstm_state){ NULL, NULL }).output;
    page *p = written(tg_sum(y));
    int64_t seen[5] = { 0 }, outside = 0;
    for (int64_t i = 0; i < json_member(p->run, "nodes")->count; i++)
        if (step_of(p, i) < 0)
            outside++;
        else
            seen[step_of(p, i)]++;
    for (int t = 1; t < 5; t++) assert_int_equal(seen[t], seen[0]);
    assert_true(seen[0] >= 4 && outside > 0);
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
    tg_module_free(lstm);
}

/* ---- what there is to show ---- */

TEST(test_unwatched)
{
    IN_SCOPE;
    tg_tensor *a = leaf("a", tg_shape(2)), *y = tg_exp(a), *loss = tg_sum(tg_mul(y, tg_add(y, a)));
    page *p = written(loss);
    assert_false(tg_is_watched());
    assert_null(tg_grad_of(a));
    const json *outputs = json_member(node_at(p, 0), "outputs");
    page_assert_value(p, json_member(json_item(outputs, 0), "value"), y, "exp saved it");
    page_assert_value(p, json_member(json_item(outputs, 0), "grad"),
                      tg_grad(tg_list(loss), tg_list(y), .retain_graph = true).items[0], "its gradient");
    page_assert_value(p, json_member(json_item(json_member(node_at(p, 3), "outputs"), 0), "value"), loss, "the loss");
    assert_non_null(strstr(json_item(json_member(p->run, "notes"), 0)->text, "tg_watch"));
    page_free(p);
    assert_int_equal(tg_backward(loss), TG_OK); /* all is there for it */
    assert_int_equal(tg_tape_write_html(loss, path), TG_FAILED);
    expect_error("not watched");
    tg_scope_end(scope);
}

/* Which tensors a node keeps: of exp its result, of the product both operands, of layer_norm means and deviations of its own. */
TEST(test_what_is_saved)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *a = leaf("a", tg_shape(2, 4)), *y = tg_exp(a), *two = tg_full(tg_shape(2, 4), 2.0);
    tg_tensor *loss = tg_sum(tg_layer_norm(tg_mul(y, tg_mul(a, two)), tg_shape(4)));
    tg_backward(loss); /* and releases them */
    page *p = written(loss);
    static const char *const kinds[3][2] = { { "n", NULL }, { "c", NULL }, { "n", "n" } };
    for (int i = 0; i < 3; i++) {
        const json *saved = json_member(node_at(p, i), "saved");
        assert_int_equal(saved->count, kinds[i][1] ? 2 : 1);
        for (int k = 0; k < saved->count; k++)
            assert_string_equal(json_item(json_member(json_item(saved, k), "what"), 0)->text, kinds[i][k]);
    }
    const json *own = json_item(json_member(node_at(p, 3), "saved"), 1);
    assert_null(json_member(own, "what"));
    assert_int_equal(json_integer(json_item(json_member(own, "shape"), 0)), 2);
    assert_int_equal(json_integer(json_member(own, "bytes")), 2 * 2 * sizeof(double));
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
}

/* A value that was saved, and written when it was no longer needed, is not shown. */
TEST(test_saved_and_written)
{
    IN_SCOPE;
    tg_tensor *y = tg_exp(leaf("a", tg_shape(2))), *loss = tg_sum(y);
    tg_watch(true);
    tg_backward(loss, .retain_graph = true);
    for (int writes = 0; writes < 2; writes++) {
        page *p = written(loss);
        const json *output = json_item(json_member(node_at(p, 0), "outputs"), 0);
        page_assert_value(p, json_member(output, "value"), writes ? NULL : y, "exp saved it");
        page_assert_value(p, json_member(output, "grad"), tg_ones(tg_shape(2)), "its gradient");
        page_free(p);
        tg_scope quiet = tg_no_grad_begin();
        tg_mul_(y, 2.0);
        tg_scope_end(quiet);
    }
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_retained_gradients_stay)
{
    IN_SCOPE;
    tg_tensor *a = leaf("a", tg_shape(2)), *y = tg_exp(a), *loss = tg_sum(y);
    tg_retain_grad(y);
    page_free(written(loss));
    assert_null(tg_grad_of(y));
    tg_backward(loss, .retain_graph = true);
    page_free(written(loss));
    VALUES(tg_grad_of(y), 0, 1, 1);
    tg_scope_end(scope);
}

TEST(test_leaves_written_since)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *a = leaf("a", tg_shape(2)), *loss = tg_sum(tg_exp(a));
    tg_backward(loss);
    tg_scope quiet = tg_no_grad_begin();
    tg_sub_(a, 1.0);
    tg_scope_end(quiet);
    page *p = written(loss);
    assert_null(json_member(json_item(json_member(p->run, "leaves"), 0), "value"));
    assert_non_null(strstr(json_item(json_member(p->run, "notes"), 0)->text, "optimiser"));
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
}

/* ---- functions that run again ---- */

static void twice_tanh(void *context, tg_tensor *const *in, tg_tensor **out)
{
    tg_tensor *w = *(tg_tensor **)context;
    out[0] = tg_add(tg_tanh(tg_mul(in[0], w)), tg_mul(in[0], w));
}

/* One inside another, which reads the other leaf, too. */
static void nested(void *context, tg_tensor *const *in, tg_tensor **out)
{
    tg_tensor **both = context;
    out[0] = tg_mul(tg_checkpoint(twice_tanh, &both[0], tg_list(in[0])).items[0], both[1]);
}

/* What the page's walk hands to a leaf. */
static tg_tensor *sum_of_edges(const page *p, int64_t to, int *count)
{
    const json *walk = json_member(p->run, "walk");
    double sum = 0;
    *count = 0;
    for (int64_t i = 0; i < walk->count; i++) {
        const json *event = json_item(walk, i);
        if (json_item(event, 0)->text[0] != 'e') continue;
        const json *node = node_at(p, json_integer(json_item(event, 1)));
        const json *input = json_item(json_member(node, "inputs"), json_integer(json_item(event, 2)));
        if (json_item(input, 0)->text[0] != 'l' || json_integer(json_item(input, 1)) != to) continue;
        const json *value = json_item(json_member(p->run, "values"), json_integer(json_item(event, 3)));
        float number;
        memcpy(&number, p->numbers + json_integer(json_item(json_member(value, "n"), 0)), sizeof number);
        sum += (double)number;
        ++*count;
    }
    return tg_scalar(sum);
}

static void expect_contributions(const page *p, tg_tensor *const leaves[2], const int counts[2])
{
    for (int64_t i = 0; i < json_member(p->run, "leaves")->count; i++) {
        const json *on_page = json_item(json_member(p->run, "leaves"), i);
        const int which = strcmp(json_text(on_page, "name"), "v") == 0;
        int count;
        assert_true(fabs(tg_item(sum_of_edges(p, i, &count)) - tg_item(tg_grad_of(leaves[which]))) < 1e-5);
        assert_int_equal(count, counts[which]);
        page_assert_value(p, json_member(on_page, "grad"), tg_grad_of(leaves[which]), "a leaf");
    }
}

/* After a backward that was watched; before one; and not watched at all, where nothing is left on the tape. */
TEST(test_functions_that_run_again)
{
    for (int way = 0; way < 3; way++) {
        IN_SCOPE;
        tg_watch(way < 2);
        tg_tensor *both[] = { tg_set_name(tg_scalar(0.5, .requires_grad = true), "w"),
                              tg_set_name(tg_scalar(2.0, .requires_grad = true), "v") };
        tg_tensor *x = tg_tensor_of(1.0, 3.0), *h = tg_checkpoint(twice_tanh, &both[0], tg_list(x)).items[0];
        tg_tensor *loss = tg_sum(tg_square(tg_checkpoint(nested, both, tg_list(h)).items[0]));
        assert_int_equal(tg_tape_length(), 4);
        page *p = way == 0 ? NULL : written(loss);
        if (way == 2) assert_int_equal(tg_tape_length(), 4);
        if (way == 2) assert_false(tg_is_watched());
        assert_int_equal(tg_backward(loss), TG_OK);
        if (way == 0) p = written(loss);
        assert_int_equal(json_member(p->run, "nodes")->count, 4);
        expect_contributions(p, both, (int[]){ 4, 1 });
        const json *notes = json_member(p->run, "notes");
        assert_non_null(strstr(json_item(notes, notes->count - 1)->text, " are not here, of functions that ran again"));
        page_free(p);
        tg_watch(false);
        tg_scope_end(scope);
    }
}

TEST(test_a_gradient_to_start_from)
{
    IN_SCOPE;
    tg_tensor *a = leaf("a", tg_shape(2)), *y = tg_mul(a, 3.0), *grad = numbers(tg_shape(2), TG_FLOAT32, 5);
    assert_int_equal(tg_tape_write_html(y, path), TG_FAILED);
    expect_error("scalar outputs");
    assert_int_equal(tg_tape_write_html(y, path, .gradient = grad, .backward = 12), TG_OK);
    page *p = page_read(path);
    page_assert_value(p, json_member(json_item(json_member(node_at(p, 0), "outputs"), 0), "grad"), grad,
                      "the root's gradient");
    assert_int_equal(json_integer(json_member(p->run, "backward")), 12);
    page_free(p);
    tg_scope_end(scope);
}

TEST(test_nothing_to_show)
{
    IN_SCOPE;
    tg_tensor *a = leaf("a", tg_shape());
    assert_int_equal(tg_tape_write_html(a, path), TG_FAILED);
    expect_error("it is a leaf");
    assert_int_equal(tg_tape_write_html(tg_ones(tg_shape()), path), TG_FAILED);
    expect_error("does not require grad");
    assert_int_equal(tg_tape_write_html(NULL, path), TG_FAILED);
    expect_error("NULL");
    assert_int_equal(tg_tape_write_html(tg_exp(a), NULL), TG_FAILED);
    expect_error("the path is NULL");
    assert_int_equal(tg_tape_write_html(tg_exp(a), "/no/such/folder/x.html"), TG_FAILED);
    expect_error("/no/such/folder/x.html: cannot be written");
    assert_false(tg_is_watched());
    tg_scope_end(scope);
}

/* ---- large tapes ---- */

/* 5,000 nodes whose tensors are heat maps: coarser ones, so that the page stays small. */
TEST(test_a_large_page)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *w = leaf("w", tg_shape(20, 20)), *h = numbers(tg_shape(10, 20), TG_FLOAT32, 3);
    for (int t = 0; t < 1250; t++) {
        tg_label("t=%d", t);
        h = tg_tanh(tg_add(tg_mul(tg_matmul(h, w), 0.5), h));
    }
    tg_label_end();
    page *p = written(tg_sum(h));
    assert_int_equal(json_member(p->run, "nodes")->count, 5001);
    assert_true(p->size < 5000000);
    assert_non_null(strstr(json_item(json_member(p->run, "notes"), 0)->text, "Heat maps"));
    assert_int_equal(step_of(p, 4999), 1249);
    const json *weight = json_item(json_member(p->run, "leaves"), 0);
    page_assert_value(p, json_member(weight, "value"), w, "the weight");
    const json *map = json_item(json_member(p->run, "values"), json_integer(json_member(weight, "value")));
    assert_int_equal(json_integer(json_item(json_member(map, "h"), 1)), 16);
    page_assert_value(p, json_member(weight, "grad"), tg_grad(tg_list(tg_sum(h)), tg_list(w)).items[0], "its gradient");
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
}

/* Of thousands of tensors of many matrices the first are kept, and it is said; of the leaf, too. */
TEST(test_a_large_page_of_matrices)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *w = leaf("w", tg_shape(9, 8, 20, 20)), *h = w;
    for (int t = 0; t < 100; t++) h = tg_tanh(h);
    page *p = written(tg_sum(h));
    assert_true(p->size < 5000000);
    const json *notes = json_member(p->run, "notes");
    assert_int_equal(notes->count, 1); /* no map is coarser: there is room for several of 16 by 16 */
    assert_non_null(strstr(json_item(notes, 0)->text, "many matrices"));
    const json *weight = json_item(json_member(p->run, "leaves"), 0);
    const json *map = json_item(json_member(p->run, "values"), json_integer(json_member(weight, "value")));
    const int64_t maps = json_integer(json_item(json_member(map, "h"), 3));
    assert_true(maps >= 4 && maps < 64 && json_integer(json_item(json_member(map, "h"), 1)) == 16);
    page_assert_value(p, json_member(weight, "value"), w, "the weight");
    page_free(p);
    tg_watch(false);
    tg_scope_end(scope);
}

/* ---- failures ---- */

static bool write_small(void)
{
    IN_SCOPE;
    const bool ok = tg_tape_write_html(small_loss("tests/core/test_player_page.c:1"), path) == TG_OK;
    tg_scope_end(scope);
    return ok;
}

static void check_file(bool well)
{
    if (!well) assert_true(tg_failed());
    tg_error_clear();
    assert_false(exists(part) && strcmp(failed_call, "unlink") == 0);
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    const bool old = size == 3 && memcmp(bytes, "old", 3) == 0;
    free(bytes);
    if (well) assert_false(old);
    if (!old) page_free(page_read(path));
    write_file(path, "old", 3);
}

TEST(test_failing_writes)
{
    write_file(path, "old", 3);
    fail_each_call(write_small, check_file);
    disturb_calls(write_small);
    fate = NOTHING_IS_TAKEN;
    assert_false(write_small());
    fate = CALLS_WORK;
    expect_error("cannot be written");
    unlink(path);
}

static double watched_page(void)
{
    if (tg_watch(true) != TG_OK) return 0;
    tg_label("t=%d", 1);
    tg_tensor *a = leaf("a", tg_shape(2)), *loss = tg_sum(tg_mul(tg_exp(a), tg_ones(tg_shape(100, 2))));
    if (tg_backward(loss) != TG_OK || tg_tape_write_html(loss, path) != TG_OK) return 0;
    tg_watch(false);
    return 1;
}
TEST(test_each_allocation_fails) { fail_each_allocation(watched_page); }

/* ---- TAPEGRAD_PLAY ---- */

/* What the program, a thread that trains for so many steps, says on stderr. */
static void *train(void *context)
{
    tg_tensor *w = tg_keep(leaf("w", tg_shape(3)));
    for (int step = 0; step < *(int *)context; step++) {
        IN_SCOPE;
        tg_backward(tg_sum(tg_mul(tg_exp(w), (double)step)));
        tg_grad(tg_list(tg_sum(tg_exp(w))), tg_list(w)); /* no backward */
        tg_set_grad(w, NULL);
        tg_scope_end(scope);
    }
    if (tg_is_observed() || tg_is_watched() || tg_failed()) *(int *)context = -1;
    tg_release(w);
    return NULL;
}

/* Some differentiate, but never go backward. */
static void *look(void *context)
{
    tg_tensor *w = tg_keep(leaf("w", tg_shape(3)));
    for (int step = 0; step < *(int *)context; step++) {
        IN_SCOPE;
        tg_grad(tg_list(tg_sum(tg_exp(w))), tg_list(w));
        tg_scope_end(scope);
    }
    tg_release(w);
    return NULL;
}

/* One that watches for itself. */
static void *watch(void *context)
{
    tg_watch(true);
    train(context);
    const bool both = *(int *)context == -1 && tg_is_watched(); /* train says that something observes still */
    tg_watch(false);
    *(int *)context = both && !tg_is_observed() ? 0 : -1;
    return NULL;
}

static void play_in(void *(*program)(void *), const char *value, int steps, bool over, char said[1000])
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL); /* the child's exit would write what is in the buffers again */
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        setenv("TAPEGRAD_PLAY", value, 1);
        pthread_t thread;
        const bool begun = pthread_create(&thread, NULL, program, &steps) == 0 && pthread_join(thread, NULL) == 0;
        exit(begun && (steps >= 0) == over ? 0 : 1);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], said + length, 999 - length)) > 0;) length += (size_t)n;
    said[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) fail_msg("the program ended with %d and said: %s", status, said);
}

static void play(const char *value, int steps, bool over, char said[1000]) { play_in(train, value, steps, over, said); }

TEST(test_play)
{
    char value[4300], said[1000];
    unlink(path);
    play(path, 3, true, said);
    assert_non_null(strstr(said, "backward 1, 3 nodes, "));
    page *p = page_read(path);
    assert_int_equal(json_member(p->run, "nodes")->count, 3);
    IN_SCOPE;
    page_assert_value(p, json_member(json_item(json_member(p->run, "leaves"), 0), "grad"), tg_zeros(tg_shape(3)),
                      "step 0");
    page_free(p);
    snprintf(value, sizeof value, "%s:3", path);
    play(value, 5, true, said);
    assert_non_null(strstr(said, "backward 3, 3 nodes, "));
    p = page_read(path);
    assert_int_equal(json_integer(json_member(p->run, "backward")), 3);
    assert_int_equal(json_member(p->run, "notes")->count, 0);
    tg_tensor *w = leaf("w", tg_shape(3));
    page_assert_value(p, json_member(json_item(json_member(p->run, "leaves"), 0), "grad"),
                      tg_mul(tg_exp(tg_detach(w)), 2.0), "step 2");
    page_free(p);
    tg_scope_end(scope);
}

TEST(test_play_a_program_that_watches)
{
    char said[1000];
    play_in(watch, path, 3, true, said);
    assert_non_null(strstr(said, "backward 1, 3 nodes, "));
}

TEST(test_play_step)
{
    char said[1000];
    setenv("TAPEGRAD_PLAY_STEP", "2", 1);
    play(path, 3, true, said);
    unsetenv("TAPEGRAD_PLAY_STEP");
    assert_non_null(strstr(said, "backward 2, 3 nodes, "));
}

TEST(test_play_in_vain)
{
    char value[4300], said[1000];
    unlink(path);
    snprintf(value, sizeof value, "%s/none/tape.html", folder);
    play(value, 3, true, said);
    assert_non_null(strstr(said, "no page was written: "));
    assert_non_null(strstr(said, "No such file"));
    snprintf(value, sizeof value, "%s:8", path);
    play(value, 3, false, said); /* it is still looked for */
    assert_non_null(strstr(said, "of backward 8 was to be one, and there were 3"));
    play(value, 0, false, said);
    assert_non_null(strstr(said, "tape.html: no page was written: no tg_backward was done\n"));
    play_in(look, value, 3, true, said);
    assert_non_null(strstr(said, "no tg_backward was done, and of a tg_grad tg_tape_write_html writes one\n"));
    play("0", 3, true, said);
    assert_string_equal(said, "");
    play_in(look, "0", 3, true, said);
    assert_string_equal(said, "");
    assert_false(exists(path));
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* see failing.h */
    /* A child process has not its parent's threads; of each that it misses a leak checker tells on stderr. */
    tg_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        T(test_texts_that_end_elements),
        T(test_sources),
        T(test_a_folder_of_sources),
        T(test_steps_that_labels_say),
        T(test_steps_that_are_inferred),
        T(test_layers_over_time),
        T(test_unwatched),
        T(test_what_is_saved),
        T(test_saved_and_written),
        T(test_retained_gradients_stay),
        T(test_leaves_written_since),
        T(test_functions_that_run_again),
        T(test_a_gradient_to_start_from),
        T(test_nothing_to_show),
        T(test_a_large_page),
        T(test_a_large_page_of_matrices),
        T(test_failing_writes),
        T(test_each_allocation_fails),
        T(test_play),
        T(test_play_a_program_that_watches),
        T(test_play_step),
        T(test_play_in_vain),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}

/* The tape printed, explained and measured with each allocation failing in turn: the text or an error, and nothing lost. */
#define _GNU_SOURCE /* setenv */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <string.h>

static tg_tensor *loop(tg_tensor **weight)
{
    tg_tensor *w = tg_set_name(tg_full(tg_shape(3), 0.5, .requires_grad = true), "w"), *h = w;
    *weight = w;
    for (int t = 0; t < 8; t++) {
        tg_label("t=%d", t);
        h = tg_set_name(tg_tanh(tg_mul(h, w)), "h");
    }
    tg_label_end();
    return tg_sum(h);
}

/* The length of what was printed; 0 if that failed. */
static double length_of(FILE *file, bool ok)
{
    const double length = ok && tg_ok() ? (double)ftell(file) : 0;
    fclose(file);
    return length;
}

static double print(void)
{
    tg_tensor *w;
    FILE *file = tmpfile();
    bool ok = tg_watch(true) == TG_OK;
    tg_tensor *loss = loop(&w);
    ok = ok && tg_backward(loss) == TG_OK;
    ok = ok && tg_tape_print(file, .of = loss, .fold = 1, .grads = true, .values = true, .backward = true) == TG_OK;
    ok = ok && tg_tape_print_dot(file, .depth = 0) == TG_OK && tg_tape_print_dot(file, .values = true) == TG_OK;
    return length_of(file, ok);
}

static double bill(void)
{
    tg_tensor *w, *loss = loop(&w);
    char text[4000] = "";
    FILE *file = tmpfile();
    const bool ok = loss && tg_tape_memory_print(file) == TG_OK;
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0'; /* what else lives is another number each time */
    const char *end = strstr(text, "the nodes themselves");
    const double length = ok && end ? (double)(end - text) : 0;
    fclose(file);
    return length;
}

static double explain(void)
{
    tg_tensor *w, *loss = loop(&w);
    FILE *file = tmpfile();
    const bool ok = loss && tg_explain_to(file, w, .depth = 4) == TG_OK;
    return length_of(file, ok);
}

static double flow(void)
{
    tg_tensor *w;
    FILE *file = tmpfile();
    tg_flow *flow = tg_flow_begin();
    tg_tensor *loss = loop(&w);
    bool ok = flow && tg_backward(loss) == TG_OK && tg_flow_print_to(file, flow) == TG_OK;
    tg_chart *chart = ok ? tg_flow_chart(flow) : NULL;
    ok = ok && chart && tg_chart_fprint(file, chart, .width = 60) == TG_OK && tg_flow_norms(flow, TG_FLOW_STEPS, 0);
    if (chart) tg_chart_free(chart);
    tg_flow_end(flow);
    return length_of(file, ok);
}

TEST(test_print) { fail_each_allocation(print); }
TEST(test_bill) { fail_each_allocation(bill); }
TEST(test_explain) { fail_each_allocation(explain); }
TEST(test_flow) { fail_each_allocation(flow); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = { T(test_print), T(test_bill), T(test_explain), T(test_flow) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

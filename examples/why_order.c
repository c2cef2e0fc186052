/* why_order.c: why backward walks the tape from its end, and does not simply call itself: b = a + a, c = b + b, ...
 *
 * Three ways to find dy/da, on the nodes of the same tape:
 *
 *   - recursion that adds to a node's gradient and goes on at once. When it comes to b a second time, b's gradient holds
 *     both parts, and the first one goes down again: the result is wrong.
 *   - recursion that takes each path from y to a by itself, and adds where the paths end. That is right, and there are
 *     2^n paths.
 *   - the tape's order. A node waits until everything that used it has spoken; then it speaks once. n steps.
 *
 *     $ build/examples/why_order
 *       n     dy/da | goes on at once   calls |  path by path   calls |  the tape  visits
 *       1         2 |              2        3 |             2        3 |         2       1
 *       2         4 |              6        7 |             4        7 |         4       2
 *     ... */
#include <tapegrad.h>

#include "arguments.h"

enum { MOST = 20 };

/* ---- recursion ---- an edge of a node leads to the node that made its input, or to the leaf a */

static double gradient[MOST + 1]; /* of each node's output; the last one is a's */
static long calls;

static int place_of(const tg_node *node) { return node ? (int)tg_node_index(node) : MOST; }

/* As one writes it first. Every node here is an addition: what comes goes to both inputs as it is. */
static void goes_on_at_once(const tg_node *node)
{
    calls++;
    for (int i = 0; i < tg_node_input_count(node); i++) { /* of a, which no node made, there are none */
        const tg_node *input = tg_node_input(node, i, NULL, NULL);
        gradient[place_of(input)] += gradient[place_of(node)];
        goes_on_at_once(input);
    }
}

/* Only what has come along this path is passed on. */
static void path_by_path(const tg_node *node, double came)
{
    calls++;
    gradient[place_of(node)] += came;
    for (int i = 0; i < tg_node_input_count(node); i++) path_by_path(tg_node_input(node, i, NULL, NULL), came);
}

static void clear(void)
{
    for (int i = 0; i <= MOST; i++) gradient[i] = 0;
    calls = 0;
}

/* ---- the tape ---- */

static void count_visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    (void)node;
    (void)grads;
    ++*(long *)context;
}

/* The engine's own walk, with somebody who counts the nodes it visits. */
static double by_the_tape(tg_tensor *y, tg_tensor *a, long *visits)
{
    const tg_observer counter = { .visit = count_visit, .plain = true };
    *visits = 0;
    const int64_t number = tg_observe(&counter, visits);
    const double result = tg_item(tg_grad(tg_list(y), tg_list(a), .retain_graph = true).items[0]);
    tg_unobserve(number);
    return result;
}

/* ---- a doubled n times ---- */

static void compare(int n)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_scalar(3.0, .requires_grad = true), *y = a;
    for (int i = 0; i < n; i++) y = tg_add(y, y);

    clear();
    gradient[place_of(tg_grad_fn(y))] = 1;
    goes_on_at_once(tg_grad_fn(y));
    const double wrong = gradient[MOST];
    const long wrong_calls = calls;

    clear();
    path_by_path(tg_grad_fn(y), 1);
    const double slow = gradient[MOST];
    const long slow_calls = calls;

    long visits;
    const double right = by_the_tape(y, a, &visits);
    printf("%3d %9.6g | %14.6g %8ld | %13.6g %8ld | %9.6g %7ld\n", n, (double)(1L << n), wrong, wrong_calls, slow,
           slow_calls, right, visits);
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    double deepest = 16;
    const argument arguments[] = { { "--deepest", &deepest, "a is doubled as often, 1 to 20 times", NULL },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Finds a gradient by recursion, wrong or slow, and by the tape.", arguments,
                        &status))
        return status;

    printf("  n     dy/da | goes on at once   calls |  path by path   calls |  the tape  visits\n");
    for (int n = 1; n <= deepest && n <= MOST; n = n < 4 ? n + 1 : 2 * n) compare(n);
    return tg_failed() ? 1 : 0;
}

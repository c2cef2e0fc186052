/* check_node.c: see check_node.h.
 *
 * With fixed weights v for the elements of all outputs, s(x) = sum of v f(x) is one number. Elements of an input are moved
 * along u, each in proportion to its size, and ds/du by the gradient is compared with the quotient. */
#include "check_node.h"

#include "gradcheck_impl.h"

#include "core/rng.h"
#include "core/tape_impl.h"
#include "core/text.h"
#include "core/thread.h"

#include <math.h>
#include <string.h>

#define STEP      1e-5  /* relative */
#define TOLERANCE 2e-8  /* of the sum of what all elements contribute */
#define NOISE     1e-13 /* of a sum of outputs */
#define NUDGE     1e-2  /* of the largest element: away from kinks and ties */
enum { SAMPLED = 24, SMALL = 4096 /* elements of a Jacobian that is looked at whole */ };

typedef enum verdict { AGREES, DIFFERS, AT_KINK, ROUNDING, UNDEFINED, FAILED } verdict;

typedef struct node_check {
    const tg_computed *what;
    tgi_gradcheck c;
    tg_generator generator;
    double *u, *v, *gradients; /* of all inputs, outputs, inputs */
    double noise;              /* of s */
    int64_t right, at_kink;    /* elements or directions */
    bool beside;               /* the inputs are no more where they were */
} node_check;

static tg_tensor_list call(tg_tensor_list inputs, void *context)
{
    tg_tensor_list outputs = TG_NONE;
    const char *why;
    return tgi_call_again(context, inputs, &outputs, &why) ? outputs : tg_list_failed();
}

/* ---- copies of the inputs ---- */

static tg_tensor *copy_of(const tg_tensor *t, bool wanted)
{
    tg_tensor *copy = tgi_new_like(t, TG_FLOAT64);
    if (!copy || tg_to_array(t, tgi_ptr(copy), t->numel) != TG_OK) return NULL;
    return wanted ? tg_requires_grad_at(NULL, copy, true) : copy;
}

/* In float64, leaves where a gradient flows. */
static bool copy_inputs(const tg_computed *what, tg_tensor_list *copies)
{
    tg_tensor **items = tg_list_new(what->inputs.count);
    for (int64_t i = 0; items && i < what->inputs.count; i++) {
        tg_tensor *t = what->inputs.items[i];
        const bool floating = t && tgi_is_floating(t);
        items[i] = floating ? copy_of(t, what->node && tgi_inputs(what->node)[i].output != TGI_TO_NOWHERE) : t;
        if (t && !items[i]) return false;
    }
    *copies = tg_list_of(items, what->inputs.count);
    return items != NULL;
}

/* ---- directions ---- */

/* Between 1/2 and 1, of either sign. */
static double weight(tg_generator *g)
{
    const double x = tg_random_uniform(g) - 0.5;
    return x < 0 ? x - 0.5 : x + 0.5;
}

static double largest(const double *x, int64_t count)
{
    double most = 0;
    for (int64_t k = 0; k < count; k++) most = fmax(most, fabs(x[k]));
    return most;
}

static double *elements_of(const node_check *n, const tgi_part *row) { return tgi_ptr(n->c.inputs.items[row->index]); }

/* The size of an input's elements; 1 if they are 0. */
static double scale_of(const node_check *n, const tgi_part *row)
{
    const double most = largest(elements_of(n, row), row->numel);
    return most > 0 ? most : 1;
}

/* Each element is moved in proportion to its size; those that are 0 as if they were a thousandth of the largest. */
static bool make_direction(node_check *n, const tgi_part *row)
{
    const double *x = elements_of(n, row), scale = scale_of(n, row), least = 1e-3 * scale;
    for (int64_t k = 0; k < row->numel; k++) n->u[row->at + k] = weight(&n->generator) * fmax(fabs(x[k]), least);
    return isfinite(scale);
}

static double sum_of_outputs(const node_check *n, const double *values)
{
    double s = 0;
    for (int64_t k = 0; k < n->c.column_count; k++) s += n->v[k] * values[k];
    return s;
}

/* Slopes of s along u, or along one element of it (element >= 0). */
typedef struct slopes {
    double above, below, quotient, noise;
} slopes;

static bool slopes_along(node_check *n, const tgi_part *row, int64_t element, double step, slopes *s)
{
    tgi_gradcheck *c = &n->c;
    const double *u = n->u + row->at, *direction = element < 0 ? u : NULL;
    const double way = element < 0 ? step : step * u[element], at = sum_of_outputs(n, c->base);
    if (!tgi_gradcheck_moved(c, row, element, direction, way, c->above, NULL)) return false;
    if (!tgi_gradcheck_moved(c, row, element, direction, -way, c->below, NULL)) return false;
    const double up = sum_of_outputs(n, c->above), down = sum_of_outputs(n, c->below);
    *s = (slopes){ (up - at) / step, (at - down) / step, (up - down) / (2 * step), n->noise / step };
    return true;
}

/* A kink keeps the two slopes apart as the step shrinks, a jump makes them steeper. */
static bool at_kink(const slopes *at, const slopes *nearer)
{
    const double gap = fabs(at->above - at->below), then = fabs(nearer->above - nearer->below);
    const double steep = fmax(fabs(at->above), fabs(at->below));
    const double steeper = fmax(fabs(nearer->above), fabs(nearer->below));
    return (then > gap / 2 && then > 4 * nearer->noise) || (steeper > 5 * steep && steeper > 4 * nearer->noise);
}

/* ds/du by the gradient against the quotient of three steps: the first may lead over a kink nearby or along a steep
 * curve, and rounding spoils the smallest. Where outputs cancel, as a variance of equal numbers does, only other inputs
 * tell rounding from a mistake. */
static verdict judge(node_check *n, const tgi_part *row, int64_t element, double *ours, double *quotient)
{
    static const double steps[3] = { STEP, STEP / 10, STEP * 10 };
    const int64_t first = element < 0 ? 0 : element, count = element < 0 ? row->numel : 1;
    const double *u = n->u + row->at + first, *g = n->gradients + row->at + first;
    slopes s[3];
    double mass = 0;
    *ours = 0;
    for (int64_t k = 0; k < count; k++) {
        *ours += u[k] * g[k];
        mass += fabs(u[k] * g[k]);
    }
    for (int i = 0; i < 3; i++) {
        if (!slopes_along(n, row, element, steps[i], &s[i])) return FAILED;
        if (!isfinite(s[i].quotient)) return UNDEFINED;
        const double most = TOLERANCE * fmax(mass, fabs(s[i].quotient)) + s[i].noise;
        if (fabs(*ours - s[i].quotient) <= most) return AGREES;
        if (i == 1 && at_kink(&s[0], &s[1])) return AT_KINK;
    }
    *quotient = s[0].quotient;
    const bool rounding = fabs(*ours - *quotient) <= NOISE * scale_of(n, row) / STEP;
    return rounding && !n->beside ? ROUNDING : DIFFERS;
}

/* ---- what is wrong ---- */

/* Element by element, with a guess at the mistake, where the Jacobian is small. */
static bool explain_small(node_check *n, char *text)
{
    tgi_gradcheck *c = &n->c;
    if (c->row_count == 0 || c->column_count > SMALL / c->row_count) return true;
    if (!tgi_gradcheck_elements(c)) return false;
    if (c->problem[0]) tgi_format(text, TGI_CHECK_TEXT, "%s", c->problem);
    return true;
}

static bool say_element(node_check *n, const tgi_part *row, int64_t element, double ours, double quotient, char *text)
{
    char index[TG_SHAPE_TEXT] = " along a random direction";
    const double u = element < 0 ? 1 : n->u[row->at + element];
    if (!explain_small(n, text)) return false;
    if (text[0]) return true;
    if (element >= 0) tgi_element_text(&row->shape, element, index);
    tgi_format(
        text, TGI_CHECK_TEXT,
        "the gradient of input %lld%s, of a weighted sum of the outputs, is %.8g where the difference quotient is %.8g",
        (long long)row->index, index, ours / u, quotient / u);
    return true;
}

/* Elements one by one: all of a few, some of many. */
static verdict judge_elements(node_check *n, const tgi_part *row, char *text)
{
    const int64_t count = row->numel < SAMPLED ? row->numel : SAMPLED;
    double ours, quotient;
    for (int64_t i = 0; i < count; i++) {
        const int64_t k = row->numel == count ? i : (int64_t)(tg_random_uniform(&n->generator) * (double)row->numel);
        const verdict found = judge(n, row, k, &ours, &quotient);
        n->right += found == AGREES;
        n->at_kink += found == AT_KINK;
        if (found == FAILED || (found == DIFFERS && !say_element(n, row, k, ours, quotient, text))) return FAILED;
        if (found == DIFFERS) return DIFFERS;
    }
    return AGREES;
}

/* ---- the check ---- */

static bool weighted_gradients(node_check *n)
{
    tgi_gradcheck *c = &n->c;
    tg_tensor_list outputs;
    const tg_scope scope = tg_enable_grad_begin();
    bool ok = tgi_gradcheck_call_recorded(c, &outputs);
    for (int64_t k = 0; ok && k < c->column_parts; k++)
        ok = tgi_gradcheck_backward(c, outputs, &c->columns[k], n->v + c->columns[k].at, false, n->gradients);
    tg_scope_end(scope);
    return ok;
}

/* NULL, or why there is nothing to compare. */
static const char *unfit(const node_check *n)
{
    const tgi_gradcheck *c = &n->c;
    if (c->cut) return "called again its outputs require no grad";
    for (int64_t k = 0; k < c->column_parts; k++)
        if (c->columns[k].dtype != TG_FLOAT64) return "its outputs are float32 whatever its inputs are";
    return NULL;
}

/* s and its gradient where the inputs are now. */
static bool evaluate(node_check *n)
{
    tgi_gradcheck *c = &n->c;
    if (!tgi_gradcheck_values(c, c->base)) return false;
    n->noise = 0;
    for (int64_t k = 0; k < c->column_count; k++) n->noise += NOISE * fabs(n->v[k] * c->base[k]);
    memset(n->gradients, 0, (size_t)c->row_count * sizeof *n->gradients);
    return weighted_gradients(n);
}

static bool prepare(node_check *n)
{
    tgi_gradcheck *c = &n->c;
    tg_generator_seed(&n->generator, (uint64_t)c->row_count * 1000003 + (uint64_t)c->column_count);
    n->u = tgi_gradcheck_numbers(c->row_count, 1);
    n->v = tgi_gradcheck_numbers(c->column_count, 1);
    n->gradients = tgi_gradcheck_numbers(c->row_count, 1);
    if (!n->u || !n->v || !n->gradients) return false;
    for (int64_t k = 0; k < c->column_count; k++) n->v[k] = weight(&n->generator);
    return evaluate(n);
}

static verdict judge_direction(node_check *n, const tgi_part *row, double *ours, double *quotient)
{
    if (row->numel == 0) return AGREES;
    return isfinite(n->noise) && make_direction(n, row) ? judge(n, row, -1, ours, quotient) : UNDEFINED;
}

/* Whether s rises along u as much as along its two halves together: not so among ties, and where all is rounding. False
 * with an error pending, too. */
static bool is_linear(node_check *n, const tgi_part *row, double ours)
{
    double *u = n->u + row->at;
    slopes whole, half;
    if (!slopes_along(n, row, -1, STEP, &whole)) return false;
    double rest = whole.quotient;
    for (int part = 0; part < 2; part++) {
        const tg_scope scope = tg_scope_begin();
        double *kept = tgi_gradcheck_numbers(row->numel, 1);
        if (kept) memcpy(kept, u, (size_t)row->numel * sizeof *u);
        for (int64_t k = part; kept && k < row->numel; k += 2) u[k] = 0;
        const bool ok = kept && slopes_along(n, row, -1, STEP, &half);
        if (kept) memcpy(u, kept, (size_t)row->numel * sizeof *u);
        tg_scope_end(scope);
        if (!ok) return false;
        rest -= half.quotient;
    }
    return fabs(rest) < 0.1 * fabs(ours - whole.quotient);
}

/* With all elements of all inputs a little elsewhere, where they stay: among ties, elements differ one by one, too. */
static verdict judge_beside(node_check *n, const tgi_part *row, double *ours, double *quotient)
{
    for (int64_t i = 0; i < n->c.row_parts; i++) {
        double *x = elements_of(n, &n->c.rows[i]);
        const double way = NUDGE * scale_of(n, &n->c.rows[i]);
        for (int64_t k = 0; k < n->c.rows[i].numel; k++) x[k] += way * weight(&n->generator);
    }
    n->beside = true;
    return evaluate(n) ? judge_direction(n, row, ours, quotient) : FAILED;
}

static verdict judge_input(node_check *n, const tgi_part *row, char *text)
{
    double ours, quotient;
    verdict all = judge_direction(n, row, &ours, &quotient);
    if (all == DIFFERS && isfinite(ours) && !is_linear(n, row, ours)) all = tg_failed() ? FAILED : AT_KINK;
    n->right += all == AGREES && row->numel > 0;
    if (all != DIFFERS && all != AT_KINK && all != ROUNDING) return all;
    const int64_t before = n->right;
    const verdict some = all == ROUNDING ? ROUNDING : judge_elements(n, row, text);
    if (all == DIFFERS && some == AGREES) return say_element(n, row, -1, ours, quotient, text) ? DIFFERS : FAILED;
    if (all == DIFFERS || some == FAILED || some == UNDEFINED || (some == AGREES && n->right > before)) return some;
    const verdict beside = judge_beside(n, row, &ours, &quotient);
    n->c.problem[0] = '\0';
    if (beside == DIFFERS && !text[0] && !say_element(n, row, -1, ours, quotient, text)) return FAILED;
    n->right += beside == AGREES;
    n->at_kink += beside != AGREES;
    return beside == FAILED || beside == DIFFERS ? beside : AGREES;
}

static tgi_checked check(node_check *n, char *text)
{
    tgi_gradcheck *c = &n->c;
    if (!tgi_gradcheck_begin(c)) return TGI_CHECKED_FAILED;
    const char *why = unfit(n);
    if (why) return tgi_format(text, TGI_CHECK_TEXT, "%s", why), TGI_CHECKED_NOT;
    if (!prepare(n)) return TGI_CHECKED_FAILED;
    for (int64_t i = 0; i < c->row_parts; i++) {
        const verdict found = judge_input(n, &c->rows[i], text);
        if (found == FAILED) return TGI_CHECKED_FAILED;
        if (found == DIFFERS) return TGI_CHECKED_WRONG;
        text[0] = '\0';
        if (found == AGREES) continue;
        tgi_format(text, TGI_CHECK_TEXT, "its inputs or outputs are not finite");
        return TGI_CHECKED_NOT;
    }
    if (n->right > 0 || n->at_kink == 0) return TGI_CHECKED_RIGHT;
    tgi_format(text, TGI_CHECK_TEXT, "its inputs lie at kinks, where there is no derivative");
    return TGI_CHECKED_NOT;
}

tgi_checked tgi_check_node(const tg_computed *what, char text[TGI_CHECK_TEXT])
{
    node_check n = { .what = what };
    const tg_scope scope = tg_enable_grad_begin();
    const tgi_place place = tgi_place_keep();
    tg_tensor_list outputs;
    const char *why = "";
    tgi_checked result = TGI_CHECKED_FAILED;
    text[0] = '\0';
    if (copy_inputs(what, &n.c.inputs)) {
        n.c.name = what->op->name;
        n.c.fn = call;
        n.c.context = (void *)what;
        n.c.given = n.c.inputs.count;
        n.c.options = TG_OPTIONS(tg_gradcheck_options, TG_GRADCHECK_DEFAULTS);
        result = tgi_call_again(what, n.c.inputs, &outputs, &why) ? check(&n, text) : TGI_CHECKED_FAILED;
    }
    if (*why) {
        tgi_format(text, TGI_CHECK_TEXT, "%s", why);
        result = TGI_CHECKED_NOT;
    }
    tgi_gradcheck_end(&n.c);
    tgi_place_back(place);
    tg_scope_end(scope);
    return result;
}

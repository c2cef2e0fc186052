/* compare_guess_functions.c: another function of the same tensor: activations, softmax along a dimension. */
#include "compare_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double relu(double x) { return x > 0 ? x : 0; }
static double gelu(double x) { return 0.5 * x * (1 + erf(x / 1.4142135623730951)); }
static double gelu_tanh(double x) { return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double silu(double x) { return x * sigmoid(x); }
static double leaky_relu(double x) { return x > 0 ? x : 0.01 * x; }
static double elu(double x) { return x > 0 ? x : expm1(x); }
static double softplus(double x) { return x > 20 ? x : log1p(exp(x)); }
static double mish(double x) { return x * tanh(softplus(x)); }
static double relu6(double x) { return x < 0 ? 0 : x > 6 ? 6 : x; }
static double hardtanh(double x) { return x < -1 ? -1 : x > 1 ? 1 : x; }
static double hardsigmoid(double x) { return relu6(x + 3) / 6; }
static double selu(double x)
{
    return 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * expm1(x));
}
static double identity(double x) { return x; }
static double quick_gelu(double x) { return x * sigmoid(1.702 * x); }

static const struct {
    const char *name;
    double (*function)(double x);
} functions[] = { { "the tensor itself", identity },
                  { "relu", relu },
                  { "gelu", gelu },
                  { "gelu by tanh", gelu_tanh },
                  { "x sigmoid(1.702 x)", quick_gelu },
                  { "sigmoid", sigmoid },
                  { "tanh", tanh },
                  { "silu", silu },
                  { "leaky_relu of 0.01", leaky_relu },
                  { "elu", elu },
                  { "selu", selu },
                  { "softplus", softplus },
                  { "mish", mish },
                  { "relu6", relu6 },
                  { "hardtanh", hardtanh },
                  { "hardsigmoid", hardsigmoid },
                  { "exp", exp } };
enum { FUNCTIONS = sizeof functions / sizeof *functions, SOFTMAXES = 2 * TG_MAX_DIMS };

/* Softmax, or its logarithm, along one dimension. */
static void softmax(tgi_reals x, int dim, bool logarithm, double *y)
{
    int64_t inner = 1, size = x.shape.dims[dim];
    for (int d = dim + 1; d < x.shape.ndim; d++) inner *= x.shape.dims[d];
    for (int64_t i = 0; i < x.count; i += (i % inner == inner - 1) ? (size - 1) * inner + 1 : 1) {
        double largest = -INFINITY, sum = 0;
        for (int64_t k = 0; k < size; k++) largest = fmax(largest, x.at[i + k * inner]);
        for (int64_t k = 0; k < size; k++) sum += exp(x.at[i + k * inner] - largest);
        for (int64_t k = 0; k < size; k++) {
            const double e = x.at[i + k * inner] - largest;
            y[i + k * inner] = logarithm ? e - log(sum) : exp(e) / sum;
        }
    }
}

/* The which-th function of the family; false: there is no such. */
static bool apply(int which, tgi_reals x, double *y)
{
    if (which < FUNCTIONS) {
        for (int64_t i = 0; i < x.count; i++) y[i] = functions[which].function(x.at[i]);
        return true;
    }
    const int dim = (which - FUNCTIONS) / 2;
    if (dim >= x.shape.ndim) return false;
    softmax(x, dim, (which - FUNCTIONS) % 2, y);
    return true;
}

static const char *name_of(int which)
{
    static const char *const softmaxes[SOFTMAXES] = { "softmax along dimension 0", "log_softmax along dimension 0",
                                                      "softmax along dimension 1", "log_softmax along dimension 1",
                                                      "softmax along dimension 2", "log_softmax along dimension 2",
                                                      "softmax along dimension 3", "log_softmax along dimension 3",
                                                      "softmax along dimension 4", "log_softmax along dimension 4",
                                                      "softmax along dimension 5", "log_softmax along dimension 5",
                                                      "softmax along dimension 6", "log_softmax along dimension 6",
                                                      "softmax along dimension 7", "log_softmax along dimension 7" };
    return which < FUNCTIONS ? functions[which].name : softmaxes[which - FUNCTIONS];
}

/* The first one that makes `y` of `x`; -1: none. */
static int find(const tgi_suspect *s, tgi_reals x, tgi_reals y, double *scratch, double *misfit)
{
    for (int which = 0; which < FUNCTIONS + SOFTMAXES; which++)
        if (apply(which, x, scratch) && tgi_fits(s, scratch, y.at, y.count, misfit)) return which;
    return -1;
}

/* Functions of x, which is called `text`, give both. */
static bool guess_of(tgi_suspect *s, tgi_reals x, const char *text, double *scratch)
{
    double a, b;
    const int theirs = find(s, x, s->theirs, scratch, &a), ours = theirs < 0 ? -1 : find(s, x, s->ours, scratch, &b);
    if (theirs < 0 || (ours < 0 && theirs == 0)) return false;
    if (ours >= 0)
        tgi_guess_add(s, 8, fmax(a, b), "another function of %s: %s here, %s there", text, name_of(ours),
                      name_of(theirs));
    else
        tgi_guess_add(s, 29, a, "theirs is %s of %s, ours is not", name_of(theirs), text);
    return true;
}

/* Two dimensions of x exchanged behind it, or before. */
static bool guess_of_exchanged(tgi_suspect *s, tgi_reals x, const char *text, double *scratch)
{
    double *moved = tgi_reals_new(x.count);
    for (int first = 0; moved && first < x.shape.ndim; first++)
        for (int second = first + 1; second < x.shape.ndim; second++) {
            char name[TGI_RECORDED_TEXT + 64];
            tgi_reals y = { moved, x.count, x.shape };
            y.shape.dims[first] = x.shape.dims[second];
            y.shape.dims[second] = x.shape.dims[first];
            if (!tg_shape_equal(&y.shape, &s->theirs.shape)) continue;
            tgi_exchange(x, first, second, moved);
            snprintf(name, sizeof name, "%.*s, dimensions %d and %d exchanged", TGI_RECORDED_TEXT, text, first, second);
            if (guess_of(s, y, name, scratch)) return true;
        }
    return false;
}

void tgi_guess_functions(tgi_suspect *s)
{
    double *scratch = tgi_reals_new(s->ours.count);
    if (!scratch || !tg_shape_equal(&s->ours.shape, &s->theirs.shape) || s->ours.count < 2) return;
    for (int exchanged = 0; exchanged < 2; exchanged++)
        for (int i = 0; i < s->recent_count; i++) {
            tgi_reals x;
            char text[TGI_RECORDED_TEXT];
            if (tg_numel(s->recent[i]->tensor) != s->ours.count || !tgi_recorded_reals(&x, s->recent[i])) continue;
            tgi_recorded_text(s->run, s->recent[i], text);
            if (exchanged ? guess_of_exchanged(s, x, text, scratch) : guess_of(s, x, text, scratch)) return;
        }
}

/* compare_guess_linear.c: x W^T + b done otherwise: W not transposed, b left out or added twice. */
#include "compare_impl.h"

#include <math.h>

enum { MOST_PRODUCTS = 20000000 };

typedef struct layer {
    tgi_reals x, weight, bias;
    int64_t rows, in, out;
} layer;

/* [rows, out]: x W^T + k b, or x W where W is square. */
static void compute(const layer *l, bool transposed, double k, double *y)
{
    for (int64_t r = 0; r < l->rows; r++)
        for (int64_t o = 0; o < l->out; o++) {
            double sum = l->bias.count ? k * l->bias.at[o] : 0;
            for (int64_t i = 0; i < l->in; i++)
                sum += l->x.at[r * l->in + i] * l->weight.at[transposed ? i * l->out + o : o * l->in + i];
            y[r * l->out + o] = sum;
        }
}

static bool take(const tgi_suspect *s, layer *l)
{
    *l = (layer){ 0 };
    const tgi_recorded *what = s->what;
    if (what->role != TGI_OUTPUT || what->index != 0) return false;
    if (!tgi_recorded_reals(&l->x, tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, 0))) return false;
    if (!tgi_recorded_reals(&l->weight, tgi_run_find_parameter(s->run, what->module, "weight"))) return false;
    tgi_recorded_reals(&l->bias, tgi_run_find_parameter(s->run, what->module, "bias"));
    if (l->weight.shape.ndim != 2 || !l->x.shape.ndim) return false;
    l->out = l->weight.shape.dims[0];
    l->in = l->weight.shape.dims[1];
    if (!l->in || l->x.shape.dims[l->x.shape.ndim - 1] != l->in) return false;
    l->rows = l->x.count / l->in;
    if (l->bias.count && l->bias.count != l->out) return false;
    return l->rows * l->out == s->theirs.count && s->ours.count == s->theirs.count &&
           l->rows * l->in * l->out <= MOST_PRODUCTS;
}

void tgi_guess_linear(tgi_suspect *s)
{
    layer l;
    double *y = tgi_reals_new(s->theirs.count), misfit;
    if (!y || !take(s, &l)) return;
    compute(&l, false, 1, y);
    if (!tgi_fits(s, y, s->theirs.at, s->theirs.count, &misfit)) return;
    for (int k = 0; k <= 2; k++) {
        if (l.in != l.out) break;
        compute(&l, true, k, y);
        if (tgi_fits(s, y, s->ours.at, s->ours.count, &misfit))
            tgi_guess_add(s, 11, misfit, "the weight is transposed: ours is x W%s, theirs is x W^T%s",
                          !l.bias.count || !k ? ""
                          : k == 1            ? " + b"
                                              : " + 2 b",
                          l.bias.count ? " + b" : "");
    }
    if (!l.bias.count) return;
    compute(&l, false, 0, y);
    if (tgi_fits(s, y, s->ours.at, s->ours.count, &misfit))
        tgi_guess_add(s, 11, misfit, "the bias is missing: ours is x W^T, theirs is x W^T + b");
    compute(&l, false, 2, y);
    if (tgi_fits(s, y, s->ours.at, s->ours.count, &misfit))
        tgi_guess_add(s, 11, misfit, "the bias is added twice: ours is x W^T + 2 b");
}

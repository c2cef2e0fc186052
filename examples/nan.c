/* nan.c: a NaN is born, and found. Three kinds of flowers are told from the sizes of their leaves, in centimetres; one
 * was written down in millimetres. The loss is cross entropy as a book writes it:
 *
 *     -sum(target * log(softmax(logits)))
 *
 * It falls, step after step. Then the model is so sure of the large flower that the probability of another kind is no
 * longer a number above 0: softmax gives 0, its logarithm is minus infinity, and the target, 0, times infinity is NaN.
 * From then on all is NaN, and what is printed does not say why.
 *
 *     $ build/examples/nan
 *     step  40: loss 0.602287
 *     ...
 *     step 240: loss nan
 *     $ TAPEGRAD_CHECK=1 build/examples/nan      names the line and the flower, when it happens
 *     $ build/examples/nan --mended 1            the same loss as one op, from the logits: finite, whatever they are */
#include <tapegrad.h>

#include "arguments.h"

enum { FLOWERS = 60, KINDS = 3, WRONG = 17 /* the one in millimetres */ };

/* Length and width of leaves [FLOWERS, 2], and which kind it is. */
static tg_tensor *draw(tg_tensor **kind)
{
    static const float means[KINDS][2] = { { 1.5f, 0.3f }, { 4.3f, 1.3f }, { 5.6f, 2.0f } };
    *kind = tg_remainder(tg_arange(FLOWERS), KINDS);
    tg_tensor *mean = tg_index(tg_from_data(means, tg_shape(KINDS, 2)), tg_list(*kind));
    tg_tensor *sizes = tg_add(mean, tg_mul(tg_randn(tg_shape(FLOWERS, 2)), 0.2));
    tg_mul_(tg_select(sizes, 0, WRONG), 10);
    return sizes;
}

/* As the book has it. */
static tg_tensor *faulty_loss(tg_tensor *logits, tg_tensor *kind)
{
    tg_tensor *target = tg_to(tg_one_hot(kind, KINDS), TG_FLOAT32);
    tg_tensor *p = tg_softmax(logits, 1);
    tg_tensor *each = tg_mul(target, tg_log(p));
    return tg_neg(tg_mean(tg_sum(each, .dim = 1)));
}

/* The same, of logits: log(softmax(x)) is x - log(sum(exp(x))), in which nothing becomes 0. */
static tg_tensor *mended_loss(tg_tensor *logits, tg_tensor *kind) { return tg_cross_entropy(logits, kind); }

int main(int argc, char **argv)
{
    double steps = 320, lr = 0.2, mended = 0, check = 0;
    const argument arguments[] = { { "--steps", &steps, "updates", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   { "--mended", &mended, "1: the loss as it should be", NULL },
                                   { "--check", &check, "1: what TAPEGRAD_CHECK=1 does", NULL },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Trains until a NaN is born.", arguments, &status)) return status;
    if (check != 0) tg_check_begin();

    tg_manual_seed(0);
    tg_tensor *kind, *sizes = draw(&kind);
    tg_linear *model = tg_linear_new(2, KINDS);
    tg_optimizer *sgd = tg_sgd_new(tg_parameters(model), .lr = lr);
    for (int step = 1; tg_ok() && step <= steps; step++) {
        tg_scope scope = tg_scope_begin();
        tg_zero_grad(sgd);
        tg_tensor *logits = tg_linear_forward(model, sizes);
        tg_tensor *loss = mended != 0 ? mended_loss(logits, kind) : faulty_loss(logits, kind);
        tg_backward(loss);
        tg_step(sgd);
        if (step % 40 == 0) printf("step %3d: loss %.6g\n", step, tg_item(loss));
        tg_scope_end(scope);
    }
    tg_optimizer_free(sgd);
    tg_module_free(model);
    if (check != 0) tg_check_end();
    return tg_failed() ? 1 : 0;
}

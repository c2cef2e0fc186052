/* functions.c: the rows of functions.def as ops. */
#include "ops/functions.h"

#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/kernels/rows/functions_kernels.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "row.h"

#include <math.h>

static bool polygamma_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands,
                            const double *parameters)
{
    (void)operands;
    if (parameters[0] >= 0) return true;
    tg_op_fail(op, inputs, "polygamma(n, x) does not support negative n.");
    return false;
}

static const tg_error_sample polygamma_errors[] = {
    { "polygamma(-1, f(2))", "polygamma(n, x) does not support negative n." }, { NULL, NULL }
};
static const char *const polygamma_samples[] = { "polygamma(0, f(5, lo=0.5, hi=3))",
                                                 "polygamma(1, f(2, 3, lo=0.5, hi=3))",
                                                 "polygamma(2, f(2, 3, lo=0.7, hi=3))",
                                                 "polygamma(3, f(2, 1, 3, lo=1, hi=3))",
                                                 "polygamma(1, f(0, 3, lo=0.5, hi=3))",
                                                 "polygamma(2, i(2, 3, lo=1, hi=5))",
                                                 "polygamma(4, f(lo=1, hi=3))",
                                                 "polygamma(1, f(2, 3, lo=-1.8, hi=-1.2))",
                                                 NULL };

static tg_tensor_list polygamma_n_call(const tg_value *v)
{
    return tgi_result(tg_polygamma(v[0].as.integer, v[1].as.tensor));
}

static tg_tensor_list polygamma_n_in_place_call(const tg_value *v)
{
    return tgi_result(tg_polygamma_(v[0].as.tensor, v[1].as.integer));
}

static const char *const logit_corners[] = { "logit(v(0, 0.5, 1, -1, 2, nan))", "logit(v(0, 0.5, 1, -1, 2, nan), 0.25)",
                                             "logit(v(0, 0.5, 1), 0)", NULL };

#define CHECK_polygamma ~, polygamma_check
#define EXTRA_polygamma                                                                                                \
    ~, .schema = "polygamma(int n, Tensor self) -> Tensor", .call = polygamma_n_call, .samples = polygamma_samples,    \
       .errors = polygamma_errors
#define EXTRA_polygamma_                                                                                               \
    ~, .schema = "polygamma_(Tensor(a!) self, int n) -> Tensor(a!)", .call = polygamma_n_in_place_call
#define EXTRA_logit                                                                                                    \
    ~, .corners = logit_corners,                                                                                       \
       .not_finite = "of 0 and 1 it is infinite, beyond them NaN: .eps = 1e-6 keeps it away from both"
#define EXTRA_sigmoid ~, .traits = TG_SATURATES | TG_GIVES_PROBABILITY
#define EXTRA_tanh    ~, .traits = TG_SATURATES
#define LOG_IS_NOT_FINITE                                                                                              \
    ~, .not_finite = "the logarithm of 0 is -inf, of a negative number NaN; the gradient at 0 is 1 / 0. Keep the "     \
                     "number above 0: tg_log(tg_clamp(a, .min = 1e-8)); of probabilities take tg_log_softmax or "      \
                     "tg_log_sigmoid of what they were made of"
#define EXP_IS_NOT_FINITE                                                                                              \
    ~, .not_finite = "float32 holds numbers up to 3.4e38, which is e^88.7 (2^128), float64 up to e^709.8. Subtract "   \
                     "the largest number first, as tg_softmax and tg_logsumexp do, or bound it with tg_clamp"
#define INVERSE_IS_NOT_FINITE                                                                                          \
    ~, .not_finite = "it is defined between -1 and 1 alone, and its gradient is infinite at both. Rounding may lead "  \
                     "beyond: tg_clamp(a, .min = -1 + 1e-6, .max = 1 - 1e-6)"
#define EXTRA_log    LOG_IS_NOT_FINITE
#define EXTRA_log2   LOG_IS_NOT_FINITE
#define EXTRA_log10  LOG_IS_NOT_FINITE
#define EXTRA_log1p  ~, .not_finite = "the logarithm of 1 + a is -inf at -1 and NaN below it"
#define EXTRA_exp    EXP_IS_NOT_FINITE
#define EXTRA_exp2   EXP_IS_NOT_FINITE
#define EXTRA_expm1  EXP_IS_NOT_FINITE
#define EXTRA_sinh   EXP_IS_NOT_FINITE
#define EXTRA_cosh   EXP_IS_NOT_FINITE
#define EXTRA_asin   INVERSE_IS_NOT_FINITE
#define EXTRA_acos   INVERSE_IS_NOT_FINITE
#define EXTRA_atanh  INVERSE_IS_NOT_FINITE
#define EXTRA_erfinv INVERSE_IS_NOT_FINITE
#define EXTRA_acosh  ~, .not_finite = "it is NaN below 1, and its gradient at 1 is infinite"
#define EXTRA_sqrt                                                                                                     \
    ~, .not_finite = "the square root of a negative number is NaN, and the gradient at 0 is 1 / 0: tg_sqrt(tg_add(a, " \
                     "1e-8))"
#define EXTRA_rsqrt                                                                                                    \
    ~, .not_finite = "1 / sqrt(0) is infinite, of a negative number it is NaN: tg_rsqrt(tg_add(a, 1e-8))"
#define EXTRA_hypot ~, .not_finite = "at 0 its gradient is 0 / 0"
#define EXTRA_atan2 ~, .not_finite = "at 0 its gradient is 0 / 0"

#define ROWS   "ops/functions.def"
#define FAMILY functions
#include "rows.inc"

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
#define EXTRA_logit ~, .corners = logit_corners

#define ROWS   "ops/functions.def"
#define FAMILY functions
#include "rows.inc"

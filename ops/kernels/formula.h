/* formula.h: the operators of pointwise.def as typed scalar code.
 *
 * The file that includes this defines OP(name), which adds the suffix of the type at hand (f32, f64, i64) to a name,
 * and T, that type. Both arms of a select are evaluated, so that a loop over it has no branch. There is no include
 * guard and no code: these are macros only, taken back by formula_end.h, because names as short as `exp` must not
 * leak. */
#define add(x, y)       OP(add)(x, y)
#define sub(x, y)       OP(sub)(x, y)
#define mul(x, y)       OP(mul)(x, y)
#define div(x, y)       OP(div)(x, y)
#define neg(x)          OP(neg)(x)
#define abs(x)          OP(abs)(x)
#define pow(x, y)       OP(pow)(x, y)
#define exp(x)          OP(exp)(x)
#define log(x)          OP(log)(x)
#define sqrt(x)         OP(sqrt)(x)
#define sigmoid(x)      OP(sigmoid)(x)
#define tanh(x)         OP(tanh)(x)
#define eq(x, y)        ((x) == (y))
#define ne(x, y)        ((x) != (y))
#define lt(x, y)        ((x) < (y))
#define le(x, y)        ((x) <= (y))
#define gt(x, y)        ((x) > (y))
#define ge(x, y)        ((x) >= (y))
#define select(c, x, y) OP(select)(c, x, y)
#define num(constant)   ((T)(constant))

/* formula.h: the operators of the rows' formulas (../rows_begin.def) as typed scalar code.
 *
 * The file that includes this defines OP(name), which adds the suffix of the type at hand (f32, f64, i64) to a name,
 * and T, that type. Both arms of a select are evaluated, so that a loop over it has no branch. There is no include
 * guard and no code: these are macros only, taken back by formula_end.h, because names as short as `exp` must not
 * leak. */
#define add(x, y)          OP(add)(x, y)
#define sub(x, y)          OP(sub)(x, y)
#define mul(x, y)          OP(mul)(x, y)
#define div(x, y)          OP(div)(x, y)
#define neg(x)             OP(neg)(x)
#define abs(x)             OP(abs)(x)
#define square(x)          OP(mul)(x, x)
#define pow(x, y)          OP(pow)(x, y)
#define div_trunc(x, y)    OP(div_trunc)(x, y)
#define floor_divide(x, y) OP(floor_divide)(x, y)
#define fmod(x, y)         OP(fmod)(x, y)
#define remainder(x, y)    OP(remainder)(x, y)
#define floor(x)           OP(floor)(x)
#define ceil(x)            OP(ceil)(x)
#define trunc(x)           OP(trunc)(x)
#define round(x)           OP(round)(x)
#define copysign(x, y)     OP(copysign)(x, y)
#define at_least(x, bound) OP(at_least)(x, bound)
#define at_most(x, bound)  OP(at_most)(x, bound)
#define at_least_or(x, bound) select(lt(x, bound), bound, x) /* a bound of NaN is none */
#define at_most_or(x, bound)  select(gt(x, bound), bound, x)
#define within(x, bound)   at_most(at_least(x, num(-(bound))), num(bound))

#define exp(x)             OP(exp)(x)
#define exp2(x)            OP(exp2)(x)
#define expm1(x)           OP(expm1)(x)
#define log(x)             OP(log)(x)
#define log1p(x)           OP(log1p)(x)
#define log1pexp(x)        OP(log1pexp)(x)
#define log2(x)            OP(log2)(x)
#define log10(x)           OP(log10)(x)
#define logaddexp(x, y)    OP(logaddexp)(x, y)
#define sqrt(x)            OP(sqrt)(x)
#define xlogy(x, y)        select(ne(y, y), y, select(eq(x, num(0)), num(0), mul(x, log(y))))
#define hypot(x, y)        OP(hypot)(x, y)
#define sin(x)             OP(sin)(x)
#define cos(x)             OP(cos)(x)
#define tan(x)             OP(tan)(x)
/* The derivative of sin(t) / t, over t, as a series in x = t^2, for x < 0.1. */
#define sinc_slope(x)                                                                                                  \
    add(num(-1.0 / 3), mul(x, add(num(1.0 / 30), mul(x, add(num(-1.0 / 840), mul(x, add(num(1.0 / 45360),              \
    mul(x, add(num(-1.0 / 3991680), mul(x, num(1.0 / 518918400)))))))))))
/* 2 sqrt(2 / pi) (x + 0.044715 x^3) */
#define gelu_score(x)                                                                                                  \
    mul(x, add(num(1.5957691216057308), mul(num(0.071354816272600248), mul(x, x))))
#define over_1_plus_square(g, x) div(g, add(num(1), mul(x, x)))
#define asin(x)            OP(asin)(x)
#define acos(x)            OP(acos)(x)
#define atan(x)            OP(atan)(x)
#define atan2(x, y)        OP(atan2)(x, y)
#define sinh(x)            OP(sinh)(x)
#define cosh(x)            OP(cosh)(x)
#define tanh(x)            OP(tanh)(x)
#define asinh(x)           OP(asinh)(x)
#define acosh(x)           OP(acosh)(x)
#define atanh(x)           OP(atanh)(x)
#define sigmoid(x)         OP(sigmoid)(x)
#define erf(x)             OP(erf)(x)
#define erfc(x)            OP(erfc)(x)
#define erfinv(x)          OP(erfinv)(x)
#define lgamma(x)          OP(lgamma)(x)
#define digamma(x)         OP(digamma)(x)
#define trigamma(x)        OP(trigamma)(x)
#define polygamma(n, x)    OP(polygamma)(n, x)

#define eq(x, y)           ((x) == (y))
#define ne(x, y)           ((x) != (y))
#define lt(x, y)           ((x) < (y))
#define le(x, y)           ((x) <= (y))
#define gt(x, y)           ((x) > (y))
#define ge(x, y)           ((x) >= (y))
#define both(x, y)         ((int)(x) & (int)(y))
#define either(x, y)       ((int)(x) | (int)(y))
#define select(c, x, y)    OP(select)(c, x, y)
#define unless(c, x, v)    (x)
#define bounded(x, bound)  (x)
#define half_turn(x)       sub(x, mul(num(2), round(mul(num(0.5), x)))) /* sin and cos of PI times it are those of PI x */
#define bit_and(x, y)      ((x) & (y))
#define bit_or(x, y)       ((x) | (y))
#define bit_xor(x, y)      ((x) ^ (y))
#define shift_left(x, y)   OP(shift_left)(x, y)
#define shift_right(x, y)  OP(shift_right)(x, y)

#define num(constant)      ((T)(constant))
#define zero(x)            num(0)
#define largest            LARGEST
#define lowest             LOWEST
#define PI                 3.14159265358979324

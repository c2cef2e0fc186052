"""What the pointwise families call otherwise than PyTorch does. See ops.py."""
import math
import operator

import torch
import torch.nn.functional as F


def with_numbers(function):
    """torch.maximum and the like take tensors only; a number stands for a 0-d tensor of the common dtype."""

    def call(a, b):
        dtype = torch.result_type(a, b)
        a, b = (x if torch.is_tensor(x) else torch.tensor(x, dtype=dtype) for x in (a, b))
        return function(a, b)

    return call


def with_alpha(function, plain):
    def call(a, b, alpha=1):
        if alpha == 1:
            return plain(a, b)
        if not torch.is_tensor(a):
            a = torch.tensor(a, dtype=torch.result_type(a, b))
        return function(a, b, alpha=alpha)

    return call


def div(a, b, rounding_mode=None):
    if rounding_mode is None:
        return operator.truediv(a, b)
    a = a if torch.is_tensor(a) else torch.tensor(a, dtype=torch.result_type(a, b))
    return torch.div(a, b, rounding_mode=rounding_mode)


def rounded(mode):
    return lambda a, b: div(a, b, rounding_mode=mode)


def power(a, b):
    """An integer base is converted first: PyTorch takes the logarithm in its gradient in float32."""
    dtype = torch.result_type(a, b)
    if torch.is_tensor(a) and dtype.is_floating_point:
        a = a.to(dtype)
    return operator.pow(a, b)


def where(condition, a, b):
    dtype = torch.result_type(a, b)
    a, b = (x.to(dtype) if torch.is_tensor(x) else torch.tensor(x, dtype=dtype) for x in (a, b))
    return torch.where(condition, a, b)


def elu(a, alpha=1, scale=1, input_scale=1):
    return torch.ops.aten.elu(a, alpha, scale, input_scale)


def formula(value, *gradients, double=True):
    """A function whose gradients are those given, of the inputs. float32 is computed in float64 and rounded."""

    def widen(t):
        return t.double() if double else t

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *x):
            ctx.save_for_backward(*x)
            return value(*map(widen, x)).to(x[0].dtype)

        @staticmethod
        def backward(ctx, g):
            x = [widen(t) for t in ctx.saved_tensors]
            slopes = [torch.as_tensor(d(*x)) for d in gradients]
            return tuple((s * g).to(g.dtype) for s in slopes)

    return Function.apply


def exact_fmod(a, b):
    """PyTorch's is NaN where a / b overflows."""
    values = [math.nan if math.isinf(x) or y == 0 else math.fmod(x, y) for x, y in zip(a.tolist(), b.tolist())]
    return torch.tensor(values, dtype=a.dtype)


def exact_remainder(a, b):
    rest = exact_fmod(a, b)
    return torch.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


def exact_floor_divide(a, b):
    rest = exact_fmod(a, b)
    quotient = (a - rest) / b - ((rest != 0) & ((rest < 0) != (b < 0))).to(a.dtype)
    whole = torch.floor(quotient)
    whole = torch.where(quotient - whole > 0.5, whole + 1, whole)
    return torch.where(b == 0, a / b, torch.where(quotient == 0, torch.copysign(torch.zeros_like(a), a / b), whole))


def in_double(function):
    return lambda *x: function(*(t.double() for t in x)).to(x[0].dtype)


def trigamma(t):
    at_ends = torch.where(t == math.inf, 0.0, torch.where(t == -math.inf, math.nan, 1.0))
    return torch.where(t.isinf(), at_ends, torch.special.zeta(2, t))


def polygamma(n, x):
    """By zeta: PyTorch's own trigamma is good to ten digits."""
    x = x if x.dtype.is_floating_point else x.to(torch.get_default_dtype())
    if n < 0:
        return torch.polygamma(n, x)
    if n == 0:
        return digamma(x)
    factor = (-1) ** (n + 1) * math.factorial(n)
    return formula(lambda t: factor * torch.special.zeta(n + 1, t), lambda t: -factor * (n + 1) * torch.special.zeta(n + 2, t))(x)


def digamma(x):
    x = x if x.dtype.is_floating_point else x.to(torch.get_default_dtype())
    return formula(torch.digamma, trigamma)(x)


def glu_kernel(a, b):
    if not torch.is_tensor(a) or not torch.is_tensor(b):
        return with_numbers(glu_kernel)(a, b)
    dtype = torch.result_type(a, b)
    if not dtype.is_floating_point:
        raise RuntimeError("not implemented")
    return a.to(dtype) * torch.sigmoid(b.to(dtype))


prelu_elements = formula(lambda a, b: torch.where(a > 0, a, a * b), lambda a, b: torch.where(a > 0, 1.0, b), lambda a, b: torch.where(a > 0, 0.0, a))


def prelu_kernel(a, b):
    if not torch.is_tensor(a) or not torch.is_tensor(b):
        return with_numbers(prelu_kernel)(a, b)
    dtype = torch.result_type(a, b)
    if not dtype.is_floating_point:
        raise RuntimeError("not implemented")
    a, b = torch.broadcast_tensors(a.to(dtype), b.to(dtype))
    return prelu_elements(a, b)


GATE = 2 * math.sqrt(2 / math.pi)


def gelu_tanh_slope(a):
    s, rest = (torch.sigmoid(sign * GATE * (a + 0.044715 * a**3)) for sign in (1, -1))
    near = a.clamp(-20, 20)
    return s + near * GATE * (1 + 3 * 0.044715 * near**2) * s * rest


def hardsigmoid(a):
    """PyTorch's own gradient is 1 / 6 in float32, whatever the dtype."""
    return F.hardsigmoid(a) if not a.dtype.is_floating_point else F.relu6(a + 3) / 6


def exponential_unit(scale, alpha):
    return formula(lambda a: torch.where(a > 0, scale * a, alpha * torch.expm1(a)),
                   lambda a: torch.where(a > 0, scale, alpha * torch.exp(a)))


def half_turn(a):
    """Whole turns off: exact, where PyTorch rounds pi a."""
    return a - 2 * torch.round(a / 2)


def sinc(a):
    return torch.where(a == 0, 1, torch.sin(math.pi * half_turn(a)) / (math.pi * a))


def sinc_slope(a):
    near = -math.pi**2 * a / 3 * (1 - (math.pi * a) ** 2 / 10)
    return torch.where(a.abs() < 1e-2, near, (torch.cos(math.pi * half_turn(a)) - sinc(a)) / a)


def log1p(a):
    """PyTorch's overflows where the argument nearly does."""
    large = a > 1e30
    return torch.where(large, torch.log(torch.where(large, a, 1)), torch.log1p(torch.where(large, 1, a)))


def clamp(a, min=None, max=None):
    """With bounds that are numbers and tensors together."""
    if torch.is_tensor(min) != torch.is_tensor(max) and min is not None and max is not None:
        dtype = torch.result_type(a, min if torch.is_tensor(min) else max)
        min, max = (b if torch.is_tensor(b) else torch.tensor(b, dtype=dtype) for b in (min, max))
    return torch.clamp(a, min, max)


NAMES = {
    "mul": operator.mul, "pow": power, "where": where,
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "maximum": with_numbers(torch.maximum), "minimum": with_numbers(torch.minimum),
    "add": with_alpha(torch.add, operator.add), "sub": with_alpha(torch.sub, operator.sub),
    "div": div, "div_trunc": rounded("trunc"), "floor_divide": rounded("floor"),
    "hypot": with_numbers(torch.hypot), "fmax": with_numbers(torch.fmax), "fmin": with_numbers(torch.fmin),
    "atan2": with_numbers(torch.atan2), "logaddexp": with_numbers(torch.logaddexp),
    "copysign": with_numbers(torch.copysign), "fmod": with_numbers(torch.fmod), "remainder": with_numbers(torch.remainder),
    "logical_and": with_numbers(torch.logical_and), "logical_or": with_numbers(torch.logical_or),
    "logical_xor": with_numbers(torch.logical_xor),
    "bitwise_left_shift": with_numbers(torch.bitwise_left_shift),
    "bitwise_right_shift": with_numbers(torch.bitwise_right_shift),
    "elu": elu, "digamma": digamma, "polygamma": polygamma, "hardsigmoid": hardsigmoid,
    "prelu_kernel": prelu_kernel, "glu_kernel": glu_kernel, "gelu_tanh": lambda a: F.gelu(a, approximate="tanh"), "clamp": clamp,
}
ROOT = math.sqrt(0.5)
SPECIAL = {
    "fmod": formula(exact_fmod, lambda a, b: torch.ones_like(a), lambda a, b: -torch.trunc(a / b), double=False),
    "remainder": formula(exact_remainder, lambda a, b: torch.ones_like(a), lambda a, b: -exact_floor_divide(a, b), double=False),
    "floor_divide": formula(exact_floor_divide, lambda a, b: torch.zeros_like(a), lambda a, b: torch.zeros_like(a), double=False),
    "addcmul": lambda a, b, c: a + b * c, "log1p": log1p, "sinc": formula(sinc, sinc_slope, double=False),
    "elu": exponential_unit(1.0, 1.0), "celu": exponential_unit(1.0, 1.0),
    "selu": exponential_unit(1.0507009873554805, 1.7580993408473766),
    "gelu": formula(lambda a: 0.5 * a * torch.erfc(-a * ROOT),
                    lambda a: 0.5 * torch.erfc(-a * ROOT) + a * torch.exp(-a * a / 2) / math.sqrt(2 * math.pi), double=False),
    "gelu_tanh": formula(lambda a: a * torch.sigmoid(a * (GATE + GATE * 0.044715 * (a * a))), gelu_tanh_slope, double=False),
    "atan2": formula(torch.atan2, lambda a, b: b / torch.hypot(a, b) / torch.hypot(a, b),
                     lambda a, b: -a / torch.hypot(a, b) / torch.hypot(a, b), double=False),
    "acosh": formula(torch.acosh, lambda a: 1 / (torch.sqrt(a - 1) * torch.sqrt(a + 1)), double=False),
    "addcdiv": formula(lambda a, b, c: a + b / c, lambda a, b, c: torch.ones_like(a), lambda a, b, c: 1 / c,
                       lambda a, b, c: -(b / c / c), double=False),
    # PyTorch divides by a, which leaves NaN at the infinities.
    "copysign": formula(torch.copysign, lambda a, b: torch.where(a == 0, 0, torch.where(a.isnan(), a, torch.sign(a) * torch.copysign(torch.ones_like(b), b))),
                        lambda a, b: torch.zeros_like(b), double=False),
    # A bound of inf is none: PyTorch gives the other bound no gradient where that is inf, too.
    "clamp": formula(torch.clamp, lambda a, b, c: ((a >= b) & (a <= c)).to(a.dtype),
                     lambda a, b, c: ((a < b) & ((b < c) | (c == math.inf))).to(a.dtype),
                     lambda a, b, c: ((a > c) | (c < b)).to(a.dtype), double=False),
    "hardswish": lambda a: torch.where(a > 3, a, F.hardswish(torch.where(a > 3, 0, a))),
    "mish": in_double(F.mish), "softsign": formula(F.softsign, lambda a: 1 / (1 + a.abs()) ** 2),
}

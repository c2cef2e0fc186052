#!/usr/bin/env python3
"""Writes random_sampling.txt: what PyTorch draws, where its stream stands afterwards, and its distributions.

    OMP_NUM_THREADS=1 python3 tests/golden/random_sampling.py > tests/golden/random_sampling.txt

Each case begins with torch.manual_seed(3). `a next [1]`: the uniform float64 number that comes afterwards. Of more than
40 elements each `i step`-th is written.

    case draw CALL              a call of an op in the notation of tests/support/sample.h: `s dtype`, `a result`
    case distribution NAME      what test_random_sampling.c asks of the distribution of that name, in float64:
        a P                     each parameter, by its name
        a sample, a rsample     of .shape [2]; `a next` after the sample
        a value, a log_prob     a value, and its; `a entropy`; `a kl`: from the distribution of the same kind before it
        a log_prob.P            the gradient of parameter P, of the scalar that goldenfile.py describes; `a entropy.P`,
                                `a kl.P` and `a rsample.P` likewise
"""
import math

import torch
import torch.distributions as D
import torch.nn.functional as F

from goldenfile import array, case, ints, string, weights

SIZES = (1, 5, 15, 16, 17, 100, 1000)
DTYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64, "bool": torch.bool}


def names():
    known = {name: getattr(torch, name) for name in ("zeros", "full", "linspace", "transpose", "select", "narrow", "reshape",
                                                     "bernoulli", "poisson", "normal", "multinomial", "permute")}
    known.update({name: getattr(torch.Tensor, name) for name in (
        "uniform_", "normal_", "log_normal_", "exponential_", "cauchy_", "geometric_", "bernoulli_", "random_", "expand")})
    known.update(DTYPES)
    known.update({"True": True, "False": False, "None": None, "gumbel_softmax": F.gumbel_softmax,
                  "to": lambda t, dtype: t.to(dtype)})
    return known


def sparse(key, t):
    t = t.reshape(-1)
    step = t.numel() // 20 if t.numel() > 40 else 1
    ints("step", step)
    array(key, t[::step])


def draw(text):
    case("draw " + text)
    torch.manual_seed(3)
    t = eval(text, {"__builtins__": {}}, names())
    string("dtype", str(t.dtype).replace("torch.", ""))
    sparse("result", t)
    array("next", torch.rand(1, dtype=torch.float64))


def steps(start, step, n, dtype):
    """A call that counts in steps that are exact, whoever makes them."""
    return f"linspace({start}, {start + step * (n - 1)}, {n}, dtype={dtype})"


def draws():
    for dtype in ("float32", "float64"):
        for n in SIZES:
            z = f"zeros([{n}], dtype={dtype})"
            p = steps(0, 1 / 16 if n < 18 else 1 / 1024, n, dtype)
            for call in (f"uniform_({z}, -1, 2)", f"normal_({z}, 0.5, 3)", f"exponential_({z}, 2.5)", f"bernoulli_({z}, 0.3)",
                         f"random_({z}, -3, 1000)", f"log_normal_({z}, 0.5, 0.25)", f"cauchy_({z}, 1, 2)",
                         f"geometric_({z}, 0.25)", f"bernoulli({p})", f"bernoulli_({z}, {p})",
                         f"normal({p}, 0.5)", f"normal(0.25, {p})", f"normal({p}, {p})"):
                draw(call)
            draw(f"poisson({steps(0, 1 / 16, n, dtype)})")
            by = steps(0.25, 1 / 16, n, dtype)
            draw(f"multinomial({by}, 1)")
            draw(f"multinomial({by}, {n})")
            draw(f"multinomial({by}, 1, True)")
            draw(f"multinomial({by}, 50, True)")
        rows = f"reshape({steps(0.25, 1 / 4, 24, dtype)}, [4, 6])"
        for more in ("1", "4", "9, True"):
            draw(f"multinomial({rows}, {more})")
            draw(f"multinomial(transpose({rows}, 0, 1), {more.replace('4', '3')})")
            draw(f"multinomial(expand({steps(0.25, 1, 6, dtype)}, [3, 6]), {more})")
        # In the order of memory: of views that are not contiguous.
        z = f"zeros([3, 4, 5], dtype={dtype})"
        for view in (f"transpose({z}, 0, 2)", f"permute({z}, [1, 2, 0])", f"select({z}, 1, 2)", f"narrow(transpose({z}, 1, 2), 0, 1, 2)"):
            for call in ("uniform_({}, -1, 2)", "normal_({}, 0.5, 3)", "exponential_({}, 2.5)", "random_({}, -3, 1000)"):
                draw(call.format(view))
        draw(f"bernoulli_(transpose({z}, 0, 2), reshape({steps(0, 1 / 64, 60, dtype)}, [5, 4, 3]))")
        draw(f"bernoulli(transpose(reshape({steps(0, 1 / 32, 20, dtype)}, [4, 5]), 0, 1))")
    for call in ("random_(zeros([20], dtype=int64), -5, 7)", "random_(zeros([20], dtype=int64), 0, 1099511627776)",
                 "random_(zeros([20], dtype=bool))", "geometric_(zeros([20], dtype=int64), 0.1)",
                 "bernoulli_(zeros([20], dtype=int64), 0.3)", "bernoulli_(zeros([20], dtype=bool), linspace(0, 0.59375, 20, dtype=float64))",
                 "poisson(full([40], 1234.5, dtype=float64))", "normal(0.5, 2, [3, 7])"):
        draw(call)
    # A normal number that is kept outlives other draws.
    draw("normal_(exponential_(normal_(zeros([3], dtype=float64))), 1, 2)")


def gumbel():
    for text in ("gumbel_softmax(reshape(linspace(-3, 2, 12, dtype=float64), [3, 4]), 0.5)",
                 "gumbel_softmax(reshape(linspace(-3, 2, 12, dtype=float64), [3, 4]), 2, True, dim=0)",
                 "gumbel_softmax(transpose(reshape(linspace(-3, 2, 12, dtype=float64), [3, 4]), 0, 1))",
                 "gumbel_softmax(linspace(-3, 2, 40, dtype=float32))"):
        draw(text)


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def gradients(key, t, parameters):
    found = torch.autograd.grad((t * weights(t)).sum(), parameters.values(), allow_unused=True, retain_graph=True)
    for name, gradient in zip(parameters, found):
        array(f"{key}.{name}", torch.zeros_like(parameters[name]) if gradient is None else gradient)


def distribution(name, make, parameters, value, before):
    d = make(**parameters)
    case("distribution " + name)
    for key, p in parameters.items():
        array(key, p)
    torch.manual_seed(3)
    array("sample", d.sample((2,)))
    array("next", torch.rand(1, dtype=torch.float64))
    if d.has_rsample:
        torch.manual_seed(3)
        r = d.rsample((2,))
        array("rsample", r)
        gradients("rsample", r, parameters)
    array("value", value)
    for key, t in (("log_prob", d.log_prob(value)), ("entropy", d.entropy())):
        array(key, t)
        gradients(key, t, parameters)
    if before is not None:
        kl = D.kl_divergence(d, before)
        array("kl", kl)
        if torch.isfinite(kl).all():
            gradients("kl", kl, parameters)
    return d


def distributions():
    def chain(name, make, *cases):
        before = None
        for k, (parameters, value) in enumerate(cases):
            before = distribution(f"{name} {k}", make, parameters, torch.tensor(value, dtype=torch.float64), before)

    chain("categorical", D.Categorical,
          (dict(logits=leaf([0.5, -1, 2], [0, 3, -4])), [2, 0]),
          (dict(probs=leaf([1, 2, 0.5], [3, 1, 1])), [[0, 1], [2, 2], [1, 0]]),
          (dict(logits=leaf([1, -math.inf, 2], [0, 3, -4])), [2, 1]),
          (dict(probs=leaf([1, 0, 0.5], [3, 1, 1])), [0, 1]))
    chain("bernoulli", D.Bernoulli,
          (dict(logits=leaf(0.5, -1, 3)), [1, 0, 1]),
          (dict(probs=leaf(0.25, 0.5, 0.9)), [[1, 0, 1], [0, 0, 0]]),
          (dict(probs=leaf(0.25, 0, 1)), [1, 0, 1]),
          (dict(logits=leaf(0.5, -1, 3)), [1, 0, 1]))
    chain("normal", D.Normal,
          (dict(loc=leaf(0.5, -1, 2), scale=leaf(1, 0.25, 3)), [0.5, 0, 7]),
          (dict(loc=leaf(0.1), scale=leaf(2, 0.5, 1)), [[0.5, 0, 7], [-1, 2, 0]]))
    chain("uniform", D.Uniform,
          (dict(low=leaf(0.5, -1, 2), high=leaf(1, 0.25, 3)), [0.5, 0, 2.25]),
          (dict(low=leaf(0.6, -0.5, 2), high=leaf(0.9, 0.2, 2.5)), [0.75, 0, 2.25]),
          (dict(low=leaf(0.5, -1, 2), high=leaf(1, 0.25, 3)), [1, 0.25, 2]))
    chain("exponential", D.Exponential,
          (dict(rate=leaf(1, 0.25, 3)), [0.5, 0, 2.25]),
          (dict(rate=leaf(2, 0.5, 1)), [[0.5, 0, 2.25], [1, 2, 3]]))


def main():
    print(f"# Written by random_sampling.py with PyTorch {torch.__version__}.")
    torch.set_num_threads(1)
    draws()
    gumbel()
    distributions()


main()

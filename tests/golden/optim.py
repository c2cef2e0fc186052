"""Writes optim.txt: what PyTorch's optimisers make of two parameters in a hundred steps.

    OMP_NUM_THREADS=1 python3 optim.py > optim.txt

Each case is one optimiser with one set of options; goldenfile.py has the format. Keys:

    s optimizer            the class's name
    a option.NAME [] x     each option that is not left at its default, under the name it has in C; a bool is 0 or 1
    a other.NAME [] x      likewise, where the second group differs
    a p1, p2, p10, p100    the first group's parameter [2,3] after so many steps; the steps' gradients follow from it
    a q1, q2, q10, q100    the second group's parameter [4]
    a state.NAME           what the optimiser keeps of p after the last step

The loss of step k = 1, 2, ... of either parameter x is sum(x^2 / 4 + cos(x + k / 8) / 2 + x w / 4 cos(k)), where w are the
weights of goldenfile.py. Everything is float64, PyTorch's default dtype too: so are the numbers it keeps as tensors. The
file says which options were given in C's words, since some are members of a tuple in Python.
Made with PyTorch 1.13.1.
"""
import math

import torch

from goldenfile import array, case, string, weights

STEPS = (1, 2, 10, 100)
TUPLES = {
    "beta1": ("betas", 0), "beta2": ("betas", 1),
    "etaminus": ("etas", 0), "etaplus": ("etas", 1),
    "step_size_min": ("step_sizes", 0), "step_size_max": ("step_sizes", 1),
}
DEFAULTS = {"betas": (0.9, 0.999), "etas": (0.5, 1.2), "step_sizes": (1e-6, 50)}


def in_python(options):
    made = {}
    for name, value in options.items():
        if name in TUPLES:
            whole, i = TUPLES[name]
            values = list(made.get(whole, DEFAULTS[whole]))
            values[i] = value
            made[whole] = tuple(values)
        else:
            made[name] = value
    return made


def loss(x, k):
    return (x * x / 4 + torch.cos(x + k / 8) / 2 + x * weights(x) / 4 * math.cos(k)).sum()


def run(name, other=None, **options):
    text = ", ".join(f"{k}={v}" for k, v in options.items())
    case(f"{name}({text})" + (f" and {other}" if other else ""))
    string("optimizer", name)
    for k, v in options.items():
        array("option." + k, torch.tensor(float(v)))
    for k, v in (other or {}).items():
        array("other." + k, torch.tensor(float(v)))
    p = torch.tensor([[0.5, -1.25, 2.0], [0.125, 3.0, -0.75]], requires_grad=True)
    q = torch.tensor([1.0, -0.5, 0.25, -2.0], requires_grad=True)
    groups = [{"params": [p]}, {"params": [q], **in_python({**options, **(other or {})})}]
    optimizer = getattr(torch.optim, name)(groups, **{"lr": 1e-3} if name == "SGD" and "lr" not in options else {},
                                           **in_python(options))
    for k in range(1, max(STEPS) + 1):
        optimizer.zero_grad()
        (loss(p, k) + loss(q, k)).backward()
        optimizer.step()
        if k in STEPS:
            array(f"p{k}", p)
            array(f"q{k}", q)
    for key, value in optimizer.state[p].items():
        if key != "step" and value is not None:
            array("state." + key, value)


def main():
    torch.set_default_dtype(torch.float64)
    print("# PyTorch's optimisers; optim.py, which wrote this file, describes each key.")
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"):
        run(name)
        run(name, lr=0.05)
        if name != "Rprop":
            run(name, lr=0.05, weight_decay=0.2, other={"lr": 0.01, "weight_decay": 0})
        if name not in ("NAdam", "RAdam"):
            run(name, lr=0.02, maximize=True, **{"weight_decay": 0.5} if name != "Rprop" else {})
    run("SGD", lr=0.05, momentum=0.9)
    run("SGD", lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.1, other={"momentum": 0.5, "nesterov": False})
    run("SGD", lr=0.05, momentum=0.8, dampening=0.3)
    for name in ("Adam", "AdamW"):
        run(name, lr=0.05, beta1=0.5, beta2=0.9, amsgrad=True)
        run(name, lr=0.05, eps=0.1, beta1=0, other={"beta1": 0.9, "amsgrad": True})
    run("RMSprop", lr=0.01, alpha=0.9, eps=1e-3, momentum=0.5)
    run("RMSprop", lr=0.01, alpha=0.9, centered=True)
    run("RMSprop", lr=0.01, alpha=0.9, centered=True, momentum=0.5, maximize=True, other={"momentum": 0})
    run("Adagrad", lr=0.1, lr_decay=0.01, initial_accumulator_value=0.5, eps=1e-3)
    run("Adadelta", lr=0.5, rho=0.5, eps=1e-3, other={"rho": 1, "eps": 0.01})
    run("Adamax", lr=0.05, beta1=0.5, beta2=0.9, eps=0.01)
    run("NAdam", lr=0.05, beta1=0.5, beta2=0.9, eps=0.01, momentum_decay=0.1, other={"momentum_decay": 0})
    run("RAdam", lr=0.05, beta1=0.5, beta2=0.9, eps=0.01, other={"beta2": 0.5})
    run("Rprop", lr=0.1, etaminus=0.25, etaplus=1.5, step_size_min=0.01, step_size_max=0.2)
    run("ASGD", lr=0.05, lambd=0.1, alpha=0.5, t0=20, other={"t0": 0})


main()

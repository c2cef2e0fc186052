"""Writes lbfgs.txt: trajectories of torch.optim.LBFGS, as PyTorch 1.13.1 has them, in float64.

    OMP_NUM_THREADS=1 python3 lbfgs.py > lbfgs.txt

Three problems, which tests/optim/test_lbfgs.c repeats. "rosenbrock": x = [-1.2, 1, 0.7, -0.5], the loss is
sum(100 (x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2). "kink", whose line searches end in small intervals: x = [0.3, -0.7, 1.1],
sum(relu(50 (x - 0.5)) + (x - 2)^2). "network": inputs X[i, j] = sin(1.3 i + 0.7 j), 8 x 2, targets cos(i),
loss = mean((tanh(X W^T + b) v - y)^2) + 0.001 sum(W^2), where W[i, j] = 0.3 cos(i + 2 j), 3 x 2, b = 0,
v[i] = 0.5 sin(i + 1); its parameters are W, b, v, in this order.

The network's cases end before rounding decides: one bit of a parameter changes PyTorch's own later losses by a tenth.

`s problem`, and the options: `a lr`, `a tolerance_grad`, `a tolerance_change`, `i max_iter`, `i history_size`,
    `i strong_wolfe`; `i max_eval` where it is given.
`a losses`: what each step returned. `i n_iter`, `i func_evals`: after the last one.
`a at.1`, `a at.2`, `a at.10`, ...: all parameters in a row after so many steps.
`a d`, `a H_diag`, `a t`: state after the last step.
"""
import torch

import goldenfile as g

torch.set_default_dtype(torch.float64)


def rosenbrock():
    x = torch.tensor([-1.2, 1.0, 0.7, -0.5], requires_grad=True)
    return [x], lambda: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def kink():
    x = torch.tensor([0.3, -0.7, 1.1], requires_grad=True)
    return [x], lambda: (torch.relu(50 * (x - 0.5)) + (x - 2) ** 2).sum()


def network():
    i, j = torch.arange(8.0), torch.arange(2.0)
    X, y = torch.sin(1.3 * i[:, None] + 0.7 * j), torch.cos(i)
    k = torch.arange(3.0)
    W = (0.3 * torch.cos(k[:, None] + 2 * j)).requires_grad_()
    b = torch.zeros(3, requires_grad=True)
    v = (0.5 * torch.sin(k + 1)).requires_grad_()

    def loss():
        error = torch.tanh(X @ W.T + b) @ v - y
        return (error ** 2).mean() + 0.001 * (W ** 2).sum()

    return [W, b, v], loss


def case(name, problem, steps, **options):
    parameters, loss_of = problem()
    opt = torch.optim.LBFGS(parameters, **options)

    def closure():
        opt.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    group = opt.param_groups[0]
    g.case(name)
    g.string("problem", problem.__name__)
    for key in ("lr", "tolerance_grad", "tolerance_change"):
        g.array(key, torch.tensor(float(group[key])))
    g.ints("max_iter", group["max_iter"])
    g.ints("history_size", group["history_size"])
    g.ints("strong_wolfe", group["line_search_fn"] is not None)
    if "max_eval" in options:
        g.ints("max_eval", group["max_eval"])
    losses = []
    for step in range(1, steps + 1):
        losses.append(opt.step(closure).item())
        if step in (1, 2, 10, steps):
            g.array(f"at.{step}", torch.cat([p.reshape(-1) for p in parameters]))
    state = opt.state[parameters[0]]
    g.array("losses", torch.tensor(losses))
    g.ints("n_iter", state["n_iter"])
    g.ints("func_evals", state["func_evals"])
    g.array("d", state["d"])
    g.array("H_diag", torch.as_tensor(state["H_diag"]))
    g.array("t", torch.as_tensor(state["t"]))


torch.set_num_threads(1)
print("# L-BFGS as PyTorch computes it; lbfgs.py, which wrote this file, describes each key.")
case("rosenbrock, strong_wolfe", rosenbrock, 10, line_search_fn="strong_wolfe")
case("rosenbrock, strong_wolfe, two iterations a step", rosenbrock, 100, max_iter=2, line_search_fn="strong_wolfe")
case("rosenbrock, strong_wolfe, short memory", rosenbrock, 100, max_iter=1, history_size=3, line_search_fn="strong_wolfe",
     lr=0.5)
case("rosenbrock, fixed steps", rosenbrock, 100, lr=0.01, max_iter=3)
case("kink, strong_wolfe", kink, 6, max_iter=2, lr=5.0, line_search_fn="strong_wolfe")
case("kink, strong_wolfe, small first tries", kink, 6, max_iter=2, lr=0.05, line_search_fn="strong_wolfe")
case("network, strong_wolfe", network, 10, max_iter=4, line_search_fn="strong_wolfe")
case("network, strong_wolfe, few evaluations", network, 20, max_iter=10, max_eval=3, history_size=10, lr=0.1,
     line_search_fn="strong_wolfe")
case("network, fixed steps", network, 100, lr=0.05, max_iter=2)
case("network, fixed steps, tolerances", network, 2, lr=0.3, history_size=5, tolerance_grad=1e-3,
     tolerance_change=1e-5)

"""Writes scheduler.txt: what the schedulers of torch.optim.lr_scheduler and SWALR set, as PyTorch 1.13.1 has them.

    OMP_NUM_THREADS=1 python3 scheduler.py > scheduler.txt

The optimiser has two groups, lr 0.05 and 0.8; it is SGD, momentum 0.9, unless `s optimizer` says Adam. The case's name is
the scheduler's constructor, which tests/optim/test_scheduler.c repeats.

`a steps`: for each step the epoch or the metric it is given, nan where it is step().
`i disturbed 1`: before each step whose number k has k mod 30 = 17, all learning rates are multiplied by 0.7.
`a lr`: [steps + 1, 2], what the groups have when the scheduler was made and after each step.
`a momentum`: [steps + 1], the first group's "momentum" or betas[0], in cases where it moves.
"""
import math
import warnings

import torch
from torch.optim import lr_scheduler as s
from torch.optim.swa_utils import SWALR

import goldenfile as g

NAN = float("nan")
STEPS = 100


def optimizer(kind):
    a, b = (torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in "ab")
    groups = [{"params": [a], "lr": 0.05}, {"params": [b], "lr": 0.8}]
    return torch.optim.Adam(groups) if kind == "Adam" else torch.optim.SGD(groups, lr=0.1, momentum=0.9)


def momentum(opt):
    group = opt.param_groups[0]
    return group["betas"][0] if "betas" in group else group["momentum"]


def case(name, build, steps=None, kind="SGD", disturbed=False):
    opt = optimizer(kind)
    scheduler = build(opt)
    steps = [NAN] * STEPS if steps is None else steps
    rates, momenta = [], []

    def note():
        rates.append([group["lr"] for group in opt.param_groups])
        momenta.append(momentum(opt))

    note()
    for k, step in enumerate(steps):
        if disturbed and k % 30 == 17:
            for group in opt.param_groups:
                group["lr"] *= 0.7
        scheduler.step() if math.isnan(step) else scheduler.step(step)
        note()
    g.case(name)
    if kind != "SGD":
        g.string("optimizer", kind)
    if any(not math.isnan(step) for step in steps):
        g.array("steps", torch.tensor(steps, dtype=torch.float64))
    if disturbed:
        g.ints("disturbed", 1)
    g.array("lr", torch.tensor(rates, dtype=torch.float64))
    if len(set(momenta)) > 1:
        g.array("momentum", torch.tensor(momenta, dtype=torch.float64))


def factors():
    case("LambdaLR", lambda o: s.LambdaLR(o, lambda k: 1 / (1 + 0.1 * k)))
    case("LambdaLR each", lambda o: s.LambdaLR(o, [lambda k: 1 / (1 + 0.1 * k), lambda k: 0.97 ** k]))
    case("MultiplicativeLR", lambda o: s.MultiplicativeLR(o, lambda k: 1 / (1 + 0.1 * k)))
    case("StepLR", lambda o: s.StepLR(o, 7, gamma=0.6))
    case("StepLR disturbed", lambda o: s.StepLR(o, 7, gamma=0.6), disturbed=True)
    case("MultiStepLR", lambda o: s.MultiStepLR(o, [60, 3, 30, 30]))
    case("ConstantLR", lambda o: s.ConstantLR(o))
    case("ConstantLR factor=0.7 total_iters=40", lambda o: s.ConstantLR(o, factor=0.7, total_iters=40), disturbed=True)
    case("LinearLR", lambda o: s.LinearLR(o))
    case("LinearLR down", lambda o: s.LinearLR(o, start_factor=0.9, end_factor=0.0, total_iters=80))
    case("LinearLR disturbed", lambda o: s.LinearLR(o, start_factor=0.25, total_iters=60), disturbed=True)
    case("ExponentialLR", lambda o: s.ExponentialLR(o, 0.95), disturbed=True)
    case("PolynomialLR", lambda o: s.PolynomialLR(o))
    case("PolynomialLR power=1.7", lambda o: s.PolynomialLR(o, total_iters=90, power=1.7), disturbed=True)


def waves():
    case("CosineAnnealingLR", lambda o: s.CosineAnnealingLR(o, 30))
    case("CosineAnnealingLR eta_min=0.01", lambda o: s.CosineAnnealingLR(o, 60, eta_min=0.01), disturbed=True)
    case("CosineAnnealingWarmRestarts", lambda o: s.CosineAnnealingWarmRestarts(o, 9, eta_min=0.002))
    case("CosineAnnealingWarmRestarts T_mult=2", lambda o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2))
    fractions = [k / 7 for k in range(70)] + [NAN] * 20 + [2.5, 60.25, NAN, NAN, 33, NAN]
    case("CosineAnnealingWarmRestarts fractions", lambda o: s.CosineAnnealingWarmRestarts(o, 3), steps=fractions)
    case("CosineAnnealingWarmRestarts T_mult=3 fractions", lambda o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=3),
         steps=fractions)
    case("OneCycleLR", lambda o: s.OneCycleLR(o, 0.5, total_steps=101))
    case("OneCycleLR Adam", lambda o: s.OneCycleLR(o, [0.5, 0.25], epochs=10, steps_per_epoch=11, pct_start=0.4,
                                                   base_momentum=0.8, max_momentum=0.97), kind="Adam")
    case("OneCycleLR three_phase linear",
         lambda o: s.OneCycleLR(o, [0.5, 0.25], total_steps=120, anneal_strategy="linear", three_phase=True,
                                div_factor=10.0, final_div_factor=100.0))
    case("OneCycleLR three_phase cos", lambda o: s.OneCycleLR(o, 0.5, total_steps=101, three_phase=True, pct_start=0.2,
                                                              cycle_momentum=False))
    case("CyclicLR", lambda o: s.CyclicLR(o, 0.01, 0.1, step_size_up=8))
    case("CyclicLR triangular2", lambda o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], step_size_up=6, step_size_down=11,
                                                      mode="triangular2", base_momentum=0.7, max_momentum=0.95))
    case("CyclicLR exp_range", lambda o: s.CyclicLR(o, 0.01, 0.1, step_size_up=10, mode="exp_range", gamma=0.98))
    case("SWALR", lambda o: SWALR(o, 0.02))
    case("SWALR linear", lambda o: SWALR(o, [0.02, 0.1], anneal_epochs=40, anneal_strategy="linear"), disturbed=True)
    case("SWALR at once", lambda o: SWALR(o, 0.02, anneal_epochs=0))


def closed_forms():
    jumps = [3, NAN, NAN, 0, 7, NAN, 12, 40, NAN, 5, NAN]
    case("StepLR jumps", lambda o: s.StepLR(o, 4, gamma=0.6), steps=jumps)
    case("MultiStepLR jumps", lambda o: s.MultiStepLR(o, [4, 8, 8, 30]), steps=jumps)
    case("ConstantLR jumps", lambda o: s.ConstantLR(o, factor=0.7), steps=jumps)
    case("LinearLR jumps", lambda o: s.LinearLR(o), steps=jumps)
    case("ExponentialLR jumps", lambda o: s.ExponentialLR(o, 0.95), steps=jumps)
    case("PolynomialLR jumps", lambda o: s.PolynomialLR(o, total_iters=20, power=1.7), steps=jumps)
    case("CosineAnnealingLR jumps", lambda o: s.CosineAnnealingLR(o, 17, eta_min=0.01), steps=jumps)
    case("LambdaLR jumps", lambda o: s.LambdaLR(o, lambda k: 1 / (1 + 0.1 * k)), steps=jumps)


def several():
    case("SequentialLR", lambda o: s.SequentialLR(o, [s.LinearLR(o, total_iters=10), s.ExponentialLR(o, 0.9),
                                                      s.CosineAnnealingWarmRestarts(o, 12)], [10, 50]))
    case("SequentialLR constant", lambda o: s.SequentialLR(o, [s.ConstantLR(o, factor=0.1, total_iters=4),
                                                               s.StepLR(o, 9, gamma=0.5)], [20]), disturbed=True)
    case("ChainedScheduler", lambda o: s.ChainedScheduler([s.ConstantLR(o, factor=0.1, total_iters=20),
                                                           s.ExponentialLR(o, 0.97), s.StepLR(o, 40)]))
    case("two at once", lambda o: both(s.LinearLR(o, total_iters=30), s.CosineAnnealingLR(o, 25)))


class both:
    def __init__(self, *schedulers):
        self.schedulers = schedulers

    def step(self):
        for scheduler in self.schedulers:
            scheduler.step()


def plateaus():
    falling = [1 / (1 + k) + 0.3 * math.sin(k) for k in range(100)]
    plateau = s.ReduceLROnPlateau
    case("ReduceLROnPlateau", lambda o: plateau(o, patience=3, factor=0.5), steps=falling)
    case("ReduceLROnPlateau max", lambda o: plateau(o, mode="max", patience=1, factor=0.7, cooldown=4, threshold=0.05,
                                                    threshold_mode="abs", min_lr=0.003), steps=falling)
    case("ReduceLROnPlateau max rel", lambda o: plateau(o, mode="max", patience=2, threshold=0.1, eps=1e-4),
         steps=falling)
    case("ReduceLROnPlateau min abs", lambda o: plateau(o, patience=2, threshold=0.1, threshold_mode="abs",
                                                        cooldown=2), steps=falling)


warnings.simplefilter("ignore")
print("# Learning rates as PyTorch's schedulers set them; scheduler.py, which wrote this file, describes each key.")
factors()
waves()
closed_forms()
several()
plateaus()

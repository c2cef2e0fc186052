"""Writes modules.txt: modules from one tensor to one, Bilinear and AdaptiveLogSoftmaxWithLoss, as PyTorch 1.13.1 has
them.

    OMP_NUM_THREADS=1 python3 modules.py > modules.txt

modulecase.py describes how every case is made, and its keys. `s module` is the constructor's call in Python, which
tests/nn/test_modules_golden.c has in C beside it; `s repr`: what print shows. The result: `output`.
"""
import warnings

import torch
import torch.nn as nn

import goldenfile as g
from modulecase import begin, end, rand
from ops_resample import channel_shuffle

nn.functional.channel_shuffle = channel_shuffle     # torch's has no gradient


def case(text, *sizes, dtype="float64", train=1):
    """`sizes`: of each input."""
    def made():
        return eval("nn." + text)
    made.__name__ = text
    m = begin(f"{text} train={train}", made, dtype, train)
    g.string("repr", repr(m))
    inputs = {f"input{i + 1}" if i else "input": rand(*s) for i, s in enumerate(sizes)}
    end(m, inputs, {"output": m(*inputs.values())})


def borders():
    case("ConstantPad1d(2, 3.5)", (2, 2, 3))
    case("ConstantPad2d((1, 2, 3, 0), -1.0)", (2, 3, 2))
    case("ConstantPad3d((0, 1, -1, 0, 1, 1), 0.5)", (1, 2, 2, 3, 2))
    case("ZeroPad2d(1)", (1, 2, 2, 3))
    case("ReflectionPad1d((3, 1))", (2, 4))
    case("ReflectionPad2d((2, 0, 1, 1))", (1, 2, 3, 3))
    case("ReflectionPad3d(1)", (1, 1, 2, 3, 2))
    case("ReplicationPad1d((4, 1))", (2, 2, 3))
    case("ReplicationPad2d(2)", (2, 2, 3))
    case("ReplicationPad3d((1, 2, 0, 1, 1, 0))", (1, 1, 2, 2, 2))


def convolutions():
    case("Conv1d(2, 3, 3, padding='same')", (2, 2, 5))
    case("Conv1d(2, 3, 4, padding='same', padding_mode='circular')", (2, 2, 5))
    case("Conv1d(4, 4, 3, stride=2, padding=2, padding_mode='reflect', groups=2)", (2, 4, 6))
    case("Conv1d(2, 3, 2, padding=2, padding_mode='replicate')", (2, 5))
    case("Conv2d(2, 3, (2, 3), padding='same', dilation=(1, 2))", (2, 2, 4, 5))
    case("Conv2d(2, 3, (2, 3), padding='same', dilation=(1, 2), padding_mode='reflect', bias=False)", (2, 2, 4, 5))
    case("Conv2d(2, 2, 3, padding=(1, 2), padding_mode='circular')", (1, 2, 4, 3), dtype="float32")
    case("Conv2d(2, 2, 3, padding=(1, 2), padding_mode='replicate')", (2, 4, 3))


def volumes():
    case("Conv3d(2, 2, 2)", (1, 2, 3, 2, 3))
    case("Conv3d(2, 2, (2, 1, 3), padding='same', padding_mode='replicate')", (1, 2, 2, 2, 3))
    case("Conv3d(2, 4, 2, stride=(1, 2, 1), padding=1, groups=2, bias=False)", (2, 2, 2, 2), dtype="float32")
    case("ConvTranspose3d(2, 2, 2, stride=(2, 1, 2), padding=(1, 0, 1), output_padding=(1, 0, 0))", (1, 2, 2, 2, 2))
    case("MaxPool3d(2, stride=1)", (1, 2, 3, 2, 3))
    case("AvgPool3d((1, 2, 2), padding=(0, 1, 1))", (2, 2, 3, 2))
    case("AdaptiveAvgPool3d((2, None, 1))", (1, 2, 3, 2, 2))
    case("AdaptiveMaxPool3d(2)", (1, 1, 3, 2, 4))
    for train in (1, 0):
        case("BatchNorm3d(2)", (2, 2, 1, 2, 2), train=train)
        case("InstanceNorm3d(2, affine=True, track_running_stats=True)", (2, 2, 2, 1, 2), train=train)
    case("InstanceNorm3d(2)", (2, 2, 1, 2))


def others():
    case("Upsample(scale_factor=2.5, mode='bicubic', align_corners=True)", (1, 2, 2, 3))
    for train in (1, 0):
        case("RReLU()", (3, 4), train=train)
    case("LPPool1d(2, 3)", (2, 2, 6))
    case("LPPool2d(1.2, (2, 3), stride=2, ceil_mode=True)", (1, 2, 4, 4))
    case("Unfold((2, 3), padding=1)", (2, 2, 3, 4))
    case("Unfold(2, dilation=2, stride=(1, 2))", (1, 2, 4, 5))
    case("Fold((4, 5), 2, stride=(2, 1))", (2, 8, 8))
    case("ChannelShuffle(3)", (1, 6, 2, 2))
    case("LocalResponseNorm(3, alpha=0.5, beta=0.6, k=2.0)", (2, 4, 3))
    case("LocalResponseNorm(2)", (2, 3, 2, 2), dtype="float32")
    case("Softmax2d()", (2, 3, 2, 2))
    case("Softmax2d()", (3, 2, 2))
    case("UpsamplingNearest2d(scale_factor=2)", (1, 2, 2, 3))
    case("UpsamplingBilinear2d(size=(3, 5))", (1, 2, 2, 3))
    case("Bilinear(3, 2, 4)", (5, 3), (5, 2))
    case("Bilinear(3, 2, 4, bias=False)", (2, 2, 3), (2, 2, 2), dtype="float32")


def adaptive(text, classes, *sizes, dtype="float64"):
    """`i target`; the results: `output` and `loss`. Then, of the same input, `log_prob` and `predict`."""
    def made():
        return eval("nn." + text)
    made.__name__ = text
    m = begin(text, made, dtype)
    g.string("repr", repr(m).replace("\n", "|"))
    x = rand(*sizes)
    g.ints("target", *classes)
    out = m(x, torch.tensor(classes if len(sizes) == 2 else classes[0]))
    if len(sizes) == 2:
        g.array("log_prob", m.log_prob(x))
        g.array("predict", m.predict(x).double())
    end(m, {"input": x}, {"output": out.output, "loss": out.loss})


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("# Modules as PyTorch computes them; modules.py, which wrote this file, describes each key.")
    borders()
    convolutions()
    volumes()
    others()
    adaptive("AdaptiveLogSoftmaxWithLoss(8, 9, [3, 6], div_value=2.0)", [0, 8, 2, 5, 3, 2], 6, 8)
    adaptive("AdaptiveLogSoftmaxWithLoss(8, 9, [3], div_value=2.0, head_bias=True)", [1, 7, 4], 3, 8, dtype="float32")
    adaptive("AdaptiveLogSoftmaxWithLoss(4, 5, [2], div_value=2.0)", [4], 4)


main()

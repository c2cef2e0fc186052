"""The ops of the family conv that PyTorch has under another name."""
import torch


def convolution_backward_weight(x, g, size, stride, padding, dilation, groups):
    weight = torch.zeros(size, dtype=x.dtype, requires_grad=True)
    y = torch.convolution(x, weight, None, stride, padding, dilation, False, [0] * len(stride), groups)
    return torch.autograd.grad(y, weight, g, create_graph=True)[0]


def tensor_unfold_backward(g, size, dimension, length, step):
    x = torch.zeros(size, dtype=g.dtype, requires_grad=True)
    return torch.autograd.grad(x.unfold(dimension, length, step), x, g, create_graph=True)[0]


NAMES = {
    "convolution_backward_weight": convolution_backward_weight, "tensor_unfold": torch.Tensor.unfold,
    "tensor_unfold_backward": tensor_unfold_backward,
}

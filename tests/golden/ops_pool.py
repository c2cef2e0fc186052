"""The ops of the family pool that PyTorch has under another name."""
import math

import torch
import torch.nn.functional as F


def backward_of(g, size, forward):
    """The gradient of a linear function of a tensor of this size."""
    x = torch.zeros(size, dtype=g.dtype, requires_grad=True)
    return torch.autograd.grad(forward(x), x, g, create_graph=True)[0]


def avg_pool_backward(g, size, kernel_size, *args, **options):
    pool = F.avg_pool1d if len(kernel_size) == 1 else F.avg_pool2d
    return backward_of(g, size, lambda x: pool(x, kernel_size, *args, **options))


def adaptive_avg_pool_backward(g, size, output_size):
    pool = F.adaptive_avg_pool1d if len(output_size) == 1 else F.adaptive_avg_pool2d
    return backward_of(g, size, lambda x: pool(x, output_size))


def max_pool_backward(g, indices, size, spatial):
    leading = len(size) - spatial
    flat = torch.zeros([math.prod(size[:leading]), math.prod(size[leading:])], dtype=g.dtype)
    return flat.scatter_add(1, indices.reshape(flat.shape[0], -1), g.reshape(flat.shape[0], -1)).reshape(size)


def max_pool_double_backward(x, indices, spatial):
    planes = math.prod(x.shape[:x.dim() - spatial])
    return x.reshape(planes, -1).gather(1, indices.reshape(planes, -1)).reshape(indices.shape)


NAMES = {
    "avg_pool_backward": avg_pool_backward, "adaptive_avg_pool_backward": adaptive_avg_pool_backward,
    "max_pool_backward": max_pool_backward, "max_pool_double_backward": max_pool_double_backward,
    "adaptive_max_pool1d": F.adaptive_max_pool1d,
}

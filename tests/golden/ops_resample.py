"""The ops of the family resample that PyTorch has under another name."""
import torch
import torch.nn.functional as F


def interpolate_backward(g, input_size, **options):
    x = torch.zeros(input_size, dtype=g.dtype, requires_grad=True)
    return torch.autograd.grad(F.interpolate(x, **options), x, g, create_graph=True)[0]


def channel_shuffle(x, groups):
    """torch.channel_shuffle, which has no gradient."""
    torch.channel_shuffle(x.detach(), groups)   # checks
    n, c, *rest = x.shape
    return x.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(x.shape)


NAMES = {"interpolate_backward": interpolate_backward, "channel_shuffle": channel_shuffle}

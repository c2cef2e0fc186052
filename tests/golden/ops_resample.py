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


def grid_sampler_places(grid, size, padding_mode, align_corners):
    """Where in its input grid_sample reads: at (x, y) the images of columns' and of rows' numbers are (x, y)."""
    def image(numbers):
        return numbers.to(grid.dtype).expand(1, 1, *size)
    flat = grid.reshape(1, 1, -1, 2)
    rows, columns = torch.arange(size[0]).reshape(-1, 1), torch.arange(size[1])
    scale = torch.tensor([size[1] - 1 if align_corners else size[1], size[0] - 1 if align_corners else size[0]]) / 2
    if padding_mode == "zeros":     # there is nothing to read outside
        return (grid + 1) * scale - (0 if align_corners else 0.5)
    at = [F.grid_sample(image(numbers), flat, "bilinear", padding_mode, align_corners) for numbers in (columns, rows)]
    return torch.stack(at, -1).reshape(grid.shape)


NAMES = {
    "interpolate_backward": interpolate_backward, "channel_shuffle": channel_shuffle,
    "grid_sampler_places": grid_sampler_places,
}

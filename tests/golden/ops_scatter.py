"""What PyTorch 1.13 does otherwise, for ops.py: the family scatter."""
import math

import torch


def scatter_reduce(t, dim, index, src, reduce, include_self=True):
    """Without include_self PyTorch gives self a share of an extremum's gradient, though it does not count."""
    if not include_self and reduce in ("amax", "amin") and t.dtype.is_floating_point:
        t = t.scatter(dim, index, -math.inf if reduce == "amax" else math.inf)
        include_self = True
    return torch.scatter_reduce(t, dim, index, src, reduce, include_self=include_self)


NAMES = {"scatter_reduce": scatter_reduce}

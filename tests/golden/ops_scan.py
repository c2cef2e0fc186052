"""What the scans need that PyTorch has not: the linear recurrence its gradients of products are made of."""
import torch


def linear_recurrence(terms, factors, dim, reverse=False):
    terms.cumsum(dim)  # refuses a dimension that is none
    if terms.shape != factors.shape or terms.dtype != factors.dtype:
        raise RuntimeError("terms and factors must be floating tensors of the same shape and dtype")
    if terms.dim() == 0 or terms.shape[dim] == 0:
        return terms.clone()
    steps = list(zip(terms.unbind(dim), factors.unbind(dim)))
    y, ys = None, []
    for b, a in reversed(steps) if reverse else steps:
        y = b if y is None else b + a * y
        ys.append(y)
    return torch.stack(ys[::-1] if reverse else ys, dim)


NAMES = {"linear_recurrence": linear_recurrence}

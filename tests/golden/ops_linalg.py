"""The linear algebra whose call in tapegrad is not that of PyTorch's function: see ops.py."""
import torch


def cofactor(a):
    """The gradient of det, which PyTorch computes for itself only."""
    return torch.linalg.det(a)[..., None, None] * torch.linalg.inv(a).mT


def trace(a):
    """PyTorch's gradient of a matrix of more rows than columns has an element off the diagonal."""
    return torch.diagonal(a).sum() if a.dim() == 2 and a.shape[0] > a.shape[1] > 0 else torch.trace(a)


NAMES = {
    "trace": trace,
    "solve": torch.linalg.solve,
    "cofactor": cofactor,
    "cholesky": torch.linalg.cholesky,
    "solve_triangular": lambda A, B, upper, **options: torch.linalg.solve_triangular(A, B, upper=upper, **options),
}

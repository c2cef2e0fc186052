"""The linear algebra whose call in tapegrad is not that of PyTorch's function: see ops.py."""
import torch


def expansion(a):
    """The determinants by their definition."""
    n = a.shape[-1]
    if n == 0:
        return a.new_ones(a.shape[:-2])
    y = 0
    for j in range(n):
        others = [k for k in range(n) if k != j]
        y = y + (-1) ** j * a[..., 0, j] * expansion(a[..., 1:, others])
    return y


def det(a):
    """PyTorch's gradient of a singular matrix is 0, whatever its cofactors are."""
    y = torch.linalg.det(a)
    return expansion(a) if a.numel() and y.detach().abs().min() < 1e-9 else y


def cofactor_along(a, directions):
    torch.linalg.det(a.detach())  # refuses what is not square
    if any(d.shape != a.shape or d.dtype != a.dtype for d in directions):
        raise RuntimeError("a direction must have the shape and the dtype of self")
    none = sum(d * 0 for d in directions) + a * 0
    x = a if a.requires_grad else a.detach().requires_grad_()
    y = expansion(x).sum()
    for d in [*directions, None]:
        g = torch.autograd.grad(y, x, create_graph=True, allow_unused=True)[0] if y.requires_grad else None
        g = none if g is None else none + g
        y = g if d is None else (g * d).sum()
    return y


def cofactor(a):
    """The gradient of det, which PyTorch computes for itself only."""
    return torch.linalg.det(a)[..., None, None] * torch.linalg.inv(a).mT


def trace(a):
    """PyTorch's gradient of a matrix of more rows than columns has an element off the diagonal."""
    return torch.diagonal(a).sum() if a.dim() == 2 and a.shape[0] > a.shape[1] > 0 else torch.trace(a)


def cholesky_solve(b, l, upper=False):
    """PyTorch's gradient of the triangle that is not read is not 0."""
    square = l.dim() >= 2 and l.is_floating_point() and l.shape[-1] == l.shape[-2]
    return torch.cholesky_solve(b, (l.triu() if upper else l.tril()) if square else l, upper)


def svd(a, full_matrices=True):
    """With signs of tapegrad's choice: the largest element of each column of U is positive, and of each row of Vh beyond."""
    u, s, vh = torch.linalg.svd(a, full_matrices)
    if not a.numel():
        return u, s, vh

    def signs(t, dim):
        return torch.gather(t, dim, t.abs().argmax(dim, keepdim=True)).sign().detach()

    columns, rows = signs(u, -2), signs(vh, -1)
    rows[..., :s.shape[-1], :] = columns.mT[..., :s.shape[-1], :]
    return u * columns, s, vh * rows


NAMES = {
    "svd": svd,
    "matrix_rank": torch.linalg.matrix_rank,
    "cholesky_solve": cholesky_solve,
    "qr": torch.linalg.qr,
    "matrix_norm": torch.linalg.matrix_norm,
    "linalg_norm": torch.linalg.norm,
    "trace": trace,
    "solve": torch.linalg.solve,
    "det": det,
    "cofactor": cofactor,
    "cofactor_along": cofactor_along,
    "cholesky": torch.linalg.cholesky,
    "solve_triangular": lambda A, B, upper, **options: torch.linalg.solve_triangular(A, B, upper=upper, **options),
}

"""What PyTorch 1.13 calls otherwise, for ops.py: the family view."""
import torch


def squeeze_dims(t, dims):
    if len({d % max(t.dim(), 1) for d in dims}) < len(dims):
        raise RuntimeError(f"dim {dims[-1] % t.dim()} appears multiple times in the list of dims")
    for d in sorted((d % max(t.dim(), 1) if -t.dim() <= d < t.dim() else d for d in dims), reverse=True):
        t = torch.squeeze(t, d)
    return t


NAMES = {
    "squeeze_dims": squeeze_dims,
}

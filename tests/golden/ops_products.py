"""The products whose call in tapegrad is not that of PyTorch's function: see ops.py."""
import torch
import torch.nn.functional as F


def tensordot(a, b, dims=2, dims_a=None, dims_b=None):
    return torch.tensordot(a, b, dims=dims if dims_a is None else (dims_a, dims_b))


NAMES = {
    "tensordot": tensordot,
    "bilinear": F.bilinear,
    "chain_matmul": lambda matrices: torch.chain_matmul(*matrices),
    "multi_dot": torch.linalg.multi_dot,
}

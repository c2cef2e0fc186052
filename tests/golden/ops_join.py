"""What PyTorch 1.13 calls otherwise, for ops.py: the family join."""
import torch


def listed(function):
    """Of torch's functions that take the tensors one by one, called with a list."""
    return lambda tensors, **options: function(*tensors, **options)


NAMES = {
    "tensor_split_indices": torch.tensor_split, "hsplit_indices": torch.hsplit, "vsplit_indices": torch.vsplit,
    "dsplit_indices": torch.dsplit,
    "broadcast_tensors": listed(torch.broadcast_tensors), "meshgrid": lambda t, indexing="ij": torch.meshgrid(*t, indexing=indexing),
    "cartesian_prod": listed(torch.cartesian_prod),
}

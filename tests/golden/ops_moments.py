"""PyTorch's functions of these families that here have names of their own."""
import torch


def counted(function):
    """PyTorch 1.13 takes a correction only together with a dim."""

    def call(x, dim=None, **options):
        return function(x, dim=dim, **options) if options else function(x)

    return call


NAMES = {
    "median_dim": torch.median, "nanmedian_dim": torch.nanmedian,
    "linalg_vector_norm": torch.linalg.vector_norm,
    "var": counted(torch.var), "std": counted(torch.std),
    "var_mean": counted(torch.var_mean), "std_mean": counted(torch.std_mean),
}

"""What PyTorch 1.13 calls otherwise, for ops.py: the family sort."""
import torch


def histogram(t, bins, min=None, max=None, **options):
    """Its range is two numbers, of which there are both or none."""
    return torch.histogram(t, bins, **options, **({} if min is None else {"range": (float(min), float(max))}))


NAMES = {
    "histogram": histogram,
}

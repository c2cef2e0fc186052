"""PyTorch's max and min along a dimension, which here have names of their own."""
import torch

NAMES = {"max_dim": torch.max, "min_dim": torch.min}

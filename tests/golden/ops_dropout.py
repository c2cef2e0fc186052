"""Dropout by the arguments of torch.nn.functional, where torch has functions of the same name."""
import torch.nn.functional as F

NAMES = {name: getattr(F, name) for name in ("dropout", "alpha_dropout", "feature_alpha_dropout")}

"""The losses by the names and arguments of torch.nn.functional, where torch has functions of the same name."""
import torch.nn.functional as F

NAMES = {name: getattr(F, name) for name in (
    "poisson_nll_loss", "binary_cross_entropy_with_logits", "kl_div", "hinge_embedding_loss", "margin_ranking_loss",
    "cosine_embedding_loss", "triplet_margin_loss", "ctc_loss")}

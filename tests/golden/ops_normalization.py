"""The normalisations that PyTorch 1.13 lacks, or keeps under another name than tapegrad's."""
import torch
import torch.nn.functional as F


def rms_norm(input, normalized_shape, weight=None, eps=None):
    F.layer_norm(input, normalized_shape, weight)   # has the same checks
    dims = list(range(-len(normalized_shape), 0))
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    y = input * torch.rsqrt((input * input).mean(dims, keepdim=True) + eps)
    return y if weight is None else y * weight


NAMES = {"layer_norm": F.layer_norm, "rms_norm": rms_norm, "group_norm": F.group_norm, "batch_norm": F.batch_norm,
         "instance_norm": F.instance_norm, "local_response_norm": F.local_response_norm}

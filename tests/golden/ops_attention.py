"""Attention as PyTorch 2.5 has it, its checks among it, composed of what PyTorch 1.13 has."""
import math

import torch
import torch.nn.functional as F

TYPES = {torch.float32: "float", torch.float64: "double", torch.int64: "long int", torch.bool: "bool"}


def check(query, key, value, attn_mask, is_causal):
    if attn_mask is not None and is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError("Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
                           f"{query.dim()} key.dim: {key.dim()} and value.dim: {value.dim()} instead.")
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got query.dtype: "
                           f"{TYPES[query.dtype]} key.dtype: {TYPES[key.dtype]} and value.dtype: {TYPES[value.dtype]} "
                           "instead.")
    if attn_mask is not None and attn_mask.dtype not in (torch.bool, query.dtype):
        raise RuntimeError("Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                           f"attn_mask.dtype: {TYPES[attn_mask.dtype]} and  query.dtype: {TYPES[query.dtype]} instead.")


def safe_softmax(scores):
    blind = (scores == -math.inf).all(-1, keepdim=True)
    return torch.softmax(scores.masked_fill(blind, 0), -1).masked_fill(blind, 0)


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    check(query, key, value, attn_mask, is_causal)
    scale = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = query @ key.transpose(-2, -1) * scale
    if is_causal:
        attn_mask = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool).tril()
    if attn_mask is not None:
        added = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill(~attn_mask, -math.inf) \
            if attn_mask.dtype == torch.bool else attn_mask
        scores.detach().clone().add_(added)     # in place there: the sum has the shape of the scores
        scores = scores + added
    weights = torch.softmax(scores, -1) if attn_mask is None else safe_softmax(scores)
    return (F.dropout(weights, dropout_p) if dropout_p > 0 else weights) @ value


NAMES = {"scaled_dot_product_attention": scaled_dot_product_attention}

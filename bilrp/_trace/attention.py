"""Attention functions of PyTorch, written out in the steps that relevance can follow.

``nn.MultiheadAttention`` is one opaque function to PyTorch's recording; here it is the projections, products and
softmax it stands for, so that each step gets its rule. So is ``scaled_dot_product_attention``: only the last of its
steps, values under weights, carries relevance, also where one tensor is query, key and value at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp.exceptions import UnsupportedOperationError


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return scores
    return scores.masked_fill(mask, float("-inf")) if mask.dtype == torch.bool else scores + mask


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """What ``torch.nn.functional.scaled_dot_product_attention`` computes in evaluation mode, step by step."""
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    scores = torch.matmul(query * (query.shape[-1] ** -0.5 if scale is None else scale), key.transpose(-2, -1))
    if is_causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = _masked(scores, later)
    if attn_mask is not None:  # here True says what is seen
        scores = _masked(scores, ~attn_mask if attn_mask.dtype == torch.bool else attn_mask)
    return torch.matmul(torch.softmax(scores, dim=-1), value)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What ``torch.nn.functional.multi_head_attention_forward`` computes in evaluation mode, step by step."""
    if bias_k is not None or bias_v is not None or add_zero_attn or static_k is not None or static_v is not None:
        raise UnsupportedOperationError(
            "multi_head_attention_forward: bias_k, bias_v, add_zero_attn, static_k and static_v have no rule. Build "
            "the attention without them."
        )
    batched = query.dim() == 3
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    if use_separate_proj_weight:
        weights: list[Any] = [q_proj_weight, k_proj_weight, v_proj_weight]
    else:
        assert in_proj_weight is not None
        weights = list(in_proj_weight.detach().chunk(3))
    biases: list[Any] = [None] * 3 if in_proj_bias is None else list(in_proj_bias.detach().chunk(3))
    length, n_batch, width = query.shape

    def heads(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y = F.linear(x, weight, bias)
        return y.reshape(x.shape[0], n_batch, num_heads, y.shape[-1] // num_heads).permute(1, 2, 0, 3)

    q, k, v = (heads(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-2, -1))
    if attn_mask is not None and attn_mask.dim() == 3:
        attn_mask = attn_mask.reshape(n_batch, num_heads, length, -1)
    scores = _masked(scores, attn_mask)
    if key_padding_mask is not None:
        scores = _masked(scores, key_padding_mask[:, None, None, :])
    attention = torch.softmax(scores, dim=-1)
    mixed = torch.matmul(attention, v).permute(2, 0, 1, 3).reshape(length, n_batch, width)
    out = F.linear(mixed, out_proj_weight, out_proj_bias)
    if not batched:
        out, attention = out.squeeze(1), attention.squeeze(0)
    if not need_weights:
        return out, None
    return out, attention.mean(dim=-3) if average_attn_weights else attention


DECOMPOSED: dict[str, Callable[..., Any]] = {
    "multi_head_attention_forward": multi_head_attention_forward,
    "scaled_dot_product_attention": scaled_dot_product_attention,
}

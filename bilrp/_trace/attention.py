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


def _one_more(vector: Any, given: Tensor) -> Tensor:
    """A learned vector (1, 1, width), or zeros, as one more token of (N, heads, T, size)."""
    n_batch, n_heads, _, size = given.shape
    if not isinstance(vector, Tensor):
        return torch.zeros(n_batch, n_heads, 1, size, dtype=given.dtype, device=given.device)
    return vector.detach().reshape(1, n_heads, 1, size).expand(n_batch, -1, -1, -1)


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
    k, v = (
        given if static is None else static.reshape(n_batch, num_heads, *static.shape[1:])
        for given, static in ((k, static_k), (v, static_v))
    )
    for added in ((bias_k, bias_v), ("zeros", "zeros")) if add_zero_attn else ((bias_k, bias_v),):
        if added[0] is None:
            continue
        k, v = (torch.cat([given, _one_more(more, given)], 2) for given, more in zip((k, v), added, strict=True))
        attn_mask, key_padding_mask = (
            None if mask is None else F.pad(mask, (0, 1)) for mask in (attn_mask, key_padding_mask)
        )
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


ATTENTION: dict[str, Callable[..., Any]] = {
    "multi_head_attention_forward": multi_head_attention_forward,
    "scaled_dot_product_attention": scaled_dot_product_attention,
}

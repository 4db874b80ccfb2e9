"""Functions of PyTorch written out in the steps that have rules: gated units, additions of products, distances, bags.

Each gives what PyTorch's own function gives, for the arguments that matter in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp.exceptions import UnsupportedOperationError


def glu(input: Tensor, dim: int = -1) -> Tensor:
    value, gate = input.chunk(2, dim)
    out: Tensor = value * torch.sigmoid(gate)
    return out


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


def lerp(input: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    return input * (1 - weight) + end * weight


def _plus(product: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def call(input: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        out = product(first, second)
        out = out if alpha == 1 else out * alpha
        return out if beta == 0 else (input if beta == 1 else input * beta) + out

    return call


def var_mean(input: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    return torch.var(input, *args, **kwargs), _mean_beside(input, *args, **kwargs)


def std_mean(input: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    return torch.std(input, *args, **kwargs), _mean_beside(input, *args, **kwargs)


def _mean_beside(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The mean over the dimensions of a variance; a lone truth value there says whether it is unbiased."""
    dim = kwargs.get("dim", args[0] if args and not isinstance(args[0], bool) else None)
    keepdim = kwargs.get("keepdim", args[2] if len(args) > 2 else False)
    return input.mean() if dim is None else input.mean(dim, keepdim)


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        return torch.return_types.aminmax((input.min(), input.max()))
    return torch.return_types.aminmax((input.amin(dim, keepdim), input.amax(dim, keepdim)))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    x1, x2 = (x / x.norm(dim=dim, keepdim=True).clamp_min(eps) for x in (x1, x2))
    return (x1 * x2).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    distance: Tensor = torch.linalg.vector_norm(x1 - x2 + eps, p, dim=-1, keepdim=keepdim)
    return distance


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    distance: Tensor = torch.linalg.vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, dim=-1)
    return distance


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    first, second = torch.triu_indices(len(input), len(input), 1, device=input.device)
    distance: Tensor = torch.linalg.vector_norm(input[first] - input[second], p, dim=-1)
    return distance


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    out = torch.einsum("...i,kij,...j->...k", input1, weight, input2)
    return out if bias is None else out + bias


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    out = torch.matmul(input, weight.transpose(-2, -1) if weight.dim() > 1 else weight)
    return out if bias is None else out + bias


def _without_bias(convolution: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(input: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
        out = convolution(input, weight, None, *args, **kwargs)
        return out if bias is None else out + bias.reshape(-1, *[1] * (weight.dim() - 2))

    return call


def softmin(input: Tensor, dim: int | None = None, *args: Any, **kwargs: Any) -> Tensor:
    return torch.softmax(-input, dim)  # type: ignore[arg-type]


def _lp_pool(average: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
        sizes = kernel_size if isinstance(kernel_size, Sequence) else [kernel_size] * (input.dim() - 2)
        number = 1
        for size in sizes:
            number *= int(size)
        mean = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        return (F.relu(mean) * number).pow(1.0 / norm_type)

    return call


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    if offsets is None:  # (bags, length)
        bags = torch.arange(input.shape[0], device=input.device).repeat_interleave(input.shape[1])
        n_bags = input.shape[0]
    else:
        starts = offsets[:-1] if include_last_offset else offsets
        numbers = torch.arange(input.shape[0], device=input.device)
        bags = torch.searchsorted(starts.contiguous(), numbers, right=True) - 1
        n_bags = len(starts)
    flat = input.reshape(-1)
    vectors = F.embedding(flat, weight)
    if per_sample_weights is not None:
        vectors = vectors * per_sample_weights.reshape(-1, 1)
    counted = torch.ones_like(bags, dtype=torch.bool) if padding_idx is None else flat != padding_idx
    if mode == "max":
        rows = [vectors[counted & (bags == bag)] for bag in range(n_bags)]
        return torch.stack([row.amax(0) if len(row) else weight.new_zeros(weight.shape[1]) for row in rows])
    number = torch.zeros(n_bags, dtype=weight.dtype, device=input.device)
    number = number.index_add(0, bags, counted.to(weight.dtype)).clamp(min=1)
    kept = vectors.masked_fill(~counted.unsqueeze(1), 0.0)
    total = torch.zeros(n_bags, weight.shape[1], dtype=weight.dtype, device=input.device).index_add(0, bags, kept)
    return total / number.unsqueeze(1) if mode == "mean" else total


def sparse_product(first: Tensor, second: Tensor, reduce: str = "sum") -> Tensor:
    if reduce != "sum":
        raise UnsupportedOperationError(
            f"torch.sparse.mm with reduce={reduce!r} has no rule. Use reduce='sum', or scatter_reduce on dense tensors."
        )
    return torch.matmul(first, second)


def grouped_mm(
    mat_a: Tensor, mat_b: Tensor, *, offs: Tensor | None = None, bias: Tensor | None = None, out_dtype: Any = None
) -> Tensor:
    """Rows of the first, in groups that end at ``offs``, each with a matrix of its own: mixtures of experts."""
    if offs is None:
        out = torch.bmm(mat_a, mat_b)
    elif mat_a.dim() == 2 and mat_b.dim() == 3:
        ends = [int(end) for end in offs]
        groups = zip([0, *ends[:-1]], ends, mat_b, strict=True)
        out = torch.cat([mat_a[start:end] @ matrix for start, end, matrix in groups if end > start])
    else:
        raise UnsupportedOperationError(
            f"grouped_mm of shapes {tuple(mat_a.shape)} and {tuple(mat_b.shape)} has no rule, expected rows (N, K) and "
            f"a matrix for each group (G, K, M). Write it as a loop over the groups."
        )
    out = out if bias is None else out + bias
    return out if out_dtype is None else out.to(out_dtype)


WRITTEN_OUT: dict[str, Callable[..., Any]] = {
    "glu": glu,
    "addcmul": addcmul,
    "addcdiv": addcdiv,
    "lerp": lerp,
    "baddbmm": _plus(torch.bmm),
    "addbmm": _plus(lambda first, second: torch.bmm(first, second).sum(0)),
    "addmv": _plus(torch.mv),
    "addr": _plus(torch.outer),
    "var_mean": var_mean,
    "std_mean": std_mean,
    "aminmax": aminmax,
    "cosine_similarity": cosine_similarity,
    "pairwise_distance": pairwise_distance,
    "cdist": cdist,
    "pdist": pdist,
    "bilinear": bilinear,
    "softmin": softmin,
    "lp_pool1d": _lp_pool(F.avg_pool1d),
    "lp_pool2d": _lp_pool(F.avg_pool2d),
    "lp_pool3d": _lp_pool(F.avg_pool3d),
    "embedding_bag": embedding_bag,
    "_sparse_mm": sparse_product,
    "grouped_mm": grouped_mm,
    "_grouped_mm": grouped_mm,
}
"""Written out whenever they meet a value that depends on the input."""

COMPUTED_WEIGHTS: dict[str, Callable[..., Any]] = {
    "linear": linear,
    "addmm": _plus(torch.mm),
    **{
        f"{kind}{n}d": _without_bias(getattr(F, f"{kind}{n}d"))
        for kind in ("conv", "conv_transpose")
        for n in (1, 2, 3)
    },
}
"""Written out only where a bias stands beside weights that are computed from the input."""


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Tensor:
    n = input.dim() - 2
    if transposed:
        out = getattr(F, f"conv_transpose{n}d")(input, weight, bias, stride, padding, output_padding, groups, dilation)
    else:
        out = getattr(F, f"conv{n}d")(input, weight, bias, stride, padding, dilation, groups)
    return out  # type: ignore[no-any-return]


def _batch_norm(
    input: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    empty = torch.empty(0)
    return F.batch_norm(input, mean, variance, weight, bias, training, momentum, eps), empty, empty


def _frozen_batch_norm(
    input: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    return _batch_norm(input, weight, bias, mean, variance, False, momentum, eps)


def _layer_norm(input: Tensor, shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    empty = torch.empty(0)
    return F.layer_norm(input, shape, weight, bias, eps), empty, empty


def _group_norm(
    input: Tensor, weight: Any, bias: Any, n: int, channels: int, places: int, groups: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    empty = torch.empty(0)
    return F.group_norm(input, groups, weight, bias, eps), empty, empty


OPERATORS: dict[str, Callable[..., Any]] = {
    "convolution": _convolution,
    "_convolution": lambda *arguments: _convolution(*arguments[:9]),  # then settings of the device
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _frozen_batch_norm,
    "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm,
}
"""Operators of scripted modules, as the functions that they serve."""


def _batch_norm_of_torch(
    input: Tensor,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> Tensor:
    return F.batch_norm(input, mean, variance, weight, bias, training, momentum, eps)


def _instance_norm_of_torch(
    input: Tensor,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    by_input: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> Tensor:
    return F.instance_norm(input, mean, variance, weight, bias, by_input, momentum, eps)


def _embedding_of_torch(weight: Tensor, indices: Tensor, *_: Any, **__: Any) -> Tensor:
    return F.embedding(indices, weight)


def _embedding_bag_of_torch(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, ...]:
    out = F.embedding_bag(
        indices,
        weight,
        offsets,
        mode=("sum", "mean", "max")[mode],
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_idx if padding_idx is not None and padding_idx >= 0 else None,
    )
    empty = torch.empty(0)
    return out, empty, empty, empty


OTHER_ORDER: dict[str, Callable[..., Any]] = {
    "batch_norm": _batch_norm_of_torch,
    "instance_norm": _instance_norm_of_torch,
    "embedding": _embedding_of_torch,
    "embedding_bag": _embedding_bag_of_torch,
}
"""Functions of ``torch`` and operators whose arguments stand in another order than in `torch.nn.functional`, which the
tape goes by: with weights before running statistics, and the table before the token numbers."""

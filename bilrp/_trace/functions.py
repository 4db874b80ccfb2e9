"""Names of PyTorch functions that the recording itself must know: what makes constants, what only moves values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

CONSTANT_MAKERS = {
    *("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor", "zeros_like", "ones_like", "full_like"),
    *("empty_like", "rand_like", "randn_like", "randint_like", "new_empty_strided", "held_fixed"),
}
"""These take shape, type and device of a tensor and none of its values."""

LIKENESSES = {"to", "type_as", "expand_as", "view_as", "reshape_as"}
"""These take values from their first argument, and of the second, where it is a tensor, shape or type alone."""

SHAPES = {
    *("view", "reshape", "flatten", "unflatten", "ravel", "permute", "transpose", "swapaxes", "swapdims", "t", "T"),
    *("mT", "adjoint", "H", "mH", "movedim", "moveaxis", "squeeze", "unsqueeze", "getitem", "setitem", "select"),
    *("narrow", "index_select", "gather", "take", "take_along_dim", "masked_select", "cat", "stack", "hstack"),
    *("vstack", "dstack", "column_stack", "row_stack", "split", "split_with_sizes", "tensor_split", "hsplit", "vsplit"),
    *("dsplit", "chunk", "unbind", "expand", "expand_as", "broadcast_to", "broadcast_tensors", "as_strided", "repeat"),
    *(
        "tile",
        "repeat_interleave",
        "pad",
        "constant_pad_nd",
        "contiguous",
        "clone",
        "detach",
        "to",
        "float",
        "double",
        "half",
    ),
    *("bfloat16", "type", "type_as", "cpu", "cuda", "data", "flip", "fliplr", "flipud", "roll", "rot90"),
    *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "unfold", "where"),
    *("masked_fill", "view_as", "reshape_as", "diagonal", "diag", "diag_embed", "diagflat", "tril", "triu", "copy"),
    *("atleast_1d", "atleast_2d", "atleast_3d", "alias", "positive", "block_diag"),
    *("scatter", "masked_scatter", "index_copy", "index_fill", "index_put", "slice_scatter", "select_scatter"),
    *("max_unpool1d", "max_unpool2d", "max_unpool3d", "real", "imag", "view_as_real", "view_as_complex", "complex"),
    *(f"{name}_copy" for name in ("view", "unsqueeze", "unbind", "transpose", "squeeze", "split", "split_with_sizes")),
    *(f"{name}_copy" for name in ("permute", "diagonal", "alias", "t", "unfold", "as_strided", "slice", "select")),
    *("unsafe_chunk", "unsafe_split", "linalg_diagonal", "cartesian_prod", "combinations", "put"),
    *("meshgrid", "cfloat", "cdouble", "chalf"),
    *("resolve_conj", "resolve_neg", "fft_fftshift", "fft_ifftshift", "narrow_copy", "detach_copy", "expand_copy"),
    *("diagonal_scatter", "fill_diagonal", "fill", "zero", "memory"),
}
"""Rearrangements: each output is one of the inputs, or a constant."""

CASTS = {"to", "type", "type_as", "long", "int", "short", "char", "byte", "float", "double", "half", "bfloat16"}
INTEGER_ARITHMETIC = {"add", "sub", "mul", "clamp", "clamp_min", "clamp_max", "remainder", "fmod", "bitwise_and"}
KEEPS_IDS = SHAPES | CASTS | INTEGER_ARITHMETIC | {"one_hot"}
"""What may happen to token numbers before their lookup: the result still stands for the tokens, place by place."""

CHOICES = {"topk", "sort", "msort", "kthvalue", "mode", "median", "nanmedian", "cummax", "cummin"}
"""Selections: each value of the result is one of the input's; which one is a choice that stays as it is."""

ALIASES = {
    "__rsub__": "rsub",
    "__iadd__": "add_",
    "__isub__": "sub_",
    "__imul__": "mul_",
    "__itruediv__": "div_",
    "__idiv__": "div_",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "truediv": "div",
    "rtruediv": "rdiv",
    "reciprocal": "rdiv",
    "concat": "cat",
    "concatenate": "cat",
    "negative": "neg",
    "absolute": "abs",
    "clip": "clamp",
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    **{f"adaptive_max_pool{n}d_with_indices": f"adaptive_max_pool{n}d" for n in (1, 2, 3)},
    **{f"fractional_max_pool{n}d_with_indices": f"fractional_max_pool{n}d" for n in (2, 3)},
}
ATEN = {
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "_safe_softmax": "softmax",
    "_unsafe_view": "view",
    "_reshape_alias": "view",
    "_to_copy": "to",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "_adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "slice": "narrow",
    "lift_fresh": "clone",
    "upsample_nearest2d": "upsample",
    "upsample_bilinear2d": "upsample",
}
"""Operators of scripted modules by the names of the functions that they serve."""


def function_name(func: Callable[..., Any]) -> str:
    """The name by which the tape knows a call, whatever way it was written."""
    name = getattr(func, "__name__", type(func).__name__)
    if isinstance(func, torch._ops.OpOverload):  # from a scripted module: the operator below the Python function
        name = str(func.overloadpacket.__name__)
        return ALIASES.get(name, ATEN.get(name, name))
    if name == "__get__":  # an attribute, such as Tensor.T
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    name = ALIASES.get(name, name)
    if name.endswith("_") and name[:-1] in ALIASES and not name.startswith("_"):
        return f"{ALIASES[name[:-1]]}_"
    return ALIASES.get(name.strip("_"), name.strip("_")) if name.startswith("__") and name != "__setitem__" else name

"""Names of PyTorch functions that the recording itself must know: what makes constants, what only moves values."""

from __future__ import annotations

CONSTANT_MAKERS = {
    *("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor", "zeros_like", "ones_like", "full_like"),
    *("empty_like", "rand_like", "randn_like", "randint_like", "new_empty_strided", "held_fixed"),
}
"""These take shape, type and device of a tensor and none of its values."""

SHAPES = {
    *("view", "reshape", "flatten", "unflatten", "ravel", "permute", "transpose", "swapaxes", "swapdims", "t", "T"),
    *("mT", "adjoint", "H", "mH", "movedim", "moveaxis", "squeeze", "unsqueeze", "getitem", "setitem", "select"),
    *(
        "narrow",
        "index_select",
        "gather",
        "take",
        "take_along_dim",
        "masked_select",
        "cat",
        "stack",
        "hstack",
        "vstack",
    ),
    *("vstack", "dstack", "column_stack", "row_stack", "split", "split_with_sizes", "tensor_split", "hsplit", "vsplit"),
    *(
        "dsplit",
        "chunk",
        "unbind",
        "expand",
        "expand_as",
        "broadcast_to",
        "broadcast_tensors",
        "as_strided",
        "repeat",
        "tile",
    ),
    *("repeat_interleave", "pad", "constant_pad_nd", "contiguous", "clone", "detach", "to", "float", "double", "half"),
    *("bfloat16", "type", "type_as", "cpu", "cuda", "data", "flip", "fliplr", "flipud", "roll", "rot90"),
    *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "unfold", "where"),
    *("masked_fill", "view_as", "reshape_as", "diagonal", "diag", "diag_embed", "diagflat", "tril", "triu", "copy"),
    *("atleast_1d", "atleast_2d", "atleast_3d", "alias", "positive", "block_diag"),
    *("scatter", "masked_scatter", "index_copy", "index_fill", "index_put", "slice_scatter", "select_scatter"),
    *("max_unpool1d", "max_unpool2d", "max_unpool3d", "real", "imag", "view_as_real", "view_as_complex", "complex"),
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

"""Linear layers and pooling as rules see them: forward, and the transposed way for many outputs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.operations import CONVOLUTIONS, OperationContext, pair_of
from bilrp._trace.tape import Operation, Ref, tensors_in

CONVOLUTION_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
TRANSPOSED_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
BATCH_NORM_ARGUMENTS = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
POOLING_ARGUMENTS = {
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}
CONVOLUTION_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}
Parts = list[tuple[Tensor, Tensor]]
FUNCTIONS: dict[str, Callable[..., Tensor]] = {name: getattr(F, name) for name in CONVOLUTIONS}


def bound(operation: Operation) -> dict[str, Any]:
    """The arguments of a convolution or of ``linear`` by name."""
    names = TRANSPOSED_ARGUMENTS if "transpose" in operation.function else CONVOLUTION_ARGUMENTS
    return operation.named(*names, bias=None)


class LinearLayer:
    """z = forward(a, w, b), linear in a; `transpose` applies the transposed map to K vectors at once.

    Parameters
    ----------
    context : OperationContext of kind "linear"

    Attributes
    ----------
    input, weight, output : Tensor
    bias : Tensor or None
    is_silenced : bool
        Whether a ReLU is all that reads the output, so that what is negative is as good as not there.
    """

    def __init__(self, context: OperationContext) -> None:
        operation = context.operation
        self.input = context.inputs[0]
        self.output = context.output
        self.is_silenced = _is_silenced(context)
        self.bias: Tensor | None = None
        self._operation = operation
        self._settings: dict[str, Any] = {}
        if operation.function in CONVOLUTIONS or operation.function == "linear":
            arguments = bound(operation)
            self.weight: Tensor = arguments.pop("weight").detach()
            bias = arguments.pop("bias")
            self.bias = None if bias is None else bias.detach()
            arguments.pop("input")
            self._settings = arguments
        elif operation.function == "addmm":
            self.bias, _, weight = operation.args
            self.bias, self.weight = self.bias.detach() if self.bias is not None else None, weight.detach()
        else:
            self.weight = next(tensors_in(operation.args)).detach()
        # padding by name may be uneven, which only PyTorch's own backward knows
        named = isinstance(self._settings.get("padding", 0), str)
        self._is_plain_conv2d = operation.function == "conv2d" and self.input.dim() == 4 and not named
        if self._is_plain_conv2d:
            # channels_last: a third faster than the default layout on the CPU, and weights are not converted each time
            self.input = self.input.contiguous(memory_format=torch.channels_last)
            self.weight = self.weight.contiguous(memory_format=torch.channels_last)

    def forward(self, a: Tensor, weight: Tensor) -> Tensor:
        """The layer with another input and weight, without its bias."""
        function = self._operation.function
        if function == "linear":
            return F.linear(a, weight)
        if function in CONVOLUTIONS:
            return FUNCTIONS[function](a, weight, None, **self._settings)
        if function == "addmm":
            return a @ weight
        return self._product(a, weight)

    def biased(self, z: Tensor, bias: Tensor) -> Tensor:
        """An output with a bias added."""
        if self._operation.function not in CONVOLUTIONS:
            return z + bias
        return z + bias.reshape(-1, *[1] * (self.weight.dim() - 2))

    def _product(self, a: Tensor, weight: Tensor) -> Tensor:
        def change(item: Any) -> Any:
            if isinstance(item, (list, tuple)):
                return type(item)(change(part) for part in item)
            return a if isinstance(item, Ref) else weight if isinstance(item, Tensor) else item

        out: Tensor = self._operation.call(*change(self._operation.args), **self._operation.kwargs)
        return out

    def transpose(self, s: Tensor, weight: Tensor) -> Tensor:
        """(K, *output shape) to (K, *input shape) with the transposed ``weight``."""
        function = self._operation.function
        if function == "linear":
            return s @ weight
        if function == "addmm":
            return s @ weight.T
        if self._is_plain_conv2d:
            return self._transposed(weight)(s)
        with torch.enable_grad():
            leaf = torch.zeros_like(self.input, requires_grad=True)
            out = self.forward(leaf, weight)
            (gradient,) = torch.autograd.grad(out, leaf, s, is_grads_batched=True)
        return gradient

    def pull(self, s: Tensor, parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """The sum over parts (a, w) of ``a * transpose(s, w)``."""
        return torch.stack([a * self.transpose(s, weight) for a, weight in parts]).sum(0)

    def pulling(self, terms: Sequence[tuple[Tensor, Parts]]) -> Callable[[Tensor], Tensor]:
        """Ready for any R: the sum over terms (factor, parts) and parts (a, w) of ``a * transpose(factor * R, w)``."""
        groups = self._settings.get("groups", 1)
        stacks = stacked(terms, together=self._is_plain_conv2d and groups == 1)
        ways = [(stack, self._transposed(stack.weight)) for stack in stacks]

        def pull(relevance: Tensor) -> Tensor:
            total: Tensor | None = None
            for stack, transposed in ways:
                pulled = transposed(stack.multiplied(relevance))
                pieces = [pulled] if len(stack.inputs) == 1 else pulled.chunk(len(stack.inputs), dim=2)
                for piece, a in zip(pieces, stack.inputs, strict=True):
                    if total is not None:
                        total.addcmul_(piece, a)
                    else:  # what a convolution pulled is new memory: the product needs no more, and no pages for it
                        total = piece.mul_(a) if self._is_plain_conv2d else piece * a
            assert total is not None
            return total

        return pull

    def _transposed(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        """Applies the transposed map of a weight: (K, *output shape) to (K, *input shape)."""
        if not self._is_plain_conv2d:
            return lambda s: self.transpose(s, weight)
        transposed = transposed_conv2d(weight, self._settings, self.input.shape[2:])

        def apply(s: Tensor) -> Tensor:
            flat = s.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            pulled = transposed(flat)
            return pulled.view(*s.shape[:2], *pulled.shape[1:])

        return apply


@dataclass
class Stack:
    """Contributions of one layer that one transposed map passes, their channels beside each other.

    R_j = sum over inputs i of a_i * transpose(factor_1 R, factor_2 R, ...)_i; ``weight`` has the blocks of all pairs:
    (channels above * factors, channels below * inputs, ...).
    """

    inputs: list[Tensor]
    factors: list[Tensor]
    weight: Tensor

    def multiplied(self, relevance: Tensor) -> Tensor:
        """(K, N, C, H, W) times each factor: (K, N, C * factors, H, W)."""
        if len(self.factors) == 1:
            return relevance * self.factors[0]
        lead, (channels, *size) = relevance.shape[:2], relevance.shape[2:]
        together = relevance.new_empty(*lead, *size, channels * len(self.factors)).movedim(-1, 2)
        for part, factor in zip(together.split(channels, dim=2), self.factors, strict=True):
            torch.mul(relevance, factor, out=part)
        return together


def stacked(terms: Sequence[tuple[Tensor, Parts]], together: bool = True) -> list[Stack]:
    """Terms (factor, parts (a, w)) in as few transposed maps as waste nothing; not ``together``: one each."""
    factors: list[Tensor] = []
    inputs: list[Tensor] = []
    blocks: dict[tuple[int, int], Tensor] = {}
    every = [(factor, a, weight) for factor, parts in terms for a, weight in parts]
    for factor, a, weight in [part for part in every if bool((part[1] != 0).any())] or every[:1]:
        place = (_index(factors, factor), _index(inputs, a))
        blocks[place] = blocks[place] + weight if place in blocks else weight
    if not together:
        return [Stack([inputs[j]], [factors[i]], weight) for (i, j), weight in blocks.items()]
    rows = [[j for j in range(len(inputs)) if (i, j) in blocks] for i in range(len(factors))]
    wide = [torch.cat([blocks[i, j] for j in row], dim=1) for i, row in enumerate(rows)]
    if len(blocks) == len(factors) * len(inputs):
        return [Stack(inputs, factors, torch.cat(wide))]
    return [Stack([inputs[j] for j in row], [factors[i]], wide[i]) for i, row in enumerate(rows)]


def _index(known: list[Tensor], tensor: Tensor) -> int:
    """The place of a tensor among those with other values; added where it is new."""
    for i, other in enumerate(known):
        if other is tensor or (other.shape == tensor.shape and torch.equal(other, tensor)):
            return i
    known.append(tensor)
    return len(known) - 1


def transposed_conv2d(weight: Tensor, settings: dict[str, Any], below: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """The transposed map of a two-dimensional convolution, to maps of size ``below``: (N, C, H, W) in channels_last.

    Where it can be, it is a convolution by the turned weight, made once: 4 to 10 times faster on the CPU than PyTorch's
    own backward for kernels of 1 x 1 and for depthwise ones.
    """
    stride, padding, dilation = (pair_of(settings.get(key, default)) for key, default in CONVOLUTION_DEFAULTS.items())
    groups = settings.get("groups", 1)
    kernel = weight.shape[2:]
    before = [gap * (n - 1) - pad for gap, n, pad in zip(dilation, kernel, padding, strict=True)]
    pointwise = tuple(kernel) == (1, 1) and padding == (0, 0)
    if min(before) >= 0 and (stride == (1, 1) or pointwise or groups > 1):
        turned = weight.flip(2, 3).unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
        turned = turned.contiguous(memory_format=torch.channels_last)
        if stride == (1, 1):
            return lambda s: F.conv2d(s, turned, None, 1, before, dilation, groups)
        if pointwise:
            return lambda s: _spread(F.conv2d(s, turned, None, 1, 0, 1, groups), stride, below)
        padded = [
            n + pad - gap * (k - 1) + pad for n, pad, gap, k in zip(below, padding, dilation, kernel, strict=True)
        ]
        return lambda s: F.conv2d(_spread(s, stride, padded), turned, None, 1, before, dilation, groups)

    def transposed(s: Tensor) -> Tensor:
        shape = s.new_empty(1).expand(len(s), weight.shape[1] * groups, *below)
        out: Tensor = torch.ops.aten.convolution_backward(
            *(s, shape, weight, None, stride, padding, dilation, False, [0, 0], groups, [True, False, False])
        )[0]
        return out

    return transposed


def _spread(s: Tensor, stride: Sequence[int], size: Sequence[int]) -> Tensor:
    """Every entry at multiples of ``stride`` in a map of zeros of another size, in channels_last."""
    out = s.new_zeros(len(s), *size, s.shape[1]).permute(0, 3, 1, 2)
    out[:, :, : stride[0] * s.shape[2] : stride[0], : stride[1] * s.shape[3] : stride[1]] = s
    return out


def _is_silenced(context: OperationContext) -> bool:
    node = context.operation.outputs[0]
    readers = [operation.function for operation in context.tape.operations if node in operation.inputs]
    return node != context.tape.output_node and bool(readers) and set(readers) <= {"relu", "relu6"}


def pool_settings(context: OperationContext) -> dict[str, Any] | None:
    """The arguments of a two-dimensional pooling by name, without the input; None for another operation."""
    operation = context.operation
    if operation.function not in POOLING_ARGUMENTS or context.inputs[0].dim() != 4:
        return None
    settings = operation.named(*POOLING_ARGUMENTS[operation.function])
    settings.pop("input")
    return settings


def winners(context: OperationContext) -> Tensor:
    """Row times width plus column of the winner of each window of a max pooling: (N, C, H, W), int64."""
    settings = pool_settings(context)
    if settings is None:
        raise ValueError(f"{context.name} ({context.function}) is no two-dimensional max pooling")
    index: Tensor = F.max_pool2d(context.inputs[0].contiguous(), **{**settings, "return_indices": True})[1]
    return index


def tiled_max_pool(context: OperationContext) -> Callable[[Sequence[Tensor]], tuple[Tensor]] | None:
    """The way back through a ``max_pool2d`` whose windows tile the image: (K, N, C, rows, columns) to the winners.

    None where windows overlap, are padded, or dilated.
    """
    settings = pool_settings(context)
    if settings is None or context.function != "max_pool2d":
        return None
    size = pair_of(settings["kernel_size"])
    tiled = pair_of(settings.get("stride") or size) == size
    plain = pair_of(settings.get("padding", 0)) == (0, 0) and pair_of(settings.get("dilation", 1)) == (1, 1)
    if not tiled or not plain or settings.get("ceil_mode", False) or settings.get("return_indices", False):
        return None
    index = winners(context).contiguous(memory_format=torch.channels_last)
    below = context.inputs[0].shape[2:]

    def backward(relevances: Sequence[Tensor]) -> tuple[Tensor]:
        relevance = relevances[0]
        together = relevance.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        whole = F.max_unpool2d(together, index.repeat(len(relevance), 1, 1, 1), size, output_size=below)
        return (whole.view(*relevance.shape[:2], *whole.shape[1:]),)

    return backward

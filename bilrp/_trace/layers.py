"""Linear layers and pooling as rules see them: forward, and the transposed way for many outputs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.operations import CONVOLUTIONS, OperationContext, pair_of
from bilrp._trace.tape import Operation, Ref, tensors_in

CONVOLUTION_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
TRANSPOSED_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
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
            return self._transpose_conv2d(s, weight)
        with torch.enable_grad():
            leaf = torch.zeros_like(self.input, requires_grad=True)
            out = self.forward(leaf, weight)
            (gradient,) = torch.autograd.grad(out, leaf, s, is_grads_batched=True)
        return gradient

    def pull(self, s: Tensor, parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """The sum over parts (a, w) of ``a * transpose(s, w)``."""
        if len(parts) > 1 and self._is_plain_conv2d and self._settings.get("groups", 1) == 1:
            # one convolution with the channels of all parts: narrow ones, as at pixels, cost little more together
            pulled = self.transpose(s, torch.cat([weight for _, weight in parts], dim=1))
            step = self.input.shape[1]
            pieces = [pulled[:, :, i * step : (i + 1) * step] for i in range(len(parts))]
        else:
            pieces = [self.transpose(s, weight) for _, weight in parts]
        # what a convolution pulled is new memory: the first product needs no more, and no pages for it
        total = pieces[0].mul_(parts[0][0]) if self._is_plain_conv2d else pieces[0] * parts[0][0]
        for piece, (a, _) in zip(pieces[1:], parts[1:], strict=True):
            total.addcmul_(piece, a)
        return total

    def _transpose_conv2d(self, s: Tensor, weight: Tensor) -> Tensor:
        n_dims, n_batch = s.shape[:2]
        flat = s.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        channels = weight.shape[1] * self._settings.get("groups", 1)
        shape = flat.new_empty(1).expand(n_dims * n_batch, channels, *self.input.shape[2:])
        pair = {key: pair_of(self._settings.get(key, default)) for key, default in DEFAULTS.items()}
        out: Tensor = torch.ops.aten.convolution_backward(
            flat,
            shape,
            weight,
            None,
            pair["stride"],
            pair["padding"],
            pair["dilation"],
            False,
            [0, 0],
            self._settings.get("groups", 1),
            [True, False, False],
        )[0]
        return out.view(n_dims, n_batch, *out.shape[1:])


def _is_silenced(context: OperationContext) -> bool:
    node = context.operation.outputs[0]
    readers = [operation.function for operation in context.tape.operations if node in operation.inputs]
    return node != context.tape.output_node and bool(readers) and set(readers) <= {"relu", "relu6"}


DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}


ARGUMENTS = {
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}


def pool_settings(context: OperationContext) -> dict[str, Any] | None:
    """The arguments of a two-dimensional pooling by name, without the input; None for another operation."""
    operation = context.operation
    if operation.function not in ARGUMENTS or context.inputs[0].dim() != 4:
        return None
    settings = operation.named(*ARGUMENTS[operation.function])
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

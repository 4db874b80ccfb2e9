"""What kind of network a tape is, by properties of its operations; names of classes and modules play no part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bilrp._trace.layers import bound
from bilrp._trace.operations import CONVOLUTIONS, OperationContext

RECTIFIERS = {"relu", "relu6", "threshold", "hardtanh", "clamp", "clamp_min", "leaky_relu", "prelu", "rrelu"}
SIGNED_ACTIVATIONS = {"gelu", "silu", "mish", "hardswish", "elu", "selu", "celu", "tanh", "softplus"}
CENTRED = {"layer_norm", "group_norm", "instance_norm"}
MOVES = {"view", "reshape", "permute", "transpose", "flatten", "unflatten", "pad", "getitem", "contiguous", "to"}

FAMILIES = {
    "recurrent": "a recurrent network",
    "decoder": "a transformer over tokens that looks back only",
    "bert": "a transformer over tokens",
    "vit": "a transformer over places, or a convolutional network with layer norms",
    "mobilenet": "a network of depthwise convolutions",
    "resnet": "a convolutional network with residual sums",
    "chain": "a chain of convolutions",
    "plain": "a network of dense layers",
}
"""Families, in the order in which they are asked for; the names of most are presets."""


@dataclass(frozen=True)
class Traits:
    """What a network is made of: counts of the operations that relevance passes.

    Parameters
    ----------
    n_weighted, n_convolutions, n_depthwise : int
        Weighted layers; of them convolutions of several channels, and those with a filter for each channel of its own.
    n_residual : int
        Sums of two parts of the network.
    n_attention, n_causal : int
        Values under attention weights; of them those where no place looks ahead.
    n_centred_norms, n_other_norms : int
        Layer, group and instance norms; RMS norms and batch norms that stand alone.
    n_rectifiers, n_signed : int
        Activations that are zero or linear on the negative side, and those that are not, such as GELU.
    n_recurrent : int
        Recurrent layers or steps.
    has_tokens, has_pixels : bool
        Whether the input is token numbers (or their vectors), or has at least two axes of places.
    """

    n_weighted: int
    n_convolutions: int
    n_depthwise: int
    n_residual: int
    n_attention: int
    n_causal: int
    n_centred_norms: int
    n_other_norms: int
    n_rectifiers: int
    n_signed: int
    n_recurrent: int
    has_tokens: bool
    has_pixels: bool

    @classmethod
    def of(cls, contexts: Sequence[OperationContext]) -> Traits:
        """From the operations that relevance passes."""
        tape = contexts[0].tape
        functions = [operation.function for operation in tape.operations]
        weighted = [context for context in contexts if context.kind == "linear"]
        convolutions = [context for context in weighted if context.function in CONVOLUTIONS]
        attention = [context for context in contexts if context.kind == "attention"]
        norms = [context for context in contexts if context.kind == "norm"]
        residual = [c for c in contexts if c.kind == "sum" and c.function in {"add", "sub"} and len(c.flows) > 1]
        x = tape.values[tape.input_node]
        return cls(
            n_weighted=len(weighted),
            n_convolutions=len(convolutions),
            n_depthwise=sum(map(is_depthwise, convolutions)),
            n_residual=len(residual),
            n_attention=len(attention),
            n_causal=sum(map(_is_causal, attention)),
            n_centred_norms=sum(norm.function in CENTRED for norm in norms),
            n_other_norms=sum(norm.function not in CENTRED for norm in norms),
            n_rectifiers=sum(name in RECTIFIERS for name in functions),
            n_signed=sum(name in SIGNED_ACTIVATIONS for name in functions),
            n_recurrent=sum(context.kind == "recurrent" for context in contexts),
            has_tokens=not x.is_floating_point() or (x.dim() == 3 and not convolutions),
            has_pixels=x.is_floating_point() and x.dim() >= 4,
        )

    @property
    def family(self) -> str:
        """One of `FAMILIES`."""
        if self.n_recurrent:
            return "recurrent"
        if self.has_tokens:
            causal = self.n_causal > 0 or (self.n_attention == 0 and self.n_other_norms > self.n_centred_norms)
            return "decoder" if causal else "bert" if self.n_attention or self.n_centred_norms else "plain"
        # single attention layers or norms do not make a transformer of a residual network
        if 4 * (self.n_attention + self.n_centred_norms) >= self.n_weighted and self.n_centred_norms:
            return "vit"
        if self.n_attention * 8 >= self.n_weighted:
            return "vit"
        if self.n_depthwise:
            return "mobilenet"
        if self.n_residual and self.n_convolutions:
            return "resnet"
        return "chain" if self.n_convolutions else "plain"

    def __str__(self) -> str:
        counts = {
            "weighted layers": self.n_weighted,
            "depthwise": self.n_depthwise,
            "residual sums": self.n_residual,
            "attentions": self.n_attention,
            "norms": self.n_centred_norms + self.n_other_norms,
            "recurrent steps": self.n_recurrent,
        }
        return ", ".join(f"{n} {what}" for what, n in counts.items() if n)


def is_depthwise(context: OperationContext) -> bool:
    """Whether a convolution has a filter for each channel of its own."""
    if context.kind != "linear" or context.function not in CONVOLUTIONS or context.inputs[0].dim() < 3:
        return False
    channels = context.inputs[0].shape[1]
    return channels > 1 and int(bound(context.operation).get("groups", 1)) == channels


def _is_causal(context: OperationContext) -> bool:
    """Whether the attention weights of an operation are zero above the diagonal."""
    for node in context.operation.inputs:
        weights = context.tape.values[node]
        square = weights.dim() >= 2 and weights.shape[-1] == weights.shape[-2] > 1
        if node not in context.flows and square:
            return not bool(weights.triu(1).any())
    return False


def reads_pixels(context: OperationContext) -> bool:
    """Whether a weighted layer takes the input itself, at most moved about."""
    tape = context.tape
    makers = {node: operation for operation in tape.operations for node in operation.outputs}
    node = context.flows[0]
    while node != tape.input_node:
        maker = makers[node]
        if maker.function not in MOVES or len(maker.inputs) != 1:
            return False
        node = maker.inputs[0]
    return True

"""Which rule goes where: by name, by type, by kind or by depth.

A `Composite` is an ordered list of (selector, rule); the first selector that finds an operation, with a rule that can
serve it, decides. What no selector finds gets the default of its kind (table in `bilrp._trace.operations`): LRP-0
for weighted
layers, the winner for max pooling, pass for element-wise operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Protocol

from torch import Tensor, nn

from bilrp._trace.operations import OperationContext
from bilrp.exceptions import CompositeError
from bilrp.rules import (
    LRP0,
    AlphaBeta,
    BilinearShare,
    Epsilon,
    Flat,
    Gamma,
    Gate,
    MaxWinner,
    MinShare,
    NormShare,
    Pass,
    ProductShare,
    Rule,
    SignalTakesAll,
    SlopeShare,
    SumShare,
    WSquare,
    ZBox,
    ZPlus,
)

DEFAULTS: dict[str, Rule] = {
    "linear": LRP0(),
    "sum": SumShare(),
    "attention": SumShare(),
    "max": MaxWinner(),
    "min": MinShare(),
    "elementwise": Pass(),
    "norm": NormShare(),
    "quotient": Pass(),
    "product": ProductShare(),
    "gate": Gate(None),
    "recurrent": SignalTakesAll(),
    "bilinear": BilinearShare(),
    "softmax": Pass(),
    "homogeneous": SlopeShare(),
}
FUNCTIONS_OF: dict[type[nn.Module], frozenset[str]] = {
    getattr(nn, f"{layer}{n}d"): frozenset({f"{function}{n}d"})
    for layer, function in (
        *(("Conv", "conv"), ("ConvTranspose", "conv_transpose")),
        *(("MaxPool", "max_pool"), ("AvgPool", "avg_pool")),
    )
    for n in (1, 2, 3)
} | {
    nn.Linear: frozenset({"linear", "addmm"}),
    nn.LayerNorm: frozenset({"layer_norm"}),
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_LOW = tuple((0 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))
IMAGENET_HIGH = tuple((1 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))


@dataclass(frozen=True)
class Layer:
    """What a selector gets to see.

    Parameters
    ----------
    context : OperationContext
        The operation: ``context.name``, ``context.kind``, ``context.operation.module``.
    depth : int or None
        Place among the weighted layers, 0 at the input; None for other operations.
    n_layers : int
        How many weighted layers there are.
    """

    context: OperationContext
    depth: int | None
    n_layers: int


class Selector(Protocol):
    """Says whether a layer is meant; any callable with this signature will do."""

    def __call__(self, layer: Layer) -> bool: ...


@dataclass(frozen=True)
class Named:
    """By name, with ``*`` and ``?``: of the module, or of one operation in it (``"encoder:add#2"``)."""

    pattern: str

    def __call__(self, layer: Layer) -> bool:
        operation = layer.context.operation
        return fnmatchcase(operation.name, self.pattern) or fnmatchcase(operation.place, self.pattern)


@dataclass(frozen=True)
class Typed:
    """By module type; the functional form of a PyTorch layer counts as the layer."""

    module_type: type[nn.Module]

    def __call__(self, layer: Layer) -> bool:
        operation = layer.context.operation
        if operation.function in FUNCTIONS_OF.get(self.module_type, ()):
            return True
        return self.module_type not in FUNCTIONS_OF and isinstance(operation.module, self.module_type)


@dataclass(frozen=True)
class OfKind:
    """By kind of operation, such as ``"linear"``, ``"max"`` or ``"sum"``."""

    kind: str

    def __call__(self, layer: Layer) -> bool:
        return layer.context.kind == self.kind


@dataclass(frozen=True)
class Depth:
    """By place among the weighted layers: from ``start`` up to but without ``stop``, negative from the end."""

    start: int
    stop: int | None = None

    def __call__(self, layer: Layer) -> bool:
        return layer.depth is not None and layer.depth in range(*slice(self.start, self.stop).indices(layer.n_layers))


FIRST = Depth(0, 1)


class Composite:
    """Rules with the layers they go to.

    Parameters
    ----------
    entries : sequence of (selector, Rule)
        A selector is one of this module's classes, a callable, or a string, which is short for ``Named``. Earlier
        entries win.
    name : str, optional
        For reports.

    Examples
    --------
    >>> from bilrp.rules import Epsilon, Gamma, ZBox
    >>> Composite([(FIRST, ZBox(0.0, 1.0)), (Typed(nn.Conv2d), Gamma(0.25)), ("head", Epsilon(1e-6))])
    Composite('custom', 3 entries)
    """

    def __init__(self, entries: Sequence[tuple[Selector | str, Rule]] = (), name: str = "custom") -> None:
        self.name = name
        self.entries: tuple[tuple[Selector, Rule], ...] = tuple(
            (Named(selector) if isinstance(selector, str) else selector, rule) for selector, rule in entries
        )
        for _, rule in self.entries:
            if not isinstance(rule, Rule):
                raise CompositeError(f"composite {name!r}: got {rule!r}, expected a rule such as Gamma(0.25)")

    def __repr__(self) -> str:
        return f"Composite({self.name!r}, {len(self.entries)} entries)"

    @classmethod
    def ensure(cls, composite: Composite | str | Mapping[str, Rule] | None) -> Composite:
        """A composite from a name of `COMPOSITES`, from ``{layer name: rule}``, from None (defaults), or as it is."""
        if composite is None:
            return cls(name="defaults")
        if isinstance(composite, Composite):
            return composite
        if isinstance(composite, str):
            if composite not in COMPOSITES:
                raise CompositeError(f"composite {composite!r} is unknown, expected one of {', '.join(COMPOSITES)}")
            return COMPOSITES[composite]
        return cls(list(composite.items()))

    def choose(self, layer: Layer) -> Rule | None:
        """The rule of one layer; None where neither an entry nor a default can serve it."""
        for selector, rule in self.entries:
            if selector(layer) and rule.serves(layer.context):
                return rule
        return DEFAULTS.get(layer.context.kind)

    def assign(self, layers: Sequence[Layer], names: Sequence[str] | None = None) -> list[Rule | None]:
        """The rule of each layer; None where neither an entry nor a default can serve it.

        Parameters
        ----------
        layers : sequence of Layer
            Where rules are needed.
        names : sequence of str, optional
            Names that may be given rules without being among ``layers``, because no relevance comes there.

        Raises
        ------
        CompositeError
            When an entry by name finds no layer, or finds layers that its rule cannot serve.
        """
        unused = {i for i, (selector, _) in enumerate(self.entries) if isinstance(selector, Named)}
        found: dict[int, Layer] = {}
        rules: list[Rule | None] = []
        for layer in layers:
            chosen = DEFAULTS.get(layer.context.kind)
            for i, (selector, rule) in enumerate(self.entries):
                if selector(layer):
                    if rule.serves(layer.context):
                        unused.discard(i)
                        chosen = rule
                        break
                    found[i] = layer
            rules.append(chosen)
        for i in sorted(unused):
            self._explain_unused(self.entries[i], found.get(i), layers, names or ())
        return rules

    def _explain_unused(
        self, entry: tuple[Selector, Rule], found: Layer | None, layers: Sequence[Layer], names: Sequence[str]
    ) -> None:
        selector, rule = entry
        pattern = selector.pattern if isinstance(selector, Named) else ""
        if found is not None:
            raise CompositeError(
                f"composite {self.name!r}: {type(rule).__name__} cannot serve {found.context.name} "
                f"({found.context.function}, kind {found.context.kind!r}). Choose a rule for that kind."
            )
        if any(Named(pattern)(layer) for layer in layers) or any(fnmatchcase(name, pattern) for name in names):
            return  # an earlier entry took the layer, or no relevance comes there
        known = list(
            dict.fromkeys([layer.context.name for layer in layers] + [la.context.operation.place for la in layers])
        )
        near = get_close_matches(pattern, known, 3, 0.4) or known[:6]
        raise CompositeError(
            f"composite {self.name!r}: no layer is called {pattern!r}. Names like it: {', '.join(map(repr, near))}."
        )


def vgg(
    low: float | Tensor | Sequence[float] = IMAGENET_LOW, high: float | Tensor | Sequence[float] = IMAGENET_HIGH
) -> Composite:
    """The preset of the BiLRP paper for VGG-16 with torchvision's layer names.

    zB at the first layer; by index in ``features`` gamma 0.5 up to 10, 0.25 up to 17, 0.1 up to 24, then 0 (LRP-0);
    winner at the poolings [Eberle2022]_.

    Parameters
    ----------
    low, high : float, (C,) or (1, C, 1, 1)
        Bounds of the pixels after normalisation; the default is ImageNet's normalisation of [0, 1].
    """

    def index(layer: Layer) -> int:
        last = layer.context.operation.place.rsplit(".", 1)[-1]
        return int(last) if last.isdigit() and "features" in layer.context.operation.place else 10**6

    return Composite(
        [
            (FIRST, ZBox(low, high)),
            (lambda layer: index(layer) <= 10, Gamma(0.5)),
            (lambda layer: index(layer) <= 17, Gamma(0.25)),
            (lambda layer: index(layer) <= 24, Gamma(0.1)),
        ],
        "vgg",
    )


_DENSE = Typed(nn.Linear), Epsilon(1e-6)
_WEIGHTED = OfKind("linear")
_PRESETS: dict[str, list[tuple[Selector, Rule]]] = {
    "lrp0": [],
    "epsilon": [(_WEIGHTED, Epsilon(1e-6))],
    "gamma": [(_WEIGHTED, Gamma(0.25))],
    "epsilon-plus": [_DENSE, (_WEIGHTED, ZPlus())],
    "epsilon-plus-flat": [(FIRST, Flat()), _DENSE, (_WEIGHTED, ZPlus())],
    "epsilon-alpha2-beta1": [_DENSE, (_WEIGHTED, AlphaBeta(2.0, 1.0))],
    "wsquare-gamma": [(FIRST, WSquare()), (_WEIGHTED, Gamma(0.25))],
}
COMPOSITES = {name: Composite(entries, name) for name, entries in _PRESETS.items()} | {"vgg": vgg()}
"""Composites by name; ``BiLRP(model, "gamma")`` takes the name."""

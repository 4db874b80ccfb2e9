"""A composite: an ordered list of (selector, rule); the first selector that finds an operation decides.

What no selector finds, with a rule that can serve it, gets the default of its kind (table in
`bilrp._trace.operations`): LRP-0 for weighted layers, the winner for max pooling, pass for element-wise operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from bilrp.composites.selectors import Layer, Named, Selector
from bilrp.exceptions import CompositeError
from bilrp.rules import (
    LRP0,
    BilinearShare,
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

COMPOSITES: dict[str, Composite] = {}
"""Composites by name; ``BiLRP(model, "gamma")`` takes the name. Filled by `bilrp.composites`."""


class Composite:
    """Rules with the layers they go to.

    Parameters
    ----------
    entries : sequence of (selector, Rule)
        A selector is one of this module's classes, a callable, or a string, which is short for ``Named``. Earlier
        entries win.
    name : str, optional
        For reports.
    expects : callable, optional
        Gets the layers, and returns None or a sentence that says what was expected and found, and what fits: a
        composite that was made for some networks is refused on others.

    Examples
    --------
    >>> from torch import nn
    >>> from bilrp.composites import FIRST, Typed
    >>> from bilrp.rules import Epsilon, Gamma, ZBox
    >>> Composite([(FIRST, ZBox(0.0, 1.0)), (Typed(nn.Conv2d), Gamma(0.25)), ("head", Epsilon(1e-6))])
    Composite('custom', 3 entries)
    """

    def __init__(
        self,
        entries: Sequence[tuple[Selector | str, Rule]] = (),
        name: str = "custom",
        expects: Callable[[Sequence[Layer]], str | None] | None = None,
    ) -> None:
        self.name = name
        self.expects = expects
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
        if not isinstance(composite, Mapping):
            raise CompositeError(
                f"composite is {composite!r}, expected a name of bilrp.COMPOSITES, {{layer name: rule}} or a "
                f"Composite: for one rule everywhere, Composite([(OfKind('linear'), rule)])"
            )
        return cls(list(composite.items()))

    def choose(self, layer: Layer) -> Rule | None:
        """The rule of one layer; None where neither an entry nor a default can serve it."""
        for selector, rule in self.entries:
            if selector(layer) and rule.serves(layer.context):
                return rule
        return DEFAULTS.get(layer.context.kind)

    def entries_for(self, layers: Sequence[Layer]) -> tuple[tuple[Selector, Rule], ...]:
        """The entries for a network; here the same for each, in presets chosen by what the network is made of."""
        return self.entries

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
            When an entry by name finds no layer, or finds layers that its rule cannot serve, and when the composite
            was made for other networks.
        """
        if self.expects is not None and (complaint := self.expects(layers)) is not None:
            raise CompositeError(f"composite {self.name!r}: {complaint}")
        entries = self.entries_for(layers)
        unused = {i for i, (selector, _) in enumerate(entries) if isinstance(selector, Named)}
        found: dict[int, Layer] = {}
        rules: list[Rule | None] = []
        for layer in layers:
            chosen = DEFAULTS.get(layer.context.kind)
            for i, (selector, rule) in enumerate(entries):
                if selector(layer):
                    if rule.serves(layer.context):
                        unused.discard(i)
                        chosen = rule
                        break
                    found[i] = layer
            rules.append(chosen)
        for i in sorted(unused):
            self._explain_unused(entries[i], found.get(i), layers, names or ())
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

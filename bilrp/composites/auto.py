"""composite="auto": rules by what a network is made of, more careful ones where a trial shows that parts amplify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bilrp._trace.operations import OperationContext
from bilrp.composites.composite import Composite
from bilrp.composites.presets import RULES_OF_FAMILIES, Entries, pixel_box
from bilrp.composites.selectors import Layer, OfKind, Selector
from bilrp.composites.traits import FAMILIES, Traits
from bilrp.rules import Gamma, NormShare, Rule, SumShare

CALM = 5.0
"""Amplification up to which a trial passes: of one side, sum of |R| over sum of |output|. Two sides multiply, and where
embeddings are at odds their product is smaller than its parts: a joint relevance is doubtful from 100."""
MAX_MISSING = 3e-4
"""Of what is explained, where biases are distributed."""
STRONGER: tuple[Entries, ...] = (
    [(OfKind("linear"), Gamma(0.1))],
    [(OfKind("linear"), Gamma(0.25))],
    [(OfKind("linear"), Gamma(1.0))],
    [(OfKind("linear"), Gamma(10.0))],
    [
        (OfKind("linear"), Gamma(1000.0)),
        (OfKind("sum"), SumShare(eps=0.5, stabilizer="relative")),
        (OfKind("norm"), NormShare(eps=0.5, stabilizer="relative")),
    ],
)
"""What is tried in turn where the rules of the family amplify. The last is nearly z+ with the sign of each output, and
holds back sums and loose norms whose parts nearly cancel, as in networks of parallel branches (RepVGG)."""


@dataclass(frozen=True)
class Trial:
    """What came of a few outputs: sum of |R| and missing relevance, both over the sum of |output|."""

    amplification: float
    missing: float

    @property
    def passes(self) -> bool:
        """Whether both keep their limits; not where they are no numbers."""
        return self.amplification <= CALM and self.missing <= MAX_MISSING

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """For the least of evils: finite before not, calm before conserved, then by what is worse."""
        finite = self.amplification < float("inf") and self.missing < float("inf")
        calm = self.amplification <= CALM
        return not finite, not calm, self.missing if calm else self.amplification


def _is_inherent(trials: Sequence[Trial]) -> bool:
    """Whether what goes missing is not the rules' doing: it stays where more careful ones do not amplify either."""
    calm = [trial.missing for trial in trials if trial.amplification <= CALM]
    return len(calm) > 1 and calm[-1] > 0.5 * calm[-2]


class Auto(Composite):
    """Rules chosen for the network at hand, by properties of its operations.

    Parameters
    ----------
    entries : sequence of (selector, Rule)
        What goes before the rules that are chosen, such as ``("mixer:matmul", Gate(0))``.
    level : int, optional
        0 for the rules of the family, more for stronger gammas. Default: the first level at which a trial on a few
        outputs of the input at hand amplifies to no more than `CALM`.
    """

    def __init__(self, entries: Sequence[tuple[Selector | str, Rule]] = (), level: int | None = None) -> None:
        super().__init__(entries, "auto" if not level else f"auto, {_short(STRONGER[level - 1][0][1])}")
        self.level = level

    def entries_for(self, layers: Sequence[Layer]) -> tuple[tuple[Selector, Rule], ...]:
        family = Traits.of([layer.context for layer in layers]).family
        chosen = STRONGER[self.level - 1] if self.level else RULES_OF_FAMILIES[family]
        return (*self.entries, *pixel_box(layers), *chosen)

    def at(self, level: int) -> Auto:
        """The same, with the level fixed."""
        return Auto(self.entries, level)

    def settled(self, trial: Callable[[Auto], Trial]) -> Auto:
        """The first level that passes a trial; where none does, that which is least bad.

        Parameters
        ----------
        trial : callable
            Explains a few outputs with the composite that it is given.
        """
        if self.level is not None:
            return self
        trials: list[Trial] = []
        for level in range(1 + len(STRONGER)):
            trials.append(trial(self.at(level)))
            if trials[-1].passes or _is_inherent(trials):
                break
        best = min(range(len(trials)), key=lambda level: trials[level].badness)
        return self.at(best)

    def sentence(self, contexts: Sequence[OperationContext]) -> str:
        """What was chosen, in one line."""
        traits = Traits.of(contexts)
        own = " then ".join(dict.fromkeys(_short(rule) for _, rule in RULES_OF_FAMILIES[traits.family]))
        rules = f"{_short(STRONGER[self.level - 1][0][1])}, as milder rules amplify" if self.level else own
        return f"auto: {FAMILIES[traits.family]} ({traits}): {rules}"


def is_open(composite: Composite) -> bool:
    """Whether a composite chooses its rules by a trial."""
    return isinstance(composite, Auto) and composite.level is None


def _short(rule: Rule) -> str:
    relative = f"{rule.eps:g} relative" if rule.stabilizer == "relative" else ""
    parts = [f"{rule.gamma:g}"] if isinstance(rule, Gamma) else []
    return f"{type(rule).__name__}({', '.join([*parts, relative] if relative else parts)})"

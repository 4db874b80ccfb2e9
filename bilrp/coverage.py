"""What an explanation covered: every operation of the pass, the rule it got, and how faithful that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

STATES = {
    "rule": "shared by a rule that counts what the operation computed; what it did not pass on stands under kept",
    "exact": "rearranges values; relevance follows them, but for what constants among them kept",
    "approximate": "shared by a rule that only approximates the operation",
    "fixed": "no relevance comes here: a gate, an attention weight or a spread that is held fixed",
}


@dataclass(frozen=True)
class CoverageEntry:
    """One operation.

    Parameters
    ----------
    name, function, kind : str
        What users call it, the PyTorch function, and its kind (`bilrp._trace.operations`).
    state : {"rule", "exact", "approximate", "fixed"}
    rule : str
        The rule with its settings; empty where none was needed.
    kept : float
        Sum over the embedding dimensions of the relevance that the operation kept (biases, stabilizers, inactive
        inputs, constants joined to the values such as a class token), without sign, as a share of the relevance at the
        top. Zero where all was passed on.
    """

    name: str
    function: str
    kind: str
    state: str
    rule: str
    kept: float = 0.0


@dataclass(frozen=True)
class Conditions:
    """Under what an explanation was made.

    Parameters
    ----------
    composite : str
        Its name.
    bias : {"leave", "distribute"}
    canonizers : tuple of str
    precision, forward_precision : str
        The types in which relevance travelled and in which the model computed, such as ``"float32"``.
    device : str
    versions : mapping
        Of bilrp, torch and numpy.
    seed : int, optional
        PyTorch's, where the model drew random numbers.
    """

    composite: str = ""
    bias: str = ""
    canonizers: tuple[str, ...] = ()
    precision: str = ""
    forward_precision: str = ""
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True)
class Coverage:
    """The report that comes with every result.

    Parameters
    ----------
    entries : tuple of CoverageEntry
        In the order of the forward pass.
    notes : tuple of str
        What canonizers did, and choices that were held fixed.
    approximate_share : float
        The share of the relevance at the input that came through rules which approximate their operation.
    unaccounted : float
        The share of the relevance at the top that neither arrived nor was kept by an operation of the report.
    conditions : Conditions, optional
    """

    entries: tuple[CoverageEntry, ...]
    notes: tuple[str, ...] = ()
    approximate_share: float = 0.0
    unaccounted: float = 0.0
    conditions: Conditions | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many operations are in each state."""
        counted = Counter(entry.state for entry in self.entries)
        return {state: counted[state] for state in STATES}

    @property
    def approximate(self) -> tuple[CoverageEntry, ...]:
        """The operations that a reader must know about."""
        return tuple(entry for entry in self.entries if entry.state == "approximate")

    def with_note(self, note: str) -> Coverage:
        """The same report with one note more, once."""
        return self if note in self.notes else replace(self, notes=(*self.notes, note))

    def __str__(self) -> str:
        width = max([len(entry.name) for entry in self.entries] + [9])
        lines = [f"{'operation':{width}}  {'function':18} {'state':12} {'kept':>8}  rule"]
        lines += [f"{e.name:{width}}  {e.function:18} {e.state:12} {e.kept:8.1%}  {e.rule}" for e in self.entries]
        lines.append(", ".join(f"{n} {state}" for state, n in self.counts.items()))
        return "\n".join([*lines, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and dicts, for JSON."""
        return {
            "entries": [asdict(entry) for entry in self.entries],
            "notes": list(self.notes),
            "approximate_share": self.approximate_share,
            "unaccounted": self.unaccounted,
            "conditions": None if self.conditions is None else asdict(self.conditions),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Coverage:
        """What `to_dict` gave; reports of older versions have no conditions."""
        conditions = data.get("conditions")
        if conditions is not None:
            conditions = _checked_conditions(conditions)
        return cls(
            tuple(_checked(CoverageEntry(**entry)) for entry in data["entries"]),
            tuple(str(note) for note in data["notes"]),
            _number(data.get("approximate_share", 0.0)),
            _number(data.get("unaccounted", 0.0)),
            conditions,
        )


def _checked(entry: CoverageEntry) -> CoverageEntry:
    """An entry that was read from a file, when each of its values has its type."""
    texts = (entry.name, entry.function, entry.kind, entry.state, entry.rule)
    if not all(isinstance(text, str) for text in texts) or entry.state not in STATES:
        raise TypeError(f"an entry of the coverage report has values of other types than it should: {entry!r:.200}")
    _number(entry.kept)
    return entry


def _checked_conditions(data: Mapping[str, Any]) -> Conditions:
    """Conditions that were read from a file, when each has its type."""
    known = Conditions(**{**data, "canonizers": tuple(map(str, data["canonizers"]))})
    texts = (known.composite, known.bias, known.precision, known.forward_precision, known.device)
    versions = known.versions.items() if isinstance(known.versions, Mapping) else [(None, None)]
    if not all(isinstance(text, str) for text in (*texts, *(part for item in versions for part in item))):
        raise TypeError(f"conditions in the coverage report have values of other types than they should: {data!r:.200}")
    if known.seed is not None and not isinstance(known.seed, int):
        raise TypeError(f"the seed in the coverage report is {known.seed!r:.50}, expected a whole number")
    return known


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"a share in the coverage report is {value!r:.50}, expected a finite number")
    return float(value)

r"""The certificate of a result: whether an explanation is to be believed, in a few numbers, and how it was made.

Amplification is :math:`\sum |R| / |y|`: how much larger the parts are than the whole they explain. One for z+, which
has no negative parts; ten to some hundreds for LRP-0 in deep networks, whose positive and negative parts nearly cancel;
beyond, what is seen is what did not cancel by accident [Montavon2019]_. The share that biases keep, the error of
conservation and the share of relevance that passed rules which only approximate their operation stand beside it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.tape import Tape
from bilrp.coverage import Conditions, Coverage, CoverageEntry
from bilrp.exceptions import DoubtfulExplanationWarning, NotConservedError
from bilrp.version import VERSION

MAX_AMPLIFICATION = 100.0
"""Above, parts cancel to one hundredth: float32 still adds them up, readers cannot. z+ has 1, LRP-0 in VGG-16 about 30,
a wrong rule 1e3 to 1e45."""
MAX_BIAS_SHARE = 0.5
"""Beyond, biases took more of what is explained than the input did."""
MAX_KEPT_SHARE = 10.0
"""Above, single operations kept and gave ten times what is explained, and the bias share is small by cancellation."""
MAX_APPROXIMATE_SHARE = 0.5
"""Beyond, most of the relevance came through rules that do not share what their operation computed."""
MAX_RANDOMIZED = 0.9
"""Above, an explanation hardly changes when all weights are shuffled: it shows the inputs, not the network."""
MAX_CONSERVATION_ERROR = 1e-3
"""A distributed explanation adds up to float32's rounding in a hundred layers, 1e-5; more is a fault."""
SMALLEST = float(np.finfo(np.float32).tiny)
"""Below, products of float32 lose their digits, and then are zero."""

TO_TRY = (
    "try composite 'epsilon-plus', a rule with less negative parts (Gamma, ZPlus), or Epsilon with "
    "stabilizer='relative'; a similarity near zero has no better explanation"
)
PAIR_PRODUCTS = 2**28  # multiply-adds that the sum of |R_ij| may cost: 20 ms on one core
BLOCK_ENTRIES = 2**22  # entries of the table of pairs that exist at a time


@dataclass(frozen=True)
class Certificate:
    """What is known about how far a result can be believed.

    Parameters
    ----------
    order : {1, 2}
        1 for outputs of one input, 2 for a similarity.
    explained : float
        The similarity; for outputs the sum of their magnitudes.
    amplification : float
        Sum of abs(R) as a multiple of abs(explained); infinite where nothing is explained by something.
    amplification_over : str
        What the sum went over: ``"all entries"``, ``"all pairs"``, or runs of entries where pairs are too many; then
        it is a lower bound.
    bias_share : float
        The share of what is explained that no input received; negative where inputs received more than that. For
        outputs each counts by its own sign.
    kept_share : float
        What operations kept, added up without sign over operations and outputs, as a share of the relevance that
        started at the top: what cancels in ``bias_share`` shows here. The larger of both sides.
    conservation_error : float
        Where biases are distributed, the part of what is explained that is missing. Elsewhere, the part that neither
        inputs received nor an operation says to have kept.
    approximate_share : float
        The share of the relevance at the input that came through operations whose rule approximates them.
    approximate : tuple of str
        These operations.
    non_finite : int
        Entries of the result that are infinite or no numbers.
    precision, forward_precision : str
        The types in which relevance travelled and in which the model computed, such as ``"float32"``.
    composite, bias, device : str
    canonizers : tuple of str
    versions : mapping
        Of bilrp, torch and numpy.
    seed : int, optional
        PyTorch's, where the model drew random numbers.
    randomization : mapping, optional
        Agreement (cosine) with the explanation after the weights of a layer and of all above it were shuffled, by
        layer from the top, when that test was made (`bilrp.BiLRP.randomization_test`).
    empty : tuple of str
        Of a cosine, the sides (``"left"``, ``"right"``) whose embedding has no direction.
    tried : str
        What ``composite="auto"`` tried against an amplification, where it was in vain.
    """

    order: int
    explained: float
    amplification: float
    amplification_over: str
    bias_share: float
    kept_share: float
    conservation_error: float
    approximate_share: float
    approximate: tuple[str, ...] = ()
    non_finite: int = 0
    precision: str = ""
    forward_precision: str = ""
    composite: str = ""
    bias: str = ""
    device: str = ""
    canonizers: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    randomization: Mapping[str, float] | None = None
    empty: tuple[str, ...] = ()
    tried: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "versions", MappingProxyType(dict(self.versions)))
        object.__setattr__(self, "approximate", tuple(self.approximate))
        object.__setattr__(self, "canonizers", tuple(self.canonizers))
        object.__setattr__(self, "empty", tuple(self.empty))
        if self.randomization is not None:
            object.__setattr__(self, "randomization", MappingProxyType(dict(self.randomization)))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What lies beyond the limits of this module, each with what to try; empty for a result without doubts."""
        doubts = []
        if self.empty:
            doubts.append(
                f"the embedding of the {' and of the '.join(self.empty)} input is zero, or too small for its "
                f"precision: it has no direction, and its cosine, given as 0, is not defined. See whether the model "
                f"answers to that input, or scale its output up"
            )
        elif self.order == 2 and self.precision != "float64" and 0 < abs(self.explained) < SMALLEST:
            doubts.append(
                f"the similarity of {self.explained:.3g} is smaller than float32 can hold: relevance of pairs became "
                f"zero. Scale the embeddings up, or explain the cosine"
            )
        if self.non_finite:
            doubts.append(f"{self.non_finite:,} values are infinite or no numbers: nothing here can be believed")
        if self.amplification > MAX_AMPLIFICATION:
            doubts.append(
                f"the parts are {self.amplification:.3g} times what they explain ({self.explained:.3g}), so that they "
                f"nearly cancel: {self.tried or TO_TRY}"
            )
        if abs(self.bias_share) > MAX_BIAS_SHARE:
            doubts.append(
                f"biases and stabilizers hold {self.bias_share:.1%} of what is explained: try bias='distribute', or "
                f"see in the coverage report which operations kept it"
            )
        elif self.kept_share > MAX_KEPT_SHARE:
            doubts.append(
                f"the bias share of {self.bias_share:.1%} is small by cancellation, as operations kept "
                f"{self.kept_share:.3g} times what is explained: try another composite, or bias='distribute'"
            )
        if self.approximate_share > MAX_APPROXIMATE_SHARE:
            doubts.append(
                f"{self.approximate_share:.0%} of the relevance came through {len(self.approximate)} operations whose "
                f"rule only approximates them, such as {self.approximate[0] if self.approximate else '?'}: try a rule "
                f"that says which factor carries the relevance, such as Gate(), or BilinearShare(0) for matrix products"
            )
        if self.randomization and min(self.randomization.values()) > MAX_RANDOMIZED:
            doubts.append(
                f"with shuffled weights the explanation is the same to {min(self.randomization.values()):.2f}: it "
                f"shows the inputs, not the network; try a composite nearer to LRP-0, such as 'gamma' or 'epsilon'"
            )
        if self.conservation_error > MAX_CONSERVATION_ERROR:
            doubts.append(
                f"{self.conservation_error:.2g} of what is explained went missing without an account: try float64, or "
                f"another composite"
            )
        return tuple(doubts)

    @property
    def caption(self) -> str:
        """One line, for print under a figure."""
        parts = [
            f"{self.composite or 'no'} rules",
            f"amplification {self.amplification:.3g}",
            f"bias share {self.bias_share:.1%}",
            f"{'conserved' if self.bias == 'distribute' else 'accounted for'} to {self.conservation_error:.1g}",
        ]
        if self.approximate:
            parts.append(f"{self.approximate_share:.0%} by approximation")
        if self.randomization is not None:
            parts.append(f"agreement under random weights {min(self.randomization.values(), default=1.0):.2f}")
        parts += [part for part in (self.precision, self.device) if part]
        parts += [f"{name} {number}" for name, number in self.versions.items() if name == "bilrp"]
        return " · ".join(parts) + (" · DOUBTFUL" if self.doubts else "")

    def __str__(self) -> str:
        lines = [
            self.caption,
            f"amplification over {self.amplification_over}; kept by operations {self.kept_share:.3g}; "
            f"{len(self.approximate)} approximate operations; {self.non_finite} values not finite",
            f"forward {self.forward_precision or '?'}, biases: {self.bias or '?'}, canonizers: "
            f"{', '.join(self.canonizers) or 'none'}, seed: {'none' if self.seed is None else self.seed}, "
            + ", ".join(f"{name} {number}" for name, number in self.versions.items()),
        ]
        return "\n".join(lines + [f"doubtful: {doubt}" for doubt in self.doubts])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["versions"] = dict(self.versions)
        plain["randomization"] = None if self.randomization is None else dict(self.randomization)
        return plain | {name: list(plain[name]) for name in ("approximate", "canonizers", "empty")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Certificate:
        """What `to_dict` gave."""
        return cls(**data)


def certify_outputs(sums: Tensor, magnitude: float, outputs: Tensor, coverage: Coverage) -> Certificate:
    """The certificate of a first-order explanation.

    Parameters
    ----------
    sums : Tensor of shape (K,)
        The relevance of all inputs together for each output.
    magnitude : float
        Sum of abs(R) over everything.
    outputs : Tensor of shape (K,)
    coverage : Coverage
    """
    sums, outputs = sums.detach().double().cpu(), outputs.detach().double().cpu()
    missing = outputs - sums
    return _certificate(
        order=1,
        explained=(explained := float(outputs.abs().sum())),
        magnitude=magnitude,
        over="all entries",
        bias_share=_ratio(float((missing * outputs.sign()).sum()), explained),
        missing=_ratio(float(missing.abs().sum()), explained),
        coverages=(coverage,),
    )


def certify_pair(
    left: Tensor,
    right: Tensor,
    embeddings: tuple[Tensor, Tensor],
    coverages: tuple[Coverage, Coverage],
    *,
    cosine: bool = False,
) -> Certificate:
    """The certificate of a joint relevance from its factors (M, ...) and embeddings (M,), normalised for a cosine."""
    first, second = (embedding.detach().double().cpu() for embedding in embeddings)
    similarity = float(first @ second)
    total = float(_row_sums(left) @ _row_sums(right))
    run = run_length(left, right)
    return _certificate(
        order=2,
        explained=similarity,
        magnitude=absolute_total(_in_runs(left, run), _in_runs(right, run)),
        over="all pairs" if run == 1 else f"pairs of runs of {run} entries (a lower bound)",
        bias_share=_ratio(similarity - total, similarity),
        missing=_ratio(abs(similarity - total), abs(similarity)),
        coverages=coverages,
        non_finite=_non_finite(left) + _non_finite(right),
        empty=tuple(side for side, phi in (("left", first), ("right", second)) if cosine and not bool(phi.any())),
    )


def _certificate(
    *,
    order: int,
    explained: float,
    magnitude: float,
    over: str,
    bias_share: float,
    missing: float,
    coverages: tuple[Coverage, ...],
    non_finite: int = 0,
    empty: tuple[str, ...] = (),
) -> Certificate:
    about = coverages[0].conditions
    distributes = about is not None and about.bias == "distribute"
    own = {} if about is None else asdict(about)
    return Certificate(
        order=order,
        explained=explained,
        amplification=_ratio(magnitude, abs(explained)),
        amplification_over=over,
        bias_share=bias_share,
        kept_share=max(sum(entry.kept for entry in coverage.entries) for coverage in coverages),
        conservation_error=missing if distributes else max(coverage.unaccounted for coverage in coverages),
        approximate_share=max(coverage.approximate_share for coverage in coverages),
        approximate=tuple(dict.fromkeys(entry.name for part in coverages for entry in part.approximate)),
        non_finite=non_finite,
        empty=empty,
        **own,
    )


def conditions_of(
    tape: Tape, embedding: Tensor, composite: str, bias: str, canonizers: Sequence[Callable[..., Any]]
) -> Conditions:
    """Under what a recorded pass is explained."""
    return Conditions(
        composite=composite,
        bias=bias,
        canonizers=tuple(getattr(canonizer, "__name__", repr(canonizer)) for canonizer in canonizers),
        precision=_type_name(embedding.dtype),
        forward_precision=tape.precision or _type_name(embedding.dtype),
        device=str(embedding.device),
        versions={"bilrp": VERSION, "torch": str(torch.__version__), "numpy": np.__version__},
        seed=tape.seed,
    )


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def attest(
    certificate: Certificate,
    coverages: Sequence[Coverage],
    embeddings: tuple[Tensor, Tensor] | None = None,
    *,
    warn: bool = True,
) -> None:
    """Refuse a result that does not add up though its biases were to be distributed; warn of one with doubts.

    A similarity may be a small rest of terms that cancel, whose rounding is that of the terms: it is refused by these,
    and doubtful by itself.

    Parameters
    ----------
    certificate : Certificate
    coverages : sequence of Coverage
    embeddings : pair of Tensor of shape (M,), optional
        Of a pair.
    warn : bool

    Raises
    ------
    NotConservedError
        Where more than `MAX_CONSERVATION_ERROR` is missing; names the operations that kept most.
    """
    allowed = MAX_CONSERVATION_ERROR
    if embeddings is not None and certificate.explained:
        terms = float((embeddings[0].detach().double() * embeddings[1].detach().double()).abs().sum())
        allowed *= terms / abs(certificate.explained)
    if certificate.bias == "distribute" and not certificate.conservation_error <= allowed:
        raise NotConservedError(_not_conserved(certificate, coverages))
    if warn:
        warn_of_doubts(certificate, stacklevel=4)


def warn_of_doubts(certificate: Certificate, stacklevel: int = 3) -> None:
    """One line of `DoubtfulExplanationWarning` where a result lies beyond a limit of this module."""
    if certificate.doubts:
        warnings.warn("; ".join(certificate.doubts), DoubtfulExplanationWarning, stacklevel=stacklevel)


def _not_conserved(certificate: Certificate, coverages: Sequence[Coverage]) -> str:
    entries = sorted({entry for part in coverages for entry in part.entries}, key=lambda entry: -entry.kept)
    keepers = ", ".join(
        f"{entry.name} ({entry.function}, {entry.rule or 'no rule'}) {entry.kept:.2g}"
        for entry in entries[:3]
        if entry.kept > MAX_CONSERVATION_ERROR / 10
    )
    return (
        f"bias='distribute': {certificate.conservation_error:.2g} of what is explained ({certificate.explained:.3g}) "
        f"went missing, expected at most {MAX_CONSERVATION_ERROR:g}. "
        + (f"Most was kept or made by {keepers}, as shares of the relevance at the top. " if keepers else "")
        + _remedy(certificate, entries[0] if entries else None)
    )


def _remedy(certificate: Certificate, keeper: CoverageEntry | None) -> str:
    """What helps where a result does not conserve."""
    if keeper is not None and keeper.kind == "shape":
        return "There a constant such as a class token or padding takes part, which is no input: use bias='leave'."
    if certificate.amplification > MAX_AMPLIFICATION:
        return (
            f"Try a composite that cancels less than {certificate.composite!r} (here parts are "
            f"{certificate.amplification:.2g} times their sum), such as 'epsilon-plus', or float64; or bias='leave', "
            f"which states what is kept."
        )
    return "Use bias='leave', which states what is kept; or give these operations another rule."


def absolute_total(left: Tensor, right: Tensor) -> float:
    """The sum of abs(R_ij) over all pairs of factors (M, ...), in blocks of the table of pairs, which is never made."""
    first, second = left.detach().flatten(1).T, right.detach().flatten(1)
    step = max(1, BLOCK_ENTRIES // max(1, second.shape[1]))
    parts = [(block @ second).abs_().sum(dtype=torch.float64) for block in first.split(step)]
    return float(torch.stack(parts).sum()) if parts else 0.0


def run_length(left: Tensor, right: Tensor) -> int:
    """How many neighbouring entries are added up before pairs are formed, so that these cost `PAIR_PRODUCTS`."""
    products = left.numel() * right[0].numel() if len(left) else 0
    run = 1
    while products > PAIR_PRODUCTS * run**2:
        run *= 2
    return run


def _in_runs(factor: Tensor, run: int) -> Tensor:
    flat = factor.detach().flatten(1)
    if run == 1:
        return flat
    return F.pad(flat, (0, -flat.shape[1] % run)).reshape(len(flat), -1, run).sum(2)


def _row_sums(factor: Tensor) -> Tensor:
    sums: Tensor = factor.detach().flatten(1).sum(1, dtype=torch.float64)
    return sums.cpu()


def _non_finite(factor: Tensor) -> int:
    if bool(torch.isfinite(_row_sums(factor)).all()):
        return 0
    return int((~torch.isfinite(factor)).sum())


def _ratio(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return 0.0 if part == 0 else float("inf")

"""Are the links that a genealogy reports the true ones?

    python benchmarks/stemmata.py [--stemmata N] [--rate R] [--noise E] [--lost K] [--undated] [--list]

Stemmata of six witnesses of computed tables, each copy with misprints of its own at one to three hundredths of the
places, collated and given to ``genealogy`` with the years of the witnesses or, with ``--undated``, without. ``--noise``
is the share of figures that a reader misreads; it doubts most of these, and some sound ones, with the truth or the
misreading as runner-up, and of the others it is as sure as it may be. With ``--lost K`` that many witnesses of each
stemma are not found: their copies are kin, and a link is true where the model is the nearest forebear that is found.
Counted are the links with a support of at least 0.8.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from computed_readings import reading_of

from tablesim.evidence.collation.collation import collate
from tablesim.evidence.genealogy.genealogy import genealogy
from tablesim.records.reading import Digit, Number, Reading
from tablesim.synthesis.corpus import draw_plan
from tablesim.synthesis.stemma import SimulatedEdition, Stemma, grow
from tablesim.synthesis.tables import build

DOUBTED, FALSE_DOUBT = 0.8, 2.0
"""Share of the misread figures that the reader doubts, and sound figures that it doubts for each misread one."""

TARGET = 0.9


@dataclass
class Count:
    """Links over all stemmata: reported and true, true in the end, false between kin and between strangers."""

    true: int = 0
    reported: int = 0
    right: int = 0
    strangers: int = 0
    reversed: int = 0
    decided: int = 0
    seconds: float = 0.0


def forebears(stemma: Stemma, name: str) -> list[str]:
    """The witnesses from which one descends, the nearest first."""
    found, parent = [], stemma.witness(name).parent
    while parent is not None:
        found.append(parent)
        parent = stemma.witness(parent).parent
    return found


def misread(reading: Reading, noise: float, rng: np.random.Generator) -> Reading:
    """The reading of a page by a reader that errs and mostly knows where it may have erred."""

    def seen(digit: Digit) -> Digit:
        assert digit.value is not None
        draw = rng.random()
        if draw > noise * (1 + FALSE_DOUBT):
            return replace(digit, confidence=1 - noise * (1 - DOUBTED)) if noise else digit
        other = int((digit.value + rng.integers(1, 10)) % 10)
        rival = float(rng.uniform(0.06, 0.45))
        if draw > noise:
            return replace(digit, confidence=0.97 - rival, runner_up=(other, rival))
        if rng.random() > DOUBTED:
            return replace(digit, value=other, confidence=1 - noise * (1 - DOUBTED))
        return replace(digit, value=other, confidence=0.97 - rival, runner_up=(digit.value, rival))

    def number(one: Number) -> Number:
        digits = tuple(seen(digit) for digit in one.digits)
        text = "".join(str(digit.value) for digit in digits)
        return replace(one, text=text, digits=digits, confidence=min(digit.confidence for digit in digits))

    return replace(reading, numbers=tuple(number(one) for one in reading.numbers))


def measure(at: int, options: argparse.Namespace, count: Count) -> None:
    """One stemma, counted."""
    rng = np.random.default_rng([41, at])
    name, parameters, _ = draw_plan(7, options.stemmata).tables[at]
    rate = options.rate or float(rng.uniform(0.01, 0.03))
    stemma = grow(build(name, **parameters), 6 + options.lost, rng, rate=rate)
    gone = set(rng.choice(len(stemma.witnesses), options.lost, replace=False).tolist())
    kept = [witness for number, witness in enumerate(stemma.witnesses) if number not in gone]
    readings = [misread(reading_of(witness, witness.name)[0], options.noise, rng) for witness in kept]
    years = None if options.undated else [witness.year for witness in kept]
    collation = collate(*readings)
    start = time.perf_counter()
    found = genealogy(collation, years)
    count.seconds = max(count.seconds, time.perf_counter() - start)
    names = {witness.name for witness in kept}
    true = {(witness.parent, witness.name) for witness in kept if witness.parent in names}
    reported = {(found.names[link.model], found.names[link.copy]) for link in found.confident}
    right = {(model, copy) for model, copy in reported if model == _nearest(stemma, copy, names)}
    strangers = {pair for pair in reported - right if _are_strangers(stemma, *pair)}
    turned = {(model, copy) for model, copy in reported - right if model in _descendants(stemma, copy)}
    count.true += len(true)
    count.decided += len(true & {(found.names[link.model], found.names[link.copy]) for link in found.links})
    count.reported += len(reported)
    count.right += len(right)
    count.strangers += len(strangers)
    count.reversed += len(turned)
    if options.list and reported - right:
        print(f"  {at} {name} {parameters}: {_words(stemma, kept)}")
        for model, copy in sorted(reported - right):
            link = next(k for k in found.confident if (found.names[k.model], found.names[k.copy]) == (model, copy))
            print(f"    false: {model} -> {copy}, support {link.support:.2f}, {link.shared_errors} shared errors")


def _nearest(stemma: Stemma, name: str, kept: set[str]) -> str | None:
    """The nearest forebear that is not lost."""
    return next((one for one in forebears(stemma, name) if one in kept), None)


def _are_strangers(stemma: Stemma, one: str, other: str) -> bool:
    """Whether neither descends from the other."""
    return one not in forebears(stemma, other) and other not in forebears(stemma, one)


def _descendants(stemma: Stemma, name: str) -> set[str]:
    return {witness.name for witness in stemma.witnesses if name in forebears(stemma, witness.name)}


def _words(stemma: Stemma, kept: Sequence[SimulatedEdition]) -> str:
    return ", ".join(f"{w.parent} -> {w.name} ({w.year}, {len(w.misprints)} own)" for w in kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stemmata", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.0, help="misprints for each place; 0.01 to 0.03 if left out")
    parser.add_argument("--noise", type=float, default=0.0, help="share of the figures that are misread")
    parser.add_argument("--lost", type=int, default=0, help="witnesses of each stemma that are not found")
    parser.add_argument("--undated", action="store_true")
    parser.add_argument("--list", action="store_true", help="name each false link")
    options = parser.parse_args()
    count = Count()
    for at in range(options.stemmata):
        measure(at, options, count)
    share = count.right / max(count.reported, 1)
    dated = "without" if options.undated else "with"
    print(f"{options.stemmata} stemmata, {dated} years, {options.noise:.1%} misread, {options.lost} lost:")
    print(f"  {count.right} of {count.reported} reported links are true ({share:.3f})")
    print(f"  {count.right} of {count.true} true links reported ({count.right / max(count.true, 1):.3f})")
    print(f"  {count.decided} of the true links have some support; slowest {count.seconds:.2f} s")
    print(f"  false: {count.strangers} between independent witnesses, {count.reversed} turned round")
    print("target (0.9 of the reported links true, none between independent witnesses):",
          "met" if share >= TARGET and not count.strangers else "missed")  # fmt: skip


if __name__ == "__main__":
    main()

"""How likely two readings that differ are of one text: a posterior from the reader's confidences.

Either the printers differ, or a reader erred. Readers say how sure they are of each digit and what else it could be;
so it can be reckoned how likely both numbers print one text, and weighed against how often printers slip.
"""

from __future__ import annotations

from tablesim.records.reading import Digit, Number

SLIP = 0.0017
"""How likely it is, before anything is read, that two printers differ in a cell in just this way: a copy errs in 1.5 %
of its cells, and into one of nine other digits. With the share below, on 40 pairs of synthesized editions, one of 294
true differences is called doubtful and three of 58 false ones are not; from 0.0005 to 0.005 none does better in both
(``benchmarks/doubt.py``)."""

ELSEWHERE = 0.75
"""Share of the doubt about a digit that goes to neither its value nor its runner-up: of 174 digits that were misread
on 158 synthesized pages the runner-up was right in 37."""

UNKNOWN = 0.1
"""How likely a digit that cannot be told is each value."""

FIGURES = range(10)


def doubt(a: Number, b: Number) -> float:
    """How likely two numbers that were read differently are printed alike, 0 to 1; symmetric.

    Notes
    -----
    With D what was read, P(one text | D) = L / (L + SLIP). L is the product over the digits that differ of the
    likelihood that both are one figure: the sum over its values v of P(a is v) P(b is v). Where one number has more
    digits the reader lost or made some, which takes the doubt about the less certain number, and the shorter stands
    where it fits best within the longer.
    """
    shorter, longer = sorted((a, b), key=lambda number: len(number.digits))
    alike = _best_within(shorter.digits, longer.digits)
    if len(shorter.digits) < len(longer.digits):
        alike *= 1 - min(a.confidence, b.confidence)
    return alike / (alike + SLIP)


def could_be(number: Number) -> list[str]:
    """The texts with one digit changed that a number may print as likely as that its printer slipped."""
    text = number.digits_text
    return [
        text[:at] + str(value) + text[at + 1 :]
        for at, digit in enumerate(number.digits)
        for value in FIGURES
        if value != digit.value and chance(digit, value) >= SLIP
    ]


def chance(digit: Digit, value: int) -> float:
    """How likely a digit is of a value.

    A digit without runner-up was not read by the network: it is what it is said to be, where that is said with more
    confidence than not.
    """
    if digit.value is None:
        return UNKNOWN
    if value == digit.value:
        return digit.confidence
    if digit.runner_up is None:
        return 0.0 if digit.confidence >= 0.5 else UNKNOWN
    rival, likely = digit.runner_up
    least = ELSEWHERE * (1 - digit.confidence) / 8
    return max(likely, least) if value == rival else least


def _one_digit(x: Digit, y: Digit) -> float:
    """How likely two digits are one; 1 where they were read alike."""
    if x.value == y.value:
        return 1.0
    return sum(chance(x, value) * chance(y, value) for value in FIGURES)


def _best_within(shorter: tuple[Digit, ...], longer: tuple[Digit, ...]) -> float:
    """The greatest product over the digits of the shorter, each opposite one of the longer, in order."""
    spare = len(longer) - len(shorter)
    best = [1.0] * (spare + 1)  # for each number of digits of the longer that were passed over so far
    for at, digit in enumerate(shorter):
        met = [best[skipped] * _one_digit(digit, longer[at + skipped]) for skipped in range(spare + 1)]
        for skipped in range(1, spare + 1):
            met[skipped] = max(met[skipped], met[skipped - 1])
        best = met
    return best[-1]

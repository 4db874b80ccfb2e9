"""Search for numbers: whether sequences drawn from what is printed are found first, and what becomes of altered ones.

    python benchmarks/number_search.py RUN TRUTH [--sequences 200] [--seed 0] [--json FILE]

RUN is a run folder (``tablesim demo`` makes one of the sample), TRUTH the folder of the truth of its pages. Sequences
of 3 to 6 numbers are drawn from what is printed in rows and columns, among them two rows below each other and values
such as 39;1; as many are altered: another figure stands for one. Which pages hold a sequence is taken from the truth.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tablesim.corpus.search.number_cells import PageCells, page_cells
from tablesim.corpus.search.number_query import parse_numbers
from tablesim.corpus.search.number_search import BESIDE, DOUBTFUL, HOLDS
from tablesim.corpus.store import Corpus
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.records.truth import PageTruth

SHORTEST, LONGEST = 4, 6


@dataclass(frozen=True)
class Sequence:
    """A query, the page it was drawn from, and the pages that hold it by the truth."""

    text: str
    page: str
    holding: frozenset[str]
    altered: bool


def cells_of_truth(truth: PageTruth) -> PageCells:
    """The cells of a page as they are printed."""
    numbers = tuple(
        Number(
            number.text,
            tuple(Digit(digit.value if digit.value >= 0 else None, digit.box, 1.0) for digit in number.digits),
            1.0,
            number.table,
            number.row,
            number.column,
            int(number.digits_text) if number.digits_text.isdigit() else None,
        )
        for number in truth.numbers
    )
    return page_cells(
        Reading("", truth.page, "", Transform(truth.width, truth.height, truth.rotation), truth.is_table, 1.0, numbers)
    )


def draw(pages: dict[str, PageCells], count: int, *, altered: bool, seed: int) -> list[Sequence]:
    """Sequences that stand on the pages, or that stood there before a figure was altered."""
    rng = np.random.default_rng([seed, altered])
    names = [name for name, cells in pages.items() if len(cells.cells) >= LONGEST]
    drawn: list[Sequence] = []
    while len(drawn) < count:
        name = names[rng.integers(len(names))]
        cells = pages[name]
        kind = ("row", "column", "block", "values")[len(drawn) % 4]
        lines = _lines(cells, kind, rng)
        if lines is None:
            continue
        if altered:
            _alter(lines, rng)
        text = " / ".join(" ".join(line) for line in lines)
        holding = frozenset(page for page, other in pages.items() if holds(other, text))
        if altered == (name in holding):
            continue  # it stands there in another place
        drawn.append(Sequence(text, name, holding, altered))
    return drawn


def holds(cells: PageCells, text: str) -> bool:
    """Whether a page holds a query."""
    return any(next(cells.places(pattern), None) is not None for pattern in parse_numbers(text).patterns())


def _lines(cells: PageCells, kind: str, rng: np.random.Generator) -> list[list[str]] | None:
    """Numbers as one would type them; None where there are too few from the cell that was drawn."""
    start, length = int(rng.integers(len(cells.cells))), int(rng.integers(SHORTEST, LONGEST + 1))

    def along(first: int, step: tuple[int, ...], n: int) -> list[int]:
        run = [first]
        while len(run) < n and step[run[-1]] >= 0:
            run.append(step[run[-1]])
        return run if len(run) == n else []

    def text(index: int) -> str:
        return cells.cells[index].number.digits_text

    if kind == "row":
        run = along(start, cells.right, min(length, SHORTEST))
        return [[text(index) for index in run]] if run else None
    if kind == "column":
        run = along(start, cells.down, length)
        return [[text(index) for index in run]] if run else None
    if kind == "block":
        above, first = along(start, cells.right, 2), cells.down[start]
        below = along(first, cells.right, 2) if first >= 0 else []
        return [[text(index) for index in run] for run in (above, below)] if above and below else None
    run = along(start, cells.down, SHORTEST - 1)
    pairs = [(index, cells.right[index]) for index in run]
    if not run or any(cells.cells[first].link != 2 or second < 0 for first, second in pairs):
        return None
    return [[f"{text(first)};{text(second)}" for first, second in pairs]]


def _alter(lines: list[list[str]], rng: np.random.Generator) -> None:
    """Another figure in place of one."""
    line = lines[rng.integers(len(lines))]
    at = int(rng.integers(len(line)))
    places = [place for place, sign in enumerate(line[at]) if sign.isdigit()]
    place = places[rng.integers(len(places))]
    figure = (int(line[at][place]) + int(rng.integers(1, 10))) % 10
    line[at] = line[at][:place] + str(figure) + line[at][place + 1 :]


def judge(corpus: Corpus, sequences: list[Sequence]) -> dict[str, object]:
    """How the answers stand to the truth.

    ``first``: the page that the sequence was drawn from, or for altered ones whatever holds it, is not below any page
    that does not hold it; altered sequences that no page holds are right where no page is said to hold them.
    """
    right, wrong = 0, []
    above = claimed = doubted = 0
    for sequence in sequences:
        answer = corpus.search_numbers(sequence.text, top=len(corpus))
        said = [hit.page for hit in answer.hits if hit.standing in (HOLDS, BESIDE)]
        doubted += sum(hit.standing == DOUBTFUL and hit.page not in sequence.holding for hit in answer.hits)
        order = [hit.page for hit in answer.hits]
        false = [page for page in said if page not in sequence.holding]
        claimed += len(false)
        last = max((order.index(page) for page in sequence.holding if page in order), default=-1)
        lower = sum(page not in sequence.holding for page in order[: last + 1])
        above += lower
        first = not false if not sequence.holding else order[0] in sequence.holding and lower == 0
        if not sequence.altered:
            first = first and sequence.page in order[: len(sequence.holding)]
        right += first
        if not first:
            wrong.append({"text": sequence.text, "page": sequence.page, "false": false, "above": lower})
    return {
        "sequences": len(sequences),
        "right": right,
        "pages without them above pages that hold them": above,
        "pages said to hold them that do not": claimed,
        "said to hold them if a doubtful reading is so": doubted,
        "with a page that holds them": sum(bool(sequence.holding) for sequence in sequences),
        "wrong": wrong,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("truth", nargs="?", type=Path)
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = Corpus.open(arguments.run)
    pages = {page: cells_of_truth(PageTruth.load(arguments.truth / f"{page}.json")) for page in corpus}
    result = {}
    for altered in (False, True):
        name = "altered" if altered else "drawn"
        result[name] = judge(corpus, draw(pages, arguments.sequences, altered=altered, seed=arguments.seed))
        print(name, {key: value for key, value in result[name].items() if key != "wrong"})
        for case in result[name]["wrong"]:
            print("  ", case)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()

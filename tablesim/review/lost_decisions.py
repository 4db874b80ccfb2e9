"""How many lines the files of decisions had, kept in ``run.json``: lines are only added, so fewer are a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tablesim.corpus.corrections.log import NAME as CORRECTIONS
from tablesim.corpus.corrections.notes import NAME as NOTES
from tablesim.corpus.corrections.table_decisions import NAME as TABLE_DECISIONS
from tablesim.corpus.store import Corpus
from tablesim.review.verdicts import NAME as VERDICTS
from tablesim.review.verdicts import VerdictLog

KEY = "decisions"


def lost_decisions(corpus: Corpus, name: str) -> str:
    """What is missing in one of the files since it was looked at last; empty where nothing is."""
    before = dict(corpus.run.get(KEY) or {}).get(name, 0)
    now = _COUNTS[name](corpus)
    return f"{before - now} of {before} lines are missing that were there before" if now < before else ""


def remember_decisions(corpus: Corpus) -> Iterator[str]:
    """Remarks on decisions that are missing; then what is there now counts as all there is."""
    for name in _COUNTS:
        if lost := lost_decisions(corpus, name):
            yield f"{corpus.folder / name}: {lost}; restore the file from a copy: it holds decisions of people"
    corpus.run[KEY] = {name: count(corpus) for name, count in _COUNTS.items()}
    corpus.save_run()


_COUNTS: dict[str, Callable[[Corpus], int]] = {
    CORRECTIONS: lambda corpus: len(corpus.corrections.stored),
    TABLE_DECISIONS: lambda corpus: len(corpus.table_decisions.all),
    NOTES: lambda corpus: len(corpus.notes.all),
    VERDICTS: lambda corpus: len(VerdictLog.of_run(corpus.folder).all()),
}
FILES = tuple(_COUNTS)

"""Witnesses named by the page ids of a run, and their collation as pages were read and corrected."""

from __future__ import annotations

from collections.abc import Sequence

from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.collation import collate
from tablesim.records.collation import Collation


def collate_from_run(corpus: Corpus, witnesses: Sequence[str]) -> Collation:
    """Collate pages of a run; nothing is read again, and what people corrected counts.

    Parameters
    ----------
    corpus : Corpus
    witnesses : sequence of str
        Page ids, two or more; a witness on several pages is ``A1+A2``.

    Raises
    ------
    RunError
        There is no such page in the run, or it was not read.
    SettingsError
        Fewer than two witnesses, or too many.
    """
    groups = [witness_pages(corpus, witness) for witness in witnesses]
    return collate(*([corpus.reading(page) for page in pages] for pages in groups))


def witness_pages(corpus: Corpus, witness: str) -> list[str]:
    """The ids of the pages of a witness: one page whose id may itself hold a plus, or several joined by it.

    Raises
    ------
    RunError
        There is no such page in the run.
    """
    if corpus.page_table.row_of(witness) is not None:
        return [witness]
    return [str(corpus.page(page)["page"]) for page in witness.split("+")]

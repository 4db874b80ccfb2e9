"""Pages of a run compared and collated as they were read and corrected, by the stored alignment of two pages."""

from __future__ import annotations

from collections.abc import Sequence

from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.store import Corpus
from tablesim.digits.other_readings import is_other_reading, reading_from_file
from tablesim.evidence.collation.collation import PagePair, collate
from tablesim.evidence.collation.grids import TableAlignment
from tablesim.records.collation import Collation
from tablesim.workflow.alignments import RunAlignments


def collate_from_run(
    corpus: Corpus, witnesses: Sequence[str], on_event: Listener = ignore_event, *, keep: bool = True
) -> Collation:
    """Collate pages of a run; nothing is read again, and what people corrected counts.

    Parameters
    ----------
    corpus : Corpus
    witnesses : sequence of str
        Page ids, two or more; a witness on several pages is ``A1+A2``. The name of a file that another program or a
        person wrote is a witness too (`digits.other_readings`).
    on_event : callable, optional
        Gets remarks on alignments that could not be read or kept.
    keep : bool
        Whether an alignment that is new is kept in the run.

    Raises
    ------
    RunError
        There is no such page in the run, or it was not read.
    SettingsError
        Fewer than two witnesses, or too many.
    """
    files = [witness for witness in witnesses if _is_file(corpus, witness)]
    if files:
        return collate(
            *(
                [reading_from_file(witness)]
                if witness in files
                else [corpus.reading(page) for page in witness_pages(corpus, witness)]
                for witness in witnesses
            )
        )
    groups = [witness_pages(corpus, witness) for witness in witnesses]
    if len(groups) == 2 and all(len(pages) == 1 for pages in groups) and groups[0] != groups[1]:
        return _pair(corpus, groups[0][0], groups[1][0], on_event, keep=keep).collation
    return collate(*([corpus.reading(page) for page in pages] for pages in groups))


def stored_alignment(
    corpus: Corpus, a: str, b: str, on_event: Listener = ignore_event, *, keep: bool = True
) -> TableAlignment | None:
    """The alignment of two pages of a run, for ``compare``; made where it is not known, and kept with ``keep``. None
    for one page.

    ``on_event`` gets remarks on alignments that could not be read or kept.

    Raises
    ------
    RunError
        There is no such page in the run, or it was not read.
    """
    return None if a == b else _pair(corpus, a, b, on_event, keep=keep).alignment


def _pair(corpus: Corpus, a: str, b: str, on_event: Listener, *, keep: bool) -> PagePair:
    alignments = RunAlignments(corpus, on_event, keep=keep)
    pair = alignments.pair(a, b)
    alignments.save()
    return pair


def _is_file(corpus: Corpus, witness: str) -> bool:
    return corpus.page_table.row_of(witness) is None and is_other_reading(witness)


def witness_pages(corpus: Corpus, witness: str) -> list[str]:
    """The ids of the pages of a witness: one page whose id may itself hold a plus, or several joined by it.

    Raises
    ------
    RunError
        There is no such page in the run.
    """
    if corpus.page_table.row_of(witness) is not None:
        return [str(corpus.page(witness)["page"])]
    return [str(corpus.page(page)["page"]) for page in witness.split("+")]

"""The main job on the sample corpus that comes with tablesim."""

from __future__ import annotations

from pathlib import Path

from tablesim.corpus.evaluation.labels import Evaluation, evaluate
from tablesim.corpus.indexing.events import Listener
from tablesim.corpus.store import Corpus
from tablesim.errors import ScanError
from tablesim.workflow.running import ReadsPages, run

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "data" / "sample", _PACKAGE.parent / "data" / "sample")


def sample_folder() -> Path:
    """Where the sample corpus is: inside the installed package, or in the checkout; ScanError when in neither."""
    for place in _PLACES:
        if (place / "scans").is_dir():
            return place
    raise ScanError(
        f"{_PLACES[-1]}: the sample corpus is not there; run the demo from a checkout of the project, or make the "
        "corpus with `tablesim synthesize --sample --out data/sample`"
    )


def demo(
    out: str | Path,
    *,
    workers: int = 1,
    network: ReadsPages | str | Path | None = None,
    on_event: Listener | None = None,
) -> tuple[Corpus, Evaluation]:
    """Run the sample corpus into ``out``; the run, and how it compares with the sample's labels."""
    sample = sample_folder()
    corpus = run(sample / "scans", out, sample / "metadata.csv", "auto", workers, network, on_event)
    return corpus, evaluate(corpus, sample / "labels.csv")

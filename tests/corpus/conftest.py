from pathlib import Path

import pytest

from corpus.fakes import FakeReader, write_corpus
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.store import Corpus
from tablesim.scans.sources import find_scans, name_pages


@pytest.fixture
def build(tmp_path):
    """Ingest and read a folder of fake scans into a run folder."""

    def build(
        scans: Path,
        out: Path | None = None,
        *,
        reader: FakeReader | None = None,
        workers: int = 1,
        retry_failed: bool = False,
    ) -> Corpus:
        corpus = Corpus.resume(out or tmp_path / "run", {"network": "fake-1"})
        ingest(corpus, name_pages(find_scans(scans)), retry_failed=retry_failed)
        read_pages(corpus, (reader or FakeReader()).make, workers=workers)
        return corpus

    return build


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run of 4 tables in 3 editions and 2 pages without a table; and the label of each page."""
    folder = tmp_path_factory.mktemp("whole")
    labels = write_corpus(folder / "scans")
    corpus = Corpus.create(folder / "run", {"network": "fake-1"})
    ingest(corpus, name_pages(find_scans(folder / "scans")))
    read_pages(corpus, FakeReader().make)
    corpus.build_neighbours()
    corpus.cluster()
    return corpus, labels

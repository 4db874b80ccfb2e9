"""Everything that writes into a run, in one process: ``python -m processes.poor_disk FOLDER`` prints the remarks.

``FOLDER`` gets ``scans`` and the run ``run``; started with ``refusing_disk.c`` loaded before it, its disk refuses
some calls of the system.
"""

from __future__ import annotations

import shutil
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from corpus.fakes import FakeReader, write_corpus

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.export.formats import export_run
from tablesim.records.corrections import Correction
from tablesim.report.writing import write_report
from tablesim.review.review import Review
from tablesim.scans.web import Web
from tablesim.workflow import run
from tablesim.workflow.clustering import recluster


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def work(folder: Path) -> None:
    write_corpus(folder / "scans", 3, 2, 1)
    remarks: list[str] = []

    def tell(event: object) -> None:
        if event.kind == "remark":
            remarks.append(event.message)

    corpus = run(folder / "scans", folder / "run", network=FakeReader(), on_event=tell)
    number = corpus.reading("k0_e0").numbers[0]
    correct(corpus, [Correction("k0_e0", number.box, number.text, "77")], who="A. Reader")
    review = Review(corpus)
    review.answer(review.questions(3, None)[0], "accept", "A. Reader", "it is")
    assert len(Review(Corpus.open(folder / "run")).log.all()) == 1
    recluster(corpus, "auto")
    run(folder / "scans", folder / "run", network=FakeReader(), on_event=tell)
    corpus = Corpus.open(folder / "run")
    assert corpus.search("k0_e1")[0].page in ("k0_e0", "k0_e2")
    corpus.search_numbers("1 2")
    write_report(corpus)
    for form in ("csv", "xlsx"):
        export_run(corpus, form, ["k0_e0"], force=True)
    shutil.rmtree(folder / "run" / ".search")
    corpus.search("k0_e1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: _Quiet(*a, directory=str(folder / "scans")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert Web(folder / "cache").get(f"http://127.0.0.1:{server.server_port}/k0_e0.png", "a.png").stat().st_size
    server.shutdown()
    print("\n".join(dict.fromkeys(remarks)))


if __name__ == "__main__":
    work(Path(sys.argv[1]))

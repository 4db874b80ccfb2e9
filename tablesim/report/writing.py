"""Writes the report of a run: ``report/index.html``, a page for each pair in ``report/pairs/``, and their pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.report.content import report_content
from tablesim.report.pairpages import PairPage
from tablesim.report.presentation import environment

SHEETS = ("report.css", "report.js")
"""Files that every page of the report takes from ``assets/``."""


def write_report(corpus: Corpus, folder: str | Path | None = None) -> Path:
    """Write the static report of a run.

    What laying pages over each other said is kept in the run folder, with the list of tables over several pages.

    Parameters
    ----------
    corpus : Corpus
        The run; the scans are looked up where it says they are, for their pictures. A scan that has gone leaves a
        blank page in the report, with the matched figures at their places.
    folder : path, optional
        Where to write; ``report/`` in the run folder when left out. A report that is there is replaced.

    Returns
    -------
    Path
        The page to open: ``index.html``. It needs no server and no network.

    Raises
    ------
    RunError
        The run holds no pages yet, or the folder cannot be written to.
    """
    if not corpus.pages:
        raise RunError(f"{corpus.folder}: no page in this run yet; read some with `tablesim run SCANS --out RUN`")
    folder = corpus.folder / "report" if folder is None else Path(folder)
    try:
        return _write(corpus, folder)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(
            f"{folder}: the report cannot be written ({reason}); choose a folder you may write to"
        ) from error


def _write(corpus: Corpus, folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    templates, sources = environment(), files("tablesim.report") / "templates"
    for name in SHEETS:
        _replace(folder / "assets" / name, (sources / name).read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    today = f"{now.day} {now:%B %Y}"
    written = set()

    def write_pair(href: str, page: PairPage) -> None:
        text = templates.get_template("pair.html").render(
            page=page, root="../", title=corpus.folder.resolve().name, today=today
        )
        _replace(folder / href, text)
        written.add(folder / href)

    content, pictures = report_content(corpus, folder, today, write_pair)
    citation = (sources / "citation.bib").read_text(encoding="utf-8")
    text = templates.get_template("index.html").render(content=content, root="", citation=citation, today=today)
    _replace(folder / "index.html", text)
    pictures.sweep()
    for path in (folder / "pairs").glob("*.html"):
        if path not in written:
            path.unlink()
    return folder / "index.html"


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)

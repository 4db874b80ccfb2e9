"""Writes the report of a run: ``report/index.html``, a page for each pair in ``report/pairs/``, and their pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.report.content import report_content
from tablesim.report.pairpages import PairPage

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
    templates = files("tablesim.report") / "templates"
    for name in SHEETS:
        _replace(folder / "assets" / name, (templates / name).read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    today = f"{now.day} {now:%B %Y}"
    environment = _environment()
    written = set()

    def write_pair(href: str, page: PairPage) -> None:
        text = environment.get_template("pair.html").render(
            page=page, root="../", title=corpus.folder.resolve().name, today=today
        )
        _replace(folder / href, text)
        written.add(folder / href)

    content, pictures = report_content(corpus, folder, today, write_pair)
    citation = (templates / "citation.bib").read_text(encoding="utf-8")
    text = environment.get_template("index.html").render(content=content, root="", citation=citation, today=today)
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


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tablesim.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["figure"] = lambda value: f"{value:,}".replace(",", "\u202f")  # a thin space between thousands
    environment.filters["cut"] = _cut
    return environment


def _cut(value: float, decimals: int = 3) -> str:
    """A similarity with its last decimal cut, not rounded: 1.000 is said of equal proportions only."""
    scale = 10**decimals
    return f"{int(value * scale + 1e-9) / scale:.{decimals}f}"

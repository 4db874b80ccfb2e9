"""Writes the report of a run: ``report/index.html`` and its pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.report.content import gather


def write_report(corpus: Corpus, folder: str | Path | None = None) -> Path:
    """Write the static report of a run.

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
        folder.mkdir(parents=True, exist_ok=True)
        content, pictures = gather(corpus, folder)
        page = folder / "index.html"
        aside = folder / ".index.html.part"
        aside.write_text(_render(content), encoding="utf-8")
        aside.replace(page)
        pictures.sweep()
    except OSError as error:
        reason = error.strerror or error
        raise RunError(
            f"{folder}: the report cannot be written ({reason}); choose a folder you may write to"
        ) from error
    return page


def _render(content: object) -> str:
    environment = Environment(
        loader=PackageLoader("tablesim.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["figure"] = lambda value: f"{value:,}".replace(",", "\u202f")  # a thin space between thousands
    environment.filters["cut"] = _cut
    now = datetime.now(UTC)
    citation = (files("tablesim.report") / "templates" / "citation.bib").read_text(encoding="utf-8")
    template = environment.get_template("index.html")
    return template.render(content=content, citation=citation, today=f"{now.day} {now:%B %Y}")


def _cut(value: float, decimals: int = 3) -> str:
    """A similarity with its last decimal cut, not rounded: 1.000 is said of equal proportions only."""
    scale = 10**decimals
    return f"{int(value * scale + 1e-9) / scale:.{decimals}f}"

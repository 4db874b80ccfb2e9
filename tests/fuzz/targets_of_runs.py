"""What is fuzzed of a run: a file of it, and what every command that reads the run makes of it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from fuzz.targets import Parse, Prepare, Target


@cache
def built_run() -> Path:
    """A folder with a run and another beside it, made once in a process and those that are forked from it."""
    from workflow.damages import build

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build(folder)
    return folder


def _of_run(file: str) -> Prepare:
    """A file of a run: what every command that reads the run makes of it."""

    def prepare(folder: Path) -> tuple[Sequence[bytes], Parse]:
        from workflow.damages import RUN, first

        from tablesim.corpus.store import Corpus
        from tablesim.review.review import Review
        from tablesim.workflow.doctor import examine_run

        run = folder / "made"
        if not run.is_dir():
            shutil.copytree(built_run() / RUN, run)
        place = first(run, file)
        kept = folder / "seed"
        if not kept.is_file():
            kept.write_bytes(place.read_bytes())

        def parse(path: Path) -> None:
            shutil.copyfile(path, place)
            examine_run(run)
            corpus = Corpus.open(run)
            corpus.status()
            corpus.search("k0_e0")
            corpus.search_numbers("1 2")
            corpus.reading("k0_e0")
            corpus.neighbours("k0_e0")
            Review(corpus).questions(3, None)

        return [kept.read_bytes()], parse

    return prepare


OF_RUNS = {
    "run.json": Target(".json", _of_run("run.json"), names_file=False),
    "pages.parquet": Target(".parquet", _of_run("pages.parquet"), names_file=False),
    "readings": Target(".parquet", _of_run("readings/*.parquet"), names_file=False),
    "embeddings": Target(".parquet", _of_run("embeddings/*.parquet"), names_file=False),
    "neighbours": Target(".parquet", _of_run("neighbours.parquet"), names_file=False),
    "clusters": Target(".parquet", _of_run("clusters/auto.parquet"), names_file=False),
    "alignments": Target(".parquet", _of_run("alignments.parquet"), names_file=False),
    "corrections.csv": Target(".csv", _of_run("corrections.csv"), names_file=False),
    "table_decisions.csv": Target(".csv", _of_run("table_decisions.csv"), names_file=False),
    "events.jsonl": Target(".jsonl", _of_run("events.jsonl"), names_file=False),
    "problems.csv": Target(".csv", _of_run("problems.csv"), names_file=False),
    "verdicts": Target(".sqlite", _of_run("verdicts.sqlite"), names_file=False),
    "search-index": Target(".npy", _of_run(".search/*/rows.npy"), names_file=False),
    "number-index": Target(".npy", _of_run(".search/numbers/read/*/words.npy"), names_file=False),
}
"""Files of a run."""

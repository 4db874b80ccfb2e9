"""The lines of R that the documentation shows read what ``export`` writes, with R alone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.export.formats import export_run
from tablesim.workflow import run

PAGE = Path(__file__).parents[1] / "docs" / "tasks" / "run-as-data.md"


def test_r_reads_the_pages_and_numbers_of_a_run(tmp_path):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed here (Debian: r-base-core); continuous integration has it")
    write_corpus(tmp_path / "scans", 2, 2, 1)
    metadata = tmp_path / "metadata.csv"
    metadata.write_text("page_id,place,year\nk0_e0,Zürich,1515\nk0_e1,Paris,1540\nk1_e0,Paris,\n", encoding="utf-8")
    corpus = run(tmp_path / "scans", tmp_path / "demo", network=FakeReader(), metadata=metadata)
    export_run(corpus, "vikus", out=tmp_path / "demo/export/vikus")
    export_run(corpus, "csv", ["k0_e0", "k0_e1"], tmp_path / "demo/export/csv")
    script = re.findall(r"```r\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert "arrow" not in script
    (tmp_path / "read.R").write_text(f"{script}\ncat(nrow(pages), nrow(numbers), sum(pages$X_numbers), '\\n')")
    command = ["Rscript", "--vanilla", "read.R"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Paris" in done.stdout
    read = [corpus.reading(page) for page in ("k0_e0", "k0_e1")]
    total = sum(row["n_numbers"] for row in corpus.pages)
    assert done.stdout.splitlines()[-1].split() == [
        str(len(corpus.pages)),
        str(sum(len(reading.numbers) for reading in read)),
        str(total),
    ]

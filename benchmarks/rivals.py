"""Reading beside what a user would take instead: Tesseract and RapidOCR on the same transcribed pages.

    python benchmarks/rivals.py SCAN... --truth DIR [--rapidocr-python PATH] [--languages eng+lat] [--kept FILE]
        [--into README.md]

SCAN may be a folder. Prints a Markdown table: F1 of whole numbers with precision and recall, and CPU-seconds a page in
one process on one thread without loading a model. What each tool prints counts as it is, without tuning: Tesseract in
three page segmentation modes, of which the best on each page is shown (4 one column, 6 one block, 11 sparse text);
RapidOCR with the models of its package. Words are cut into runs of figures as a transcription is, and what stands with
the middle of its word in an ignore box of the transcription does not count, for no tool.

A rival that is not installed is named and left out. ``--kept FILE`` keeps what rivals printed, by the hash of the scan
and their versions, so that only ours is read again: the same command then takes seconds a page. ``--into FILE`` puts
the table between ``<!-- rivals -->`` and ``<!-- end of rivals -->`` in a file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tablesim.digits.evaluation.scores import ReadingScore, score_texts, total
from tablesim.digits.evaluation.transcription import find_truth, read_transcription
from tablesim.errors import TablesimError
from tablesim.reader import load_network
from tablesim.records.truth import Transcription
from tablesim.scans.sources import find_scans
from tablesim.version import __version__

MODES = (4, 6, 11)
"""Page segmentation modes of Tesseract that people take for tables; 3, the default, is mode 4 with orientation."""

MARKS = "<!-- rivals -->", "<!-- end of rivals -->"
"""Between these the table stands in a file."""

_NUMBER = re.compile(r"\d+(?:[.,·]\d+)*")

Word = tuple[str, float, float]
"""A text, and the middle of its box in source pixels."""


@dataclass(frozen=True)
class Printed:
    """The words or numbers that a tool printed on one page, and the CPU-seconds it took."""

    words: Sequence[Word]
    seconds: float

    @property
    def in_numbers(self) -> Printed:
        """The same with words cut into the digit strings in them."""
        return Printed([(number, x, y) for text, x, y in self.words for number in numbers_in(text)], self.seconds)

    def score(self, truth: Transcription) -> ReadingScore:
        """Numbers that were printed against those of the transcription."""
        return score_texts([text for text, x, y in self.words if not truth.ignores(x, y)], truth.numbers)


class Kept:
    """What rivals printed before, by tool with its version and by the hash of the scan; in a JSON file if there is one.

    A rival that is missing now is taken from here too, in the version in which it was there last.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.tools: dict[str, dict[str, Any]] = {}
        if path is not None and path.is_file():
            self.tools = json.loads(path.read_text(encoding="utf-8"))

    def version(self, tool: str, now: str | None) -> str | None:
        """The version that counts: the one installed, else the one whose pages are kept; None where there is none."""
        kept = self.tools.get(tool, {}).get("version")
        if now is not None and now != kept:
            self.tools[tool] = {"version": now, "pages": {}}
        return now or kept

    def pages(self, tool: str, scans: Sequence[Path], work: Callable[[list[Path]], Iterable[Printed]]) -> list[Printed]:
        """The numbers that a tool prints on each scan; what is not kept is worked for, and written down at once."""
        pages = self.tools[tool]["pages"]
        keys = [hashlib.sha256(scan.read_bytes()).hexdigest() for scan in scans]
        missing = [(key, scan) for key, scan in zip(keys, scans, strict=True) if key not in pages]
        for (key, _), printed in zip(missing, work([scan for _, scan in missing]) if missing else (), strict=True):
            pages[key] = {"seconds": round(printed.seconds, 3), "words": list(printed.words)}
            if self.path is not None:
                self.path.write_text(json.dumps(self.tools, ensure_ascii=False), encoding="utf-8")
        return [Printed(pages[key]["words"], pages[key]["seconds"]).in_numbers for key in keys]


def numbers_in(text: str) -> list[str]:
    """The digit strings in a text: runs of figures, with a point or comma between figures left out."""
    runs = _NUMBER.findall(unicodedata.normalize("NFKC", text))
    return ["".join(sign for sign in run if sign.isdecimal()) for run in runs]


def tesseract_version() -> str | None:
    """The version that is on this machine."""
    if shutil.which("tesseract") is None:
        return None
    return subprocess.run(["tesseract", "--version"], capture_output=True, text=True).stdout.split()[1]


def tesseract(mode: int, languages: str) -> Callable[[list[Path]], Iterable[Printed]]:
    """Runs Tesseract on scans, a process each as a user does."""

    def work(scans: list[Path]) -> Iterable[Printed]:
        for scan in scans:
            command = ["tesseract", str(scan), "-", "--psm", str(mode), "-l", languages, "tsv"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            ran = subprocess.run(command, capture_output=True, env={**os.environ, "OMP_THREAD_LIMIT": "1"})
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if ran.returncode:
                raise SystemExit(f"tesseract on {scan}: {ran.stderr.decode(errors='replace').strip()}")
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            rows = csv.DictReader(io.StringIO(ran.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
            yield Printed([_word(row) for row in rows if row["text"]], seconds)

    return work


def _word(row: dict[str, str]) -> Word:
    left, top, width, height = (float(row[name]) for name in ("left", "top", "width", "height"))
    return row["text"], left + width / 2, top + height / 2


def rapidocr_version(python: str) -> str | None:
    """The version that this Python has, with that of its runtime."""
    try:
        return str(json.loads(next(iter(_rapidocr(python, [])))).get("version"))
    except (OSError, StopIteration):
        return None


def rapidocr(python: str) -> Callable[[list[Path]], Iterable[Printed]]:
    """Runs RapidOCR on scans, in one process."""

    def work(scans: list[Path]) -> Iterable[Printed]:
        lines = iter(_rapidocr(python, scans))
        next(lines)
        for line in lines:
            page = json.loads(line)
            yield Printed(page["words"], page["seconds"])

    return work


def _rapidocr(python: str, scans: list[Path]) -> Iterable[str]:
    script = Path(__file__).with_name("rapidocr_words.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [python, str(script), *map(str, scans)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as ran:
        assert ran.stdout is not None
        yield from ran.stdout
    if ran.returncode and scans:
        raise SystemExit(f"{' '.join(command)}: ended with exit code {ran.returncode}; run it to see why")


def ours(scans: list[Path], weights: Path | None) -> Iterable[Printed]:
    """What the digit network reads."""
    network = load_network(weights) if weights else load_network()
    network.read(scans[0])  # the first pass of a process allocates and is slower
    for scan in scans:
        start = time.process_time()
        reading = network.read(scan)
        seconds = time.process_time() - start
        yield Printed([(number.digits_text, *number.box.centre) for number in reading.numbers], seconds)


def transcribed(sources: Sequence[Path], folder: Path) -> tuple[list[Path], list[Transcription]]:
    """The scans that somebody transcribed, and what is printed on each."""
    scans, truths = [], []
    for scan in (Path(str(found)) for source in sources for found in find_scans(source)):
        path = find_truth(folder, scan.stem)
        if path is not None and path.suffix == ".txt":
            scans.append(scan)
            truths.append(read_transcription(path))
    if not scans:
        raise SystemExit(f"no scan in {[str(source) for source in sources]} has a transcription (.txt) in {folder}")
    return scans, truths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path, metavar="SCAN")
    parser.add_argument("--truth", type=Path, required=True, help="folder of transcriptions")
    parser.add_argument("--rapidocr-python", default=sys.executable, help="a Python that has rapidocr")
    parser.add_argument("--languages", default="eng", help="language data for Tesseract")
    parser.add_argument("--kept", type=Path, help="JSON file that keeps what rivals printed")
    parser.add_argument("--into", type=Path, help="file with the two marks between which the table stands")
    parser.add_argument("--weights", type=Path, help="weights of ours, else the bundled ones")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        scans, truths = transcribed(options.sources, options.truth)
        table = {f"tablesim {__version__}": list(ours(scans, options.weights))}
    except TablesimError as error:
        raise SystemExit(str(error)) from error
    kept, missing = Kept(options.kept), []
    modes = {mode: f"tesseract -l {options.languages} --psm {mode}" for mode in MODES}
    of_modes = {}
    version = tesseract_version()
    for mode, tool in modes.items():
        if (counts := kept.version(tool, version)) is None:
            missing.append("tesseract (a package of most systems: tesseract-ocr)")
            break
        of_modes[mode] = kept.pages(tool, scans, tesseract(mode, options.languages))
        tesseract_name = f"Tesseract {counts} ({options.languages}), best of modes {', '.join(map(str, MODES))}"
    version = kept.version("rapidocr", rapidocr_version(options.rapidocr_python))
    if version is None:
        missing.append("rapidocr (`pip install rapidocr onnxruntime`, and its Python as --rapidocr-python)")
    else:
        table[f"RapidOCR {version}"] = kept.pages("rapidocr", scans, rapidocr(options.rapidocr_python))
    scores = {name: [p.score(t) for p, t in zip(pages, truths, strict=True)] for name, pages in table.items()}
    notes = {name: [""] * len(scans) for name in table}
    if of_modes:
        by_mode = {m: [p.score(t) for p, t in zip(pages, truths, strict=True)] for m, pages in of_modes.items()}
        best = [max(MODES, key=lambda mode: by_mode[mode][k].f1_numbers) for k in range(len(scans))]
        scores[tesseract_name] = [by_mode[mode][k] for k, mode in enumerate(best)]
        table[tesseract_name] = [of_modes[mode][k] for k, mode in enumerate(best)]
        notes[tesseract_name] = [f", mode {mode}" for mode in best]
    lines = markdown([scan.stem for scan in scans], table, scores, notes)
    lines += [f"\nNot installed, left out: {rival}" for rival in missing]
    print("\n".join(lines))
    if options.into is not None:
        put_between_marks(options.into, lines)


def put_between_marks(path: Path, lines: Iterable[str]) -> None:
    """Put lines in place of what stands between the two marks in a file."""
    before, first, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    _, last, after = rest.partition(MARKS[1])
    if not first or not last:
        raise SystemExit(f"{path}: expected {MARKS[0]} and {MARKS[1]}, between which the table is put")
    path.write_text("\n\n".join([before + first, "\n".join(lines), last + after]), encoding="utf-8")


def markdown(
    names: Sequence[str],
    table: dict[str, list[Printed]],
    scores: dict[str, list[ReadingScore]],
    notes: dict[str, list[str]],
) -> list[str]:
    """A row a page, a column a tool: F1 (precision, recall), seconds; the best F1 of a row in bold."""
    lines = ["| page | numbers | " + " | ".join(table) + " |", "|---|---|" + "---|" * len(table)]
    every = {tool: [*some, total(some)] for tool, some in scores.items()}
    for k, name in enumerate([*names, f"all {len(names)}"]):
        counts = {tool: some[k].numbers for tool, some in every.items()}
        best = max(count.f1 for count in counts.values())
        cells = []
        for tool, count in counts.items():
            seconds = [p.seconds for p in table[tool]]
            cost = seconds[k] if k < len(names) else sum(seconds) / len(seconds)
            note = notes[tool][k] if k < len(names) else ""
            f1 = f"**{count.f1:.3f}**" if count.f1 == best else f"{count.f1:.3f}"
            cells.append(f"{f1} ({count.precision:.3f}, {count.recall:.3f}) {cost:.1f} s{note}")
        printed = next(iter(counts.values()))
        lines.append(f"| {name} | {printed.hits + printed.missed} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()

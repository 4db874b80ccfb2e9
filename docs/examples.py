"""Run what the documentation shows: commands of ``console`` blocks with what they print, and Python, page by page.

    python docs/examples.py [--demo RUN] [--write] [PAGE...]

What a block of Python prints is shown where a block ``text title="prints"`` follows it.

Each page is run in a folder of its own, which holds `data/` and, as `make demo` leaves it, the run `demo/`. Without
--write, what is printed must have the words that the page shows (figures may differ between machines); with it, the
pages are written anew. A block of Python after a line ``<!-- not run: WHY -->`` is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PRINTS = '```text title="prints"'
BLOCK = re.compile(
    rf"(<!-- not run: [^>]+ -->\n)?^```(console|python)\n(.*?)^```(\n\n{PRINTS}\n.*?^```)?", re.MULTILINE | re.DOTALL
)
ELSEWHERE = ("bilrp/", "architecture.md")
"""Pages whose code other tests run, or that have none."""

LONGEST = 14
"""Lines of what a command prints that are shown."""


def pages() -> list[Path]:
    """The pages that have something to run."""
    names = {page: page.relative_to(DOCS).as_posix() for page in sorted(DOCS.rglob("*.md"))}
    return [page for page, name in names.items() if not name.startswith(ELSEWHERE) and BLOCK.search(page.read_text())]


def command_output(line: str) -> str:
    """What a command of ours prints; ends with an error where its exit code is not 0."""
    from typer.testing import CliRunner

    from tablesim.cli import app

    words = shlex.split(line)
    result = CliRunner().invoke(app, words[1:], env={"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"})
    if result.exit_code != 0:
        raise RuntimeError(f"$ {line}\n{result.output}\n{result.exception!r}")
    shown = re.sub(r"\S*/(?=data/sample\b)", "", result.stdout)  # where the sample lies on this machine
    return shortened(shown)


def shortened(shown: str) -> str:
    """The first lines of what was printed."""
    lines = [each.rstrip() for each in shown.strip("\n").splitlines()]
    return "\n".join([*lines[:LONGEST], "..."] if len(lines) > LONGEST else lines)


def console(text: str) -> str:
    """A block with what its commands print now."""
    parts = []
    for line in re.findall(r"^\$ (.*)$", text, flags=re.MULTILINE):
        if not line.startswith("tablesim "):
            raise RuntimeError(f"{line}: only commands of tablesim are run")
        parts += [f"$ {line}", command_output(line)]
    return "\n".join(part for part in parts if part) + "\n"


def run_page(page: Path) -> str:
    """The page as it would be written now; its code is run on the way, in the folder where we are."""
    names: dict[str, object] = {}

    def run(found: re.Match[str]) -> str:
        left_out, kind, text = found[1] or "", found[2], found[3]
        if kind == "console":
            return f"{left_out}```console\n{console(text)}```"
        if left_out:
            return found[0]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(text, page.name, "exec"), names)
        shown = f"\n\n{PRINTS}\n{shortened(printed.getvalue())}\n```" if found[4] else ""
        return f"```python\n{text}```{shown}"

    return BLOCK.sub(run, page.read_text(encoding="utf-8"))


def words_of(text: str) -> list[str]:
    """The words without figures, which differ a little between processors."""
    return re.findall(r"[A-Za-z]{3,}", text)


def main() -> int:
    """Run the pages; the exit code says whether they show what happens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, help="a run of the sample corpus; made if it is not given")
    parser.add_argument("--write", action="store_true", help="write what is printed into the pages")
    parser.add_argument("pages", nargs="*", type=Path)
    given = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder, "made")
        if given.demo:
            shutil.copytree(given.demo, demo)
        else:
            import tablesim

            tablesim.demo(demo)
        for page in given.pages or pages():
            place = Path(folder, "place")
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(demo, place / "demo")
            (place / "data").symlink_to(DOCS.parent / "data", target_is_directory=True)
            os.chdir(place)
            page = page if page.is_absolute() else DOCS.parent / page
            text = run_page(page)
            if given.write:
                page.write_text(text, encoding="utf-8")
            elif words_of(text) != words_of(page.read_text(encoding="utf-8")):
                wrong += 1
                print(f"{page.relative_to(DOCS)}: shows something else than what is printed; run it with --write")
            print(f"{page.relative_to(DOCS)}: run", flush=True)
        os.chdir(DOCS)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

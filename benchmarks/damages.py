"""Each kind of damage to a run: what the doctor and the commands say of it, and whether the run comes back as it was.

    python benchmarks/damages.py [WORDS...]

Only the kinds whose names hold one of the words, if any are given. Prints a line a kind and ends with 1 where one of
them crashed, was not told, or was not made again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from corpus.fakes import FakeReader
from typer.testing import CliRunner
from workflow.damages import DAMAGES, HARMLESS, REMADE, RUN, SCANS, Damage, build, copy, promised

from tablesim.cli import app
from tablesim.errors import TablesimError
from tablesim.workflow import run

COMMANDS = (
    ("status",),
    ("search", "k0_e0"),
    ("search", "--numbers", "1 2"),
    ("review", "--list"),
)


def said(*words: str) -> tuple[int, str]:
    """Exit code and words of a command; an error that is no line on stderr is raised."""
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def again(folder: Path, scans: Path) -> str:
    """Give the same run again; what it says where it does not go."""
    try:
        run(scans, folder / RUN, network=FakeReader())
    except TablesimError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return ""


def examine(damage: Damage, folder: Path, scans: Path) -> list[str]:
    """What is wrong with what becomes of a damage."""
    wrong = []
    before = promised(folder / RUN)
    path = damage(folder)
    place = str(folder / RUN)
    code, doctor = said("doctor", place)
    answers = [said(command, place, *rest) for command, *rest in COMMANDS]
    if damage.outcome == HARMLESS:
        wrong += ["the doctor complains: " + doctor] if code else []
        wrong += [f"{COMMANDS[at][0]} fails: {text}" for at, (code, text) in enumerate(answers) if code]
    elif path.name not in doctor and path.parent.name not in doctor:
        wrong.append(f"not named: {doctor}")
    if damage.outcome == REMADE:
        said("doctor", place, "--repair")
        if refused := again(folder, scans):
            wrong.append(f"not mended: {refused}")
        now = promised(folder / RUN)
        if different := sorted(name for name in {*now, *before} if now.get(name) != before.get(name)):
            wrong.append(f"different: {', '.join(different)}")
        wrong += [f"still: {left}" for code, left in [said("doctor", place)] if code]
    else:
        again(folder, scans)
    print(f"{damage.outcome:9} {damage.name:45} {doctor.replace(str(folder), '')[:200]}", flush=True)
    return wrong


def main() -> None:
    words = sys.argv[1:]
    chosen = [damage for damage in DAMAGES if not words or any(word in damage.name for word in words)]
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary) / "base"
        build(base)
        for number, damage in enumerate(chosen):
            folder = copy(base, Path(temporary) / str(number))
            try:
                wrong = examine(damage, folder, base / SCANS)
            except Exception as error:
                wrong = [f"{type(error).__name__}: {error}"]
            for what in wrong:
                print(f"    WRONG {damage.name}: {what.replace(str(folder), '')[:400]}", flush=True)
            bad += bool(wrong)
            shutil.rmtree(folder)
    print(f"{len(chosen) - bad} of {len(chosen)} kinds of damage as they are to be")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()

"""What a stranger does with an installed tablesim, away from any checkout: run by the Python of its environment.

    cd EMPTY_FOLDER && PYTHON path/to/smoke.py

Version, completion, demo, a reading, and for each extra that is not installed the line that names it. Prints what it
did; ends with exit code 1 at the first thing that is not as documented. Needs nothing but the package itself.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path

HERE = Path.cwd()
CHECKOUT = Path(__file__).resolve().parents[1]
DEMO = HERE / "demo"

NEEDS = {
    "pandas": ("pandas", ["-c", "import tablesim; tablesim.Corpus.open('demo').to_frame()"]),
    "scans": ("pypdfium2", ["-m", "tablesim", "read", "one.pdf"]),
    "xlsx": ("openpyxl", ["-m", "tablesim", "read", "{scan}", "--xlsx", "--out", "books"]),
    "dask": ("distributed", ["-m", "tablesim", "run", "{scan}", "--out", "far", "--scheduler", "tcp://127.0.0.1:1"]),
    "view": ("starlette", ["-m", "tablesim", "view", "demo"]),
}
"""By extra, a module of it, and a call that needs it; a run as small as the demo is searched without faiss."""


def called(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Call this Python from here; stop where the exit code is another one."""
    done = subprocess.run([sys.executable, "-P", *words], capture_output=True, text=True, check=False)
    if done.returncode != code:
        sys.exit(f"{words}: exit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}")
    return done


def demand(holds: bool, what: str) -> None:
    """Stop where something is not as documented."""
    if not holds:
        sys.exit(f"not as documented: {what}")


def megabytes(name: str) -> float:
    """How much an installed distribution holds on the disk."""
    files = distribution(name).files or []
    return sum(Path(file.locate()).stat().st_size for file in files if Path(file.locate()).is_file()) / 1e6


def main() -> None:
    """Do it all."""
    import tablesim

    home = Path(tablesim.__file__).resolve().parent
    demand(CHECKOUT not in home.parents, f"tablesim was imported from the checkout: {home}")
    print(f"Python {platform.python_version()}, torch {version('torch')}, numpy {version('numpy')}", flush=True)
    print(f"installed: tablesim {megabytes('tablesim'):.0f} MB, torch {megabytes('torch'):.0f} MB", flush=True)
    demand(called("-m", "tablesim", "--version").stdout.strip() == f"tablesim {version('tablesim')}", "--version")
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run(
            [Path(sys.executable).with_name("tablesim")],
            env={**os.environ, "_TABLESIM_COMPLETE": f"source_{shell}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        demand("_TABLESIM_COMPLETE" in script, f"completion for {shell}")
    answer = json.loads(called("-m", "tablesim", "demo", "--out", "demo", "--json").stdout)
    demand(answer["adjusted_rand"] == answer["precision_at_1"] == 1.0, "the demo groups its pages rightly")
    demand((DEMO / "report" / "index.html").stat().st_size > 10_000, "the demo writes a report")
    print(f"demo: {answer['read']} pages, as labelled; report {answer['report']}", flush=True)
    scan = home / "data" / "sample" / "scans" / "1006_tectander_1576_p91.jpg"
    (reading,) = json.loads(called("-m", "tablesim", "read", str(scan), "--json").stdout)
    demand(len(reading["numbers"]) > 20, "a scan is read")
    Path("one.pdf").write_bytes(b"%PDF-1.4\n")
    for extra, (module, words) in NEEDS.items():
        if importlib.util.find_spec(module) is not None:
            print(f"extra {extra}: installed")
            continue
        last = called(*(word.format(scan=scan, page=scan.stem) for word in words), code=1).stderr.strip().splitlines()
        demand(f"tablesim[{extra}]" in last[-1], f"what is said without the extra {extra}: {last}")
        demand(
            words[0] == "-c" or not any("Traceback" in line for line in last), f"no traceback without {extra}: {last}"
        )
        print(f"extra {extra}: {last[-1]}")


if __name__ == "__main__":
    main()

"""Pages of the site that are made from the code and from files at the root, when mkdocs builds it; equations as MathML.

`--help` gives the reference of commands, the tables of public names that of Python (mkdocstrings writes the docstrings
out), the model card and the files of the project come as they are, with their links turned.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
SHIM = "https://unpkg.com/iframe-worker/shim"
"""What the theme loads from elsewhere, so that search works from the disk; we have it here."""

EQUATION = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^$\n]+?)\$(?![\w$])", re.DOTALL)

COPIES = {
    "reference/model-card.md": ("tablesim/digits/weights/CARD.md", (("../../../docs/", "../"),)),
    "project/security.md": ("SECURITY.md", (("docs/", "../"),)),
    "project/contributing.md": ("CONTRIBUTING.md", (("docs/", "../"), ("CODE_OF_CONDUCT.md", "conduct.md"))),
    "project/conduct.md": ("CODE_OF_CONDUCT.md", ()),
    "project/releases.md": ("release/README.md", ()),
    "project/changes.md": ("CHANGELOG.md", ()),
}
"""Page of the site, the file it is, and what its links begin with there and here."""


def command_page() -> str:
    """Every command with its help, as the terminal shows it."""
    from typer.testing import CliRunner

    from tablesim.cli import COMMANDS, app

    wide = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    parts = [
        "# Commands\n",
        "What `tablesim COMMAND --help` says. Every command takes `--json` where that makes sense, prints errors as",
        "one line on the error output with what to do, and ends with 0 (done), 1 (failed) or 2 (wrong use). `--debug`",
        "anywhere in the line shows the traceback. `tablesim --install-completion` completes commands and options.\n",
    ]
    for name, summary in COMMANDS.items():
        text = CliRunner().invoke(app, [name, "--help"], env=wide).output.strip()
        parts += [f"## tablesim {name}\n", f"{summary}\n", f"```text\n{text}\n```\n"]
    return "\n".join(parts)


def python_page() -> str:
    """Every public name of tablesim."""
    import tablesim

    own = [
        "# Python: `tablesim`\n",
        "Every public name, in the order of the alphabet; `import tablesim` gives all of them and costs nothing: each",
        "is loaded when it is first asked for. Errors inherit from `TablesimError` and from the built-in exception",
        "that one would expect.\n",
    ]
    names = {name: module for name, module in tablesim._PUBLIC.items() if not name.startswith("__")}
    return "\n".join([*own, *(f"::: {module}.{name}\n" for name, module in sorted(names.items(), key=_by_letter))])


def bilrp_page() -> str:
    """Every public name of bilrp."""
    import bilrp

    parts = [
        "# Python: `bilrp`\n",
        "Needs torch and numpy alone. Every public name, in the order of the alphabet.\n",
    ]
    for name in sorted(bilrp.__all__, key=str.lower):
        value = getattr(bilrp, name)
        if inspect.ismodule(value):
            parts.append(f"::: {value.__name__}\n    options:\n      show_root_full_path: true\n")
        else:  # a constant knows no module of its own: it stands where its name says
            home = getattr(value, "__module__", None) or "bilrp.composites.composite"
            parts.append(f"::: {home}.{name}\n")
    return "\n".join(parts)


def _by_letter(item: tuple[str, str]) -> str:
    return item[0].lower()


def copied(file: str, links: tuple[tuple[str, str], ...]) -> str:
    """A file of the repository as a page: the beginnings of its links are turned."""
    text = (ROOT / file).read_text(encoding="utf-8")
    for there, here in links:
        text = text.replace(f"]({there}", f"]({here}")
    return text


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    made = {
        "reference/commands.md": command_page(),
        "reference/python.md": python_page(),
        "reference/bilrp.md": bilrp_page(),
        **{page: copied(file, links) for page, (file, links) in COPIES.items()},
    }
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """TeX between dollars becomes MathML, which browsers set themselves: no script, no font from elsewhere."""
    if not page.file.src_uri.startswith("explanation/"):
        return markdown
    from latex2mathml.converter import convert

    return EQUATION.sub(
        lambda found: convert((found[1] or found[2]).strip(), display="block" if found[1] else "inline"), markdown
    )


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Nothing is loaded from elsewhere."""
    return output.replace(SHIM, "../" * page.file.dest_uri.count("/") + "assets/iframe-worker.js")

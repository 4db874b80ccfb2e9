"""The command line: thin commands over the Python API, one file each, loaded when they are called."""

from __future__ import annotations

import importlib
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from tablesim.errors import TablesimError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("tablesim.cli.demo:command", "The main job on the bundled sample corpus."),
    "run": ("tablesim.cli.run:command", "From a folder of scans to neighbours, clusters and a report."),
    "read": ("tablesim.cli.read:command", "The digits and numbers of scans."),
    "compare": ("tablesim.cli.compare:command", "How alike two pages are, and which figures make them so."),
    "collate": ("tablesim.cli.collate:command", "Witnesses of a table cell by cell: what agrees, what differs."),
    "search": ("tablesim.cli.search:command", "Pages like a page, or with typed numbers on them."),
    "cluster": ("tablesim.cli.cluster:command", "Cluster the pages of a run again."),
    "review": ("tablesim.cli.review:command", "What deserves a look, and what people decide."),
    "history": ("tablesim.cli.history:command", "How varied the tables are over years or places."),
    "correct": ("tablesim.cli.correct:command", "Take corrected readings into a run."),
    "report": ("tablesim.cli.report:command", "Write the report of a run again."),
    "export": ("tablesim.cli.export:command", "Pages, matches and collations for other tools."),
    "status": ("tablesim.cli.status:command", "Where a run stands."),
    "evaluate": ("tablesim.cli.evaluate:command", "Readings against transcriptions, clusters against labels."),
    "train": ("tablesim.cli.train:command", "Train the digit network."),
    "synthesize": ("tablesim.cli.synthesize:command", "Synthetic pages of historical tables with their truth."),
}
"""Name of each command, where its function is, and what it does."""


class LazyGroup(TyperGroup):
    """Loads a command's module when the command is called, and turns expected errors into one line each."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        where, summary = COMMANDS[cmd_name]
        return _command(cmd_name, _nothing, summary) if self._listing else _command(cmd_name, _function(where))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        # The list of commands needs their one line each, not torch.
        self._listing = True
        try:
            super().format_commands(ctx, formatter)
        finally:
            self._listing = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # --debug is for the moment when something went wrong: it may stand anywhere on the line that is repeated.
        own, rest = (args[: args.index("--")], args[args.index("--") :]) if "--" in args else (args, [])
        ctx.meta["tablesim.debug"] = "--debug" in own
        return super().parse_args(ctx, [*(word for word in own if word != "--debug"), *rest])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (TablesimError, OSError) as error:
            if ctx.meta["tablesim.debug"]:
                traceback.print_exc()
            typer.echo(f"tablesim: {one_line(error)}", err=True)
            raise typer.Exit(1) from error


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, OSError) and not isinstance(error, TablesimError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; check the disk's space and your rights to it"
    return " ".join(str(error).split())


def _function(where: str) -> Any:
    module, name = where.split(":")
    return getattr(importlib.import_module(module), name)


def _command(name: str, function: Any, summary: str | None = None) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name=name, help=summary)(function)
    return typer.main.get_command(single)


def _nothing() -> None:
    """Stands for a command in the list of commands."""


app = typer.Typer(
    cls=LazyGroup, name="tablesim", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
        from tablesim.version import __version__

        typer.echo(f"tablesim {__version__}")
        raise typer.Exit


@app.callback()
def _tablesim(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error; may stand anywhere."),
) -> None:
    """Find which scanned numerical tables are the same table, and see why, down to the glyph.

    Every command says more, with an example: tablesim run --help
    """


def main() -> None:
    """What the installed ``tablesim`` calls."""
    app(prog_name="tablesim")


if __name__ == "__main__":
    main()

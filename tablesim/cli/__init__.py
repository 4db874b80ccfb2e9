"""The command line: each command parses, calls the library and prints; one file each, loaded when it is called."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from tablesim.cli.config import NAME, checked_options, config_path, config_words, read_config
from tablesim.cli.stopping import told_when_stopped
from tablesim.cli.terminal import plain_terminal
from tablesim.errors import TablesimError, remedy_of, shown

COMMANDS = {
    "demo": "The main job on the bundled sample corpus.",
    "run": "From a folder of scans to neighbours, clusters and a report.",
    "read": "The digits and numbers of scans.",
    "compare": "How alike two pages are, and which digits make them so.",
    "collate": "Witnesses of a table cell by cell: what agrees, what differs.",
    "search": "Pages like a page, or with typed numbers on them.",
    "cluster": "Cluster the pages of a run again.",
    "review": "What deserves a look, and what people decide.",
    "history": "How varied the tables are over years or places.",
    "correct": "Take corrected readings into a run.",
    "report": "Write the report of a run again.",
    "export": "Pages, matches and collations for other tools.",
    "view": "A run in the browser: look, correct, decide.",
    "status": "Where a run stands.",
    "doctor": "What is wrong in a run folder, and what to do about it.",
    "evaluate": "Readings against transcriptions, clusters against labels.",
    "train": "Train the digit network.",
    "synthesize": "Synthetic pages of historical tables with their truth.",
}
"""Name of each command, which is that of its module too, and what it does."""


UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What click raises for wrong use; typer brings its own click from some version on."""


class LazyGroup(TyperGroup):
    """Loads a command's module when the command is called, and turns expected errors into one line each."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the table, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        if self._listing:
            return _command(cmd_name, lambda: None, COMMANDS[cmd_name])
        return _command(cmd_name, function_of(cmd_name))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, which needs their one line each, and not torch."""
        with self._names_alone():
            super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete the name of a command without loading all of them."""
        with self._names_alone():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _names_alone(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called; a wrong name is told with the nearest right one."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command {args[0]!r}" + (f"; did you mean {near[0]}?" if near else ""))
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _take_defaults(ctx, command)
        return name, command, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --debug out of the whole line: it is for the moment when something went wrong, and is added anywhere."""
        own, rest = (args[: args.index("--")], args[args.index("--") :]) if "--" in args else (args, [])
        ctx.meta["tablesim.debug"] = "--debug" in own
        return super().parse_args(ctx, [*(word for word in own if word != "--debug"), *rest])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; one line on stderr for what goes wrong, exit code 1, or 2 for wrong use."""
        try:
            with plain_terminal(), told_when_stopped(lambda: ctx.invoked_subcommand or ""):
                return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (TablesimError, OSError, UsageError) as error:
            if ctx.meta["tablesim.debug"]:
                traceback.print_exc()
            typer.echo(shown(f"tablesim: {one_line(error)}"), err=True)
            raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error


def _take_defaults(ctx: Any, command: Any) -> None:
    """Give a command that is called the defaults of its options that a file has, and say which."""
    path = config_path(ctx.params.get("config"))
    if path is None or not (table := read_config(path, COMMANDS).get(command.name)):
        return
    options = {parameter.name for parameter in command.params if parameter.param_type_name == "option"}
    ctx.default_map = {command.name: checked_options(path, command.name, table, options)}
    typer.echo(shown(config_words(path, command.name, table)), err=True)


def one_line(error: Exception) -> str:
    """What an error says and what to do about it, in one line."""
    if isinstance(error, UsageError):
        called = getattr(getattr(error, "ctx", None), "command_path", "") or "tablesim"
        message = error.format_message().removeprefix("Invalid value: ").rstrip(".")  # type: ignore[attr-defined]
        return f"{' '.join(message.split())}; see {called} --help"
    if isinstance(error, OSError) and not isinstance(error, TablesimError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; {remedy_of(error)}"
    return " ".join(str(error).split())


def function_of(name: str) -> Any:
    """The function of a command; loads its module."""
    return importlib.import_module(f"tablesim.cli.{name}").command


_HELP = {"help_option_names": ["-h", "--help"]}


def _command(name: str, function: Any, summary: str | None = None) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name=name, help=summary, context_settings=_HELP)(function)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup,
    name="tablesim",
    context_settings=_HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
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
    config: Path | None = typer.Option(
        None, "--config", metavar="FILE", help=f"Defaults of options (TOML); {NAME} here unless given."
    ),
) -> None:
    """Find which scanned numerical tables are the same table, and see why, down to the glyph.

    Every command says more, with an example: tablesim run --help
    """


def main() -> None:
    """What the installed ``tablesim`` calls."""
    app(prog_name="tablesim")


if __name__ == "__main__":
    main()

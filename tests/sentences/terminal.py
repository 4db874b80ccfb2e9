"""Runs a command and gives the lines that it prints, those on stderr among them."""

from __future__ import annotations

from typer.testing import CliRunner

from tablesim.cli import app


def lines_of(*arguments: object) -> list[str]:
    """What a command prints, line by line, with its remarks."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    return [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]

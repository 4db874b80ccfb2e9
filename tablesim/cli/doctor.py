"""``tablesim doctor``: what is wrong in a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import note, print_json


def command(
    context: typer.Context,
    run: Run,
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove damaged files that `tablesim run` makes anew, and no others.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every file of a run, verify its checksums, and say what is wrong and what to do about it.

    The exit code is 1 where something is wrong that was not repaired.

    Example: tablesim doctor myrun
    """
    from tablesim.cli import COMMANDS
    from tablesim.cli.config import config_path, config_words, read_config
    from tablesim.workflow.doctor import examine_run, said_by_people

    findings = examine_run(run, repair=repair)
    by_people = said_by_people(run)
    path = config_path((context.parent.params if context.parent else {}).get("config"))
    config = read_config(path, COMMANDS) if path is not None else {}
    if as_json:
        print_json(
            {
                "run": str(run),
                "findings": [finding.to_dict() for finding in findings],
                "said_by_people": by_people,
                "config": {"file": None if path is None else str(path), "defaults": config},
            }
        )
    else:
        for finding in findings:
            remedy = "removed; give the same `tablesim run` again" if finding.repaired else finding.remedy
            typer.echo(f"{finding.where}: {finding.what}; {remedy}")
        if not findings:
            typer.echo("nothing is wrong")
        for sentence in by_people:
            note(sentence)
        for name, table in config.items():
            note(config_words(path or Path(), name, table))
    if not all(finding.repaired for finding in findings):
        raise typer.Exit(1)

"""``tablesim collate``: two witnesses of a table or more, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tablesim.cli.options import Json, Weights
from tablesim.cli.output import print_json, print_table

if TYPE_CHECKING:
    from tablesim.evidence.collation import Collation

N_PRINTED = 60
"""Differences that are printed as text; --json and --csv give every place."""


def command(
    witnesses: Annotated[
        list[str],
        typer.Argument(metavar="WITNESS", help="Scans; one witness on several pages is A1+A2+A3.", show_default=False),
    ],
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout: a line a place, with all witnesses.")] = False,
    weights: Weights = None,
) -> None:
    """Collate witnesses of a table: which rows and columns belong together, where they agree and where they differ.

    A difference that a doubtful figure of the reading could explain is marked with a question mark.

    Example: tablesim collate 1585.jpg 1604_p1.jpg+1604_p2.jpg
    """
    if len(witnesses) < 2:
        raise typer.BadParameter("give two witnesses or more")
    if as_json and as_csv:
        raise typer.BadParameter("give either --json or --csv")
    from tablesim.evidence.collation import collate
    from tablesim.reader import load_network

    collation = collate(*map(pages_of, witnesses), network=load_network(weights))
    if as_json:
        print_json(collation.to_dict())
    elif as_csv:
        typer.echo(collation.to_csv(), nl=False)
    else:
        show(collation)


def pages_of(witness: str) -> list[Path]:
    """The pages of ``A1+A2+A3``; a file whose name has a plus is one page."""
    if "+" not in witness or Path(witness).exists():
        return [Path(witness)]
    return [Path(part) for part in witness.split("+") if part]


def show(collation: Collation) -> None:
    """Say it in words: the sigla, how much agrees, and every difference."""
    for siglum, witness in zip(collation.sigla, collation.witnesses, strict=True):
        typer.echo(f"{siglum}  {witness.name}, {len(witness.numbers)} numbers")
    told = [f"{count} {state}" for state, count in collation.summary.items() if count]
    typer.echo(f"{len(collation.cells)} places in common: {', '.join(told)}" if told else "no place in common")
    if any(collation.transposed):
        turned = [s for s, flag in zip(collation.sigla, collation.transposed, strict=True) if flag]
        typer.echo(f"rows stand for columns in {', '.join(turned)}")
    for line in collation.unaligned:
        if line.kind == "column":
            typer.echo(f"column {line.index} stands in {collation.sigla[line.witness]} alone")
    rows = sum(line.kind == "row" for line in collation.unaligned)
    if rows:
        typer.echo(f"{rows} rows stand in one witness alone")
    differences = collation.differences
    if not differences:
        return
    typer.echo(f"differences, {sum(cell.doubtful for cell in differences)} of {len(differences)} doubtful (?):")
    table = [
        (*_place(collation, cell.row, cell.column), "?" if cell.doubtful else "", *(text or "-" for text in cell.texts))
        for cell in differences[:N_PRINTED]
    ]
    print_table(("row", "column", "", *collation.sigla), table)
    if len(differences) > N_PRINTED:
        typer.echo(f"and {len(differences) - N_PRINTED} more: --json or --csv gives them all")


def _place(collation: Collation, row: int, column: int) -> tuple[str, str]:
    """Row and column as the first witness that has them counts."""
    lines = collation.rows[row], collation.columns[column]
    named = []
    for line in lines:
        at = next(w for w, number in enumerate(line) if number is not None)
        named.append(f"{collation.sigla[at]}{line[at]}")
    return named[0], named[1]

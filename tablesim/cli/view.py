"""``tablesim view``: the workbench of a run in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from tablesim.cli.options import PageLanguage, Run


def command(
    run: Run,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Where it answers; a free port unless given.")
    ] = None,
    share: Annotated[
        bool,
        typer.Option("--share", help="Answer the network too, for reading only; whoever has the address can read."),
    ] = False,
    language: Annotated[
        PageLanguage | None,
        typer.Option("--language", help="Language of its pages until another is chosen; the browser's unless given."),
    ] = None,
) -> None:
    """Look at a run, correct it and decide in the browser: pages, clusters, pairs, collations, questions.

    Prints the address to open. Without --share only this machine is answered, and only with the token in that address.
    What is corrected and decided is written at once into the run, as `tablesim correct` and `tablesim review` do.
    Ctrl-C ends it.

    Example: tablesim view myrun
    """
    from tablesim.web.server import serve

    def told(address: str) -> None:
        typer.echo(f"open {address} (Ctrl-C ends it)")

    serve(run, port, share=share, on_address=told, language=language or "")

"""``tablesim review``: what deserves a look, and what people decide."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus
    from tablesim.review.questions import Question

KEYS = {"a": "accept", "r": "reject", "u": "unsure", "m": "merge", "s": "split"}


def _file(name: str, words: str) -> Any:
    return typer.Option(name, metavar="CSV", help=words, show_default=False)


def command(
    run: Run,
    who: Annotated[
        str | None, typer.Option("--who", metavar="NAME", help="Who decides; your login unless given.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many questions at most.")] = 20,
    audit: Annotated[
        int | None,
        typer.Option("--audit", metavar="N", min=1, help="N memberships at random instead.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the random sample.")] = 0,
    list_only: Annotated[bool, typer.Option("--list", help="List the questions, do not ask.")] = False,
    out: Annotated[Path | None, _file("--out", "Write the questions to fill in.")] = None,
    decisions: Annotated[Path | None, _file("--in", "Take the decisions that were filled in.")] = None,
    log: Annotated[Path | None, _file("--log", "Write all verdicts.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="With --log: what held then.", show_default=False)
    ] = None,
    readers: Annotated[
        tuple[str, str] | None,
        typer.Option("--agreement", metavar="NAME NAME", help="How two readers agree.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what deserves a look in a run and take decisions, one by one or as CSV.

    On a terminal each question is asked: accept, reject, unsure, merge (the clusters of both pages are one table),
    split (their cluster holds two), or skip. Elsewhere, and with --list, the questions are listed, the doubtful and
    influential ones first. Every decision is kept in RUN/verdicts.sqlite with the time, the name, the reason and what
    was shown; nothing is overwritten. The next `tablesim cluster RUN` keeps to the decisions.

    --audit N draws memberships at random; when they are answered it prints the precision of the clusters.

    Example: tablesim review myrun --out questions.csv
    """
    from tablesim.corpus.store import Corpus
    from tablesim.review import csv_files as exchange
    from tablesim.review.constraints import agreement
    from tablesim.review.questions import audit_sample, questions

    corpus = Corpus.open(run)
    verdicts = exchange.log_of(corpus)
    if decisions is not None:
        written = exchange.record(corpus, exchange.read_decisions(decisions, corpus, who or ""))
        _say({"taken": len(written)}, as_json)
        return
    if log is not None:
        found = verdicts.all() if as_of is None else verdicts.state(as_of)
        exchange.write_verdicts(log, found)
        _say({"verdicts": len(found)}, as_json)
        return
    if readers is not None:
        _say(agreement(verdicts.all(), *readers).to_dict(), as_json)
        return
    asked = questions(corpus, who=who, top=top) if audit is None else audit_sample(corpus, audit, seed)
    if out is not None:
        exchange.write_questions(out, asked)
        note(f"{len(asked)} questions written; fill in the column decision, then: tablesim review {run} --in {out}")
    elif not list_only and not as_json and sys.stdin.isatty():
        _ask(corpus, _open(corpus, asked), who or getpass.getuser())
    elif audit is None:
        _list(asked, as_json)
    if audit is not None and out is None:
        _precision(corpus, asked, as_json)


def _open(corpus: Corpus, asked: Sequence[Question]) -> list[Question]:
    """The questions without those of an audit sample that are answered already."""
    from tablesim.review.csv_files import log_of

    done = {(verdict.pair, verdict.audit) for verdict in log_of(corpus).all() if verdict.audit}
    return [question for question in asked if (question.pair, question.audit) not in done]


def _ask(corpus: Corpus, asked: Sequence[Question], who: str) -> None:
    """Ask one question after the other; each answer is kept at once."""
    from tablesim.review.csv_files import record
    from tablesim.review.describe import described

    if not asked:
        typer.echo("nothing is left to look at")
    for number, question in enumerate(asked, 1):
        typer.echo(f"\n{number} of {len(asked)}. " + "\n".join(described(corpus, question)))
        while True:
            words = "[a]ccept [r]eject [u]nsure [m]erge [s]plit, Enter to skip, [q]uit"
            key = typer.prompt(words, default="", show_default=False).strip().lower()[:1]
            if key in ("", "q") or key in KEYS:
                break
        if key == "q":
            return
        if key:
            reason = typer.prompt("why (Enter for no reason)", default="", show_default=False)
            record(corpus, [question.answered(KEYS[key], who, reason)])


def _list(asked: Sequence[Question], as_json: bool) -> None:
    if as_json:
        print_json([question.to_dict() for question in asked])
        return
    heads = ("question", "doubt", "moves", "page", "other", "cluster", "similarity", "why")
    rows = [(q.kind, q.doubt, q.moves, q.page, q.other, q.cluster, q.similarity, q.why) for q in asked]
    print_table(heads, rows)


def _precision(corpus: Corpus, asked: Sequence[Question], as_json: bool) -> None:
    from tablesim.review.constraints import precision
    from tablesim.review.csv_files import log_of

    open_ = _open(corpus, asked)
    if len(open_) == len(asked):
        _list(asked, as_json)
        note("no page of this sample is answered yet")
        return
    _say(precision(log_of(corpus).all(), asked[0].audit).to_dict(), as_json)


def _say(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(figures)
    else:
        print_table(("figure", "value"), [(name.replace("_", " "), _words(value)) for name, value in figures.items()])


def _words(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, tuple | list) else value

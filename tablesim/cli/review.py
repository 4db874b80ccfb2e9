"""``tablesim review``: questions on the clusters, and verdicts in and out."""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Force, Json, Run, goes_with
from tablesim.cli.output import note, print_json, print_table, print_values, remark

if TYPE_CHECKING:
    from tablesim.evidence.collation.grids import TableAlignment
    from tablesim.review.questions import Question
    from tablesim.review.review import Review

KEYS = {"a": "accept", "r": "reject", "u": "unsure", "m": "merge", "s": "split"}


def _file(name: str, words: str) -> Any:
    return typer.Option(name, metavar="CSV", help=words)


def command(
    context: typer.Context,
    run: Run,
    who: Annotated[
        str | None, typer.Option("--who", metavar="NAME", help="Who decides; your login unless given.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many questions at most.")] = 20,
    audit: Annotated[
        int | None, typer.Option("--audit", metavar="N", min=1, help="N memberships at random instead.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the random sample.")] = 0,
    list_only: Annotated[bool, typer.Option("--list", help="List the questions, do not ask.")] = False,
    out: Annotated[Path | None, _file("--out", "Write the questions to fill in.")] = None,
    decisions: Annotated[Path | None, _file("--in", "Take verdicts: questions filled in, another run's log.")] = None,
    log: Annotated[Path | None, _file("--log", "Write all verdicts.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="With --log: what held then.")] = None,
    readers: Annotated[
        tuple[str, str] | None, typer.Option("--agreement", metavar="NAME NAME", help="How two readers agree.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """List what deserves a look in a run and take verdicts, one by one or as CSV.

    On a terminal each question is asked: accept, reject, unsure, merge (the clusters of both pages are one table),
    split (their cluster holds two), or skip. Elsewhere, and with --list, the questions are listed, the doubtful and
    influential ones first. Every verdict is kept in RUN/verdicts.sqlite with the time, the name, the reason and what
    was shown; nothing is overwritten. The next `tablesim cluster RUN` keeps to the verdicts.

    A verdict is about two scans, by their hashes, whatever their pages are called. So the log of another run (--log)
    can be taken in where both have the scans, and the same file twice counts once.

    --audit N draws memberships at random; when they are answered it prints the precision of the clusters.

    Example: tablesim review myrun --out questions.csv
    """
    if sum(mode is not None for mode in (decisions, log, readers)) > 1:
        raise typer.BadParameter("give one of --in, --log and --agreement")
    asks = decisions is None and log is None and readers is None
    goes_with(context, "questions, without --in, --log or --agreement", asks, "top", "audit", "list_only", "out")
    goes_with(context, "--audit", audit, "seed")
    goes_with(context, "questions by doubt, without --audit", audit is None, "top")
    goes_with(context, "questions that are not written, without --out", out is None, "list_only")
    goes_with(context, "--log", log, "as_of")
    goes_with(context, "questions or --in", asks or decisions, "who")
    goes_with(context, "--out and --log", out or log, "force")
    from tablesim.corpus.storage.outputs import refuse_existing
    from tablesim.corpus.store import Corpus
    from tablesim.review.review import Review, write_questions, write_verdicts

    corpus = Corpus.open(run)
    refuse_existing([path for path in (out, log) if path is not None], force=force)
    review = Review(corpus)
    for message in review.status().remarks():
        note(message)
    if decisions is not None:
        new, known, not_taken = review.take(decisions, who or "")
        for page, n in sorted(Counter(not_taken).items()):
            note(f"{page}: {n} not taken over: no page has the scan that it had")
        print_values({"taken": len(new), "known": known, "not_taken": len(not_taken)}, as_json=as_json)
        return
    if log is not None:
        verdicts = review.log.all() if as_of is None else review.verdicts(as_of)
        write_verdicts(log, verdicts)
        print_values({"verdicts": len(verdicts)}, as_json=as_json)
        return
    if readers is not None:
        print_values(review.agreement(*readers).to_dict(), as_json=as_json)
        return
    asked = review.questions(top, who) if audit is None else review.audit(audit, seed)
    if out is not None:
        write_questions(out, asked)
        note(f"{len(asked)} questions written; fill in the column decision, then: tablesim review {run} --in {out}")
    elif not list_only and not as_json and sys.stdin.isatty():
        _ask(review, _open(review, asked), who or getpass.getuser())
    elif audit is None:
        _list(asked, as_json)
    if audit is not None and out is None:
        _precision(review, asked, as_json)


def _open(review: Review, asked: Sequence[Question]) -> list[Question]:
    """The questions without those of an audit sample that are answered already."""
    answered = {(verdict.pair, verdict.audit) for verdict in review.log.all() if verdict.audit}
    return [question for question in asked if (question.pair, question.audit) not in answered]


def _ask(review: Review, asked: Sequence[Question], who: str) -> None:
    """Ask one question after the other; each answer is kept at once."""
    from tablesim.review.questions import describe_question
    from tablesim.workflow.witnesses import stored_alignment

    def alignment_of(a: str, b: str) -> TableAlignment | None:
        return stored_alignment(review.corpus, a, b, remark)

    if not asked:
        typer.echo("nothing is left to look at")
    for number, question in enumerate(asked, 1):
        typer.echo(
            f"\n{number} of {len(asked)}. " + "\n".join(describe_question(review.corpus, question, alignment_of))
        )
        while True:
            keys = "[a]ccept [r]eject [u]nsure [m]erge [s]plit, Enter to skip, [q]uit"
            key = typer.prompt(keys, default="").strip().lower()[:1]
            if key in ("", "q") or key in KEYS:
                break
        if key == "q":
            return
        if key:
            reason = typer.prompt("why (Enter for no reason)", default="")
            review.answer(question, KEYS[key], who, reason)


def _list(asked: Sequence[Question], as_json: bool) -> None:
    if as_json:
        print_json([question.to_dict() for question in asked])
        return
    heads = ("question", "doubt", "moves", "page", "other", "cluster", "similarity", "why")
    rows = [(q.kind, q.doubt, q.moves, q.page, q.other, q.cluster, q.similarity, q.why) for q in asked]
    print_table(heads, rows)


def _precision(review: Review, asked: Sequence[Question], as_json: bool) -> None:
    if len(_open(review, asked)) == len(asked):
        _list(asked, as_json)
        note("no page of this sample is answered yet")
        return
    print_values(review.precision(asked).to_dict(), as_json=as_json)

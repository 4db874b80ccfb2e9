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
from tablesim.records.counting import counted

if TYPE_CHECKING:
    from tablesim.evidence.collation.grids import TableAlignment
    from tablesim.review.questions import Question
    from tablesim.review.review import Review
    from tablesim.review.verdicts import Verdict


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
    merge: Annotated[
        list[int] | None,
        typer.Option("--merge", metavar="CLUSTER", help="Two of these: the clusters are one table."),
    ] = None,
    split: Annotated[
        int | None, typer.Option("--split", metavar="CLUSTER", help="Some of its pages, by --page, are another table.")
    ] = None,
    pages: Annotated[list[str] | None, typer.Option("--page", metavar="PAGE", help="A page for --split.")] = None,
    name: Annotated[
        tuple[int, str] | None, typer.Option("--name", metavar="CLUSTER NAME", help="Call a cluster by a name.")
    ] = None,
    undo: Annotated[
        list[int] | None, typer.Option("--undo", metavar="LINE", help="Take back a line of the log, by a new one.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with what is decided.")] = "",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """List what deserves a look in a run and take verdicts, one by one or as CSV.

    On a terminal each question is asked, and the answer is said back before it is written: same table, same kind,
    other, unsure, merge (the clusters of both pages are one table), split (their cluster holds two), skip, undo.
    Elsewhere, and with --list, the questions are listed, the doubtful and influential ones first; what is settled is
    not asked again. Every verdict is kept in RUN/verdicts.sqlite with the time, the name, the reason and what was
    shown; nothing is overwritten, and undo is one more line. The next `tablesim cluster RUN` keeps to the verdicts.

    --merge 3 --merge 5, --split 3 --page a --page b and --name 3 Sines decide about clusters by their numbers.

    A verdict is about two scans, by their hashes, whatever their pages are called. So the log of another run (--log)
    can be taken in where both have the scans, and the same file twice counts once.

    --audit N draws memberships at random; when they are answered it prints the precision of the clusters.

    Example: tablesim review myrun --out questions.csv
    """
    modes = (decisions, log, readers, merge or None, split, name, undo or None)
    if sum(mode is not None for mode in modes) > 1:
        raise typer.BadParameter("give one of --in, --log, --agreement, --merge, --split, --name and --undo")
    asks = all(mode is None for mode in modes)
    decides = merge or split is not None or name or undo
    goes_with(
        context,
        "questions, without --in, --log, --agreement, --merge, --split, --name or --undo",
        asks,
        "top",
        "audit",
        "list_only",
        "out",
    )
    goes_with(context, "--audit", audit, "seed")
    goes_with(context, "questions by doubt, without --audit", audit is None, "top")
    goes_with(context, "questions that are not written, without --out", out is None, "list_only")
    goes_with(context, "--log", log, "as_of")
    goes_with(context, "questions, --in and what is decided", asks or decisions or decides, "who")
    goes_with(context, "--split", split is not None, "pages")
    goes_with(context, "--merge, --split, --name or --undo", decides, "reason")
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
    if decides:
        by = who or getpass.getuser()
        if merge:
            lines = review.merge(merge, by, reason)
        elif split is not None:
            lines = review.split(split, pages or (), by, reason)
        elif name is not None:
            lines = [review.name(*name, by, reason)]
        else:
            lines = review.withdraw(undo or (), by, reason)
        _decided(lines, as_json)
        return
    if readers is not None:
        print_values(review.agreement(*readers).to_dict(), as_json=as_json)
        return
    asked = review.questions(top, who) if audit is None else review.audit(audit, seed)
    if out is not None:
        write_questions(out, asked)
        note(
            f"{counted(len(asked), 'question')} written; fill in the column decision, then: "
            f"tablesim review {run} --in {out}"
        )
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
    from tablesim.review.dialogue import Dialogue
    from tablesim.review.questions import describe_question
    from tablesim.workflow.witnesses import stored_alignment

    def alignment_of(a: str, b: str) -> TableAlignment | None:
        return stored_alignment(review.corpus, a, b, remark)

    def typed(prompt: str) -> str:
        try:
            return str(typer.prompt(prompt, default="", show_default=False))
        except typer.Abort as error:
            raise EOFError from error

    Dialogue(review, who, lambda one: describe_question(review.corpus, one, alignment_of), typed, typer.echo).run(asked)


def _decided(lines: Sequence[Verdict], as_json: bool) -> None:
    """Say what was written into the log."""
    if as_json:
        print_json([{"line": line.id, "at": line.at, **_plain(line)} for line in lines])
        return
    for line in lines:
        typer.echo(f"line {line.id}: {line.summary}")
    note("`tablesim cluster RUN` keeps to it")


def _plain(line: Verdict) -> dict[str, str]:
    names = ("page", "other", "decision", "who", "reason", "name", "withdraws")
    return {name: getattr(line, name) for name in names}


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

"""No option is ignored in silence: it takes effect, or is refused in one line with exit code 2."""

import pytest
import typer

from tablesim.cli import COMMANDS, function_of

REFUSED = {
    "read": [
        (("a.png", "--transkribus"), "--transkribus goes with --page-xml"),
        (("a.png", "--csv", "--out", "d"), "--out goes with --xlsx, --csv --grid, --tei, --page-xml and --alto"),
        (("a.png", "--xlsx", "--grid"), "--grid goes with --csv"),
        (("a.png", "--xlsx", "--tei"), "give one of --json, --csv, --xlsx, --tei, --page-xml and --alto"),
        (("a.png", "--alto", "--force"), "--force goes with --out"),
        (("a.png", "--csv", "--alto"), "give one of --json, --csv, --xlsx, --tei, --page-xml and --alto"),
    ],
    "compare": [
        (("a", "b", "--labels", "l.csv"), "--labels goes with --run"),
        (("a", "b", "--style", "print"), "--style goes with --out"),
        (("a", "b", "--style", "arcs"), "--style goes with --out"),
        (("a", "b", "--force"), "--force goes with --out"),
        (("a", "b", "--model", "vgg16", "--pixels"), "--pixels goes with --model bigram"),
        (("a", "b", "--model", "vgg16", "--run", "r", "--labels", "l"), "--labels goes with --model bigram"),
    ],
    "search": [
        (("r",), "give either PAGE or --numbers"),
        (("r", "p", "--numbers", "1"), "give either PAGE or --numbers"),
        (("r", "--numbers", "1", "--verify"), "--verify goes with a PAGE"),
        (("r", "--numbers", "1", "--across-books"), "--across-books goes with a PAGE"),
        (("r", "--numbers", "1", "--approximate"), "--approximate goes with a PAGE"),
        (("r", "p", "--any-order"), "--any-order goes with --numbers"),
        (("r", "p", "--approximate", "--labels", "l"), "--labels goes with an exact search"),
    ],
    "evaluate": [
        (("a",), "give either --truth DIR"),
        (("a", "--truth", "t", "--labels", "l"), "give either --truth DIR"),
        (("a", "--truth", "t", "--embeddings"), "--embeddings goes with --labels"),
        (("a", "--truth", "t", "--pooled"), "--pooled goes with --embeddings"),
        (("a", "--truth", "t", "--vgg16", "random"), "--vgg16 goes with --embeddings"),
        (("a", "--labels", "l", "--pooled"), "--pooled goes with --embeddings"),
        (("a", "--labels", "l", "--embeddings", "--weights", "w"), "--weights goes with --truth or --pooled"),
        (("a", "b", "--labels", "l"), "--labels takes one run folder, got 2 paths"),
    ],
    "run": [(("d", "--out", "r", "--scheduler", "s", "--workers", "2"), "--workers goes with this machine alone")],
    "export": [
        (("r", "p", "--base", "http://a/"), "--base goes with --format iiif"),
        (("r", "a", "b", "--format", "tei", "--base", "http://a/"), "--base goes with --format iiif"),
        (("r", "--scans", "web"), "--scans goes with --bundle"),
        (("r", "--bundle", "--format", "tei"), "--format goes with single formats, without --bundle"),
        (("r", "p", "--table", "1"), "give one of PAGE, --table and --cluster"),
    ],
    "collate": [
        (("a",), "give two witnesses or more"),
        (("a", "b", "--csv", "--tei"), "give one of --json, --csv, --tei and --xlsx"),
        (("a", "b", "--laws", "--tei"), "--laws goes with --json or with words alone"),
        (("a", "b", "--out", "f"), "--out goes with --csv, --tei or --xlsx"),
        (("a", "b", "--run", "r", "--weights", "w"), "--weights goes with scans"),
        (("a", "b", "--years", "1515,1549"), "--years goes with --genealogy"),
        (("a", "b", "--json", "--force"), "--force goes with a file"),
    ],
    "review": [
        (
            ("r", "--in", "a.csv", "--log", "b.csv"),
            "give one of --in, --log, --agreement, --merge, --split, --name and --undo",
        ),
        (("r", "--merge", "1", "--merge", "2", "--undo", "3"), "give one of --in, --log, --agreement, --merge"),
        (("r", "--page", "a"), "--page goes with --split"),
        (("r", "--reason", "why"), "--reason goes with --merge, --split, --name or --undo"),
        (("r", "--merge", "1", "--merge", "2", "--list"), "--list goes with questions, without --in"),
        (("r", "--in", "a.csv", "--top", "5"), "--top goes with questions, without --in"),
        (("r", "--log", "a.csv", "--audit", "5"), "--audit goes with questions, without --in"),
        (("r", "--log", "a.csv", "--out", "b.csv"), "--out goes with questions, without --in"),
        (("r", "--agreement", "a", "b", "--list"), "--list goes with questions, without --in"),
        (("r", "--seed", "3"), "--seed goes with --audit"),
        (("r", "--audit", "3", "--top", "3"), "--top goes with questions by doubt"),
        (("r", "--out", "a.csv", "--list"), "--list goes with questions that are not written"),
        (("r", "--as-of", "2026-01-01"), "--as-of goes with --log"),
        (("r", "--log", "a.csv", "--who", "Anna"), "--who goes with questions, --in and what is decided"),
        (("r", "--force"), "--force goes with --out and --log"),
    ],
    "train": [
        (("--out", "t", "--annotations", "a.csv"), "--annotations goes with --scans"),
        (("--out", "t", "--scans", "d"), "--scans goes with --annotations"),
        (("--out", "t", "--share", "0.1"), "--share goes with --annotations"),
        (("--out", "t", "--held-out", "0.1"), "--held-out goes with --annotations"),
    ],
    "synthesize": [
        (("--out", "d", "--sample", "--tables", "3"), "give one of --sample, --pages and --tables"),
        (("--out", "d", "--sample", "--editions", "3"), "--editions goes with --pages or --tables"),
    ],
    "correct": [
        (("r",), "give either --csv, or pages with --table, --no-table or --table-as-read"),
        (("r", "--csv", "a.csv", "--table", "p"), "give either --csv, or pages"),
        (("r", "--csv", "a.csv", "--reason", "why"), "--reason goes with --table, --no-table or --table-as-read"),
    ],
    "history": [
        (("r", "--by", "place", "--sigma", "3"), "--sigma goes with --by year"),
        (("r", "--by", "place", "--reach", "3"), "--reach goes with --by year"),
    ],
}
"""By command, words that would ignore an option, and what is said instead."""

ALWAYS = {
    "demo": "--out --workers",
    "run": "--out --metadata --clusters --weights --cache --offline --max-pixels --scheduler --retry-failed "
    "--forget-away --max-failures --until --report --device",
    "read": "--csv --xlsx --tei --page-xml --alto --weights --cache --offline --max-pixels --device",
    "compare": "--model --weights --top --run --out --cache --offline",
    "collate": "--csv --tei --xlsx --html --laws --genealogy --run",
    "search": "--page --numbers --top --labels",
    "cluster": "--clusters --method --map",
    "review": "--in --log --agreement --merge --split --name --undo",
    "history": "--by --pages --repeats --leave-out --min-digits --seed",
    "correct": "--csv --table --no-table --table-as-read --who",
    "report": "--out --force --workers --language",
    "export": "--table --cluster --bundle --out --force",
    "status": "--by",
    "view": "--port --share --language",
    "doctor": "--repair",
    "evaluate": "--truth --labels",
    "train": "--out --steps --batch --learning-rate --seed --start --workers --threads",
    "synthesize": "--out --pages --tables --seed --sample --force",
}
"""By command, the options that take effect whatever else is given."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_takes_effect_always_or_is_known_to_be_refused(command):
    single = typer.Typer(add_completion=False)
    single.command(command)(function_of(command))
    options = {each.opts[0] for each in typer.main.get_command(single).params if each.opts[0].startswith("--")}
    refused = {message.split()[0] for _, message in REFUSED.get(command, ()) if message.startswith("--")}
    assert options - {"--json", "--help"} == refused | set(ALWAYS[command].split())


@pytest.mark.parametrize(
    ("command", "words", "message"), [(name, *case) for name, cases in REFUSED.items() for case in cases]
)
def test_an_option_that_would_change_nothing_is_refused(call, command, words, message):
    result = call(command, *words, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"tablesim: {message}")
    assert result.stderr.endswith(f"; see tablesim {command} --help\n")
    assert result.stderr.count("\n") == 1

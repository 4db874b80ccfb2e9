"""No option is ignored in silence: it takes effect, or is refused in one line with exit code 2."""

import pytest

REFUSED = {
    "read": [
        (("a.png", "--transkribus"), "--transkribus goes with --page-xml"),
        (("a.png", "--csv", "--out", "d"), "--out goes with --page-xml and --alto"),
        (("a.png", "--alto", "--force"), "--force goes with --out"),
        (("a.png", "--csv", "--alto"), "give one of --json, --csv, --page-xml and --alto"),
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
    "history": [
        (("r", "--by", "place", "--sigma", "3"), "--sigma goes with --by year"),
        (("r", "--by", "place", "--reach", "3"), "--reach goes with --by year"),
    ],
}
"""By command, words that would ignore an option, and what is said instead."""


@pytest.mark.parametrize(
    ("command", "words", "message"), [(name, *case) for name, cases in REFUSED.items() for case in cases]
)
def test_an_option_that_would_change_nothing_is_refused(call, command, words, message):
    result = call(command, *words, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"tablesim: {message}")
    assert result.stderr.endswith(f"; see tablesim {command} --help\n")
    assert result.stderr.count("\n") == 1

"""A run is shown as it is, whoever changes it."""

from __future__ import annotations

import subprocess
import sys

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.records.corrections import Correction
from tablesim.review.review import Review


def first_number(corpus: Corpus, page: str):
    return corpus.reading(page).numbers[0]


def test_nothing_is_read_again_while_nothing_changes(live):
    corpus, version = live.corpus, live.version
    assert live.corpus is corpus
    assert live.changed() == version


def test_what_another_writer_changes_is_seen(live, folder):
    before = live.changed()
    page = next(page for page in live.corpus if page.startswith("sines"))
    number = first_number(live.corpus, page)
    correct(Corpus.open(folder), [Correction(page, number.box, number.text, "99", "Anna")])
    assert live.changed() == before + 1
    assert first_number(live.corpus, page).text == "99"


def test_what_a_command_changes_is_seen(live, folder):
    before = live.changed()
    command = [sys.executable, "-m", "tablesim", "correct", str(folder), "--no-table", "alone", "--who", "Anna"]
    subprocess.run(command, check=True, capture_output=True)
    assert live.changed() > before
    assert not live.corpus.reading("alone").is_table


def test_a_verdict_is_seen(live, folder):
    before = live.changed()
    a, b = list(live.corpus)[:2]
    Review(Corpus.open(folder)).say(a, b, "unsure", "Anna")
    assert live.changed() > before


def test_what_is_made_of_a_state_is_made_once_for_it(live, folder):
    made = []

    def make(corpus: Corpus) -> int:
        made.append(corpus)
        return len(corpus)

    assert live.kept("n", make) == live.kept("n", make) == len(live.corpus)
    assert len(made) == 1
    Review(Corpus.open(folder)).say(*list(live.corpus)[:2], "unsure", "Anna")
    live.kept("n", make)
    assert len(made) == 2

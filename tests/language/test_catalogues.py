"""Every catalogue has every message that is said, once, with the same values, and nothing that is not said."""

from __future__ import annotations

import re

import pytest

from tablesim.language import ENGLISH, LANGUAGES, Catalogue, grouped, language, listed, say, say_n, speaking
from tests.language.in_code import all_messages, in_python, in_script, in_template

OTHERS = [name for name in LANGUAGES if name != ENGLISH]
TAGS = re.compile(r"</?(\w+)[^>]*>")


def forms(message):
    return (message,) if isinstance(message, str) else tuple(message)


def values(text):
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("name", OTHERS)
def test_a_catalogue_has_every_message_and_no_other(name):
    assert Catalogue.of(name).messages.keys() == all_messages().keys(), f"python -m tests.language.in_code {name}"


@pytest.mark.parametrize("name", OTHERS)
def test_a_message_keeps_its_forms_its_values_and_its_tags(name):
    for english, told in Catalogue.of(name).messages.items():
        written = all_messages()[english]
        assert len(forms(told)) == len(written), english
        for one, other in zip(written, forms(told), strict=True):
            assert values(one) == values(other), other
            assert sorted(TAGS.findall(one)) == sorted(TAGS.findall(other)), other
            assert (one[:1].isspace() == other[:1].isspace() and one[-1:] == other[-1:]) or one[-1:] not in ".:?…", (
                other
            )
            # It may stand in an attribute, between quotation marks.
            assert '"' not in TAGS.sub("", other), other


def test_two_forms_are_for_one_and_for_all_other_numbers():
    with speaking("de"):
        assert [say_n(n, "{n} page", "{n} pages") for n in (0, 1, 2)] == ["0 Seiten", "1 Seite", "2 Seiten"]


def test_counts_are_told_apart_by_what_no_language_takes_for_a_decimal_sign():
    assert grouped(120_400) == "120,400"
    with speaking("it"):
        assert grouped(120_400) == "120\u202f400"


def test_who_asks_for_nothing_hears_english_and_hears_it_again_afterwards():
    assert language() == ENGLISH
    with speaking("de"):
        assert (language(), listed(["A", "B", "C"])) == ("de", "A, B und C")
        with speaking(ENGLISH):
            assert listed(["A", "B"]) == "A and B"
        assert language() == "de"
    assert (language(), say("illegible")) == (ENGLISH, "illegible")


def test_what_no_catalogue_has_stays_english():
    with speaking(Catalogue("xx", {})):
        assert say("{n} of {m}", n=1, m=2) == "1 of 2"


def test_a_message_is_found_wherever_it_is_said():
    assert list(in_python('say("a" "b {x}", x=1); say_n(n, "one", "many"); to_say("c"); say(d)')) == [
        ("ab {x}",),
        ("one", "many"),
        ("c",),
    ]
    assert list(in_template('{{ say("a") }} {% if say_n(n, "b", "c") %}{% endif %}')) == [("a",), ("b", "c")]
    script = 'say("a \\" b"), say(x.y ? "c" : "d"), sayN(of(x), "e", "f", {}), toSay("g"), essay("h")'
    assert list(in_script(script)) == [('a " b',), ("c",), ("d",), ("e", "f"), ("g",)]

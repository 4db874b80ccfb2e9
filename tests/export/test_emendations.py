"""What a person says should stand in place of what is printed: in every form of a page, with who and when, and back."""

from __future__ import annotations

import io
from dataclasses import replace

import openpyxl
import pytest

from tablesim.digits.other_readings import reading_from_file
from tablesim.export.alto import alto
from tablesim.export.kinds import Dialect
from tablesim.export.page_tei import page_tei
from tablesim.export.page_workbook import page_xlsx
from tablesim.export.pagexml import page_xml
from tablesim.export.spreadsheets import READING_COLUMNS, reading_rows
from tablesim.records.emendations import of_custom, of_note, sic_tag

WHO, WHEN = "Anna; {O’Neill: K\\L}, the first", "2026-11-28T09:12:00Z"


@pytest.fixture
def emended(reading):
    numbers = [
        replace(number, emendation="46", emended_by=WHO, emended_at=WHEN) if number.text == "345" else number
        for number in reading.numbers
    ]
    return replace(reading, numbers=tuple(numbers))


def said(numbers):
    return [(n.text, n.emendation, n.emended_by, n.emended_at) for n in numbers if n.emendation]


WRITERS = {
    "page.xml": page_xml,
    "transkribus.xml": lambda reading, about: page_xml(reading, about, dialect=Dialect.transkribus),
    "alto.xml": alto,
}


@pytest.mark.parametrize("name", WRITERS)
def test_xml_carries_it_and_gives_it_back(emended, reading, provenance, page_schema, alto_schema, tmp_path, name):
    data = WRITERS[name](emended, provenance)
    if "transkribus" not in name:
        (alto_schema if "alto" in name else page_schema)(data)
    (tmp_path / name).write_bytes(data)
    back = reading_from_file(tmp_path / name)
    assert said(back.numbers) == [("345", "46", WHO, WHEN)], "what is printed stays what is compared"
    (tmp_path / name).write_bytes(WRITERS[name](reading, provenance))
    assert said(reading_from_file(tmp_path / name).numbers) == []


def test_tei_tables_and_workbook_say_it(emended, provenance, tei_schema):
    data = page_tei(emended, provenance)
    tei_schema(data)
    text = data.decode()
    assert "<sic>345</sic>" in text and "<corr>46</corr>" in text and WHEN in text
    (row,) = (row for row in reading_rows(emended) if row.get("emendation"))
    assert (row["emendation"], row["emended_by"], row["emended_at"]) == ("46", WHO, WHEN)
    assert {"emendation", "emended_by", "emended_at"} <= set(READING_COLUMNS)
    book = openpyxl.load_workbook(io.BytesIO(page_xlsx(emended, provenance)))
    lines = [
        dict(zip((c.value for c in book["numbers"][1]), (c.value for c in row), strict=True))
        for row in book["numbers"].iter_rows(min_row=2)
    ]
    assert [(one["emendation"], one["emended_at"]) for one in lines if one["emendation"]] == [("46", WHEN)]
    comments = [cell.comment.text for row in book["page"].iter_rows() for cell in row if cell.comment]
    assert any("should be 46 (Anna" in comment for comment in comments)


def test_notes_and_tags_of_others_are_no_emendations(emended):
    assert of_note("probably not whole") is None and of_note("emendation") == ("", "")
    assert of_custom("readingOrder {index:0;}") is None and of_custom("sic {offset:0; length:2;}") is None
    number = next(number for number in emended.numbers if number.emendation)
    assert of_custom(f"readingOrder {{index:0;}} {sic_tag(number, 3)}") == ("46", WHO, WHEN)

"""Records of citations: RIS, BibTeX and CSL-JSON hold the same, and no name breaks a file."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.report.citations import MOST_PAGES, bibtex, citation_records, csl_json, ris
from tablesim.report.provenance import CitedPage, Provenance

CLAVIUS = CitedPage(
    "1746_clavius_1593_p283",
    "scans/a.jpg",
    "ab" * 32,
    "Clavius, 1593",
    "hdl.handle.net/21.11103/sphaera.100001",
    book="1746",
    title="In sphaeram {commentarius} & 100%",
    place="Romae",
    authors=("Clavius, Christoph", "Academia, Societas and Sons"),
    printers=("Basa",),
    years=(1593, 1594),
)
UNKNOWN = CitedPage("\u8868 #1", "scans/b.jpg", "cd" * 32)


def about(*pages):
    return Provenance("0.2.0", "f" * 64, {}, "2026-11-24T10:00:00Z", pages)


def test_what_is_cited_comes_first_then_its_pages_then_the_software():
    records = citation_records(about(CLAVIUS, UNKNOWN), "Collation of A and B")
    assert [record.kind for record in records] == ["dataset", "book", "book", "software"]
    dataset, clavius, unknown, software = records
    assert (dataset.title, dataset.date) == ("Collation of A and B", "2026-11-24")
    assert (clavius.key, clavius.address) == (CLAVIUS.page, "https://hdl.handle.net/21.11103/sphaera.100001")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", unknown.key) and unknown.title == UNKNOWN.page
    assert "ab" * 32 in clavius.note
    assert software.version == "0.2.0"


def test_csl_json_has_people_dates_and_addresses():
    data = json.loads(csl_json(citation_records(about(CLAVIUS), "Numbers")))
    assert [item["type"] for item in data] == ["dataset", "book", "software"]
    book = data[1]
    assert book["author"] == [
        {"family": "Clavius", "given": "Christoph"},
        {"family": "Academia", "given": "Societas and Sons"},
    ]
    assert book["issued"] == {"date-parts": [[1593], [1594]]}
    assert (book["publisher"], book["publisher-place"]) == ("Basa", "Romae")
    assert data[0]["issued"] == {"date-parts": [[2026, 11, 24]]}
    assert data[2]["author"] == [{"literal": "The tablesim developers"}]


def test_bibtex_takes_what_tex_would_not():
    text = bibtex(citation_records(about(CLAVIUS), "Numbers"))
    assert text.count("\n@") == 2 and text.startswith("@misc{tablesim-")
    assert r"title = {{In sphaeram \{commentarius\} \& 100\%}}" in text
    assert "author = {Clavius, Christoph and {Academia, Societas and Sons}}" in text
    assert "year = {1593--1594}" in text


def test_ris_has_a_tag_a_line_and_an_end_for_each():
    lines = ris(citation_records(about(CLAVIUS), "Numbers\nER  - ")).split("\r\n")
    assert [line for line in lines if line.startswith("TY")] == ["TY  - DATA", "TY  - BOOK", "TY  - COMP"]
    assert lines.count("ER  - ") == 3
    assert {"AU  - Clavius, Christoph", "PY  - 1593", "CY  - Romae", "DA  - 2026/11/24"} <= set(lines)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]  - .*", line) for line in lines if line)


def test_of_many_pages_their_books_are_cited():
    pages = [CitedPage(f"b{n % 3}_p{n}", "", str(n), book=f"b{n % 3}", title=f"Book {n % 3}") for n in range(60)]
    records = citation_records(about(*pages), "Numerical tables of the run")
    assert [record.title for record in records if record.kind == "book"] == ["Book 0", "Book 1", "Book 2"]
    assert len(pages) > MOST_PAGES and "60 pages" in records[0].note


@pytest.mark.parametrize("handle", ["javascript:alert(1)", "no address", ""])
def test_what_is_no_address_is_no_link(handle):
    page = CitedPage("a", "", "0" * 64, handle=handle)
    assert citation_records(about(page), "t")[1].address == ""


@given(st.text(), st.text(), st.text())
def test_any_names_give_files_that_are_whole(page, title, author):
    cited = CitedPage(page, "", "0" * 64, title=title, authors=(author,))
    records = citation_records(about(cited), title)
    assert len({record.key.casefold() for record in records}) == 3
    assert ris(records).split("\r\n").count("ER  - ") == 3
    assert len(json.loads(csl_json(records))) == 3
    text = bibtex(records).replace("\\{", "").replace("\\}", "")
    assert text.count("{") == text.count("}")

"""Ground truth of HTR and OCR programs as annotations: words, lines of several words, cells; other names and sizes."""

from collections import Counter
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from tablesim.digits.training.annotated_pages import annotated_pages
from tablesim.digits.training.annotations import read_annotations
from tablesim.digits.training.ground_truth import number_in, words_of_line
from tablesim.errors import MetadataError, TranscriptionError
from tablesim.records.boxes import Box
from tablesim.records.truth import PageTruth
from tablesim.scans.word_files import PrintedWord
from tests.digits.training.annotated import drawn_by_hand

PAGE = "1006_tectander_1576_p91"


@pytest.fixture(scope="module")
def truth(sample):
    return PageTruth.load(sample / "truth" / f"{PAGE}.json")


def lines_of(truth):
    """The numbers of a page as a person transcribes them: a line a row of a table, from left to right."""
    rows = {}
    for n in truth.numbers:
        rows.setdefault((n.table, n.row) if n.table is not None else id(n), []).append(n)
    return [sorted(row, key=lambda n: n.box.x) for row in rows.values()]


def points(box):
    return f"{box.x:g},{box.y:g} {box.right:g},{box.y:g} {box.right:g},{box.bottom:g} {box.x:g},{box.bottom:g}"


def page_xml(truth, body, image=f"{PAGE}.jpg", size=1.0):
    return (
        '<?xml version="1.0"?><PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15">'
        f"<Page imageFilename={quoteattr(image)} imageWidth='{round(truth.width * size)}' "
        f"imageHeight='{round(truth.height * size)}'>{body}</Page></PcGts>"
    )


def text_of(text):
    return f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv>"


def words_body(truth, size=1.0):
    """A region with a line a row and a word a number, as PRImA and OCR-D have it, and a word that is none."""
    rng = np.random.default_rng(3)
    lines = []
    for row in lines_of(truth):
        words = "".join(
            f'<Word><Coords points="{points(scaled(drawn_by_hand(n.box, rng), size))}"/>{text_of(n.text + ".")}</Word>'
            for n in row
        )
        lines.append(f'<TextLine><Coords points="{points(scaled(around(row), size))}"/>{words}</TextLine>')
    word = f'<Word><Coords points="0,0 9,9"/>{text_of("anno")}</Word>'
    lines.append(f'<TextLine><Coords points="0,0 9,0 9,9 0,9"/>{word}</TextLine>')
    return f"<TextRegion>{''.join(lines)}</TextRegion>"


def lines_body(truth):
    """Lines without words, as Transkribus and eScriptorium have them."""
    lines = "".join(
        f'<TextLine><Coords points="{points(around(row))}"/>{text_of(" ".join(n.text for n in row))}</TextLine>'
        for row in lines_of(truth)
    )
    return f"<TextRegion>{lines}</TextRegion>"


def cells_body(truth):
    """A table with cells, as Transkribus has them; the text stands in a line of each cell."""
    cells = "".join(
        f'<TableCell row="{n.row}" col="{n.column}"><Coords points="{points(n.box)}"/>'
        f'<TextLine><Coords points="{points(n.box)}"/>{text_of(n.text)}</TextLine></TableCell>'
        for n in truth.numbers
        if n.table == 0
    )
    return f"<TableRegion>{cells}</TableRegion>"


def alto(truth):
    """As eScriptorium exports it: a string a line, its place by the polygon of the line."""
    lines = "".join(
        f"<TextLine><Shape><Polygon POINTS={quoteattr(points(around(row)).replace(',', ' '))}/></Shape>"
        f"<String CONTENT={quoteattr(' '.join(n.text for n in row))}/></TextLine>"
        for row in lines_of(truth)
    )
    return (
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><sourceImageInformation>'
        f"<fileName>scans/{PAGE}.jpg</fileName></sourceImageInformation></Description><Layout>"
        f"<Page WIDTH='{truth.width}' HEIGHT='{truth.height}'><PrintSpace><TextBlock>{lines}</TextBlock></PrintSpace>"
        "</Page></Layout></alto>"
    )


def around(row):
    box = Box.around(n.box for n in row)
    return Box(box.x - 4, box.y - 3, box.width + 8, box.height + 6)


def scaled(box, size):
    return Box(*(side * size for side in (box.x, box.y, box.width, box.height)))


FILES = {
    "words": lambda t: page_xml(t, words_body(t)),
    "lines": lambda t: page_xml(t, lines_body(t)),
    "cells": lambda t: page_xml(t, cells_body(t)),
    "alto": alto,
    "smaller image": lambda t: page_xml(t, words_body(t, 0.5), size=0.5),
    "another name": lambda t: page_xml(t, words_body(t), image="0001_scan.jpg"),
}


def trained_on(folder, scans):
    annotations = read_annotations(folder)
    pages, left_out = annotated_pages(annotations, scans)
    return pages, left_out, annotations


@pytest.mark.parametrize("name", FILES)
def test_numbers_come_with_their_digits_on_the_ink(name, truth, sample, tmp_path):
    (tmp_path / f"{PAGE}.xml").write_text(FILES[name](truth), encoding="utf-8")
    (page,), left_out, _ = trained_on(tmp_path, sample / "scans")
    assert not left_out
    expected = [n for n in truth.numbers if name != "cells" or n.table == 0]
    assert len(page.numbers) > (0.7 if name in ("lines", "alto") else 0.95) * len(expected)
    assert not Counter(n.digits_text for n in page.numbers) - Counter(n.digits_text for n in expected)
    # The digits of a number stand beside each other, in order, each with ink of its own.
    ink = page.ink  # made anew whenever it is asked for
    for number in page.numbers:
        middles = [digit.box.centre[0] for digit in number.digits]
        assert middles == sorted(middles)
        assert all(
            ink[int(d.box.y) : int(d.box.bottom), int(d.box.x) : int(d.box.right)].max() > 128 for d in number.digits
        )


def test_a_folder_may_hold_other_files(truth, sample, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "0001.xml").write_text(page_xml(truth, cells_body(truth)), encoding="utf-8")
    (tmp_path / "mets.xml").write_text("<mets/>")
    pages, _, annotations = trained_on(tmp_path, sample / "scans")
    assert [page.page for page in pages] == [PAGE]
    assert annotations.left_out["neither PAGE-XML nor ALTO, or damaged"][0].startswith("mets.xml")
    with pytest.raises(TranscriptionError, match="begins with 'mets'"):
        read_annotations(tmp_path / "mets.xml")


def test_another_image_is_refused(truth, sample, tmp_path):
    body = page_xml(truth, words_body(truth)).replace(f"imageWidth='{truth.width}'", f"imageWidth='{truth.width * 2}'")
    (tmp_path / "p.xml").write_text(body, encoding="utf-8")
    with pytest.raises(MetadataError, match=r"transcribed on .* another image"):
        trained_on(tmp_path, sample / "scans")


def drawn(*stretches, width=200):
    """A line with ink in columns (from, to)."""
    grey = np.full((30, width), 230, np.uint8)
    for start, stop in stretches:
        grey[5:25, start:stop] = 20
    return grey


def test_words_of_a_line_are_cut_at_its_widest_gaps():
    grey = drawn((10, 22), (26, 38), (80, 92), (140, 152), (156, 168))
    words = words_of_line(PrintedWord("12 3 45", Box(0, 0, 200, 30)), grey)
    assert [(text, box.x, box.right) for text, box in words] == [("12", 10, 38), ("3", 80, 92), ("45", 140, 168)]


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("1 2 3", ((10, 22), (28, 40), (46, 58), (64, 76))),  # four pieces with equal gaps, three words
        ("1 2", ((10, 70),)),  # no gap
        ("1 2", ()),  # bare paper
        ("12345678 9", ((10, 14), (60, 190))),  # the wide gap stands where it cannot be
    ],
)
def test_words_that_cannot_be_told_apart_are_left_out(text, stretches):
    assert words_of_line(PrintedWord(text, Box(0, 0, 200, 30)), drawn(*stretches)) == []


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("12", "12"),
        ("12.", "12"),
        ("(7)", "7"),
        ("30°", "30"),
        ("12.5", None),
        ("anno", None),
        ("3/4", None),
        ("?5", None),
    ],
)
def test_a_word_is_a_number_or_it_is_not_asked_for(word, number):
    assert number_in(word) == number

"""Annotation files as they are published, with every trap that the published ones hold."""

import pytest
from corpus.fakes import write_corrections

from tablesim.digits.training.annotations import Annotation, book_of, read_annotations
from tablesim.errors import MetadataError
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction

HEAD = "page_id,xywh,element_label,number,book,page_id_"
NUMBERS = "xywh,element_label,page_id,book,num_page_id,num_patch_id,number"


def digits(*lines):
    """Lines of an annotation of digits on the page 7_a_1550_p1: xywh, label and value."""
    page = "http://x.example/7_a_1550_p1.jpg"
    rows = [f'{page},"{xywh}",{label},{value},7_a_1550,7_a_1550_p1.jpg' for xywh, label, value in lines]
    return "\n".join([HEAD, *rows]) + "\n"


def write(tmp_path, text, name="a.csv", **kwargs):
    path = tmp_path / name
    path.write_text(text, **kwargs)
    return path


def test_digits_become_numbers_by_their_places(tmp_path):
    # Two numbers stand close together: 12 and 345; 6 alone below. The lines come in no order.
    path = write(
        tmp_path,
        digits(
            ("152,99,20,32", "4", "4.0"),
            ("130,101,20,30", "^3", "3.0"),
            ("60,100,20,30", "^1", "1.0"),
            ("174,100,20,30", "5$", "5.0"),
            ("82,100,20,30", "2$", "2.0"),
            ("60,160,20,30", "^6$", "6.0"),
        ),
    )
    found = read_annotations(path)

    assert sorted(number.text for number in found.numbers) == ["12", "345", "6"]
    long = next(number for number in found.numbers if number.text == "345")
    assert (long.page, long.book) == ("7_a_1550_p1", "7")
    assert long.box == Box(130, 99, 64, 32)
    assert [box.x for box in long.digits] == [130, 152, 174]
    assert found.summary() == ["3 numbers with 6 digits on 1 pages of 1 books"]


def test_what_cannot_be_used_is_counted_by_its_reason_and_never_asked(tmp_path):
    path = write(
        tmp_path,
        digits(
            ("60,100,4,30", "^1$", "1.0"),
            ("100,100,1,1", "^3", "3.0"),
            ("200,100,20,30", "^4", "4.0"),  # its end is missing
            ("300,100,20,30", "7$", "7.0"),  # its beginning is missing
            ("400,100,20,30", "^4$", "5.0"),
            ("500,100,20,30", "^x$", ""),
            ("600,100,4,30", "^2$", "2.0"),
            ("700,100,20", "^1$", "1.0"),
        ),
    )
    found = read_annotations(path)

    assert [number.text for number in found.numbers] == ["1"]
    assert {why: len(what) for why, what in found.left_out.items()} == {
        "the box is smaller than 3 pixels": 1,
        "its number has no beginning or no end": 2,
        "element_label and number differ": 1,
        "the label is not ^d, d, d$ or ^d$": 1,
        "the box does not fit a digit": 1,
        "xywh is not four numbers": 1,
    }
    places = found.unasked["7_a_1550_p1"]
    assert len(places) == 6
    # The click without a size still keeps its surroundings from being called blank paper.
    assert any(box.contains(100, 100) and box.width > 10 for box in places)


def test_numbers_are_read_with_their_blanks_and_odd_boxes_left_out(tmp_path):
    lines = [
        NUMBERS,
        '"352,845,51,36 ",24 ,1594_beyer_1550_p153.jpg,1594_beyer_1550,0,0,24 ',
        '"[10, 20, 90, 30]",0123 ,1594_beyer_1550_p153.jpg,1594_beyer_1550,0,1,123 ',
        '"540,1298,181,162 ",14469 ,2071_Piccolomini_Sfera_1559_p17.jpg,2071_Piccolomini_Sfera_1559,0,2,14469 ',
        '"1,2,30,40",NaN,1594_beyer_1550_p153.jpg,1594_beyer_1550,0,3,NaN',
        '"1,200,30,40",ca. 12,1594_beyer_1550_p153.jpg,1594_beyer_1550,0,3,12',
    ]
    found = read_annotations(write(tmp_path, "\n".join(lines)))

    assert found.numbers == [
        Annotation("1594_beyer_1550_p153", "1594", "", Box(1, 2, 30, 40)),
        Annotation("1594_beyer_1550_p153", "1594", "0123", Box(10, 20, 90, 30)),
        Annotation("1594_beyer_1550_p153", "1594", "24", Box(352, 845, 51, 36)),
    ]
    assert dict(found.left_out) == {
        "the box does not fit so many digits": ["2071_Piccolomini_Sfera_1559_p17 14469"],
        "the label is no number": ["1594_beyer_1550_p153 ca. 12"],
    }


def test_corrections_of_a_run_are_annotations(tmp_path):
    path = tmp_path / "corrections.csv"
    box = Box(10, 20, 30, 15)
    write_corrections(
        path,
        [
            Correction("b_p12", box, "24", "28"),
            Correction("b_p12", box, "28", "2?"),
            Correction("b_p12", Box(100, 20, 30, 15), "69", ""),
            Correction("b_p13", box, "", "9·965"),
        ],
    )
    found = read_annotations(path)

    assert [(n.page, n.book, n.text, n.digits_text) for n in found.numbers] == [
        ("b_p12", "b", "2?", "2?"),
        ("b_p12", "b", "", ""),
        ("b_p13", "b", "9·965", "9965"),
    ]


def test_files_are_joined_and_no_number_counts_twice(tmp_path):
    first = write(tmp_path, digits(("60,100,20,30", "^1", "1"), ("82,100,20,30", "2$", "2")))
    rows = [
        NUMBERS,
        '"58,98,46,34",12,7_a_1550_p1.jpg,7_other_1550,0,0,12',
        '"200,98,46,34",34,7_a_1550_p1.jpg,7_other_1550,0,0,34',
        '"202,98,46,34",35,7_a_1550_p1.jpg,7_other_1550,0,0,35',
        '"300,98,46,34",36,7_a_1550_p1.jpg,7_other_1550,0,0,36',
    ]
    found = read_annotations([first, write(tmp_path, "\n".join(rows), "b.csv")])

    assert [(n.text, n.book, bool(n.digits)) for n in found.numbers] == [("12", "7", True), ("36", "7", False)]
    assert dict(found.left_out) == {
        "annotated twice": ["7_a_1550_p1 12"],
        "two annotations contradict": ["7_a_1550_p1 34/35"],
    }


def test_files_of_no_known_kind_are_refused(tmp_path):
    with pytest.raises(MetadataError, match="found the columns page, year; expected annotations with the columns"):
        read_annotations(write(tmp_path, "page,year\np1,1550\n"))
    with pytest.raises(MetadataError, match=r"nothing in it can be used \(left out, the label is no number: 1"):
        read_annotations(write(tmp_path, 'page_id,xywh,number\np1.jpg,"1,2,30,40",many\n'))
    with pytest.raises(MetadataError, match="binary file"):
        read_annotations(write(tmp_path, "page_id,xywh\0"))


@pytest.mark.parametrize(
    ("name", "book"),
    [
        ("1746_sacrobosco_christophori_1593_p283", "1746"),
        ("1746_clavius_other-spelling_1593", "1746"),
        ("almanach-12r", "almanach"),
        ("book_p0012", "book"),
        ("0012", "0012"),
        ("p12", "p12"),
        ("Ptolemy", "Ptolemy"),
    ],
)
def test_the_book_of_a_name(name, book):
    assert book_of(name) == book


@pytest.mark.real
def test_the_published_files_are_read_nearly_whole(real):
    found = read_annotations([real / "sphaera" / "digit_page_annotations.csv"])
    assert sum(len(n.digits) for n in found.numbers) + sum(map(len, found.left_out.values())) == 3563
    assert sum(map(len, found.left_out.values())) < 40
    assert len({n.page for n in found.numbers}) == 11
    patches = read_annotations([real / "sphaera" / "numerical_patches.csv"])
    assert len(patches.numbers) + sum(map(len, patches.left_out.values())) == 2494
    assert sum(map(len, patches.left_out.values())) == 3

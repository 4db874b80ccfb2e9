from pathlib import Path

import pytest

from tablesim.scans.books import BY_FILE, BY_FOLDER, BY_NAME, take_for_books
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata


def books(*files: str, about=None):
    scans = {Path(file).stem + f"@{at}": Locator.of(f"/in/{file}") for at, file in enumerate(files)}
    taken = take_for_books(scans, about)
    return [taken.books.get(page) for page in scans], taken


@pytest.mark.parametrize(
    ("files", "expected", "way"),
    [
        (
            ["clavius_1593_p1.jpg", "clavius_1593_p2.jpg", "petau_p001.jpg"],
            ["clavius_1593", "clavius_1593", "petau"],
            BY_NAME,
        ),
        (["y1922_p004.png", "y1922_p012.png"], ["y1922", "y1922"], BY_NAME),
        (["Petau fol. 12r.jpg", "Petau fol. 12v.jpg"], ["Petau", "Petau"], BY_NAME),
        (["IMG_0001.jpg", "IMG_0002.jpg", "title.jpg"], ["in", "in", "in"], BY_FOLDER),
        (["a/001.jpg", "a/002.jpg", "b/001.jpg"], ["a", "a", "b"], BY_FOLDER),
        (["a/raw/001.jpg", "b/raw/001.jpg"], ["a_raw", "b_raw"], BY_FOLDER),
        (["a/title.jpg", "b/errata.jpg"], ["a", "b"], BY_FOLDER),
        (["1/clavius_p1.jpg", "2/clavius_p2.jpg"], ["clavius", "clavius"], BY_NAME),
        (["1/clavius_p1.jpg", "2/clavius_p1.jpg"], ["1_clavius", "2_clavius"], BY_NAME),
        (["book.pdf#1", "book.pdf#2"], ["book", "book"], BY_FILE),
        (["1746_clavius_x_1593_p283.jpg"], ["1746"], BY_NAME),
        (
            ["clavius_1585.jpg", "clavius_1593.jpg", "petau_p1.jpg", "ptolemy_p1.jpg"],
            [None, None, "petau", "ptolemy"],
            BY_NAME,
        ),
        (["positive.jpg", "torn.jpg"], [None, None], None),
    ],
)
def test_pages_of_one_folder_or_name_stem_are_one_book(files, expected, way):
    found, taken = books(*files)
    assert found == expected
    assert set(taken.told_by.values()) == ({way} - {None})
    assert len(taken.alone) == expected.count(None)
    said = " ".join(taken.remarks())
    assert (f"by {way} (" in said) == (way is not None)
    assert ("count as a book each" in said) == (None in expected)


def test_pages_that_differ_in_their_metadata_are_never_one_book():
    about = {
        "IMG_1@0": PageMetadata(title="Tabula", date="1585"),
        "IMG_2@1": PageMetadata(title="Tabula", date="1604"),
        "IMG_3@2": PageMetadata(book="named"),
    }
    found, taken = books("IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg", about=about)
    assert found == ["in: Tabula, 1585", "in: Tabula, 1604", None]
    assert taken.alone == ()


def test_where_the_metadata_has_a_column_a_blank_is_a_blank():
    taken = take_for_books({"a_p1": Locator.of("a_p1.jpg")}, by_names=False)
    assert (taken.books, taken.alone) == ({}, ("a_p1",))
    assert list(taken.remarks()) == [
        "books: 1 page of which the metadata does not tell a book count as a book each (a_p1)"
    ]

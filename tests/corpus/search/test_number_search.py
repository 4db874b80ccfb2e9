"""Pages that hold typed numbers: found by the index as by looking at every page, first, with their cells."""

import hashlib
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from corpus.fakes import number, reading_of
from tablesim.bigrams.embedding import histogram
from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.search import number_index
from tablesim.corpus.search.number_cells import APART, JOINED, page_cells
from tablesim.corpus.search.number_query import parse_numbers
from tablesim.corpus.search.number_search import ALIKE, ALL_BUT_ONE, BESIDE, DOUBTFUL, HOLDS
from tablesim.corpus.storage.shards import embedding_row, reading_row
from tablesim.corpus.store import Corpus
from tablesim.errors import SettingsError
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.records.reading import Digit


def scan_of(page):
    return hashlib.sha256(page.encode()).hexdigest()


def add(corpus, readings):
    """Put readings of pages into a run, as a job does."""
    readings = [replace(r, sha256=scan_of(r.page), histogram=None) for r in readings]
    corpus.reading_shards.append([reading_row(r) for r in readings])
    corpus.embedding_shards.append([embedding_row(r.sha256, histogram(r)) for r in readings])
    lines = [*corpus.pages] if len(corpus) else []
    lines += [
        {"page": r.page, "scan": f"{r.page}.png", "sha256": r.sha256, "status": "read", "is_table": True}
        for r in readings
    ]
    corpus.write_pages(lines)
    corpus.refresh()
    return corpus


def random_pages(seed=0, n=12):
    rng = np.random.default_rng(seed)
    return [
        reading_of(f"p{page:02d}", [[str(x) for x in row] for row in rng.integers(0, 9, (6, 5)).tolist()])
        for page in range(n)
    ]


@pytest.fixture
def corpus(tmp_path):
    return add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), random_pages())


def standings(answer):
    return [(hit.page, hit.standing) for hit in answer.hits if hit.standing != ALIKE]


@pytest.mark.parametrize("text", ["3 4", "3 4 / 5 6", "1 * 2", "? 3", "3;4", "7", "* 3 *", "1 2 3"])
def test_the_index_finds_what_looking_at_every_page_finds(corpus, text):
    query = parse_numbers(text)
    expected = [
        page for page in corpus if any(next(page_cells(corpus.reading(page)).places(p), None) for p in query.patterns())
    ]
    answer = corpus.search_numbers(text, top=50)
    held = [hit.page for hit in answer.hits if hit.standing in (HOLDS, BESIDE, DOUBTFUL)]
    assert held == expected
    assert sum(answer.counts[name] for name in (HOLDS, BESIDE, DOUBTFUL)) == len(expected)
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))


def test_places_are_cells_with_their_addresses_and_boxes(corpus):
    reading = corpus.reading("p05")
    wanted = {(n.row, n.column): n for n in reading.numbers}
    text = " ".join(wanted[2, column].text for column in range(4))
    hit = corpus.search_numbers(text).hits[0]
    assert (hit.page, hit.standing, hit.n_places) == ("p05", HOLDS, 1)
    cells = hit.places[0].cells
    assert [(cell.address.row, cell.address.column, cell.state) for cell in cells] == [
        (3, column, "read") for column in (1, 2, 3, 4)
    ]
    plain = hit.to_dict()
    assert plain["places"][0]["cells"][1]["box"] == wanted[2, 1].box.to_dict()
    assert plain["places"][0]["cells"][1]["address"] == "row 3, column 2"
    assert {"similarity", "containment", "shared"} <= plain.keys()
    down = " ".join(wanted[row, 3].text for row in range(1, 6))
    first = corpus.search_numbers(down).hits[0]
    assert (first.page, first.places[0].direction) == ("p05", "column")


def test_all_but_one_stands_behind_and_says_which(corpus):
    wanted = {(n.row, n.column): n.text for n in corpus.reading("p07").numbers}
    row = [wanted[1, column] for column in range(5)]
    typed = [*row[:2], "77", *row[3:]]
    answer = corpus.search_numbers(" ".join(typed))
    assert answer.counts[HOLDS] == 0
    hit = answer.hits[0]
    assert (hit.page, hit.standing) == ("p07", ALL_BUT_ONE)
    assert f"row 2, column 3: {row[2]} stands for 77" in hit.places[0].remarks
    missing = corpus.search_numbers(" ".join([*row[:2], "88", *row[2:]])).hits[0]
    assert (missing.page, missing.places[0].remarks[-1]) == ("p07", "88 is missing")
    assert "1 scan all but one" in answer.sentence


def test_pages_that_are_merely_alike_stand_last_and_are_said_to_be(corpus):
    answer = corpus.search_numbers("8 99 7", top=5)
    assert {hit.standing for hit in answer.hits} == {ALIKE}
    assert not any(hit.places for hit in answer.hits)
    assert answer.sentence.endswith(
        f"no scans hold them; {len(answer.hits)} more are alike by bigrams and do not hold them as typed"
    )


def test_a_doubtful_reading_is_found_behind_sure_ones_and_said(tmp_path):
    pages = [reading_of(f"d{page}", [["11", "22", "33"], ["4", "5", "6"], ["7", "8", "9"]]) for page in range(2)]
    doubtful = number("28", 0, 1, confidence=0.6)
    doubtful = replace(doubtful, digits=(doubtful.digits[0], Digit(8, doubtful.digits[1].box, 0.6, (2, 0.3))))
    pages[0] = replace(pages[0], numbers=(pages[0].numbers[0], doubtful, *pages[0].numbers[2:]))
    corpus = add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), pages)
    answer = corpus.search_numbers("11 22 33")
    assert standings(answer) == [("d1", HOLDS), ("d0", DOUBTFUL)]
    assert answer.hits[1].places[0].remarks == ("row 1, column 2: 28 was read and may be 22",)
    as_read = corpus.search_numbers("11 28")
    assert standings(as_read) == [("d0", DOUBTFUL)]
    assert as_read.hits[0].places[0].remarks == ("row 1, column 2: 28 is doubtful (confidence 0.60)",)


def test_values_in_sixtieths_are_found_where_their_columns_are_joined_first(tmp_path):
    rows = [[str(n), *map(str, divmod(round(1400 * np.sin(n / 20)), 60))] for n in range(1, 31)]
    joined = reading_of("joined", rows)
    beside = reading_of("beside", [["9", *rows[11][1:]], ["99", "3", "98"], ["7", "88", "4"]])
    corpus = add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), [beside, joined])
    value, below = (";".join(row[1:]) for row in rows[11:13])
    answer = corpus.search_numbers(value)
    assert standings(answer) == [("joined", HOLDS), ("beside", BESIDE)]
    assert [cell.meant for cell in answer.hits[0].places[0].cells] == [value, value]
    assert any("units and sixtieths: in" in remark for remark in answer.hits[0].places[0].remarks)
    assert [(h.page, h.places[0].direction) for h in corpus.search_numbers(f"{value} {below}").hits[:1]] == [
        ("joined", "column")
    ]


def test_marks_and_signs_that_are_typed_must_be_printed(tmp_path):
    page = reading_of("m", [["1", "2"], ["3", "4"], ["5", "6"]])
    printed = {0: "34·60", 1: "−7", 2: "8,889"}
    numbers = list(page.numbers)
    for at, text in printed.items():
        digits = tuple(Digit(int(d), Box(9, 9, 5, 5), 1.0) for d in text if d.isdigit())
        numbers[at] = replace(numbers[at], text=text, digits=digits)
    corpus = add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), [replace(page, numbers=tuple(numbers))])
    found = {
        text: bool(standings(corpus.search_numbers(text)))
        for text in ("34.60", "3460", "346.0", "-7", "7", "+7", "8889", "8,889")
    }
    assert found == dict.fromkeys(("34.60", "3460", "-7", "7", "8889", "8,889"), True) | {"346.0": False, "+7": False}


def test_in_any_order_each_number_stands_as_often_as_it_was_typed(tmp_path):
    pages = [
        reading_of("a", [["1", "22"], ["3", "44"], ["5", "22"]]),
        reading_of("b", [["22", "3"], ["1", "6"], ["7", "8"]]),
    ]
    corpus = add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), pages)
    assert standings(corpus.search_numbers("3 22 1", any_order=True)) == [("a", HOLDS), ("b", HOLDS)]
    assert standings(corpus.search_numbers("22 3 22", any_order=True)) == [("a", HOLDS)]
    (hit,) = [hit for hit in corpus.search_numbers("22 3 22", any_order=True).hits if hit.standing == HOLDS]
    assert sorted(cell.address.short for cell in hit.places[0].cells) == ["r1 c2", "r2 c1", "r3 c2"]


def test_a_correction_counts_at_once(corpus):
    cell = next(n for n in corpus.reading("p03").numbers if (n.row, n.column) == (0, 1))
    before = corpus.reading("p03").numbers[0].text
    assert not standings(corpus.search_numbers(f"{before} 567"))
    correct(corpus, [Correction("p03", cell.box, cell.text, "567", "Anna")])
    assert standings(corpus.search_numbers(f"{before} 567")) == [("p03", HOLDS)]
    # What was read there before is not found any more.
    after = next(n for n in corpus.reading("p03").numbers if (n.row, n.column) == (0, 2))
    old = corpus.search_numbers(f"{before} {cell.text} {after.text}", top=50)
    assert "p03" not in [page for page, _ in standings(old)]


def parts(corpus, kind="read"):
    return {path.name for path in (corpus.folder / ".search" / "numbers" / kind).glob("part-*")}


@pytest.fixture
def indexed(monkeypatch):
    """The scans that are read for the index."""
    read = []
    cells = number_index.page_cells
    monkeypatch.setattr(number_index, "page_cells", lambda reading: read.append(reading.sha256) or cells(reading))
    return read


def test_the_index_grows_with_the_pages_and_reads_only_what_is_new(corpus, indexed):
    corpus.search_numbers("1 2")
    assert len(indexed) == 12
    before = parts(corpus)
    add(corpus, [reading_of("new", [["123", "456"], ["1", "2"], ["3", "4"]])])
    assert standings(corpus.search_numbers("123 456")) == [("new", HOLDS)]
    assert indexed[12:] == [scan_of("new")]
    assert before < parts(corpus)
    # Laid out anew and asked again, nothing is read again; small parts are joined.
    corpus.reading_shards.compact(corpus.page_table.column("sha256").to_pylist())
    corpus.refresh()
    assert standings(corpus.search_numbers("123 456")) == [("new", HOLDS)]
    add(corpus, [reading_of("next", [["123", "458"], ["1", "2"], ["3", "4"]])])
    assert standings(corpus.search_numbers("123 458")) == [("next", HOLDS)]
    assert len(indexed) == 14
    assert before < parts(corpus)
    assert len(parts(corpus)) == 2
    # Pages that left the run are found no more.
    corpus.write_pages([line for line in corpus.pages if line["page"] != "new"])
    assert not standings(corpus.search_numbers("123 456"))


def test_what_was_read_again_by_other_versions_counts_as_it_was_read_last(corpus):
    corpus.search_numbers("1 2")
    (line,) = [line for line in corpus.pages if line["page"] == "p02"]
    again = replace(reading_of("p02", [["777", "888"], ["1", "2"], ["3", "4"]]), sha256=line["sha256"])
    shards = corpus.reading_shards
    (file,) = shards.files
    rows = [row for row in shards.read(file).to_pylist() if row["sha256"] != line["sha256"]]
    file.unlink()
    shards.append([*rows, reading_row(again, "later")])
    corpus.refresh()
    assert standings(corpus.search_numbers("777 888")) == [("p02", HOLDS)]
    assert len(corpus.number_index) == 12


def test_corrections_again_and_again_leave_one_part(corpus, indexed):
    reading = corpus.reading("p03")
    for day, text in enumerate(("567", "568", "569", "560"), 1):
        correct(corpus, [Correction("p03", reading.numbers[1].box, "", text, "Anna", f"2026-03-0{day}")])
        assert standings(corpus.search_numbers(f"{reading.numbers[0].text} {text}")) == [("p03", HOLDS)]
    assert len(indexed) == 12 + 4
    assert len(parts(corpus, "corrected")) == 1
    assert len(corpus.number_index) == 12


@pytest.mark.parametrize("damage", ["cut", "gone", "garbage", "other", "half"])
def test_a_damaged_index_is_made_again(corpus, damage):
    whole = corpus.search_numbers("3 4", top=50)
    folder = corpus.folder / ".search" / "numbers" / "read"
    (part,) = folder.glob("part-*")
    file = folder / "about.json" if damage in ("garbage", "half") else part / "words.npy"
    if damage == "gone":
        file.unlink()
    elif damage == "other":
        shutil.copy(part / "flags.npy", file)
    elif damage == "half":
        file.write_text('{"version": 1, "parts": []}')
    else:
        file.write_bytes(file.read_bytes()[:60] if damage == "cut" else b"{")
    assert Corpus.open(corpus.folder).search_numbers("3 4", top=50) == whole


def test_a_run_that_may_not_be_written_to_is_searched_all_the_same(corpus, monkeypatch):
    whole = corpus.search_numbers("3 4", top=50)
    shutil.rmtree(corpus.folder / ".search" / "numbers")

    def refuse(*arguments):
        raise PermissionError("read-only")

    monkeypatch.setattr(number_index, "write_part", refuse)
    assert Corpus.open(corpus.folder).search_numbers("3 4", top=50) == whole


def test_an_empty_run_holds_nothing(tmp_path):
    answer = Corpus.create(tmp_path / "run", {"network": "fake-1"}).search_numbers("1 2")
    assert answer.hits == ()
    assert answer.sentence == "looked for 1, 2 in a row or in a column: no scans hold them"


def test_what_a_killed_process_left_is_removed_in_time(corpus):
    corpus.search_numbers("1 2")
    left = corpus.folder / ".search" / "numbers" / "read" / "new-x.part"
    left.mkdir()
    os.utime(left, (1, 1))
    add(corpus, [reading_of("new", [["123", "456"], ["1", "2"], ["3", "4"]])])
    corpus.search_numbers("1 2")
    assert not left.exists()
    # The index of likeness beside it leaves it alone.
    before = parts(corpus)
    os.utime(corpus.folder / "pages.parquet")
    corpus.refresh()
    corpus.search("p01")
    assert parts(corpus) == before


def test_links_are_those_of_the_units(corpus):
    rows = [[str(n), *map(str, divmod(round(1400 * np.sin(n / 20)), 60))] for n in range(1, 31)]
    cells = page_cells(reading_of("x", rows)).cells
    assert {(cell.number.column, cell.link) for cell in cells} == {(0, APART), (1, JOINED), (2, APART)}


def test_what_makes_no_sense_is_refused(corpus):
    with pytest.raises(SettingsError, match="top: got 0"):
        corpus.search_numbers("1 2", top=0)


def half_tables(separate):
    """A table of 24 rows set as two half-tables beside each other, or below each other on one page."""
    rows = [[str(day), str(37 * day * day % 89 + 10), str(53 * day % 97 + 10)] for day in range(1, 25)]
    if not separate:
        return reading_of("halves", [[*a, *b] for a, b in zip(rows[:12], rows[12:], strict=True)]), rows
    upper = reading_of("halves", rows[:12])
    lower = [replace(n, table=1) for n in reading_of("halves", rows[12:]).numbers]
    return replace(upper, numbers=(*upper.numbers, *lower)), rows


@pytest.mark.parametrize("separate", [False, True])
def test_a_sequence_goes_on_from_a_half_table_to_the_next(tmp_path, separate):
    page, rows = half_tables(separate)
    corpus = add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), [page, *random_pages()])
    (found,) = [
        hit for hit in corpus.search_numbers(" ".join(row[1] for row in rows[9:15])).hits if hit.standing == HOLDS
    ]
    cells = found.places[0].cells
    assert (found.page, found.places[0].direction) == ("halves", "column")
    assert [cell.number.text for cell in cells] == [row[1] for row in rows[9:15]]
    places = [(cell.address.table, cell.address.row, cell.address.column) for cell in cells]
    assert places[2:4] == [(1, 12, 2), (2, 1, 2) if separate else (1, 1, 5)]
    two_columns = " / ".join(f"{row[1]} {row[2]}" for row in rows[11:13])
    assert [hit.page for hit in corpus.search_numbers(two_columns).hits if hit.standing == HOLDS] == ["halves"]


def test_tables_whose_arguments_do_not_go_on_are_not_joined(tmp_path):
    page, rows = half_tables(True)
    numbers = [replace(n, table=1 - n.table) for n in page.numbers]
    numbers.sort(key=lambda n: (n.table, n.row, n.column))
    corpus = add(Corpus.create(tmp_path / "run", {"network": "fake-1"}), [replace(page, numbers=tuple(numbers))])
    assert not [h for h in corpus.search_numbers(f"{rows[23][1]} {rows[0][1]}").hits if h.standing == HOLDS]


def test_a_run_has_its_index_of_numbers_without_a_search(corpus):
    folder = corpus.folder / ".search" / "numbers" / "read"
    assert not folder.exists()
    assert corpus.build_number_index() == len(corpus)
    assert (folder / "about.json").is_file()

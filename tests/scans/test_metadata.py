import csv as csv_module
import unicodedata
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import MetadataError
from tablesim.scans.csvfile import read_csv
from tablesim.scans.locator import Locator, normalized_name
from tablesim.scans.metadata import (
    DATE,
    NOT_GIVEN,
    OTHER_YEAR,
    REPEATED,
    SINE_LOCO,
    count_by,
    facet_names,
    facet_of,
    match_lines,
    page_key,
    read_metadata,
    without_ending,
)

SPHAERA = Path(__file__).resolve().parents[3] / "shared" / "real" / "sphaera"
published = pytest.mark.usefixtures("real")

LINES = "page_id,author,place,year\na_p1.jpg,Doe,Köln,1550\nb_p2.jpg,Roe,Alcalá,1551-53\n"


@pytest.fixture
def csv(tmp_path):
    def write(content: str | bytes, name: str = "pages.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_separator_line_ends_and_encoding_make_no_difference(csv, separator, ending, encoding):
    text = LINES.replace(",", separator).replace("\n", ending)
    metadata = read_metadata(csv(text.encode(encoding)))
    assert metadata.separator == separator
    assert metadata.rows["a_p1.jpg"].place == "Köln"
    assert metadata.rows["b_p2.jpg"].place == "Alcalá"
    assert (metadata.rows["b_p2.jpg"].year, metadata.rows["b_p2.jpg"].year_latest) == (1551, 1553)


def test_commas_inside_values_do_not_beat_the_real_separator(csv):
    metadata = read_metadata(csv("page;author\np1;Sacrobosco, Johannes de\np2;Fine, Oronce\n"))
    assert metadata.separator == ";"
    assert metadata.rows["p1"].authors == ("Sacrobosco, Johannes de",)


def test_quoted_values_keep_separators_and_lines(csv):
    metadata = read_metadata(csv('page,title\np1,"one, two\nthree"\n'))
    assert metadata.rows["p1"].title == "one, two\nthree"


def test_lists_are_parted_and_other_columns_are_kept(csv):
    row = read_metadata(csv("filename,credited_authors,tags\np1.png,A;B ; C,x\n")).rows["p1.png"]
    assert row.authors == ("A", "B", "C")
    assert row.extra == {"tags": "x"}


@pytest.mark.parametrize(
    ("header", "field"),
    [("city", "place"), ("Location", "place"), ("place_of_publication", "place"), ("short_title", "title")],
)
def test_columns_go_by_several_names(csv, header, field):
    row = read_metadata(csv(f"page,{header}\np1,here\n")).rows["p1"]
    assert getattr(row, field) == "here"


def test_join_is_by_id_in_its_case_then_without_ending(csv):
    metadata = read_metadata(csv("page,place\nP1,A\np2.jpg,B\nhttp://host/x/p3.jpg,C\np4 ff,D\np9,E\n"))
    match = match_lines(metadata, ["p1", "p2", "p3", "p4"])
    assert {page: row.place for page, row in match.pages.items()} == {"p2": "B", "p3": "C", "p4": "D"}
    assert match.pages_without == ("p1",)
    assert match_lines(metadata, ["P2"]).pages == {}
    assert match.lines_without == ("P1", "p9")
    assert list(match.remarks()) == ["metadata: page and line differ only in case and were not joined: 1 (p1 (P1))"]
    assert match.summary() == ("metadata: 3 of 4 pages have a line (without: p1); 2 lines name no page (P1, p9)")


def test_two_files_of_one_name_are_not_both_given_the_line_of_that_name(csv):
    metadata = read_metadata(csv("page,place\np1.jpg,A\nb_p1,B\n"))
    match = match_lines(metadata, {"a_p1": Locator(Path("a/p1.jpg")), "b_p1": Locator(Path("b/p1.jpg"))})
    assert {page: row.place for page, row in match.pages.items()} == {"b_p1": "B"}


def test_several_lines_of_a_page_are_joined_and_told_with_what_they_say_otherwise(csv):
    metadata = read_metadata(csv("page,place,year,kind\np1,,1550,a\np2,Rom,,\np1,Lyon,1560,b\np2,Rom,,\n"))
    assert (metadata.rows["p1"].place, metadata.rows["p1"].year) == ("Lyon", 1550)
    match = match_lines(metadata, ["p1"])
    assert [(finding.line, finding.detail) for finding in match.findings if finding.what == REPEATED] == [
        ("p2", "lines 3 and 5: the same again"),
        ("p1", "lines 2 and 4: date '1550', then '1560'; kind 'a', then 'b'"),
    ]
    assert [remark for remark in match.remarks() if REPEATED in remark] == [list(match.remarks())[-1]]


def test_what_did_not_fit_is_listed_on_both_sides(csv):
    match = match_lines(read_metadata(csv("page,place\np1,A\np9,B\n")), ["p1", "p2"])
    assert [(finding.what, finding.page, finding.line) for finding in match.findings] == [
        ("line without a page", "", "p9"),
        ("page without a line", "p2", ""),
    ]


def test_where_nothing_fits_it_shows_both_spellings(csv):
    match = match_lines(read_metadata(csv("page,place\nfol. 1,A\n")), ["book_p1"])
    assert "a page is called 'book_p1', a line 'fol. 1'" in match.summary()


@pytest.mark.parametrize(
    "line", ["book_p0012", "book_p12", "book_p012.jpg", "book.pdf", "book", "http://host/scans/book_p12.jpg"]
)
def test_a_page_of_a_pdf_finds_its_line_or_that_of_its_book(csv, line):
    pages = {"book_p0012": Locator(Path("scans/book.pdf"), 12)}
    assert match_lines(read_metadata(csv(f"page,place\n{line},A\n")), pages).pages["book_p0012"].place == "A"


def test_a_line_for_the_page_counts_before_one_for_its_book(csv):
    pages = {f"book_p000{number}": Locator(Path("book.pdf"), number) for number in (1, 2)}
    match = match_lines(read_metadata(csv("page,place\nbook,A\nbook_p2,B\n")), pages)
    assert [row.place for row in match.pages.values()] == ["A", "B"]
    assert match.lines_without == ()


def test_numbers_with_and_without_zeros_side_by_side_are_not_mistaken(csv):
    metadata = read_metadata(csv("page,place\nb_p1,A\nb_p01,B\n"))
    assert {page: row.place for page, row in match_lines(metadata, ["b_p1", "b_p01", "b_p001"]).pages.items()} == {
        "b_p1": "A",
        "b_p01": "B",
    }


@pytest.mark.parametrize("header", ["filename,page", "book,page", "page,file"])
def test_a_bare_page_number_counts_within_the_file_or_book_beside_it(csv, header):
    line = "12,book.pdf" if header.startswith("page") else "book.pdf,12"
    metadata = read_metadata(csv(f"{header},place\n{line},A\n"))
    assert list(metadata.rows) == ["book_p12"]
    assert match_lines(metadata, {"book_p0012": Locator(Path("book.pdf"), 12)}).pages["book_p0012"].place == "A"


@pytest.mark.parametrize("written", ["Sine loco", "s.l.", "[S. l.]", "S.L.", "sine loco?"])
def test_no_place_is_a_place_of_its_own_and_nothing_written_is_none(csv, written):
    metadata = read_metadata(csv(f"page,place\np1,{written}\np2,\np3,Oslo\n"))
    assert [row.place for row in metadata.rows.values()] == [SINE_LOCO, None, "Oslo"]


pages_and_lines = st.lists(st.tuples(st.sampled_from(["a", "b", "B"]), st.integers(0, 12)), max_size=8)


@given(pages_and_lines, pages_and_lines, st.sampled_from(["{}_p{}", "{}_p{:04d}.jpg", "{}"]))
def test_every_page_and_every_line_is_accounted_for_once(tmp_path_factory, pages, lines, style):
    keys = [style.format(*line) for line in lines] or ["z"]
    path = tmp_path_factory.mktemp("csv") / "m.csv"
    path.write_text("page_id,place\n" + "".join(f"{key},{at}\n" for at, key in enumerate(keys)))
    ids = {f"{book}_p{number}" for book, number in pages}
    metadata = read_metadata(path)
    match = match_lines(metadata, sorted(ids))
    assert set(match.pages) | set(match.pages_without) == ids
    assert not set(match.pages) & set(match.pages_without)
    used = {key for key, row in metadata.rows.items() if any(row is found for found in match.pages.values())}
    assert used | set(match.lines_without) == set(metadata.rows)
    assert not used & set(match.lines_without)
    for page, row in match.pages.items():
        book = page.split("_")[0]
        assert any(key.split("_")[0] == book for key in used if metadata.rows[key] is row)


def test_a_year_that_the_id_contradicts_is_told_and_the_metadata_holds(csv):
    metadata = read_metadata(csv("page_id,year\n1638_sacrobosco_opusculum_1502_p73.jpg,1498\n"))
    match = match_lines(metadata, ["1638_sacrobosco_opusculum_1502_p73"])
    row = match.pages["1638_sacrobosco_opusculum_1502_p73"]
    assert (row.year, row.book) == (1498, "1638")
    assert [(finding.what, finding.detail) for finding in match.findings] == [(OTHER_YEAR, "1502 and 1498")]


def test_a_file_without_a_key_column_names_what_it_has_and_what_is_expected(csv):
    with pytest.raises(
        MetadataError,
        match=r"found the columns bookID, Date; expected one of page_id, .*page",
    ):
        read_metadata(csv("bookID;Date\n1;1550\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"page,year\n", "only a line of column names"),
        (b"PK\x03\x04rest", "workbook or archive"),
        (b"\x89PNG\x00\x00", "binary file"),
        (b"page,year\n,1550\n", "blank in every line"),
        (b"\xff\xfea", "cut short or damaged"),
    ],
)
def test_files_that_are_no_csv_say_so(csv, content, message):
    with pytest.raises(MetadataError, match=message):
        read_metadata(csv(content))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(MetadataError, match=r"gone\.csv: there is no such file"):
        read_metadata(tmp_path / "gone.csv")
    with pytest.raises(MetadataError, match="cannot be opened"):
        read_metadata(tmp_path)


def test_values_beyond_the_header_are_told_with_their_line(csv):
    file = read_csv(csv("page,place\np1,A,stray\np2,B,,\n"))
    assert file.remarks == ("line 2: 3 values for 2 columns; the last ones are left out",)
    assert [row["place"] for row in file.rows] == ["A", "B"]


def test_what_was_assumed_of_dates_is_told_once_a_kind_and_one_by_one(csv):
    metadata = read_metadata(csv("page,year\np1,1504-12\np2,1550\np3,1551/2\np4,1551/2\np5,vor 1630\np6,1515\n"))
    assert metadata.remarks == (
        "dates read as a month or a span of years: the longer of the two: 1 (1504-12 (line 2): 1504–1512)",
        "dates read as a year by two calendars (Old Style): either of the two: 2 (1551/2 (line 4): 1551–1552, "
        "1551/2 (line 5): 1551–1552)",
        "dates read as before a year: up to the year before it, the earliest is open: 1 "
        "(vor 1630 (line 6): 1629 or earlier)",
    )
    row = metadata.rows["p5"]
    assert (row.year, row.year_latest, row.date, row.extra) == (None, 1629, "vor 1630", {})
    findings = [finding for finding in match_lines(metadata, ["p5", "p6"]).findings if finding.what == DATE]
    assert [(finding.page, finding.line) for finding in findings] == [("", "p1"), ("", "p3"), ("", "p4"), ("p5", "p5")]


def test_a_column_of_months_has_months(csv):
    rows = read_metadata(csv("page,date\np1,1504-12\np2,1515-03\n")).rows
    assert [(row.year, row.year_latest) for row in rows.values()] == [(1504, 1504), (1515, 1515)]


def test_a_column_of_centuries_has_centuries(csv):
    rows = read_metadata(csv("Seite;Jahrhundert\np1;16\np2;XV\np3;17. Jh.\n")).rows
    assert [(row.year, row.year_latest) for row in rows.values()] == [(1501, 1600), (1401, 1500), (1601, 1700)]


LANGUAGES = {
    "German": "Dateiname;Autor(en);Titel;Drucker;Verlag;Druckort;Erscheinungsjahr;Signatur",
    "French": "Nom du fichier;Auteur;Titre;Imprimeur;Éditeur;Lieu d’impression;Année;Signatur",
    "Italian": "Nome file;Autore;Titolo;Stampatore;Editore;Luogo di stampa;Anno;Signatur",
    "Spanish": "Archivo;Autor;Título;Impresor;Editorial;Lugar de impresión;Año;Signatur",
    "Latin": "pagina;auctor;titulus;typographus;bibliopola;locus;annus;Signatur",
    "English": "Filename;Author;Title;Printer;Publisher;Place;Year;Signatur",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_of_six_languages_are_understood_and_what_is_not_is_kept_and_told(csv, language):
    metadata = read_metadata(
        csv(f"{LANGUAGES[language]}\np1.jpg;Stöffler;Tabulae;Köbel;Rynmann;Oppenheim;1524;4 Math 12\n")
    )
    row = metadata.rows["p1.jpg"]
    assert (row.authors, row.title, row.printers, row.publishers) == (
        ("Stöffler",),
        "Tabulae",
        ("Köbel",),
        ("Rynmann",),
    )
    assert (row.place, row.year, row.extra) == ("Oppenheim", 1524, {"Signatur": "4 Math 12"})
    remarks = list(metadata.column_remarks())
    assert ("is authors" in remarks[0]) == (language != "English")
    assert remarks[-1] == "metadata: columns of its own, kept and shown with each page: Signatur"
    lines = [asdict(row)]
    assert count_by(lines, LANGUAGES[language].split(";")[5]) == {"Oppenheim": 1}


def test_zeros_that_a_spreadsheet_took_away_are_not_missed(csv):
    metadata = read_metadata(csv("page;place\n12;A\n13;B\n"))
    assert {page: row.place for page, row in match_lines(metadata, ["0012", "0013"]).pages.items()} == {
        "0012": "A",
        "0013": "B",
    }
    metadata = read_metadata(csv("page,place\nimg_7,A\nimg_07,B\nother_7,C\n"))
    assert match_lines(metadata, ["img_0007", "other_0007"]).pages.keys() == {"other_0007"}


@pytest.mark.parametrize("name", ["M<FC>nster_p2", "M<81>nster_p2", "M<9F>nster_p2"])
def test_a_file_name_that_is_no_utf8_meets_the_name_that_is_typed(csv, name):
    metadata = read_metadata(csv("page;place\nMünster_p2;A\nMunster_p2;B\n"))
    assert match_lines(metadata, [name]).pages[name].place == "A"


def test_two_columns_for_one_field_are_both_kept(csv):
    row = read_metadata(csv("page,Jahr,Datierung\np1,1515,um 1515\np2,,um 1520\np3,1530,1530\n")).rows
    assert [(line.date, line.extra) for line in row.values()] == [
        ("1515", {"Datierung": "um 1515"}),
        ("um 1520", {}),
        ("1530", {}),
    ]


def test_a_number_of_a_page_beside_a_file_a_page_is_no_name(csv):
    metadata = read_metadata(csv("Dateiname;Seite;Ort\na_001.jpg;12;A\na_002.jpg;13;B\n"))
    assert list(metadata.rows) == ["a_001.jpg", "a_002.jpg"]
    assert metadata.own_columns == ("Seite",)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_settings_of_excel_are_heeded(csv, separator, quote, encoding):
    lines = LINES.replace(",", separator)
    file = read_csv(csv(f"{quote}sep={separator}{quote}\r\n{lines}".encode(encoding)), known=["page_id"])
    assert (file.separator, file.columns, file.lines) == (separator, ("page_id", "author", "place", "year"), (3, 4))
    assert [row["place"] for row in file.rows] == ["Köln", "Alcalá"]


def test_lines_above_the_column_names_are_left_out_and_told(csv):
    metadata = read_metadata(csv("Catalogue of pages;;;\nexported 2026;;;\n;;;\n" + LINES.replace(",", ";")))
    assert metadata.rows["a_p1.jpg"].place == "Köln"
    assert metadata.remarks == ("line 4 is taken for the column names; 2 lines above it are left out",)


def test_blanks_that_nobody_sees_in_column_names_do_not_count(csv):
    row = read_metadata(csv("\u200bPage_ID ;\ufeff place\u200b\np1;Roma\n")).rows["p1"]
    assert row.place == "Roma"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read(csv, encoding):
    metadata = read_metadata(csv(LINES.encode(encoding)))
    assert (metadata.encoding, metadata.rows["a_p1.jpg"].place) == (encoding, "Köln")


def test_a_guessed_encoding_is_told_with_a_word_it_gives(csv):
    mac = read_metadata(csv(LINES.replace("\n", "\r").encode("mac_roman")))
    assert (mac.encoding, mac.rows["a_p1.jpg"].place) == ("mac_roman", "Köln")
    assert "not UTF-8, read as mac_roman, which gives words such as 'Köln'" in mac.remarks[0]
    windows = read_metadata(csv(LINES.encode("cp1252")))
    assert "read as cp1252, which gives words such as 'Köln', 'Alcalá'; if that is wrong, save" in windows.remarks[0]
    assert read_metadata(csv(LINES)).remarks == ()


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("ends", [True, False])
def test_a_quotation_mark_that_nobody_closes_is_an_error_that_names_its_line(csv, separator, ends):
    lines = [f"p{number},Liber {number},{1500 + number},Roma" for number in range(1, 201)]
    lines[18] = lines[18].replace("Liber", '"Liber')
    if ends:
        lines[150] = lines[150].replace("Liber", '"Liber')
    text = "\n".join(["page_id,title,year,place", *lines]).replace(",", separator)
    with pytest.raises(MetadataError, match=r"line 20: a quotation mark is not closed, so that \d+ lines or more"):
        read_metadata(csv(text))


def test_texts_of_several_lines_are_no_open_quotes(csv):
    text = 'page,title\np1,"one, two\nthree, four\nfive, six\nseven"\np2,"a\n\nb\nc\nd"\n'
    rows = read_metadata(csv(text)).rows
    assert rows["p1"].title.count("\n") == 3
    assert rows["p2"].title.count("\n") == 4


def test_reading_changes_no_setting_of_the_process(csv):
    before = csv_module.field_size_limit()
    read_metadata(csv(LINES))
    assert csv_module.field_size_limit() == before
    with pytest.raises(MetadataError, match=r"field larger than field limit .*; is a quotation mark not closed"):
        read_metadata(csv('page,title\np1,"' + "x" * 200_000 + '"\n'))


def test_words_that_look_alike_are_one(csv):
    decomposed = unicodedata.normalize("NFD", "page,place\nKönigsberg_p1.jpg,Köln\n")
    match = match_lines(read_metadata(csv(decomposed)), [unicodedata.normalize("NFC", "Königsberg_p1")])
    assert match.summary() == "metadata: 1 of 1 page has a line"
    assert {row.place for row in match.pages.values()} == {"Köln"}
    apart = {"Königsberg_p1": Locator(Path(unicodedata.normalize("NFD", "Königsberg_p1.jpg")))}
    assert len(match_lines(read_metadata(csv("page,place\nKönigsberg_p1.jpg,Köln\n")), apart).pages) == 1


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8))
def test_a_key_is_the_last_part_of_its_path(name):
    assert page_key(f" http://host/a b/{name}.jpg ") == normalized_name(f"{name}.jpg")
    assert without_ending(f"{name}.JPG") == name


@published
def test_published_corpus_table_joins_every_page_and_names_its_wrong_years():
    metadata = read_metadata(SPHAERA / "sphaera_tables_9793.csv")
    pages = [without_ending(key) for key in metadata.rows]
    match = match_lines(metadata, pages)
    assert (len(match.pages), match.pages_without, match.lines_without) == (9793, (), ())
    assert len([finding for finding in match.findings if finding.what == OTHER_YEAR]) == 85
    assert len(list(match.remarks())) == 1
    assert len({row.book for row in match.pages.values()}) == 263
    assert len({row.place for row in match.pages.values()}) == 32
    assert count_by([asdict(row) for row in match.pages.values()], "place")[SINE_LOCO] > 0


@published
@pytest.mark.parametrize(
    ("name", "separator", "joined", "left"),
    [("tables_wo_artifactsDuplicates", ",", 9793, 0), ("sun_zodiac", ",", 249, 1), ("clime_tables", ";", 211, 9)],
)
def test_published_companions_join_the_corpus_table(name, separator, joined, left):
    corpus = read_metadata(SPHAERA / "sphaera_tables_9793.csv")
    companion = read_metadata(SPHAERA / f"{name}.csv")
    match = match_lines(companion, [without_ending(key) for key in corpus.rows])
    assert companion.separator == separator
    assert len(companion.repeated) == (4 if name == "clime_tables" else 0)
    assert (len(match.pages), len(match.lines_without)) == (joined, left)


@published
@pytest.mark.parametrize("name", ["clavius_books", "sun_zodiac_hist"])
def test_published_files_about_no_page_say_so(name):
    with pytest.raises(MetadataError, match="no column names the page"):
        read_metadata(SPHAERA / f"{name}.csv")


@pytest.fixture
def lines(tmp_path):
    (tmp_path / "pages.csv").write_text(
        "page,printers,place_of_publication,year,Shelf,tags\n"
        "p1,Seitz,Wittenberg,1550,A,sun|moon\n"
        "p2,Seitz;Kraft,[S.l.],1551-53,,moon\n"
        "p3,,,,B,\n"
    )
    return [asdict(row) for row in read_metadata(tmp_path / "pages.csv").rows.values()]


def test_every_column_that_says_something_is_a_facet(lines):
    assert facet_names(lines) == ["printers", "place", "year", "Shelf", "tags"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("printer", {"Seitz": 2, "Kraft": 1, NOT_GIVEN: 1}),
        ("place", {SINE_LOCO: 1, "Wittenberg": 1, NOT_GIVEN: 1}),
        ("City", {SINE_LOCO: 1, "Wittenberg": 1, NOT_GIVEN: 1}),
        ("date", {"1550": 1, "1551–1553": 1, NOT_GIVEN: 1}),
        ("shelf", {"A": 1, "B": 1, NOT_GIVEN: 1}),
        ("tags", {"moon": 2, "sun": 1, NOT_GIVEN: 1}),
    ],
)
def test_pages_are_counted_by_any_of_its_names(lines, name, counts):
    assert count_by(lines, name) == counts
    assert list(count_by(lines, name)) == list(counts)


def test_a_list_is_several_values_and_nothing_is_none(lines):
    assert facet_of(lines[1], "printers") == ("Seitz", "Kraft")
    assert facet_of(lines[2], "tags") == ()


def test_a_column_that_nobody_has_is_an_error_that_names_those_there_are(lines):
    with pytest.raises(MetadataError, match="column 'colour'; expected one of printers, place, year, Shelf, tags"):
        count_by(lines, "colour")

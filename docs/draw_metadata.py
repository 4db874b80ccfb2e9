"""Writes ``docs/metadata.md``: what becomes of ways to write a date, of headings, and of dialects of spreadsheets.

Run ``python docs/draw_metadata.py`` after reading of metadata was changed; a test holds the page equal to the code.
Every line of its tables is made by reading what stands in its first column.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tablesim.errors import MetadataError
from tablesim.records.dates import YearRange
from tablesim.scans.dates import read_date
from tablesim.scans.headings import CENTURIES, HEADINGS
from tablesim.scans.metadata import read_metadata

PAGE = Path(__file__).resolve().parent / "metadata.md"

DATES = (
    *("1515", "[1515]", "[15]15", "1581-01-01 00:00", "03.12.1504", "15. März 1515", "1550.0"),
    *("MDXV", "M. D. XLVII.", "mdxxiij", "MCCCCLXXXVIIII", "CIↃ IↃ LXXXV", "(I) I) XC"),
    *("ca. 1490", "um 1515", "vers 1515", "intorno al 1515", "hacia 1515", "circiter 1515", "about 1515", "1515±3"),
    *("c1550", "c1912", "[1547?]", "wohl 1515", "forse 1515", "[c. 1550-55]"),
    *("vor 1630", "avant 1630", "prima del 1630", "antes de 1630", "ante 1630", "before 1630", "bis 1630", "../1630"),
    *("nach 1550", "après 1550", "dopo il 1550", "después de 1550", "post MDL", "after 1550", "not before 1550"),
    *("1550-", "1550 ff.", "v. 1490", "vor ca. 1515", "kurz nach 1550", "nach 1550, vor 1560"),
    *("zwischen 1540 und 1545", "entre 1540 et 1545", "tra il 1540 e il 1545", "inter 1540 et 1545", "1540 oder 1541"),
    *("1540-45", "1540–1545", "1550-1540", "1551/2", "24 March 1641/2", "1515 more veneto", "1504-12", "1504-06"),
    *("15--", "155-", "[149-?]", "15xx", "1490er Jahre", "années 1490", "1500s"),
    *("15. Jh.", "XVI sec.", "XVe siècle", "siglo XVI", "saec. XV", "sixteenth century", "Cinquecento", "XVI"),
    *("2. Hälfte 15. Jh.", "prima metà del XVI secolo", "XVIe siècle (2e moitié)", "segunda mitad del siglo XV"),
    *(
        "letztes Viertel 15. Jh.",
        "erstes Drittel 17. Jh.",
        "Mitte 16. Jh.",
        "early 16th century",
        "s. XV in.",
        "s. XV ex.",
    ),
    *("saec. XV²", "s. XV 3/4", "15./16. Jh.", "Ende 15./Anfang 16. Jh.", "Wende vom 15. zum 16. Jahrhundert"),
    *("an IX", "1551 [i.e. 1515]", "1492 (1495 reprint)", "Romae, apud Bladum, 1515", "o. J. [um 1500]", "927"),
    *("s.a.", "o. J.", "sans date", "senza data", "sin fecha", "sine anno", "n.d.", "unbekannt", "?"),
    *("300 v. Chr.", "AH 927", "43831", "1.550", "Montag"),
)

ROWS = (
    ("page_id", "author", "place", "year", "breadth"),
    ("a_p1", "Stöffler, Johannes", "Köln", "1524", "48,5"),
    ("b_p2", "Peurbach; Regiomontanus", "Alcalá", "1515", "50,25"),
)
"""Author and breadth have commas, an author has a semicolon: what every dialect has to keep apart."""


def table(separator: str, end: str = "\r\n", rows: tuple[tuple[str, ...], ...] = ROWS, quote: str = '""') -> str:
    """The rows as CSV, quoted where a value has the separator or a quotation mark."""

    def value(text: str) -> str:
        needs = separator in text or '"' in text
        return '"' + text.replace('"', quote) + '"' if needs else text

    return "".join(separator.join(map(value, row)) + end for row in rows)


def dialects() -> Iterator[tuple[str, bytes]]:
    """A name and the bytes of a file."""
    german, comma, tab = table(";"), table(","), table("\t")
    french = table(";", rows=(("Nom du fichier", "Auteur", "Lieu", "Année", "Hauteur"), *ROWS[1:]))
    quoted = tuple((row[0], row[1].replace("Johannes", 'Johannes "Justus"'), *row[2:]) for row in ROWS)
    yield "comma, UTF-8", comma.encode()
    yield "semicolon and decimal commas, UTF-8 with a mark (Excel: CSV UTF-8)", b"\xef\xbb\xbf" + german.encode()
    yield "semicolon, Windows-1252 (Excel: CSV)", german.encode("cp1252")
    yield "semicolon, code page 850 (Excel: CSV MS-DOS)", german.encode("cp850")
    yield "semicolon, Mac Roman, lines end in CR (Excel: CSV Macintosh)", table(";", "\r").encode("mac_roman")
    yield "semicolon, Mac Roman, lines end in LF", table(";", "\n").encode("mac_roman")
    yield "tab, UTF-16 with a mark (Excel: Unicode text)", tab.encode("utf-16")
    yield "semicolon, UTF-16 without a mark", german.encode("utf-16-le")
    yield "vertical bar", table("|").encode()
    yield "`sep=;` above, Windows-1252", ("sep=;\r\n" + german).encode("cp1252")
    yield '`"sep=,"` in quotation marks above', ('"sep=,"\r\n' + comma).encode()
    yield "title lines above the column names", ("Tables;;;;\r\nexported 2026;;;;\r\n;;;;\r\n" + german).encode()
    yield (
        "blanks that nobody sees, capitals, semicolon at each end",
        (german.replace("page_id", "\u00a0Page_ID \u200b").replace("\r\n", ";\r\n").encode()),
    )
    yield "French headings", french.encode()
    yield (
        "every line in quotation marks as a whole",
        "".join('"' + line.replace('"', '""') + '"\n' for line in comma.splitlines()).encode(),
    )
    yield "quotation marks doubled", table(",", rows=quoted).encode()
    yield "quotation marks after a backslash (MySQL)", table(",", rows=quoted, quote='\\"').encode()
    yield "blanks after commas", comma.replace(",", ", ").replace(",  ", ", ").encode()
    yield "UTF-8 that Excel opened as Windows-1252 and saved as UTF-8", german.encode().decode("cp1252").encode()
    yield "UTF-8 with a few bytes of Windows-1252", comma.encode().replace("á".encode(), b"\xe1")
    yield "letters and accents apart (NFD, from a Mac)", comma.replace("ö", "o\u0308").replace("á", "a\u0301").encode()
    yield (
        "index and nameless columns (pandas)",
        (",page_id,author,place,year,\n0,a_p1,Stöffler,Köln,1524,loose leaf\n1,b_p2,Peurbach,Alcalá,1515,\n".encode()),
    )
    yield "two columns of one name", "page_id,place,year,year\na_p1,Köln,1524,1525\nb_p2,Alcalá,1515,\n".encode()
    yield (
        "a line with too few values, one with too many",
        (
            "page_id,place,year\n"
            + "".join(f"c_p{n},Wien,1500\n" for n in range(1, 9))
            + "a_p1,Köln\nb_p2,Alcalá,1515,x\n"
        ).encode(),
    )
    lines = "".join(f"c_p{number},Liber {number},Wien,1500\n" for number in range(1, 200))
    yield (
        "a quotation mark that nobody closes",
        ("page_id,title,place,year\n" + lines.replace("Liber 20,", '"Liber 20,')).encode(),
    )
    yield "a workbook (.xlsx)", b"PK\x03\x04"
    yield "an old workbook (.xls)", b"\xd0\xcf\x11\xe0\xa1\xb1"
    yield "a web page that is called .csv or .xls", b"<html><table><tr><td>page_id</td></tr></table></html>"
    yield "column names and nothing below", b"page_id;author\r\n"
    yield "an empty file", b""


def outcome(content: bytes, folder: Path) -> tuple[str, str]:
    """What becomes of a file: what was read, or that nothing was; and everything that is said."""
    path = folder / "pages.csv"
    path.write_bytes(content)
    try:
        metadata = read_metadata(path)
    except MetadataError as error:
        return "refused", str(error).replace(str(path), "pages.csv")
    rows = [metadata.rows[key] for key in list(metadata.rows)[-2:]]
    texts = []
    for row in rows:
        parts = (*row.authors, row.title, row.place, YearRange.of_row(vars(row)).shown, *row.extra.values())
        texts.append(" · ".join(part for part in parts if part))
    n = len(metadata.rows)
    said = "; ".join((*metadata.column_remarks(), *metadata.remarks))
    return f"{n} lines{'' if n == 2 else ', the last'}: {'; '.join(texts)}", said


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def page() -> str:
    """The whole page."""
    out = [
        "# What becomes of metadata",
        "",
        "Made by `python docs/draw_metadata.py` from the code that reads metadata; a test holds it equal. What is said",
        "of columns and dates is printed by `tablesim run`; of dates it stands in `RUN/metadata_findings.csv` as well.",
        "",
        f"## Dates: {len(DATES)} ways to write one",
        "",
        "The words are kept and shown with the years that they allow. An open end stays open: history by year leaves",
        "such pages out and says so, a genealogy takes a direction for impossible only where no year that is allowed",
        "permits it, and time lines draw the whole range.",
        "",
        "| written | years | what is said of it |",
        "|---|---|---|",
    ]
    for text in DATES:
        read = read_date(text)
        out.append(f"| {_cell(text)} | {read.years.years or 'none'} | {_cell('; '.join(read.how))} |")
    languages = list(HEADINGS["page"])
    out += [
        "",
        f"## Headings: {len(languages)} languages",
        "",
        "Case, accents, signs and what stands in brackets do not count: `Autor(en)` is `Autor`. Other columns are kept",
        "under their own names, said, shown with each page and counted by `tablesim status RUN --by COLUMN`.",
        "Numbers are centuries in columns named " + ", ".join(f"`{name}`" for name in sorted(CENTURIES)),
        "or their like.",
        "",
        f"| field | {' | '.join(languages)} |",
        f"|---|{'---|' * len(languages)}",
    ]
    for name, by_language in HEADINGS.items():
        out.append(f"| {name} | {' | '.join(_cell(', '.join(by_language[each])) for each in languages)} |")
    files = list(dialects())
    out += [
        "",
        f"## Spreadsheets: {len(files)} dialects",
        "",
        "| file | what is read | what is said |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files:
            read_as, said = outcome(content, Path(folder))
            out.append(f"| {_cell(name)} | {_cell(read_as)} | {_cell(said)} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.relative_to(PAGE.parent.parent)}")

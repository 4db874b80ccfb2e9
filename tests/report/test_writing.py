import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from markupsafe import escape
from PIL import Image

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence import compare
from tablesim.evidence.collation.collation import PagePair
from tablesim.export.formats import export_run
from tablesim.export.kinds import Format
from tablesim.records.corrections import Correction
from tablesim.records.counting import cut
from tablesim.report import write_report
from tablesim.report.content import closest_pair
from tablesim.report.folder import ReportFolder
from tablesim.report.pair_pages import caption_of
from tablesim.report.presentation import PAGE_SIDE, THUMBNAIL_SIDE, Pictures
from tablesim.report.side_by_side import HEIGHT, side_by_side
from tablesim.workflow import run
from tests.corpus.fakes import FakeReader, write_scan
from tests.report.pages import data_of, page_of
from tests.workflow.kinds import run_of_kinds


def every_page(report: Path) -> list[Path]:
    return [report, *sorted(path for path in report.parent.rglob("*.html") if path != report)]


def pages_in(report: Path, folder: str) -> list[Path]:
    """The pages of pairs, of clusters or of pages."""
    return sorted((report.parent / folder).iterdir())


def text_of(report: Path, folder: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in pages_in(report, folder))


def test_report_stands_in_the_run_folder(corpus, report):
    assert report == corpus.folder / "report" / "index.html"
    folders = ["assets", "clusters", "data", "pages", "pairs"]
    files = ["groups.html", "history.html", "index.html", "overview.html", "pages.html", "report_files.txt"]
    assert sorted(path.name for path in report.parent.iterdir()) == sorted(folders + files)
    assert [len(pages_in(report, name)) for name in ("clusters", "pages", "pairs")] == [2, 9, 4]


def test_nothing_is_fetched(report):
    for page in every_page(report):
        html = page.read_text(encoding="utf-8")
        sources = re.findall(r'(?:src|href)="([^"]*)"', html)
        assert sources
        assert not [s for s in sources if re.match(r"\w+:", s) and not s.startswith("data:")]
        assert not [s for s in sources if s.startswith("//")]
        assert not re.search(r"url\((?!#)", html)
    for sheet in ("report.css", "report.js"):
        text = (report.parent / "assets" / sheet).read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(|https?:", text)


def test_every_address_leads_somewhere(report):
    ids = {
        page.name: set(re.findall(r' id="([^"]*)"', page.read_text(encoding="utf-8"))) for page in every_page(report)
    }
    for page in every_page(report):
        html = page.read_text(encoding="utf-8")
        named = ids[page.name] | set(re.findall(r'data-cell="([^"]*)"', html))
        for address in re.findall(r'(?:src|href)="([^"]*)"', html):
            if address.startswith("#"):
                assert html_of(unquote(address[1:])) in named
            elif not address.startswith("data:"):
                assert (page.parent / unquote(address).partition("#")[0]).is_file()


def html_of(text: str) -> str:
    """As a template writes it into an attribute."""
    return str(escape(text))


def test_pictures_of_every_page_and_no_other(corpus, report):
    shown = set()
    for page in every_page(report):
        html = page.read_text(encoding="utf-8")
        shown |= set(re.findall(r'(?:src|<image href)="(?:\.\./)?assets/([^"]*\.webp)"', html))
    assert shown == {path.name for path in (report.parent / "assets").iterdir() if path.suffix == ".webp"}
    for row in corpus.pages:
        if row["status"] == "read":
            assert f"{row['sha256'][:20]}-{row['rotation']}-small.webp" in shown


def test_each_picture_has_an_alternative_in_words(report):
    for page in every_page(report):
        html = page.read_text(encoding="utf-8")
        images = re.findall(r"<img [^>]*>", html)
        if page.parent.name == "pages" and "could not be read" not in html:
            assert re.search(r'<svg class="sheet-over" [^>]* aria-label="[^"]{5,}">\s*<image href="\.\./assets/', html)
        if page.name == "groups.html":
            continue  # its pictures stand beside the names
        assert len(images) >= {"pairs": 6, "clusters": 3}.get(page.parent.name, 0)
        assert all(re.search(r' alt="[^"]{5,}"', image) for image in images)


def test_score_and_sum_are_stated_for_each_pair(corpus, report):
    for page in pages_in(report, "pairs"):
        data = data_of(page)
        assert data["relevance_total"] == pytest.approx(data["score"], abs=1e-6)
        expected = compare(corpus.reading(Path(data["a"]).stem), corpus.reading(Path(data["b"]).stem))
        assert data["similarity"] == pytest.approx(expected.similarity, abs=1e-9)
        assert data["registered"]
        assert sum(link["relevance"] for link in data["links"]) == pytest.approx(data["score"], abs=1e-3)


def test_each_page_is_laid_over_the_first_of_its_cluster(report):
    html = text_of(report, "clusters")
    shares = re.findall(r"With the first page: similarity [\d.]+; (\d+) of (\d+) cells agree; by chance \d+", html)
    assert len(shares) == 4
    assert {int(places) for _, places in shares} <= {246, 247, 248, 120}
    assert {int(places) - int(agreeing) for agreeing, places in shares} == {0, 1}
    assert html.count("Compare the two</a>") == 4


def test_nearest_pages_show_agreement_beside_similarity(report):
    html = text_of(report, "pages")
    near = re.findall(r'<li><span class="cosine">.*?</li>', html, re.S)
    assert len(near) > 10
    assert all("cells agree; by chance" in one or "no cell of one meets" in one for one in near)
    assert {"not shown to be the same table" in one for one in near} == {True, False}


def test_a_page_without_a_table_is_said_to_be_one(report):
    html = report.read_text(encoding="utf-8")
    section = html[html.index('<section id="without">') :]
    section = section[: section.index("</section>")]
    assert 'id="page-words"' in section
    assert "no numerical table" in section
    assert "1 number read, which makes no table" in section
    assert "<img" in section


def test_problems_metadata_and_provenance_are_told(corpus, report):
    html = report.read_text(encoding="utf-8")
    assert "broken.jpg" in html
    assert "not an image" in html
    assert "printed-1" in html
    assert "Rome &lt;&amp;&gt; Köln" in html
    assert "10.1109/TPAMI.2020.3020738" in html
    assert "10.1126/sciadv.adj1719" in html


def test_no_name_is_taken_for_markup(report):
    for page in every_page(report):
        html = page.read_text(encoding="utf-8")
        assert "<&>" not in html
        assert "<b>Author" not in html
        assert 'sines<i>"' not in html
    html = report.read_text(encoding="utf-8")
    assert "sines&lt;i&gt;&#34;&amp;1604" in html
    page = page_of(report, "sines_i_1604")
    assert "sines&lt;i&gt;&#34;&amp;1604" in page.read_text(encoding="utf-8")
    assert "</script><b>Author" in data_of(page)["citation"]


def test_corrections_are_counted_and_their_makers_named(corpus, report, tmp_path):
    assert "<span>correction" not in report.read_text(encoding="utf-8")
    shutil.copytree(corpus.folder, tmp_path / "run")
    copy = Corpus.open(tmp_path / "run")
    number = copy.reading("alone").numbers[0]
    correct(copy, [Correction("alone", number.box, number.text, "12345")], who="A. <Reader>")
    html = write_report(copy).read_text(encoding="utf-8")
    assert "<strong>1</strong><span>correction</span>" in html
    assert "1 on alone; by A. &lt;Reader&gt;" in html
    assert "Decisions of people" in html and "12345" in html
    page = (copy.folder / "report" / "pages" / "alone.html").read_text(encoding="utf-8")
    assert re.search(r'<td class="n">77777</td><td class="n">12345</td><td>A. &lt;Reader&gt;</td>', page)
    assert re.search(r'<td id="t1r1c1" class="c" title="corrected by [^"]*">12345</td>', page)
    path = copy.folder / "corrections.csv"
    path.write_text(path.read_text().replace(copy.page("alone")["sha256"], "0" * 64))
    html = write_report(Corpus.open(copy.folder)).read_text(encoding="utf-8")
    assert "<span>correction" not in html
    assert "corrections that do not hold, since no page has their scan: 1 (alone, SHA-256 000000000000)" in html


def test_writing_again_makes_no_picture_again_and_leaves_nothing_old(corpus, report):
    def pictures():
        return {path: path.stat().st_mtime_ns for path in (report.parent / "assets").glob("*.webp")}

    before = pictures()
    old = ("assets/old.webp", "pairs/old.html")
    for name in old:
        (report.parent / name).write_bytes(b"")
    with (report.parent / "report_files.txt").open("a") as file:
        file.writelines(f"{name}\n" for name in (*old, "../run.json"))
    pages = {page: page.read_bytes() for page in every_page(report) if page.name != "old.html"}
    write_report(corpus)
    assert pictures() == before
    assert {page: page.read_bytes() for page in every_page(report)} == pages
    assert (corpus.folder / "run.json").is_file()
    assert listed_in(report.parent) == files_in(report.parent) - {"report_files.txt"}


def listed_in(folder: Path) -> set[str]:
    """The names on the list; behind those of pages stand their keys."""
    lines = (folder / "report_files.txt").read_text(encoding="utf-8").splitlines()[1:]
    return {line.partition("\t")[0] for line in lines}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_only_so_many_pairs_have_a_page_and_the_report_says_so(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.report.pair_pages.MAX_PAIRS", 3)
    monkeypatch.setattr("tablesim.report.pair_pages.MAX_OVERLAYS", 1)
    index = write_report(corpus, tmp_path / "few")
    pages = pages_in(index, "pairs")
    assert len(pages) == 3
    assert "3 pairs of pages have a page of their own here, of 4 that could" in index.read_text(encoding="utf-8")
    over = [page for page in pages if 'class="over"' in page.read_text(encoding="utf-8")]
    assert len(over) == 1
    rest = next(page for page in pages if page not in over).read_text(encoding="utf-8")
    assert "one report shows 1 pairs so" in rest


def test_what_was_aligned_is_kept_and_not_aligned_again(corpus, report, monkeypatch):
    monkeypatch.setattr("tablesim.evidence.collation.collation.align", None)
    before = {path: path.read_bytes() for path in every_page(report)}
    assert text_of(report, "pages").count("cells agree; by chance") > 10
    write_report(Corpus.open(corpus.folder))
    assert {path: path.read_bytes() for path in every_page(report)} == before


def test_scans_that_have_gone_leave_a_note_and_their_matches(corpus, tmp_path, monkeypatch):
    away = {row["page"]: {**row, "scan": "/gone/" + row["page"] + ".png"} for row in corpus.pages}
    moved = Corpus.open(corpus.folder)
    monkeypatch.setattr(Corpus, "page", lambda self, page: away[page])
    index = write_report(moved, tmp_path / "elsewhere")
    html = index.read_text(encoding="utf-8") + text_of(index, "clusters") + text_of(index, "pages")
    assert html.count("The scan is no longer where it was: sines_1543.png") >= 2
    assert "<img" not in html and "<image" not in html
    page = page_of(tmp_path / "elsewhere" / "index.html", "sines_1543").read_text(encoding="utf-8")
    assert "The scan is no longer where it was: sines_1543.png" in page
    assert page.count('class="link') > 100
    assert not re.search(r'<img src="\.\./', page)
    assert "there is no picture of it here" in page


def test_report_of_an_empty_run_is_refused(tmp_path):
    empty = Corpus.create(tmp_path / "empty", {"network": "none"})
    with pytest.raises(RunError, match="no page in this run yet"):
        write_report(empty)


def test_report_into_a_file_is_refused(corpus, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="the report cannot be written"):
        write_report(corpus, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_closest_pair_is_the_closest_and_the_earlier_page_first(corpus):
    pages = [row["page"] for row in corpus.pages if row["page"].startswith("declination")]
    best = max(
        ((one, other) for one in pages for other in pages if one < other),
        key=lambda pair: compare(corpus.reading(pair[0]), corpus.reading(pair[1])).similarity,
    )
    ids, phi = corpus.embeddings
    embeddings = {page: row for page, row in zip(ids, phi, strict=True) if page in pages}
    assert closest_pair(embeddings) == best
    assert closest_pair({pages[0]: embeddings[pages[0]]}) is None


def test_boxes_on_the_stage_lie_on_the_upright_page(corpus, tmp_path):
    upright, lying = corpus.reading("declination_1543"), corpus.reading("declination_1604")
    assert lying.transform.rotation == 90
    pair = side_by_side(PagePair.of(upright, lying), Pictures(ReportFolder(tmp_path)))
    assert all(side.picture is not None and side.picture.height > side.picture.width for side in pair.sides)
    for side, name in zip(pair.sides, ("a", "b"), strict=True):
        with Image.open(tmp_path / side.picture.href) as picture:
            grey = picture.convert("L").resize((round(side.width), round(HEIGHT)))
        for line in pair.lines:
            box = getattr(line, name)
            place = (box.x - side.left - 1, box.y - 1, box.right - side.left + 1, box.bottom + 1)
            assert grey.crop(tuple(round(v) for v in place)).getextrema()[0] < 150  # there is ink in it


def test_lines_are_as_wide_as_what_they_bring(corpus, tmp_path):
    pair = side_by_side(
        PagePair.of(corpus.reading("sines_1543"), corpus.reading("sines_1561")), Pictures(ReportFolder(tmp_path))
    )
    per_relevance = [line.width / line.relevance for line in pair.lines]
    assert max(per_relevance) == pytest.approx(min(per_relevance))
    assert pair.listed()[0][1].relevance == pair.strongest


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"authors": ["Clavius"], "place": "Rome", "year": 1585, "year_latest": 1585}, "Clavius, Rome 1585"),
        ({"title": "Sphaera", "year": 1500, "year_latest": 1510}, "Sphaera, 1500–1510"),
        ({"book": "b1", "place": "Lyon"}, "b1, Lyon"),
        ({}, ""),
    ],
    ids=["all", "range", "place", "nothing"],
)
def test_caption(row, expected):
    blank = dict.fromkeys(("authors", "title", "book", "place", "year", "year_latest"))
    assert caption_of({**blank, **row}) == expected


def test_similarities_are_cut_not_rounded():
    assert cut(0.99996) == "0.999"
    assert cut(1.0) == "1.000"
    assert cut(0.123456, 4) == "0.1234"


def test_pictures_of_deep_and_bad_scans(tiff, tmp_path):
    pictures = Pictures(ReportFolder(tmp_path / "report"))
    picture = pictures.thumbnail(str(tiff), "ab" * 32, 90)
    assert picture is not None
    assert (picture.width, picture.height) == (200, 300)
    assert pictures.page(str(tmp_path / "none.png"), "cd" * 32, 0) is None
    (tmp_path / "bad.jpg").write_bytes(b"bad")
    assert pictures.page(str(tmp_path / "bad.jpg"), "ef" * 32, 0) is None


def test_large_scans_are_reduced_and_transparent_ones_are_paper(tmp_path):
    Image.new("RGBA", (3000, 2000), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    pictures = Pictures(ReportFolder(tmp_path / "report"))
    page = pictures.page(str(tmp_path / "clear.png"), "ab" * 32, 0)
    small = pictures.thumbnail(str(tmp_path / "clear.png"), "ab" * 32, 0)
    assert page is not None
    assert small is not None
    assert (page.width, small.width) == (PAGE_SIDE, THUMBNAIL_SIDE)
    with Image.open(tmp_path / "report" / page.href) as image:
        assert image.convert("L").getextrema()[0] > 250


def test_tables_over_several_pages_have_a_section(tmp_path):
    corpus = run_of_kinds(tmp_path)
    report = write_report(corpus)
    html = report.read_text(encoding="utf-8")
    section = html[html.index('<section id="long">') :]
    section = section[: section.index("</section>")]
    assert section.count('<article class="long"') == 9
    assert re.search(r"similarity 0\.9\d\d · containment 0\.9\d\d · \d+ of \d+ cells agree; by chance \d+", section)
    assert "tablesim collate --run RUN b0_t0_p10+b0_t0_p11 b1_t0_p10+b1_t0_p11" in section
    pair = re.search(r'href="(pairs/b0_t0_p10--b1_t0_p10-\w+\.html)"', section)
    assert pair is not None
    assert (report.parent / pair[1]).is_file()
    assert "Tables over several pages</a>" in html


def test_the_page_of_a_page_leads_to_its_exports(tmp_path):
    write_scan(tmp_path / "scans" / "ones #1.png", [["1111", "111"]] * 20, 1)
    corpus = run(tmp_path / "scans", tmp_path / "run", clusters=1, network=FakeReader())
    page = next((write_report(corpus).parent / "pages").iterdir())
    assert "Written before" not in page.read_text() and "tablesim export RUN &#39;ones #1&#39;" in page.read_text()
    (written,) = export_run(corpus, Format.page_tei)
    html = next((write_report(Corpus.open(corpus.folder)).parent / "pages").iterdir()).read_text()
    (address,) = re.findall(r'href="(\.\./\.\./export/[^"]*)">TEI<', html)
    assert (page.parent / unquote(address)).resolve() == written.resolve()


def test_a_pair_of_pages_with_nothing_in_common_says_so(tmp_path):
    for shade, (name, text) in enumerate({"ones": "1", "twos": "2"}.items()):
        write_scan(tmp_path / "scans" / f"{name}.png", [[text * 4, text * 3]] * 20, shade)
    corpus = run(tmp_path / "scans", tmp_path / "run", clusters=1, network=FakeReader())
    report = write_report(corpus)
    html = page_of(report, "ones", "twos").read_text(encoding="utf-8")
    assert "nothing says that they carry the same table" in html
    assert "These two pages have no digit in common." in html
    assert "No rows and columns of the two pages could be brought together" in html
    assert "could not be registered: too few equal numbers are in matching cells" in html

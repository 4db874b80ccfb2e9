import csv
import json
from pathlib import Path

import cv2
import pytest
from typer import Typer
from typer.testing import CliRunner

from tablesim.cli.synthesize import command
from tablesim.errors import SettingsError
from tablesim.records.truth import PageTruth
from tablesim.synthesis.corpus import CorpusPlan, draw_plan, plan_of_pages, sample_plan, synthesize, write_corpus

PLAN = CorpusPlan((("royal_canon", {}, 2), ("declination", {"obliquity": (23, 33)}, 1)), ("title",), 7)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_corpus_is_whole_and_the_same_again(tmp_path: Path) -> None:
    summary = write_corpus(tmp_path / "one", PLAN)
    write_corpus(tmp_path / "two", PLAN)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (summary.pages, summary.table_pages, summary.tables) == (4, 3, 2)
    metadata = rows(tmp_path / "one" / "metadata.csv")
    labels = {row["page"]: row["label"] for row in rows(tmp_path / "one" / "labels.csv")}
    assert sorted(labels.values()).count("declination_obliquity-23-33_seconds-False") == 1
    assert len(set(labels.values())) == 2
    for row in metadata:
        page = row["page_id"]
        picture = cv2.imread(str(tmp_path / "one" / "scans" / f"{page}.jpg"), cv2.IMREAD_GRAYSCALE)
        truth = PageTruth.load(tmp_path / "one" / "truth" / f"{page}.json")
        assert picture is not None
        assert picture.shape == (truth.height, truth.width)
        assert truth.page == page
        assert truth.is_table == (page in labels)
        assert all(row[key] for key in ("book", "author", "title", "printer", "place"))
        assert 1490 <= int(row["year"]) <= 1650
        text = (tmp_path / "one" / "truth" / f"{page}.txt").read_text(encoding="utf-8")
        lines = [line.split("#")[0].replace("|", " ").split() for line in text.splitlines()]
        assert sorted(word for line in lines for word in line) == sorted(number.text for number in truth.numbers)


def test_the_copying_history_is_told(tmp_path: Path) -> None:
    write_corpus(tmp_path, PLAN)
    stemmata = json.loads((tmp_path / "stemma.json").read_text(encoding="utf-8"))
    pages = {row["page_id"] for row in rows(tmp_path / "metadata.csv")}
    assert [len(stemma["witnesses"]) for stemma in stemmata] == [2, 1]
    first, second = stemmata[0]["witnesses"]
    assert (second["parent"], second["parent_page"]) == (first["name"], first["page"])
    assert {witness["page"] for stemma in stemmata for witness in stemma["witnesses"]} < pages
    # A misprint of the first edition stands on its page and on that of its copy.
    misprint = next(m for m in first["misprints"] if m["kind"] != "row omitted")
    for witness in (first, second):
        truth = PageTruth.load(tmp_path / "truth" / f"{witness['page']}.json")
        lines = truth.meta["lines"][0]
        column = truth.meta["columns"].index({"column": misprint["column"], "place": misprint["place"]})
        found = [n.text for n in truth.numbers if (n.row, n.column) == (lines.index(misprint["line"]), column)]
        assert found == [misprint["became"]]


def test_what_the_user_made_is_kept(tmp_path: Path) -> None:
    plan = CorpusPlan((("royal_canon", {}, 1),), (), 1)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"holds 1 files that tablesim did not write .*note.txt"):
        write_corpus(tmp_path, plan)
    (tmp_path / "note.txt").unlink()
    write_corpus(tmp_path, plan)
    before = contents(tmp_path)
    write_corpus(tmp_path, plan)
    assert contents(tmp_path) == before
    (tmp_path / "labels.csv").write_text("page,label\nmine,mine\n")
    with pytest.raises(SettingsError, match=r"labels.csv, ...\); choose an empty folder"):
        write_corpus(tmp_path, plan)
    (tmp_path / "corpus.json").write_text("{}")
    with pytest.raises(SettingsError, match="not the record of a corpus"):
        write_corpus(tmp_path, plan)
    with pytest.raises(SettingsError, match="is a file, expected a folder"):
        write_corpus(tmp_path / "labels.csv", plan)


@pytest.mark.parametrize("pages", [1, 6, 7, 50, 200])
def test_plans_of_so_many_pages(pages: int) -> None:
    assert plan_of_pages(3, pages).n_pages == pages


def test_plans_hold_different_tables() -> None:
    plan = draw_plan(5, n_tables=40, editions=2)
    tables = {(name, str(sorted(parameters.items()))) for name, parameters, _ in plan.tables}
    assert len(tables) == 40
    assert draw_plan(5, 40, 2) == plan
    assert len({name for name, *_ in plan.tables[:12]}) == 12
    with pytest.raises(SettingsError, match="expected at most"):
        draw_plan(5, 10_000)
    with pytest.raises(SettingsError, match="got 0 tables"):
        draw_plan(5, 0)
    with pytest.raises(SettingsError, match="got 0 pages"):
        plan_of_pages(5, 0)


def test_the_sample_is_as_large_as_promised() -> None:
    plan = sample_plan()
    assert len(plan.tables) == 8
    assert all(3 <= editions <= 5 for *_, editions in plan.tables)
    assert plan.n_pages == 41


def test_the_command_writes_a_corpus_and_says_so(tmp_path: Path) -> None:
    app = Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "c"), "--tables", "1", "--editions", "1", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["pages"], told["tables"]) == (1, 1)
    assert len(list((tmp_path / "c" / "scans").iterdir())) == 1
    wrong = CliRunner().invoke(app, ["--out", str(tmp_path / "d"), "--sample", "--pages", "3"])
    assert wrong.exit_code == 2
    assert "give one of" in wrong.output


def test_a_corpus_is_replaced_only_where_that_is_asked_for(tmp_path):
    seen = []
    first = synthesize(tmp_path, pages=2, editions=2, seed=3, on_page=lambda done, total: seen.append((done, total)))
    assert (first.pages, seen) == (2, [(1, 2), (2, 2)])
    with pytest.raises(SettingsError, match="was written there before; give --force to replace it"):
        synthesize(tmp_path, pages=1, seed=3)
    assert synthesize(tmp_path, pages=1, seed=3, force=True).pages == 1
    with pytest.raises(SettingsError, match="several of pages, tables and sample"):
        synthesize(tmp_path / "other", pages=1, tables=1)

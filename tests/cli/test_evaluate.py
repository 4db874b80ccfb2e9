import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.records.truth import PageTruth, TrueDigit, TrueNumber


def number(text: str, x: float) -> Number:
    digits = tuple(Digit(int(figure), Box(x + 10 * i, 20, 8, 12), 0.9) for i, figure in enumerate(text))
    return Number(text, digits, 0.9)


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """Two scans with transcriptions and one without, and a network that reads 12, 30 and 348 on each."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(b"not opened")
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "a.txt").write_text("# ignore 390 0 100 100\n12 | 30\n")
    (truth / "b.txt").write_text("12 | 31 | 348\n")
    read = (number("12", 0), number("30", 100), number("348", 400))
    network = SimpleNamespace(
        read=lambda path: Reading(str(path), path.stem, "", Transform(500, 100), False, 1.0, read)
    )
    monkeypatch.setattr("tablesim.reader.load_network", lambda path=None: network)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["evaluate", *map(str, words)])


def test_pages_are_scored_and_summed(pages):
    result = run(pages / "a.png", pages / "b.png", "--truth", pages / "truth", "--json")

    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert [page["page"] for page in data["pages"]] == ["a", "b"]
    assert data["pages"][0]["f1_numbers"] == 1.0
    assert data["pages"][1]["numbers"] == {"hits": 2, "false": 1, "missed": 1}
    assert data["total"]["numbers"] == {"hits": 4, "false": 1, "missed": 1}
    assert data["total"]["f1_numbers"] == 0.8
    # Page a: 12 and 30 are right. Page b: 12 and 348 are right, 30 was 31.
    calibration = data["total"]["calibration"]["numbers"]
    assert calibration["judged"] == 5
    assert calibration["error"] == pytest.approx(0.9 * 1 / 5 + 0.1 * 4 / 5)
    assert sum(each["count"] for each in calibration["bins"]) == 5
    assert "digits" not in data["total"]["calibration"]
    # None of the numbers was read in a table.
    assert data["pages"][0]["neighbours"]["rows"] == {"printed": 1, "kept": 0}
    assert data["total"]["neighbours"]["share"] == 0.0


def test_the_table_has_a_line_a_page_and_one_over_all(pages):
    result = run(pages, "--truth", pages / "truth")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0][0] == "page"
    assert lines[0][-1] == "neighbours"
    assert lines[1][:4] == ["a", "2", "1.0000", "1.0000"]
    assert lines[3][:4] == ["all", "2", "5", "0.8000"]
    assert result.stdout.splitlines()[4] == "calibration of numbers: expected error 0.2600 over 5"
    assert "not transcribed, left out:" in result.stderr
    assert "c.png" in result.stderr


def test_the_truth_of_a_synthesized_page_goes_first(pages):
    digits = [(0, 1), (10, 2), (100, 3), (110, 0), (300, 5)]
    true = [TrueDigit(value, Box(x, 20, 8, 12)) for x, value in digits]
    numbers = (
        TrueNumber("12", tuple(true[:2]), 0, 0, 0),
        TrueNumber("30", tuple(true[2:4]), 0, 0, 1),
        TrueNumber("5", tuple(true[4:]), 0, 0, 2),
    )
    meta = {"unasked": [Box(x, 20, 8, 12).to_dict() for x in (400, 410, 420)]}
    PageTruth("a", 500, 100, True, numbers, meta).save(pages / "truth" / "a.json")
    result = run(pages / "a.png", "--truth", pages / "truth", "--json")

    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["pages"][0]["numbers"] == {"hits": 2, "false": 0, "missed": 1}
    assert data["pages"][0]["neighbours"]["rows"] == {"printed": 2, "kept": 0}
    assert data["total"]["calibration"]["digits"]["judged"] == 4
    assert data["total"]["calibration"]["digits"]["error"] == pytest.approx(0.1)


def test_a_damaged_truth_is_said_to_be_one(pages):
    (pages / "truth" / "a.json").write_text('{"numbers": 3}')
    result = run(pages / "a.png", "--truth", pages / "truth")

    assert result.exit_code == 1
    assert "a.json: not the truth of a page" in result.stderr


def test_a_scan_named_outright_needs_its_transcription(pages):
    result = run(pages / "c.png", "--truth", pages / "truth")

    assert result.exit_code == 1
    assert "c.png: no transcription, expected it at" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("words", [(), ("--truth", "t", "--labels", "l.csv")])
def test_one_of_truth_and_labels_is_asked_for(pages, words):
    result = run(pages / "a.png", *words)

    assert result.exit_code == 2
    assert "give either --truth DIR" in result.stderr


def test_labels_take_one_run(pages):
    result = run(pages / "a.png", pages / "b.png", "--labels", "l.csv")

    assert result.exit_code == 2
    assert "takes one run folder, got 2 paths" in result.stderr


def test_ground_truth_says_itself_which_image_it_describes(pages):
    """As Transkribus and OCR-D name their files: in a folder of their own, by other names than the scans."""
    line = "".join(
        f'<TextLine><Coords points="{x},20 {x + 40},40"/><TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine>'
        for x, text in ((0, "12"), (100, "31"), (400, "348"))
    )
    folder = pages / "export" / "page"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"FILE_000{name}_GT.xml").write_text(
            '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
            f'<Page imageFilename="OCR-D-IMG/{name}.png" imageWidth="500" imageHeight="100">'
            f"<TextRegion>{line}</TextRegion></Page></PcGts>"
        )
    result = run(pages / "a.png", "--truth", pages / "export", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["total"]["numbers"] == {"hits": 2, "false": 1, "missed": 1}
    # Two files of one image: nobody knows which is meant.
    (folder / "again.xml").write_text((folder / "FILE_000a_GT.xml").read_text())
    assert "no transcription" in run(pages / "a.png", "--truth", pages / "export").stderr

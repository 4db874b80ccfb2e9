"""Whole synthesized pages through the bundled network: size, orientation, skew, two sizes of type, what is no table."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tablesim.digits.evaluation.scores import ErrorCounts
from tablesim.digits.marked_numbers import set_marks
from tablesim.digits.page import IN_FULL, _numbers, _too_large
from tablesim.digits.passes import Detection
from tablesim.digits.peaks import DigitPeaks, MarkPeaks
from tablesim.digits.refusals import is_refusal
from tablesim.digits.scale import LARGEST_SHEET, LARGEST_WORKING_SIDE, READING_HEIGHT, survey
from tablesim.reader import load_network
from tablesim.records.transform import Transform
from tablesim.synthesis.ageing import Ageing, SimulatedScan, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style

CLEAN = Ageing(scale=0.6, grain=0.1)


@pytest.fixture(scope="module")
def network():
    return load_network()


def set_digits(sheet: Sheet, area: tuple[int, int, int, int], size: float, face: str = "fell-english") -> None:
    """Fill an area (left, top, right, bottom) with columns of two-digit numbers."""
    rng = np.random.default_rng(round(size))
    style = Style(FACES[face], size)
    left, top, right, bottom = area
    for y in np.arange(top + size, bottom, 1.25 * size):
        for x in np.arange(left, right - 1.5 * size, 2.6 * size):
            sheet.write(float(x), float(y), str(rng.integers(10, 60)), style)


def page(skew: float = 0.0, size: float = 60) -> SimulatedScan:
    sheet = Sheet(1700, 1900, np.random.default_rng(0))
    set_digits(sheet, (150, 150, 1550, 1750), size)
    return age(sheet, Ageing(scale=0.6, grain=0.1, skew=skew), np.random.default_rng(1))


def read(network, grey: np.ndarray, folder: Path):
    path = folder / "page.png"
    cv2.imwrite(str(path), grey)
    return network.read(path)


def score(reading, scan: SimulatedScan) -> float:
    return ErrorCounts.of([n.digits_text for n in reading.numbers], [n.text for n in scan.numbers]).f1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_page_on_its_side_or_head_is_read_as_upright(network, tmp_path, rotation):
    scan = page()
    reading = read(network, np.ascontiguousarray(np.rot90(scan.grey, rotation // 90)), tmp_path)
    assert reading.transform.rotation == rotation
    assert score(reading, scan) > 0.95
    assert reading.is_table


@pytest.mark.parametrize("skew", [-4.0, 4.0])
def test_skew_is_undone_and_boxes_come_back_in_source_pixels(network, tmp_path, skew):
    scan = page(skew)
    reading = read(network, scan.grey, tmp_path)
    assert reading.transform.skew == pytest.approx(-skew, abs=0.5)
    assert score(reading, scan) > 0.95
    true = np.array([number.box.centre for number in scan.numbers])
    for number in reading.numbers:
        distance = np.hypot(*(true - number.box.centre).T).min()
        assert distance < 0.4 * number.box.height


@pytest.mark.parametrize("enlarged", [0.35, 1.0, 2.5])
def test_any_resolution_is_brought_to_the_working_scale(network, tmp_path, enlarged):
    scan = page()
    grey = cv2.resize(scan.grey, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_AREA)
    assert score(read(network, grey, tmp_path), scan) > 0.93


def test_two_sizes_of_type_are_both_read(network, tmp_path):
    sheet = Sheet(1700, 1900, np.random.default_rng(0))
    set_digits(sheet, (150, 150, 1550, 1250), 40)
    set_digits(sheet, (150, 1320, 1550, 1800), 120)
    scan = age(sheet, CLEAN, np.random.default_rng(1))
    sizes = Counter(number.box.height > 40 for number in scan.numbers)
    reading = read(network, scan.grey, tmp_path)
    large = [number.digits_text for number in reading.numbers if number.box.height > 40]
    true = [number.text for number in scan.numbers if number.box.height > 40]
    assert min(sizes.values()) >= 8
    assert ErrorCounts.of(large, true).f1 > 0.9
    assert score(reading, scan) > 0.93


def test_a_heading_in_large_capitals_takes_no_digit_away(network, tmp_path):
    sheet = Sheet(1700, 1900, np.random.default_rng(0))
    set_digits(sheet, (150, 250, 1550, 1750), 60)
    sheet.write(850, 150, "TABVLA DECLINATIONIS SOLIS", Style(FACES["fell-english"], 75), anchor="middle")
    scan = age(sheet, CLEAN, np.random.default_rng(1))
    assert score(read(network, scan.grey, tmp_path), scan) > 0.97


@pytest.mark.parametrize("rotation", [0, 90])
def test_digits_that_touch_do_not_lay_a_page_on_its_side(network, tmp_path, rotation):
    """Two digits that touch are one mark that is wider than tall, as on a page that lies on its side."""
    sheet = Sheet(1700, 1900, np.random.default_rng(0))
    set_digits(sheet, (150, 150, 1550, 1750), 60, "garamond-italic")
    scan = age(sheet, CLEAN, np.random.default_rng(1))
    touching = cv2.erode(scan.grey, np.ones((1, 6), np.uint8))
    if rotation == 0:
        assert survey(touching).lying
    reading = read(network, np.ascontiguousarray(np.rot90(touching, rotation // 90)), tmp_path)
    assert reading.transform.rotation == rotation
    assert score(reading, scan) > 0.7  # touching digits are hard to read either way


def test_digits_too_small_to_be_told_are_said_to_be_so(network, tmp_path):
    scan = page()
    grey = cv2.resize(scan.grey, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    reading = read(network, grey, tmp_path)
    assert reading.legibility < 0.7
    assert reading.note


@pytest.mark.parametrize(("confidence", "rival", "value"), [(0.2, 0.15, None), (0.2, 0.05, 4), (0.6, 0.55, 4)], ids=str)
def test_a_digit_that_may_be_either_of_two_is_illegible(confidence, rival, value):
    digits = DigitPeaks(
        values=np.array([7, 4]),
        confidence=np.array([0.99, confidence]),
        runner_up=np.array([1, 9]),
        runner_up_confidence=np.array([0.01, rival]),
        boxes=np.array([[10.0, 10, 20, 30], [22, 10, 32, 30]]),
        joins=np.array([[0.0, 1, 0, 0], [1, 0, 0, 0]]),
    )
    detection = Detection(Transform(100, 100), digits, np.zeros((100, 100), np.float32))
    [number] = _numbers(detection, set_marks(digits, [np.array([0, 1])], MarkPeaks.empty(), detection.ink))
    assert number.digits[1].value == value
    assert number.text == ("7?" if value is None else "74")
    assert number.digits[1].runner_up == ((4, confidence) if value is None else (9, rival))


def test_a_blank_page_holds_nothing(network, tmp_path):
    reading = read(network, np.full((1000, 700), 215, dtype=np.uint8), tmp_path)
    assert reading.numbers == ()
    assert not reading.is_table
    assert reading.legibility == 0
    assert reading.note == "no figures were found: the page is blank"


def test_what_a_first_look_refuses_is_read_in_full_where_a_person_asks(network, tmp_path):
    sheet, style = Sheet(1700, 1900, np.random.default_rng(0)), Style(FACES["fell-english"], 40)
    for y, texts in ((300, "12"), (1000, "34"), (1700, "56")):
        for x, text in zip((250, 1300), texts, strict=True):
            sheet.write(x, y, text, style)
    path = tmp_path / "page.png"
    cv2.imwrite(str(path), age(sheet, CLEAN, np.random.default_rng(1)).grey)
    refused = network.read(path)
    assert is_refusal(refused.note) and not refused.numbers
    full = network.read_in_full(path)
    assert [number.text for number in full.numbers] == list("123456")
    assert full.note == IN_FULL.format(refusal=refused.note) and not is_refusal(full.note)
    cv2.imwrite(str(path), page().grey)
    assert network.read_in_full(path) == network.read(path)


@pytest.mark.parametrize(
    ("working", "unit", "n_numbers", "is_told"),
    [
        ((LARGEST_WORKING_SIDE, LARGEST_SHEET // LARGEST_WORKING_SIDE + 1), 0.4 * READING_HEIGHT, 5, True),
        ((LARGEST_WORKING_SIDE, LARGEST_SHEET // LARGEST_WORKING_SIDE + 1), READING_HEIGHT, 5, False),
        ((LARGEST_WORKING_SIDE, LARGEST_SHEET // LARGEST_WORKING_SIDE + 1), 0.4 * READING_HEIGHT, 0, False),
        ((LARGEST_WORKING_SIDE // 2, 900), 0.4 * READING_HEIGHT, 5, False),
    ],
)
def test_a_sheet_that_was_read_too_small_because_of_its_size_says_so(working, unit, n_numbers, is_told):
    transform = SimpleNamespace(working_size=working, scale=0.31)
    detection = SimpleNamespace(transform=transform)
    note = _too_large(SimpleNamespace(detection=detection, unit=unit, numbers=[None] * n_numbers))
    assert bool(note) == is_told
    if is_told:
        assert note.startswith("the sheet is too large for its type: figures were read ")
        assert f"{unit:.0f} pixels high, at 0.31 of the scan; cut it into parts" in note

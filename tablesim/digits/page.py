"""Reads one page: detected digits become numbers in rows and columns, in source pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tablesim.digits.block_readings import BlockReading, block_reading, with_blocks
from tablesim.digits.calibration import as_probabilities
from tablesim.digits.detection import detect_page
from tablesim.digits.dittos import with_dittos
from tablesim.digits.empty_places import digits_in_empty_places
from tablesim.digits.layout import is_table
from tablesim.digits.lines_of_words import without_lines_of_words
from tablesim.digits.lone_numbers import is_accepted, without_unlikely
from tablesim.digits.marked_numbers import MarkedNumbers, set_marks
from tablesim.digits.marks_of_page import with_values
from tablesim.digits.network import DIGIT_HEIGHT
from tablesim.digits.number_features import NumbersOfPage, number_boxes, number_features
from tablesim.digits.numbers import find_numbers, number_confidence
from tablesim.digits.page_prototypes import correct_by_page_prototypes
from tablesim.digits.passes import Detection, DigitReader
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.pixel_shape import is_better
from tablesim.digits.prepared_scan import of_scan, prepared
from tablesim.digits.refusals import NOTHING
from tablesim.digits.rows import arrange_level
from tablesim.digits.scale import LARGEST_SHEET, LARGEST_WORKING_SIDE, READING_HEIGHT
from tablesim.digits.second_look import CHANGED, in_doubt, second_looks, with_changes, with_looks
from tablesim.digits.spread import with_pages
from tablesim.digits.table_frame import within_frames
from tablesim.digits.thousands import join_thousands
from tablesim.language import stored, to_say
from tablesim.records.reading import ILLEGIBLE, Digit, Ditto, Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import SMALLEST_SIDE, Scan, page_id

AMBIGUOUS_BELOW, AMBIGUOUS_RATIO = 0.25, 0.5
"""A digit is illegible when its confidence is below the first and its runner-up has more than the second of its
confidence: on practice pages such a digit is more often wrong than right."""

SMALLEST_LEGIBLE = 8.0
"""Height of digits in source pixels below which a page is called illegible in proportion; chosen by eye."""

SMALL = 0.7
"""Figures that were read at less than this share of the height at which they are read best are small."""

CLEAR_PAGE = 0.6
"""Mean confidence of digits below which a page is said to be faint or of an unknown face; chosen by eye."""


IN_FULL = to_say("read in full, for a person says that it carries a table; at first: {refusal}")
"""Note on a page that a first look had refused; what it said stands behind."""


def read_page(reader: DigitReader, scan: Scan, *, in_full: bool = False) -> Reading:
    """Read a scan.

    Parameters
    ----------
    reader : DigitReader
    scan : Scan
    in_full : bool
        Read it too where a first look refuses it.

    Returns
    -------
    Reading
        Without histogram; every coordinate in source pixels.
    """
    page, negative = prepared(scan)
    detection = detect_page(reader, page.grey, in_full=in_full)
    if detection.aspect != 1:
        squared = replace(scan, aspect=scan.aspect * detection.aspect)
        other_page, _ = prepared(squared)
        other = detect_page(reader, other_page.grey, in_full=in_full)
        if is_better(other, detection):
            scan, page, detection = squared, other_page, other
    blocks = _blocks(reader, page, detection)
    numbers = _numbers_of(reader, page, detection.outside([block.region for block in blocks]))
    reading = of_scan(with_blocks(reading_of(reader, page, numbers), blocks), scan, negative=negative)
    refusal = detection.refusal
    return replace(reading, note=stored(IN_FULL, refusal=refusal)) if in_full and refusal else reading


def reading_of(reader: DigitReader, scan: Scan, page: NumbersOfPage) -> Reading:
    """The reading of a scan whose numbers were found: the same numbers in the same order, with their probabilities."""
    numbers = _with_confidence(reader, page)
    numbers, marks_mean = with_values(
        numbers, rotation=page.detection.transform.rotation, kinds_known=len(page.detection.marks) > 0
    )
    legibility, note = _legibility(numbers, page.unit / page.detection.transform.scale)
    note = _too_large(page) or note
    return Reading(
        scan=str(scan.path),
        page=page_id(scan.path),
        sha256=scan.sha256,
        transform=replace(page.detection.transform, warp=page.warp),
        is_table=is_table(numbers),
        legibility=legibility,
        numbers=tuple(numbers),
        note=page.detection.refusal or note,
        dittos=tuple(page.dittos),
        marks_mean=marks_mean,
    )


def _blocks(reader: DigitReader, page: Scan, detection: Detection) -> list[BlockReading]:
    """The readings of the blocks of a page that stand otherwise than the rest of it."""
    found = []
    for box in detection.blocks:
        left, top = max(0, int(box.x)), max(0, int(box.y))
        piece = replace(page, grey=page.grey[top : int(box.bottom) + 1, left : int(box.right) + 1])
        if min(piece.grey.shape) < SMALLEST_SIDE:
            continue
        reading = reading_of(reader, piece, numbers_of_page(reader, piece))
        block = block_reading(reading, (left, top), detection.transform.rotation)
        if block is not None:
            found.append(block)
    return found


def numbers_of_page(reader: DigitReader, scan: Scan) -> NumbersOfPage:
    """The numbers of a scan in rows and columns, with what speaks for and against each; lines of words left out."""
    return _numbers_of(reader, scan, detect_page(reader, scan.grey))


def _numbers_of(reader: DigitReader, scan: Scan, detection: Detection) -> NumbersOfPage:
    """The numbers that detected digits make up, examined, lines of words left out."""
    pages = with_pages(detection.transform, scan.grey, detection.ink, detection.digits)
    page = _arranged(reader, replace(detection, transform=pages))
    missed = digits_in_empty_places(reader, page)
    if len(missed):
        page = _arranged(reader, replace(page.detection, digits=page.before.joined_with(missed)))
    features = number_features(page)
    looks = second_looks(reader, page, in_doubt(features))
    if any(look.verdict == CHANGED for look in looks.values()):
        page = _arranged(reader, replace(page.detection, digits=with_changes(page, looks)))
        features = number_features(page)
    page = replace(page, features=with_looks(features, page, looks))
    if reader.certainty is None:
        return page
    return without_lines_of_words(without_unlikely(page, reader.thresholds, reader.certainty), reader.certainty)


def _arranged(reader: DigitReader, detection: Detection) -> NumbersOfPage:
    """Digits corrected by the page's prototypes, joined to numbers, in rows and columns."""
    as_read = detection.digits
    runs = find_numbers(as_read, reader.thresholds)
    accepted = np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp)
    detection = replace(detection, digits=correct_by_page_prototypes(as_read, accepted, detection.ink))
    unit = float(np.median(as_read.heights[accepted])) if runs else DIGIT_HEIGHT
    digits, runs = join_thousands(detection.digits, runs, detection.ink)
    detection, marked = replace(detection, digits=digits), set_marks(digits, runs, detection.marks, detection.ink)
    numbers = _numbers(detection, marked)
    run_at = {number.digits[0].box: run for number, run in zip(numbers, marked.runs, strict=True)}
    numbers, transform = arrange_level(numbers, detection.transform, unit / detection.transform.scale)
    boxes = number_boxes(digits, [run_at[number.digits[0].box] for number in numbers])
    numbers = within_frames(numbers, boxes, detection.ink, unit)
    examined = reader.certainty is not None
    numbers = [number for number in numbers if is_accepted(number, reader.thresholds, examined=examined)]
    numbers, dittos = with_dittos(numbers, _dittos(detection, marked), detection.transform.rotation)
    runs = [run_at[number.digits[0].box] for number in numbers]
    return NumbersOfPage(numbers, runs, detection, as_read, unit, dittos, warp=transform.warp)


def _with_confidence(reader: DigitReader, page: NumbersOfPage) -> list[Number]:
    """The numbers with confidences that are probabilities, and with what speaks against them."""
    numbers = as_probabilities(page.numbers, reader.of_digits, reader.of_numbers)
    if reader.certainty is None:
        return numbers
    confidence = reader.certainty.of(page.features)
    doubts = reader.certainty.doubts(page.features, confidence)
    return [
        replace(number, confidence=float(sure), doubts=(*number.doubts, *reasons))
        for number, sure, reasons in zip(numbers, confidence, doubts, strict=True)
    ]


def _numbers(detection: Detection, marked: MarkedNumbers) -> list[Number]:
    """The number of each run, with the marks beside it in its text."""
    if not marked.runs:
        return []
    digit_at = np.concatenate(marked.runs)
    digits = iter(_digits(detection.digits.take(digit_at), detection.transform))
    sure = number_confidence(detection.digits, marked.runs).tolist()
    numbers = []
    for run, before, after, confidence in zip(marked.runs, marked.before, marked.after, sure, strict=True):
        of_run = tuple(next(digits) for _ in run)
        text = "".join(
            (ILLEGIBLE if digit.value is None else str(digit.value)) + marked.between[k]
            for k, digit in zip(run.tolist(), of_run, strict=True)
        )
        numbers.append(Number(before + text + after, of_run, confidence))
    return numbers


def _dittos(detection: Detection, marked: MarkedNumbers) -> list[Ditto]:
    """The marks that may be dittos, without cells."""
    marks = detection.marks.take(marked.dittos)
    boxes = detection.transform.boxes_to_source(marks.boxes)
    return [Ditto(box, confidence) for box, confidence in zip(boxes, marks.confidence.tolist(), strict=True)]


def _digits(peaks: DigitPeaks, transform: Transform) -> Iterator[Digit]:
    """The digits; an ambiguous one has no value, and its better value as the runner-up."""
    for value, box, confidence, *runner_up in zip(
        peaks.values.tolist(),
        transform.boxes_to_source(peaks.boxes),
        peaks.confidence.tolist(),
        peaks.runner_up.tolist(),
        peaks.runner_up_confidence.tolist(),
        strict=True,
    ):
        if confidence < AMBIGUOUS_BELOW and runner_up[1] > AMBIGUOUS_RATIO * confidence:
            yield Digit(None, box, confidence, (value, confidence))
        else:
            yield Digit(value, box, confidence, (runner_up[0], runner_up[1]))


def _too_large(page: NumbersOfPage) -> str:
    """What is to be said of a sheet that was read smaller than its figures need, because it is so large."""
    transform, height = page.detection.transform, page.unit
    width, depth = transform.working_size
    is_at_limit = max(width, depth) > LARGEST_WORKING_SIDE - 2 and width * depth > 0.99 * LARGEST_SHEET
    if not page.numbers or not is_at_limit or height > SMALL * READING_HEIGHT:
        return ""
    return stored(
        "the sheet is too large for its type: figures were read {height} pixels high, at {scale} of the scan; cut it "
        "into parts and read those",
        height=f"{height:.0f}",
        scale=f"{transform.scale:.2f}",
    )


def _legibility(numbers: list[Number], unit: float) -> tuple[float, str]:
    """How well the digits could be read, 0 to 1, and why not better. ``unit`` is their height in source pixels.

    The notes are kept with every reading, so their words stay as they are.
    """
    if not numbers:
        return 0.0, NOTHING
    mean = float(np.mean([digit.confidence for number in numbers for digit in number.digits]))
    if unit < SMALLEST_LEGIBLE:
        return (
            mean * unit / SMALLEST_LEGIBLE,
            stored(
                "the figures are only {height} pixels high; a scan of higher resolution would read better",
                height=f"{unit:.0f}",
            ),
        )
    if mean < CLEAR_PAGE:
        return mean, stored("the figures are faint, blurred or of an unknown face")
    return mean, ""

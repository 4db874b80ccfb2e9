"""Annotated scans: boxes drawn by hand come close to the ink, and scans they do not belong to are found out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.digits.network import DIGIT_HEIGHT
from tablesim.digits.training.annotated_pages import (
    AnnotatedCrops,
    AnnotatedPage,
    annotated_pages,
    close_box,
    cut_number,
    mask,
    split_by_book,
)
from tablesim.digits.training.annotations import read_annotations
from tablesim.digits.training.held_out import measure
from tablesim.digits.training.targets import make_targets
from tablesim.errors import MetadataError, SettingsError
from tablesim.reader import load_network
from tablesim.records.boxes import Box
from tablesim.records.truth import PageTruth
from tablesim.scans.images import load_scan
from tests.digits.training.annotated import sample_pages, write_digits, write_numbers

NAMES = ("1004_collinus_1573_p22", "1008_ripanus_1639_p77")


@pytest.fixture(scope="module")
def truths(sample):
    return [PageTruth.load(sample / "truth" / f"{name}.json") for name in NAMES]


@pytest.fixture(scope="module")
def annotated(sample):
    return sample_pages(sample, NAMES[1:])


@pytest.mark.parametrize("write", [write_digits, write_numbers])
def test_boxes_drawn_by_hand_come_close_to_the_ink(tmp_path, sample, truths, write):
    write(tmp_path / "a.csv", truths)
    pages, left_out = annotated_pages(read_annotations(tmp_path / "a.csv"), sample / "scans")

    assert not left_out
    assert [page.book for page in pages] == ["1004", "1008"]
    for page, truth in zip(pages, truths, strict=True):
        scale = page.ink.shape[1] / truth.width
        printed = [digit for number in truth.numbers for digit in number.digits]
        corners = np.array([(d.box.x, d.box.y, d.box.right, d.box.bottom) for d in printed]) * scale
        digits = [digit for number in page.numbers for digit in number.digits]
        found = np.array([(d.box.x, d.box.y, d.box.right, d.box.bottom) for d in digits])
        middles = (found[:, None, :2] + found[:, None, 2:] - corners[None, :, :2] - corners[None, :, 2:]) / 2
        nearest = np.abs(middles).sum(axis=2).argmin(axis=1)
        assert [printed[k].value for k in nearest] == [digit.value for digit in digits]
        off = np.abs(found - corners[nearest])
        assert np.quantile(off, 0.98) < 0.16 * DIGIT_HEIGHT
        assert len(page.numbers) >= 0.98 * len(page.asked)
        heights = [digit.box.height for digit in digits]
        assert np.median(heights) == pytest.approx(DIGIT_HEIGHT, rel=0.12)


def test_scans_that_are_not_those_annotated_are_left_out(tmp_path, sample, truths):
    import cv2

    write_digits(tmp_path / "a.csv", truths)
    scans = tmp_path / "scans"
    scans.mkdir()
    grey = load_scan(sample / "scans" / f"{NAMES[0]}.jpg").grey
    cv2.imwrite(str(scans / f"{NAMES[0]}.png"), cv2.resize(grey, None, fx=0.5, fy=0.5))
    cv2.imwrite(str(scans / f"{NAMES[1]}.png"), cv2.resize(grey, None, fx=1.4, fy=1.4))
    (scans / "other.png").write_bytes(b"never opened")
    with pytest.raises(MetadataError) as caught:
        annotated_pages(read_annotations(tmp_path / "a.csv"), scans)
    assert "none of the 2 annotated pages can be used" in str(caught.value)
    assert f"another scan: {NAMES[0]}" in str(caught.value)
    assert "boxes do not lie on digits: another scan" in str(caught.value)
    with pytest.raises(MetadataError, match="no scan of this name: 1004_collinus_1573_p22, 1008_ripanus_1639_p77"):
        other = tmp_path / "others"
        other.mkdir()
        (other / "p1.png").write_bytes(b"never opened")
        annotated_pages(read_annotations(tmp_path / "a.csv"), other)


def page_of(book, page="p"):
    return AnnotatedPage(page, book, (), np.zeros((0, 4)), (), b"")


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30), st.floats(0, 0.99), st.integers(0, 9))
def test_no_book_stands_on_both_sides(books, share, seed):
    pages = [page_of(book, str(n)) for n, book in enumerate(books)]
    if share > 0 and len(set(books)) < 2:
        with pytest.raises(SettingsError, match="annotations of one book"):
            split_by_book(pages, share, seed)
        return
    learned, held_out = split_by_book(pages, share, seed)

    assert not {page.book for page in learned} & {page.book for page in held_out}
    assert len(learned) + len(held_out) == len(pages)
    assert learned
    assert bool(held_out) == (share > 0)
    assert split_by_book(pages[::-1], share, seed)[1] == held_out[::-1]


def test_another_seed_holds_out_other_books():
    pages = [page_of(book) for book in "abcdefghij"]
    held_out = {tuple(page.book for page in split_by_book(pages, 0.3, seed)[1]) for seed in range(6)}
    assert all(len(books) == 3 for books in held_out)
    assert len(held_out) > 3
    with pytest.raises(SettingsError, match=r"got 1.0, expected 0 to less than 1"):
        split_by_book(pages, 1.0, 0)


def test_a_crop_asks_for_nothing_outside_the_annotations(annotated):
    crops = AnnotatedCrops(annotated)
    drawn = [crops.draw(np.random.default_rng(seed), 128) for seed in range(6)]
    targets = make_targets([crop.true_digits for crop in drawn], 128)
    masked = mask(targets, drawn, 128)

    assert [crop.ink.shape for crop in drawn] == [(128, 128)] * 6
    for n, crop in enumerate(drawn):
        assert (crop.true_digits.values >= 0).any()
        cells = np.zeros((64, 64), dtype=bool)
        for x0, y0, x1, y1 in np.clip(np.round(crop.asked / 2).astype(int), 0, 64):
            cells[y0:y1, x0:x1] = True
        assert 0.05 < cells.mean() < 0.95
        assert not masked.weight[n, 0].numpy()[~cells].any()
        assert np.array_equal(masked.weight[n, 0].numpy()[cells], targets.weight[n, 0].numpy()[cells])
        # The digits lie on ink, whatever size the crop is shown at.
        for (x0, y0, x1, y1), value in zip(crop.true_digits.boxes.astype(int), crop.true_digits.values, strict=True):
            assert value < 0 or crop.ink[y0 : y1 + 1, x0 : x1 + 1].max() > 0.4
    again = crops.draw(np.random.default_rng(3), 128)
    assert np.array_equal(again.ink, drawn[3].ink)


def test_measuring_counts_hits_misses_and_what_is_too_much(annotated):
    reader = load_network().digit_reader
    found = measure(reader.network, reader.calibration, annotated)
    digits = sum(len(number.digits) for number in annotated[0].numbers)

    assert found.digits.hits + found.digits.missed == digits
    assert found.digits.f1 > 0.9
    assert found.numbers.hits + found.numbers.missed == len(annotated[0].numbers)
    assert found.confusion.trace() == found.digits.hits
    # The same page with every annotation a digit too high: nothing is right any more.
    wrong = [
        AnnotatedPage(
            page.page,
            page.book,
            tuple(type(n)(n.text, tuple(type(d)((d.value + 1) % 10, d.box) for d in n.digits)) for n in page.numbers),
            page.asked,
            page.unasked,
            page.packed,
        )
        for page in annotated
    ]
    mistaken = measure(reader.network, reader.calibration, wrong)
    assert mistaken.digits.hits < 0.02 * digits
    assert mistaken.digits.false == pytest.approx(found.digits.hits + found.digits.false, abs=0.02 * digits)
    assert mistaken.numbers.hits < 0.02 * len(annotated[0].numbers)
    assert (found + mistaken).digits.missed == found.digits.missed + mistaken.digits.missed


def ink_of(*boxes, shape=(40, 80)):
    ink = np.zeros(shape, dtype=np.float32)
    for x, y, width, height in boxes:
        ink[y : y + height, x : x + width] = 1
    return ink


def test_a_box_leaves_rules_and_neighbours_aside():
    digit = (20, 10, 10, 16)
    assert close_box(ink_of(digit), Box(15, 5, 20, 26)) == Box(20, 10, 10, 16)
    ruled = ink_of(digit, (0, 28, 80, 2), (16, 0, 1, 40), (33, 12, 4, 5))
    assert close_box(ruled, Box(15, 5, 20, 26)) == Box(20, 10, 10, 16)
    assert close_box(ink_of(), Box(15, 5, 20, 26)) is None
    assert close_box(ink_of(digit), Box(200, 5, 20, 26)) is None
    assert close_box(ink_of((20, 10, 1, 1)), Box(15, 5, 20, 26)) is None


def test_a_number_is_cut_between_its_digits():
    ink = ink_of((10, 10, 9, 16), (21, 10, 4, 16), (28, 10, 9, 16))
    cut = cut_number(ink, Box(8, 8, 32, 20), "212")
    assert [close_box(ink, box) for box in cut] == [Box(10, 10, 9, 16), Box(21, 10, 4, 16), Box(28, 10, 9, 16)]
    assert cut_number(ink_of(), Box(8, 8, 32, 20), "212") == []
    # Figures that touch are cut in the middle.
    joined = cut_number(ink_of((10, 10, 20, 16)), Box(8, 8, 24, 20), "24")
    assert [box.width for box in joined] == pytest.approx([10, 10], abs=1)

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from evidence.pages import declinations, print_page, sines, two_editions
from evidence.photographed import centres, figure_height, misread, photographed, tilted, turned
from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.comparison import compare
from tablesim.evidence.registration import NotRegistrable, PageMap, register_pages
from tablesim.evidence.registration.plane import project
from tablesim.records.boxes import Box
from tests.report.truth import TruthReader


def registered(a, b):
    found = register_pages(PagePair.of(a, b))
    assert isinstance(found, PageMap), found.reason
    return found


def refused(a, b):
    found = register_pages(PagePair.of(a, b))
    assert isinstance(found, NotRegistrable), found.words()
    return found.reason


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return print_page(tmp_path_factory.mktemp("pages"), "page", declinations())


def misses(found, a, b, true):
    """How far numbers of A come to lie from where they truly are on B, in digit heights of B."""
    return np.linalg.norm(found.to_b(centres(a)) - true, axis=1) / figure_height(b)


@pytest.mark.parametrize(
    ("matrix", "model"),
    [
        (np.array([[1.3, 0.03, 40], [-0.02, 1.25, 25], [0, 0, 1]]), "affine"),
        (np.diag([0.5, 0.5, 1.0]), "affine"),
        (np.diag([3.1, 3.1, 1.0]), "affine"),
        ("tilted", "homography"),
    ],
)
def test_a_sheet_scanned_again(page, matrix, model):
    matrix = tilted(page) if isinstance(matrix, str) else matrix
    copy = photographed(page, matrix, "copy", scatter=0.02 * figure_height(page))
    found = registered(page, copy)
    assert found.model == model
    assert found.same_setting
    assert misses(found, page, copy, project(matrix, centres(page))).max() < 0.25
    assert len(found.pairs) == len(page.numbers)
    assert found.words().startswith("the same setting")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_scan_that_lies_on_its_side_or_its_head(page, degrees):
    matrix = turned(page, degrees)
    copy = photographed(page, matrix, f"lying{degrees}", degrees=degrees)
    for a, b, way in ((page, copy, matrix), (copy, page, np.linalg.inv(matrix))):
        found = registered(a, b)
        assert misses(found, a, b, project(way, centres(a))).max() < 0.1
        assert found.same_setting


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_numbers_that_stand_elsewhere(page, share):
    matrix = tilted(page, depth=0.03)
    copy = misread(photographed(page, matrix, "spoiled"), share)
    found = register_pages(PagePair.of(page, copy))
    if share > 0.5:
        assert isinstance(
            found, NotRegistrable
        )  # most numbers that meet differ: nobody can say that this is the same table
        assert "are equal" in found.reason
    else:
        assert isinstance(found, PageMap)
        assert misses(found, page, copy, project(matrix, centres(page))).max() < 0.25
        assert len(found.differing) > 0.1 * len(page.numbers)


def test_a_page_with_itself(page):
    found = registered(page, page)
    np.testing.assert_allclose(found.matrix, np.eye(3), atol=1e-6)
    assert found.residual == pytest.approx(0, abs=1e-6)
    assert (found.agreement, len(found.differing)) == (1.0, 0)


def test_the_roles_may_be_changed(page):
    copy = photographed(page, tilted(page), "copy", scatter=0.3)
    there, back = registered(page, copy), registered(copy, page)
    middles = centres(page)
    assert np.linalg.norm(back.to_b(there.to_b(middles)) - middles, axis=1).max() < 0.1 * figure_height(page)
    np.testing.assert_allclose(there.to_a(there.to_b(middles)), middles, atol=1e-6)


def test_one_way_after_another_is_the_whole_way(page):
    first, second = tilted(page, 0.02), np.array([[1.2, 0, 10], [0, 1.2, 30], [0, 0, 1]])
    b = photographed(page, first, "b")
    c = photographed(b, second, "c")
    ways = registered(page, b), registered(b, c), registered(page, c)
    middles = centres(page)
    np.testing.assert_allclose(ways[1].to_b(ways[0].to_b(middles)), ways[2].to_b(middles), atol=0.5)


def test_another_setting_is_followed_column_by_column(tmp_path):
    rows = declinations()
    a = print_page(tmp_path, "a", rows)
    b = print_page(
        tmp_path, "b", rows, face="garamond", size=34, pitch=44, widths=(120, 70, 64, 134, 64, 80, 110, 60), seed=4
    )
    found = registered(a, b)
    assert found.model == "columns and rows"
    assert not found.same_setting
    assert "another setting" in found.words()
    assert misses(found, a, b, centres(b)).max() < 0.5
    np.testing.assert_allclose(found.to_a(found.to_b(centres(a))), centres(a), atol=1e-6)
    # The nearest affine map alone does not hold.
    assert (np.linalg.norm(project(found.matrix, centres(a)) - centres(b), axis=1) > figure_height(b)).mean() > 0.3


@pytest.mark.parametrize("slanted", ["a", "b"])
def test_another_setting_scanned_at_a_slant(tmp_path, slanted):
    rows = declinations()
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", rows, pitch=44, widths=(120, 70, 64, 134, 64, 80, 110, 60), seed=4)
    if slanted == "a":
        a = photographed(a, tilted(a, 0.08), "slanted")
    else:
        b = photographed(b, tilted(b, 0.08), "slanted")
    found = registered(a, b)
    assert len(found.pairs) >= 0.97 * len(a.numbers)
    assert np.quantile(misses(found, a, b, centres(b)), 0.97) < 0.5


def test_rows_that_one_page_lacks(tmp_path):
    rows = declinations()
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", rows[:8] + rows[11:20] + rows[22:], face="garamond", size=34, pitch=44)
    for one, other in ((a, b), (b, a)):
        found = registered(one, other)
        assert len(found.pairs) == min(len(a.numbers), len(b.numbers))
        assert not len(found.differing)


def test_columns_in_another_order_are_left_where_they_are(tmp_path):
    a, b = two_editions(tmp_path)
    found = registered(a, b)
    assert len(found.pairs) == 31 * 6
    assert not len(found.differing)
    assert "186 of 248 numbers" in found.words()


def test_half_tables_moved_apart_are_not_one_setting(tmp_path):
    whole = sines(60000, last=40)
    halves = [x + y for x, y in zip(whole[:20], whole[20:], strict=True)]
    a = print_page(tmp_path, "a", whole, widths=(70, 120, 120))
    b = print_page(tmp_path, "b", halves, widths=(70, 120, 120) * 2)
    found = registered(a, b)
    assert not found.same_setting
    assert len(found.pairs) == 60


def test_misprints_are_named(tmp_path):
    rows = declinations()
    wrong = [list(row) for row in rows]
    wrong[10][2], wrong[20][4] = "38", "99"
    a, b = print_page(tmp_path, "a", rows), print_page(tmp_path, "b", wrong)
    found = registered(a, b)
    differing = [(a.numbers[i].row, a.numbers[i].column, b.numbers[j].digits_text) for i, j in found.differing]
    assert sorted(differing) == [(10, 2, "38"), (20, 4, "99")]


def test_rows_for_columns_have_no_overlay(tmp_path):
    rows = declinations(last=12)
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", [list(column) for column in zip(*rows, strict=True)])
    assert "rows for columns" in refused(a, b)


def test_one_column_says_too_little(tmp_path):
    rows = [[str(7 * k + 100)] for k in range(30)]
    assert "on one line" in refused(print_page(tmp_path, "a", rows), print_page(tmp_path, "b", rows))


def test_only_the_arguments_are_shared(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", sines(60000), widths=(70, 110, 110))
    assert refused(a, b)


def test_pages_without_numbers(page):
    empty = replace(page, numbers=())
    assert "too few equal numbers" in refused(page, empty)


def test_different_tables_of_the_sample_are_refused(sample):
    reader = TruthReader(sample / "truth")
    labels = [line.split(",") for line in (sample / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]]
    first: dict[str, str] = {}
    for name, label in labels:
        first.setdefault(label, name)
    pages = [reader.read(sample / "scans" / f"{name}.jpg") for name in first.values()]
    assert len(pages) == 8
    for a, b in combinations(pages, 2):
        assert refused(a, b)
        assert refused(b, a)


def test_boxes_are_carried_over(page):
    matrix = np.array([[2.0, 0, 30], [0, 2.0, 10], [0, 0, 1]])
    found = registered(page, photographed(page, matrix, "twice"))
    there = found.box_to_b(Box(100, 200, 20, 30))
    assert (there.x, there.y, there.width, there.height) == pytest.approx((230, 410, 40, 60), abs=0.1)


def test_viewers_can_follow_the_plain_values(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", declinations(), pitch=44, widths=(120, 70, 64, 134, 64, 80, 110, 60))
    found = registered(a, b)
    data = json.loads(json.dumps(found.to_dict()))
    assert {"model", "same_setting", "matrix", "inverse", "warp", "pairs", "numbers", "words"} <= set(data)
    np.testing.assert_allclose(np.array(data["matrix"]) @ data["inverse"], np.eye(3), atol=1e-4)
    inside = centres(a)[:-1]
    level = project(np.array(data["warp"]["level"]), inside)
    spaced = [
        np.interp(level[:, axis], data["warp"][name]["from"], data["warp"][name]["to"])
        for axis, name in enumerate(("across", "along"))
    ]
    there = project(np.array(data["warp"]["page"]), np.stack(spaced, axis=1))
    gap = np.linalg.norm(there - found.to_b(inside), axis=1)
    assert np.median(gap) < 0.05  # what lies beyond the outermost knots goes on by the slope, which is not done here


def test_a_comparison_knows_its_transform(tmp_path):
    a, b = two_editions(tmp_path)
    comparison = compare(a, b)
    assert comparison.transform is not None
    assert comparison.why_no_transform == ""
    nothing = compare(a, replace(b, numbers=()))
    assert nothing.transform is None
    assert "too few equal numbers" in nothing.why_no_transform


@pytest.mark.real
def test_editions_of_1515_and_1912(real):
    from tablesim.reader import load_network

    network = load_network()
    a, b = (network.read(real / "tables" / f"almagest_{year}_chords_p1.jpg") for year in (1515, 1912))
    found = registered(a, b)
    assert found.model == "columns and rows"
    assert len(found.pairs) > 500
    assert found.residual < 0.25

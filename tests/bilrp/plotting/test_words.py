"""Words joined by arcs, in lines and columns, beside pictures, and as a table; all sums are those of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from bilrp import Coverage, InputError, JointRelevance
from bilrp.plotting import AGAINST, FOR, plot_words

LEFT, RIGHT = ("[CLS]", "un", "##believ", "##able", "costs", "$5", "[SEP]"), ("it", "is", "$", "5")


def joint_of(*shapes: tuple[int, ...], seed: int = 0, **options: Any) -> JointRelevance:
    rng = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(3, *shape, generator=rng, dtype=torch.float64) for shape in shapes)
    sums = (side.flatten(1).sum(1) for side in (left, right))
    return JointRelevance(left, right, *sums, Coverage(()), Coverage(()), **options)


def arcs_of(figure: Figure) -> list[ConnectionPatch]:
    return [artist for artist in figure.artists if isinstance(artist, ConnectionPatch)]


def words_in(figure: Figure) -> list[list[str]]:
    return [[text.get_text() for text in axis.texts] for axis in figure.axes[:2]]


def test_two_texts_stand_in_lines_with_sub_words_merged(tmp_path: Path) -> None:
    joint = joint_of((7,), (4,), left_tokens=LEFT, right_tokens=RIGHT)
    figure = joint.plot(k=6, path=tmp_path / "text.svg")
    assert words_in(figure) == [["[CLS]", "unbelievable", "costs", "$5", "[SEP]"], list(RIGHT)]
    signs = [value for *_, value in joint.words().top_pairs(6, by="magnitude")][::-1]
    assert [to_hex(arc.get_edgecolor()) for arc in arcs_of(figure)] == [FOR if v > 0 else AGAINST for v in signs]
    places = [axis.get_position() for axis in figure.axes[:2]]
    assert places[0].y0 > places[1].y1
    written = (tmp_path / "text.svg").read_text(encoding="utf-8")
    assert ">unbelievable<" in written and ">$5<" in written  # type as type, and no formula


def test_words_that_are_given_are_not_merged() -> None:
    joint = joint_of((7,), (4,), left_tokens=LEFT, right_tokens=RIGHT)
    assert words_in(joint.plot(LEFT, RIGHT))[0] == list(LEFT)
    bare = joint_of((7,), (4,))
    assert words_in(bare.plot(LEFT, RIGHT))[0] == list(LEFT)
    with pytest.raises(InputError, match="give its tokens as a list of str"):
        bare.plot()
    with pytest.raises(InputError, match=r"2 words for the second input, whose maps have shape \(4,\)"):
        bare.plot(LEFT, ["one", "two"])


def test_long_texts_stand_in_columns_and_longer_ones_are_refused() -> None:
    figure = joint_of((60,), (4,)).plot([f"word{n}" for n in range(60)], RIGHT)
    places = [axis.get_position() for axis in figure.axes[:2]]
    assert places[0].x1 < places[1].x0
    assert figure.get_figheight() < 9.5
    with pytest.raises(InputError, match="101 words, expected at most 100"):
        joint_of((101,), (4,)).plot(["w"] * 101, RIGHT)


@pytest.mark.parametrize("arcs", ["all", "bundled", "one-to-one"])
def test_a_picture_beside_words(arcs: str, tmp_path: Path) -> None:
    joint = joint_of((3, 4), (4,), right_tokens=RIGHT, tile=8, right_tile=1)
    image = torch.rand(3, 23, 30, generator=torch.Generator().manual_seed(1))
    figure = joint.plot(image, k=5, arcs=arcs, marginals=True, path=tmp_path / "both.pdf")
    ends = {tuple(np.round(arc.xy1, 6)) for arc in arcs_of(figure)}
    middles = {
        ((8 * x + min(8 * x + 8, 30)) / 2 - 0.5, (8 * y + min(8 * y + 8, 23)) / 2 - 0.5)
        for x in range(4)
        for y in range(3)
    }
    assert ends <= middles
    assert "5 strongest pairs" in figure.texts[0].get_text() or arcs == "one-to-one"
    assert (tmp_path / "both.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match="give its image"):
        joint.plot()


def test_what_answers_to_words() -> None:
    joint = joint_of((7,), (4,), left_tokens=LEFT, right_tokens=RIGHT)
    figure = joint.plot_given(None, None, "costs")
    total = float(joint.given("costs").sum())
    assert f"carry {total:.4g}" in figure.texts[0].get_text()
    frames = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    assert len(frames) == 1
    picture = joint_of((3, 4), (4,), right_tokens=RIGHT, tile=8, right_tile=1)
    with_box = picture.plot_given(torch.rand(3, 24, 32), None, (0, 0, 8, 16))
    assert f"{float(picture.given((0, 0, 8, 16)).sum()):.4g}" in with_box.texts[0].get_text()


def test_a_span_of_the_second_input_is_answered_by_the_picture() -> None:
    joint = joint_of((3, 4), (4,), right_tokens=RIGHT, tile=8, right_tile=1)
    figure = joint.plot_given(torch.rand(3, 24, 32), None, "is")
    picture, text = figure.axes[:2]
    answer = joint.swapped().given("is").abs().numpy()
    strength = np.asarray(picture.images[1].get_array())[..., 3]
    np.testing.assert_allclose(strength, 0.95 * answer / answer.max())
    assert [patch.get_xy()[1] > 0 for patch in text.patches if not patch.get_fill()] == [True]


def test_the_table_shows_every_pair_and_its_sums(tmp_path: Path) -> None:
    joint = joint_of((7,), (4,), left_tokens=LEFT, right_tokens=RIGHT)
    figure = plot_words(joint, path=tmp_path / "table.png")
    merged = joint.words()
    table = merged.matrix().numpy()
    axis, rows, columns = figure.axes[:3]
    assert [label.get_text() for label in axis.get_yticklabels()] == list(merged.left_tokens or ())
    assert [label.get_text() for label in axis.get_xticklabels()] == list(RIGHT)
    shown = {tuple(int(v) for v in text.get_position()): float(text.get_text()) for text in axis.texts}
    for (column, row), value in shown.items():
        assert value == pytest.approx(table[row, column], abs=0.05 * np.abs(table).max() / 5)
    assert len(shown) == (np.abs(table) >= 0.05 * np.abs(table).max()).sum()
    assert [float(t.get_text()) for t in rows.texts] == pytest.approx(
        [v for v in table.sum(1) if abs(v) >= 0.05 * np.abs(table.sum(1)).max()], abs=0.06
    )
    assert len(columns.texts) <= 4
    with pytest.raises(InputError, match="Images and texts are joined by plot"):
        plot_words(joint_of((3, 4), (4,)))


def test_everything_is_drawn_into_given_axes() -> None:
    figure = Figure(figsize=(9, 6))
    axes = figure.subplots(1, 3)
    joint = joint_of((7,), (4,), left_tokens=LEFT, right_tokens=RIGHT)
    images = torch.rand(2, 1, 16, 24, generator=torch.Generator().manual_seed(1))
    maps = joint_of((4, 6), (4, 6), tile=4)
    assert joint.plot(ax=axes[0]) is figure
    assert maps.plot(images[0], images[1], ax=axes[1], marginals=True) is figure
    assert plot_words(joint, ax=axes[2]) is figure
    assert len(figure.axes) == 3
    figure.canvas.draw()
    for axis in axes[:2]:
        for child in axis.child_axes:
            inner, outer = child.get_window_extent(), axis.get_window_extent()
            assert inner.x0 >= outer.x0 - 1 and inner.x1 <= outer.x1 + 1
            assert inner.y0 >= outer.y0 - 1 and inner.y1 <= outer.y1 + 1

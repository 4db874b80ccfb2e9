"""Pictures: red arcs for the similarity, blue ones against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import ConnectionPatch
from torch import nn

from bilrp import BiLRP, InputError
from bilrp.plotting import AGAINST, FOR
from bilrp.testing import toy_network, toy_pair


def test_arcs_join_the_strongest_pairs(tmp_path: Path) -> None:
    x, y = toy_pair()
    joint = BiLRP(toy_network("bias"), "lrp0").explain(x, y).pool(4)
    figure = joint.plot(x, y, k=9, path=tmp_path / "pair.png")
    arcs = [artist for artist in figure.artists if isinstance(artist, ConnectionPatch)]
    signs = [value for *_, value in joint.top_pairs(9, by="magnitude")][::-1]
    assert [to_hex(arc.get_edgecolor()) for arc in arcs] == [FOR if value > 0 else AGAINST for value in signs]
    assert {FOR, AGAINST} == {to_hex(arc.get_edgecolor()) for arc in arcs}
    assert (tmp_path / "pair.png").stat().st_size > 1000
    assert "the 9 strongest pairs of 4 px tiles" in figure.texts[0].get_text()


@pytest.mark.parametrize(
    ("first", "second", "stacked"),
    [((16, 64), (16, 80), True), ((40, 40), (40, 30), False), ((90, 20), (60, 30), False)],
)
def test_pictures_fill_the_figure_at_one_scale(first: tuple[int, int], second: tuple[int, int], stacked: bool) -> None:
    x, y = (torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1)) for size in (first, second))
    joint = BiLRP(nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())).explain(x, y)
    for figure in (joint.plot(x, y), joint.plot_given(x, y, (0, 0, 5, 5))):
        places = [axis.get_position() for axis in figure.axes[:2]]  # the third is the scale
        inches = [(p.width * figure.get_figwidth(), p.height * figure.get_figheight()) for p in places]
        np.testing.assert_allclose(np.ptp(inches / np.array([first, second])[:, ::-1]), 0, atol=1e-9)
        assert (places[1].y1 < places[0].y0) == stacked and (places[0].x1 < places[1].x0) != stacked
        assert sum(p.width * p.height for p in places) > 0.3
        assert all(0 < p.x0 < p.x1 < 1 and 0 < p.y0 < p.y1 < 1 for p in places)


def test_what_answers_to_a_region(tmp_path: Path) -> None:
    x, y = toy_pair()
    joint = BiLRP(toy_network("bias"), "gamma").explain(x, y)
    figure = joint.plot_given(x, y, (1, 2, 3, 3), path=tmp_path / "given.png")
    assert f"carry {float(joint.given((1, 2, 3, 3)).sum()):.4g}" in figure.texts[0].get_text()
    assert (tmp_path / "given.png").stat().st_size > 1000


def test_pictures_that_do_not_fit_are_refused() -> None:
    x, y = toy_pair()
    joint = BiLRP(toy_network("plain")).explain(x, y)
    with pytest.raises(InputError, match="the second image is 4 x 8 px, which does not fit"):
        joint.plot(x, y[:, :, :4])
    with pytest.raises(InputError, match=r"got an image of shape \(2, 8, 8\)"):
        joint.plot(x[0, :2], y)
    with pytest.raises(InputError, match="explain without channels"):
        BiLRP(toy_network("plain")).explain(x, y, keep_channels=True).plot(x, y)


def test_nothing_to_draw() -> None:
    x, y = toy_pair()
    joint = BiLRP(toy_network("plain")).explain(torch.zeros_like(x), y)
    assert "no pair carries relevance" in joint.plot(x, y).texts[0].get_text()

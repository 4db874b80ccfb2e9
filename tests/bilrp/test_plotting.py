"""Pictures: red arcs for the similarity, blue ones against it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import ConnectionPatch

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

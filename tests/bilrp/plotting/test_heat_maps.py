"""Colours of signed values, PNG files, and the panels of first-order relevance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from bilrp import InputError, Relevance, attribute
from bilrp.coverage import Coverage
from bilrp.plotting import AGAINST, COLOUR_MAPS, FOR, colours, imsave, plot_relevance
from bilrp.plotting.colours import colour_limit
from bilrp.testing import toy_network, toy_pair


def rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def relevance_of(*shape: int, **options: Any) -> Relevance:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return Relevance(values, values.flatten(1).sum(1), Coverage(()), **options)


def test_colours_are_symmetric_about_zero_and_end_at_the_limit() -> None:
    painted = colours(np.array([-9.0, -2.0, 0.0, 2.0, 9.0]), "bwr", 2.0)
    np.testing.assert_allclose(painted, [rgb(c) for c in (AGAINST, AGAINST, "#ffffff", FOR, FOR)])
    half = colours(np.array([-1.0, 1.0]), "bwr", 2.0)
    np.testing.assert_allclose(half, [(np.array(rgb(c)) + 1) / 2 for c in (AGAINST, FOR)])
    for name in ("coldnhot", "purple-green", "seismic", ["#000000", "#888888", "#ffffff"]):
        assert colours(np.linspace(-1, 1, 7), name).shape == (7, 3)
    np.testing.assert_array_equal(colours(np.array([-5.0, -1.0]), "hot"), 0)
    with pytest.raises(InputError, match="colour map 'rainbow7' is unknown, expected one of bwr"):
        colours(np.zeros(3), "rainbow7")
    with pytest.raises(InputError, match="colour is 'red'"):
        colours(np.zeros(3), ["red", "#ffffff"])


def test_one_strong_value_does_not_decide_the_limit() -> None:
    values = np.zeros(1000)
    values[:400] = np.linspace(-1, 1, 400)
    values[0] = 1e6
    assert colour_limit(values) == pytest.approx(np.quantile(np.abs(values[:400]), 0.995))
    assert colour_limit(values) < 1.0
    assert colour_limit(values, 1.0) == 1e6
    assert colour_limit(np.zeros(3)) == 1.0
    with pytest.raises(InputError, match="1 of 2 values are infinite"):
        colour_limit(np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="clip is 0"):
        colour_limit(values, 0)


def test_png_files_hold_the_colours(tmp_path: Path) -> None:
    maps = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    path = imsave(tmp_path / "maps.png", maps, clip=1.0, enlarge=2, columns=2)
    pixels = np.array(Image.open(path))
    assert pixels.shape == (2 * 10 + 2, 2 * 14 + 2, 3)
    expected = colours(maps[1].double().numpy(), "bwr", float(maps[1].abs().max())) * 255
    np.testing.assert_allclose(pixels[0:10:2, 16::2], expected, atol=0.51)
    np.testing.assert_array_equal(pixels[12:, 16:], 255)
    with pytest.raises(InputError, match=r"does not end in \.png"):
        imsave(tmp_path / "maps.pdf", maps)
    with pytest.raises(InputError, match="expected \\(H, W\\) or \\(K, H, W\\)"):
        imsave(tmp_path / "maps.png", maps[0, 0])


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_panels_of_several_outputs(ending: str, tmp_path: Path) -> None:
    x, _ = toy_pair()
    relevance = attribute(toy_network("bias"), x, [3, 0], bias="distribute")
    figure = relevance.plot(image=x, path=tmp_path / f"heat.{ending}")
    assert [axis.get_title() for axis in figure.axes[:3]] == [
        "input",
        *(f"{name}: {value:.3g}" for name, value in zip(relevance.targets, relevance.embedding.tolist(), strict=True)),
    ]
    strength = np.asarray(figure.axes[1].images[1].get_array())[..., 3]
    values = relevance.values[0].abs().numpy()
    limit = colour_limit(relevance.values.numpy())
    np.testing.assert_allclose(strength, 0.95 * np.minimum(values / limit, 1))
    assert (tmp_path / f"heat.{ending}").stat().st_size > 1000


def test_tiles_lie_where_their_pixels_are() -> None:
    relevance = relevance_of(1, 3, 4)
    figure = relevance.plot(image=torch.rand(3, 22, 30))
    assert figure.axes[1].images[1].get_extent() == [-0.5, 31.5, 23.5, -0.5]
    assert figure.axes[1].get_xlim() == (-0.5, 29.5)


def test_given_axes_titles_and_what_is_refused() -> None:
    relevance = relevance_of(2, 2, 5, 6)
    assert len(relevance.plot(titles=["a $", "b"]).axes) == 3
    figure = Figure()
    assert relevance_of(1, 5, 6).plot(ax=figure.subplots()) is figure
    for options, message in (
        ({"titles": ["one"]}, "got 1 titles for 2 outputs"),
        ({"ax": figure.subplots()}, "2 outputs do not fit into one ax"),
        ({"image": torch.rand(3, 4, 4)}, "fewer pixels than the map"),
    ):
        with pytest.raises(InputError, match=message):
            plot_relevance(relevance, **options)
    with pytest.raises(InputError, match="65 outputs, expected at most 64"):
        relevance_of(65, 2, 2).plot()


def test_words_on_colours(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(40)] + ["$5"]
    relevance = relevance_of(2, 41, targets=("output 0", "output 7"))
    figure = relevance.plot(tokens=words, path=tmp_path / "words.svg")
    drawn = [text for text in figure.axes[0].texts if text.get_bbox_patch() is not None]
    assert [text.get_text() for text in drawn] == words * 2
    right = max(text.get_window_extent().x1 for text in drawn)
    assert right < figure.bbox.width
    strongest = int(relevance.values[0].abs().argmax())
    grey = [min(text.get_bbox_patch().get_facecolor()[:3]) for text in drawn[:41]]
    assert int(np.argmin(grey)) == strongest
    with pytest.raises(InputError, match="no tokens for relevance of shape"):
        relevance.plot()
    with pytest.raises(InputError, match="40 tokens for relevance of shape"):
        relevance.plot(tokens=words[1:])


def test_the_maps_of_zennit_have_their_names() -> None:
    assert {"bwr", "coldnhot", "hot"} <= set(COLOUR_MAPS)

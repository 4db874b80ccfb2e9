"""Relevance in windows is that of whole maps, wherever the places lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bilrp import Composite, InputError, LocalRelevance, OutputPositions, UnsupportedOperationError, explain_outputs
from bilrp import places as local
from bilrp.composites import FIRST, OfKind
from bilrp.places import explain_places
from bilrp.rules import AlphaBeta, Epsilon, Gamma, SumShare, WSquare, ZBox, ZPlus
from bilrp.testing import fingerprint

HEIGHT, WIDTH = 40, 52
RELATIVE = Composite(
    [
        (FIRST, ZBox(0.0, 1.0)),
        (OfKind("linear"), Gamma(0.25, eps=0.01, stabilizer="relative")),
        (OfKind("sum"), SumShare(eps=0.01, stabilizer="relative")),
    ]
)


class Detector(nn.Module):
    """Strides, dilation, residual addition, two scales joined, pixel shuffle: maps (1, 3, H, W) at the input's size."""

    def __init__(self, mode: str = "bilinear", bias: bool = True) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.first = nn.Conv2d(2, 4, 5, stride=2, padding=2, bias=bias)
            self.inner = nn.Conv2d(4, 4, 3, padding=1, bias=bias)
            self.coarse = nn.Conv2d(4, 5, 3, stride=2, padding=1, bias=bias)
            self.wide = nn.Conv2d(5, 5, 3, padding=2, dilation=2, bias=bias)
            self.back = nn.Conv2d(5, 4, 1, bias=bias)
            self.head = nn.Conv2d(4, 14, 1, bias=bias)
        self.up = nn.Upsample(scale_factor=2, mode=mode)
        self.double().eval()

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        fine = F.relu(self.first(F.pad(x, (0, -width % 4, 0, -height % 4))))
        fine = torch.relu(fine + self.inner(fine))
        coarse = self.wide(self.coarse(fine).relu())
        out = self.head(fine + self.up(self.back(F.relu(coarse))))
        return F.pixel_shuffle(out[:, :12], 2)[:, :, :height, :width]


class Picked(nn.Module):
    """The same places as an embedding, for the dense way."""

    def __init__(self, model: nn.Module, positions: OutputPositions) -> None:
        super().__init__()
        self.model = model
        self.index = tuple(torch.from_numpy(part) for part in (positions.channel, positions.row, positions.column))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[:, *self.index]


def page(height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    return torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


def places(n: int = 9, height: int = HEIGHT, width: int = WIDTH) -> OutputPositions:
    """Corners, edges, the middle; each its own explanation, with the activation it stands on."""
    rng = np.random.default_rng(1)
    rows = np.concatenate([[0, 0, height - 1, height - 1], rng.integers(0, height, n)])
    columns = np.concatenate([[0, width - 1, 0, width - 1], rng.integers(0, width, n)])
    return OutputPositions(np.arange(n + 4), rng.integers(0, 3, n + 4), rows, columns, np.ones(n + 4))


def dense(
    model: nn.Module, x: Tensor, positions: OutputPositions, composite: object, bias: str
) -> tuple[Tensor, Tensor]:
    result = explain_outputs(Picked(model, positions), x, composite, bias=bias)  # type: ignore[arg-type]
    return result.values.sum(1), result.embedding


@pytest.mark.parametrize("bias", ["leave", "distribute"])
@pytest.mark.parametrize(
    "composite",
    [
        RELATIVE,
        "lrp0",
        Composite([(OfKind("linear"), ZPlus())]),
        Composite([(FIRST, WSquare()), ("*inner", AlphaBeta()), (OfKind("linear"), Epsilon(0.1))]),
    ],
    ids=["relative", "lrp0", "z+", "mixed"],
)
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_windows_equal_whole_maps(mode: str, composite: object, bias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_BATCH", 4)  # several batches
    model, x, positions = Detector(mode), page(), places()
    expected, activations = dense(model, x, positions, composite, bias)
    positions = OutputPositions(
        positions.explanation, positions.channel, positions.row, positions.column, activations.numpy()
    )
    got = explain_places(model, x, positions, composite, bias=bias)  # type: ignore[arg-type]
    whole = got.combine(np.arange(len(got.maps)), len(got.maps))
    torch.testing.assert_close(whole, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(got.given, activations)
    assert any(part.numel() < HEIGHT * WIDTH for part in got.maps)


def test_places_of_one_explanation_add_up() -> None:
    model, x, one = Detector(), page(), places()
    alone = explain_places(model, x, one, RELATIVE)
    grouped = OutputPositions(one.explanation // 5, one.channel, one.row, one.column, 2.0 * np.arange(len(one.row)))
    together = explain_places(model, x, grouped, RELATIVE)
    weights = torch.from_numpy(grouped.relevance)
    expected = alone.combine(grouped.explanation, 3, weights)
    torch.testing.assert_close(together.combine(np.arange(3), 3), expected)


def test_near_places_share_a_window_and_far_ones_do_not() -> None:
    rows, columns = np.array([2, 3, 40, 41, 90]), np.array([2, 5, 4, 4, 92])
    x = torch.rand(1, 2, 96, 96, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    one = OutputPositions(np.zeros(5, int), np.array([0, 1, 2, 0, 1]), rows, columns, np.arange(1.0, 6.0), count=2)
    alone = OutputPositions(np.arange(5), one.channel, rows, columns, one.relevance)
    got, each = (explain_places(Detector(), x, positions, RELATIVE) for positions in (one, alone))
    assert got.explanation.tolist() == [0, 0, 0] and len(each.maps) == 5
    assert got.sums.shape == got.given.shape == (2,) and float(got.sums[1]) == 0
    expected = each.combine(np.zeros(5, int), 1)
    torch.testing.assert_close(got.combine(np.zeros(2, int), 1), expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12), st.integers(0, 20))
def test_gathering_keeps_every_place_and_saves_work(places: list[tuple[int, int]], margin: int) -> None:
    growth = local.WindowGrowth(np.full((1, 2), 4.0), np.full((1, 2), margin), np.array([3.0]), 1.0)
    found = growth.gathered(np.array(places))
    assert sorted(np.concatenate(found).tolist()) == list(range(len(places)))
    boxes = [np.ptp(np.array(places)[members], axis=0) + 1 for members in found]
    assert sum(growth.cost(box) for box in boxes) <= len(places) * growth.cost(np.array([1, 1]))
    for one, other in combinations(range(len(found)), 2):
        both = np.ptp(np.array(places)[np.concatenate([found[one], found[other]])], axis=0) + 1
        assert growth.cost(both) >= growth.cost(boxes[one]) + growth.cost(boxes[other])  # nothing more to save


def test_sizes_that_need_padding() -> None:
    model, x, positions = Detector(), page(37, 30), places(5, 37, 30)
    expected, activations = dense(
        model, x, positions, RELATIVE, "leave"
    )  # what goes to the padding cannot be given back
    positions = OutputPositions(
        positions.explanation, positions.channel, positions.row, positions.column, activations.numpy()
    )
    got = explain_places(model, x, positions, RELATIVE)
    torch.testing.assert_close(got.combine(positions.explanation, len(got.maps)), expected, rtol=1e-9, atol=1e-11)


def test_seeds_may_come_from_the_output() -> None:
    model, x = Detector(), page()

    def strongest(maps: Tensor) -> OutputPositions:
        place = np.array(np.unravel_index(int(maps.argmax()), maps.shape))[:, None]
        return OutputPositions(np.zeros(1, int), place[1], place[2], place[3], np.array([float(maps.max())]))

    got = explain_places(model, x, strongest, RELATIVE, bias="distribute")
    with torch.no_grad():
        assert float(got.sums) == pytest.approx(float(model(x).max()), rel=1e-6)


def test_report_says_what_was_kept_and_the_model_is_untouched() -> None:
    model, x, positions = Detector().train(), page(), places()
    before = fingerprint(model)
    expected = explain_outputs(Picked(model, positions), x, "lrp0").coverage
    activations = explain_outputs(Picked(model, positions), x, "lrp0").embedding.numpy()
    positions = OutputPositions(positions.explanation, positions.channel, positions.row, positions.column, activations)
    got = explain_places(model, x, positions, "lrp0").coverage
    kept = {entry.name: entry.kept for entry in got.entries}
    for entry in expected.entries:
        if entry.kind == "linear":
            assert kept[entry.name.removeprefix("model.")] == pytest.approx(entry.kept, abs=1e-9)
    assert max(kept.values()) > 0.01
    assert fingerprint(model) == before


def test_nothing_to_explain() -> None:
    nothing = OutputPositions(*(np.zeros(0, int) for _ in range(4)), np.zeros(0))
    got = explain_places(Detector(), page(), nothing)
    assert isinstance(got, LocalRelevance) and got.maps == [] and got.sums.shape == (0,)
    assert got.combine(np.zeros(0, int), 2).shape == (2, HEIGHT, WIDTH)


def test_what_windows_cannot_pass_is_refused() -> None:
    positions = OutputPositions(*(np.zeros(1, int) for _ in range(4)), np.ones(1))
    pooled = nn.Sequential(nn.Conv2d(2, 2, 3), nn.MaxPool2d(2)).double()
    with pytest.raises(UnsupportedOperationError, match=r"1 \(max_pool2d\): this operation cannot be passed"):
        explain_places(pooled, page(), positions)
    named = nn.Sequential(nn.Conv2d(2, 2, 3, padding="same")).double()
    with pytest.raises(UnsupportedOperationError, match="a convolution with padding by name"):
        explain_places(named, page(), positions)


@pytest.mark.parametrize(
    "composite", ["lrp0", Composite([(OfKind("linear"), AlphaBeta())])], ids=["lrp0", "alpha-beta"]
)
def test_windows_pass_grouped_convolutions(composite: Composite | str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.SiLU(), nn.Conv2d(4, 8, 3, padding=1, groups=4)
    model, x, positions = nn.Sequential(*layers).double().eval(), page() - 0.5, places(5, HEIGHT // 2, WIDTH // 2)
    expected, activations = dense(model, x, positions, composite, "distribute")
    positions = replace(positions, relevance=activations.numpy())
    got = explain_places(model, x, positions, composite, bias="distribute")
    whole = got.combine(np.arange(len(got.maps)), len(got.maps))
    torch.testing.assert_close(whole, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: explain_places(Detector(), page(), places(), bias="keep"), "bias is 'keep'"),
        (lambda: explain_places(Detector(), page()[0], places()), r"shape \(2, 40, 52\), expected one image"),
        (
            lambda: explain_places(Detector(), page(), places(4, 60, 52)),
            "row goes from 0 to 59, expected 0 to 39",
        ),
        (lambda: OutputPositions(*(np.zeros(2, int) for _ in range(4)), np.ones(1)), r"arrays of \[1, 2\] entries"),
        (
            lambda: OutputPositions(np.array([3]), *(np.zeros(1, int) for _ in range(3)), np.ones(1), count=2),
            "from 3 to 3",
        ),
        (
            lambda: explain_places(nn.Sequential(nn.Flatten()), page(), places()),
            r"returned a map of shape \(1, 4160\), expected \(1, C, H, W\)",
        ),
    ],
)
def test_bad_arguments_are_refused(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]

"""Pooled relevance by shares that go up is the same as full-resolution relevance summed over tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bilrp import BiLRP, InputError, JointRelevance, Relevance, RuleError, explain_outputs
from bilrp._engine import tiled as pooled
from bilrp._engine.propagation import make_plan
from bilrp._engine.shares import TOUCH
from bilrp._trace.chunks import DEFAULT_MEMORY
from bilrp._trace.recorder import frozen_eval, record
from bilrp.canonizers import canonize, fold_batch_norm
from bilrp.composites import FIRST, Composite, OfKind, vgg
from bilrp.features import VGG, random_projection
from bilrp.joint import tile_sums
from bilrp.rules import LRP0, AlphaBeta, Epsilon, Flat, Gamma, MaxWinner, Rule, WSquare, ZBox, ZPlus
from bilrp.testing import TOYS, resnet, toy_network, toy_pair

RULES = [
    *(LRP0(), Epsilon(0.05), Gamma(0.3), ZPlus(), AlphaBeta(2.0, 1.0), ZBox(-9.0, 9.0), WSquare(), Flat()),
    Gamma(0.1, eps=0.02, stabilizer="relative"),
]
NETWORKS: dict[str, Callable[[], list[nn.Module]]] = {
    "as vgg": lambda: [
        *(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    ],
    "batch norm, strides, no padding": lambda: [
        *(nn.Conv2d(3, 4, 5, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3, stride=(1, 2))),
        *(nn.LeakyReLU(), nn.Conv2d(5, 3, 1)),
    ],
    "overlapping maxima": lambda: [
        *(nn.Conv2d(3, 4, 3, padding=2, dilation=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 4, 2)),
        *(nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
    ],
    "averages": lambda: [
        *(nn.Conv2d(3, 4, (3, 1), padding=(1, 0)), nn.Softplus(), nn.AvgPool2d(3, 2, 1), nn.Conv2d(4, 3, 3)),
        *(nn.Tanh(), nn.AvgPool2d(2)),
    ],
}
SIDES = st.integers(9, 26)


def network(kind: str, seed: int = 1) -> nn.Sequential:
    """A network with random biases and running statistics, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(*NETWORKS[kind](), nn.Flatten())
        for module in model:
            if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
    return model.double().eval()


def image(height: int, width: int, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def n_lifts(model: nn.Module, x: Tensor, composite: Composite | None = None) -> int:
    """How many operations above the input shares can pass."""
    with frozen_eval(model, x.device):
        return len(
            pooled.lifts_of(make_plan(canonize(record(model, x), [fold_batch_norm]), Composite.ensure(composite)))
        )


def at(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let the ways meet above the n-th operation, whatever it costs."""
    monkeypatch.setattr(pooled, "cheapest", lambda found, max_held: found[n])


def same(one: JointRelevance, other: JointRelevance) -> None:
    """Equal to 1e-9 of the greatest value: factors, similarity, and what each operation kept."""
    for a, b in ((one.left, other.left), (one.right, other.right)):
        assert a.shape == b.shape
        assert float((a - b).abs().max()) <= 1e-9 * max(1.0, float(b.abs().max()))
    assert (one.tile, one.similarity, one.settings) == (other.tile, other.similarity, other.settings)
    for a, b in zip(one.left_coverage.entries, other.left_coverage.entries, strict=True):
        assert (a.name, a.rule, a.state) == (b.name, b.rule, b.state)
        assert a.kept == pytest.approx(b.kept, rel=1e-7, abs=1e-9)


def projected(model: nn.Module, x: Tensor, n_out: int = 4) -> Tensor:
    return random_projection(model(x).shape[1], n_out).double()


@pytest.mark.parametrize("bias", ["leave", "distribute"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_every_cut_gives_the_same(kind: str, bias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = network(kind), image(23, 17), image(23, 17, 5)
    composite = Composite([(FIRST, ZBox(0.0, 1.0)), (OfKind("linear"), Gamma(0.2))])
    explainer = BiLRP(model, composite, projection=projected(model, x))
    expected = explainer.explain(x, y, bias=bias)
    assert float(expected.left.abs().sum()) > 0
    links = n_lifts(model, x)
    assert links == len(model) - 1 - ("batch" in kind)  # all but flatten, the normalisation being folded
    for n in range(links + 1):
        at(monkeypatch, n)
        tile = (8, 5)[n % 2]
        same(explainer.explain(x, y, bias=bias, pool=tile), expected.pool(tile))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("bias", ["leave", "distribute"])
def test_every_rule(rule: Rule, bias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = network("as vgg"), image(16, 12) - 0.3, image(12, 16, 5) - 0.3
    composite = Composite([(OfKind("linear"), rule), (OfKind("max"), MaxWinner(eps=0.1, stabilizer="plain"))])
    explainer = BiLRP(model, composite, projection=projected(model, x))
    expected = explainer.explain(x, y, bias=bias).pool(4)
    at(monkeypatch, -1)
    same(explainer.explain(x, y, bias=bias, pool=4), expected)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(list(NETWORKS)),
    st.integers(9, 26),
    st.integers(9, 26),
    st.integers(1, 30),
    st.sampled_from([1, 99]),
)
def test_any_size_any_tile(kind: str, height: int, width: int, tile: int, memory: int) -> None:
    model, x = network(kind), image(height, width)
    projection = projected(model, x)
    with pytest.MonkeyPatch.context() as patch:
        at(patch, -1)
        got = explain_outputs(model, x, "gamma", projection=projection, pool=tile, memory=memory * 1000).values
    expected = explain_outputs(model, x, "gamma", projection=projection).values.sum(1)
    rows, columns = -(-height // tile), -(-width // tile)
    assert got.shape == (4, rows, columns)
    padded = F.pad(expected, (0, columns * tile - width, 0, rows * tile - height))
    sums = padded.reshape(-1, rows, tile, columns, tile).sum((2, 4))
    assert float((got - sums).abs().max()) <= 1e-9 * max(1.0, float(sums.abs().max()))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("depth", "n_layers"), [(11, 15), (13, 15), (16, 17), (19, 19)])
def test_vgg(depth: int, n_layers: int, batch_norm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = VGG(depth, n_layers + 4 * batch_norm, batch_norm=batch_norm).double()
    generator = torch.Generator().manual_seed(1)
    for layer in model.features:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            layer.bias.data = 0.1 * torch.randn(layer.bias.shape, generator=generator, dtype=torch.float64)
    x = image(21, 16)
    composite = Composite([(FIRST, ZBox(0.0, 1.0)), (OfKind("linear"), Gamma(0.25))]) if batch_norm else vgg(0.0, 1.0)
    projection = projected(model, x)
    expected = explain_outputs(model, x, composite, projection=projection)
    at(monkeypatch, -1)
    got = explain_outputs(model, x, composite, projection=projection, pool=8)
    difference = got.values - tile_sums(expected.values.sum(1), 8)
    assert float(difference.abs().max()) <= 1e-9 * float(expected.values.abs().max())
    for a, b in zip(got.coverage.entries, expected.coverage.entries, strict=True):
        assert a.kept == pytest.approx(b.kept, rel=1e-7, abs=1e-9)


LIFTS = {"plain": 3, "bias": 3, "batchnorm": 3, "residual": 8, "branches": 10, "transformer": 1}


@pytest.mark.parametrize("kind", TOYS)
def test_networks_that_branch(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (x, y) = toy_network(kind), toy_pair()
    expected = BiLRP(model, "gamma").explain(x, y).pool(3)
    same(BiLRP(model, "gamma").explain(x, y, pool=3), expected)
    assert n_lifts(model, x) == LIFTS[kind]
    at(monkeypatch, LIFTS[kind])
    same(BiLRP(model, "gamma").explain(x, y, pool=3), expected)


def test_residual_network_at_every_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = resnet(), image(17, 14)
    expected = explain_outputs(model, x, "epsilon-plus")
    for n in range(0, n_lifts(model, x) + 1, 3):
        at(monkeypatch, n)
        same_outputs(explain_outputs(model, x, "epsilon-plus", pool=8), expected, 8)


def same_outputs(pooled_ones: Relevance, whole: Relevance, tile: int) -> None:
    expected = tile_sums(whole.values.sum(1), tile)
    assert float((pooled_ones.values - expected).abs().max()) <= 1e-9 * max(1.0, float(expected.abs().max()))
    for a, b in zip(pooled_ones.coverage.entries, whole.coverage.entries, strict=True):
        assert a.kept == pytest.approx(b.kept, rel=1e-7, abs=1e-9), a.name


class RandomGraph(nn.Module):
    """Operations over values that may be read any number of times; what nobody reads is summed into the embedding."""

    KINDS = (
        "conv",
        "strided",
        "depthwise",
        "same",
        "norm",
        "relu",
        "silu",
        "gate",
        "max",
        "average",
        "pad",
        "add",
        "cat",
    )

    def __init__(self, program: Sequence[tuple[str, int, int]]) -> None:
        super().__init__()
        self.program = program
        self.layers = nn.ModuleDict()

    def layer(self, key: str, make: Callable[[], nn.Module]) -> nn.Module:
        if key not in self.layers:
            self.layers[key] = make().double().eval()
        return self.layers[key]

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for i, (kind, first, second) in enumerate(self.program):
            a = values[first % len(values)]
            alike = [value for value in values if value.shape[2:] == a.shape[2:]]
            values.append(self.step(f"{i}", kind, a, alike[second % len(alike)]))
        return torch.cat([value.flatten(1) for value in values[-2:]], 1)

    def step(self, key: str, kind: str, a: Tensor, b: Tensor) -> Tensor:
        c = a.shape[1]
        if kind in {"conv", "strided", "same", "depthwise"}:
            settings: dict[str, tuple[object, ...]] = {
                "conv": (3, 1, 1),
                "strided": ((2, 3), (2, 1), (0, 1), (1, 2)),
                "same": ((3, 1), 1, "same", 2),
                "depthwise": (3, 2, 1, 1, c),
            }
            n_out = 2 * c if kind == "depthwise" and c < 4 else c if kind == "depthwise" else 4
            return self.layer(key, lambda: nn.Conv2d(c, n_out, *settings[kind]))(a)  # type: ignore[arg-type]
        if kind == "norm":
            norm = self.layer(key, lambda: nn.BatchNorm2d(c))
            norm.running_mean.fill_(0.2)  # type: ignore[operator, union-attr]
            return norm(a)
        if kind == "add":
            return a + 0.5 * b if a.shape == b.shape else a
        if kind == "cat":
            return torch.cat([a, b], 1) if a is not b and c + b.shape[1] < 9 else a
        if kind == "gate":
            return a * torch.sigmoid(self.layer(key, lambda: nn.Conv2d(c, c, 1))(a.mean((2, 3), keepdim=True)))
        plain: dict[str, Callable[[Tensor], Tensor]] = {
            "relu": F.relu,
            "silu": F.silu,
            "max": lambda value: F.max_pool2d(value, 3, 2, 1),
            "average": lambda value: F.avg_pool2d(value, 2, 1),
            "pad": lambda value: F.pad(value, (1, 0, 2, 1)),
        }
        return plain[kind](a) if min(a.shape[2:]) > 2 else a


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(RandomGraph.KINDS), st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=9
    ),
    st.sampled_from(["epsilon-plus", "gamma", "epsilon-alpha2-beta1", "lrp0"]),
    st.floats(0, 1),
    st.integers(2, 7),
)
def test_any_graph_at_any_cut(program: list[tuple[str, int, int]], composite: str, cut: float, tile: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, x = RandomGraph(program), image(13, 11)
        width = model(x).shape[1]
    projection = torch.randn(3, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = explain_outputs(model, x, composite, projection=projection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "cheapest", lambda found, max_held: found[round(cut * (len(found) - 1))])
        got = explain_outputs(model, x, composite, projection=projection, pool=tile)
    same_outputs(got, expected, tile)


@pytest.mark.parametrize(
    ("layer", "n"),
    [
        (nn.Conv2d(4, 4, 3, groups=2), 3),
        (nn.Conv2d(4, 8, 3, stride=2, groups=4), 3),
        (nn.Conv2d(4, 4, (3, 5), padding="same", dilation=2), 3),
        (nn.Conv2d(4, 4, 2, padding="valid"), 3),
        (nn.AvgPool2d(2, 2, 1, count_include_pad=False), 2),
        (nn.AvgPool2d(2, ceil_mode=True), 2),
        (nn.ConvTranspose2d(4, 2, 2, 2), 2),
        (nn.Upsample(scale_factor=2), 2),
        (nn.ZeroPad2d((1, 0, 2, 3)), 3),
        (nn.ConstantPad2d(1, 0.5), 3),
        (nn.ZeroPad2d(-1), 2),
        (nn.ReflectionPad2d(1), 2),
        (nn.Dropout2d(), 2),  # no operation at all when a model is evaluated
        (nn.Hardswish(), 3),
    ],
    ids=lambda value: repr(value),
)
def test_what_shares_can_pass(layer: nn.Module, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), layer, nn.Flatten()).double().eval()
    x, y = image(9, 11), image(9, 11, 5)
    assert n_lifts(model, x) == n
    at(monkeypatch, -1)
    same(BiLRP(model, "gamma").explain(x, y, pool=4), BiLRP(model, "gamma").explain(x, y).pool(4))


def test_the_cut_follows_the_counted_work() -> None:
    model, x = VGG(11, 6), image(64, 64).float()
    tiles = pooled.Tiles(8, 64, 64)
    with frozen_eval(model, x.device):
        plan = make_plan(record(model, x), vgg(0.0, 1.0))
        links = pooled.lifts_of(plan)
        found = {n: pooled.cuts(plan, links, tiles, n) for n in (1, 100, 10**6)}
    # by hand: 64 windows of 10 x 10 and 27 products each at the first layer
    rows = 8 * 10
    first = found[100][1]
    inputs = 64 * 64 * 64 + 2 * 32 * 32 * 64 + 32 * 32 * 128 + 16 * 16 * 128  # of the five operations above it
    above = 100 * (32 * 32 * 64 * 9 * 128 + TOUCH * inputs)
    assert first.held == 8 * rows * 10 * 64
    assert first.work == 8 * rows * 10 * (64 * 27 + 3 * TOUCH) + above + 100 * first.held
    assert found[100][0].work == 100 * 64 * 64 * (64 * 27 + 3 * TOUCH) + above
    best = {n: pooled.cheapest(cuts, DEFAULT_MEMORY).n_lifts for n, cuts in found.items()}
    assert best[1] == 0 and best[10**6] == 6
    assert pooled.cheapest(found[10**6], max_held=1).n_lifts == 0


def test_windows_cost_more_where_each_is_a_small_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pooled.price_of_windows(torch.empty(1)) == 1
    assert pooled.price_of_windows(torch.empty(1, device="meta")) == pooled.ON_DEVICE
    model, x = VGG(11, 6), image(64, 64).float()
    with frozen_eval(model, x.device):
        plan = make_plan(record(model, x), vgg(0.0, 1.0))

    def best(n_rows: int) -> int:
        found = pooled.cuts(plan, pooled.lifts_of(plan), pooled.Tiles(8, 64, 64), n_rows)
        return pooled.cheapest(found, DEFAULT_MEMORY).n_lifts

    assert best(100) > 0
    monkeypatch.setattr(pooled, "price_of_windows", lambda _: pooled.ON_DEVICE)
    assert best(100) == 0
    assert best(10**6) > 0


class Largest(TorchDispatchMode):
    """Remembers how many entries the largest new tensor has."""

    entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, Tensor):
                self.entries = max(self.entries, tensor.untyped_storage().nbytes() // tensor.element_size())
        return out


def test_maps_of_full_resolution_are_never_formed() -> None:
    """300 explanations of 64 x 64 pixels: nothing as large as 30 of them at the pixels, or one at the first layer."""
    model, x = network("as vgg"), image(64, 64)
    projection = projected(model, x, 300)
    with Largest() as watch:
        explain_outputs(model, x, "gamma", projection=projection, pool=8)
    assert projection.numel() == 384000 and watch.entries <= projection.numel() < 32 * 64 * 64 * 3
    with Largest() as watch:
        explain_outputs(model, x, "gamma", projection=projection, reduce=lambda maps: tile_sums(maps.sum(2), 8))
    assert watch.entries >= 30 * 64 * 64 * 4  # the watch would have seen them


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("flat", [True, False])
def test_every_feature_by_itself(kind: str, flat: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a projection, shares that reach the embedding need no product with what comes down."""
    model, x, y = network(kind), image(18, 14), image(18, 14, 5)
    model = model if flat else model[:-1]
    expected = BiLRP(model, "gamma").explain(x, y).pool(6)
    monkeypatch.setattr(pooled, "propagate_to", None)  # nothing comes down
    same(BiLRP(model, "gamma").explain(x, y, pool=6), expected)


def test_rearranged_features_are_explained_as_such() -> None:
    model = nn.Sequential(*network("as vgg")[:-1], nn.PixelShuffle(1), Swapped())
    x, y = image(18, 14), image(18, 14, 5)
    same(BiLRP(model, "gamma").explain(x, y, pool=6), BiLRP(model, "gamma").explain(x, y).pool(6))


def test_an_input_of_zeros_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = network("as vgg"), torch.zeros(1, 3, 12, 12, dtype=torch.float64)
    at(monkeypatch, -1)
    joint = BiLRP(model, "gamma").explain(x, image(12, 12), pool=5)
    assert joint.left.shape == (45, 3, 3) and not joint.left.any()
    same(joint, BiLRP(model, "gamma").explain(x, image(12, 12)).pool(5))


class Swapped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 3).flatten(1)


def test_float32_follows_float64() -> None:
    model, x, y = network("as vgg"), image(24, 24), image(24, 24, 5)
    expected = BiLRP(model, "gamma").explain(x, y, pool=8)
    got = BiLRP(model.float(), "gamma").explain(x.float(), y.float(), pool=8)
    assert got.left.dtype == torch.float32
    torch.testing.assert_close(got.left.double(), expected.left, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("arguments", [{"keep_channels": True}, {"channel_axis": 2}, {"bias": "distribute"}])
def test_goes_with_the_other_arguments(arguments: dict[str, object]) -> None:
    model, x, y = network("as vgg"), image(12, 16), image(12, 16, 5)
    explainer = BiLRP(model, "gamma", similarity="cosine")
    expected = explainer.explain(x, y, **arguments).pool(3)  # type: ignore[arg-type]
    same(explainer.explain(x, y, pool=3, **arguments), expected)  # type: ignore[arg-type]
    same(explainer.explain_pairs(x, y, pool=3, **arguments)[0], expected)  # type: ignore[arg-type]
    assert explainer.explain(x, y, pool=3, **arguments).tile == 3  # type: ignore[arg-type]


def test_bad_arguments_are_refused() -> None:
    model, x = network("as vgg"), image(12, 12)
    with pytest.raises(InputError, match=r"pool is 0 for an input of shape \(1, 3, 12, 12\), expected one or more"):
        BiLRP(model).explain(x, x, pool=0)
    with pytest.raises(InputError, match=r"pool is 2 for an input of shape .*no reduce beside it"):
        explain_outputs(model, x, pool=2, reduce=lambda maps: maps)
    with pytest.raises(InputError, match=r"pool is 2 for an input of shape \(1, 6\), expected"):
        BiLRP(nn.Linear(6, 2).double()).explain(torch.ones(1, 6).double(), torch.ones(1, 6).double(), pool=2)
    with pytest.raises(RuleError, match=r"0: ZBox expects inputs between 0 and 0\.5"):
        explain_outputs(model, x, {"0": ZBox(0.0, 0.5)}, pool=8)

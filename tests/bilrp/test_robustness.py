"""What goes wrong outside the library: half precision, values that are not finite, threads, files, wrong inputs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP, NonFiniteError, OutputPositions, explain_outputs, explain_places
from bilrp._trace.modes import evaluation_mode
from bilrp.rules import Epsilon
from bilrp.testing import toy_network, toy_pair

HALVES = [torch.float16, torch.bfloat16]


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return make().eval()


def mixed() -> nn.Module:
    """Most kinds of layers in a few pixels."""
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(8, 5)),
    )


class Block(nn.Module):
    """Attention with a mask, a residual and a norm, over rows of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(24, 2, batch_first=True)
        self.norm = nn.LayerNorm(24)
        self.head = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 1, 3).flatten(2)
        hidden = torch.tensor([[False] * 5 + [True] * 3], device=x.device)
        mixed, _ = self.attention(rows, rows, rows, key_padding_mask=hidden, need_weights=False)
        return self.head(self.norm(rows + mixed).mean(1))


class Casting(nn.Module):
    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner, self.dtype = inner, dtype

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=self.dtype):
            return self.inner(x).float()


class CastByHand(nn.Module):
    """A body in half precision, cast by every way there is, and a head in float32."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.body, self.head, self.dtype = inner[:-1].to(dtype), inner[-1].float(), dtype  # type: ignore[index]

    def forward(self, x: Tensor) -> Tensor:
        x = x.half() if self.dtype == torch.float16 else x.bfloat16()
        y = self.body(x.to(dtype=self.dtype)).type(torch.float32)
        return self.head(y.type_as(self.head.weight))


def image(n: int = 8) -> Tensor:
    return torch.rand(1, 3, n, n, generator=torch.Generator().manual_seed(5))


def alike(values: Tensor, reference: Tensor) -> float:
    return float(torch.cosine_similarity(values.flatten().double(), reference.flatten(), dim=0))


@pytest.mark.parametrize("composite", ["gamma", "epsilon"])
@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("make", [mixed, Block])
def test_half_precision_is_carried_in_float32(
    make: Callable[[], nn.Module], dtype: torch.dtype, composite: str
) -> None:
    x = image()
    rounded = explain_outputs(seeded(make).to(dtype).double(), x.to(dtype).double(), composite).values
    exact = explain_outputs(seeded(make).double(), x.double(), composite).values
    half = explain_outputs(seeded(make).to(dtype), x.to(dtype), composite)
    assert half.values.dtype == half.embedding.dtype == torch.float32
    assert alike(half.values, rounded) > 1 - 1e-6
    inside = explain_outputs(Casting(seeded(make), dtype), x, composite)
    assert inside.values.dtype == torch.float32 and alike(inside.values, exact) > 1 - 1e-6
    with torch.autocast("cpu", dtype=dtype):
        around = explain_outputs(seeded(make), x, composite)
    assert alike(around.values, exact) > 1 - 1e-6
    name = str(dtype).removeprefix("torch.")
    assert (half.certificate.forward_precision, half.certificate.precision) == (name, "float32")
    assert any(name in note and "float32" in note for note in inside.coverage.notes)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_casts_by_hand_small_activations_pairs_and_tiles(dtype: torch.dtype) -> None:
    x = image()
    model = CastByHand(seeded(mixed), dtype)
    reference = CastByHand(seeded(mixed), dtype)
    double = nn.Sequential(*reference.body, reference.head).double()
    rounded = explain_outputs(double, x.to(dtype).double(), "gamma").values
    assert alike(explain_outputs(model, x, "gamma").values, rounded) > 1 - 1e-5  # casts are left out: x is not rounded

    def small() -> nn.Module:
        network = mixed()
        network[0].weight.data *= 1e-4  # type: ignore[index, operator]
        return network

    tiny = explain_outputs(seeded(small).to(dtype), x.to(dtype)).values
    rounded = explain_outputs(seeded(small).to(dtype).double(), x.to(dtype).double()).values
    assert alike(tiny, rounded) > 1 - 1e-6
    joint = BiLRP(Casting(seeded(mixed), dtype), "gamma").explain(x, x.flip(3), pool=4)
    whole = BiLRP(seeded(mixed), "gamma").explain(x, x.flip(3)).pool(4)
    torch.testing.assert_close(joint.matrix(), whole.matrix(), rtol=1e-3, atol=1e-4 * float(whole.matrix().abs().max()))


def test_float64_stays() -> None:
    result = explain_outputs(seeded(mixed).double(), image().double(), "gamma")
    assert result.values.dtype == torch.float64 and result.certificate.forward_precision == "float64"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_by_name(value: float) -> None:
    x = image()
    x[0, 1, 2, 3] = value
    with pytest.raises(NonFiniteError, match=r"the input holds 1 .*\(0, 1, 2, 3\)"):
        explain_outputs(seeded(mixed), x)
    model = seeded(mixed)
    with torch.no_grad():
        model[4].weight[0, 0, 0, 0] = value  # type: ignore[index]
    with pytest.raises(NonFiniteError, match=r"^4 \(conv2d in 4\): a weight"):
        BiLRP(model).explain(image(), image())
    with pytest.raises(NonFiniteError, match=r"^1 .*weight"):
        layer = nn.Conv2d(4, 1, 1)
        nn.init.constant_(layer.weight, value)
        explain_places(nn.Sequential(nn.Conv2d(3, 4, 3), layer), image(), PLACE)


class Overflow(nn.Module):
    """Infinite on the way, finite at the end."""

    def forward(self, x: Tensor) -> Tensor:
        large = (x.flatten(1) * 1000).exp()
        return torch.minimum(large, torch.ones_like(large)) + x.flatten(1)


def test_an_activation_that_overflows_is_named() -> None:
    with pytest.raises(NonFiniteError, match=r":exp \(exp .*infinite values first appear"):
        explain_outputs(Overflow(), image())


def test_float16_that_overflows_is_no_embedding() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.Linear(4, 3)).half()
    with torch.no_grad():
        model[1].weight.fill_(6e4)  # type: ignore[operator, union-attr]
    with pytest.raises(NonFiniteError, match=r"1 \(linear in 1\).*float16"):
        explain_outputs(model, image().half())


class Exploding(Epsilon):
    """A rule that multiplies relevance up."""

    def terms(self, layer, distribute=False):  # type: ignore[no-untyped-def]
        terms = super().terms(layer, distribute)
        for term in terms:
            term.factor = term.factor * 1e30
        return terms


def test_relevance_that_overflows_is_named() -> None:
    model = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 4)))
    with pytest.raises(NonFiniteError, match=r"below 1 \(linear"):
        explain_outputs(model, image(), {"3": Exploding(), "1": Exploding()})


def test_masks_of_attention_are_no_fault() -> None:
    result = explain_outputs(seeded(Block).double(), image().double(), "epsilon")
    assert torch.isfinite(result.values).all() and result.certificate.non_finite == 0


def test_threads_leave_the_model_as_it_was() -> None:
    model = toy_network("batchnorm").train()
    model[0].eval()  # type: ignore[index]
    before = [module.training for module in model.modules()]
    x, y = toy_pair()
    expected = BiLRP(model, "gamma").explain(x, y).total()
    totals: list[float] = []

    def work() -> None:
        for _ in range(5):
            totals.append(BiLRP(model, "gamma").explain(x, y).total())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [pytest.approx(expected)] * 30
    assert [module.training for module in model.modules()] == before


def test_the_last_one_out_restores() -> None:
    """Two that overlap: without counting, the second would restore what the first had set."""
    model = nn.Sequential(nn.Linear(2, 2)).train()
    first, second = evaluation_mode(model), evaluation_mode(model)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not model[0].training
    second.__exit__(None, None, None)
    assert model.training and model[0].training


def test_an_error_leaves_the_model_as_it_was() -> None:
    model = seeded(mixed).train()
    with pytest.raises(bilrp.BilrpError), torch.autocast("cpu", dtype=torch.bfloat16):
        explain_outputs(model, image() * float("nan"))
    assert all(module.training for module in model.modules())


def test_rooms_are_there_after_import() -> None:
    for name in ("features", "plotting", "testing", "certificate"):
        assert getattr(bilrp, name).__name__ == f"bilrp.{name}"
        assert name in dir(bilrp)


PLACE = OutputPositions(*(torch.zeros(1, dtype=torch.int64).numpy() for _ in range(4)), torch.ones(1).numpy())
ENTRIES: dict[str, Callable[[nn.Module, Any], Any]] = {
    "explain": lambda model, x: BiLRP(model).explain(image(), x),
    "explain_outputs": explain_outputs,
    "attribute": lambda model, x: bilrp.attribute(model, x, target=0),
    "explain_places": lambda model, x: (
        explain_places(model[:2], x, PLACE) if isinstance(model, nn.Sequential) else 1 / 0
    ),
}
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "array": (lambda: image().numpy(), "ndarray"),
    "list": (lambda: [1.0, 2.0], "list|tensors? of the input"),
    "pixels of 0 to 255": (lambda: (image() * 255).to(torch.uint8), r"\.float\(\) / 255"),
    "float64": (lambda: image().double(), r"x\.to\(torch\.float32\)"),
    "float16": (lambda: image().half(), r"x\.to\(torch\.float32\)"),
    "no batch axis": (lambda: image()[0], r"batch axis|\(1, 8, 8\)|one image"),
    "other channels": (lambda: image()[:, :1], "expected input"),
    "too small": (lambda: image()[:, :, :2, :2], "Kernel size"),
    "sparse": (lambda: image().to_sparse(), r"to_dense|sparse"),
    "nothing": (lambda: None, "NoneType"),
    "a path": (lambda: "cat.jpg", "str|text"),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_inputs_are_refused_with_a_remedy(wrong: str, entry: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    make, said = WRONG[wrong]
    with pytest.raises(bilrp.InputError, match=said):
        ENTRIES[entry](model, make())


def test_a_batch_of_two_is_no_sample() -> None:
    model = seeded(mixed)
    two = torch.cat([image(), image()])
    for call in (lambda: explain_outputs(model, two), lambda: BiLRP(model).explain(two, two)):
        with pytest.raises(bilrp.InputError, match="explain_pairs"):
            call()
    with pytest.raises(bilrp.InputError, match="expected two tensors"):
        BiLRP(model).explain_pairs(None, two)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [lambda x: x, nn.Linear, None, "resnet50"], ids=["function", "class", "none", "name"])
def test_what_is_no_model_is_refused(model: Any) -> None:
    for call in (
        lambda: explain_outputs(model, image()),
        lambda: bilrp.attribute(model, image(), target=0),
        lambda: explain_places(model, image(), PLACE),
        lambda: BiLRP(model).explain(image(), image()),
    ):
        with pytest.raises(bilrp.InputError, match=r"as a model, expected a torch\.nn\.Module"):
            call()


@pytest.mark.parametrize(
    "change",
    [
        {"entries": [{"name": 3, "function": "f", "kind": "k", "state": "rule", "rule": "", "kept": 0.0}]},
        {"entries": [{"name": "a", "function": "f", "kind": "k", "state": "sure", "rule": "", "kept": 0.0}]},
        {"entries": [{"name": "a", "function": "f", "kind": "k", "state": "rule", "rule": "", "kept": float("nan")}]},
        {"entries": [{"name": "a"}]},
        {"approximate_share": "most"},
        {"unaccounted": float("inf")},
        {"conditions": {"composite": 7, "canonizers": []}},
        {"conditions": {"seed": "x", "canonizers": []}},
        {"conditions": {"unknown": 1, "canonizers": []}},
    ],
)
def test_reports_from_files_are_checked(change: dict[str, Any]) -> None:
    report = explain_outputs(toy_network(), toy_pair()[0], "gamma").coverage.to_dict()
    assert bilrp.Coverage.from_dict(report).to_dict() == report
    with pytest.raises(TypeError):
        bilrp.Coverage.from_dict({**report, **change})

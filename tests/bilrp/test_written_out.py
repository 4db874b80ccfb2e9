"""Functions that are recorded as the steps they stand for, choices, sums and maps: values, conservation, formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import explain_outputs
from bilrp.composites import Composite, OfKind
from bilrp.rules import LRP0, SlopeShare, SumShare
from bilrp.testing import share_matrix

SHAPE = (3, 4, 5)
EXACT = Composite(
    [(OfKind("linear"), LRP0(eps=0)), (OfKind("sum"), SumShare(eps=0)), (OfKind("homogeneous"), SlopeShare(eps=0))]
)


class Flattened(nn.Module):
    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x).reshape(1, -1)


def signed() -> Tensor:
    return torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def table(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def relevance(operation: Callable[[Tensor], Tensor], bias: str = "leave") -> np.ndarray:
    values: np.ndarray = explain_outputs(Flattened(operation), signed(), EXACT, bias=bias).values.flatten(1).numpy()
    return values


WRITTEN: dict[str, Callable[[Tensor], Tensor]] = {
    "glu": lambda x: F.glu(x, 2),
    "addcmul": lambda x: torch.addcmul(x, x[:, :1], torch.sigmoid(x), value=0.5),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1, value=2),
    "lerp": lambda x: torch.lerp(x, x.flip(1), 0.3),
    "lerp by a gate": lambda x: torch.lerp(x, x.flip(1), torch.sigmoid(x)),
    "baddbmm": lambda x: torch.baddbmm(x[0], table(3, 4, 4), x[0], beta=0.5, alpha=2),
    "addbmm": lambda x: torch.addbmm(x[0, 0], table(3, 4, 4), x[0]),
    "addmm of two": lambda x: torch.addmm(x[0, 0, :, :4], x[0, 0], x[0, 1, :4].T),
    "addmv": lambda x: torch.addmv(x[0, 0, :, 0], table(4, 5), x[0, 1, 0]),
    "addr": lambda x: torch.addr(x[0, 0], x[0, 1, :, 0], table(5)),
    "var_mean": lambda x: torch.cat(torch.var_mean(x, 3), 1),
    "std_mean": lambda x: torch.cat(torch.std_mean(x, dim=(2, 3), keepdim=True), 1),
    "var": lambda x: x.var((1, 2), unbiased=False),
    "std": lambda x: x.std(3),
    "aminmax": lambda x: torch.cat(torch.aminmax(x, dim=3), 1),
    "norm": lambda x: x.norm(dim=1),
    "vector_norm 3": lambda x: torch.linalg.vector_norm(x, 3, dim=2),
    "cosine_similarity": lambda x: F.cosine_similarity(x[:, :, :1], table(1, 3, 4, 5), dim=3),
    "pairwise_distance": lambda x: F.pairwise_distance(x[0, 0], x[0, 1]),
    "cdist": lambda x: torch.cdist(x[0], x[0, :, :2]),
    "pdist": lambda x: F.pdist(x[0, 0]),
    "bilinear": lambda x: F.bilinear(x, x.flip(1), table(2, 5, 5)),
    "softmin": lambda x: F.softmin(x, 1),
    "lp_pool2d": lambda x: F.lp_pool2d(x.abs(), 2, 2),
    "prod": lambda x: x.prod(1),
    "cumprod": lambda x: x.cumprod(2),
    "quantile": lambda x: x.quantile(0.3, dim=3),
    "logsumexp": lambda x: x.logsumexp((2, 3)),
    "logaddexp": lambda x: torch.logaddexp(x, x.flip(1)),
    "logcumsumexp": lambda x: x.logcumsumexp(3),
    "scatter_reduce mean": lambda x: (
        torch.zeros(1, 3, 2, 5)
        .double()
        .scatter_reduce(2, torch.tensor([0, 1, 1, 0]).reshape(4, 1).expand(1, 3, 4, 5), x, "mean", include_self=False)
    ),
    "index_put with sums": lambda x: (
        torch.zeros(2, 3, 4, 5).double().index_put((torch.tensor([1, 1]),), torch.cat([x, x]), accumulate=True)
    ),
    "addcmul_": lambda x: x.clone().addcmul_(x, torch.sigmoid(x)),
    "lerp_": lambda x: x.clone().lerp_(x.flip(1), 0.3),
    "reciprocal_": lambda x: x.clone().reciprocal_(),
    "threshold in place": lambda x: F.threshold(x * 1, 0.1, 0.0, inplace=True),
    "put with sums": lambda x: (x * 1).put_(torch.tensor([0, 0]), x.reshape(-1)[:2], accumulate=True),
    "minus the mean of all": lambda x: x - x.mean(),
    "largest of all": lambda x: x.max().reshape(1, 1),
    "scatter_reduce amin": lambda x: (
        torch.zeros(1, 3, 2, 5)
        .double()
        .scatter_reduce(2, torch.tensor([0, 1, 1, 0]).reshape(4, 1).expand(1, 3, 4, 5), x, "amin", include_self=False)
    ),
    "covariance": lambda x: torch.cov(x[0, 0]),
    "determinant": lambda x: torch.linalg.det(x[0, :, :3, :3]),
    "cross product": lambda x: torch.linalg.cross(x[:, :, :3], x[:, :, 1:], dim=1),
    "view_copy": lambda x: torch.view_copy(x, (3, 20)),
    "adaptive pooling with places": lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)[0],
    "trapezoid": lambda x: torch.trapezoid(x, dim=2),
    "special functions": lambda x: torch.special.erfcx(x),
    "nan_to_num": lambda x: x.nan_to_num(),
    "where of two": lambda x: torch.where(x > 0, x, x.flip(1)),
    "maximum of many": lambda x: torch.maximum(torch.maximum(x[:, 0], x[:, 1]), x[:, 2]),
    "a bag of vectors": lambda x: x.topk(2, 1).values.mean(1),
    "bicubic": lambda x: F.interpolate(x, size=(7, 6), mode="bicubic"),
    "bicubic, antialiased": lambda x: F.interpolate(x, size=(3, 2), mode="bicubic", antialias=True),
    "area": lambda x: F.interpolate(x, size=(2, 3), mode="area"),
    "grid_sample": lambda x: F.grid_sample(x, table(1, 3, 2, 2) / 2, align_corners=False),
    "grid_sample, predicted": lambda x: F.grid_sample(
        x,
        F.affine_grid(x.reshape(1, -1)[:, :6].reshape(1, 2, 3), [1, 3, 4, 5], align_corners=False),
        align_corners=True,
    ),
    "sparse.mm": lambda x: torch.sparse.mm(table(3, 4).relu().to_sparse(), x[0, 0]),
    "sparse @ dense": lambda x: table(3, 4).relu().to_sparse_csr() @ x[0, 0],
    "einsum of three": lambda x: torch.einsum("bchw,cd,h->bdw", x, table(3, 2), table(4)),
    "kron": lambda x: torch.kron(x[0, 0], table(2, 2)),
    "straight through": lambda x: x + (x.round() - x).detach(),
    "complex: filter": lambda x: torch.fft.irfft2(torch.fft.rfft2(x) * torch.fft.rfft2(table(1, 3, 4, 5)), s=(4, 5)),
    "complex: real part": lambda x: torch.fft.fftn(x, dim=(1, 3)).real,
    "complex: magnitude": lambda x: torch.fft.rfft(x, dim=3).abs(),
    "complex: einsum": lambda x: torch.fft.irfft(
        torch.einsum("bchw,cd->bdhw", torch.fft.rfft(x), torch.complex(table(3, 3), table(3, 3).flip(0))), n=5
    ),
    "complex: as real": lambda x: torch.view_as_real(torch.fft.fft(x)),
    "complex: stft": lambda x: torch.stft(
        x.reshape(1, -1), 8, 4, window=torch.ones(8).double(), return_complex=True
    ).abs(),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("name", WRITTEN)
def test_values_are_pytorchs_and_nothing_is_lost(name: str) -> None:
    model = Flattened(WRITTEN[name])
    result = explain_outputs(model, signed(), EXACT, bias="distribute")
    torch.testing.assert_close(result.embedding, model(signed())[0])
    torch.testing.assert_close(result.values.flatten(1).sum(1), result.embedding, rtol=1e-9, atol=1e-9)


def test_a_matrix_for_each_group_of_rows() -> None:
    """Mixtures of experts: as a loop over the experts, one of which gets no rows; PyTorch's own has no float64."""
    ends, matrices = torch.tensor([1, 1, 4], dtype=torch.int32), table(3, 8, 8).float()
    x = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(3))
    grouped = Flattened(lambda x: torch._grouped_mm(x[0], matrices, offs=ends))
    loop = Flattened(lambda x: torch.cat([x[0, :1] @ matrices[0], x[0, 1:] @ matrices[2]]))
    result = explain_outputs(grouped, x, EXACT)
    torch.testing.assert_close(result.embedding, grouped(x)[0])
    torch.testing.assert_close(result.values, explain_outputs(loop, x, EXACT).values)


CHOICES: dict[str, Callable[[Tensor], Tensor]] = {
    "topk": lambda x: x.topk(2, 3).values,
    "sort": lambda x: x.sort(3, descending=True)[0],
    "msort": lambda x: x[0].msort(),
    "median": lambda x: x.median(2).values,
    "kthvalue": lambda x: x.kthvalue(2, 2).values,
    "mode": lambda x: x.mode(3).values,
    "cummax": lambda x: x.cummax(2).values,
    "max and its place": lambda x: x.gather(1, x.max(1, keepdim=True).indices),
    "argmax": lambda x: torch.take_along_dim(x, x.argmax(2, keepdim=True), 2),
    "argsort": lambda x: x.gather(3, x.argsort(3)),
    "unpooling": lambda x: (lambda y, i: F.max_unpool2d(y, i, 2, output_size=(4, 5)))(
        *F.max_pool2d(x, 2, return_indices=True)
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_choices_give_all_to_what_they_chose(name: str) -> None:
    operation, x = CHOICES[name], signed().requires_grad_()
    out = operation(x).reshape(-1)
    chosen = torch.stack([torch.autograd.grad(value, x, retain_graph=True)[0].reshape(-1) for value in out])
    assert set(chosen.unique().tolist()) <= {0.0, 1.0}
    np.testing.assert_allclose(relevance(operation), chosen * out.detach()[:, None], atol=1e-12)


MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "bicubic": WRITTEN["bicubic"],
    "bicubic, antialiased": WRITTEN["bicubic, antialiased"],
    "grid_sample": WRITTEN["grid_sample"],
    "filter": WRITTEN["complex: filter"],
    "spectral convolution": WRITTEN["complex: einsum"],
    "sparse": WRITTEN["sparse.mm"],
    "einsum": WRITTEN["einsum of three"],
}


@pytest.mark.parametrize("name", MAPS)
def test_linear_maps_share_in_proportion(name: str) -> None:
    """z_jk = a_j c_jk with the coefficients read off from unit vectors: LRP-0, through complex numbers too."""
    operation, x = MAPS[name], signed()
    n = x.numel()
    matrix = np.stack([operation(one.reshape(x.shape)).reshape(-1).numpy() for one in torch.eye(n, dtype=x.dtype)])
    shares = share_matrix(LRP0(eps=0), x.reshape(-1).numpy(), matrix, np.zeros(matrix.shape[1]))
    expected = (shares * operation(x).reshape(-1).numpy()).T
    np.testing.assert_allclose(relevance(operation), expected, rtol=1e-8, atol=1e-9)


def test_spreads_give_to_each_what_its_square_brought() -> None:
    x = signed()[0].numpy().reshape(12, 5)
    centred = x - x.mean(1, keepdims=True)
    for name, size in (("std", centred.std(1, ddof=1)), ("norm", None)):
        expected = np.zeros((12, 12, 5))
        for k in range(12):
            if size is not None:
                expected[k, k] = x[k] * centred[k] / (x[k] * centred[k]).sum() * size[k]
            else:
                expected[k, k] = x[k] ** 2 / np.linalg.norm(x[k])
        operation = (lambda v: v.std(3)) if name == "std" else (lambda v: v.norm(dim=3))
        np.testing.assert_allclose(relevance(operation), expected.reshape(12, -1), rtol=1e-9, atol=1e-12)


FAR: dict[str, Callable[[Tensor], Tensor]] = {
    "cdist": lambda x: torch.cdist(x[0, 0], CENTRES),
    "by hand": lambda x: (x[0, 0, :, None] - CENTRES).pow(2).sum(-1).sqrt(),
    "constant first": lambda x: (CENTRES - x[0, 0, :, None]).square().sum(-1) ** 0.5,
    "norm": lambda x: (x[0, 0, :, None] - CENTRES).norm(dim=-1),
}
CENTRES = table(2, 5)


@pytest.mark.parametrize("name", FAR)
def test_distances_to_constants_go_to_what_makes_them(name: str) -> None:
    """R_j = (x_j - c_j)^2 / d for d = |x - c|, however it is written: the constant is the origin, no bias."""
    x, centres = signed()[0, 0].numpy(), CENTRES.numpy()
    expected = np.zeros((4, 2, *SHAPE))
    for i, k in np.ndindex(4, 2):
        far = x[i] - centres[k]
        expected[i, k, 0, i] = far**2 / np.linalg.norm(far)
    np.testing.assert_allclose(relevance(FAR[name]), expected.reshape(8, -1), rtol=1e-9, atol=1e-12)


def test_products_over_a_dimension_share_alike() -> None:
    got = relevance(lambda v: v.prod(3)).reshape(12, 12, 5)
    value = signed()[0].numpy().reshape(12, 5).prod(1)
    np.testing.assert_allclose(got, np.eye(12)[:, :, None] * value[:, None, None] / 5 * np.ones(5), rtol=1e-9)


def test_soft_maxima_share_by_their_weights() -> None:
    x = signed()[0].numpy().reshape(12, 5)
    expected = np.zeros((12, 12, 5))
    for k in range(12):
        expected[k, k] = np.exp(x[k]) / np.exp(x[k]).sum() * np.log(np.exp(x[k]).sum())
    np.testing.assert_allclose(relevance(lambda v: v.logsumexp(3)), expected.reshape(12, -1), rtol=1e-9)


def test_a_spread_without_slopes_keeps_all_and_says_so() -> None:
    """How many entries are not zero, or a power of zero: nothing can be shared by slopes."""
    for function in (
        lambda x: torch.linalg.vector_norm(x, 0, dim=3),
        lambda x: torch.linalg.matrix_power(x[0, :, :3, :3], 0),
    ):
        result = explain_outputs(Flattened(function), signed(), warn=False)
        assert not result.values.any()
        assert sum(entry.kept for entry in result.coverage.entries) == pytest.approx(1)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("way", ["rows", "offsets", "padding", "weights"])
def test_bags_of_vectors(mode: str, way: str) -> None:
    if way == "weights" and mode != "sum":
        pytest.skip("PyTorch has weights with sums alone")
    ids = torch.tensor([[1, 4, 4, 2]])
    bag = nn.EmbeddingBag(6, 3, mode=mode, padding_idx=2 if way == "padding" else None).double()
    bag.weight.data = table(6, 3)

    class Bag(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if way == "offsets":
                return bag(x[0], torch.tensor([0, 3])).reshape(1, -1)
            return bag(x, per_sample_weights=table(1, 4)) if way == "weights" else bag(x)

    result = explain_outputs(Bag(), ids, EXACT)
    torch.testing.assert_close(result.embedding, Bag()(ids).reshape(-1))
    torch.testing.assert_close(result.values.sum(1), result.embedding)
    if way == "padding":
        assert not result.values[:, 3].any()


@pytest.mark.parametrize(
    "settings", [{"add_bias_kv": True}, {"add_zero_attn": True}, {"kdim": 5, "vdim": 5, "add_bias_kv": True}], ids=str
)
def test_options_of_attention(settings: dict[str, object]) -> None:
    attention = nn.MultiheadAttention(4, 2, batch_first=True, **settings).double().eval()  # type: ignore[arg-type]
    other = table(1, 3, 5 if "kdim" in settings else 4)

    class Attending(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            memory = other * x.mean()
            return attention(x[:, :, 0, :4], memory, memory, attn_mask=torch.eye(3) > 0)[0].reshape(1, -1)

    result = explain_outputs(Attending(), signed())
    torch.testing.assert_close(result.embedding, Attending()(signed())[0])
    assert [entry.kind for entry in result.coverage.entries].count("attention") == 1


ORDERS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "batch_norm": (
        lambda x, w, b, m, v: torch.batch_norm(x, w, b, m, v, False, 0.1, 1e-5, False),
        lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b),
    ),
    "instance_norm": (
        lambda x, w, b, m, v: torch.instance_norm(x, w, b, m, v, False, 0.1, 1e-5, False),
        lambda x, w, b, m, v: F.instance_norm(x, m, v, w, b, use_input_stats=False),
    ),
    "operator": (
        lambda x, w, b, m, v: torch.ops.aten.batch_norm.default(x, w, b, m, v, False, 0.1, 1e-5, False),
        lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b),
    ),
}


@pytest.mark.parametrize("name", ORDERS)
def test_arguments_in_the_order_of_torch_are_understood(name: str) -> None:
    convolution = nn.Conv2d(2, 3, 3).double()
    numbers = [*table(4, 3)[:3], table(4, 3)[3].abs() + 0.5]

    class Normed(nn.Module):
        def __init__(self, norm: Callable[..., Tensor]) -> None:
            super().__init__()
            self.convolution, self.norm = convolution, norm

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.convolution(x), *numbers).relu().flatten(1)

    x = torch.rand(1, 2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    got, expected = (explain_outputs(Normed(norm), x, "gamma") for norm in ORDERS[name])
    torch.testing.assert_close(got.values, expected.values)
    assert got.certificate.bias_share == pytest.approx(expected.certificate.bias_share)


def test_tables_before_token_numbers_are_understood() -> None:
    weight, ids = table(6, 3), torch.tensor([[1, 4, 4, 2]])

    class Looked(nn.Module):
        def __init__(self, bag: bool) -> None:
            super().__init__()
            self.bag = bag

        def forward(self, x: Tensor) -> Tensor:
            if self.bag:
                return torch.embedding_bag(weight, x[0], torch.tensor([0, 3]))[0].reshape(1, -1)
            return torch.embedding(weight, x).flatten(1)

    for bag in (False, True):
        result = explain_outputs(Looked(bag), ids, EXACT)
        torch.testing.assert_close(result.embedding, Looked(bag)(ids).flatten())
        torch.testing.assert_close(result.values.sum(1), result.embedding)


def test_exported_and_compiled_models_are_those_they_were_made_from() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.GELU(), nn.Flatten(), nn.Linear(27, 4)).eval()
    x = torch.rand(1, 2, 5, 5, generator=torch.Generator().manual_seed(3))
    expected = explain_outputs(network, x, "gamma").values
    exported = torch.export.export(network, (x,)).module()
    torch.testing.assert_close(explain_outputs(exported, x, "gamma").values, expected)
    compiled: list[int] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(len(inputs))
        return graph.forward

    fast = torch.compile(network, backend=backend)
    torch.testing.assert_close(explain_outputs(fast, x, "gamma").values, expected)
    assert not compiled  # recorded passes run as the model was written
    with torch.no_grad():
        torch.testing.assert_close(fast(x), network(x))
    assert compiled

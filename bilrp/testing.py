"""Slow references and toy networks, for the tests of this library and of what others build on it.

The references share no code with the library: a layer is turned into its dense matrix by feeding it unit vectors, the
share of every pair (input, output) is written down as the papers have it, and one output is explained at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import rules as R
from bilrp.exceptions import InputError

Array = npt.NDArray[np.float64]


def _denominator(z: Array, eps: float, stabilizer: str, magnitude: Array) -> Array:
    sign = np.where(z < 0, -1.0, 1.0)
    added = {"plain": np.full_like(z, eps), "signed": eps * sign, "relative": eps * sign * magnitude}[stabilizer]
    return np.asarray(z + added)


def _shares(contributions: Array, bias: Array, rule: R.Rule, distribute: bool) -> Array:
    """Share of each output (column) that goes to each input (row)."""
    magnitude = np.abs(contributions).sum(0)
    own = contributions.sum(0)
    total = _denominator(own + bias, rule.eps, rule.stabilizer, magnitude)
    shares = np.divide(contributions, total, out=np.zeros_like(contributions), where=total != 0)
    if distribute:
        left = 1 - shares.sum(0)
        shares = shares + np.divide(
            np.abs(contributions) * left, magnitude, out=np.zeros_like(contributions), where=magnitude > 0
        )
    return shares


def _positive_shares(contributions: Array, bias: Array, rule: R.Rule, distribute: bool) -> Array:
    """Of positive contributions alone; outputs without any are shared over the others where biases are distributed."""
    shares = _shares(np.maximum(contributions, 0), np.maximum(bias, 0), rule, distribute)
    if distribute:
        bare = ~(contributions > 0).any(0)
        shares[:, bare] = _shares(np.abs(contributions), np.zeros_like(bias), rule, True)[:, bare]
    return shares


def share_matrix(
    rule: R.Rule, a: Array, w: Array, b: Array, *, distribute: bool = False, low: Any = 0.0, high: Any = 0.0
) -> Array:
    """The share of every output that goes to every input under a rule for weighted layers.

    Parameters
    ----------
    rule : Rule
    a : array of shape (J,)
        Inputs.
    w : array of shape (J, K)
        Dense weights; exact zeros count as "not connected".
    b : array of shape (K,)
    distribute : bool
    low, high : float or array of shape (J,)
        The box, for `bilrp.rules.ZBox`.

    Returns
    -------
    array of shape (J, K)
        ``shares @ relevance_of_outputs`` is the relevance of the inputs.
    """
    column = a[:, None]
    plus, minus = np.maximum(w, 0), np.minimum(w, 0)
    if isinstance(rule, R.LRP0):  # and epsilon
        return _shares(column * w, b, rule, distribute)
    if isinstance(rule, R.Gamma):
        z: Array = column * w
        below = a @ w + b < 0
        favoured = np.where(below, np.minimum(z, 0), np.maximum(z, 0))
        favoured_bias = np.where(below, np.minimum(b, 0), np.maximum(b, 0))
        return _shares(z + rule.gamma * favoured, b + rule.gamma * favoured_bias, rule, distribute)
    if isinstance(rule, R.ZPlus):
        return _positive_shares(column * w, b, rule, distribute)
    if isinstance(rule, R.AlphaBeta):
        if rule.beta == 0:
            return _positive_shares(column * w, b, rule, distribute)
        positive = _shares(np.maximum(column * w, 0), np.maximum(b, 0), rule, distribute)
        negative = _shares(np.minimum(column * w, 0), np.minimum(b, 0), rule, distribute)
        if not distribute:
            return rule.alpha * positive - rule.beta * negative
        has_positive, has_negative = (column * w > 0).any(0), (column * w < 0).any(0)
        return np.asarray(
            np.where(has_negative, rule.alpha, 1.0) * positive + np.where(has_positive, -rule.beta, 1.0) * negative
        )
    if isinstance(rule, R.ZBox):
        box = column * w - np.reshape(low, (-1, 1)) * plus - np.reshape(high, (-1, 1)) * minus
        return _shares(box, np.zeros_like(b), rule, distribute)
    if isinstance(rule, R.WSquare):
        return _shares(w**2, np.zeros_like(b), rule, distribute)
    if isinstance(rule, R.Flat):
        return _shares((w != 0).astype(np.float64), np.zeros_like(b), rule, distribute)
    if isinstance(rule, R.Pass):
        return np.eye(*w.shape)
    raise InputError(f"share_matrix: {rule!r} is not a rule for weighted layers")


def dense(layer: nn.Module, shape: Iterable[int]) -> tuple[Array, Array]:
    """The matrix (J, K) and the bias (K,) of a linear layer for inputs of a shape (without the batch axis)."""
    shape = tuple(shape)
    n = int(np.prod(shape))
    with torch.no_grad():
        bias = layer(torch.zeros(1, *shape, dtype=torch.float64)).reshape(-1)
        rows = layer(torch.eye(n, dtype=torch.float64).reshape(n, *shape)).reshape(n, -1) - bias
    rows[rows.abs() < 1e-14] = 0
    return rows.numpy(), bias.numpy()


def _max_pool_shares(layer: nn.MaxPool2d, a: Tensor, rule: R.Rule) -> Array:
    winners = F.max_pool2d(a, layer.kernel_size, layer.stride, layer.padding, return_indices=True)
    values, index = winners[0][0], winners[1][0]
    _, height, width = a.shape[1:]
    shares = np.zeros((a[0].numel(), values.numel()))
    for k, (value, place) in enumerate(zip(values.flatten(), index.flatten(), strict=True)):
        channel = k // values[0].numel()
        share = 1.0
        if rule.eps:
            share = float(value) / float(_denominator(np.array(float(value)), rule.eps, rule.stabilizer, np.array(0.0)))
        shares[channel * height * width + int(place), k] = share
    return shares


def matrix_lrp(model: nn.Sequential, x: Tensor, rules: Mapping[str, R.Rule], *, distribute: bool = False) -> Tensor:
    """LRP of every output of a sequential network, one at a time, by dense matrices.

    Parameters
    ----------
    model : nn.Sequential of weighted layers, average and max pooling, batch-free element-wise layers and Flatten
        In float64 and evaluation mode.
    x : Tensor of shape (1, ...), float64
    rules : dict
        Rule of each weighted layer or max pooling by its name; LRP-0 and the winner elsewhere.
    distribute : bool

    Returns
    -------
    Tensor of shape (M, *x.shape[1:])
    """
    shares: list[Array] = []
    a = x
    for name, layer in model.named_children():
        with torch.no_grad():
            out = layer(a.clone())
        rule = rules.get(name)
        values = a.numpy().reshape(-1)
        if isinstance(layer, nn.MaxPool2d):
            shares.append(_max_pool_shares(layer, a, R.MaxWinner() if rule is None or distribute else rule))
        elif isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear, nn.AvgPool2d)):
            w, b = dense(layer, a.shape[1:])
            low, high = (_box(rule, side, a) for side in ("low", "high"))
            shares.append(share_matrix(rule or R.LRP0(), values, w, b, distribute=distribute, low=low, high=high))
        a = out
    relevance = np.empty((a.numel(), x.numel()))
    for m in range(a.numel()):
        one = np.zeros(a.numel())
        one[m] = a.numpy().reshape(-1)[m]
        for share in reversed(shares):
            one = share @ one
        relevance[m] = one
    return torch.from_numpy(relevance).reshape(a.numel(), *x.shape[1:])


def _box(rule: R.Rule | None, side: str, a: Tensor) -> Array:
    if not isinstance(rule, R.ZBox):
        return np.zeros(1)
    bound = torch.as_tensor(getattr(rule, side), dtype=torch.float64)
    if bound.dim() == 1:
        bound = bound.reshape(1, -1, *[1] * (a.dim() - 2))
    return bound.expand_as(a).numpy().reshape(-1)


def hessian_product(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Mixed Hessian of the dot similarity times the product of the inputs, of shape (x.numel(), y.numel())."""
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)

    def similarity(u: Tensor, v: Tensor) -> Tensor:
        out: Tensor = (model(u.reshape(x.shape)) * model(v.reshape(y.shape))).sum()
        return out

    blocks: Any = torch.autograd.functional.hessian(similarity, (flat_x, flat_y))
    hessian: Tensor = blocks[0][1]
    return (flat_x[:, None] * hessian * flat_y[None, :]).detach()


class ResidualToy(nn.Module):
    """Two convolutions with batch normalisation and a functional skip, as in ResNet."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.first(x)), inplace=True)
        y = self.second(y)
        y += x
        return torch.relu(y)


class Down(nn.Module):
    """The block of ResNet-18 that halves the image: a strided convolution beside the skip, which has one, too."""

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, wider, 3, 2, 1, bias=False), nn.BatchNorm2d(wider), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(wider, wider, 3, 1, 1, bias=False), nn.BatchNorm2d(wider))
        self.skip = nn.Sequential(nn.Conv2d(channels, wider, 1, 2, bias=False), nn.BatchNorm2d(wider))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.skip(x))


def resnet(width: int = 4, seed: int = 0) -> nn.Module:
    """The layers of ResNet-18, narrower: images (N, 3, H, W) to embeddings (N, 8 * width); float64, evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stem = (nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        stages: list[nn.Module] = [ResidualToy(width), ResidualToy(width)]
        for i in (1, 2, 4):
            stages += [Down(i * width, 2 * i * width), ResidualToy(2 * i * width)]
        return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten()).double().eval()


class Branches(nn.Module):
    """Two branches joined by concatenation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(channels, 3, 3, padding=1)
        self.narrow = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.wide(x).relu(), F.max_pool2d(self.narrow(x), 3, 1, 1)], dim=1)


class PatchTransformer(nn.Module):
    """A small vision transformer: patches, positions, encoder layers, mean over the tokens."""

    def __init__(self, width: int = 8, n_heads: int = 2, n_layers: int = 2, n_out: int = 5) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.positions = nn.Parameter(0.1 * torch.randn(1, 4, width))
        layer = nn.TransformerEncoderLayer(width, n_heads, 16, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, n_out)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        out: Tensor = self.head(self.encoder(tokens).mean(dim=1))
        return out


TOYS = ("plain", "bias", "batchnorm", "residual", "branches", "transformer")


def toy_network(kind: str = "plain", seed: int = 0) -> nn.Module:
    """A small network of images (N, 3, 8, 8) to embeddings (N, 5), in float64 and evaluation mode.

    Parameters
    ----------
    kind : {"plain", "bias", "batchnorm", "residual", "branches", "transformer"}
        "plain" has no biases, so that LRP conserves all relevance.
    seed : int
        The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        bias = kind != "plain"
        first: list[nn.Module] = [nn.Conv2d(3, 4, 3, padding=1, bias=bias)]
        if kind == "batchnorm":
            norm = nn.BatchNorm2d(4)
            for tensor, low in ((norm.running_mean, -0.5), (norm.running_var, 0.5)):
                if tensor is not None:
                    nn.init.uniform_(tensor, low, low + 1)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
            first.append(norm)
        middle: dict[str, list[nn.Module]] = {
            "residual": [ResidualToy(4), nn.MaxPool2d(2)],
            "branches": [Branches(4), nn.Conv2d(5, 4, 1), nn.ReLU(), nn.AvgPool2d(2)],
        }
        if kind == "transformer":
            return PatchTransformer().double().eval()
        if kind not in TOYS:
            raise InputError(f"toy_network: kind is {kind!r}, expected one of {TOYS}")
        return (
            nn.Sequential(
                *first,
                nn.ReLU(inplace=True),
                *middle.get(kind, [nn.MaxPool2d(2)]),
                nn.Flatten(),
                nn.Linear(64, 5, bias=bias),
            )
            .double()
            .eval()
        )


def toy_pair(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two images (1, 3, 8, 8) in float64 with values between 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    pair = torch.rand(2, 1, 3, 8, 8, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def fingerprint(model: nn.Module) -> dict[str, Any]:
    """Everything about a model that an explanation must leave as it was; compare two with ``==``."""
    state: dict[str, Any] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        state[name] = (tensor.detach().cpu().numpy().tobytes(), tensor.requires_grad, tensor.grad is None, id(tensor))
    for name, module in model.named_modules():
        hooks = {key: len(value) for key, value in vars(module).items() if "hooks" in key and hasattr(value, "__len__")}
        state[f"{name}:module"] = (module.training, hooks, sorted(vars(module)), type(module))
    state["random"] = torch.random.get_rng_state().numpy().tobytes()
    return state

"""Every construction that a network may hold, alone: explained, refused with a remedy that works, or silently wrong?

    python benchmarks/bilrp_constructions.py                     # all, a line each
    python benchmarks/bilrp_constructions.py --only "*LSTM*" --json constructions.json

The verdicts are those of `bilrp_zoo.py`: explained (conserved to 1e-3 with bias="distribute", sum of |R| at most 100
times the similarity), undistributed (an honest refusal to distribute), warned (beyond these limits, with a warning),
refused (with whether its remedy works), silent, crash. Weights are random; torch alone is needed.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import Counter
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from bilrp_zoo import SEED, calibrated, outcome
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

C, T, V = 8, 6, 30  # width, tokens, words


class Around(nn.Module):
    """Layers around a function: tokens (1, T, C) are projected, the function follows, a head ends."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(C, C) for _ in range(3))
        self.score, self.head = nn.Linear(C, 1), nn.LazyLinear(6)
        self.scale = nn.Parameter(torch.rand(C) + 0.5)
        for name, part in parts.items():
            setattr(self, name, part)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.function(self, self.a(x) if x.is_floating_point() else x).flatten(1))


class Pictures(nn.Module):
    """The same for pictures (1, 3, 24, 24), behind a convolution with ReLU."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], bare: bool = False, **parts: nn.Module) -> None:
        super().__init__()
        self.conv, self.more = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.LazyLinear(6)
        for name, part in parts.items():
            setattr(self, name, part)
        self.function, self.bare = function, bare

    def forward(self, x: Tensor) -> Tensor:
        out = self.function(self, x if self.bare else F.relu(self.conv(x)))
        return out if self.bare else self.head(out.flatten(1))


def pooled(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def tokens(function: Callable[[Any, Tensor], Tensor], **parts: nn.Module) -> Callable[[], nn.Module]:
    return lambda: Around(function, **parts)


def pictures(function: Callable[[Any, Tensor], Tensor], bare: bool = False, **parts: nn.Module) -> Callable[[], Any]:
    return lambda: Pictures(function, bare, **parts)


def words(function: Callable[[Any, Tensor], Tensor]) -> Callable[[], nn.Module]:
    return lambda: Around(function, words=nn.Embedding(V, C), places=nn.Embedding(V, C))


# --- recurrent ------------------------------------------------------------------------------------------------------


def lstm_by_hand(m: Any, x: Tensor) -> Tensor:
    h, c = x.new_zeros(1, 5), x.new_zeros(1, 5)
    for t in range(T):
        i, f, g, o = m.gates(torch.cat([x[:, t], h], 1)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return h


def lstm_cells(m: Any, x: Tensor) -> Tensor:
    state = None
    for t in range(T):
        state = m.cell(x[:, t], state)
    return state[0]  # type: ignore[index]


def packed_gru(m: Any, x: Tensor) -> Tensor:
    out, _ = m.net(pack_padded_sequence(x, torch.tensor([4]), batch_first=True))
    return pad_packed_sequence(out, batch_first=True)[0].mean(1)


def selective_scan(m: Any, x: Tensor) -> Tensor:
    """A state space whose steps depend on the input, as in Mamba."""
    step, into, out = F.softplus(m.b(x)), m.c(x), m.d(x)
    state, ys = x.new_zeros(1, C, C), []
    for t in range(T):
        state = torch.exp(-step[:, t, :, None]) * state + step[:, t, :, None] * into[:, t, None] * x[:, t, :, None]
        ys.append((state @ out[:, t, :, None])[..., 0])
    return torch.stack(ys, 1) * F.silu(x)


# --- attention --------------------------------------------------------------------------------------------------------


def graph_attention(m: Any, x: Tensor) -> Tensor:
    scores = F.leaky_relu(m.score(x) + m.score(m.b(x)).transpose(1, 2))
    near = (torch.arange(T)[:, None] - torch.arange(T)).abs() < 3
    return torch.softmax(scores.masked_fill(~near, float("-inf")), -1) @ m.c(x)


def talking_heads(m: Any, x: Tensor) -> Tensor:
    q, k, v = (layer(x).reshape(1, T, 2, C // 2).transpose(1, 2) for layer in (m.b, m.c, m.d))
    scores = m.mix((q @ k.transpose(-2, -1)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    weights = m.mix(scores.softmax(-1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return (weights @ v).transpose(1, 2).reshape(1, T, C)


def positional_mixture(m: Any, x: Tensor) -> Tensor:
    places = -(torch.arange(T)[:, None] - torch.arange(T)).abs().to(x).softmax(-1)
    mixed = (1 - torch.sigmoid(m.scale[0])) * (m.b(x) @ x.transpose(1, 2)).softmax(-1) + m.scale[0].sigmoid() * places
    return (mixed / mixed.sum(-1, keepdim=True)) @ m.c(x)


def linear_attention(m: Any, x: Tensor) -> Tensor:
    q, k, v = F.elu(m.b(x)) + 1, F.elu(m.c(x)) + 1, m.d(x)
    return q @ (k.transpose(1, 2) @ v) / (q @ k.sum(1, keepdim=True).transpose(1, 2))


def global_response(m: Any, x: Tensor) -> Tensor:
    size = x.norm(dim=1, keepdim=True)
    return x + torch.addcmul(torch.zeros(C), m.scale, x * (size / (size.mean(-1, keepdim=True) + 1e-6)))


def rotary(m: Any, x: Tensor) -> Tensor:
    angle = torch.arange(T)[:, None] / torch.tensor([1.0, 10.0, 100.0, 1000.0])
    angle = torch.cat([angle, angle], -1)
    turned = [z * angle.cos() + torch.cat([-z[..., 4:], z[..., :4]], -1) * angle.sin() for z in (m.b(x), m.c(x))]
    return F.scaled_dot_product_attention(turned[0], turned[1], m.d(x), is_causal=True)


# --- pictures ---------------------------------------------------------------------------------------------------------


def selective_kernels(m: Any, x: Tensor) -> Tensor:
    paths = torch.stack([F.relu(m.more(x)), F.relu(m.wide(x))], 1)
    weights = torch.stack([m.to_a(pooled(paths.sum(1))), m.to_b(pooled(paths.sum(1)))], 1).softmax(1)
    return pooled((paths * weights[..., None, None]).sum(1))


def transformed(m: Any, x: Tensor) -> Tensor:
    theta = m.theta(pooled(F.adaptive_avg_pool2d(x, 4))).reshape(1, 2, 3) + torch.eye(2, 3)
    return pooled(m.conv(F.grid_sample(x, F.affine_grid(theta, [1, 3, 12, 12], False), align_corners=False)))


def vlad(m: Any, x: Tensor) -> Tensor:
    flat = x.flatten(2).transpose(1, 2)
    assigned = m.assign(flat).softmax(-1)
    residual = flat.unsqueeze(2) - m.centres.weight
    return F.normalize((assigned.unsqueeze(-1) * residual).sum(1), dim=-1)


def dynamic_kernel(m: Any, x: Tensor) -> Tensor:
    kernel = m.kernel(pooled(x)).reshape(4, 8, 3, 3)
    return pooled(F.conv2d(x, kernel))


def mixed_kernels(m: Any, x: Tensor) -> Tensor:
    weights = m.route(pooled(x)).softmax(-1)
    return pooled(F.conv2d(x, torch.einsum("nk,koihw->oihw", weights, m.bank.weight.reshape(3, 4, 8, 3, 3))))


def quantised(m: Any, x: Tensor) -> Tensor:
    code = m.book(torch.cdist(x, m.book.weight[None]).argmin(-1))
    return x + (code - x).detach()


def written_slices(m: Any, x: Tensor) -> Tensor:
    y = m.conv(x).clone()
    y[:, :4] = F.relu(y[:, :4])
    y[:, 4:].mul_(0.5)
    first = y[:, 0]
    first.add_(y[:, 1])
    return pooled(y)


def given_memory(m: Any, x: Tensor) -> Tensor:
    out = torch.empty(1, 8, 24, 24)
    torch.mul(x, 2.0, out=out)
    return pooled(out)


def clipped(m: Any, x: Tensor) -> Tensor:
    return pooled(x) if float(x.mean()) > -100 else pooled(m.more(x))


def spectral(m: Any, x: Tensor) -> Tensor:
    weight = torch.complex(m.real.weight, m.imaginary.weight)[:, :, None, None]
    return F.relu(torch.fft.irfft2(torch.fft.rfft2(x).mul(weight.sum(1)[None]), s=x.shape[-2:])) + m.more(x)


class Doubled(torch.autograd.Function):
    """Twice the input, with a derivative of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * 2


def convolutions() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(8, 6)),
    )


class Wrapped(nn.Module):
    """A model that is called by another way."""

    def __init__(self, inner: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.inner, x)


def wrapped(call: Callable[[nn.Module, Tensor], Tensor]) -> Callable[[], nn.Module]:
    return lambda: Wrapped(convolutions(), call)


def scripted() -> nn.Module:
    return torch.jit.script(convolutions().eval())  # type: ignore[no-any-return]


def traced() -> nn.Module:
    return torch.jit.trace(convolutions().eval(), torch.rand(1, 3, 24, 24))  # type: ignore[no-any-return]


def dynamic_quantised() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(convolutions().eval(), {nn.Linear})  # type: ignore[no-any-return]


def pruned() -> nn.Module:
    model = convolutions()
    prune.random_unstructured(model[3], "weight", 0.5)
    return model


def low_rank(m: Any, x: Tensor) -> Tensor:
    return m.b(x) + m.up(m.down(x)) * 0.5


def nested(m: Any, x: Tensor) -> Tensor:
    return m.b(torch.nested.nested_tensor([x[0]])).to_padded_tensor(0.0)


def roberta_places(m: Any, ids: Tensor) -> Tensor:
    mask = ids.ne(1).int()
    places = (torch.cumsum(mask, 1).type_as(mask) * mask).long() + 1
    return (m.words(ids) + m.places(places)).relu().mean(1)


def shifted_right(m: Any, ids: Tensor) -> Tensor:
    shifted = ids.new_zeros(ids.shape)
    shifted[:, 1:] = ids[:, :-1].clone()
    return m.words(shifted).relu().mean(1)


SE = {"b": nn.Linear(C, C)}
CONSTRUCTIONS: dict[str, tuple[str, Callable[[], Any]]] = {
    "LSTM, last state": ("tokens", tokens(lambda m, x: m.net(x)[0][:, -1], net=nn.LSTM(C, 5, batch_first=True))),
    "LSTM, both ways, two layers": (
        "tokens",
        tokens(lambda m, x: m.net(x)[0].mean(1), net=nn.LSTM(C, 5, 2, batch_first=True, bidirectional=True)),
    ),
    "LSTM with projections": (
        "tokens",
        tokens(lambda m, x: m.net(x)[0].mean(1), net=nn.LSTM(C, 5, batch_first=True, proj_size=3)),
    ),
    "GRU, mean": ("tokens", tokens(lambda m, x: m.net(x)[0].mean(1), net=nn.GRU(C, 5, batch_first=True))),
    "GRU, packed": ("tokens", tokens(packed_gru, net=nn.GRU(C, 5, batch_first=True))),
    "RNN, tanh": ("tokens", tokens(lambda m, x: m.net(x)[1][0], net=nn.RNN(C, 5, batch_first=True))),
    "LSTMCell in a loop": ("tokens", tokens(lstm_cells, cell=nn.LSTMCell(C, 5))),
    "LSTM by hand": ("tokens", tokens(lstm_by_hand, gates=nn.Linear(C + 5, 20))),
    "selective scan": ("tokens", tokens(selective_scan, d=nn.Linear(C, C))),
    "graph, dense adjacency": ("tokens", tokens(lambda m, x: F.relu(m.b(torch.eye(T).roll(1, 0) @ x)).mean(1))),
    "graph, index_add": (
        "tokens",
        tokens(lambda m, x: torch.zeros(1, T, C).index_add(1, torch.tensor([0, 1, 1, 2, 3, 5]), m.b(x)).relu().mean(1)),
    ),
    "graph, scatter_add_": (
        "tokens",
        tokens(
            lambda m, x: (
                torch.zeros(1, T, C)
                .scatter_add_(1, torch.tensor([0, 1, 1, 2, 3, 5])[None, :, None].expand(1, T, C), m.b(x))
                .relu()
                .mean(1)
            )
        ),
    ),
    "graph, scatter_reduce amax": (
        "tokens",
        tokens(
            lambda m, x: torch.zeros(1, 3, C).scatter_reduce(
                1, torch.tensor([0, 1, 1, 2, 0, 2])[None, :, None].expand(1, T, C), m.b(x), "amax", include_self=False
            )
        ),
    ),
    "graph, sparse.mm": (
        "tokens",
        tokens(lambda m, x: F.relu(m.b(torch.sparse.mm(torch.eye(T).roll(1, 0).to_sparse(), x[0])))[None].mean(1)),
    ),
    "graph attention": ("tokens", tokens(graph_attention)),
    "F.normalize inside": ("tokens", tokens(lambda m, x: F.normalize(m.b(x), dim=-1).mean(1))),
    "x / x.norm()": ("tokens", tokens(lambda m, x: (m.b(x) / x.norm(dim=-1, keepdim=True)).mean(1))),
    "x * rsqrt(mean x^2)": (
        "tokens",
        tokens(lambda m, x: m.scale * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)),
    ),
    "layer norm": ("tokens", tokens(lambda m, x: F.relu(m.n(m.b(x))).mean(1), n=nn.LayerNorm(C))),
    "pooling by attention": ("tokens", tokens(lambda m, x: (m.score(x).softmax(1) * m.b(x)).sum(1))),
    "generalised mean": ("pictures", pictures(lambda m, x: x.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3))),
    "global max pooling": ("pictures", pictures(lambda m, x: F.adaptive_max_pool2d(x, 1))),
    "sum pooling": ("pictures", pictures(lambda m, x: x.sum((2, 3)))),
    "log-sum-exp pooling": ("pictures", pictures(lambda m, x: x.logsumexp((2, 3)))),
    "top-k pooling": ("pictures", pictures(lambda m, x: x.flatten(2).topk(5).values.mean(-1))),
    "sort": ("tokens", tokens(lambda m, x: m.b(x).sort(1).values[:, -3:])),
    "median": ("tokens", tokens(lambda m, x: m.b(x).median(1).values)),
    "standard deviation pooling": ("tokens", tokens(lambda m, x: torch.cat([x.mean(1), m.b(x).std(1)], -1))),
    "var_mean": ("tokens", tokens(lambda m, x: torch.cat(torch.var_mean(m.b(x), 1), -1))),
    "NetVLAD": ("pictures", pictures(vlad, assign=nn.Linear(8, 3), centres=nn.Embedding(3, 8))),
    "bilinear pooling": (
        "pictures",
        pictures(lambda m, x: x.flatten(2) @ m.more(x).flatten(2).transpose(1, 2) / 576),
    ),
    "A A^T": ("pictures", pictures(lambda m, x: x.flatten(2) @ x.flatten(2).transpose(1, 2) / 576)),
    "transposed convolution and norm": (
        "pictures",
        pictures(
            lambda m, x: F.relu(m.norm(m.up(x))).mean((2, 3)), norm=nn.BatchNorm2d(8), up=nn.ConvTranspose2d(8, 8, 2, 2)
        ),
    ),
    "upsampling, bilinear": (
        "pictures",
        pictures(lambda m, x: pooled(m.more(F.interpolate(x, scale_factor=2, mode="bilinear")))),
    ),
    "upsampling, bicubic": (
        "pictures",
        pictures(lambda m, x: pooled(m.more(F.interpolate(x, scale_factor=2, mode="bicubic")))),
    ),
    "downsampling, area": ("pictures", pictures(lambda m, x: pooled(m.more(F.interpolate(x, size=7, mode="area"))))),
    "grid_sample": (
        "pictures",
        pictures(
            lambda m, x: pooled(
                m.conv(
                    F.grid_sample(
                        x, F.affine_grid(torch.eye(2, 3)[None] * 0.7, [1, 3, 12, 12], False), align_corners=False
                    )
                )
            ),
            bare=True,
        ),
    ),
    "spatial transformer": ("pictures", pictures(transformed, bare=True, theta=nn.Linear(3, 6))),
    "pixel shuffle": ("pictures", pictures(lambda m, x: pooled(F.pixel_shuffle(m.more(x), 2)))),
    "unfold and fold": (
        "pictures",
        pictures(lambda m, x: pooled(F.fold(F.unfold(x, 3, padding=1), (24, 24), 3, padding=1))),
    ),
    "max unpooling": (
        "pictures",
        pictures(lambda m, x: pooled(m.more(F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)))),
    ),
    "group norm": ("pictures", pictures(lambda m, x: pooled(F.relu(m.n(m.more(x)))), n=nn.GroupNorm(2, 8))),
    "instance norm": (
        "pictures",
        pictures(lambda m, x: pooled(F.relu(m.n(m.more(x)))), n=nn.InstanceNorm2d(8, affine=True)),
    ),
    "batch norm before a convolution": (
        "pictures",
        pictures(lambda m, x: pooled(F.relu(m.more(m.norm(x)))), norm=nn.BatchNorm2d(8)),
    ),
    "weight norm": (
        "pictures",
        lambda: Pictures(lambda m, x: pooled(F.relu(m.w(x))), w=parametrizations.weight_norm(nn.Conv2d(8, 8, 3))),
    ),
    "spectral norm": (
        "pictures",
        lambda: Pictures(lambda m, x: pooled(F.relu(m.w(x))), w=parametrizations.spectral_norm(nn.Conv2d(8, 8, 3))),
    ),
    "pruned": ("pictures", pruned),
    "low-rank adapter": ("tokens", tokens(low_rank, up=nn.Linear(2, C, bias=False), down=nn.Linear(C, 2, bias=False))),
    "checkpoint": ("pictures", wrapped(lambda m, x: torch.utils.checkpoint.checkpoint(m, x, use_reentrant=False))),
    "custom autograd function": ("pictures", pictures(lambda m, x: pooled(Doubled.apply(m.more(x))))),
    "module used twice": ("pictures", pictures(lambda m, x: pooled(F.relu(m.more(F.relu(m.more(x))))))),
    "in-place ReLU and add_": ("pictures", pictures(lambda m, x: pooled(F.relu_(m.more(x)).add_(x)))),
    "slices written in place": ("pictures", pictures(written_slices, bare=True)),
    "out=": ("pictures", pictures(given_memory)),
    "control flow on data": ("pictures", pictures(clipped)),
    "vmap": ("pictures", wrapped(lambda m, x: torch.func.vmap(lambda one: m(one[None])[0])(x))),
    "scripted": ("pictures", scripted),
    "traced": ("pictures", traced),
    "fx graph": ("pictures", lambda: torch.fx.symbolic_trace(convolutions())),
    "dynamically quantised": ("pictures", dynamic_quantised),
    "autocast": ("pictures", wrapped(lambda m, x: _autocast(m, x))),
    "bfloat16": ("pictures", wrapped(lambda m, x: m.bfloat16()(x.bfloat16()).float())),
    "spectral convolution (FFT)": ("pictures", pictures(spectral, real=nn.Linear(8, 8), imaginary=nn.Linear(8, 8))),
    "mixing by FFT": ("tokens", tokens(lambda m, x: F.gelu(m.b(torch.fft.fft2(x).real)).mean(1))),
    "magnitudes by STFT": (
        "tokens",
        tokens(lambda m, x: torch.stft(x.reshape(1, -1), 16, 8, window=torch.ones(16), return_complex=True).abs()),
    ),
    "nn.Bilinear": ("tokens", tokens(lambda m, x: m.two(x, m.b(x)).mean(1), two=nn.Bilinear(C, C, 5))),
    "squeeze and excite": ("tokens", tokens(lambda m, x: x * torch.sigmoid(m.b(x.mean(1, keepdim=True))))),
    "selective kernels": (
        "pictures",
        pictures(selective_kernels, wide=nn.Conv2d(8, 8, 5, padding=2), to_a=nn.Linear(8, 8), to_b=nn.Linear(8, 8)),
    ),
    "GLU": ("tokens", tokens(lambda m, x: F.glu(m.b(x), -1))),
    "SwiGLU": ("tokens", tokens(lambda m, x: F.silu(m.b(x)) * m.c(x))),
    "GEGLU": ("tokens", tokens(lambda m, x: (lambda u, v: u * F.gelu(v))(*m.b(x).chunk(2, -1)))),
    "highway": ("tokens", tokens(lambda m, x: torch.lerp(x, m.c(x), torch.sigmoid(m.b(x))))),
    "global response norm, addcmul": ("tokens", tokens(global_response)),
    "transformer encoder": (
        "tokens",
        tokens(
            lambda m, x: m.t(x).mean(1),
            t=nn.TransformerEncoder(nn.TransformerEncoderLayer(C, 2, 16, batch_first=True), 2),
        ),
    ),
    "transformer encoder, padding": (
        "tokens",
        tokens(
            lambda m, x: m.t(x, src_key_padding_mask=torch.arange(T)[None] > 4)[:, :4].mean(1),
            t=nn.TransformerEncoder(nn.TransformerEncoderLayer(C, 2, 16, batch_first=True), 2),
        ),
    ),
    "transformer decoder": (
        "tokens",
        tokens(
            lambda m, x: m.t(m.b(x), x).mean(1),
            t=nn.TransformerDecoder(nn.TransformerDecoderLayer(C, 2, 16, batch_first=True), 1),
        ),
    ),
    "attention, bias_k and zeros": (
        "tokens",
        tokens(
            lambda m, x: m.t(x, x, x)[0],
            t=nn.MultiheadAttention(C, 2, batch_first=True, add_bias_kv=True, add_zero_attn=True),
        ),
    ),
    "attention, causal, rotary": ("tokens", tokens(rotary, d=nn.Linear(C, C))),
    "talking heads": ("tokens", tokens(talking_heads, d=nn.Linear(C, C), mix=nn.Linear(2, 2))),
    "positional mixture": ("tokens", tokens(positional_mixture)),
    "linear attention": ("tokens", tokens(linear_attention, d=nn.Linear(C, C))),
    "ReLU attention": ("tokens", tokens(lambda m, x: F.relu(m.b(x) @ x.transpose(1, 2)) @ m.c(x) / T)),
    "channel attention": (
        "tokens",
        tokens(lambda m, x: (m.c(x).transpose(1, 2) @ m.b(x)).softmax(-1) @ x.transpose(1, 2)),
    ),
    "bags of words": ("words", lambda: Around(lambda m, x: m.bag(x), bag=nn.EmbeddingBag(V, C))),
    "ids viewed": ("words", words(lambda m, i: m.words(i.view(-1, i.shape[-1])).relu().mean(1))),
    "ids sliced, clamped, joined": (
        "words",
        words(lambda m, i: m.words(torch.cat([i.clamp(max=20)[:, 1:], i[:, :1]], 1)).relu().mean(1)),
    ),
    "ids shifted right": ("words", words(shifted_right)),
    "positions from ids": ("words", words(roberta_places)),
    "last token by argmax": ("words", words(lambda m, i: m.words(i).relu()[torch.arange(1), i.argmax(-1)])),
    "one-hot": ("words", words(lambda m, i: (F.one_hot(i, V).float() @ m.words.weight).relu().mean(1))),
    "audio, Conv1d": ("tokens", tokens(lambda m, x: F.relu(m.w(x)).mean(2), w=nn.Conv1d(T, 5, 3))),
    "video, Conv3d": (
        "pictures",
        pictures(lambda m, x: F.relu(m.w(x[:, None, :4])).mean((2, 3, 4)), w=nn.Conv3d(1, 5, 3)),
    ),
    "table, MLP": ("tokens", tokens(lambda m, x: F.relu(m.b(x[:, 0])))),
    "maxout": ("tokens", tokens(lambda m, x: torch.maximum(m.b(x), m.c(x)).mean(1))),
    "CReLU": ("pictures", pictures(lambda m, x: pooled(F.relu(torch.cat([m.more(x), -m.more(x)], 1))))),
    "minimum": ("tokens", tokens(lambda m, x: torch.minimum(F.relu(m.b(x)), F.relu(m.c(x))).mean(1))),
    "where of two branches": ("tokens", tokens(lambda m, x: torch.where(m.b(x) > 0, m.b(x), m.c(x)).mean(1))),
    "distances to prototypes": ("tokens", tokens(lambda m, x: -torch.cdist(m.b(x), m.c.weight[None]))),
    "radial basis": ("tokens", tokens(lambda m, x: torch.exp(-torch.cdist(m.b(x), m.c.weight[None]).pow(2) / 4))),
    "cosine head": ("tokens", tokens(lambda m, x: F.cosine_similarity(x.unsqueeze(2), m.b.weight[None, None], dim=-1))),
    "addcdiv": ("tokens", tokens(lambda m, x: torch.addcdiv(x, m.b(x), m.c(x).abs() + 1))),
    "baddbmm": ("tokens", tokens(lambda m, x: torch.baddbmm(x, m.b.weight[None, :T, :T].softmax(-1), m.c(x)))),
    "tensordot": ("tokens", tokens(lambda m, x: torch.tensordot(x, m.b.weight, dims=([2], [1])))),
    "cumulative sum": ("tokens", tokens(lambda m, x: F.relu(m.b(x)).cumsum(1))),
    "product over a dimension": ("tokens", tokens(lambda m, x: torch.sigmoid(m.b(x)).prod(1))),
    "model of (1, C, H, W)": ("pictures", wrapped(lambda m, x: m[0](x)[:, :, ::8, ::8])),
    "softmax head": ("tokens", tokens(lambda m, x: F.softmax(m.b(x).mean(1) * 5, -1))),
    "sigmoid hash head": ("tokens", tokens(lambda m, x: torch.sigmoid(m.b(x).mean(1) * 5))),
    "temperature": ("tokens", tokens(lambda m, x: m.b(x).mean(1) * m.scale.exp())),
    "codebook, straight through": ("tokens", tokens(quantised, book=nn.Embedding(12, C))),
    "kernel from the input": ("pictures", pictures(dynamic_kernel, kernel=nn.Linear(8, 288))),
    "mixture of kernels": ("pictures", pictures(mixed_kernels, route=nn.Linear(8, 3), bank=nn.Linear(288, 3))),
    "mixture of experts, top 1": (
        "tokens",
        tokens(
            lambda m, x: (
                lambda g: g.max(-1, keepdim=True).values * torch.where(g.argmax(-1, keepdim=True) == 0, m.b(x), m.c(x))
            )(m.route(x).softmax(-1)),
            route=nn.Linear(C, 2),
        ),
    ),
    "weights standardised": (
        "pictures",
        pictures(
            lambda m, x: pooled(F.relu(F.conv2d(x, (m.more.weight - m.more.weight.mean()) / m.more.weight.std())))
        ),
    ),
    "coupled over the batch": ("tokens", tokens(lambda m, x: m.b(x) - x.mean(0))),
    "dropout that is live": ("tokens", tokens(lambda m, x: F.dropout(F.relu(m.b(x)), 0.3, training=True).mean(1))),
    "nested tensor": ("tokens", tokens(nested)),
    "matrix inverse": ("tokens", tokens(lambda m, x: torch.linalg.inv(x[:, :4, :4] + 3 * torch.eye(4)))),
    "eigenvalues": ("tokens", tokens(lambda m, x: torch.linalg.eigvalsh(x.transpose(1, 2) @ x))),
    "phase of an FFT": ("tokens", tokens(lambda m, x: torch.fft.rfft(x).angle())),
    "histogram": ("tokens", tokens(lambda m, x: torch.histc(m.b(x), 8)[None])),
    "numpy inside": ("tokens", tokens(lambda m, x: torch.from_numpy(m.b(x).detach().numpy() * 2))),
}


def _autocast(model: nn.Module, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out: Tensor = model(x)
    return out.float()


def inputs(form: str) -> tuple[Tensor, Tensor]:
    """The two inputs of a construction."""
    generator = torch.Generator().manual_seed(SEED)
    if form == "words":
        return torch.tensor([[3, 7, 7, 2, 9, 25]]), torch.tensor([[4, 7, 2, 12]])
    shape = (2, 1, T, C) if form == "tokens" else (2, 1, 3, 24, 24)
    x, y = torch.randn(shape, generator=generator)
    return x, 0.9 * x + 0.4 * y


def row_of(name: str, composite: str) -> dict[str, Any]:
    """Build a construction and judge it."""
    form, make = CONSTRUCTIONS[name]
    torch.manual_seed(SEED)
    x, y = inputs(form)
    model = make().eval()
    with torch.no_grad():
        model(x)
    if form == "pictures":
        model = calibrated(model, torch.randn(8, 3, 24, 24))
    return {"name": name, **outcome(model, x, y, None, composite)}


def line(row: dict[str, Any]) -> str:
    """One line of print."""
    if "amp" in row:
        figures = f"amp {row['amp']:9.3g}  bias {row['bias']:8.2f}  conserved {row.get('conserved', float('nan')):8.1e}"
        said = f"  {row['warned'][0][:90]}" if row.get("warned") else ""
        return f"{row['name']:34} {row['verdict']:13} {figures}{said}"
    return f"{row['name']:34} {row['verdict']:13} {row.get('remedy', '')} | {row.get('error', '')[:200]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="names, with * and ?")
    parser.add_argument("--composite", default="epsilon")
    parser.add_argument("--json", type=Path, help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch.*")
    rows = []
    for name in CONSTRUCTIONS:
        if fnmatchcase(name, arguments.only):
            rows.append(row_of(name, arguments.composite))
            print(line(rows[-1]), flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=1))
    counts = Counter(row["verdict"] for row in rows)
    print(f"{len(rows)} constructions: {', '.join(f'{n} {verdict}' for verdict, n in counts.most_common())}")


if __name__ == "__main__":
    main()

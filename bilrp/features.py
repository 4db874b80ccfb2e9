"""VGG-16 as a feature extractor, with torchvision's layer names, and the random projection of the paper."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from bilrp.composites import IMAGENET_MEAN, IMAGENET_STD
from bilrp.exceptions import InputError, PretrainedWeightsError

VGG_LAYOUTS: dict[int, tuple[int | str, ...]] = {
    11: (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    13: (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    16: (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    19: (*(64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M"), *(512, 512, 512, 512, "M", 512, 512, 512, 512, "M")),
}
MAX_FILE = 2**31  # bytes; VGG-19 with its classifier has 575 million


class VGG(nn.Module):
    """The convolutional part of a VGG network: images (N, 3, H, W) to embeddings (N, M).

    Parameters
    ----------
    depth : {16, 11, 13, 19}
    n_layers : int, optional
        How many of the layers in ``features`` to run; for VGG-16, 17 ends with the third pooling and 31 (all) with the
        fifth. Default: all.
    weights : str or Path, optional
        A state dict in torchvision's format (``features.0.weight``, ...), loaded weights-only and checked. Without it
        the weights are random.
    batch_norm : bool
        The variant with batch normalisation; indices then differ, as in torchvision.
    seed : int
        Of the random weights; the global random state is left as it was.

    Attributes
    ----------
    features : nn.Sequential
        With torchvision's indices, so that rules go by names such as ``"features.0"``.
    provenance : str
        Where the weights come from; results carry it.
    """

    def __init__(
        self,
        depth: int = 16,
        n_layers: int | None = None,
        weights: str | Path | None = None,
        *,
        batch_norm: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if depth not in VGG_LAYOUTS:
            raise InputError(f"VGG: depth is {depth}, expected one of {tuple(VGG_LAYOUTS)}")
        n_all = sum(1 if item == "M" else 2 + batch_norm for item in VGG_LAYOUTS[depth])
        n_layers = n_all if n_layers is None else n_layers
        if not 1 <= n_layers <= n_all:
            raise InputError(f"VGG: n_layers is {n_layers}, expected 1 to {n_all}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = _layers(depth, batch_norm, n_layers)
        self.features = nn.Sequential(*layers[:n_layers])
        name = f"VGG-{depth}{' with batch normalisation' if batch_norm else ''}"
        if weights is None:
            self.provenance = f"{name}, random weights (seed {seed}), not trained"
        else:
            self.features.load_state_dict(_checked_weights(Path(weights), self.features))
            self.provenance = f"{name}, weights of {Path(weights).name}"
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.features(x)
        return out.flatten(1)

    def n_features(self, height: int, width: int) -> int:
        """The length M of the embedding of an image of a size."""
        channels = 3
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                channels = layer.out_channels
            elif isinstance(layer, nn.MaxPool2d):
                height, width = height // 2, width // 2
        if not height or not width:
            raise InputError("VGG: the image is smaller than the poolings allow, expected 2 pixels for each halving")
        return channels * height * width


def _layers(depth: int, batch_norm: bool, n_layers: int) -> list[nn.Module]:
    """The first layers in order; random weights do not depend on how many are made."""
    layers: list[nn.Module] = []
    channels = 3
    for item in VGG_LAYOUTS[depth]:
        if len(layers) >= n_layers:
            break
        if isinstance(item, str):
            layers.append(nn.MaxPool2d(2))
            continue
        convolution = nn.Conv2d(channels, item, 3, padding=1)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(convolution.bias if convolution.bias is not None else torch.empty(0))
        layers += [convolution, nn.BatchNorm2d(item)] if batch_norm else [convolution]
        layers.append(nn.ReLU(inplace=True))
        channels = item
    return layers


def _checked_weights(path: Path, features: nn.Sequential) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > MAX_FILE:
            raise PretrainedWeightsError(f"{path}: has {path.stat().st_size:,} bytes, expected at most {MAX_FILE:,}")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise PretrainedWeightsError(f"{path}: no such file. Give a state dict in torchvision's format.") from error
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise PretrainedWeightsError(f"{path}: not a state dict that can be loaded weights-only ({error})") from error
    if not isinstance(state, dict):
        raise PretrainedWeightsError(f"{path}: holds {type(state).__name__}, expected a state dict")
    found = {}
    for name, expected in features.state_dict().items():
        tensor = state.get(f"features.{name}")
        if tensor is None and name.endswith("num_batches_tracked"):
            continue  # old files lack the counter, which evaluation does not need
        if not isinstance(tensor, Tensor):
            raise PretrainedWeightsError(f"{path}: features.{name} is missing, expected shape {tuple(expected.shape)}")
        if tensor.shape != expected.shape:
            raise PretrainedWeightsError(
                f"{path}: features.{name} has shape {tuple(tensor.shape)}, expected {tuple(expected.shape)}. Is it for "
                f"another depth, or with batch normalisation?"
            )
        if tensor.layout != torch.strided or tensor.is_floating_point() != expected.is_floating_point():
            raise PretrainedWeightsError(
                f"{path}: features.{name} is {tensor.dtype}, {tensor.layout}, expected {expected.dtype}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise PretrainedWeightsError(f"{path}: features.{name} has values that are not finite")
        found[name] = tensor
    return found


def normalize(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) with values in [0, 1], normalised as torchvision's VGG weights expect."""
    if images.dim() != 4 or images.shape[1] != 3:
        raise InputError(f"normalize: got shape {tuple(images.shape)}, expected (N, 3, H, W)")
    mean, std = (images.new_tensor(values).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    out: Tensor = (images - mean) / std
    return out


def random_projection(n_features: int, n_out: int = 100, *, seed: int = 0) -> Tensor:
    """A Gaussian projection that keeps dot products in expectation.

    Parameters
    ----------
    n_features : int
        M, the length of the embedding.
    n_out : int
        The length after projection; the paper has 100.
    seed : int

    Returns
    -------
    Tensor of shape (n_out, n_features), float32
        Entries from N(0, 1 / n_out), for ``BiLRP(..., projection=...)``.
    """
    if n_features < 1 or n_out < 1:
        raise InputError(f"random_projection: got {n_features} and {n_out}, expected one or more of each")
    generator = torch.Generator().manual_seed(seed)
    projection: Tensor = torch.randn(n_out, n_features, generator=generator) / n_out**0.5
    return projection

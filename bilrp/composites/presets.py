"""Presets: generic ones for any network, that of the BiLRP paper for VGG, and one for each family of networks.

A preset of a family looks at what a network is made of (`bilrp.composites.traits`) and refuses others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bilrp._trace.operations import CONVOLUTIONS
from bilrp.composites.composite import Composite
from bilrp.composites.selectors import FIRST, Layer, OfKind, Selector, Typed
from bilrp.composites.traits import FAMILIES, Traits, reads_pixels
from bilrp.rules import (
    AlphaBeta,
    BilinearShare,
    Epsilon,
    Flat,
    Gamma,
    Gate,
    NormShare,
    ProductShare,
    Rule,
    SoftmaxTaylor,
    SumShare,
    WSquare,
    ZBox,
    ZPlus,
)

Entries = list[tuple[Selector, Rule]]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_LOW = tuple((0 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))
IMAGENET_HIGH = tuple((1 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))


def _expects_features(layers: Sequence[Layer]) -> str | None:
    convolutions = [layer.context for layer in layers if layer.context.function in CONVOLUTIONS]
    others = [c.name for c in convolutions if not re.search(r"(^|\.)features\.\d+$", c.operation.place)]
    if convolutions and not others:
        return None
    found = f"{others[-1]!r} and {len(others) - 1} more" if others else "no convolution"
    return f"expected a chain of convolutions called features.N, as in a VGG, found {found}. {_fitting(layers)}"


def _fitting(layers: Sequence[Layer]) -> str:
    traits = Traits.of([layer.context for layer in layers])
    fits = f"preset {traits.family!r} fits, or 'auto', which chooses" if traits.family in PRESETS else "'auto' chooses"
    return f"This is {FAMILIES[traits.family]} ({traits}): {fits}."


def vgg(
    low: float | Tensor | Sequence[float] = IMAGENET_LOW, high: float | Tensor | Sequence[float] = IMAGENET_HIGH
) -> Composite:
    """The preset of the BiLRP paper for VGG-16 with torchvision's layer names.

    zB at the first layer; by index in ``features`` gamma 0.5 up to 10, 0.25 up to 17, 0.1 up to 24, then 0 (LRP-0);
    winner at the poolings [Eberle2022]_.

    Parameters
    ----------
    low, high : float, (C,) or (1, C, 1, 1)
        Bounds of the pixels after normalisation; the default is ImageNet's normalisation of [0, 1].

    Notes
    -----
    On a network whose convolutions are not called ``features.N`` it would be LRP-0 without a word: a CompositeError.
    """

    def index(layer: Layer) -> int:
        last = layer.context.operation.place.rsplit(".", 1)[-1]
        return int(last) if last.isdigit() and "features" in layer.context.operation.place else 10**6

    return Composite(
        [
            (FIRST, ZBox(low, high)),
            (lambda layer: index(layer) <= 10, Gamma(0.5)),
            (lambda layer: index(layer) <= 17, Gamma(0.25)),
            (lambda layer: index(layer) <= 24, Gamma(0.1)),
        ],
        "vgg",
        _expects_features,
    )


_DENSE = Typed(nn.Linear), Epsilon(1e-6)
_WEIGHTED = OfKind("linear")
_PRESETS: dict[str, list[tuple[Selector, Rule]]] = {
    "lrp0": [],
    "epsilon": [(_WEIGHTED, Epsilon(1e-6))],
    "gamma": [(_WEIGHTED, Gamma(0.25))],
    "epsilon-plus": [_DENSE, (_WEIGHTED, ZPlus())],
    "epsilon-plus-flat": [(FIRST, Flat()), _DENSE, (_WEIGHTED, ZPlus())],
    "epsilon-alpha2-beta1": [_DENSE, (_WEIGHTED, AlphaBeta(2.0, 1.0))],
    "cp-lrp": [  # [Ali2022]: attention weights, gates and the spread of norms held fixed, which are the defaults
        (_WEIGHTED, Epsilon(1e-6)),
        (OfKind("attention"), SumShare()),
        (OfKind("gate"), Gate(None)),
        (OfKind("norm"), NormShare()),
    ],
    "attnlrp": [  # [Achtibat2024]: relevance reaches queries, keys and gates
        (_WEIGHTED, Epsilon(1e-6)),
        (OfKind("attention"), BilinearShare()),
        (OfKind("bilinear"), BilinearShare()),
        (OfKind("softmax"), SoftmaxTaylor()),
        (OfKind("gate"), ProductShare()),
    ],
    "wsquare-gamma": [(FIRST, WSquare()), (_WEIGHTED, Gamma(0.25))],
}


def _chain(share: float) -> Selector:
    """The weighted layers up to a share of the depth."""
    return lambda layer: layer.depth is not None and layer.depth < share * layer.n_layers


# What decided, on trained or calibrated networks. Hits: share of the 50 strongest pairs of tiles of 8 within 1.5 tiles
# of the true place; scikit-image's cat at 128 px, EfficientNet-lite0 (ImageNet), 50 random dimensions, biases left;
# same picture / shifted / mirrored / zoomed; chance .03.
#   mobilenet  these rules                             .76 / .64 / .62 / .42   parts   0.09 times the similarity
#              Gamma(0.05) everywhere                  .44 / .36 / .40 / .20           0.02
#              Epsilon(0.01 relative) everywhere       .72 / .52 / .24 / .18           2.3; with biases shared 1e9
# Sentences, all-MiniLM-L6-v2 (trained), biases shared:
#   bert       Epsilon, kitten-cat, runs-chased, yard-garden first: parts 1.3 times the similarity
# Random weights, batch norms calibrated (benchmarks/bilrp_zoo.py), biases shared, parts / similarity:
#   resnet     Gamma(0.25): ResNet-50 1.0, RegNet-Y-400MF 1.0, conserved to 8e-7
#   vit        Epsilon: ViT-B/16 12, conserved to 1e-6; auto goes on to Gamma(0.1) where it is more than that (Swin-T)
#   decoder    Epsilon: Llama 2.9, Qwen3 3.0, Gemma 3 2.5, GPT-2 12, conserved to 6e-7
RULES_OF_FAMILIES: dict[str, Entries] = {
    "chain": [
        _DENSE,
        (_chain(0.4), Gamma(0.5)),
        (_chain(0.6), Gamma(0.25)),
        (_WEIGHTED, Gamma(0.1)),
    ],
    "resnet": [_DENSE, (_WEIGHTED, Gamma(0.25))],
    "mobilenet": [
        (_chain(0.4), Gamma(0.1, eps=0.02, stabilizer="relative")),
        (_chain(0.7), Epsilon(0.005, stabilizer="relative")),
        (_WEIGHTED, Epsilon(1e-6)),
    ],
    "vit": [(_WEIGHTED, Epsilon(1e-6))],
    "bert": [(_WEIGHTED, Epsilon(1e-6))],
    "decoder": [(_WEIGHTED, Epsilon(1e-6))],
    "recurrent": [(_WEIGHTED, Epsilon(1e-6))],
    "plain": [(_WEIGHTED, Epsilon(1e-6))],
}


def pixel_box(layers: Sequence[Layer]) -> Entries:
    """ZB at the first convolution over pixels, with the least and the greatest value of the picture as the box."""
    for layer in layers:
        context = layer.context
        if layer.depth == 0 and context.function in CONVOLUTIONS and context.inputs[0].dim() >= 4:
            pixels = context.inputs[0]
            low, high = (float(bound) for bound in torch.aminmax(pixels))
            if not reads_pixels(context) or low >= high:
                continue
            if len(pixels) == 1:
                return [(FIRST, ZBox(min(low, 0.0), max(high, 0.0)))]
            axes = tuple(range(1, pixels.dim()))  # each picture of a batch has a box of its own, as it has alone
            boxes = pixels.amin(axes, keepdim=True).clamp(max=0.0), pixels.amax(axes, keepdim=True).clamp(min=0.0)
            return [(FIRST, ZBox(*boxes))]
    return []


class Preset(Composite):
    """Rules for a family of networks; refused on others.

    Parameters
    ----------
    name : str
        A family of `bilrp.composites.traits.FAMILIES`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(RULES_OF_FAMILIES[name], name, self._complaint)

    def _complaint(self, layers: Sequence[Layer]) -> str | None:
        if Traits.of([layer.context for layer in layers]).family == self.name:
            return None
        return f"expected {FAMILIES[self.name]}. {_fitting(layers)}"

    def entries_for(self, layers: Sequence[Layer]) -> tuple[tuple[Selector, Rule], ...]:
        return (*pixel_box(layers), *self.entries)


PRESETS: dict[str, Composite] = {
    **{name: Composite(entries, name) for name, entries in _PRESETS.items()},
    "vgg": vgg(),
    **{name: Preset(name) for name in ("resnet", "mobilenet", "vit", "bert", "decoder")},
}

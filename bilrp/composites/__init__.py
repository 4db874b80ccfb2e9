"""Which rule goes where: by name, by type, by kind or by depth; presets; and the choice by itself, `Auto`.

A `Composite` is an ordered list of (selector, rule); the first selector that finds an operation, with a rule that can
serve it, decides. What no selector finds gets the default of its kind (table in `bilrp._trace.operations`).
"""

from __future__ import annotations

from bilrp.composites.auto import Auto
from bilrp.composites.composite import COMPOSITES, DEFAULTS, Composite
from bilrp.composites.presets import (
    IMAGENET_HIGH,
    IMAGENET_LOW,
    IMAGENET_MEAN,
    IMAGENET_STD,
    PRESETS,
    Preset,
    vgg,
)
from bilrp.composites.selectors import FIRST, FUNCTIONS_OF, Depth, Layer, Named, OfKind, Selector, Typed
from bilrp.composites.traits import FAMILIES, Traits

COMPOSITES.update(PRESETS, auto=Auto())

__all__ = [
    "COMPOSITES",
    "DEFAULTS",
    "FAMILIES",
    "FIRST",
    "FUNCTIONS_OF",
    "IMAGENET_HIGH",
    "IMAGENET_LOW",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "PRESETS",
    "Auto",
    "Composite",
    "Depth",
    "Layer",
    "Named",
    "OfKind",
    "Preset",
    "Selector",
    "Traits",
    "Typed",
    "vgg",
]

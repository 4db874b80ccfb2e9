"""bilrp explains why a PyTorch model finds two inputs alike: exactly, fast, and honest about what it cannot explain.

An ordinary explanation says which pixels of *one* image mattered. A similarity is a matter of *pairs*: this wheel is
like that wheel. BiLRP (Eberle et al., IEEE TPAMI 2022) splits the similarity of two embeddings over pairs of input
features, one of each input, so that the parts add up to the similarity.

>>> import torch
>>> from torch import nn
>>> import bilrp
>>> _ = torch.manual_seed(0)
>>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10))
>>> explainer = bilrp.BiLRP(model, {"0": bilrp.rules.ZBox(0.0, 1.0), "4": bilrp.rules.Gamma(0.1)})
>>> x, y = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 24, 16)
>>> joint = explainer.explain(x, y, bias="distribute")
>>> abs(joint.total() - joint.similarity) < 1e-4
True
>>> joint.pool(8).matrix().shape                        # relevance of every pair of 8 x 8 tiles
torch.Size([2, 2, 3, 2])
>>> tiles = explainer.explain(x, y, bias="distribute", pool=8)      # the same, faster
>>> pairs = joint.top_pairs(50)                         # [(y, x, y', x', relevance)], exact at full resolution
>>> answer = joint.given((0, 0, 8, 8))                  # what in the second image answers to this box of the first?
>>> report = joint.left_coverage                        # every operation, its rule, and what it kept

The parts: `BiLRP` explains; `JointRelevance` is the result; `rules` say how a layer shares relevance, `composites`
which rule goes where, `canonizers` fold batch normalisation; a `Certificate` says how far a result can be believed. A
`Factor` is one side of an explanation, for all pairs of its input; `similarities` are other ones than the dot product,
`text` makes encoders of texts ready. `attribute` is LRP of chosen outputs of one input, with heat maps,
`explain_outputs` that of all of them, and `explain_places` that of many places of a map, each in its own window;
`baselines` are other explanations of a similarity and `evaluation` measures any of them; `features` has VGG-16 and the
random projection of the paper; `plotting` draws; `testing` has slow references.
torch and numpy are all it needs; plots import matplotlib when they are drawn.
"""

from __future__ import annotations

import importlib
from typing import Any

from bilrp import baselines, canonizers, composites, evaluation, exceptions, rules, similarities, text
from bilrp.attribution import attribute
from bilrp.certificate import Certificate
from bilrp.clusters import ExplanationClusters, cluster_explanations
from bilrp.composites import COMPOSITES, Composite
from bilrp.coverage import Coverage
from bilrp.estimates import CostEstimate
from bilrp.exceptions import (
    BilrpError,
    CompositeError,
    DoubtfulExplanationWarning,
    InputError,
    LargeResultWarning,
    NonFiniteError,
    NotConservedError,
    PretrainedWeightsError,
    RelevanceFileError,
    ResultTooLargeError,
    RuleError,
    UnseenOperationError,
    UnsupportedOperationError,
)
from bilrp.explain import BiLRP
from bilrp.factor_folders import load_factors, save_factors
from bilrp.factors import Factor
from bilrp.joint import JointRelevance
from bilrp.outputs import Relevance, explain_outputs
from bilrp.pairs import Contrast, all_pairs, contrast, mean_of_pairs, pair_tables, similarity_matrix
from bilrp.places import LocalRelevance, OutputPositions, explain_places
from bilrp.version import VERSION

__all__ = [
    "COMPOSITES",
    "BiLRP",
    "BilrpError",
    "Certificate",
    "Composite",
    "CompositeError",
    "Contrast",
    "CostEstimate",
    "Coverage",
    "DoubtfulExplanationWarning",
    "ExplanationClusters",
    "Factor",
    "InputError",
    "JointRelevance",
    "LargeResultWarning",
    "LocalRelevance",
    "NonFiniteError",
    "NotConservedError",
    "OutputPositions",
    "PretrainedWeightsError",
    "Relevance",
    "RelevanceFileError",
    "ResultTooLargeError",
    "RuleError",
    "UnseenOperationError",
    "UnsupportedOperationError",
    "all_pairs",
    "attribute",
    "baselines",
    "canonizers",
    "cluster_explanations",
    "composites",
    "contrast",
    "evaluation",
    "exceptions",
    "explain_outputs",
    "explain_places",
    "features",
    "load_factors",
    "mean_of_pairs",
    "pair_tables",
    "plotting",
    "rules",
    "save_factors",
    "similarities",
    "similarity_matrix",
    "testing",
    "text",
]

__version__ = VERSION

# Loaded when first asked for: pictures, VGG-16 and test tools are not what most explanations need.
_LAZY = ("features", "plotting", "testing")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'bilrp' has no attribute {name!r}")
    return importlib.import_module(f"bilrp.{name}")

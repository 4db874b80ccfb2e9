r"""The rules that say how the relevance of a neuron is shared over what feeds it. One class a rule.

Notation, as in the literature: :math:`a_j` is an input of a layer, :math:`w_{jk}` a weight, :math:`b_k` a bias,
:math:`z_{jk}` the contribution of input j to output k under the rule, :math:`z_k = \sum_j z_{jk} + b_k`, and
:math:`R_k` the relevance that arrives at output k. Every rule passes on
:math:`R_j = \sum_k z_{jk} / (z_k + \epsilon_k) R_k`; the rules differ in :math:`z_{jk}`. As the activations are fixed,
this is linear in R, so the relevance of many outputs travels as one batch of K vectors.

Every rule takes ``eps`` and ``stabilizer``, which keep the denominator away from zero:

``"signed"`` (default)
    :math:`\epsilon_k = \epsilon \, \mathrm{sign}(z_k)`, with sign(0) = 1: the denominator only grows.
``"plain"``
    :math:`\epsilon_k = \epsilon`, as in the published BiLRP code; a negative denominator shrinks.
``"relative"``
    :math:`\epsilon_k = \epsilon \, \mathrm{sign}(z_k) \sum_j |z_{jk}|`: scale-free; for layers with large
    contributions that cancel.

A bias and the stabilizer keep their share of :math:`R_k` unless the explanation asks to distribute it: then what they
would keep is shared over the inputs in proportion to :math:`|z_{jk}|`, and a neuron without any contribution keeps it.

References
----------
.. [Bach2015] Bach, Binder, Montavon, Klauschen, Müller, Samek. On pixel-wise explanations for non-linear classifier
   decisions by layer-wise relevance propagation. PLoS ONE 10(7), 2015.
.. [Montavon2017] Montavon, Lapuschkin, Binder, Samek, Müller. Explaining nonlinear classification decisions with deep
   Taylor decomposition. Pattern Recognition 65, 2017.
.. [Montavon2019] Montavon, Binder, Lapuschkin, Samek, Müller. Layer-wise relevance propagation: an overview.
   Explainable AI, LNCS 11700, 2019.
.. [Lapuschkin2019] Lapuschkin, Wäldchen, Binder, Montavon, Samek, Müller. Unmasking Clever Hans predictors. Nature
   Communications 10, 2019.
.. [Eberle2022] Eberle, Büttner, Kräutli, Müller, Valleriani, Montavon. Building and interpreting deep similarity
   models. IEEE TPAMI 44(3), 2022.
.. [Arras2017] Arras, Montavon, Müller, Samek. Explaining recurrent neural network predictions in sentiment analysis.
   WASSA 2017; Arras et al. Explaining and interpreting LSTMs. LNCS 11700, 2019.
.. [Andeol2021] Andéol, Kawakami, Wada, Kanamori, Müller, Montavon. Learning domain invariant representations by joint
   Wasserstein distance minimization. arXiv:2106.04923, 2021; Neural Networks 167, 2023.
.. [Ali2022] Ali, Schnake, Eberle, Montavon, Müller, Wolf. XAI for transformers: better explanations through
   conservative propagation. ICML 2022 (CP-LRP: attention weights and the spread of LayerNorm held fixed).
.. [Pahde2023] Pahde, Yolcu, Binder, Samek, Lapuschkin. Optimizing explanations by network canonization and
   hyperparameter search. CVPR workshops 2023.
.. [Kauffmann2022] Kauffmann, Esders, Ruff, Montavon, Samek, Müller. From clustering to cluster explanations via neural
   networks. IEEE TNNLS 35, 2022.
.. [Achtibat2024] Achtibat et al. AttnLRP: attention-aware layer-wise relevance propagation for transformers. ICML 2024.
"""

from __future__ import annotations

from bilrp._trace.layers import LinearLayer
from bilrp.rules.activations import Pass
from bilrp.rules.base import STABILIZERS, Backward, Rule, stabilize
from bilrp.rules.extremes import MaxShare, MaxWinner, MinShare, MinWinner
from bilrp.rules.linear import (
    LRP0,
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    GeneralizedGamma,
    Group,
    LinearRule,
    Term,
    WSquare,
    ZBox,
    ZPlus,
)
from bilrp.rules.norms import NormShare
from bilrp.rules.products import BilinearShare, Gate, ProductShare, SignalTakesAll
from bilrp.rules.slopes import Linearize, SlopeShare, SoftmaxTaylor, Uniform
from bilrp.rules.sums import SumShare

RULES: dict[str, type[Rule]] = {
    rule.__name__: rule
    for rule in (
        *(LRP0, Epsilon, Gamma, ZPlus, AlphaBeta, ZBox, WSquare, Flat, Pass, SumShare, MaxWinner, MaxShare),
        *(MinShare, MinWinner, NormShare, ProductShare, Gate, SignalTakesAll, BilinearShare),
        *(SoftmaxTaylor, Linearize, SlopeShare, Uniform),
    )
}
"""Every rule by its name."""

__all__ = [
    "LRP0",
    "RULES",
    "STABILIZERS",
    "AlphaBeta",
    "Backward",
    "BilinearShare",
    "Epsilon",
    "Flat",
    "Gamma",
    "Gate",
    "GeneralizedGamma",
    "Group",
    "LinearLayer",
    "LinearRule",
    "Linearize",
    "MaxShare",
    "MaxWinner",
    "MinShare",
    "MinWinner",
    "NormShare",
    "Pass",
    "ProductShare",
    "Rule",
    "SignalTakesAll",
    "SlopeShare",
    "SoftmaxTaylor",
    "SumShare",
    "Term",
    "Uniform",
    "WSquare",
    "ZBox",
    "ZPlus",
    "stabilize",
]

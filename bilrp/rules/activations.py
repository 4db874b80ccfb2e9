"""LRP of activations, scaling and quotients: relevance passes unchanged; `bilrp.rules` has the references."""

from __future__ import annotations

from bilrp._trace.operations import OperationContext, sum_to
from bilrp.rules.base import Backward, UnstabilizedRule
from bilrp.rules.norms import WITH_MEAN_OR_SHIFT


class Pass(UnstabilizedRule):
    r"""Pass: relevance goes through unchanged, :math:`R_j = R_k`, summed where the operation broadcast its input.

    For activations, dropout, scaling; for differences from a constant that measure a distance, whose origin the
    constant is [Kauffmann2022]_; for quotients, whose divisor is held fixed (the identity rule of [Achtibat2024]_).
    Can be given to any operation whose result has the shape of its input; of a normalisation it leaves out mean and
    shift, so that relevance grows without bound where these cancel the input.
    """

    kinds = frozenset({"elementwise", "norm", "quotient", "softmax"})

    @property
    def keeps_nothing(self) -> bool:
        return True

    def is_exact(self, context: OperationContext) -> bool:
        return context.kind in self.kinds and context.function not in WITH_MEAN_OR_SHIFT

    def serves(self, context: OperationContext) -> bool:
        return context.kind in self.kinds or (
            context.kind in {"unknown", "linear", "homogeneous"}
            and len(context.flows) == 1
            and context.inputs[0].shape == context.output.shape
        )

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        shape = context.inputs[0].shape
        return lambda relevance: (sum_to(relevance, shape),)

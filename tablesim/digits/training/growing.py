"""A larger network that begins as a trained smaller one: new parts begin as nothing (Chen, Net2Net, ICLR 2016).

Trained weights are kept folded, without normalisation; to go on training they get their norms back, each with the mean
and spread that its convolution gives on practice pages.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tablesim.digits.network import DigitNetwork, NetworkShape, ResidualBlock
from tablesim.errors import SettingsError


@torch.no_grad()
def grown(trained: DigitNetwork, shape: NetworkShape, inks: Sequence[Tensor]) -> DigitNetwork:
    """A network of ``shape`` with normalisation that answers as ``trained`` does.

    Parameters
    ----------
    trained : DigitNetwork
        Folded.
    shape : NetworkShape
        With the channels of ``trained`` and its dilations first; blocks of further dilations begin as the identity.
    inks : sequence of Tensor of shape (N, 1, h, w)
        Crops of practice pages, on which the norms are set.

    Raises
    ------
    SettingsError
        ``shape`` is no enlargement of that of ``trained``.
    """
    old = trained.shape
    kept = len(old.dilations)
    if (old.half, old.quarter, old.eighth) != (shape.half, shape.quarter, shape.eighth) or (
        shape.dilations[:kept] != old.dilations
    ):
        raise SettingsError(
            f"train: weights of the shape {old} cannot grow to {shape}; expected its channels and first dilations"
        )
    network = DigitNetwork(shape, norm=True)
    moments = _moments(trained, inks)
    new = dict(network.named_modules())
    for name, module in trained.named_modules():
        if name in moments:
            convolution, norm = new[name], new[f"{name.rpartition('.')[0]}.1"]
            assert isinstance(module, nn.Conv2d) and isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d) and module.bias is not None
            assert norm.running_mean is not None and norm.running_var is not None
            mean, variance = moments[name]
            convolution.weight.copy_(module.weight)
            norm.running_mean.copy_(mean - module.bias)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
    for block in list(network.at_eighth)[1 + kept :]:
        assert isinstance(block, ResidualBlock)
        last = block.second[1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)
    fresh = network.head.state_dict()
    for name, value in trained.head.state_dict().items():
        # Maps that the trained network never learned to draw have no weights there: they begin as in a new network.
        learned = trained.head.weight.flatten(1).any(dim=1)
        fresh[name][learned] = value[learned]
    network.head.load_state_dict(fresh)
    return network


def _moments(network: DigitNetwork, inks: Sequence[Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and variance over ``inks`` of what each convolution before the head gives, by channel."""
    sums: dict[str, list[Tensor]] = {}
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and module is not network.head:

            def take(_: nn.Module, __: object, out: Tensor, name: str = name) -> None:
                flat = out.double().transpose(0, 1).flatten(1)
                part = torch.stack([flat.sum(1), flat.square().sum(1), torch.full_like(flat[:, 0], flat.shape[1])])
                sums.setdefault(name, []).append(part)

            hooks.append(module.register_forward_hook(take))
    for ink in inks:
        network(ink)
    for hook in hooks:
        hook.remove()
    moments = {}
    for name, parts in sums.items():
        total, squares, count = torch.stack(parts).sum(0)
        mean = total / count
        moments[name] = mean.float(), (squares / count - mean.square()).clamp(min=1e-6).float()
    return moments

"""A network grows without forgetting: it answers as before, and its new parts can learn."""

import pytest
import torch

from tablesim.digits.network import DigitNetwork, NetworkShape
from tablesim.digits.training.growing import grown
from tablesim.errors import SettingsError

SMALL, LARGER = NetworkShape(4, 6, 8, (1, 2)), NetworkShape(4, 6, 8, (1, 2, 4))


@pytest.fixture
def trained():
    torch.manual_seed(1)
    network = DigitNetwork(SMALL, norm=True)
    with torch.no_grad():
        for _ in range(4):
            network(torch.rand(2, 1, 64, 64))
        network.head.weight[40:80] = 0  # maps that were never learned
    return network.eval().folded()


def inks():
    generator = torch.Generator().manual_seed(2)
    return [torch.rand(1, 1, 64, 72, generator=generator) for _ in range(5)]


def test_it_answers_as_before_with_the_norms_set_on_these_crops(trained):
    network = grown(trained, LARGER, inks())
    with torch.no_grad():
        for before, now in zip(trained(inks()[0])[::3], network.eval()(inks()[0])[::3], strict=True):
            torch.testing.assert_close(before, now, rtol=1e-3, atol=1e-4)
        # On the crops themselves the norms of the batch are nearly those that were set.
        batch = torch.cat(inks())
        close = (network.train()(batch).digits - trained(batch).digits).abs().max()
    assert close < 1e-2


def test_new_parts_are_fresh_and_learn(trained):
    network = grown(trained, LARGER, inks())
    assert network.head.weight[40:80].abs().sum() > 0
    network.train()(inks()[0]).marks.sum().backward()
    new = network.at_eighth[-1].second
    assert new[1].weight.detach().abs().sum() == 0
    assert new[1].weight.grad.abs().sum() > 0


def test_another_shape_is_refused(trained):
    with pytest.raises(SettingsError, match="expected its channels and first dilations"):
        grown(trained, NetworkShape(4, 8, 8, (1, 2)), inks())
    with pytest.raises(SettingsError, match="expected its channels and first dilations"):
        grown(trained, NetworkShape(4, 6, 8, (2, 1)), inks())

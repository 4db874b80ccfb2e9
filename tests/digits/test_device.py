"""Every pass of the network goes to the device and comes back; what follows is the same as on the processor."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tablesim.digits import passes
from tablesim.digits.network import CellMaps
from tablesim.digits.page import read_page
from tablesim.digits.passes import DigitReader
from tablesim.reader import load_network
from tablesim.scans.images import load_scan

SCAN = Path(__file__).parents[2] / "data" / "sample" / "scans" / "1004_collinus_1573_p22.jpg"


@dataclass
class MapsElsewhere:
    """Maps that can be brought back and nothing else: who looks at them where they are fails."""

    maps: CellMaps

    def to(self, device):
        assert device == "cpu"
        return self.maps


class NetworkElsewhere:
    """A network on a device without memory of its own: what it is given there is kept here."""

    def __init__(self, network):
        self.network, self.passes, self.here = network, 0, []
        self.reach = network.reach

    def cells(self, ink):
        assert ink.device.type == "meta"
        given = self.here.pop()
        assert ink.shape == given.shape and not self.here
        self.passes += 1
        return MapsElsewhere(self.network.cells(given))


def test_the_path_on_another_device_is_that_on_the_processor(monkeypatch):
    reader = replace(load_network().digit_reader, bfloat16=False)
    expected = read_page(reader, load_scan(SCAN))
    elsewhere = NetworkElsewhere(reader.network)
    to = torch.Tensor.to

    def sent(tensor, *where, **options):
        if where == ("meta",):
            elsewhere.here.append(tensor.contiguous(memory_format=torch.channels_last))
        return to(tensor, *where, **options)

    monkeypatch.setattr(torch.Tensor, "to", sent)
    monkeypatch.setattr(passes.torch, "autocast", lambda *_, **__: nullcontext())
    there: DigitReader = replace(reader, network=elsewhere, device="meta")
    assert read_page(there, load_scan(SCAN)) == expected
    # First looks, the main pass, second looks.
    assert elsewhere.passes >= 5

"""The digit network: shapes, folding, weights files."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tablesim.digits.network import CellMaps, DigitNetwork, NetworkShape, load_weights, save_weights
from tablesim.errors import WeightsError
from tablesim.records.marks import MARKS

SMALL = NetworkShape(half=4, quarter=8, eighth=8, dilations=(1,))


def trained_a_little(shape=SMALL):
    torch.manual_seed(0)
    network = DigitNetwork(shape, norm=True)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, 1, 64, 64))
    return network.eval()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 47), (8, 200), (17, 16)])
def test_maps_cover_the_page_whatever_its_size(height, width):
    with torch.no_grad():
        maps = DigitNetwork(SMALL).eval()(torch.rand(2, 1, height, width))
    assert maps.digits.shape == (2, 10, -(-height // 2), -(-width // 2))
    assert maps.joins.shape == (2, 4, -(-height // 4), -(-width // 4))
    assert maps.marks.shape == (2, len(MARKS), -(-height // 2), -(-width // 2))
    assert maps.edges.shape == (2, 4, -(-height // 4), -(-width // 4))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 47), (17, 16)])
def test_cells_hold_what_the_maps_hold(height, width):
    network, ink = trained_a_little().folded(), torch.rand(2, 1, height, width)
    with torch.no_grad():
        cells, maps = network.cells(ink), network(ink)
    assert cells.size == maps.digits.shape[-2:]
    for mine, theirs in zip(cells[:4], CellMaps.of(maps)[:4], strict=True):
        rows, columns = theirs.shape[-2:]
        known = torch.isfinite(theirs)
        torch.testing.assert_close(mine[..., :rows, :columns][known], theirs[known], rtol=1e-5, atol=1e-5)
    assert cells.page(1).digits.shape[0] == 1
    assert torch.equal(cells.page(1).edges[0], cells.edges[1])


def test_folding_changes_nothing():
    network = trained_a_little()
    ink = torch.rand(1, 1, 72, 56)
    with torch.no_grad():
        for normed, plain in zip(network(ink), network.folded()(ink), strict=True):
            torch.testing.assert_close(normed, plain, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.folded().modules())


def test_a_file_of_another_process_beside_the_weights_is_left_alone(tmp_path):
    (tmp_path / "w.part").write_text("of another process")
    save_weights(DigitNetwork(SMALL), tmp_path / "w.safetensors", {})
    assert (tmp_path / "w.part").read_text() == "of another process"


def test_weights_come_back_bit_equal_with_their_record(tmp_path):
    network = trained_a_little().folded()
    path = tmp_path / "w.safetensors"
    save_weights(network, path, {"training": {"steps": 3}})
    loaded, record = load_weights(path)
    assert record == {"training": {"steps": 3}}
    assert not loaded.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])
    assert not list(tmp_path.glob("*.part"))


def test_a_missing_damaged_or_foreign_weights_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match="there is no such weights file"):
        load_weights(tmp_path / "none.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not safetensors at all")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_weights(damaged)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, str(foreign))
    with pytest.raises(WeightsError, match="expected 'tablesim-digits-3'"):
        load_weights(foreign)


def test_weights_that_do_not_fit_their_description_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    metadata = {
        "format": "tablesim-digits-3",
        "shape": json.dumps({"half": 4, "quarter": 8, "eighth": 8, "dilations": [1]}),
        "record": "{}",
    }
    save_file({"weight": torch.zeros(3)}, str(path), metadata)
    with pytest.raises(WeightsError, match="do not fit the network"):
        load_weights(path)


def test_blank_paper_says_no_at_first():
    with torch.no_grad():
        maps = DigitNetwork(SMALL).eval()(torch.zeros(1, 1, 64, 64))
    assert np.asarray(torch.sigmoid(maps.digits)).max() < 0.1


def test_weights_that_describe_a_giant_network_take_no_memory(tmp_path):
    path = tmp_path / "giant.safetensors"
    shape = json.dumps({"half": 10**6, "quarter": 10**6, "eighth": 10**6, "dilations": [1]})
    save_file({"x": torch.zeros(1)}, str(path), {"format": "tablesim-digits-3", "shape": shape, "record": "{}"})
    with pytest.raises(WeightsError, match=r"do not fit the network it describes \(other tensors.*fetch it again"):
        load_weights(path)

"""VGG with torchvision's names, its weights, and the random projection."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bilrp import InputError, PretrainedWeightsError
from bilrp.features import VGG, normalize, random_projection


def test_indices_are_torchvisions() -> None:
    model = VGG(16)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.17.weight"] == (512, 256, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    assert len(model.features) == 31
    assert [len(VGG(depth, batch_norm=norm).features) for depth, norm in ((11, False), (11, True))] == [21, 29]
    assert "random weights (seed 0), not trained" in model.provenance


def test_weights_come_from_a_checked_file(tmp_path: Path) -> None:
    source = VGG(11, 4, seed=5)
    path = tmp_path / "vgg.pth"
    torch.save({**source.state_dict(), "classifier.0.weight": torch.zeros(2)}, path)
    model = VGG(11, 4, weights=path)
    assert torch.equal(model.features[0].weight, source.features[0].weight)  # type: ignore[arg-type]
    assert model.provenance == "VGG-11, weights of vgg.pth"
    with pytest.raises(
        PretrainedWeightsError, match=r"features.6.weight is missing, expected shape \(256, 128, 3, 3\)"
    ):
        VGG(11, 8, weights=path)
    with pytest.raises(PretrainedWeightsError, match=r"features.3.weight is missing"):
        VGG(11, 5, weights=_only_first(tmp_path))
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(PretrainedWeightsError, match=r"has shape \(1,\), expected \(64, 3, 3, 3\)"):
        VGG(11, 1, weights=path)
    torch.save([1, 2], path)
    with pytest.raises(PretrainedWeightsError, match="holds list, expected a state dict"):
        VGG(11, 1, weights=path)
    path.write_bytes(b"not weights")
    with pytest.raises(PretrainedWeightsError, match="not a state dict that can be loaded"):
        VGG(11, 1, weights=path)
    with pytest.raises(PretrainedWeightsError, match="no such file"):
        VGG(11, 1, weights=tmp_path / "none.pth")


def test_weights_must_be_dense_finite_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vgg.pth"
    good = VGG(11, 1).state_dict()
    for wrong, message in (
        (good["features.0.weight"].long(), r"features.0.weight is torch.int64, torch.strided, expected torch.float32"),
        (good["features.0.weight"].to_sparse(), r"features.0.weight is torch.float32, torch.sparse_coo, expected"),
        (good["features.0.weight"] / 0, r"features.0.weight has values that are not finite"),
    ):
        torch.save({**good, "features.0.weight": wrong}, path)
        with pytest.raises(PretrainedWeightsError, match=message):
            VGG(11, 1, weights=path)
    monkeypatch.setattr("bilrp.features.MAX_FILE", 100)
    with pytest.raises(PretrainedWeightsError, match=r"has [\d,]+ bytes, expected at most 100"):
        VGG(11, 1, weights=path)


def test_old_files_lack_the_counter_of_batches(tmp_path: Path) -> None:
    source = VGG(11, 4, batch_norm=True, seed=5)
    state = {name: tensor for name, tensor in source.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "vgg.pth")
    model = VGG(11, 4, weights=tmp_path / "vgg.pth", batch_norm=True)
    assert torch.equal(model.features[1].weight, source.features[1].weight)  # type: ignore[arg-type]


def _only_first(folder: Path) -> Path:
    torch.save(VGG(11, 1).state_dict(), folder / "first.pth")
    return folder / "first.pth"


def test_size_of_the_embedding() -> None:
    model = VGG(11, 6)
    assert model(torch.zeros(1, 3, 37, 20)).shape[1] == model.n_features(37, 20)
    with pytest.raises(InputError, match="smaller than the poolings allow"):
        VGG(16).n_features(16, 64)
    with pytest.raises(InputError, match="depth is 12, expected one of"):
        VGG(12)
    with pytest.raises(InputError, match="n_layers is 40, expected 1 to 21"):
        VGG(11, 40)


def test_projection_keeps_dot_products_in_expectation() -> None:
    a, b = torch.rand(2, 50, generator=torch.Generator().manual_seed(0))
    projection = random_projection(50, 20000)
    assert float((projection @ a) @ (projection @ b)) == pytest.approx(float(a @ b), rel=0.05)
    assert torch.equal(random_projection(50, 3), random_projection(50, 3))
    with pytest.raises(InputError, match="got 0 and 3"):
        random_projection(0, 3)


def test_normalize() -> None:
    assert float(normalize(torch.zeros(1, 3, 1, 1))[0, 0]) == pytest.approx(-0.485 / 0.229)
    with pytest.raises(InputError, match=r"got shape \(3, 2, 2\)"):
        normalize(torch.zeros(3, 2, 2))

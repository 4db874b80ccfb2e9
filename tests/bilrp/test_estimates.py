"""Estimates before long work, refusals of what does not fit, progress, and interruption."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import bilrp
from bilrp import BiLRP, explain_outputs
from bilrp._engine import available
from bilrp.testing import toy_network, toy_pair


def convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, stride=2), nn.Flatten())


def image(n: int = 17) -> torch.Tensor:
    return torch.rand(1, 3, n, n, generator=torch.Generator().manual_seed(1))


def test_work_and_memory_are_counted() -> None:
    x = image()
    explainer = BiLRP(convolutions(), "gamma")
    one = explainer.estimate(x)
    features = 8 * 8 * 8
    assert one.outputs == features
    assert one.result_bytes == features * 17 * 17 * 4 == explainer.factor(x).values.nbytes
    convolved = 4 * 17 * 17 * 3 * 9 + 8 * 8 * 8 * 4 * 9
    assert one.multiply_adds == pytest.approx(features * convolved, rel=0.1)
    pair = explainer.estimate(x, image(9))
    assert pair.result_bytes > one.result_bytes and pair.peak_bytes >= pair.result_bytes
    tiles = explainer.estimate(x, pool=4)
    assert tiles.result_bytes == features * 5 * 5 * 4
    assert "MiB" in str(pair) and "\n" not in str(pair) and pair.seconds > 0


def test_what_does_not_fit_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    x = image()
    monkeypatch.setattr(available, "available_memory", lambda device: 100_000)
    with pytest.raises(bilrp.ResultTooLargeError, match=r"512 explanations of 289 .*pool=8.*projection"):
        BiLRP(convolutions()).explain(x, x)
    assert BiLRP(convolutions()).explain(x, x, pool=8, bias="leave").tile == 8
    projection = torch.randn(4, 512, generator=torch.Generator().manual_seed(2))
    assert len(BiLRP(convolutions(), projection=projection).explain(x, x).left) == 4
    assert issubclass(bilrp.ResultTooLargeError, MemoryError)


def test_what_is_large_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available, "LARGE", 1000)
    with pytest.warns(bilrp.LargeResultWarning, match="pool=8"):
        explain_outputs(convolutions(), image(9))


def test_memory_that_the_system_states() -> None:
    free = available.available_memory(torch.device("cpu"))
    assert free is None or free > 2**20


@pytest.mark.parametrize("pool", [None, 4])
def test_progress_goes_to_the_end(pool: int | None) -> None:
    seen: list[tuple[int, int]] = []
    x, y = toy_pair()
    explainer = BiLRP(
        toy_network("residual"), "gamma", memory=1000, progress=lambda done, total: seen.append((done, total))
    )
    explainer.explain(x, y, pool=pool)
    assert seen[-1] == (5, 5) and [done for done, _ in seen[: len(seen) // 2]] == sorted({done for done, _ in seen})


def test_progress_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    explain_outputs(toy_network(), toy_pair()[0], progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err.endswith("\n") and "5 of 5 explanations" in err


def test_interruption_leaves_the_model_as_it_was() -> None:
    model = toy_network("batchnorm").train()

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BiLRP(model, "gamma", progress=interrupt).explain(*toy_pair())
    assert all(module.training for module in model.modules()) and torch.is_grad_enabled()


def test_files_that_were_read_leave_room_in_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system counts them as used, and lets them go when memory is wanted."""
    for name, text in {"current": "900\n", "max": "1000\n", "stat": "anon 100\ninactive_file 700\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr(available, "CGROUP", tmp_path)
    assert available.available_memory(torch.device("cpu")) == 800
    (tmp_path / "memory.max").write_text("max\n")
    assert available.available_memory(torch.device("cpu")) != 800

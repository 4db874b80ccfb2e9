"""The page for those who come from zennit or captum: its code runs, and its claims about numbers hold."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from bilrp.exceptions import DoubtfulExplanationWarning

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bilrp" / "from-zennit-and-captum.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def needs(block: str) -> set[str]:
    """The rivals that a block uses, by their names or by what an earlier block made with them."""
    made = {"zennit": ("zennit", "Gradient"), "captum": ("captum", "bare", "LRP(")}
    return {rival for rival, words in made.items() if any(word in block for word in words)}


@pytest.mark.parametrize("rivals", [(), ("zennit",), ("captum",)], ids=["bilrp", "zennit", "captum"])
def test_the_code_of_the_page_runs(rivals: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for rival in rivals:
        if importlib.util.find_spec(rival) is None:
            pytest.skip(f"{rival} is not installed: what the page says of it is not tried here")
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {}
    n_run = 0
    for block in blocks():
        if needs(block) <= set(rivals):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore" if rivals else "error")  # rivals warn of their own hooks
                warnings.simplefilter("ignore", DoubtfulExplanationWarning)
                exec(compile(block, str(PAGE), "exec"), given)
            n_run += bool(needs(block)) or not rivals
    assert n_run >= (3 if rivals else 6)


def test_every_rule_and_preset_of_the_page_exists() -> None:
    import bilrp

    text = PAGE.read_text(encoding="utf-8")
    last = [row.rsplit("|", 2)[-2] for row in text.splitlines() if row.startswith("| `") and row.count("|") == 5 - 1]
    named = {name for cell in last for name in re.findall(r"`\"([a-z0-9-]+)\"`", cell)}
    assert {"epsilon-plus", "epsilon-plus-flat", "epsilon-alpha2-beta1"} <= named <= set(bilrp.COMPOSITES)
    rules = {name for cell in last for name in re.findall(r"`([A-Z]\w+)\(", cell)} - {"Composite", "Depth"}
    assert {"Epsilon", "Gamma", "ZPlus", "AlphaBeta"} <= rules - {"Typed"} <= set(bilrp.rules.RULES)

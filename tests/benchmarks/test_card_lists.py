"""The benchmark of graphics cards ranks bundles, and fails if a list differs. The simulator replaces the card."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import card_lists
from tests.backends.cuda.test_proposed_ranking import make_plan


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "small.bundle"
    make_plan(n_users=2, n_jobs=60).bundle.save(path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> int:
    monkeypatch.setattr("sys.argv", ["card_lists", str(bundle), "--k", "3", "--users", "3", "--workers", "1"])
    with pytest.raises(SystemExit) as stopped:
        card_lists.main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_equal_lists_are_reported(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, bundle) == 0
    machine, found = (json.loads(text) for text in re.findall(r"^\{.*?^\}", capsys.readouterr().out, re.M | re.S))
    assert machine["card"] == "simulator"
    assert found["equal"] is True
    assert found["choice"].startswith("gpu: requested; simulator proposed")


def test_different_lists_are_a_failure(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_lists, "_are_equal", lambda a, b: False)
    assert run(monkeypatch, bundle) == 1


def test_ranking_without_the_card_is_a_failure(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scoring.backends.cuda import device_strategy

    monkeypatch.setattr(device_strategy, "SHORT", 2)  # longer lists are ranked without the card
    assert run(monkeypatch, bundle) == 1

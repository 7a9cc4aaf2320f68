"""`scoring component new`, and --component in other commands."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from scoring import load_components, load_model
from tests.cli.command import Call, error_line


@pytest.fixture
def written(scoring: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files of `component new pay_floor`."""
    assert scoring("component", "new", "pay_floor", "--folder", tmp_path / "own").exit_code == 0
    monkeypatch.syspath_prepend(tmp_path / "own")
    return tmp_path / "own"


def test_written_test_passes_and_fails_with_a_wrong_formula(written: Path) -> None:
    tests = [value for name, value in runpy.run_path(str(written / "test_pay_floor.py")).items() if name[:5] == "test_"]
    assert len(tests) == 2
    for test in tests:
        test()
    file = written / "pay_floor.py"
    formula = "1.0) * 100.0\n        return Reason"
    file.write_text(file.read_text().replace(formula, formula.replace("100.0", "99.0")))
    [wrong] = load_components(file)
    contract = next(test for test in tests if test.__name__ == "test_contract")
    contract.__globals__["PayFloor"] = wrong
    with pytest.raises(AssertionError):
        contract()


def test_written_model_is_ranked(scoring: Call, market: Path, written: Path, tmp_path: Path) -> None:
    own = ["--component", written / "pay_floor.py", "--model", written / "pay_floor.yaml"]
    done = scoring("run", "--db", market, "--no-database", "--out", tmp_path / "runs", *own)
    assert done.exit_code == 0, done.output
    model = load_model(written / "pay_floor.yaml", load_components(written / "pay_floor.py"))
    assert model.weights.components["base"]["pay_floor"] == 0.2


@pytest.mark.parametrize("name", ["Pay_floor", "pay-floor", "1st", "class", "fee", "賃金", ""])
def test_invalid_name_is_rejected(scoring: Call, tmp_path: Path, name: str) -> None:
    assert error_line(scoring("component", "new", name, "--folder", tmp_path), 2)
    assert list(tmp_path.glob("*.py")) == []


@pytest.mark.parametrize("file", ["pay_floor.py", "test_pay_floor.py", "pay_floor.yaml"])
def test_existing_file_is_not_replaced(scoring: Call, tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("mine")
    assert f"{file} exists" in error_line(scoring("component", "new", "pay_floor", "--folder", tmp_path), 2)
    assert [path.name for path in tmp_path.iterdir() if path.suffix in {".py", ".yaml"}] == [file]
    assert (tmp_path / file).read_text() == "mine"


def test_models_prints_a_file_with_own_components(scoring: Call, written: Path) -> None:
    own = [written / "pay_floor.yaml", "--component", written / "pay_floor.py"]
    assert "floor 1200" in scoring("models", *own).stdout
    assert "pay_floor" in error_line(scoring("models", own[0]), 1)


def test_panel_rejects_a_component_before_it_starts(scoring: Call, market: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("1 / 0")
    message = error_line(scoring("panel", "--db", market, "--component", tmp_path / "own.py"), 1)
    assert "line 1: ZeroDivisionError" in message

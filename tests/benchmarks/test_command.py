"""The command at a tiny size, and how figures are kept and shown."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from benchmarks import command, machine, plots, readme_page
from benchmarks.command import main
from benchmarks.results import Figure, Section, Table, at_least, at_most

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "process",
    [pytest.param(False, id="in this process"), pytest.param(True, id="in a new process", marks=pytest.mark.long)],
)
def test_figures_are_measured_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], process: bool
) -> None:
    """As `python -m benchmarks` runs, without new processes that import everything."""
    if not process:
        monkeypatch.setattr(command, "run_in_new_process", lambda function, *given: function(*given))
    sizes = ("--quick", "--users", "40", "--jobs", "300", "--only", "frames")
    where = ("--output", str(tmp_path / "out"), "--data", str(tmp_path / "d"))
    monkeypatch.setattr(sys, "argv", ["benchmarks", *sizes, *where])
    with pytest.raises(SystemExit) as done:
        runpy.run_module("benchmarks", run_name="__main__", alter_sys=True)
    assert done.value.code == 0
    assert "≤ 30 %" in capfd.readouterr().out
    kept = json.loads((tmp_path / "out/frames.json").read_text())
    assert kept["figures"][0]["verdict"] in ("met", "missed")
    assert kept["machine"]["cores"] >= 1
    page = (tmp_path / "out/README.md").read_text()
    assert "| columns that scores read |" in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize("wrong", [("--only", "speed"), ("--only", ""), ("--users", "0")])
def test_invalid_arguments_are_reported(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(wrong)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_figure_is_compared_with_its_bar() -> None:
    assert Figure("a", 0.4, "s", at_most(0.5)).verdict == "met"
    assert Figure("a", 0.6, "s", at_most(0.5)).verdict == "missed"
    assert Figure("a", 14.9, "×", at_least(15)).verdict == "missed"
    assert Figure("a", None, "×", at_least(15), "not installed").verdict == "not measured"
    assert Figure("a", 1.0, "s").verdict == ""


def sections() -> list[Section]:
    """What plots are drawn from, with a growth that was not measured to its end."""
    points = [{"users": 2_000, "jobs": 10**n, "seconds": 0.1 * n} for n in (4, 5)]
    unknown = [{"users": 10**n, "jobs": 100_000, "seconds": None} for n in (3, 4)]
    case = {"name": "all tied", "users": 100, "auto": 0.2, "dense": 0.3, "ratio": 0.67}
    peer = {"name": "a peer", "job": "the full score", "ms": 12.0}
    details = {
        "peers": {"engine_ms": 0.04, "engine_on_inner_products_ms": {"factors alone": 0.03}, "peers": [peer]},
        "growth": {"by_jobs": points, "by_users": unknown},
        "worst": {"cases": [case]},
    }
    figures = [Figure("a | b", 0.4, "s", at_most(0.5)), Figure("c", None, "×", at_least(15), "not installed")]
    where = machine.describe_machine()
    table = Table("More", ("x", "y"), [("1", "2")], ("a note",))
    return [
        Section(name, name, "2 × 2", figures, [table], details=found, machine=where, seconds=1.5)
        for name, found in details.items()
    ]


def test_sections_are_read_back_and_plotted(tmp_path: Path) -> None:
    for section in sections():
        section.write(tmp_path)
    found = readme_page.sections(tmp_path)
    assert [section.name for section in found] == ["peers", "growth", "worst"]
    assert [section.figures for section in found] == [section.figures for section in sections()]
    plots.draw(found, tmp_path)
    assert {file.stem for file in tmp_path.glob("*.png")} == {plot.name for plot in plots.PLOTS}


def test_page_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"# Before\n\n{readme_page.BEGIN}\nold\n{readme_page.END}\n\nAfter\n")
    readme_page.write(sections(), page, tmp_path)
    once = page.read_text()
    assert once.startswith("# Before\n")
    assert once.endswith("After\n")
    assert "old" not in once
    assert "| a \\| b | 0.4 s | ≤ 0.5 s | met |  |" in once
    assert "**not measured**" in once
    readme_page.write(sections(), page, tmp_path)
    assert page.read_text() == once


def test_shipped_page_has_its_marks() -> None:
    page = (ROOT / "benchmarks/README.md").read_text()
    assert page.index(readme_page.BEGIN) < page.index(readme_page.END)

"""The report of a run: figures that agree with the run, on one screen."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from scoring.ranking import Prepared
from scoring.runs import runner
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.report import Report, render


@pytest.fixture(scope="module")
def report(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder: Path = tmp_path_factory.mktemp("out") / "run"
    return Report.of(runner.run(prepared, k=8, publishers=[ParquetPublisher(folder)]))


def text_of(report: Report, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(report))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_counts_are_consistent(report: Report, prepared: Prepared) -> None:
    assert report.users == len(prepared.active_users)
    assert report.users + sum(report.users_excluded.values()) == len(prepared.plan.user_id)
    assert report.jobs_ranked + sum(report.jobs_excluded.values()) == report.jobs == len(prepared.plan.job_id)
    assert report.pairs_ranked == report.users * report.jobs
    assert report.pairs_eligible == report.users * report.jobs_ranked >= report.pairs_scored > 0
    assert report.rows == 8 * report.users


def test_first_user_has_points_per_component(report: Report, prepared: Prepared) -> None:
    assert report.first_user == prepared.plan.user_id[prepared.active_users[0]]
    expected = prepared.top_k(5, [report.first_user]).frame()
    assert [line.job_id for line in report.first_lines] == expected["job_id"].tolist()
    for line in report.first_lines:
        explained = prepared.explain(report.first_user, line.job_id)
        parts = {name: points for inner in line.parts.values() for name, points in inner.items()}
        assert parts == pytest.approx({part.name: part.points for part in explained.parts})
        assert sum(line.groups.values()) == pytest.approx(line.total, abs=1e-4)


def test_report_fits_one_screen(report: Report) -> None:
    full = replace(
        report,
        pairs_ranked=1_000_000_000,
        pairs_eligible=676_480_000,
        pairs_scored=16_480_000,
        users=10_000,
        jobs=100_000,
        jobs_ranked=67_648,
    )
    lines = text_of(full).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_report_contains_the_main_figures(report: Report) -> None:
    text = text_of(report, 120)
    figures = ("ms per user, target 180 ms: met", "inactive", "expired", "excluded by rules", "predicted")
    parts = ("standard", "trained", "base fee", "personal collaborative")
    for text_part in (report.run_id, report.destinations[0].name, *figures, *parts):
        assert text_part in text


def test_missed_target_is_printed_without_colour(report: Report) -> None:
    assert "target 0 ms: MISSED" in text_of(replace(report, target_ms=0.0))


def test_report_without_ranked_users(prepared: Prepared) -> None:
    inactive = int(prepared.plan.user_id[~prepared.inputs.users.active][0])
    text = text_of(Report.of(runner.run(prepared, users=[inactive])))
    assert "0 ranked; 1 inactive" in text
    assert "not stored" in text

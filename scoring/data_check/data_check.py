"""All checks of the data of a board, and their findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from scoring.argument_checks import check_workers
from scoring.data_check import component_findings, market_findings, row_findings
from scoring.data_check.finding import Finding
from scoring.dataset import Dataset
from scoring.errors import ModelError
from scoring.model_catalog import AnyModel, load_model
from scoring.plotting.html_table import render_html_table
from scoring.ranking import Prepared
from scoring.statistics import Statistics

__all__ = ["CHECKS", "DataCheck", "check_data", "find_run_warnings"]

CHECKS: Final = {
    "rejected rows": "rows that could not be used, with the reason",
    "missing values": "share of missing values per column; columns of the model that are missing in 90% of the rows",
    "unknown values": "codes and units that no reference table and no rule knows",
    "text ids": "a few text ids among numbers, or numbers among text ids",
    "times of 1970": "columns whose times are all in January 1970",
    "clock": "the newest action, which sets the clock, is a day after 99.9% of the actions, or after now",
    "local times": "at least 5% of the postings are after the clock, all within 14 hours",
    "duplicate postings": "more than 1% of the open jobs repeat the company, title and city of another one",
    "jobs": "jobs by state: open, posted later, expired, inactive",
    "users": "active users with wishes and with a history",
    "actions": "actions by kind and week; no applications; a week below 20% of the median",
    "areas without jobs": "prefectures with 0.5% of the actions of 90 days and without an open job",
    "factors": "brought factors that lack more than 1% of the acting users or jobs",
    "constant components": "components with the same value for 99% of the open jobs",
    "component values": "components outside 0 to 100, or that disagree with their explanation",
    "holdout": "test users of a holdout of 14 days, and the difference that they can show; fewer than 120",
    "run": "memory and time of a run",
}
"""Name of a check → what it reports, and the threshold of its warning."""


@dataclass(frozen=True, repr=False)
class DataCheck:
    """The findings of `check_data`, in the order of `CHECKS`."""

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Findings that make a run pointless."""
        return tuple(finding for finding in self.findings if finding.level == "problem")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "warning")

    def __repr__(self) -> str:
        return f"DataCheck({len(self.problems)} problems, {len(self.warnings)} warnings)"

    def frame(self) -> pd.DataFrame:
        """Return one row per finding: level · check · finding · advice."""
        rows = [(finding.level, finding.check, finding.text, finding.advice) for finding in self.findings]
        return pd.DataFrame(rows, columns=["level", "check", "finding", "advice"])

    def _repr_html_(self) -> str:
        return render_html_table(self.frame())


def check_data(
    data: Dataset, model: AnyModel, *, factor_cache: Path | None = None, workers: int | None = None
) -> DataCheck:
    """Check whether a dataset is fit to rank and to tune on with a model.

    Parameters
    ----------
    data: The dataset. Rows that its source rejected are in its ledger.
    model: The model whose components are checked.
    factor_cache: Folder of trained factors; None: no cache.
    workers: Maximum number of threads; None for one per available core.
    """
    # it imports the evaluation (0.1 s), which the warnings of a run do not need
    from scoring.data_check import power_and_memory_findings

    model, workers = load_model(model), check_workers(workers)
    found = [*_check_rows(data), *_check_activity(data)]
    if any(finding.level == "problem" for finding in found):  # nothing can be ranked
        return _in_order([*found, *row_findings.find_missing_values(data, model)])
    try:
        prepared = Prepared.of(Statistics(data, factor_cache=factor_cache, workers=workers), model, workers=workers)
    except ModelError as error:
        found += row_findings.find_missing_values(data, model)
        found.append(Finding("component values", "problem", str(error).rstrip("."), "Correct the component."))
        return _in_order(found)
    constant = list(component_findings.find_constant_values(prepared))
    found += constant
    found += row_findings.find_missing_values(data, model, [finding.component for finding in constant])
    found += power_and_memory_findings.find_detectable_difference(prepared)
    found += power_and_memory_findings.find_need_of_a_run(prepared)
    return _in_order(found)


def find_run_warnings(prepared: Prepared) -> list[Finding]:
    """Return the warnings of the cheap checks that `scoring run` repeats.

    Rejected rows and unknown values are not among them: a run prints them when it loads the data.
    """
    data = prepared.dataset
    found = [
        *row_findings.find_late_clock(data),
        *row_findings.find_local_times(data),
        *row_findings.find_times_of_1970(data),
        *market_findings.find_job_states(data),
        *market_findings.find_users(data),
        *component_findings.find_constant_values(prepared),
    ]
    return [finding for finding in found if finding.level != "info"]


def _check_rows(data: Dataset) -> Iterator[Finding]:
    yield from row_findings.find_rejected_rows(data)
    yield from row_findings.find_unknown_codes(data)
    yield from row_findings.find_text_ids(data)
    yield from row_findings.find_times_of_1970(data)
    yield from row_findings.find_late_clock(data)
    yield from row_findings.find_local_times(data)
    yield from row_findings.find_duplicate_postings(data)


def _check_activity(data: Dataset) -> Iterator[Finding]:
    yield from market_findings.find_job_states(data)
    yield from market_findings.find_users(data)
    yield from market_findings.find_quiet_weeks(data)
    yield from market_findings.find_areas_without_jobs(data)
    yield from market_findings.find_actions_without_factors(data)


def _in_order(findings: Iterable[Finding]) -> DataCheck:
    order = list(CHECKS)
    return DataCheck(tuple(sorted(findings, key=lambda finding: order.index(finding.check))))

"""The one-screen report of a run: its data, then its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.bundle.ranked_lists import Ranking
from scoring.errors import make_printable, pluralize
from scoring.model import GROUPS
from scoring.ranking.prepared import Prepared
from scoring.runs import memory_forecast
from scoring.runs.publishers import Destination, RunCounts
from scoring.runs.runner import RunResult
from scoring.telemetry import Phase
from scoring.validation.report import DataReport

__all__ = ["PERFORMANCE_TARGET_MS_PER_USER", "Line", "Report", "render"]

PERFORMANCE_TARGET_MS_PER_USER = 180.0
"""Target time of ranking, in milliseconds per user."""


_LABELS: Final = {"not asked for": "not selected"}
"""Stored reason → reason in the report."""

_PREFIX: Final = "the user "
"""Left out of the reasons of pairs in the report: `applied to the job`."""

MAX_REASONS = 3
"""Number of rejection reasons in the report. `RunCounts.frame` contains all of them."""


@dataclass(frozen=True)
class Line:
    """One ranked job, its total score, and the points of each component."""

    job_id: int
    total: float
    title: str | None
    company: str | None
    groups: Mapping[str, float]  # group → points of the total
    parts: Mapping[str, Mapping[str, float]]  # group → component → points of the total
    external_id: str | None = None  # of the job


@dataclass(frozen=True)
class Report:
    """The contents of the report. Times are in seconds, sizes in bytes; `phases` are those of the stopwatch."""

    run_id: str
    model: str
    as_of: datetime
    k: int
    workers: int
    chunk_size: int
    chunk_size_wanted: int
    phases: tuple[Phase, ...]
    seconds: float
    ms_per_user: float
    target_ms: float
    users: int
    users_excluded: Mapping[str, int]
    jobs: int
    jobs_ranked: int
    jobs_excluded: Mapping[str, int]
    pairs_ranked: int
    pairs_eligible: int
    pairs_scored: int
    strategy: str
    ranking_seconds: float
    rows: int
    factors: str
    peak_bytes: int
    predicted_bytes: int
    destinations: tuple[Destination, ...]
    gate: str = ""
    users_resumed: int = 0
    actions: int = 0
    actions_used: int = 0
    actions_excluded: Mapping[str, int] = field(default_factory=dict)
    rejections: Mapping[str, int] = field(default_factory=dict)  # reason → rows
    unknown_values: tuple[str, ...] = ()  # one sentence per column
    pairs_excluded: Mapping[str, int] = field(default_factory=dict)  # reason → pairs
    first_user: int | None = None
    first_user_external_id: str | None = None
    first_lines: tuple[Line, ...] = field(default=())

    @classmethod
    def of(cls, result: RunResult, *, target_ms: float = PERFORMANCE_TARGET_MS_PER_USER, top: int = 5) -> Report:
        """Return the report of a finished run, with the `top` jobs of its first user."""
        counts, run = result.counts, result.metadata
        first = result.first
        return cls(
            run_id=run.run_id,
            model=run.model,
            as_of=run.as_of,
            k=run.k,
            workers=run.workers,
            chunk_size=run.chunk_size,
            chunk_size_wanted=result.chunk_size_wanted,
            phases=tuple(result.watch.phases),
            seconds=result.watch.elapsed,
            ms_per_user=result.ms_per_user,
            target_ms=target_ms,
            users=counts.users_scored,
            users_excluded={"rejected": sum(counts.users_refused.values())} | dict(counts.users_filtered),
            jobs=counts.jobs_read,
            jobs_ranked=counts.jobs_ranked,
            jobs_excluded={"rejected": sum(counts.jobs_refused.values())} | dict(counts.jobs_filtered),
            actions=counts.actions_read,
            actions_used=counts.actions_used,
            actions_excluded={"rejected": sum(counts.actions_refused.values())} | dict(counts.actions_left_out),
            rejections=_count_reasons(counts, result.prepared.dataset.ledger),
            unknown_values=tuple(counts.unknown_values),
            pairs_excluded=counts.pairs_excluded,
            pairs_ranked=result.pairs_ranked,
            pairs_eligible=result.pairs_eligible,
            pairs_scored=result.pairs_scored,
            strategy=result.strategy,
            ranking_seconds=result.ranking_seconds,
            rows=counts.rows,
            factors=_format_factors(result.prepared),
            peak_bytes=result.peak_bytes,
            predicted_bytes=result.predicted_bytes,
            destinations=result.destinations,
            gate=_format_gate(result),
            users_resumed=result.users_resumed,
            first_user=int(first.user_id[0]) if len(first.user_id) else None,
            first_user_external_id=_find_user_text(result.prepared, first),
            first_lines=_make_lines(result.prepared, first, top),
        )


def _format_gate(result: RunResult) -> str:
    if result.verdict is not None:
        return result.verdict.summarize()
    if not result.metadata.whole:
        return "none: a run over selected users does not replace the published run"
    return "none: the run passed the gate before" if result.is_past_gate else "none"


def _format_factors(prepared: Prepared) -> str:
    factors = prepared.inputs.basis.factors
    if factors.source != "trained":
        return {"imported": "imported with the data", "none": "none (no actions)"}[factors.source]
    return "cache hit" if factors.from_cache else "trained"


def _count_reasons(counts: RunCounts, ledger: DataReport) -> dict[str, int]:
    """Return table and reason → rejected rows: invalid rows before dependent ones, the most frequent reason first."""
    rows = counts.frame()
    rows = rows[rows["what"] == "refused"].sort_values("rows", ascending=False, kind="stable")
    is_dependent = [why in ledger[table].caused_by for table, why in zip(rows["table"], rows["why"], strict=True)]
    rows = pd.concat([rows[~np.array(is_dependent, dtype=bool)], rows[is_dependent]])
    return {f"{table}: {why}": int(count) for table, _, why, count in rows.itertuples(index=False)}


def _find_user_text(prepared: Prepared, first: Ranking) -> str | None:
    """Return the external id of the first user; None if it is missing."""
    if not len(first.user_id):
        return None
    text = prepared.inputs.users.frame["external_id"].iloc[prepared.user_rows(first.user_id)[0]]
    return text if isinstance(text, str) else None


def _make_lines(prepared: Prepared, first: Ranking, top: int) -> tuple[Line, ...]:
    if not len(first.user_id):
        return ()
    rows = first.job_row[0, : min(top, first.count[0])]
    model, jobs = prepared.model, prepared.inputs.jobs.frame
    values = prepared.scorer.components(prepared.user_rows(first.user_id), rows)[:, 0, :]
    points = model.flat_weights[:, None] * values
    lines = []
    for place, row in enumerate(rows):
        parts: dict[str, dict[str, float]] = {group: {} for group in GROUPS}
        for part, point in zip(model.parts, points[:, place], strict=True):
            parts[part.group][part.name] = float(point)
        title, company, external_id = (jobs[name].iloc[row] for name in ("title", "company_name", "external_id"))
        lines.append(
            Line(
                job_id=int(prepared.plan.job_id[row]),
                total=float(first.scores[0, place, 0]),
                title=make_printable(title) if isinstance(title, str) else None,
                company=make_printable(company) if isinstance(company, str) else None,
                groups={group: float(np.sum(list(inner.values()))) for group, inner in parts.items() if inner},
                parts={group: inner for group, inner in parts.items() if inner},
                external_id=external_id if isinstance(external_id, str) else None,
            )
        )
    return tuple(lines)


# Layout


def render(report: Report) -> RenderableType:
    """Return the report for a rich console: at most 80 columns and 40 lines with the shipped models."""
    head = Text.assemble(
        "Run ",
        (report.run_id, "bold"),
        f" · model {make_printable(report.model)} · as of {report.as_of:%Y-%m-%d %H:%M} UTC",
    )
    sides = Table.grid(padding=(0, 3, 0, 0))
    sides.add_row(_render_phases(report), _render_figures(report))
    body: list[RenderableType] = [head, Text(), sides, Text(), _render_destinations(report)]
    if report.first_lines:
        body += [Text(), *_render_top(report)]
    return Group(*body)


def _render_phases(report: Report) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for phase in report.phases:
        table.add_row("  " * phase.depth + phase.name, f"{phase.seconds:.2f} s")
    table.add_row(Text("total", style="bold"), Text(f"{report.seconds:.2f} s", style="bold"))
    return table


def _render_figures(report: Report) -> RenderableType:
    is_met = report.ms_per_user <= report.target_ms
    rate = report.pairs_ranked / report.ranking_seconds if report.ranking_seconds else 0.0
    verdict = Text("met" if is_met else "MISSED", style="green" if is_met else "bold red")
    predicted = memory_forecast.format_bytes(report.predicted_bytes)
    table = _render_named_rows()
    table.add_row(
        "ranking",
        Text.assemble(f"{_format_short(report.ms_per_user)} ms per user, target {report.target_ms:g} ms: ", verdict),
    )
    table.add_row("users", f"{report.users:,} ranked{_format_excluded(report.users_excluded)}")
    if report.users_resumed:
        table.add_row("", f"{report.users_resumed:,} of them resumed")
    table.add_row(
        "jobs", Text(f"{report.jobs_ranked:,} of {report.jobs:,} ranked{_format_excluded(report.jobs_excluded)}")
    )
    if report.actions_used < report.actions:
        used = f"{report.actions_used:,} of {report.actions:,} used{_format_excluded(report.actions_excluded)}"
        table.add_row("actions", used)
    if report.rejections:
        table.add_row("rejected", _format_top_reasons(report.rejections))
    by_rule = report.pairs_ranked - report.pairs_eligible
    if not report.users_resumed:  # the reasons are counted for all users, also those of earlier parts of the run
        by_rule = max(by_rule, sum(report.pairs_excluded.values()))
    by_bound = max(0, report.pairs_ranked - by_rule - report.pairs_scored)
    for sentence in report.unknown_values[:MAX_REASONS]:
        table.add_row("unknown", Text(make_printable(sentence, 200)))
    table.add_row("pairs", f"{report.pairs_ranked:,} ranked, {rate / 1e6:,.0f} million per second")
    table.add_row("", f"{by_rule:,} excluded by rules, {by_bound:,} by bounds, {report.pairs_scored:,} scored")
    if by_rule:
        table.add_row("by rule", Text(_format_excluded(report.pairs_excluded).removeprefix("; ")))
    table.add_row("strategy", report.strategy)
    table.add_row("results", f"{pluralize(report.rows, 'row')}, top {report.k} per user")
    table.add_row("factors", report.factors)
    table.add_row("memory", f"peak {memory_forecast.format_bytes(report.peak_bytes)}, predicted {predicted}")
    table.add_row("workers", f"{pluralize(report.workers, 'thread')}, chunks of {_format_chunks(report)}")
    return table


def _format_chunks(report: Report) -> str:
    is_reduced = report.chunk_size < report.chunk_size_wanted
    return pluralize(report.chunk_size, "user") + (
        f" (reduced from {report.chunk_size_wanted:,} to fit in memory)" * is_reduced
    )


def _render_destinations(report: Report) -> RenderableType:
    table = _render_named_rows()
    for destination in report.destinations:
        size = "" if destination.bytes is None else f" ({memory_forecast.format_bytes(destination.bytes)})"
        table.add_row(destination.kind, Text(f"{destination.name}{size}"))
    if not report.destinations:
        table.add_row("results", "not stored")
    table.add_row("gate", Text(make_printable(report.gate, 1000)))
    return table


def _render_named_rows() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _render_top(report: Report) -> list[RenderableType]:
    """Return one line for each job, and a table with a column for each job and a row for each component."""
    titles = Table.grid(padding=(0, 2, 0, 0))
    titles.add_column(justify="right")
    titles.add_column(justify="right", style="bold")
    titles.add_column()
    for rank, line in enumerate(report.first_lines, 1):
        job = line.job_id if line.external_id is None else make_printable(line.external_id, 40)
        name = f"job {job} · {line.title or 'no title'} · {line.company or 'no company name'}"
        titles.add_row(str(rank), f"{line.total:.2f}", Text(name, no_wrap=True, overflow="ellipsis"))
    parts = Table.grid(padding=(0, 2, 0, 0))
    parts.add_column(no_wrap=True)
    for rank in range(1, len(report.first_lines) + 1):
        parts.add_column(str(rank), justify="right", min_width=5)
    parts.add_row("points", *(str(rank) for rank in range(1, len(report.first_lines) + 1)), style="bold")
    for group, inner in report.first_lines[0].parts.items():
        for name in inner:
            parts.add_row(
                Text(f"{group} {make_printable(name)}"),
                *(f"{line.parts[group][name]:.2f}" for line in report.first_lines),
            )
    external_id = report.first_user_external_id
    user = report.first_user if external_id is None else make_printable(external_id, 60)
    return [Text(f"Top jobs of user {user}", style="bold"), titles, parts]


def _format_excluded(reasons: Mapping[str, int]) -> str:
    texts = [
        f"{count:,} {make_printable(_LABELS.get(reason, reason).removeprefix(_PREFIX), 80)}"
        for reason, count in reasons.items()
        if count
    ]
    return f"; {', '.join(texts)}" if texts else ""


def _format_top_reasons(rejections: Mapping[str, int]) -> str:
    """Return the most frequent reasons, shortened for the report."""
    texts = [f"{count:,} {make_printable(reason, 70)}" for reason, count in list(rejections.items())[:MAX_REASONS]]
    more = f"; {pluralize(len(rejections) - MAX_REASONS, 'other reason')}" if len(rejections) > MAX_REASONS else ""
    return "; ".join(texts) + more


def _format_short(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"

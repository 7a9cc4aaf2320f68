"""The one-screen report of a run: data first, then how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scoring.engine import memory
from scoring.engine.batch import RunResult
from scoring.engine.prepared import Prepared
from scoring.engine.scorer import Ranking
from scoring.engine.sinks import Place
from scoring.model import GROUPS
from scoring.telemetry import Phase

__all__ = ["PERFORMANCE_TARGET_MS_PER_USER", "Line", "Report", "render"]

PERFORMANCE_TARGET_MS_PER_USER = 180.0
"""Milliseconds that ranking may take per user."""


@dataclass(frozen=True)
class Line:
    """One ranked job: what it is, its total, and what each component adds to that."""

    job_id: int
    total: float
    title: str | None
    company: str | None
    groups: Mapping[str, float]  # group → points of the total
    parts: Mapping[str, Mapping[str, float]]  # group → component → points of the total


@dataclass(frozen=True)
class Report:
    """Everything that the page says. Seconds, bytes; `phases` as the stopwatch gives them."""

    run_id: str
    model: str
    as_of: datetime
    k: int
    workers: int
    chunk_size: int
    phases: tuple[Phase, ...]
    seconds: float
    ms_per_user: float
    target_ms: float
    users: int
    users_left_out: Mapping[str, int]
    jobs: int
    jobs_ranked: int
    jobs_left_out: Mapping[str, int]
    pairs_ranked: int
    pairs_scored: int
    ranking_seconds: float
    rows: int
    factors: str
    peak_bytes: int
    places: tuple[Place, ...]
    first_user: int | None = None
    first_lines: tuple[Line, ...] = field(default=())

    @classmethod
    def of(cls, result: RunResult, *, target_ms: float = PERFORMANCE_TARGET_MS_PER_USER, top: int = 5) -> Report:
        """Of a finished run; `top` jobs of its first user."""
        counts, head = result.counts, result.head
        first = result.first
        return cls(
            run_id=head.run_id,
            model=head.model,
            as_of=head.as_of,
            k=head.k,
            workers=head.workers,
            chunk_size=head.chunk_size,
            phases=tuple(result.watch.phases),
            seconds=result.watch.elapsed,
            ms_per_user=result.ms_per_user,
            target_ms=target_ms,
            users=counts.users_scored,
            users_left_out={"refused": counts.users_refused} | dict(counts.users_filtered),
            jobs=counts.jobs_read,
            jobs_ranked=counts.jobs_ranked,
            jobs_left_out={"refused": counts.jobs_refused} | dict(counts.jobs_filtered),
            pairs_ranked=result.pairs_ranked,
            pairs_scored=result.pairs_scored,
            ranking_seconds=result.ranking_seconds,
            rows=counts.rows,
            factors=_factors(result.prepared),
            peak_bytes=result.peak_bytes,
            places=result.places,
            first_user=int(first.user_id[0]) if len(first.user_id) else None,
            first_lines=_lines(result.prepared, first, top),
        )


def _factors(prepared: Prepared) -> str:
    factors = prepared.inputs.statistics.factors
    if factors.source != "trained":
        return {"brought": "came with the data", "none": "none (no actions)"}[factors.source]
    return "cache hit, not trained again" if factors.from_cache else "trained for this data"


def _lines(prepared: Prepared, first: Ranking, top: int) -> tuple[Line, ...]:
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
        title, company = (jobs[name].iloc[row] for name in ("title", "company_name"))
        lines.append(
            Line(
                job_id=int(prepared.plan.job_id[row]),
                total=float(first.scores[0, place, 0]),
                title=title if isinstance(title, str) else None,
                company=company if isinstance(company, str) else None,
                groups={group: float(np.sum(list(inner.values()))) for group, inner in parts.items() if inner},
                parts={group: inner for group, inner in parts.items() if inner},
            )
        )
    return tuple(lines)


# How it looks


def render(report: Report) -> RenderableType:
    """For a rich console: at most 80 columns and about 40 lines with the models that ship."""
    head = Text.assemble(
        ("Run ", ""), (report.run_id, "bold"), f" · model {report.model} · as of {report.as_of:%Y-%m-%d %H:%M} UTC"
    )
    body = [head, Text(), _phases(report), Text(), _figures(report), Text(), _places(report)]
    if report.first_lines:
        body += [Text(), Text(f"Top {len(report.first_lines)} of user {report.first_user}", style="bold")]
        body += [_top(report)]
    return Group(*body)


def _phases(report: Report) -> RenderableType:
    """Two phases side by side would be harder to read than these few lines."""
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=24)
    table.add_column(justify="right", min_width=9)
    table.add_column()
    longest = max([phase.seconds for phase in report.phases if not phase.depth], default=0.0)
    for phase in report.phases:
        bar = "" if phase.depth or not longest else "▇" * round(24 * phase.seconds / longest)
        table.add_row("  " * phase.depth + phase.name, f"{phase.seconds:.2f} s", Text(bar, style="cyan"))
    table.add_row(Text("in all", style="bold"), Text(f"{report.seconds:.2f} s", style="bold"), "")
    return table


def _figures(report: Report) -> RenderableType:
    met = report.ms_per_user <= report.target_ms
    rate = report.pairs_ranked / report.ranking_seconds if report.ranking_seconds else 0.0
    skipped = report.pairs_ranked - report.pairs_scored
    verdict = Text("target met" if met else "TARGET MISSED", style="green" if met else "bold red")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("ranking", Text.assemble(f"{_ms(report.ms_per_user)} per user of {report.target_ms:g} ms: ", verdict))
    table.add_row("users", f"{report.users:,} ranked{_left_out(report.users_left_out)}")
    table.add_row("jobs", f"{report.jobs_ranked:,} of {report.jobs:,} may be ranked{_left_out(report.jobs_left_out)}")
    table.add_row("pairs", f"{report.pairs_ranked:,} ranked, {rate / 1e6:,.1f} million per second")
    table.add_row("", f"{report.pairs_scored:,} scored, {skipped:,} left out by rule")
    table.add_row("results", f"{report.rows:,} rows, the top {report.k} per user")
    table.add_row("factors", report.factors)
    table.add_row("memory", f"{memory.readable(report.peak_bytes)} at the peak")
    table.add_row("settings", f"{report.workers} workers, chunks of {report.chunk_size:,} users")
    return table


def _left_out(reasons: Mapping[str, int]) -> str:
    said = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
    return f"; {', '.join(said)}" if said else ""


def _ms(value: float) -> str:
    return f"{value:.3f} ms" if value < 1 else f"{value:.1f} ms"


def _places(report: Report) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for place in report.places:
        size = f" ({memory.readable(place.bytes)})" if place.bytes is not None else ""
        table.add_row(place.kind, f"{place.name}{size}")
    if not report.places:
        table.add_row("results", "kept nowhere")
    return table


def _top(report: Report) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(justify="right", style="bold")
    table.add_column(overflow="fold")
    for rank, line in enumerate(report.first_lines, 1):
        title, company = line.title or f"job {line.job_id}", line.company or "company not known"
        name = Text(f"{title} · {company}", no_wrap=True, overflow="ellipsis")
        table.add_row(str(rank), f"{line.total:.2f}", name)
        for group, parts in line.parts.items():
            inner = "  ".join(f"{name} {points:.1f}" for name, points in parts.items())
            table.add_row("", "", Text(f"{group} {line.groups[group]:.1f} = {inner}", style="dim"))
    return Padding(table, (0, 0, 0, 1))

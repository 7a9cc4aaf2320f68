"""All users ranked against all jobs: the exact 40 best of each user."""

from __future__ import annotations

from benchmarks.engine_calls import K, decision, scorer, warm_up
from benchmarks.measurement import measure_times, print_progress, reset_peak
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring import Prepared, load_model
from scoring.runs import memory_forecast

_NO_RULES = {"open": False, "min_fee": None, "not_applied": False, "company_cooldown_days": None}


def measure(size: Size, work: Workspace) -> Section:
    model = load_model("standard")
    prepared = Prepared.of(work.statistics(size), model)
    warm_up(prepared)
    reset_peak()
    used = scorer(prepared.plan)
    print_progress(f"ranking {size.text}")
    first = measure_times(lambda: used.top_k(K), 1)
    again = measure_times(lambda: used.top_k(K), size.repeats)
    peak = memory_forecast.measure_peak()
    everything = scorer(prepared.with_model(model.with_eligibility(**_NO_RULES)).plan)
    everything.top_k(K)
    whole = measure_times(lambda: everything.top_k(K), size.repeats)
    n_pairs = size.users * size.jobs
    shown = int(prepared.plan.exclusions.open_to_all.sum())
    runs = f"of {len(again.seconds)} runs"
    return Section(
        name="rank",
        title=f"Exact top {K} of every user, `standard`",
        size=f"{size.text} = {n_pairs:,} pairs",
        figures=[
            Figure("from call to ids, totals and group scores", again.best, "s", at_most(0.5), f"best {runs}"),
            Figure("the same, median", again.median, "s", at_most(0.5), runs),
            Figure("first call after preparation", first.best, "s", note="builds the layout once"),
            Figure("per user", 1000 * again.best / size.users, "ms"),
            Figure(
                "pairs ranked",
                n_pairs / again.best / 1e6,
                "million per second",
                note=f"{shown:,} of the jobs are open; the other jobs are excluded by rules",
            ),
            Figure("without rules: every pair eligible", whole.best, "s", note=f"best {runs}"),
            Figure("peak memory of the process during ranking", peak / 1e9, "GB"),
        ],
        details={
            "first": first.as_dict(),
            "again": again.as_dict(),
            "without_rules": whole.as_dict(),
            "decision": decision(used),
            "decision_without_rules": decision(everything),
        },
    )

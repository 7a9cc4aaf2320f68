"""Own eligibility rules: time of ranking with rules of each form, as a ratio to the time without them."""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from benchmarks.engine_calls import K, scorer, warm_up
from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, Table, at_most
from benchmarks.workspace import Size, Workspace
from scoring import Prepared, load_model
from scoring.model import Inputs
from scoring.plan import Plan

__all__ = ["RULES", "measure"]

_SINGLE = {
    "condition on the job": "job.fee >= 800 and job.employment_type_code is not missing",
    "same prefecture": "job.prefecture_code == user.prefecture_code",
    "another prefecture": "job.prefecture_code != user.prefecture_code",
    "a user's floor": "job.min_salary >= user.preferred_salary_min",
    "a user's list": "job.occupation_code in user.preferred_occupations",
    "not viewed in the last 7 days": "days_since(user, job, 'view') > 7",
    "viewed in the last 7 days": "days_since(user, job, 'view') <= 7",
    "company not viewed in the last 30 days": "days_since(user, job.company_id, 'view') > 30",
    "company viewed in the last 30 days": "days_since(user, job.company_id, 'view') <= 30",
}
_COMBINED = {
    "three rules": ["condition on the job", "a user's list", "not viewed in the last 7 days"],
    "three rules that exclude the best jobs": [
        "condition on the job",
        "another prefecture",
        "company not viewed in the last 30 days",
    ],
}

RULES = {
    "no rule": [],
    **{name: [rule] for name, rule in _SINGLE.items()},
    **{name: [_SINGLE[part] for part in parts] for name, parts in _COMBINED.items()},
}
"""What the table calls the rules → the rules."""


def measure(size: Size, work: Workspace) -> Section:
    inputs = Inputs.of(work.statistics(size))
    base = load_model("standard")
    prepared = Prepared.of(inputs, base)
    warm_up(prepared)
    plans, scorers, building = {}, {}, {}
    for name, rules in RULES.items():
        print_progress(f"planning with {name}")
        start = time.process_time()
        plans[name] = Plan.build(base.with_eligibility(rules=rules), inputs)
        building[name] = time.process_time() - start
        scorers[name] = scorer(plans[name])
        scorers[name].top_k(K)  # builds the index and chooses the strategy
    seconds: dict[str, list[float]] = {name: [] for name in RULES}
    repeats = 3 if size.quick else 15
    print_progress(f"{repeats} rankings per set of rules, in turn")
    for _ in range(repeats):
        for name, ranker in scorers.items():
            start = time.process_time()
            ranker.top_k(K)
            seconds[name].append(time.process_time() - start)
    ratio = {
        name: median(a / b for a, b in zip(times, seconds["no rule"], strict=True)) for name, times in seconds.items()
    }
    rows = [
        (
            name,
            "; ".join(_COMBINED[name]) if name in _COMBINED else "".join(f"`{rule}`" for rule in RULES[name]),
            f"{1e6 * median(seconds[name]) / size.users:.0f}",
            f"{ratio[name]:.2f}",
            f"{building[name]:.2f}",
            f"{_share_allowed(plans[name]):.1%}",
        )
        for name in RULES
    ]
    return Section(
        name="own_rules",
        title="Own eligibility rules",
        size=f"{size.text}, top {K}, processor time of all threads, ratios of rankings in turn in one process",
        figures=[
            Figure("three rules, compared with none", ratio["three rules"], "×", at_most(1.3), "median ratio"),
            Figure(
                "three rules that exclude the best jobs",
                ratio["three rules that exclude the best jobs"],
                "×",
                note="jobs below the best are closer to each other, so bounds exclude fewer of them",
            ),
        ],
        tables=[
            Table(
                "Ranking with own rules",
                ("rules", "text", "µs per user", "ratio", "plan, s", "pairs left"),
                rows,
                ("µs per user and ratios are medians. The time of the plan includes everything, not only the rules.",),
            )
        ],
        details={"seconds": seconds, "building": building},
    )


def _share_allowed(plan: Plan) -> float:
    users = plan.exclusions.n_users
    return float(plan.exclusions.matrix(np.arange(0, users, max(1, users // 200))).mean())

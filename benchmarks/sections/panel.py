"""The waiting time after a slider's release: lists, measures with their intervals, then everything else.

Also the time from the request of the page in a browser to its results.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.measurement import Times, print_progress
from benchmarks.panel_opening import Opening, find_reason_to_skip, measure_openings
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring import ScoringModel, load_model
from scoring.widgets import Request, TuningSession, WeightsModel
from scoring.widgets.parameter_sliders import list_parameters, replace_parameter


def measure(size: Size, work: Workspace) -> Section:
    standard = load_model("standard")
    session = TuningSession.of(work.dataset(size), standard, users=min(500, size.users), factor_cache=work.factors)
    user = int(session.user_id[0])
    job = session.compute(Request(standard, user)).users.jobs[0].job_id
    session.compute(Request(_weights(standard)[0], user, job))  # compiles the kernels
    rounds = 1 if size.quick else 4
    weights = _weights(standard) * rounds
    plan, inputs = session.evaluator.prepare(standard).plan, session.evaluator.inputs
    parameters: tuple[list[ScoringModel], list[ScoringModel]] = [], []
    for model in _parameters(standard) * rounds:
        parameters[plan.with_job_values(model, inputs) is None].append(model)
    print_progress(
        f"{len(weights)} moves of weights, {' and '.join(str(len(some)) for some in parameters)} of parameters"
    )
    first, whole, stages = _moves(session, weights, user, job)
    (of_jobs, _, _), (of_pairs, _, _) = (_moves(session, some, user, job) for some in parameters)
    return Section(
        name="panel",
        title="The tuning panel",
        size=f"{len(session.user_id):,} users × {len(session.data.jobs):,} jobs; from the release of a slider (without "
        "debounce) to lists, nine metrics with intervals and the list of one user",
        figures=[
            Figure("a weight, median", 1000 * first.median, "ms", at_most(150), f"of {len(weights)} moves"),
            Figure("a weight, worst", 1000 * first.worst, "ms", at_most(150)),
            Figure(
                "a parameter, median",
                1000 * of_jobs.median,
                "ms",
                at_most(150),
                "of values that depend only on the job",
            ),
            Figure(
                "any other parameter, median", 1000 * of_pairs.median, "ms", at_most(150), "all other values are reused"
            ),
            Figure("a weight, all parts of the panel, median", 1000 * whole.median, "ms", note=_format_stages(stages)),
            *_measure_openings(size, work),
        ],
        details={
            "weights": first.as_dict(),
            "parameters_of_jobs": of_jobs.as_dict(),
            "other_parameters": of_pairs.as_dict(),
            "whole": whole.as_dict(),
        }
        | stages,
    )


def _measure_openings(size: Size, work: Workspace) -> list[Figure]:
    """Return the median times of openings, at 2,000 users and 20,000 jobs if not quick."""
    market = (size.users, size.jobs, size.actions) if size.quick else (2_000, 20_000, 200_000)
    of = f"{market[0]:,} × {market[1]:,}"
    names = (f"first opening, {of}", 8), (f"opening with a spare kernel, {of}", 4)
    if reason := find_reason_to_skip():
        return [Figure(name, None, "s", at_most(limit), reason) for name, limit in names]
    print_progress("openings of the page in a browser")
    found = measure_openings(work.database(*market), 1 if size.quick else 3)
    return [
        Figure(name, float(np.median([one.wall for one in openings])), "s", at_most(limit), _describe(openings))
        for (name, limit), openings in zip(names, found, strict=True)
    ]


def _describe(openings: list[Opening]) -> str:
    server, browser, load = (
        float(np.median([getattr(one, name) for one in openings])) for name in ("server", "browser", "load")
    )
    return (
        f"median of {len(openings)}; CPU {server:.1f} s in server and kernel, {browser:.1f} s in the browser; load "
        f"{load:.1f}"
    )


def _moves(
    session: TuningSession, models: list[ScoringModel], user: int, job: int
) -> tuple[Times, Times, dict[str, float]]:
    """Return the times to the first and to the last state, and the median milliseconds of each stage."""
    first, whole, stages = [], [], dict[str, list[float]]()
    for model in models:
        start = time.perf_counter()
        states = session.stages(Request(model, user, job))
        next(states)
        first.append(time.perf_counter() - start)
        *_, last = states
        whole.append(time.perf_counter() - start)
        for stage, took in last.milliseconds.items():
            stages.setdefault(stage, []).append(took)
    medians = {stage: float(np.median(took)) for stage, took in stages.items()}
    return Times(tuple(first)), Times(tuple(whole)), medians


def _format_stages(stages: dict[str, float]) -> str:
    return ", ".join(f"{stage} {took:.0f}" for stage, took in stages.items())


def _weights(model: ScoringModel) -> list[ScoringModel]:
    """Return one model per slider, moved by 0.1: up, or down if it is at 0.9 or more."""
    found = []
    for part in model.parts:
        weights = WeightsModel(model)
        now = weights.weight(part.name)
        weights.set_weight(part.name, now + 0.1 if now < 0.9 else now - 0.1)
        found.append(weights.model)
    return found


def _parameters(model: ScoringModel) -> list[ScoringModel]:
    """Return one model per component, its first number slightly smaller (for a curve: its second point)."""
    found = []
    for part in model.parts:
        parameters = list_parameters(part)
        if parameters:
            parameter = next((one for one in parameters if one.value and one.at in (None, (1, 1))), parameters[0])
            found.append(replace_parameter(model, parameter, 0.98 * parameter.value))
    return found

"""Trained models as components: time of ranking by their shape, and of the score of one pair."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.engine_calls import K, scorer
from benchmarks.learned_models import JOB_INPUTS, PAIR_INPUTS, USER_INPUTS, make_network, make_trees
from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, Table, at_least, at_most
from benchmarks.workspace import Size, Workspace
from scoring import Prepared, Statistics, load_model
from scoring.array_types import Longs
from scoring.backends.numba.full_scan_topk import select_best
from scoring.components.learned import Learned
from scoring.facade import ScoringEngine
from scoring.learning.input_catalogue import InputTables
from scoring.model import Inputs, ScoringModel
from scoring.optional_dependencies import require
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.ranking import Scorer

__all__ = ["ALL_INPUTS", "WEIGHT", "measure"]

WEIGHT = 0.1
"""Of the trained model, in the total score."""
_NAME = "trained"
_BOTH_SIDES = (*JOB_INPUTS, "job.prefecture", "job.occupation", *USER_INPUTS, "user.prefecture")
ALL_INPUTS = (*JOB_INPUTS, *USER_INPUTS, *PAIR_INPUTS)
_LARGEST_RATIO = {"job": 1.3, "tables": 8.0}
"""Shape → limit of the time of ranking, relative to ranking without the model."""
_N_DENSE = 4
"""Users whose pairs with all jobs are scored."""


def measure(size: Size, work: Workspace) -> Section:
    require("the benchmark of trained models", "test", "lightgbm", "onnx", "onnxruntime", "ai_edge_litert")
    statistics = work.statistics(size)
    inputs, rows = Inputs.of(statistics), np.arange(min(size.users, 200 if size.quick else 2_000))
    base, repeats = load_model("standard"), 3 if size.quick else 5
    prepared = Prepared.of(inputs, base, workers=1)
    without = scorer(prepared.plan, workers=1)
    with tempfile.TemporaryDirectory(prefix="scoring-models-") as folder:
        components = _make_components(Path(folder), inputs)
        figures, table_rows, details = list[Figure](), list[tuple[str, ...]](), dict[str, object]()
        for what, component in components.items():
            print_progress(f"ranking with {what}")
            model = base.with_component(component, "personal", WEIGHT, _NAME)
            used = scorer(prepared.with_model(model).plan, workers=1)
            dense = _check_lists(what, used, rows)
            seconds, ratio = _time_rankings(without, used, rows, repeats)
            figures += _make_figures(what, component, 1000 * seconds / len(rows), ratio, dense)
            if component.shape.kind == "tables":
                only = scorer(prepared.with_model(model.with_weights({_NAME: 1.0})).plan, workers=1)
                figures.append(_compare_with_lightgbm(only, component, inputs, repeats))
            table_rows.append((what, str(component.shape), f"{1e6 * seconds / len(rows):,.0f}", str(used.decision)))
            details[what] = {"seconds": seconds, "users": len(rows), "decision": str(used.decision)}
        for what, component in components.items():
            print_progress(f"scores of pairs with {what}")
            model = base.with_component(component, "personal", WEIGHT, _NAME)
            figures.append(asyncio.run(_measure_pair_scores(what, statistics, work, model, 10 * size.repeats)))
    return Section(
        name="learned",
        title=f"Trained models, weight {WEIGHT:g}",
        size=f"{len(rows):,} of {size.text}, top {K}, processor time on one thread; trees: 100 of 31 leaves; "
        "networks: 20-32-16-1",
        figures=figures,
        tables=[Table("Ranking with trained models", ("model", "shape", "µs per user", "strategy"), table_rows)],
        details=details,
    )


def _make_components(folder: Path, inputs: Inputs) -> dict[str, Learned]:
    """Return what figures call a model → the component."""
    from tests.learning.network_files import make_litert, make_onnx

    return {
        "trees, inputs of jobs": make_trees(folder, "jobs", inputs, JOB_INPUTS),
        "trees, inputs of jobs and users": make_trees(folder, "sides", inputs, _BOTH_SIDES),
        "trees, inputs of pairs": make_trees(folder, "pairs", inputs, ALL_INPUTS),
        "network in ONNX": make_network(folder, "network.onnx", inputs, ALL_INPUTS, make_onnx),
        "network in LiteRT": make_network(folder, "other.tflite", inputs, ALL_INPUTS, make_litert),
    }


def _check_lists(what: str, used: Scorer, rows: Longs) -> float:
    """Compare lists of some users with the scores of all pairs; return the milliseconds per user of these scores.

    Scores of jobs that no user may get are not counted.
    """
    some = rows[:: max(1, len(rows) // _N_DENSE)][:_N_DENSE]
    lists, rules, job_id = used.top_k(K, some), used.plan.bundle.eligibility, used.plan.job_id
    start = time.process_time()
    scores = used.all_pairs(some)
    seconds = time.process_time() - start
    for row, allowed in enumerate(rules.matrix(some)):
        best = select_best(scores[0, row], job_id, allowed, rules.company, K, rules.per_company)
        n = len(best)
        if not np.array_equal(lists.job_id[row, :n], job_id[best]) or not np.array_equal(
            lists.scores[row, :n], scores[:, row, best].T
        ):
            raise ResultsDifferError(f"{what}: the list of user row {some[row]} differs from that of all pairs.")
    return 1000 * seconds / len(some) * used.n_eligible / len(job_id)


def _time_rankings(without: Scorer, used: Scorer, rows: Longs, repeats: int) -> tuple[float, float]:
    """Rank with and without a trained model in turn; return the least seconds with it, and the median ratio."""
    for ranker in (without, used):
        ranker.top_k(K, rows)  # builds the index and chooses the strategy
    times = [
        (_measure_cpu(lambda: used.top_k(K, rows)), _measure_cpu(lambda: without.top_k(K, rows)))
        for _ in range(repeats)
    ]
    return min(time for time, _ in times), median(a / b for a, b in times)


def _make_figures(what: str, component: Learned, ms: float, ratio: float, dense: float) -> list[Figure]:
    shape = component.shape.kind
    if shape != "pairs":
        return [Figure(f"{what}: time of ranking", ratio, "× without", at_most(_LARGEST_RATIO[shape]), "median ratio")]
    return [
        Figure(f"{what}: ranking", ms, "ms per user", at_most(0.5), f"{ratio:.1f} × without the model"),
        Figure(f"{what}: faster than scoring all pairs", dense / ms, "×", at_least(8), f"{dense:,.0f} ms per user"),
    ]


def _compare_with_lightgbm(only: Scorer, component: Learned, inputs: Inputs, repeats: int) -> Figure:
    """Compare the scores of all pairs, with trees alone, with LightGBM's outputs for the same pairs."""
    import lightgbm

    booster = lightgbm.Booster(model_file=component.model)
    users = np.arange(min(_N_DENSE, len(inputs.users)))
    n_jobs = min(len(inputs.jobs), 10_000)  # LightGBM's time per pair does not depend on the number of pairs
    tables = InputTables(inputs, component.learned.inputs)
    rows = tables.rows(np.repeat(users, n_jobs), np.tile(np.arange(n_jobs), len(users)))
    out = np.empty((4, len(users), len(inputs.jobs)), dtype=np.float32)

    def predict() -> None:
        booster.predict(rows, raw_score=True, num_threads=1)

    def score() -> None:
        only.all_pairs(users, out=out)

    score()
    of_booster = min(_measure_cpu(predict) for _ in range(repeats)) / len(rows)
    of_tables = min(_measure_cpu(score) for _ in range(repeats)) / out[0].size
    return Figure(
        "trees, inputs of jobs and users: scores compared with LightGBM's raw scores",
        of_booster / of_tables,
        "× as fast",
        at_least(20),
        f"{1e-6 / of_tables:.2f} and {1e-6 / of_booster:.2f} million pairs per second",
    )


async def _measure_pair_scores(
    what: str, statistics: Statistics, work: Workspace, model: ScoringModel, repeats: int
) -> Figure:
    """Measure the score of a new pair through the engine for legacy callers."""
    with ScoringEngine(statistics.dataset, model, keep_factors=work.factors) as engine:
        await engine.warmup_caches()
        users = (await engine._batch_load_users_optimized()).head(repeats + 1)
        jobs = (await engine._batch_load_jobs_optimized()).head(repeats + 1)
        seconds = []
        for n in range(repeats + 1):
            pair = jobs.iloc[n % len(jobs)].to_dict(), users.iloc[n % len(users)].to_dict()
            start = time.process_time()
            await engine.calculate_total_score(*pair)
            seconds.append(time.process_time() - start)
    times = seconds[1:]  # the first one plans
    return Figure(
        f"{what}: score of a new pair", 1000 * median(times), "ms", at_most(2), f"best {1000 * min(times):.3g} ms"
    )


def _measure_cpu(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that `work` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start

"""Cases in which pruning cannot pay: whether the chosen path is ever much slower than looking at every pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from benchmarks.engine_calls import CPUS, PATHS, K, decision, require_equal, scorer, warm_up
from benchmarks.measurement import measure_alternately, measure_times, print_progress
from benchmarks.peers.implicit_topk import ImplicitTopK
from benchmarks.peers.sorted_scores import SORTED_SCORES, SortedScores
from benchmarks.peers.vectors import Vectors, prepare_linear
from benchmarks.results import Figure, Section, Table, at_most, number
from benchmarks.sections.peers import InnerJob, keep_only_factors, require_close
from benchmarks.workspace import Size, Workspace
from scoring import Dataset, Prepared, ScoringModel, load_model
from scoring.backends.numba.top_list import SHORT
from scoring.columns.dataset_frames import make_empty_frame
from scoring.model import Inputs
from scoring.profiling.compared_method_inputs import PeerInputs

_USERS = 500
_USERS_OF_ALL_JOBS = 100
_CODES, _REGIONS, _DIMENSIONS = 2_000, 1_000, 32
"""Occupations, prefectures and factors of the adversary's data."""


@dataclass(frozen=True)
class Case:
    """A ranking task and its seconds on both paths."""

    name: str
    users: int
    k: int
    auto: float
    dense: float
    decision: str

    @property
    def ratio(self) -> float:
        return self.auto / self.dense


@dataclass(frozen=True)
class FactorCase:
    """A model in which factors dominate, for all users on one thread. Times are milliseconds per user."""

    name: str
    auto: float
    first: float  # the first call, with the trial of the strategies
    dense: float
    decision: str
    bar: bool


def measure(size: Size, work: Workspace) -> Section:
    cases = [
        _case(name, prepared, np.arange(min(users, size.users)), k, size.repeats)
        for name, prepared, users, k in _cases(size, work)
    ]
    factor_cases = [_factor_case(name, prepared, bar, size) for name, prepared, bar in _factor_cases(size, work)]
    dense, implicit, dimensions = _against_implicit(size, work)
    rows = [
        [case.name, f"{case.users:,}", f"{case.k:,}", number(1000 * case.auto / case.users),
         number(1000 * case.dense / case.users), number(case.ratio), case.decision]
        for case in cases
    ]  # fmt: skip
    columns = ("case", "users", "k", "auto, ms per user", "dense, ms per user", "auto / dense", "decision")
    notes = [f'Dense for more than {SHORT} jobs: {SORTED_SCORES}. `path="dense"` would use the same kernel as auto.']
    return Section(
        name="worst",
        title="Worst cases: selected strategy compared with dense",
        size=f"{size.jobs:,} jobs, ids and all four scores are equal with both",
        figures=[
            *(_figure(case) for case in cases),
            *(figure for case in factor_cases for figure in _factor_figures(case)),
            Figure(
                "dense, factors only, compared with implicit.cpu.topk",
                dense / implicit,
                "×",
                at_most(1.3),
                f"{1000 * dense:.3g} and {1000 * implicit:.3g} ms per user, {dimensions} dimensions",
            ),
        ],
        tables=[Table("Worst cases", columns, rows, notes), _factor_table(factor_cases)],
        details={
            "factor_cases": [asdict(case) for case in factor_cases],
            "cases": [asdict(case) | {"ratio": case.ratio} for case in cases],
            "factors_alone_ms": {"dense": 1000 * dense, "implicit": 1000 * implicit},
        },
    )


def _figure(case: Case) -> Figure:
    if len(PATHS) < 2:
        return Figure(case.name, None, "× dense", at_most(1.3), "the dense path is the only one: no choice to measure")
    return Figure(case.name, case.ratio, "× dense", at_most(1.3), case.decision)


def _cases(size: Size, work: Workspace) -> Iterator[tuple[str, Prepared, int, int]]:
    """Yield (name, what to rank, users, k), one at a time to limit memory."""
    model = load_model("standard")
    statistics = work.statistics(size)
    inputs = Inputs.of(statistics).take_users(np.arange(min(_USERS, size.users)))
    shipped = Prepared.of(inputs, model)
    n_parts = len(model.parts)
    flat = {part.name: float(weight) for part, weight in zip(model.parts, model.flat_weights, strict=True)}
    yield "shipped weights", shipped, _USERS, K
    yield "all weight on factors", shipped.with_model(keep_only_factors(model)), _USERS, K
    yield (
        "80 % of the weight on factors",
        shipped.with_model(concentrate_weight(model, "collaborative", 0.8)),
        _USERS,
        K,
    )
    yield (
        "all weight on location: nearly all tied",
        shipped.with_model(model.with_weights({"location": 1.0})),
        _USERS,
        K,
    )
    yield "uniform weights", shipped.with_model(model.with_weights(dict.fromkeys(flat, 1 / n_parts))), _USERS, K
    for name in ("fee", "category", "conditions", "history"):
        yield (
            f"95 % of the weight on {name}",
            shipped.with_model(concentrate_weight(model, name, 0.95)),
            _USERS,
            K,
        )
    yield "k = number of jobs", shipped, _USERS_OF_ALL_JOBS, size.jobs
    del shipped, inputs
    yield "identical jobs: all tied", Prepared.of(_identical_jobs(statistics.dataset), model), _USERS, K
    yield "random codes, wages and factors", Prepared.of(_random_data(statistics.dataset), model), _USERS, K
    adversary = concentrate_weight(model, "collaborative", 0.8)
    yield (
        "random data, 80 % of the weight on factors",
        Prepared.of(_random_data(statistics.dataset), adversary),
        _USERS,
        K,
    )


def concentrate_weight(model: ScoringModel, name: str, share: float) -> ScoringModel:
    """Put this share of the weight on one component; the other weights keep their proportions."""
    flat = {part.name: float(weight) for part, weight in zip(model.parts, model.flat_weights, strict=True)}
    others = sum(weight for other, weight in flat.items() if other != name)
    return model.with_weights(
        {other: share if other == name else (1 - share) * weight / others for other, weight in flat.items()}
    )


def _case(name: str, prepared: Prepared, rows: np.ndarray, k: int, repeats: int) -> Case:
    print_progress(name)
    warm_up(prepared)
    auto = scorer(prepared.plan, "auto")
    dense = scorer(prepared.plan, "dense") if k <= SHORT else SortedScores(prepared.plan, CPUS)
    require_equal(auto.top_k(k, rows), dense.top_k(k, rows), f"{name}, chosen path and dense path")
    chosen, dense_times = measure_alternately(lambda: auto.top_k(k, rows), lambda: dense.top_k(k, rows), repeats)
    return Case(name, len(rows), k, chosen.best, dense_times.best, decision(auto))


def _factor_cases(size: Size, work: Workspace) -> Iterator[tuple[str, Prepared, bool]]:
    """Yield (name, what to rank, whether its time has a target)."""
    model, statistics = load_model("standard"), work.statistics(size)
    trained = Prepared.of(Inputs.of(statistics), keep_only_factors(model))
    yield "trained factors only", trained, True
    half = concentrate_weight(model, "collaborative", 0.5)
    yield "half of the weight on trained factors", trained.with_model(half), False
    del trained
    yield "random factors only", Prepared.of(give_random_factors(statistics.dataset), keep_only_factors(model)), False


def give_random_factors(data: Dataset) -> Dataset:
    """Return the dataset with random factors instead of trained ones."""
    tables, random = data.tables, np.random.default_rng(7)
    factors = {
        "user_factors": _factors(random, tables.users["user_id"]),
        "job_factors": _factors(random, tables.jobs["job_id"]),
    }
    return Dataset(tables.with_tables(**factors), as_of=data.as_of)


def _factor_case(name: str, prepared: Prepared, bar: bool, size: Size) -> FactorCase:
    print_progress(f"{name}, one thread")
    warm_up(prepared)
    plan = prepared.plan
    auto, dense = scorer(plan, "auto", 1), scorer(plan, "dense", 1)
    require_equal(auto.top_k(K), dense.top_k(K), f"{name}, chosen path and dense path")
    first = measure_times(lambda: scorer(plan, "auto", 1).top_k(K), 3).best
    times = measure_alternately(lambda: auto.top_k(K), lambda: dense.top_k(K), 3)
    chosen, of_dense = (1000 * measured.best / size.users for measured in times)
    return FactorCase(name, chosen, 1000 * first / size.users, of_dense, decision(auto), bar)


def _factor_figures(case: FactorCase) -> list[Figure]:
    if case.bar:
        return [Figure(f"{case.name}, one thread", case.auto, "ms per user", at_most(0.07), case.decision)]
    ratio = case.first / case.dense
    return [Figure(f"{case.name}, one thread, with the trial", ratio, "× dense", at_most(1.3), case.decision)]


def _factor_table(cases: list[FactorCase]) -> Table:
    columns = ("case", "auto, ms per user", "first call, ms per user", "dense, ms per user", "decision")
    rows = [[case.name, number(case.auto), number(case.first), number(case.dense), case.decision] for case in cases]
    return Table("Factors, all users on one thread", columns, rows)


def _identical_jobs(data: Dataset) -> Dataset:
    """Make every job a copy of the first open one under another id. Without actions, no list excludes a job."""
    jobs = data.tables.jobs
    one = jobs.iloc[np.full(len(jobs), int(np.argmax(data.open_jobs)))].reset_index(drop=True)
    one["job_id"] = jobs["job_id"]
    users = data.tables.users.iloc[:_USERS]
    return Dataset(
        data.tables.with_tables(jobs=one, users=users, actions=make_empty_frame("actions")), as_of=data.as_of
    )


def _random_data(data: Dataset) -> Dataset:
    """Make unrelated data: thousands of random codes, a different city for each job, random factors."""
    random = np.random.default_rng(7)
    tables = data.tables
    users = tables.users.iloc[:_USERS].reset_index(drop=True)
    jobs, n, m = tables.jobs, len(users), len(tables.jobs)
    codes = 10_000 + np.arange(_CODES)
    regions = np.array([f"R{i:04d}" for i in range(_REGIONS)], dtype=object)
    flags = ("has_daily_payment", "has_no_experience", "has_student_welcome", "has_remote_work")
    jobs = jobs.assign(
        prefecture_code=pd.Series(random.choice(regions, m), dtype="str"),
        city_code=pd.Series([f"C{i}" for i in range(m)], dtype="str"),
        occupation_code=pd.Series(random.choice(codes, m), dtype="Int64"),
        salary_type=pd.Series(np.full(m, "hourly", dtype=object), dtype="str"),
        min_salary=random.uniform(900, 3000, m),
        fee=random.uniform(0, 6000, m),
        **{flag: pd.Series(random.random(m) < 0.5, dtype="boolean") for flag in flags},
    )
    wanted = np.empty(n, dtype=object)
    wanted[:] = [random.choice(codes, 3, replace=False).tolist() for _ in range(n)]
    users = users.assign(
        prefecture_code=pd.Series(random.choice(regions, n), dtype="str"),
        preferred_occupations=pd.Series(wanted, dtype=object),
        preferred_salary_min=random.uniform(900, 3000, n),
    )
    actions = tables.actions[tables.actions["user_id"].isin(users["user_id"])].reset_index(drop=True)
    return Dataset(
        tables.with_tables(
            jobs=jobs,
            users=users,
            actions=actions,
            user_factors=_factors(random, users["user_id"]),
            job_factors=_factors(random, jobs["job_id"]),
        ),
        as_of=data.as_of,
    )


def _factors(random: np.random.Generator, ids: pd.Series) -> pd.DataFrame:
    values = random.normal(size=(len(ids), _DIMENSIONS))
    frame = pd.DataFrame(values, columns=[f"f{d}" for d in range(_DIMENSIONS)])
    frame.insert(0, str(ids.name), ids.to_numpy())
    return frame


def _against_implicit(size: Size, work: Workspace) -> tuple[float, float, int]:
    """Return seconds per user of our dense path and of implicit, on the same factors and jobs; compare the answers."""
    print_progress("dense path against implicit, factors only")
    prepared = prepare_linear(work.dataset(size), keep_only_factors(load_model("standard")), work.factors)
    rows = np.arange(min(2_000, size.users))
    vectors = Vectors.of(PeerInputs.of(prepared, rows))
    warm_up(prepared)
    dense, peer = scorer(prepared.plan, "dense"), ImplicitTopK(vectors, scorer(prepared.plan).workers)
    engine_lists = dense.top_k(K, rows)
    items, products = peer.rank(rows, K)
    require_close(InnerJob("factors only", prepared, vectors, engine_lists, 0.0), items, products)
    dense_times, peer_times = measure_alternately(
        lambda: dense.top_k(K, rows), lambda: peer.rank(rows, K), size.repeats
    )
    return dense_times.best / len(rows), peer_times.best / len(rows), vectors.dimensions

"""Other implementations of the same lists, in one process on the same inputs; their lists must equal the engine's."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks.engine_calls import CPUS, K, scorer, warm_up
from benchmarks.measurement import measure_extra_memory, measure_times, print_progress
from benchmarks.peers import FULL, INNER, FullPeer, InnerPeer
from benchmarks.peers.peer import Peer
from benchmarks.peers.vectors import Vectors, prepare_linear
from benchmarks.results import Figure, Section, Table, number
from benchmarks.workspace import Size, Workspace
from scoring import Dataset, Prepared, ScoringModel, load_model
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList, ResultsDifferError, require_equal_lists
from scoring.ranking import Ranking
from scoring.runs.memory_forecast import format_bytes

_MOST_FULL = 1000
"""Most users for a peer with the full score: their tables are dense."""

FULL_SCORE, FACTORS = "the full score", "factors only"
LEFT_OUT = "without the minimum salary, the usual wage, the user's own city, and the rules for single users"


@dataclass(frozen=True)
class PeerMeasurement:
    """A measurement of a peer. `pairs` are those that it visits; jobs that no user may be shown are removed before."""

    name: str
    job: str
    how: str
    users: int
    seconds: float
    pairs: int
    extra_bytes: int | None
    answers: str
    engine_ms: float  # per user, the engine on the full score

    @property
    def ms(self) -> float:
        return 1000 * self.seconds / self.users

    @property
    def speedup(self) -> float:
        return self.ms / self.engine_ms


@dataclass(frozen=True)
class InnerJob:
    """Scores that are inner products, and our lists for them."""

    what: str
    prepared: Prepared
    vectors: Vectors
    engine_lists: Ranking
    engine_ms: float


def measure(size: Size, work: Workspace) -> Section:
    budget = 1.0 if size.quick else 12.0
    model = load_model("standard")
    statistics = work.statistics(size)
    prepared = Prepared.of(statistics, model)
    warm_up(prepared)
    used = scorer(prepared.plan)
    engine_lists = used.top_k(K)
    engine_ms = 1000 * measure_times(lambda: used.top_k(K), size.repeats).best / size.users
    peer_inputs = PeerInputs.of(prepared, np.arange(min(size.users, _MOST_FULL)))
    measured: list[PeerMeasurement] = []
    missing: list[type[Peer]] = []
    for full in FULL:
        if full.is_available():
            print_progress(f"{full.name}, the full score")
            measured.append(_full(full(peer_inputs, CPUS), engine_lists, engine_ms, budget))
        else:
            missing.append(full)
    del peer_inputs
    jobs = make_inner_jobs(statistics.dataset, model, work, size)
    for inner in INNER:
        if not inner.is_available():
            missing.append(inner)
            continue
        for job in jobs:
            print_progress(f"{inner.name}, {job.what}")
            measured.append(_inner(inner(job.vectors, CPUS), job, engine_ms, budget))
    again = 1000 * measure_times(lambda: used.top_k(K), size.repeats, at_most=10.0).best / size.users
    measured = [replace(one, engine_ms=min(engine_ms, again)) for one in measured]
    return _section(size, min(engine_ms, again), measured, missing, jobs)


def make_inner_jobs(dataset: Dataset, model: ScoringModel, work: Workspace, size: Size) -> list[InnerJob]:
    """Return the inner-product part of the model's scores, and factors only; the engine ranks both as well."""
    found = []
    for what, weighted in (("inner products", model), (FACTORS, keep_only_factors(model))):
        prepared = prepare_linear(dataset, weighted, work.factors)
        vectors = Vectors.of(PeerInputs.of(prepared, np.arange(size.users)))
        used = scorer(prepared.plan)
        engine_lists = used.top_k(K)
        ms = 1000 * measure_times(lambda used=used: used.top_k(K), size.repeats, at_most=20.0).best / size.users
        found.append(InnerJob(f"{what}, {vectors.dimensions} dimensions", prepared, vectors, engine_lists, ms))
    return found


def keep_only_factors(model: ScoringModel) -> ScoringModel:
    return model.with_weights({"collaborative": 1.0})


def _full(peer: FullPeer, engine_lists: Ranking, engine_ms: float, budget: float) -> PeerMeasurement:
    lists: list[JobList] = []

    def rank(n: int) -> None:
        lists[:] = peer.rank(np.arange(n), K)

    users, seconds, extra = _measure_largest_run(rank, peer.first, len(peer.peer_inputs.users), budget)
    require_equal_lists(peer.name, lists, engine_lists)
    pairs = users * len(peer.peer_inputs.jobs)
    how = f"{peer.how}{_describe_full_table(peer, extra, pairs)}"
    return PeerMeasurement(peer.name, FULL_SCORE, how, users, seconds, pairs, extra, "equal", engine_ms)


def _describe_full_table(peer: FullPeer, extra: int | None, pairs: int) -> str:
    """Return the memory that a table of all pairs at once would need."""
    if peer.at_once is None or not extra:
        return ""
    held = extra / (pairs / -(-pairs // (peer.at_once * len(peer.peer_inputs.jobs))))
    return f"; used {held:,.0f} bytes per pair: 1,000,000,000 pairs at once would need {format_bytes(1e9 * held)}"


def _inner(peer: InnerPeer, job: InnerJob, engine_ms: float, budget: float) -> PeerMeasurement:
    found: list[np.ndarray] = []

    def rank(n: int) -> None:
        found[:] = peer.rank(np.arange(n), K)

    users, seconds, extra = _measure_largest_run(rank, peer.first, len(job.engine_lists.user_id), budget)
    off = require_close(job, found[0], found[1])
    return PeerMeasurement(
        name=peer.name,
        job=job.what,
        how=peer.how,
        users=users,
        seconds=seconds,
        pairs=users * len(job.vectors.items),
        extra_bytes=extra,
        answers=f"within {off / 100:.0e}",
        engine_ms=engine_ms,
    )


def require_close(job: InnerJob, items: np.ndarray, products: np.ndarray) -> float:
    """Compare a peer's lists of the first users with the engine's; return the largest score difference.

    The exact totals of the peer's jobs, sorted, must equal those of our list within the rounding of a float32
    product. Then both lists contain the same jobs, except for ties.

    Raises:
        ResultsDifferError: If a list contains a job twice or a score differs by more than the rounding.
    """
    plan = job.prepared.plan
    shown = np.flatnonzero(plan.exclusions.open_to_all)
    shown = shown[np.argsort(plan.job_id[shown], kind="stable")]
    n, k = items.shape
    if (np.diff(np.sort(items, axis=1), axis=1) == 0).any():
        raise ResultsDifferError(f"{job.what}: a list names a job twice.")
    rows = np.repeat(np.arange(n), k)
    exact = scorer(plan).listed(rows, shown[items.ravel()])[0].reshape(n, k).astype(np.float64)
    best = job.engine_lists.scores[:n, :k, 0].astype(np.float64)
    off = max(np.abs(exact - products).max(), np.abs(-np.sort(-exact, axis=1) - best).max())
    if not off <= job.vectors.tolerance:
        raise ResultsDifferError(f"{job.what}: scores are off by {off:g} of 100 points.")
    return float(off)


def _measure_largest_run(rank: Any, first: int, most: int, budget: float) -> tuple[int, float, int | None]:
    """Return (users, best seconds, extra bytes) of the largest run; runs grow while the budget lasts."""
    n, most_bytes = min(first, most), None
    while True:
        with measure_extra_memory() as extra:
            start = time.perf_counter()
            rank(n)
            seconds = time.perf_counter() - start
        if extra.bytes is not None:  # the maximum of all runs: an allocator may keep what the first run took
            most_bytes = max(extra.bytes, most_bytes or 0)
        if n == most or seconds > budget / 4:
            # repeated, because other load on the machine may have slowed the single run
            return n, min(seconds, measure_times(lambda n=n: rank(n), 2, at_most=budget / 2).best), most_bytes
        n = min(most, int(n * min(16.0, max(1.5, 0.5 * budget / seconds))) + 1)


def _section(
    size: Size, engine_ms: float, measured: list[PeerMeasurement], missing: list[type[Peer]], jobs: list[InnerJob]
) -> Section:
    all_users = f"{size.users:,} users"
    columns = (
        "tool",
        "computes",
        "users",
        "ms per user",
        "ns per pair",
        all_users,
        "× scoring",
        "extra memory",
        "result",
    )
    rows = [
        [
            "scoring",
            what,
            f"{size.users:,}",
            number(ms),
            "",
            _total_time(size, ms, size.users),
            number(ms / engine_ms),
            "",
            "",
        ]
        for what, ms in [(FULL_SCORE, engine_ms), *((job.what, job.engine_ms) for job in jobs)]
    ]
    for one in measured:
        extra = format_bytes(one.extra_bytes) if one.extra_bytes is not None else "not measured"
        speed = (number(one.ms), number(1e9 * one.seconds / one.pairs), _total_time(size, one.ms, one.users))
        rows.append([one.name, one.job, f"{one.users:,}", *speed, number(one.speedup), extra, one.answers])
    rows += [[peer.name, f"not installed: {peer.package}", *[""] * 7] for peer in missing]
    return Section(
        name="peers",
        title="The same lists with other tools",
        size=f"{size.text}, top {K}, {CPUS} threads if the tool has threads, one process",
        figures=_figures(measured, missing),
        tables=[Table("Peers", columns, rows, _notes(measured))],
        details={
            "engine_ms": engine_ms,
            "engine_on_inner_products_ms": {job.what: job.engine_ms for job in jobs},
            "peers": [asdict(one) | {"ms": one.ms, "speedup": one.speedup} for one in measured],
            "not_installed": [peer.name for peer in missing],
        },
    )


def _notes(measured: list[PeerMeasurement]) -> list[str]:
    ways = dict.fromkeys(f"{one.name}: {one.how}." for one in measured)
    return [
        "A peer ranks as many users as it can in some seconds; the time for all users is extrapolated. "
        "Values per user and per job, and every index, are prepared before the measurement. "
        "Pairs are those that a peer visits: jobs that no user can be shown are excluded.",
        "Equal: ids, order and float32 totals of every list are equal to those of scoring, bit for bit. Within: the "
        "exact totals of the jobs in a list of inner products, and the products themselves, differ from those of "
        f"scoring by at most this share of 100 points, so lists can differ only in ties. Both use "
        f"the same scores ({LEFT_OUT}).",
        *ways,
    ]


def _total_time(size: Size, ms: float, users: int) -> str:
    return f"{number(ms * size.users / 1000)} s{'' if users == size.users else ' (scaled)'}"


def _figures(measured: list[PeerMeasurement], missing: list[type[Peer]]) -> list[Figure]:
    """Return how many times faster the engine is with the full score, for any task of the peer."""
    bars = {peer.name: peer.bar for peer in (*FULL, *INNER)}
    figures = []
    for one in measured:
        # the bar of an inner-product peer holds for its part of the same scores, not for factors only
        bar = None if one.job.startswith(FACTORS) else bars[one.name]
        easier = "" if one.job == FULL_SCORE else ": a simpler task"
        figures.append(Figure(f"faster than {one.name}", one.speedup, "×", bar, f"computes {one.job}{easier}"))
    figures += [Figure(f"faster than {peer.name}", None, "×", bars[peer.name], "not installed") for peer in missing]
    return figures

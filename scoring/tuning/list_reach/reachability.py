"""The smallest change of weights that puts a job into a user's list, or a proof that no weights do."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length, check_positive, check_seconds, list_values
from scoring.array_types import Bools, Floats, Longs
from scoring.dataset.row_lookup import NO_EXTERNAL_IDS, ExternalIds
from scoring.errors import ConfigurationError, ScoringError, suggest
from scoring.model import ScoringModel, WeightProfile
from scoring.plotting import BLUE, GREY, SMALL, create_figure, format_number
from scoring.ranking import Prepared
from scoring.ranking.total_score import compute_total
from scoring.tuning.list_reach.nearest_weights import Competitors, NearestWeights, WeightRegion, find_nearest_weights
from scoring.tuning.list_reach.start_weights import sample_start
from scoring.tuning.list_reach.unreachable_proof import pack_groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reach", "check_reach", "reach"]


NOTHING = 1e-9
"""Changes of weights up to this value count as 0 (solver tolerance)."""
SHOWN_JOBS = 5
"""Maximum number of job ids in `Reach.summary`."""
EVERYWHERE = 2.0
"""The largest possible distance (sum of absolute weight changes) between two profiles."""
RADII = (0.05, 0.1, 0.2, 0.4, 0.8, EVERYWHERE)
"""Radii that are searched in this order.

Within a small radius, few competitors can change sides, and the relaxation of the program is much tighter.
"""


@dataclass(frozen=True, repr=False)
class Reach:
    """Whether weights exist that put a job into a user's list of k jobs, and the nearest such weights."""

    user_id: int
    job_id: int
    k: int
    is_possible: bool | None  # None: undecided when the time ran out
    is_proven: bool  # whether no weights (impossible) or no nearer weights (possible) exist
    reasons: tuple[str, ...]  # rules that exclude the job for the user under all weights
    before: ScoringModel
    model: ScoringModel | None  # the model with the nearest weights found
    values: NDArray[np.float64] = field(repr=False)  # (n_components,) of the job for the user
    rank_before: int | None
    rank_after: int | None
    competitors: NDArray[np.int64] = field(repr=False)
    """Job ids. Possible: the jobs just behind the job. Impossible: under any weights, k of these are ahead of it."""
    n_always: int  # jobs that are below it in no component and ahead of it under all weights
    nearer: float  # proven: no weights within this distance list the job
    locks: tuple[str, ...]
    external_ids: ExternalIds = field(default=NO_EXTERNAL_IDS, repr=False)

    @property
    def user(self) -> str:
        """The external id of the user, or the number as text."""
        return self.external_ids.name_user(self.user_id)

    @property
    def job(self) -> str:
        """The external id of the job, or the number as text."""
        return self.external_ids.name_job(self.job_id)

    def __repr__(self) -> str:
        word = {True: f"possible, distance {self.distance}", False: "impossible", None: "undecided"}[self.is_possible]
        return f"Reach(job {self.job} for user {self.user}, top {self.k}: {word})"

    def _repr_html_(self) -> str:
        table = "" if self.model is None or not self.distance else self.changes()._repr_html_()  # type: ignore[operator]
        return f"<p>{html.escape(self.summary())}</p>{table}"

    @property
    def weights(self) -> WeightProfile | None:
        return None if self.model is None else self.model.weights

    @property
    def flat(self) -> Mapping[str, float] | None:
        """Component → flat weight found; None if no weights were found."""
        if self.model is None:
            return None
        names = [part.name for part in self.model.parts]
        return dict(zip(names, self.model.flat_weights.tolist(), strict=True))

    @property
    def distance(self) -> float | None:
        """Sum of absolute changes of flat weights, 0 to 2: twice the weight that moves."""
        return None if self.model is None else float(abs(self.model.flat_weights - self.before.flat_weights).sum())

    def frame(self) -> pd.DataFrame:
        """Return one row per component: component · group · value (of the job for the user) · before · after · change.

        `after` and `change` are NaN if no weights were found.
        """
        after = np.full(len(self.values), np.nan) if self.model is None else self.model.flat_weights
        parts, before = self.before.parts, self.before.flat_weights
        return pd.DataFrame(
            {
                "component": [part.name for part in parts],
                "group": [part.group for part in parts],
                "value": self.values,
                "before": before,
                "after": after,
                "change": after - before,
            }
        )

    def changes(self) -> pd.DataFrame:
        """Return the rows of `frame` whose weight changes, the largest change first."""
        frame = self.frame()
        frame = frame[frame["change"].abs() > NOTHING]
        return frame.sort_values("change", key=abs, ascending=False, ignore_index=True)

    def summary(self, moves: bool = True) -> str:
        """Return the result in one to three sentences. `moves` includes each weight that changes."""
        what = f"Job {self.job} for user {self.user}"
        if self.reasons:
            return f"{what}: no weights put it into the list, because it is not eligible: {'; '.join(self.reasons)}."
        if self.is_possible and not self.distance:
            return f"{what}: it is already in the top {self.k}, at rank {self.rank_before:,}."
        locked = f" with {', '.join(self.locks)} locked" if self.locks else ""
        begin = f"{what} has rank {self.rank_before:,}. "
        if self.is_possible:
            return begin + self._describe_change(locked, moves)
        if self.is_possible is None:
            near = (
                f" Moving {format_number(50 * self.nearer)}% of the weight or less is not enough."
                if self.nearer
                else ""
            )
            result = f"The time limit was reached before weights for the top {self.k}{locked} were found or ruled out."
            return begin + result + near
        return begin + self._describe_proof(locked)

    def _describe_change(self, locked: str, with_moves: bool) -> str:
        rows = self.changes()[["component", "before", "after"]].to_numpy()
        moves = ", ".join(f"{name} {before:.4f} → {after:.4f}" for name, before, after in rows)
        moves = f": {moves}" if with_moves else ""
        share = format_number(50 * (self.distance or 0.0))
        nearest = "No smaller change is enough"
        if not self.is_proven:
            nearest = f"A smaller change may be enough, but none below {format_number(50 * self.nearer)}%"
        return f"Moving {share}% of the weight{locked} gives rank {self.rank_after:,} (top {self.k}){moves}. {nearest}."

    def _describe_proof(self, locked: str) -> str:
        jobs = ", ".join(self.external_ids.name_job(job) for job in self.competitors[:SHOWN_JOBS].tolist())
        jobs += " …" if len(self.competitors) > SHOWN_JOBS else ""
        if self.n_always >= self.k:
            how = f"{self.n_always:,} jobs are at least as good in every component"
        else:
            how = f"under any weights, at least {self.k} of {len(self.competitors):,} jobs are ahead of it"
            how += f", {self.n_always:,} of them at least as good in every component" if self.n_always else ""
        return f"No weights{locked} put it into the top {self.k}: {how} ({jobs})."

    def plot(self) -> Figure:
        """Plot each weight before and after; only the current weights if no weights were found."""
        frame = self.frame()
        figure, (axes,) = create_figure(7.5, 0.32 * len(frame) + 1.5)
        places = np.arange(len(frame))
        moved = (frame["change"].abs() > NOTHING).to_numpy()
        axes.hlines(places[moved], frame["before"][moved], frame["after"][moved], color=BLUE, linewidth=2)
        axes.plot(frame["before"], places, "o", color=GREY, markersize=7, label="current weight")
        if moved.any():
            axes.plot(frame["after"][moved], places[moved], "D", color=BLUE, markersize=7, label="needed weight")
        right = np.fmax(frame["before"], frame["after"])
        for place in places[moved]:
            text = f"{frame['change'][place]:+.3f}"
            axes.annotate(text, (right[place], place), (8, 0), textcoords="offset points", va="center", fontsize=SMALL)
        axes.set_yticks(places, frame["component"], fontsize=SMALL)
        axes.set_ylim(len(frame) - 0.4, -0.6)
        axes.set_xlim(-0.01, 1.15 * float(right.max()) + 0.01)
        axes.set_xlabel("flat weight (all sum to 1)")
        axes.set_title(self._title(), loc="left", fontsize=10)
        axes.legend(fontsize=SMALL, loc="lower right")
        return figure

    def _title(self) -> str:
        what = f"Job {self.job} for user {self.user}"
        if self.is_possible:
            return f"{what}: rank {self.rank_before:,} → {self.rank_after:,}"
        return f"{what}: " + ("undecided" if self.is_possible is None else f"no weights put it into the top {self.k}")


def reach(
    prepared: Prepared,
    user_id: int | str,
    job_id: int | str,
    *,
    k: int = 40,
    locks: Sequence[str] = (),
    margin: float = 1e-4,
    seconds: float = 60.0,
    progress: Callable[[str, float | None], None] = lambda stage, distance: None,
) -> Reach:
    """Return the nearest flat weights (≥ 0, sum 1) under which a job is among the user's k best.

    Distance is the sum of absolute changes; half of it is the weight that moves between components. The nearest
    weights by this distance leave most components unchanged, which makes the result easy to read. Competitors are
    added to a mixed-integer program when they turn out to be ahead (constraint generation). So a solution is the
    nearest for all competitors, and if the program is infeasible for some competitors, no weights exist.

    The job has to be ahead of all competitors below it by `margin` points. A competitor with a larger id may also be
    equal in every component whose weight is not 0: no rounding can break this tie. The result is checked with the
    engine's totals and order. The distance is minimal to a relative tolerance of 1e-4. See `Reach.is_proven` and
    `Reach.nearer` for a search that ends early.

    Parameters
    ----------
    user_id, job_id: Numbers or external ids.
    locks: Components whose weight must not change.
    margin: Points, above 0.
    seconds: Time limit of the search. The result may then be undecided, or weights that may not be the nearest.
    progress: Called at the start of each stage with its name and the distance of the nearest weights found so far.

    Raises
    ------
    ConfigurationError: If a lock is unknown, margin or seconds are not above 0, the model has `max_per_company`, or k
        is below 1.
    UnknownIdError: If the user or the job does not exist.

    Example
    -------
    >>> listed = ready.top_k(1).frame()
    >>> reach(ready, user_id=int(listed["user_id"][0]), job_id=int(listed["job_id"][0]), k=5).distance
    0.0
    """
    k, margin, seconds = check_list_length(k), check_positive("margin", margin), check_seconds(seconds)
    locked = check_reach(prepared.model, locks)
    deadline = time.perf_counter() + seconds
    progress("computing the component values of all eligible jobs", None)
    problem = ReachProblem.of(prepared, user_id, job_id, k, locked, margin)
    reasons = prepared.explain(user_id, job_id).not_ranked
    if reasons:
        return problem.make_result(is_possible=False, is_proven=True, reasons=reasons)
    before = problem.rank(prepared.model)
    if before.rank <= k:
        return problem.make_result(
            is_possible=True, is_proven=True, model=prepared.model, before=before, after=before, margin=margin
        )
    return _Search(problem, before, margin, deadline, progress).run()


@dataclass(frozen=True)
class JobRanking:
    """The rank of the job among the m eligible jobs, by canonical totals."""

    order: Longs  # (m,) columns, best first
    rank: int  # of the job, from 1
    totals: NDArray[np.float32]  # (m,)


@dataclass(frozen=True)
class ReachProblem:
    """A user, a job, and the m jobs that are eligible for the user (columns)."""

    prepared: Prepared
    user: Longs  # (1,)
    job_id: int
    eligible: Longs  # (m,) rows of the plan
    column: int  # of the job; -1 if it is not eligible
    k: int
    locked: Bools
    values: Floats = field(repr=False)  # (n_components, m) of the eligible jobs
    values_of_job: Floats = field(repr=False)  # (n_components,)
    competitors: Competitors = field(repr=False)  # m competitors, including the job itself
    always_ahead: Bools = field(repr=False)  # (m,) ahead of the job under all weights
    never_ahead: Bools = field(repr=False)  # (m,) behind the job under all allowed weights, or the job itself

    @classmethod
    def of(
        cls, prepared: Prepared, user_id: int | str, job_id: int | str, k: int, locked: Bools, margin: float
    ) -> ReachProblem:
        user, job = prepared.user_rows([user_id]), prepared.job_rows([job_id])
        plan = prepared.plan
        eligible = np.flatnonzero(plan.exclusions.matrix(user)[0])
        values_of_job = prepared.scorer.components(user, job)[:, 0]
        values = prepared.scorer.components(user, eligible)[:, 0]
        lead = values_of_job - values
        ids = plan.job_id[eligible]
        is_job, has_larger_id = eligible == job[0], ids > plan.job_id[job[0]]
        nowhere_below = (lead <= 0).all(axis=0)
        ties = nowhere_below & has_larger_id & (lead == 0).any(axis=0)
        # a competitor that is below in no component has no smaller total: rounding is monotonic, and ids break ties
        always_ahead = nowhere_below & ~has_larger_id & ~is_job
        never_ahead = (
            is_job
            | ((lead == 0).all(axis=0) & has_larger_id)
            | (WeightRegion(plan.model.flat_weights, locked, EVERYWHERE).maximum(-lead) < 0)
        )
        column = int(np.flatnonzero(is_job)[0]) if is_job.any() else -1
        return cls(
            prepared,
            user,
            int(plan.job_id[job[0]]),
            eligible,
            column,
            k,
            locked,
            values,
            values_of_job[:, 0],
            Competitors(lead, ties),
            always_ahead,
            never_ahead,
        )

    def rank(self, model: ScoringModel) -> JobRanking:
        totals = compute_total(model.flat_weights, self.values)
        order = np.lexsort((self.prepared.plan.job_id[self.eligible], -totals))
        return JobRanking(order, int(np.flatnonzero(order == self.column)[0]) + 1, totals)

    def model_of(self, weights: Floats) -> ScoringModel:
        names = [part.name for part in self.prepared.model.parts]
        return self.prepared.model.with_weights(dict(zip(names, weights.tolist(), strict=True)))

    def make_result(
        self,
        *,
        is_possible: bool | None,
        is_proven: bool,
        reasons: tuple[str, ...] = (),
        model: ScoringModel | None = None,
        before: JobRanking | None = None,
        after: JobRanking | None = None,
        competitors: Longs | None = None,
        margin: float = 0.0,
        nearer: float = 0.0,
    ) -> Reach:
        """Return the result. `competitors` are columns; if `after` is given, the jobs just behind replace them."""
        plan = self.prepared.plan
        if after is not None:
            gap = after.totals[self.column] - after.totals[after.order[after.rank :]].astype(np.float64)
            competitors = after.order[after.rank :][gap <= 2 * margin]
        ids = np.empty(0, np.int64) if competitors is None else plan.job_id[self.eligible[competitors]]
        return Reach(
            user_id=int(plan.user_id[self.user[0]]),
            job_id=self.job_id,
            k=self.k,
            is_possible=is_possible,
            is_proven=is_proven,
            reasons=reasons,
            before=self.prepared.model,
            model=model,
            values=self.values_of_job,
            rank_before=before.rank if before else None,
            rank_after=after.rank if after else None,
            competitors=ids,
            n_always=int(self.always_ahead.sum()),
            nearer=nearer,
            locks=tuple(part.name for part, is_locked in zip(plan.model.parts, self.locked, strict=True) if is_locked),
            external_ids=self.prepared.inputs.external_ids,
        )


def check_reach(model: ScoringModel, locks: Sequence[str]) -> Bools:
    """Return which components are locked, (n_components,).

    Raises
    ------
    ConfigurationError: If a lock is unknown, or the model has `max_per_company`.
    """
    if model.eligibility.max_per_company is not None:
        raise ConfigurationError(
            "reach does not support max_per_company, because lists then depend on more than totals. "
            "Use model.with_eligibility(max_per_company=None).",
            key=("max_per_company",),
        )
    names, locks = [part.name for part in model.parts], list_values("locks", locks, str, "names of components")
    unknown = [name for name in locks if name not in names]
    if unknown:
        raise ConfigurationError(
            f"Model {model.name} has no component {unknown[0]!r}. {suggest(unknown[0], names)}", key=(unknown[0],)
        )
    return np.isin(names, list(locks))


@dataclass(frozen=True)
class _Search:
    """The search for the nearest weights, after a proof that no weights exist was tried."""

    problem: ReachProblem
    before: JobRanking
    margin: float
    deadline: float
    progress: Callable[[str, float | None], None]

    def run(self) -> Reach:
        """Try to prove that no weights exist; otherwise search for the nearest weights."""
        problem = self.problem
        ahead = np.flatnonzero(problem.always_ahead)
        if len(ahead) >= problem.k:
            return self._make_proof(ahead)
        undecided = np.flatnonzero(~(problem.always_ahead | problem.never_ahead | problem.competitors.ties))
        region = WeightRegion(problem.prepared.model.flat_weights, problem.locked, EVERYWHERE)
        self.progress(f"trying to prove that no weights exist, {len(undecided):,} competitors", None)
        packing = pack_groups(
            problem.competitors.lead[:, undecided], region, problem.k - len(ahead), self.margin, self.deadline
        )
        if len(packing.groups) == problem.k - len(ahead):
            return self._make_proof(np.concatenate([ahead, undecided[packing.members]]))
        return self._search_nearest(packing.weights, undecided[packing.members])

    def _make_proof(self, competitors: Longs) -> Reach:
        return self.problem.make_result(
            is_possible=False, is_proven=True, before=self.before, competitors=competitors, nearer=EVERYWHERE
        )

    def _search_nearest(self, start: Floats | None, working: Longs) -> Reach:
        """Search growing radii, up to the distance of the weights that random search found."""
        problem, before, margin = self.problem, self.before, self.margin
        self.progress("random search", None)
        candidate, nearer = _sample_candidate(problem, margin, start), 0.0
        furthest = EVERYWHERE if candidate is None else min(candidate.distance * (1 + 1e-6), EVERYWHERE)
        for radius in (*(radius for radius in RADII if radius < furthest), furthest):
            distance = None if candidate is None else candidate.distance
            self.progress(f"searching within {format_number(50 * radius)}% of the weight", distance)
            step = _RadiusSearch(problem, radius, margin, self.deadline)
            nearest, working, after = step.run(before, working)
            if nearest.weights is not None and after is not None:
                best = _Candidate(
                    problem.model_of(nearest.weights), after, float(abs(nearest.weights - step.region.flat).sum())
                )
                if not nearest.is_finished and candidate is not None and candidate.distance < best.distance:
                    best = candidate
                return best.make_result(problem, before, nearest.is_finished, margin, nearer)
            if not nearest.is_finished:
                break
            nearer = radius
        if candidate is not None:
            return candidate.make_result(problem, before, nearer == furthest, margin, nearer)
        if nearer < EVERYWHERE:
            return problem.make_result(is_possible=None, is_proven=False, before=before, nearer=nearer)
        return self._make_proof(np.concatenate([step.ahead, working]))


@dataclass(frozen=True)
class _Candidate:
    """Weights that put the job into the list, confirmed by the engine's ranking."""

    model: ScoringModel
    after: JobRanking
    distance: float

    def make_result(
        self, problem: ReachProblem, before: JobRanking, is_proven: bool, margin: float, nearer: float
    ) -> Reach:
        return problem.make_result(
            is_possible=True,
            is_proven=is_proven,
            model=self.model,
            before=before,
            after=self.after,
            margin=margin,
            nearer=nearer,
        )


def _sample_candidate(problem: ReachProblem, margin: float, start: Floats | None) -> _Candidate | None:
    region = WeightRegion(problem.prepared.model.flat_weights, problem.locked, EVERYWHERE)
    weights = sample_start(problem.competitors.lead[:, ~problem.never_ahead], region, problem.k - 1, margin, start)
    if weights is None:
        return None
    model = problem.model_of(weights)
    after = problem.rank(model)
    return _Candidate(model, after, float(abs(weights - region.flat).sum())) if after.rank <= problem.k else None


@dataclass(frozen=True)
class _RadiusSearch:
    """The search within one radius."""

    problem: ReachProblem
    radius: float
    margin: float
    deadline: float

    @cached_property
    def region(self) -> WeightRegion:
        return WeightRegion(self.problem.prepared.model.flat_weights, self.problem.locked, self.radius)

    @cached_property
    def ahead(self) -> Longs:
        """Columns that are ahead of the job, or behind it by less than the margin, under all weights of the region."""
        competitors = self.problem.competitors
        close = ~competitors.ties & ~self.problem.never_ahead & (self.region.maximum(competitors.lead) < self.margin)
        return np.flatnonzero(self.problem.always_ahead | close)

    def run(self, ranking: JobRanking, working: Longs) -> tuple[NearestWeights, Longs, JobRanking | None]:
        """Solve for the working set, rank all jobs, add the competitors that are ahead, and repeat.

        Return the last solution, the working set, and the ranking if the job is in the list.

        Raises
        ------
        ScoringError: If the solution does not list the job in the engine's float32.
        """
        allowed = self.problem.k - 1 - len(self.ahead)
        if allowed < 0:
            return NearestWeights(None, True), np.setdiff1d(working, self.ahead), None
        rounds = 0
        while True:
            added = _find_new_competitors(self.problem, ranking, np.concatenate([working, self.ahead]))
            if not len(added) and rounds:
                raise ScoringError(
                    f"Weights were found that list job {self.problem.job_id} among the first {self.problem.k}, but not "
                    "after the engine rounds totals to float32. In Python, call `reach` with a `margin` (points "
                    f"between the job and the next one) above {self.margin:g}."
                )
            working = np.concatenate([working, added])
            nearest, seconds_left = NearestWeights(None, False), self.deadline - time.perf_counter()
            rounds += 1
            if seconds_left > 0:
                competitors = self.problem.competitors.select(np.setdiff1d(working, self.ahead))
                nearest = find_nearest_weights(competitors, self.region, allowed, self.margin, seconds_left)
            if nearest.weights is None:
                return nearest, np.setdiff1d(working, self.ahead), None
            ranking = self.problem.rank(self.problem.model_of(nearest.weights))
            if ranking.rank <= self.problem.k:
                return nearest, working, ranking


def _find_new_competitors(problem: ReachProblem, ranking: JobRanking, known: Longs) -> Longs:
    """Return the best 2 · k columns that are ahead of the job and not yet known."""
    new = ~(problem.always_ahead | problem.never_ahead)
    new[known] = False
    ahead = ranking.order[: ranking.rank - 1]
    return ahead[new[ahead]][: 2 * problem.k]

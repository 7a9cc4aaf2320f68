"""The smallest change of weights that puts a job into a user's list, or a proof that no weights do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scoring.argument_checks import list_length
from scoring.array_types import Bools, Floats, Longs
from scoring.errors import ConfigurationError, ScoringError
from scoring.model import ScoringModel
from scoring.ranking import Prepared
from scoring.tuning.cases import EVERYWHERE, Case, Ranked
from scoring.tuning.infeasibility import pack
from scoring.tuning.milp import Placed, Room, place
from scoring.tuning.random_start import guess
from scoring.tuning.reached import Reach

__all__ = ["reach"]


RADII = (0.05, 0.1, 0.2, 0.4, 0.8, EVERYWHERE)
"""Radii that are searched in this order.

Within a small radius, few competitors can change sides, and the relaxation of the program is much tighter.
"""


def reach(
    prepared: Prepared,
    user_id: int,
    job_id: int,
    *,
    k: int = 40,
    locks: Sequence[str] = (),
    margin: float = 1e-4,
    seconds: float = 60.0,
) -> Reach:
    """Return the nearest flat weights (≥ 0, sum 1) under which a job is among the user's k best.

    Distance is the sum of absolute changes; half of it is the weight that moves between components. The nearest
    weights by this distance leave most components unchanged, which makes the result easy to read. Competitors are
    added to a mixed-integer program when they turn out to be ahead (constraint generation). So a solution is the
    nearest for all competitors, and if the program is infeasible for some competitors, no weights exist.

    The job has to be ahead of all competitors below it by `margin` points. A competitor with a larger id may also be
    equal in every component whose weight is not 0: no rounding can break this tie. The result is checked with the
    engine's totals and order. The distance is minimal to a relative tolerance of 1e-4. See `Reach.proven` and
    `Reach.nearer` for a search that ends early.

    Parameters
    ----------
    locks: Components whose weight must not change.
    margin: Points, above 0.
    seconds: Time limit. The result may then be undecided, or weights that may not be the nearest.

    Raises
    ------
    ConfigurationError: If a lock is unknown, margin or seconds are not above 0, the model has `max_per_company`, or k
        is below 1.
    UnknownIdError: If the user or the job does not exist.
    """
    k = list_length(k)
    if not (margin > 0 and seconds > 0):
        raise ConfigurationError(f"margin is {margin!r} and seconds are {seconds!r}; both must be above 0.")
    if prepared.model.eligibility.max_per_company is not None:
        raise ConfigurationError(
            "max_per_company is set: who is listed then hangs on which companies come first, not on totals alone. "
            "Ask without it: model.with_eligibility(max_per_company=None)."
        )
    case = Case.of(prepared, user_id, job_id, k, _locked(prepared.model, locks), margin)
    reasons = prepared.explain(user_id, job_id).not_ranked
    if reasons:
        return case.answer(possible=False, proven=True, reasons=reasons)
    before = case.ranked(prepared.model)
    if before.rank <= k:
        return case.answer(possible=True, proven=True, model=prepared.model, before=before, after=before, margin=margin)
    return _search(case, before, margin, time.perf_counter() + seconds)


def _locked(model: ScoringModel, locks: Sequence[str]) -> Bools:
    names = [part.name for part in model.parts]
    strange = [name for name in locks if name not in names]
    if strange:
        raise ConfigurationError(f"model {model.name} has no component {strange[0]!r}; it has {', '.join(names)}.")
    return np.isin(names, list(locks))


def _search(case: Case, before: Ranked, margin: float, until: float) -> Reach:
    """Try to prove that no weights exist; otherwise search for the nearest weights."""
    ahead = np.flatnonzero(case.always)
    if len(ahead) >= case.k:
        return case.answer(possible=False, proven=True, before=before, competitors=ahead, nearer=EVERYWHERE)
    plain = np.flatnonzero(~(case.always | case.never | case.others.ties))
    room = Room(case.prepared.model.flat_weights, case.locked, EVERYWHERE)
    packed = pack(case.others.lead[:, plain], room, case.k - len(ahead), margin)
    if len(packed.groups) == case.k - len(ahead):
        enough = np.concatenate([ahead, plain[packed.members]])
        return case.answer(possible=False, proven=True, before=before, competitors=enough, nearer=EVERYWHERE)
    return _nearest(case, before, packed.weights, plain[packed.members], margin, until)


def _nearest(case: Case, before: Ranked, start: Floats | None, working: Longs, margin: float, until: float) -> Reach:
    """Search growing radii, up to the distance of the weights that random search found."""
    guessed, nearer = _guessed(case, margin, start), 0.0
    furthest = EVERYWHERE if guessed is None else min(guessed.distance * (1 + 1e-6), EVERYWHERE)
    for radius in (*(radius for radius in RADII if radius < furthest), furthest):
        step = _Step(case, radius, margin, until)
        found, working, after = step.run(before, working)
        if found.weights is not None and after is not None:
            best = _Way(case.model_of(found.weights), after, float(abs(found.weights - step.room.flat).sum()))
            if not found.finished and guessed is not None and guessed.distance < best.distance:
                best = guessed
            return best.answer(case, before, found.finished, margin, nearer)
        if not found.finished:
            break
        nearer = radius
    if guessed is not None:
        return guessed.answer(case, before, nearer == furthest, margin, nearer)
    if nearer < EVERYWHERE:
        return case.answer(possible=None, proven=False, before=before, nearer=nearer)
    enough = np.concatenate([step.ahead, working])
    return case.answer(possible=False, proven=True, before=before, competitors=enough, nearer=nearer)


@dataclass(frozen=True)
class _Way:
    """Weights that put the job into the list, confirmed by the engine's ranking."""

    model: ScoringModel
    after: Ranked
    distance: float

    def answer(self, case: Case, before: Ranked, proven: bool, margin: float, nearer: float) -> Reach:
        return case.answer(
            possible=True,
            proven=proven,
            model=self.model,
            before=before,
            after=self.after,
            margin=margin,
            nearer=nearer,
        )


def _guessed(case: Case, margin: float, start: Floats | None) -> _Way | None:
    room = Room(case.prepared.model.flat_weights, case.locked, EVERYWHERE)
    weights = guess(case.others.lead[:, ~case.never], room, case.k - 1, margin, start)
    if weights is None:
        return None
    model = case.model_of(weights)
    after = case.ranked(model)
    return _Way(model, after, float(abs(weights - room.flat).sum())) if after.rank <= case.k else None


@dataclass(frozen=True)
class _Step:
    """The search within one radius."""

    case: Case
    radius: float
    margin: float
    until: float

    @cached_property
    def room(self) -> Room:
        return Room(self.case.prepared.model.flat_weights, self.case.locked, self.radius)

    @cached_property
    def ahead(self) -> Longs:
        """Columns that are ahead of the job, or behind it by less than the margin, under all weights of the room."""
        others = self.case.others
        close = ~others.ties & ~self.case.never & (self.room.most(others.lead) < self.margin)
        return np.flatnonzero(self.case.always | close)

    def run(self, ranked: Ranked, working: Longs) -> tuple[Placed, Longs, Ranked | None]:
        """Solve for the working set, rank all jobs, add the competitors that are ahead, and repeat.

        Return the last solution, the working set, and the ranking if the job is in the list.

        Raises
        ------
        ScoringError: If the solution does not list the job in the engine's float32.
        """
        allowed = self.case.k - 1 - len(self.ahead)
        if allowed < 0:
            return Placed(None, True), np.setdiff1d(working, self.ahead), None
        rounds = 0
        while True:
            more = _in_the_way(self.case, ranked, np.concatenate([working, self.ahead]))
            if not len(more) and rounds:
                raise ScoringError(
                    f"the weights found for job {self.case.name} do not hold in the engine's float32: take a margin "
                    f"above {self.margin:g}."
                )
            working = np.concatenate([working, more])
            found, left = Placed(None, False), self.until - time.perf_counter()
            rounds += 1
            if left > 0:
                others = self.case.others.among(np.setdiff1d(working, self.ahead))
                found = place(others, self.room, allowed, self.margin, left)
            if found.weights is None:
                return found, np.setdiff1d(working, self.ahead), None
            ranked = self.case.ranked(self.case.model_of(found.weights))
            if ranked.rank <= self.case.k:
                return found, working, ranked


def _in_the_way(case: Case, ranked: Ranked, known: Longs) -> Longs:
    """Return the best 2 · k columns that are ahead of the job and not yet known."""
    new = ~(case.always | case.never)
    new[known] = False
    ahead = ranked.order[: ranked.rank - 1]
    return ahead[new[ahead]][: 2 * case.k]

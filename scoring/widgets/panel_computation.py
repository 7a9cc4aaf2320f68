"""Computation of the panel: evaluate the lists of a model and compare them with a baseline, in stages.

session = TuningSession.of(data, load_model("standard"))
state = session.compute(Request(model.with_weights({...}), user_id=1))
state.measures   # every measure with its difference to the baseline and its interval
session.confirm(state.model).text   # one test on users that the session has not drawn
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from scoring.argument_checks import check_level, check_positive_integer, check_seed
from scoring.array_types import Longs
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, RunCancelledError
from scoring.evaluation import (
    MRR,
    NDCG,
    Comparison,
    Evaluation,
    Evaluator,
    HitRate,
    Holdout,
    JobSlicing,
    Recall,
    Slicing,
    by_time,
    make_slicings,
    slice_by,
    split_users,
)
from scoring.evaluation.exposure_changes import ATTRIBUTES, JobAttribute
from scoring.evaluation.job_rank import FullRanking
from scoring.evaluation.measure_info import is_price
from scoring.evaluation.measure_values import MeasureValues
from scoring.evaluation.note_text import format_notes
from scoring.evaluation.rank_change_waterfall import Waterfall, waterfall
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.significance import Resamples, compute_detectable_difference, describe_interval_accuracy
from scoring.model import ScoringModel
from scoring.model_catalog import AnyModel, load_model
from scoring.ranking import Prepared, Ranking
from scoring.tuning.constant_components import describe_constant_components, find_constant_components
from scoring.widgets.baseline_cache import BaselineCache, EvaluatedBaseline
from scoring.widgets.held_out_actions import LaterActions, UserActions, make_user_actions
from scoring.widgets.measure_differences import compute_differences, compute_intervals
from scoring.widgets.model_changes import list_changes
from scoring.widgets.move_summary import MoveSummary, describe_price
from scoring.widgets.side_by_side_models import ModelColumn, SideBySide
from scoring.widgets.single_user_lists import SingleUserLists
from scoring.widgets.unseen_user_check import Confirmation
from scoring.widgets.user_list_data import UserList, make_user_list

__all__ = ["PanelState", "Request", "TuningSession"]

METRICS = (NDCG(10), Recall(40), MRR(40), HitRate(40))
_MAX_BESIDE = 4
"""Number of further models that a session keeps evaluated."""
FIRST = ("baseline", "lists", "measures", "user")
"""Stages of the first state. The results of later stages follow one by one."""
EXPOSURE_KEYS: tuple[str, ...] = ATTRIBUTES
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Request:
    """A request for the results of a model.

    `user_id` selects the list. `job_id` selects the job of the waterfall; None omits it. `baseline` None is the
    baseline of the session. `confirm` also tests the model once, see `TuningSession.confirm`. `moved` is the name of
    the weight that the user moved last, for the description of the move.
    """

    model: ScoringModel
    user_id: int
    job_id: int | None = None
    baseline: ScoringModel | None = None
    confirm: bool = False
    moved: str = field(default="", compare=False)
    beside: tuple[tuple[str, ScoringModel], ...] = ()
    """Names and models to show beside the baseline and the model."""
    slices_by: str = ""
    """An own column to slice by in addition to the usual slicings, one of `TuningSession.slice_columns`. "": none."""


@dataclass(frozen=True, repr=False)
class PanelState:
    """The results of a request so far. A stage that is not done is None."""

    request: Request
    evaluation: Evaluation
    measure_values: MeasureValues
    measures: pd.DataFrame  # as `compute_differences`
    users: UserList
    n_compared: int
    """Number of models that the session had compared with a baseline, up to this state, with the trials of searches."""
    baseline_evaluation: Evaluation
    """The lists that the measures are compared with."""
    baseline_values: MeasureValues
    n_trials: int = 0
    """Number of trials of searches among them."""
    move: MoveSummary | None = None
    """What changed since the previous complete state; None for the first state, or if the model did not change."""
    actions: UserActions | None = None
    """What the user did after the cut."""
    beside: SideBySide | None = None
    """The models of the request side by side; None if it names none."""
    waterfall: Waterfall | None = None
    confirmation: Confirmation | None = None
    slices: pd.DataFrame | None = None  # as `compare_slices`
    comparison: Comparison | None = None
    exposure: Mapping[str, pd.DataFrame] | None = None
    notes: tuple[str, ...] = ()
    """Caveats of the holdout, the intervals and the weights."""
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → its duration, for the stages that this request computed."""

    @property
    def model(self) -> ScoringModel:
        return self.request.model

    @property
    def baseline(self) -> ScoringModel:
        """The model that the measures are compared with."""
        return self.baseline_evaluation.model

    @property
    def is_complete(self) -> bool:
        """Whether all stages are done."""
        return self.exposure is not None

    def __repr__(self) -> str:
        return (
            f"PanelState({self.model.name}, user {self.request.user_id}, {'' if self.is_complete else 'not '}complete)"
        )

    def _repr_html_(self) -> str:
        from scoring.widgets.html import (
            render_measures,
            render_notes,
            render_overlap,
            render_page,
            render_slices,
            render_waterfall,
        )

        shown = [render_notes(self.notes), render_measures(self.measures, n_compared=self.n_compared)]
        if self.waterfall is not None:
            shown.append(render_waterfall(self.waterfall))
        if self.slices is not None:
            shown.append(render_slices(self.slices))
        if self.comparison is not None:
            shown.append(render_overlap(self.comparison, self.exposure))
        return render_page("".join(shown))

    def find_worse_slices(self) -> pd.DataFrame:
        """Return the slices that are significantly worse than under the baseline.

        Raises
        ------
        ConfigurationError: If the slices are not computed yet.
        """
        if self.slices is None:
            raise ConfigurationError(
                "The slices are not computed yet. Wait until the status line of the panel shows Done.", key=("slices",)
            )
        return self.slices[self.slices["worse"]]


class TuningSession:
    """Compares models with a baseline on the users of an evaluator. It is not thread-safe.

    Marks of a session are exploratory: after many moves, some are chance. `confirm` tests a model on other users.

    Parameters
    ----------
    evaluator: The holdout and the users of the measures.
    baseline: The model of every request without its own baseline.
    confirmation: Users of `confirm`, who must not be among those of the evaluator; None: the session cannot confirm.
    later: Actions after the cut, for the marks in a list; None: the relevant jobs of the evaluator.
    level: Level of intervals and tests.
    seed: Seed of the bootstrap and of the permutations.

    Raises
    ------
    ConfigurationError: If the two evaluators have users in common.

    Example
    -------
    >>> session = TuningSession(evaluator, model)
    >>> session.n_compared
    0
    """

    def __init__(
        self,
        evaluator: Evaluator,
        baseline: AnyModel,
        *,
        confirmation: Evaluator | None = None,
        later: LaterActions | None = None,
        level: float = 0.95,
        seed: int = 0,
    ) -> None:
        if confirmation is not None and np.isin(confirmation.user_id, evaluator.user_id).any():
            raise ConfigurationError(
                "confirmation and evaluator have users in common. Use evaluators of different users, such as those of "
                "two parts of split_users.",
                key=("confirmation",),
            )
        self.evaluator = evaluator
        self.baseline = load_model(baseline)
        self.level = check_level(level)
        self.seed = check_seed(seed)
        self.resamples = Resamples.of(evaluator.user_id, seed=self.seed)
        self._confirming = confirmation
        reserved = None if confirmation is None else confirmation.user_id
        self.later = LaterActions.of_relevance(evaluator.holdout, reserved) if later is None else later
        self._confirmations: dict[tuple[str, str], Confirmation] = {}
        self._confirmed: dict[tuple[str, str], int] = {}  # baseline and model → number of earlier confirmations
        self._compared: dict[tuple[str, str], None] = {}  # baseline and model, in the order of the comparisons
        self.n_trials = 0
        """Number of trials of searches on the users of the measures."""
        self.goals: tuple[str, ...] = ()
        """Measures that the latest search improves. The description of a move names one that became worse."""
        self._full_rankings: tuple[FullRanking, FullRanking] | None = None  # of the latest user
        self._single: SingleUserLists | None = None
        self._latest: PanelState | None = None
        self._settled: PanelState | None = None  # the last complete state
        self._baselines = BaselineCache(evaluator)
        self._beside = BaselineCache(evaluator, _MAX_BESIDE)

    @classmethod
    def of(
        cls,
        data: Dataset | Holdout,
        baseline: AnyModel,
        *,
        days: int | timedelta = 14,
        users: int = 500,
        k: int = 40,
        factor_cache: Path | None = None,
        seed: int = 0,
    ) -> Self:
        """Return a session on a holdout. A dataset is split by time: the actions of the last `days` days are held out.

        Users are those of `split_users` with its default seed, as in `scoring evaluate` and `scoring tune`. At most
        `users` train users are drawn at random for the measures. The validation users are kept for `confirm`. Test
        users are never used, so that they can evaluate the result.

        Raises
        ------
        ConfigurationError: If an argument is invalid, the holdout is empty, or a part of the split has no user.
        """
        max_users, seed = check_positive_integer("users", users), check_seed(seed)
        holdout = data if isinstance(data, Holdout) else by_time(data, days=days)
        split = split_users(holdout.user_id)
        drawn = np.sort(np.random.default_rng(seed).permutation(split.train)[:max_users])
        evaluator = Evaluator(holdout, users=drawn, k=k, metrics=METRICS, factor_cache=factor_cache)
        others = Evaluator(holdout, users=split.validation, k=k, metrics=METRICS, statistics=evaluator.statistics)
        reserved = np.concatenate([split.validation, split.test])
        train = holdout.of_users(split.train)
        later = (
            LaterActions.of_relevance(train, reserved)
            if isinstance(data, Holdout)
            else LaterActions.of(data, train, reserved)
        )
        return cls(evaluator, baseline, confirmation=others, later=later, seed=seed)

    def __repr__(self) -> str:
        summary = f"TuningSession({self.baseline.name}, {len(self.user_id):,} users, {self.evaluator.holdout.name})"
        return summary + format_notes(self.evaluator.notes)

    @property
    def user_id(self) -> Longs:
        """(n,) ascending ids of the users of the measures."""
        return self.evaluator.user_id

    @property
    def drawn_users(self) -> dict[str, Longs]:
        """Ids of the users on whom the weights were selected so far, by split.

        The validation users count once they have confirmed a model.
        """
        confirmed = self._confirming if self._confirmed else None
        return {
            "train": self.user_id,
            "validation": np.zeros(0, dtype=np.int64) if confirmed is None else confirmed.user_id,
        }

    @property
    def n_compared(self) -> int:
        """Number of models that this session has compared with a baseline, including the trials of searches."""
        return len(self._compared) + self.n_trials

    @property
    def compared(self) -> tuple[tuple[str, str], ...]:
        """Digests of the baseline and the model of each comparison of this session."""
        return tuple(self._compared)

    @property
    def confirmed(self) -> tuple[tuple[str, str], ...]:
        """Digests of the baseline and the model of each confirmation of this session, oldest first."""
        return tuple(self._confirmed)

    def restore_counts(
        self, compared: Iterable[tuple[str, str]], confirmed: Iterable[tuple[str, str]], n_trials: int = 0
    ) -> None:
        """Count the comparisons and confirmations of an earlier session on the same users as those of this one."""
        self.n_trials += n_trials
        self._compared |= dict.fromkeys(compared)
        for pair in confirmed:
            self._confirmed.setdefault(pair, len(self._confirmed))

    @property
    def data(self) -> Dataset:
        """The data known at the cut of the holdout. Lists are computed at that time."""
        return self.evaluator.holdout.data

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the holdout and the intervals, and the components whose weight cannot change a list."""
        constant = find_constant_components(self.evaluator, self.baseline)
        accuracy = describe_interval_accuracy(len(self.user_id))
        return (*self.evaluator.notes, *accuracy, *describe_constant_components(constant))

    def require(self, user_id: int, job_id: int | None = None) -> None:
        """Check that the data contains the user and the job.

        Raises
        ------
        UnknownIdError: If it does not.
        """
        self.data.find_user(user_id)
        if job_id is not None:
            self.data.find_job(job_id)

    def _baseline_of(self, request: Request) -> ScoringModel:
        """Return the baseline of a request."""
        return self.baseline if request.baseline is None else request.baseline

    def _evaluated_baseline(self, request: Request) -> EvaluatedBaseline:
        return self._baselines.of(self._baseline_of(request))

    @cached_property
    def slicings(self) -> tuple[Slicing, ...]:
        """Slicings of the users by region, age group, tenure and occupation group."""
        return tuple(one.of_users(self.user_id) for one in make_slicings(self.evaluator.inputs))

    @cached_property
    def slice_columns(self) -> tuple[str, ...]:
        """Own columns of the users and, as job.COLUMN, of the jobs. Columns that identify rows are left out."""
        board = self.data.board
        users = [column.name for column in board.get_own("users")]
        jobs = [f"job.{column.name}" for column in board.get_own("jobs")]
        return tuple(column for column in (*users, *jobs) if self._try_slicing(column) is not None)

    def _try_slicing(self, column: str) -> Slicing | JobSlicing | None:
        """Return the slicing by an own column; None if its values identify users or jobs."""
        try:
            if column.startswith("job."):
                return JobSlicing.by(self.evaluator.inputs, column.removeprefix("job."))
            return slice_by(self.data.tables.users, column)
        except ConfigurationError:
            return None

    def _choose_slicings(self, column: str) -> list[Slicing | JobSlicing]:
        """Return the usual slicings, and that by an own column."""
        own = self._try_slicing(column) if column else None
        return [*self.slicings, *([] if own is None else [own])]

    @cached_property
    def _job_attributes(self) -> dict[str, JobAttribute]:
        return {by: JobAttribute.of(self.evaluator.inputs, by) for by in EXPOSURE_KEYS}

    def compute(self, request: Request, cancelled: Cancelled = lambda: False) -> PanelState:
        """Compute all stages, and return the last state. Raises the errors of `stages`."""
        *_, last = self.stages(request, cancelled)
        return last

    def stages(self, request: Request, cancelled: Cancelled = lambda: False) -> Iterator[PanelState]:
        """Yield a state after each stage.

        Stages: lists and measures, move, actions, beside, waterfall, slices, overlap, exposure. Results that the
        previous request computed for the same model are reused.

        Raises
        ------
        RunCancelledError: If `cancelled` returns True.
        UnknownIdError: If the data does not contain the user or the job.
        ModelError: If a component raises or returns an invalid value.
        """
        milliseconds: dict[str, float] = {}
        self.require(request.user_id, request.job_id)
        state = self._first_state(request, milliseconds, cancelled)
        if request.confirm:
            with _time_stage(milliseconds, "confirmation", cancelled):
                confirmation = self.confirm(request.model, self._baseline_of(request), cancelled)
                state = replace(state, confirmation=confirmation)
        yield self._keep(state)
        if self._settled is not None and self._settled.model != state.model:
            with _time_stage(milliseconds, "move", cancelled):
                state = replace(state, move=self._summarize_move(state))
            yield self._keep(state)
        if state.actions is None:
            with _time_stage(milliseconds, "actions", cancelled):
                ready = self.prepare_user(state)[1]
                actions = make_user_actions(self.later, state.users, ready, lambda: self._rank_all_jobs(state))
                state = replace(state, actions=actions)
            yield self._keep(state)
        if request.beside:
            with _time_stage(milliseconds, "beside", cancelled):
                state = replace(state, beside=self._compare_beside(state, cancelled))
            yield self._keep(state)
        if request.job_id is not None:
            with _time_stage(milliseconds, "waterfall", cancelled):
                pair = self.prepare_user(state)
                why = waterfall(*pair, request.user_id, request.job_id, self._rank_all_jobs(state))
                state = replace(state, waterfall=why)
            yield self._keep(state)
        if state.slices is None:
            with _time_stage(milliseconds, "slices", cancelled):
                both = {"baseline": self._evaluated_baseline(request)[0], "current": state.evaluation}
                found = Scoreboard(self.evaluator, both, self.resamples, self.level).slices(
                    "current", self._choose_slicings(request.slices_by)
                )
                state = replace(state, slices=found)
            yield self._keep(state)
        if state.exposure is None:
            with _time_stage(milliseconds, "overlap", cancelled):
                comparison = Comparison.of_rankings(
                    self._evaluated_baseline(request)[0].ranking, state.evaluation.ranking, self.evaluator.inputs
                )
                comparison.frame()
                state = replace(state, comparison=comparison)
            yield self._keep(state)
            changes = {}
            for by in EXPOSURE_KEYS:
                with _time_stage(milliseconds, f"exposure by {by}", cancelled):
                    changes[by] = comparison.exposure(self._job_attributes[by])
            state = replace(state, exposure=changes)
            self._settled = state
            yield self._keep(state)
        else:
            self._settled = state

    def _first_state(self, request: Request, milliseconds: dict[str, float], cancelled: Cancelled) -> PanelState:
        known = self._latest if self._latest is not None and self._latest.model == request.model else None
        baseline = self._baseline_of(request)
        if known is not None and self._baseline_of(known.request) == baseline:
            actions = known.actions if known.request.user_id == request.user_id else None
            state = replace(
                known,
                request=request,
                actions=actions,
                slices=known.slices if known.request.slices_by == request.slices_by else None,
                beside=None,
                waterfall=None,
                confirmation=None,
                milliseconds=milliseconds,
            )
            with _time_stage(milliseconds, "user", cancelled):
                return replace(state, users=self._list_of(request, state.evaluation))
        if self._latest is not None and self._latest.model == baseline:
            self._baselines.keep((self._latest.evaluation, self._latest.measure_values))
        if baseline not in self._baselines:
            with _time_stage(milliseconds, "baseline", cancelled):
                self._baselines.of(baseline, cancelled)
        if known is not None:
            evaluation, now = known.evaluation, known.measure_values
        else:
            with _time_stage(milliseconds, "lists", cancelled):
                evaluation = self.evaluator.evaluate(request.model, cancelled=cancelled)
        with _time_stage(milliseconds, "measures", cancelled):
            if known is None:
                now = MeasureValues.of(self.evaluator, evaluation)
            frame = compute_differences(self._evaluated_baseline(request)[1], now, self.resamples, self.level)
        with _time_stage(milliseconds, "user", cancelled):
            users = self._list_of(request, evaluation)
        if request.model != baseline:
            self._compared[baseline.digest, request.model.digest] = None
        return PanelState(
            request,
            evaluation,
            now,
            frame,
            users,
            self.n_compared,
            *self._evaluated_baseline(request),
            n_trials=self.n_trials,
            move=None if known is None else known.move,
            notes=self.notes,
            milliseconds=milliseconds,
        )

    def _summarize_move(self, state: PanelState) -> MoveSummary | None:
        """Return what changed since the last complete state. Differences have their own tests."""
        before = self._settled
        if before is None or before.model == state.model:
            return state.move
        changes = list_changes(before.model, state.model, state.request.moved)
        currency = self.data.board.currency
        if before.model == state.baseline:
            return MoveSummary.of(changes, state.measures, currency, self.goals)
        differences = compute_differences(before.measure_values, state.measure_values, self.resamples, self.level)
        return MoveSummary.of(changes, differences, currency, self.goals, state.measures)

    def _compare_beside(self, state: PanelState, cancelled: Cancelled) -> SideBySide:
        """Return the models of a request beside the baseline and the model. Each is one more comparison."""
        request = state.request
        columns = [
            ModelColumn("baseline", None, self._rank_user(request, self._evaluated_baseline(request)[0])),
            ModelColumn("now", state.measures, self._rank_user(request, state.evaluation)),
        ]
        for name, model in request.beside:
            evaluation, values = self._beside.of(model, cancelled)
            frame = compute_differences(state.baseline_values, values, self.resamples, self.level)
            columns.append(ModelColumn(name, frame, self._rank_user(request, evaluation)))
            if model != state.baseline:
                self._compared[state.baseline.digest, model.digest] = None
        acted = {action.job_id: action.text for action in self.later.of_user(request.user_id)}
        means = dict(zip(state.measures["measure"], state.measures["baseline"].tolist(), strict=True))
        return SideBySide(tuple(columns), means, self.evaluator.inputs, acted, self.data.external_ids)

    def _keep(self, state: PanelState) -> PanelState:
        self._latest = state
        return state

    # One user, who may be outside the users of the measures

    def _list_of(self, request: Request, evaluation: Evaluation) -> UserList:
        place = np.flatnonzero(self.user_id == request.user_id)
        if len(place):
            before, after = self._evaluated_baseline(request)[0].ranking.take(place), evaluation.ranking.take(place)
            return make_user_list(evaluation.prepared, before, after)
        return self._of_one(request).user_list(request.model)

    def _rank_user(self, request: Request, evaluation: Evaluation) -> Ranking:
        """Return the list of the user of a request under the model of an evaluation, in one row."""
        place = np.flatnonzero(self.user_id == request.user_id)
        return evaluation.ranking.take(place) if len(place) else self._of_one(request).rank(evaluation.model)

    def _rank_all_jobs(self, state: PanelState) -> tuple[FullRanking, FullRanking]:
        """Return the full rankings of the user of a state under the baseline and the model.

        They are kept: actions and waterfall share them, and the next move has the same baseline.
        """
        found: list[FullRanking] = []
        for prepared in self.prepare_user(state):
            known = [*found, *(self._full_rankings or ())]
            same = (one for one in known if one.is_of(prepared, state.request.user_id))
            found.append(next(same, None) or FullRanking(prepared, state.request.user_id, known))
        self._full_rankings = found[0], found[1]
        return self._full_rankings

    def prepare_user(self, state: PanelState) -> tuple[Prepared, Prepared]:
        """Return the baseline and the model of a state, both prepared for its user."""
        if np.isin(state.request.user_id, self.user_id):
            return self._evaluated_baseline(state.request)[0].prepared, state.evaluation.prepared
        return self._of_one(state.request).prepared(state.model)

    def _of_one(self, request: Request) -> SingleUserLists:
        baseline, known = self._baseline_of(request), self._single
        if known is None or known.user_id != request.user_id or known.baseline != baseline:
            self._single = known = SingleUserLists(self.evaluator, baseline, request.user_id)
        return known

    # Confirmation

    def require_confirmable(self, model: ScoringModel, baseline: ScoringModel | None = None) -> None:
        """Check that `confirm` can test a model.

        Raises
        ------
        ConfigurationError: If the model is the baseline, or the session has no users for a confirmation.
        """
        if model == (self.baseline if baseline is None else baseline):
            raise ConfigurationError(
                "These weights are the baseline. Change a weight before you confirm.", key=("model",)
            )
        if self._confirming is None:
            raise ConfigurationError(
                "This session has no users for a confirmation. Create it with TuningSession.of, or pass confirmation.",
                key=("confirmation",),
            )

    def confirm(
        self, model: ScoringModel, baseline: ScoringModel | None = None, cancelled: Cancelled = lambda: False
    ) -> Confirmation:
        """Test a model once against a baseline (None: that of the session) on users that the session has not drawn.

        The test is of the first metric, which is declared, so its p-value is not corrected. The same model and baseline
        return the same result. Another model is a further test on the same users: its text warns.

        Raises
        ------
        ConfigurationError: As `require_confirmable`.
        RunCancelledError: If `cancelled` returns True.
        """
        self.require_confirmable(model, baseline)
        assert self._confirming is not None  # checked before
        first = self.baseline if baseline is None else baseline
        key = first.digest, model.digest
        if key not in self._confirmations:
            n_earlier = self._confirmed.get(key, len(self._confirmed))
            metric = self._confirming.metrics[0].name
            sides = [self._confirming.evaluate(one, cancelled=cancelled) for one in (first, model)]
            before, after = (side.values[metric] for side in sides)
            self._confirmations[key] = Confirmation(
                measure=metric,
                change=self._confirming_resamples.compare(before, after, self.level),
                level=self.level,
                detectable=compute_detectable_difference(before, after, self.level) if len(before) > 1 else np.nan,
                n_earlier=n_earlier,
                prices=self._find_prices(self._confirming, *sides),
            )
            self._confirmed[key] = n_earlier
        return self._confirmations[key]

    def _find_prices(self, confirming: Evaluator, before: Evaluation, after: Evaluation) -> tuple[str, ...]:
        """Return the measures that became worse by more than 10 % on the users of a confirmation."""
        first, second = (MeasureValues.of(confirming, one) for one in (before, after))
        rows = compute_differences(first, second, self._confirming_resamples, self.level).to_dict("records")
        worse = [row for row in rows if is_price(str(row["measure"]), row["relative"])]
        worse.sort(key=lambda row: -abs(row["relative"]))
        return tuple(describe_price(row, self.data.board.currency) for row in worse)

    @cached_property
    def _confirming_resamples(self) -> Resamples:
        assert self._confirming is not None  # checked before
        return Resamples.of(self._confirming.user_id, seed=self.seed)

    # Saving

    def metrics(self, state: PanelState) -> dict[str, dict[str, dict[str, float]]]:
        """Return the metrics for a registry. The split is `train`, because the panel tunes on these users."""
        return {"train": compute_intervals(state.measure_values, self.resamples, self.level)}


@contextmanager
def _time_stage(milliseconds: dict[str, float], stage: str, cancelled: Cancelled) -> Iterator[None]:
    if cancelled():
        raise RunCancelledError(f"The computation was cancelled before the stage {stage}.")
    start = time.perf_counter()
    yield
    milliseconds[stage] = 1000 * (time.perf_counter() - start)
    if cancelled():
        raise RunCancelledError(f"The computation was cancelled in the stage {stage}.")

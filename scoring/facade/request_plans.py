"""Plans of the rows of a request. The jobs of a frame that comes again are not planned again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.caching.cache_key import RequestKey
from scoring.caching.memory_footprints import Footprint, SelfMeasured, measure_footprint
from scoring.columns.city_code_padding import pad_cities
from scoring.columns.id_arguments import has_text, is_text
from scoring.dataset.arrays import UserArrays
from scoring.dataset.python_row_encoding import encode_users
from scoring.dataset.row_lookup import RowLookup
from scoring.facade.cache_keys import make_request_key
from scoring.facade.frame_equality import FrameContent
from scoring.facade.job_only_scores import make_unknown_user_inputs
from scoring.facade.small_request_inputs import read_users
from scoring.facade.snapshot import Snapshot
from scoring.model import Inputs, ScoringModel
from scoring.plan.job_side_plan import JobPlan
from scoring.ranking import Prepared
from scoring.ranking.component_contract import require_contract
from scoring.threads import run_meanwhile
from scoring.threads.pool import map_in_threads
from scoring.validation.lazy_columns import ValidatedFrame
from scoring.validation.rejections import make_data_error
from scoring.validation.table_validator import check_lazily, validate

__all__ = ["MAX_SCANNED_USERS", "make_inputs", "prepare_request"]

MAX_SCANNED_USERS: Final = 32
"""Most users for whom scoring every job is faster than building the search index of the jobs."""
JOB_FIELDS: Final = (
    *(("company",), ("place",), ("job_vectors",), ("id_index",), ("hourly", "major"), ("has_address", "has_station")),
)
"""Fields of jobs that take longest, in groups that do not depend on each other."""


@dataclass(frozen=True, eq=False)
class RequestedJobs(SelfMeasured):
    """The jobs of a request, planned, and the frame that they came in."""

    plan: JobPlan
    content: FrameContent | None
    """None: the frame cannot be recognised."""

    @property
    def footprint(self) -> Footprint:
        """The memory of the jobs, without the data that their codes and statistics come from."""
        inputs, plan = self.plan.inputs, self.plan
        return measure_footprint((self.content, inputs.jobs, inputs.job_vectors, plan.program, plan.columns))


class _MutableObjectsError(Exception):
    """The frame cannot be recognised, so that its plan is not kept."""


def prepare_request(
    snapshot: Snapshot, model: ScoringModel, users: pd.DataFrame, jobs: pd.DataFrame, workers: int | None
) -> Prepared:
    """Return the model prepared on the rows of two frames, in their order, with the statistics of the snapshot.

    Columns may have legacy names; an absent column is missing in every row. For a few users, the plan has no search
    index.

    Raises
    ------
    DataError: If a row is invalid (a duplicate id, infinity, not a number); the message has table, column and row.
    ModelError: If a component's terms do not fit the data.
    """
    has_few_users = len(users) <= MAX_SCANNED_USERS
    rows = read_users(snapshot, users) if has_few_users else None
    frame = _read_users(snapshot, users, jobs) if rows is None else None

    def add_users(plan: JobPlan) -> Prepared:
        user_rows: UserArrays | pd.DataFrame | None = frame
        if rows is not None:
            user_rows = encode_users(rows, plan.inputs.words)
            user_rows = rows.frame if user_rows is None else user_rows
        assert user_rows is not None
        inputs = plan.inputs.with_users(user_rows, basis=snapshot.statistics.basis)
        path: Any = "scan" if has_few_users else "auto"
        prepared = Prepared(inputs, plan.for_users(inputs), workers, path=path)
        require_contract(prepared.plan, inputs)
        return prepared

    requests = _PlannedJobs(snapshot, model, jobs)
    found = requests.find()
    # Planning the users meanwhile saves nothing: both wait for the interpreter lock and for memory.
    if not requests.are_new and not requests.have_content(found):
        found = requests.replace()
    return add_users(found.plan)


def make_inputs(snapshot: Snapshot, users: pd.DataFrame, jobs: pd.DataFrame) -> Inputs:
    """Return the rows of two frames, in their order, with the history and statistics of the snapshot.

    Raises
    ------
    DataError: As `prepare_request`.
    """
    user_rows = _read_users(snapshot, users, jobs)
    return Inputs.of(snapshot.statistics, users=user_rows, jobs=_read_jobs(snapshot, jobs))


class _PlannedJobs:
    """The plan of the jobs of a frame, which is computed once for the same content and the same data."""

    def __init__(self, snapshot: Snapshot, model: ScoringModel, frame: pd.DataFrame) -> None:
        self._snapshot, self._model, self._frame = snapshot, model, frame
        self._content = FrameContent.of(frame)
        self.are_new = False
        """Whether the jobs were planned for this request."""

    def find(self) -> RequestedJobs:
        """Return a plan of a frame with the same sample, which `have_content` compares; without one, a new plan."""
        if self._content is None:
            return self._plan_once()
        try:
            return self._snapshot.caches.requests.get_or_compute(self._key, self._plan_and_keep)
        except _MutableObjectsError:
            return self._plan_once()

    def have_content(self, found: RequestedJobs) -> bool:
        """Return whether the plan is that of the content of the frame."""
        assert self._content is not None
        return found.content is not None and found.content.equals(self._content)

    def replace(self) -> RequestedJobs:
        """Return a new plan, and keep it in place of one of which only the sample is equal."""
        store, key = self._snapshot.caches.requests, self._key
        store.invalidate(lambda other: other == key)
        try:
            found = self._plan_and_keep()
        except _MutableObjectsError:
            return self._plan_once()
        store.get_or_compute(key, lambda: found)
        return found

    @cached_property
    def _key(self) -> RequestKey:
        assert self._content is not None
        return make_request_key(self._snapshot.statistics, self._model, self._content.sample)

    def _plan_once(self) -> RequestedJobs:
        self.are_new = True
        return RequestedJobs(_plan_jobs(self._snapshot, self._model, self._frame), None)

    def _plan_and_keep(self) -> RequestedJobs:
        self.are_new = True
        own = self._frame.copy()  # what is computed later reads values that the caller cannot change
        of_own = FrameContent.of(own)
        if of_own is None or of_own.has_mutable_objects:
            raise _MutableObjectsError
        with run_meanwhile(lambda: of_own.copy(shared=self._content)) as wait_for_copy:
            plan = _plan_jobs(self._snapshot, self._model, own)
        return RequestedJobs(plan, wait_for_copy())


def _plan_jobs(snapshot: Snapshot, model: ScoringModel, frame: pd.DataFrame) -> JobPlan:
    user = snapshot.compute_once(make_unknown_user_inputs)
    inputs = Inputs.of(
        snapshot.statistics,
        jobs=_read_jobs(snapshot, frame),
        users=user.users,  # without known values, so that their codes are valid for any words
        with_profile=np.zeros(1, dtype=bool),
    )
    map_in_threads(partial(_read_fields, inputs), JOB_FIELDS, len(inputs.jobs))
    return JobPlan.of(model, inputs)


def _read_fields(inputs: Inputs, names: tuple[str, ...]) -> None:
    """Compute fields of the jobs, so that no component waits for them."""
    for name in names:
        getattr(inputs if name == "job_vectors" else inputs.jobs, name)


def _read_users(snapshot: Snapshot, users: pd.DataFrame, jobs: pd.DataFrame) -> pd.DataFrame:
    """Return the canonical users of a request. If they are invalid, the error also reports invalid jobs."""
    found = validate("users", _replace_known_texts(users, snapshot.dataset.user_lookup), **_get_rules(snapshot))
    if len(found.rejections):
        of_jobs = validate("jobs", _replace_known_texts(jobs, snapshot.dataset.job_lookup), **_get_rules(snapshot))
        raise make_data_error(pd.concat([found.rejections, of_jobs.rejections], ignore_index=True))
    return pad_cities(found.frame, snapshot.city_width)


def _read_jobs(snapshot: Snapshot, jobs: pd.DataFrame) -> ValidatedFrame:
    found = check_lazily("jobs", _replace_known_texts(jobs, snapshot.dataset.job_lookup), **_get_rules(snapshot))
    found.pad_cities_to(snapshot.city_width)
    return found


def _get_rules(snapshot: Snapshot) -> dict[str, Any]:
    return {"code_width": snapshot.code_widths, "owners": snapshot.owners, "board": snapshot.dataset.board}


def _replace_known_texts(frame: pd.DataFrame, lookup: RowLookup) -> pd.DataFrame:
    """Return a frame of a request with numbers for the text ids of the data, and the texts as external ids."""
    key = f"{lookup.kind}_id"
    if not lookup.has_external_ids or list(frame.columns).count(key) != 1 or not has_text(frame[key]):
        return frame
    values = frame[key].astype(object)
    texts = values.map(is_text).to_numpy(dtype=bool)
    rows, is_known = lookup.resolve(values[texts])
    at = np.flatnonzero(texts)[is_known]
    values.iloc[at] = lookup.ids[rows[is_known]]
    if "external_id" in frame:
        return frame.assign(**{key: values})
    external_ids = pd.Series(None, index=frame.index, dtype=object)
    external_ids.iloc[at] = lookup.find_texts(lookup.ids[rows[is_known]]).to_numpy()
    return frame.assign(**{key: values, "external_id": external_ids})

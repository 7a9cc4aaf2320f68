"""Scores that depend on the job alone, for a frame of jobs: at most a few of its columns are read.

The whole frame is validated. Columns that the result does not need are not encoded, and components that it does not
need are not planned. Components from outside this package are always planned: every method reports their errors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import TABLES
from scoring.columns.dataset_frames import make_empty_frame
from scoring.columns.text_normalisation import fold_text
from scoring.components import Access, Fee
from scoring.components.classic import ClassicAccess, ClassicFee, ClassicWage
from scoring.dataset.arrays import make_lazy_job_arrays
from scoring.dataset.lazy_fields import Lazy
from scoring.dataset.vocabularies import extend_lazily
from scoring.errors import ConfigurationError
from scoring.facade.classic_values import load_empty_snapshot
from scoring.facade.legacy_input import Row, make_canonical_frame
from scoring.facade.snapshot import Snapshot
from scoring.id_index import find_unused_id
from scoring.model import Eligibility, Inputs, Part, ScoringModel, WeightProfile
from scoring.ranking import SCORES, Prepared
from scoring.statistics import Statistics
from scoring.validation.frame_library_conversion import to_pandas_frame
from scoring.validation.lazy_columns import ValidatedFrame
from scoring.validation.table_validator import check_lazily

__all__ = [
    "compute_base_scores",
    "compute_job_component",
    "keep_group",
    "make_frame_inputs",
    "make_job_inputs",
    "make_unknown_user_inputs",
    "read_row_alone",
]

ROW_ALONE: Final = (ClassicFee, ClassicWage, ClassicAccess, Fee, Access)
"""Components whose values depend on the row of the job alone: not on other rows, reference tables or the clock."""

NO_RULES = Eligibility(
    open=False, employment_types=None, min_fee=None, not_applied=False, company_cooldown_days=None, max_per_company=None
)


def compute_base_scores(snapshot: Snapshot, model: ScoringModel, jobs: pd.DataFrame) -> NDArray[np.float32]:
    """Return (m,) float32: the base score of each row, in the order of the frame. Raises DataError."""
    needed = keep_group(model, "base", model.weights.components["base"])
    prepared = Prepared.of(_make_unknown_user_inputs(snapshot, jobs), needed, workers=1)
    return prepared.scorer.all_pairs()[SCORES.index("base_score"), 0]


def compute_job_component(
    snapshot: Snapshot, model: ScoringModel, name: str, jobs: pd.DataFrame
) -> NDArray[np.float32]:
    """Return (m,) float32, 0 to 100: the value of one component for each row, in the order of the frame.

    Raises
    ------
    DataError: If a row is invalid.
    ConfigurationError: If the model has no component of that name.
    """
    names = [part.name for part in model.parts]
    if name not in names:
        raise ConfigurationError(
            f"Model {model.name} has no component {name!r}, whose values this method returns. Use a model "
            f"that contains it. The components of {model.name} are {', '.join(names)}.",
            key=(name,),
        )
    needed = keep_group(model, model.parts[names.index(name)].group, {name: 1.0})
    inputs = _make_unknown_user_inputs(snapshot, jobs)
    prepared = Prepared.of(inputs, needed, workers=1)
    values = prepared.scorer.components(np.array([0]), np.arange(len(inputs.jobs)))
    place = [part.name for part in needed.parts].index(name)
    return values[place, 0].astype(np.float32)


def read_row_alone(model: ScoringModel, names: Collection[str]) -> bool:
    """Return whether these components need no data: their values depend on the row of the job alone.

    Components from outside this package are always planned, and may read any data.
    """
    return all(type(part.component) in ROW_ALONE if part.name in names else _is_shipped(part) for part in model.parts)


def keep_group(model: ScoringModel, group: str, weights: Mapping[str, float]) -> ScoringModel:
    """Return the model with these components and weights of one group, and without rules.

    Components from outside this package remain, in any group, with weight 0. If all weights are 0, the model is
    returned as it is: a group with a weight needs a component with a weight.
    """
    if not any(weights.values()):
        return model
    kept = tuple(part for part in model.parts if part.name in weights or not _is_shipped(part))
    components: dict[str, dict[str, float]] = {}
    for part in kept:
        components.setdefault(part.group, {})[part.name] = weights.get(part.name, 0.0)
    return ScoringModel(model.name, kept, WeightProfile({group: 1.0}, components), NO_RULES)


def _is_shipped(part: Part) -> bool:
    return type(part.component).__module__.partition(".")[0] == "scoring"


class _LazyInputs(Lazy, Inputs):
    """Inputs whose columns are encoded when a component reads them."""


def _make_unknown_user_inputs(snapshot: Snapshot, jobs: pd.DataFrame) -> Inputs:
    """Return the jobs of the frame, and one user without known values. Raises DataError."""
    given = check_lazily(
        "jobs", jobs, code_width=snapshot.code_widths, owners=snapshot.owners, board=snapshot.dataset.board
    )
    given.pad_cities_to(snapshot.city_width)
    statistics = snapshot.statistics
    user = snapshot.compute_once(make_unknown_user_inputs)
    words = extend_lazily(statistics.dataset.words, given)

    def encode_field(field: str) -> Callable[[], Any]:
        return lambda: getattr(_of_frame(statistics, user, given), field)

    return _LazyInputs.from_makers(
        {"job_vectors": encode_field("job_vectors"), "job_has_vector": encode_field("job_has_vector")},
        dataset=statistics.dataset,
        basis=statistics.basis,
        words=words,
        jobs=make_lazy_job_arrays(given, words),
        users=user.users,
        history=user.history,
        has_profile=user.has_profile,
        user_vectors=user.user_vectors,
        user_has_vector=user.user_has_vector,
    )


def make_frame_inputs(jobs: pd.DataFrame, columns: Collection[str]) -> Inputs:
    """Return inputs that contain only `jobs`, with these columns. Rows need no ids.

    Raises
    ------
    DataError: If a value of these columns is invalid.
    """
    frame, names = to_pandas_frame(jobs, "jobs"), TABLES["jobs"].canonical_names
    is_read = [names.get(fold_text(str(name))) in columns for name in frame]
    return _make_row_inputs(check_lazily("jobs", frame.loc[:, is_read].assign(job_id=np.arange(len(frame)))))


def make_job_inputs(job: Row, columns: Collection[str]) -> Inputs:
    """Return `make_frame_inputs` for one job as it was read.

    Raises
    ------
    DataError: If a value of these columns is invalid.
    """
    row = {"job_id": 0} | {name: job[name] for name in columns if name in job}
    return _make_row_inputs(ValidatedFrame.of("jobs", make_canonical_frame("jobs", [row], {})))


def _make_row_inputs(given: ValidatedFrame) -> Inputs:
    words = load_empty_snapshot().dataset.words
    return _LazyInputs.from_makers({}, jobs=make_lazy_job_arrays(given, words))


def make_unknown_user_inputs(statistics: Statistics) -> Inputs:
    """Return one user without known values, and no job."""
    row = {"user_id": find_unused_id(statistics.dataset.users.user_id)}
    board = statistics.dataset.board
    user = make_canonical_frame("users", [row], {}, board)
    jobs = make_empty_frame("jobs", board)
    return Inputs.of(statistics, jobs=jobs, users=user, with_profile=np.zeros(1, dtype=bool))


def _of_frame(statistics: Statistics, user: Inputs, given: ValidatedFrame) -> Inputs:
    return Inputs.of(statistics, jobs=given.frame, users=user.users.frame, with_profile=np.zeros(1, dtype=bool))
